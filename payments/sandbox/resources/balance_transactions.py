"""What a charge does to the balance: https://docs.stripe.com/api/balance_transactions."""

from payments.sandbox.clock import token
from payments.sandbox.lists import Filter, page, within
from payments.sandbox.objects import Answer, Call, Operation
from payments.sandbox.presenting import present
from payments.sandbox.store import Record, Transaction

KIND = "balance_transaction"
URL = "/v1/balance_transactions"

FEE_PERCENT = 2
FEE_FIXED = 100
"""Two per cent and a hundred minor units (one pound): a plausible fee, and one whose
rounding shows. Providers' real fees differ by contract."""

AVAILABLE_AFTER_SECONDS = 2 * 24 * 3600


def fee_of(amount: int) -> int:
    """In minor units, half a unit rounded up."""
    return (amount * FEE_PERCENT + 50) // 100 + FEE_FIXED


def book(tx: Transaction, charge: Record) -> Record:
    """The transaction of a successful charge; ``net`` is the amount less the fee."""
    amount = int(charge.body["amount_captured"])
    fee = fee_of(amount)
    transaction_id = f"txn_{token()}"
    return tx.insert(
        Record(
            id=transaction_id,
            account=charge.account,
            kind=KIND,
            created=tx.now,
            tag="charge",
            parent=charge.id,
            body={
                "id": transaction_id,
                "object": KIND,
                "amount": amount,
                "available_on": tx.now + AVAILABLE_AFTER_SECONDS,
                "balance_type": "payments",
                "created": tx.now,
                "currency": charge.body["currency"],
                "description": charge.body["description"],
                "exchange_rate": None,
                "fee": fee,
                "fee_details": [
                    {
                        "amount": fee,
                        "application": None,
                        "currency": charge.body["currency"],
                        "description": "Processing fees",
                        "type": "stripe_fee",
                    }
                ],
                "net": amount - fee,
                "reporting_category": "charge",
                "source": charge.id,
                "status": "pending",
                "type": "charge",
            },
        )
    )


def retrieve(call: Call) -> Answer:
    return Answer(present(call.tx, call.the(KIND)))


def list_all(call: Call) -> Answer:
    filters: list[Filter] = within("created", call.params.range("created"))
    if currency := call.params.text("currency"):
        filters.append(("json_extract(body, '$.currency') = ?", (currency.lower(),)))
    if source := call.params.text("source"):
        filters.append(("parent = ?", (source,)))
    if kind := call.params.text("type"):
        filters.append(("tag = ?", (kind,)))
    return Answer(page(call, KIND, URL, filters))


OPERATIONS = (
    Operation("GET", URL, list_all),
    Operation("GET", f"{URL}/{{id:str}}", retrieve),
)
