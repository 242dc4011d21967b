"""What moved the balance: https://docs.stripe.com/api/balance_transactions."""

from payments.sandbox.cards import BY_NAME
from payments.sandbox.clock import token
from payments.sandbox.errors import ApiError
from payments.sandbox.lists import Filter, page, within
from payments.sandbox.objects import Answer, Call, Operation, require
from payments.sandbox.presenting import present
from payments.sandbox.store import PAYOUT_OF, Record, Transaction

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
    card = BY_NAME.get(charge.private.get("card", ""))
    at_once = card is not None and card.later == "available"
    return record(
        tx,
        charge,
        "charge",
        amount,
        fee=fee_of(amount),
        description=charge.body["description"],
        available_on=tx.now + (0 if at_once else AVAILABLE_AFTER_SECONDS),
    )


def record(
    tx: Transaction,
    source: Record,
    kind: str,
    amount: int,
    *,
    fee: int = 0,
    fee_for: str = "Processing fees",
    category: str = "",
    description: str | None = None,
    available_on: int | None = None,
) -> Record:
    """``amount`` came in because of ``source``, or went out if it is negative.

    ``category`` is the ``reporting_category`` where it is not the type; without
    ``available_on`` the money moves now.
    """
    transaction_id = f"txn_{token()}"
    currency = source.body["currency"]
    charged = {
        "amount": fee,
        "application": None,
        "currency": currency,
        "description": fee_for,
        "type": "stripe_fee",
    }
    available_on = tx.now if available_on is None else available_on
    return tx.insert(
        Record(
            id=transaction_id,
            account=source.account,
            kind=KIND,
            created=tx.now,
            tag=kind,
            parent=source.id,
            body={
                "id": transaction_id,
                "object": KIND,
                "amount": amount,
                "available_on": available_on,
                "balance_type": "payments",
                "created": tx.now,
                "currency": currency,
                "description": description,
                "exchange_rate": None,
                "fee": fee,
                "fee_details": [charged] if fee else [],
                "net": amount - fee,
                "reporting_category": category or kind,
                "source": source.id,
                "status": "available" if tx.now >= available_on else "pending",
                "type": kind,
            },
        )
    )


def available_with(tx: Transaction, charge: Record) -> int:
    """When money that goes back moves: not before the charge itself is available, so
    that a refund is taken from where the payment still is."""
    booked = tx.find(KIND, charge.body["balance_transaction"] or "")
    return max(tx.now, int(booked.body["available_on"])) if booked else tx.now


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
    if payout := call.params.text("payout"):
        filters.append((f"{PAYOUT_OF} = ?", (_automatic(call, payout),)))
    return Answer(page(call, KIND, URL, filters))


def _automatic(call: Call, payout_id: str) -> str:
    payout = require(call.tx, "payout", payout_id, param="payout", status=400)
    if not payout.body["automatic"]:
        raise ApiError(
            "Balance transaction history can only be filtered on automatic transfers, not manual.",
            param="payout",
        )
    return payout.id


OPERATIONS = (
    Operation("GET", URL, list_all),
    Operation("GET", f"{URL}/{{id:str}}", retrieve),
)
