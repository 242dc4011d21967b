"""Payments that a payer's bank disputes: the provider takes the money, and gives it back or not.

What is taken is kept in ``dispute_hold``: lost money stays there until somebody with the authority
decides who bears it. An inquiry of the bank takes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from payments import attempts, cases, ledger, strays
from payments.cases import open_case
from payments.model import Dispute, Entry, EntryLine
from payments.money import Money
from payments.provider import Disputed, DisputeStatus


@dataclass(frozen=True)
class KnownDispute:
    """A dispute as it stands; ``withdrawn`` tells whether the money was taken."""

    id: str
    attempt_id: str
    reference: str
    amount: Money
    fee: Money
    reason: str
    state: DisputeStatus
    withdrawn: bool
    evidence_by: datetime | None
    opened_at: datetime
    closed_at: datetime | None


def settle(db: Connection, told: Disputed, at: datetime) -> bool:
    """Work the state of a dispute into ours and the ledger; harmless twice.

    False when its payment is not ours.
    """
    found = strays.keep(db, told.payment)
    held = attempts.hold(db, found.id) if found else None
    if held is None:
        return False
    attempt, owed = held
    _keep(db, told, attempt.id, owed.reference, at)
    clearing = ledger.clearing_of(attempt.kind)
    if told.taken:
        _book_withdrawal(db, told, owed.reference, clearing, at)
    if told.given_back:
        _book_return(db, told, owed.reference, clearing, at)
    if told.status is DisputeStatus.OPEN:
        return True
    closed = db.execute(
        update(Dispute)
        .where(Dispute.id == told.id, Dispute.state == DisputeStatus.OPEN)
        .values(state=told.status, closed_at=at)
    )
    if closed.rowcount:
        cases.resolve_object(db, ("dispute",), told.id, f"the bank decided: {told.status}", at)
        if told.status is DisputeStatus.LOST:
            open_case(db, "dispute_lost", told.id, owed.reference, told.reason, at)
    return True


def _keep(db: Connection, told: Disputed, attempt_id: str, reference: str, at: datetime) -> None:
    """Its row, and a case when it is new; the rest as it is told now."""
    told_now = {
        "amount": told.amount.minor,
        "fee": told.fee.minor,
        "reason": told.reason[:60],
        "evidence_by": told.evidence_by,
    }
    known = db.execute(update(Dispute).where(Dispute.id == told.id).values(**told_now))
    if known.rowcount:
        return
    db.execute(
        insert(Dispute).values(
            id=told.id,
            attempt_id=attempt_id,
            reference=reference,
            currency=told.amount.currency,
            state=DisputeStatus.OPEN,
            opened_at=at,
            **told_now,
        )
    )
    open_case(db, "dispute", told.id, reference, told.reason, at)


def _book_withdrawal(
    db: Connection, told: Disputed, reference: str, clearing: str, at: datetime
) -> None:
    """The sum is held, the fee is lost; a fee that is told later is booked by itself."""
    amount, fee, currency = told.taken.minor, told.fee.minor, told.amount.currency
    lines = [ledger.Line(ledger.DISPUTE_HOLD, amount), ledger.Line(clearing, -amount - fee)]
    if fee:
        lines.append(ledger.Line(ledger.PROVIDER_FEES, fee))
    if ledger.book(db, _effect(told, "dispute", reference), lines, currency, at):
        return
    late = fee - _fees_booked(db, told)
    if late > 0:
        lines = [ledger.Line(ledger.PROVIDER_FEES, late), ledger.Line(clearing, -late)]
        ledger.book(db, _effect(told, "dispute_fee", reference), lines, currency, at)


def _fees_booked(db: Connection, told: Disputed) -> int:
    found = (
        select(func.coalesce(func.sum(EntryLine.amount), 0))
        .join(Entry, Entry.id == EntryLine.entry_id)
        .where(
            Entry.provider == ledger.PROVIDER,
            Entry.object_id == told.id,
            Entry.effect.in_(("dispute", "dispute_fee")),
            EntryLine.account == ledger.PROVIDER_FEES,
        )
    )
    return int(db.scalar(found) or 0)


def _book_return(
    db: Connection, told: Disputed, reference: str, clearing: str, at: datetime
) -> None:
    """What was held is with the provider again, and perhaps its fee."""
    amount, fee = told.given_back.minor, told.fee_back.minor
    lines = [ledger.Line(clearing, amount + fee), ledger.Line(ledger.DISPUTE_HOLD, -amount)]
    if fee:
        lines.append(ledger.Line(ledger.PROVIDER_FEES, -fee))
    effect = _effect(told, "dispute_won", reference)
    ledger.book(db, effect, lines, told.amount.currency, at)


def _effect(told: Disputed, name: str, reference: str) -> ledger.Effect:
    return ledger.Effect(ledger.PROVIDER, told.id, name, reference)


def is_taken(db: Connection, attempt_id: str) -> bool:
    """Whether a bank has taken (a part of) a payment and has not given it back."""
    return any(
        each.withdrawn and each.state is not DisputeStatus.WON
        for each in _all(db, Dispute.attempt_id == attempt_id)
    )


def of_reference(db: Connection, reference: str) -> list[KnownDispute]:
    """The disputes about a reference, oldest first."""
    return _all(db, Dispute.reference == reference)


def by_ids(db: Connection, ids: Sequence[str]) -> list[KnownDispute]:
    """The disputes with these ids."""
    return _all(db, Dispute.id.in_(ids))


def _all(db: Connection, *conditions: Any) -> list[KnownDispute]:
    taken = (
        select(Entry.id)
        .where(
            Entry.provider == ledger.PROVIDER,
            Entry.object_id == Dispute.id,
            Entry.effect == "dispute",
        )
        .exists()
    )
    rows = db.execute(
        select(Dispute.__table__, taken.label("withdrawn"))
        .where(*conditions)
        .order_by(Dispute.opened_at, Dispute.id)
    )
    return [_known(row) for row in rows]


def _known(row: Row[Any]) -> KnownDispute:
    return KnownDispute(
        id=row.id,
        attempt_id=row.attempt_id,
        reference=row.reference,
        amount=Money(row.amount, row.currency),
        fee=Money(row.fee, row.currency),
        reason=row.reason,
        state=DisputeStatus(row.state),
        withdrawn=bool(row.withdrawn),
        evidence_by=row.evidence_by,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
    )
