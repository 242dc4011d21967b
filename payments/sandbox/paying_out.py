"""Sending the balance to the bank: https://docs.stripe.com/payouts.

A payout asked for takes any available sum. The automatic one takes all that is
available, and remembers which transactions it was made of, so that each amount that
reaches the bank can be explained: https://docs.stripe.com/payouts/reconciliation.
"""

import hashlib

from payments.sandbox.clock import token
from payments.sandbox.errors import ApiError, Json
from payments.sandbox.recording import emit, emit_change
from payments.sandbox.resources import balance_transactions
from payments.sandbox.store import PAYOUT_OF, Record, Transaction

KIND = "payout"

DAY = 24 * 3600

BALANCE = (
    "SELECT account, json_extract(body, '$.currency'),"
    " sum(json_extract(body, '$.net') * (json_extract(body, '$.available_on') <= ?)),"
    " sum(json_extract(body, '$.net'))"
    " FROM objects WHERE kind = ? AND (? IS NULL OR account = ?) GROUP BY 1, 2 ORDER BY 1, 2"
)


def balances(tx: Transaction, account: str | None = None) -> list[tuple[str, str, int, int]]:
    """Account, currency, what is available and what is still pending."""
    rows = tx.sql(BALANCE, (tx.now, balance_transactions.KIND, account, account))
    return [(row[0], row[1], int(row[2]), int(row[3]) - int(row[2])) for row in rows]


def available(tx: Transaction, account: str, currency: str) -> int:
    return sum(row[2] for row in balances(tx, account) if row[1] == currency)


def pay_out(tx: Transaction, account: str | None = None) -> list[Record]:
    """The automatic payouts: everything available, of every currency and account or one."""
    return [
        _automatic(tx, owner, currency, amount)
        for owner, currency, amount, _ in balances(tx, account)
        if amount > 0
    ]


def send(tx: Transaction, account: str, amount: int, currency: str, fields: Json) -> Record:
    """The payout somebody asked for. Raises if there is not enough."""
    if amount > available(tx, account, currency):
        raise ApiError(
            "You have insufficient funds in your Stripe account for this transfer. Your card "
            "balance is too low. You can use the /v1/balance endpoint to view your Stripe "
            "balance (for more details, see stripe.com/docs/api#balance).",
            code="balance_insufficient",
            executed=True,
        )
    payout = _record(tx, account, amount, currency, {"status": "pending", **fields})
    emit(tx, "payout.created", payout)
    return payout


def arrive(tx: Transaction, payout: Record) -> None:
    """The bank has it."""
    payout.due_at = None
    payout.tag = payout.body["status"] = "paid"
    payout.body["trace_id"] = {"status": "supported", "value": token(16).upper()}
    tx.save(payout)
    emit(tx, "payout.paid", payout)


def cancel(tx: Transaction, payout: Record) -> None:
    """The sum is available again."""
    if payout.body["status"] != "pending":
        raise ApiError(
            f"Payouts can only be canceled while they are pending. This payout has a status of "
            f"{payout.body['status']}.",
            executed=True,
        )
    amount = int(payout.body["amount"])
    booked = balance_transactions.record(
        tx, payout, "payout_cancel", amount, category="payout_reversal", description="PAYOUT CANCEL"
    )
    payout.due_at = None
    payout.tag = "canceled"
    payout.body |= {"failure_balance_transaction": booked.id, "status": "canceled"}
    tx.save(payout)
    emit(tx, "payout.canceled", payout)


def reverse(tx: Transaction, payout: Record, metadata: dict[str, str]) -> Record:
    """Get a paid sum back from the bank: a payout of less than nothing."""
    if payout.body["status"] != "paid" or payout.body["original_payout"]:
        raise ApiError(
            f"Only paid payouts can be reversed. This payout has a status of "
            f"{payout.body['status']}.",
            executed=True,
        )
    if payout.body["reversed_by"]:
        raise ApiError(f"Payout {payout.id} has already been reversed.", executed=True)
    fields = {"metadata": metadata, "original_payout": payout.id, "status": "pending"}
    amount, currency = -int(payout.body["amount"]), payout.body["currency"]
    back = _record(tx, payout.account, amount, currency, fields)
    emit(tx, "payout.created", back)
    before = dict(payout.body)
    payout.body["reversed_by"] = back.id
    tx.save(payout)
    emit_change(tx, "payout.updated", payout, before)
    return back


def _automatic(tx: Transaction, account: str, currency: str, amount: int) -> Record:
    fields = {"automatic": True, "reconciliation_status": "completed", "status": "in_transit"}
    payout = _record(tx, account, amount, currency, fields)
    # Everything that is available and in no payout yet, this payout's own line included:
    # what went before sums to nothing, so these sum to what is paid out.
    tx.sql(
        "UPDATE objects SET private = json_set(private, '$.payout', ?)"  # noqa: S608
        " WHERE account = ? AND kind = ? AND json_extract(body, '$.currency') = ?"
        f" AND json_extract(body, '$.available_on') <= ? AND {PAYOUT_OF} IS NULL",
        (payout.id, account, balance_transactions.KIND, currency, tx.now),
    )
    emit(tx, "payout.created", payout)
    emit(tx, "payout.reconciliation_completed", payout)
    return payout


def _record(tx: Transaction, account: str, amount: int, currency: str, fields: Json) -> Record:
    """It arrives with the next day, an instant one at once."""
    payout_id = f"po_{token()}"
    arrival = tx.now if fields.get("method") == "instant" else (tx.now // DAY + 1) * DAY
    payout = Record(
        id=payout_id,
        account=account,
        kind=KIND,
        created=tx.now,
        tag=fields["status"],
        due_at=arrival,
        body={
            "id": payout_id,
            "object": KIND,
            "amount": amount,
            "application_fee": None,
            "application_fee_amount": None,
            "arrival_date": arrival,
            "automatic": False,
            "balance_transaction": None,
            "created": tx.now,
            "currency": currency,
            "description": "STRIPE PAYOUT",
            "destination": bank_account(account),
            "failure_balance_transaction": None,
            "failure_code": None,
            "failure_message": None,
            "livemode": False,
            "metadata": {},
            "method": "standard",
            "original_payout": None,
            "payout_method": None,
            "reconciliation_status": "not_applicable",
            "reversed_by": None,
            "source_type": "card",
            "statement_descriptor": None,
            "trace_id": {"status": "pending", "value": None},
            "type": "bank_account",
            **fields,
        },
    )
    booked = balance_transactions.record(
        tx,
        payout,
        "payout",
        -amount,
        description=payout.body["description"],
        available_on=tx.now if amount > 0 else arrival,
    )
    payout.body["balance_transaction"] = booked.id
    return tx.insert(payout)


def bank_account(account: str) -> str:
    """Every account has one bank account, and it cannot be changed."""
    return "ba_" + hashlib.sha256(account.encode()).hexdigest()[:24]
