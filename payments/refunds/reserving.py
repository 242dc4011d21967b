"""From where a refund is taken, and what stays reserved for those that live.

Reserved is what is counted anew after each change, with the obligation's row held: it is what the
refunds say, and the tables refuse more than there is.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, case, func, insert, select, union_all, update

from payments import ledger
from payments.attempts import Try
from payments.crediting import REBOOKED, UNDONE
from payments.model import (
    Attempt,
    Entry,
    EntryLine,
    ObligationLine,
    Rebooking,
    RebookingLine,
    Refund,
    RefundLine,
)
from payments.refunds.reading import LIVE, Asked, RefundState


@dataclass(frozen=True)
class Source:
    """An account that a part of a refund is taken from; ``line`` is the fee line's position."""

    account: str
    entity: str
    item: str
    line: int | None
    amount: int


def beside(attempt: Try) -> str:
    """The account of what was not owed of a payment, or does not fit."""
    return ledger.SUSPENSE if attempt.state == "mismatched" else ledger.SURPLUS


def currency_of(db: Connection, attempt: Try) -> str:
    """In which currency a payment came: one that does not fit may be in another."""
    booked = db.scalar(
        select(Entry.currency).where(
            Entry.provider == ledger.PROVIDER,
            Entry.object_id == attempt.payment,
            Entry.effect == "suspense",
        )
    )
    return booked or attempt.amount.currency


def left_beside(db: Connection, attempt: Try, states: Collection[RefundState] = LIVE) -> int:
    """What is left of the money that was set aside, once the refunds in ``states`` are made.

    Not more than is left of the payment: of a part that went back before its request was closed,
    the rest only was there to be set aside.
    """
    beside = taken_beside(db, attempt, states)
    spent = beside + taken_of_lines(db, attempt, states)
    return max(min(attempt.set_aside.minor - beside, attempt.amount.minor - spent), 0)


def left_of_lines(db: Connection, attempt: Try) -> int:
    """What is left of what fees were paid with, as far as anything is left of the payment."""
    of_lines = taken_of_lines(db, attempt)
    spent = taken_beside(db, attempt) + of_lines
    credited = attempt.amount.minor - attempt.set_aside.minor
    return max(min(credited - of_lines, attempt.amount.minor - spent), 0)


def taken_beside(db: Connection, attempt: Try, states: Collection[RefundState] = LIVE) -> int:
    """What refunds and rebookings take of the money that was set aside."""
    of_it = (RefundLine.account == beside(attempt)) & RefundLine.line.is_(None)
    return _refunded(db, attempt, states, of_it) + _rebooked(db, attempt, _BESIDE)


def taken_of_lines(db: Connection, attempt: Try, states: Collection[RefundState] = LIVE) -> int:
    """What refunds and rebookings of this payment take of what it was credited with."""
    other = (RefundLine.account != beside(attempt)) | RefundLine.line.is_not(None)
    # a rebooking that explains a refund takes nothing once more: it says from where that was taken
    rebooked = _rebooked(db, attempt, ~_BESIDE, Rebooking.refund_id.is_(None))
    explained = _rebooked(db, attempt, _BESIDE, Rebooking.refund_id.is_not(None))
    return _refunded(db, attempt, states, other) + rebooked - explained


_BESIDE = RebookingLine.line.is_(None)


def _refunded(
    db: Connection, attempt: Try, states: Collection[RefundState], which: ColumnElement[bool]
) -> int:
    found = (
        select(func.coalesce(func.sum(RefundLine.amount), 0))
        .join(Refund, Refund.id == RefundLine.refund_id)
        .where(Refund.attempt_id == attempt.id, Refund.state.in_(states), which)
    )
    return int(db.scalar(found) or 0)


def _rebooked(db: Connection, attempt: Try, *conditions: ColumnElement[bool]) -> int:
    found = (
        select(func.coalesce(func.sum(RebookingLine.amount), 0))
        .join(Rebooking, Rebooking.id == RebookingLine.rebooking_id)
        .where(Rebooking.attempt_id == attempt.id, stands(), *conditions)
    )
    return int(db.scalar(found) or 0)


def stands() -> ColumnElement[bool]:
    """Of rebookings those that are booked, and not undone because their refund has failed."""
    return (Rebooking.state == "approved") & ~undone()


def undone() -> ColumnElement[bool]:
    """Of rebookings those that explained a refund which has failed after all."""
    failed = select(Refund.id).where(
        Refund.id == Rebooking.refund_id, Refund.state == RefundState.FAILED
    )
    return failed.correlate(Rebooking).exists()


def taken_by_line(db: Connection, obligation_id: str) -> dict[int, int]:
    """What is taken of each fee line, by its position; whichever payment it is of."""
    return _by_line(db, Attempt.obligation_id == obligation_id)


