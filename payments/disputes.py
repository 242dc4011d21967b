"""Payments that a payer's bank disputes: the provider takes the money, and gives it back or not.

What is taken is kept in ``dispute_hold``: lost money stays there until somebody with the authority
decides who bears it.
"""

from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from payments import attempts, ledger, obligations
from payments.cases import open_case
from payments.model import Dispute
from payments.provider import Disputed, DisputeStatus


def settle(db: Connection, told: Disputed, at: datetime) -> bool:
    """Work the state of a dispute into ours and the ledger; harmless twice.

    False when its payment is not ours.
    """
    attempt = attempts.by_payment(db, told.payment)
    owed = obligations.lock(db, attempt.obligation_id) if attempt else None
    if attempt is None or owed is None:
        return False
    known = db.execute(select(Dispute.state).where(Dispute.id == told.id)).one_or_none()
    if known is None:
        db.execute(
            insert(Dispute).values(
                id=told.id,
                attempt_id=attempt.id,
                reference=owed.reference,
                currency=told.amount.currency,
                amount=told.amount.minor,
                fee=told.fee.minor,
                reason=told.reason[:60],
                state="open",
                opened_at=at,
            )
        )
        open_case(db, "dispute", told.id, owed.reference, told.reason, at)
    clearing = ledger.clearing_of(attempt.kind)
    taken = told.amount.minor + told.fee.minor
    lines = [ledger.Line(ledger.DISPUTE_HOLD, told.amount.minor), ledger.Line(clearing, -taken)]
    if told.fee:
        lines.append(ledger.Line(ledger.PROVIDER_FEES, told.fee.minor))
    currency = told.amount.currency
    ledger.book(db, _effect(told, "dispute", owed.reference), lines, currency, at)
    if told.status is DisputeStatus.OPEN or (known is not None and known.state != "open"):
        return True
    if told.status is DisputeStatus.WON:
        lines = [
            ledger.Line(clearing, told.amount.minor),
            ledger.Line(ledger.DISPUTE_HOLD, -told.amount.minor),
        ]
        ledger.book(db, _effect(told, "dispute_won", owed.reference), lines, currency, at)
    else:
        open_case(db, "dispute_lost", told.id, owed.reference, told.reason, at)
    db.execute(update(Dispute).where(Dispute.id == told.id).values(state=told.status, closed_at=at))
    return True


def _effect(told: Disputed, name: str, reference: str) -> ledger.Effect:
    return ledger.Effect(ledger.PROVIDER, told.id, name, reference)