def taken_of_attempt_by_line(db: Connection, attempt_id: str) -> dict[int, int]:
    """The same of one payment."""
    return _by_line(db, Attempt.id == attempt_id)


def _by_line(db: Connection, whose: ColumnElement[bool]) -> dict[int, int]:
    refunded = (
        select(RefundLine.line, RefundLine.amount)
        .join(Refund, Refund.id == RefundLine.refund_id)
        .join(Attempt, Attempt.id == Refund.attempt_id)
        .where(whose, Refund.state.in_(LIVE), RefundLine.line.is_not(None))
    )
    rebooked = (
        select(RebookingLine.line, RebookingLine.amount)
        .join(Rebooking, Rebooking.id == RebookingLine.rebooking_id)
        .join(Attempt, Attempt.id == Rebooking.attempt_id)
        .where(whose, stands(), RebookingLine.line.is_not(None))
    )
    taken: dict[int, int] = {}
    for position, amount in db.execute(union_all(refunded, rebooked)):
        taken[int(position or 0)] = taken.get(int(position or 0), 0) + int(amount)
    return taken


def keep_sources(db: Connection, refund_id: str, sources: Sequence[Source]) -> None:
    db.execute(
        insert(RefundLine),
        [
            {
                "refund_id": refund_id,
                "position": position,
                "account": source.account,
                "entity": source.entity,
                "item": source.item,
                "line": source.line,
                "amount": source.amount,
            }
            for position, source in enumerate(sources)
        ],
    )


def sources_of(db: Connection, refund_id: str) -> list[Source]:
    rows = db.execute(
        select(RefundLine.__table__)
        .where(RefundLine.refund_id == refund_id)
        .order_by(RefundLine.position)
    )
    return [Source(row.account, row.entity, row.item, row.line, row.amount) for row in rows]


def recount(db: Connection, attempt_id: str) -> None:
    """Write down what living refunds take of the payment and of its fee lines."""
    total = (
        select(func.coalesce(func.sum(Refund.amount), 0))
        .where(Refund.attempt_id == attempt_id, Refund.state.in_(LIVE))
        .scalar_subquery()
    )
    # a refund made elsewhere may take what is promised to another; that one will fail
    most = case((total > Attempt.amount, Attempt.amount), else_=total)
    db.execute(update(Attempt).where(Attempt.id == attempt_id).values(refunded=most))
    obligation = select(Attempt.obligation_id).where(Attempt.id == attempt_id).scalar_subquery()
    of_line = (
        select(func.coalesce(func.sum(RefundLine.amount), 0))
        .join(Refund, Refund.id == RefundLine.refund_id)
        .join(Attempt, Attempt.id == Refund.attempt_id)
        .where(
            Attempt.obligation_id == ObligationLine.obligation_id,
            RefundLine.line == ObligationLine.position,
            Refund.state.in_(LIVE),
        )
        .correlate(ObligationLine)
        .scalar_subquery()
    )
    db.execute(
        update(ObligationLine)
        .where(ObligationLine.obligation_id == obligation, ObligationLine.refundable)
        .values(refunded=of_line)
    )


def book_promise(db: Connection, refund: Asked, at: datetime, *, back: bool) -> None:
    """The sum leaves its accounts for what is owed to payers; or goes back there."""
    sign = -1 if back else 1
    lines = [
        *(
            ledger.Line(each.account, sign * each.amount, each.entity, each.item)
            for each in sources_of(db, refund.id)
        ),
        ledger.Line(ledger.REFUNDS_PAYABLE, -sign * refund.amount.minor),
    ]
    name = "withdrawn" if back else "promised"
    effect = ledger.Effect(ledger.PORTAL, refund.id, name, refund.reference)
    ledger.book(db, effect, lines, refund.amount.currency, at)


def undo_explanation(db: Connection, refund: Asked, at: datetime) -> None:
    """What was said of a refund without us goes back to where it stood: the refund has failed."""
    explained = (Rebooking.refund_id == refund.id, Rebooking.state == "approved")
    for rebooking in db.scalars(select(Rebooking.id).where(*explained)).all():
        booked = db.execute(
            select(EntryLine.__table__)
            .join(Entry, Entry.id == EntryLine.entry_id)
            .where(
                Entry.provider == ledger.PORTAL,
                Entry.object_id == rebooking,
                Entry.effect == REBOOKED,
            )
            .order_by(EntryLine.position)
        ).all()
        lines = [ledger.Line(row.account, -row.amount, row.entity, row.item) for row in booked]
        effect = ledger.Effect(ledger.PORTAL, rebooking, UNDONE, refund.reference)
        ledger.book(db, effect, lines, refund.amount.currency, at)
