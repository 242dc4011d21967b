"""Cases that settle themselves: once nothing is left of what they had put before a person."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, Row, func, select

from payments import attempts, cases, ledger, obligations
from payments.attempts import Try
from payments.model import (
    Attempt,
    Obligation,
    ObligationLine,
    Rebooking,
    RebookingLine,
    Refund,
    RefundLine,
)
from payments.refunds.reading import (
    SYSTEM,
    WAITING,
    Asked,
    RefundReason,
    RefundState,
    of_attempt,
    of_reference,
)
from payments.refunds.reserving import beside, left_beside, sources_of, stands

_MADE = (RefundState.SUCCEEDED,)


def close_cases(
    db: Connection, attempt: Try, refund: Asked | None, note: str, at: datetime
) -> None:
    """Close those about a payment, and about ``refund`` of it, of which nothing is left.

    What is only asked for, or under way, may still be rejected or fail.
    """
    owed = obligations.get(db, attempt.obligation_id)
    if owed is not None and _deposit_returned(db, owed.reference):
        cases.resolve(db, cases.DEPOSITS, owed.reference, note, at)
    if refund is not None and refund.reason == RefundReason.PAID_TWICE:
        others = [x for x in of_reference(db, refund.reference) if x.reason == refund.reason]
        if not any(each.state in WAITING for each in others):
            cases.resolve(db, ("dues_paid_twice",), refund.reference, note, at)
    if refund is not None:
        _close_failed(db, _repeated(db, refund), note, at)
    if not all_returned(db, attempt):
        return
    _close_failed(db, _failed_beside(db, attempt), note, at)
    kinds = ("surplus", *cases.MISMATCHES)
    cases.resolve_object(db, kinds, attempt.payment or "", note, at)
    if parts_returned(db, attempt.obligation_id):
        cases.resolve_object(db, ("cancelled_in_part",), attempt.obligation_id, note, at)


def _close_failed(db: Connection, failed: Iterable[Asked], note: str, at: datetime) -> None:
    for each in failed:
        cases.resolve_object(db, ("refund_failed",), each.id, note, at)


def _repeated(db: Connection, refund: Asked) -> Iterator[Asked]:
    """The failed refunds that one has taken the place of: each of the same sums, and over before
    the next was asked for."""
    wanted = sources_of(db, refund.id)
    for each in reversed(of_attempt(db, refund.attempt_id)):
        over = each.settled_at if each.state is RefundState.FAILED else None
        if over is None or over > refund.requested_at or each.id == refund.id:
            continue
        if sources_of(db, each.id) == wanted:
            yield each
            refund = each


def _failed_beside(db: Connection, attempt: Try) -> Iterator[Asked]:
    """The failed refunds of money that was set aside."""
    for each in of_attempt(db, attempt.id):
        if each.state is RefundState.FAILED and all(
            source.line is None and source.account == beside(attempt)
            for source in sources_of(db, each.id)
        ):
            yield each


def all_returned(db: Connection, attempt: Try) -> bool:
    """Whether all that was set aside of a payment has gone back, or elsewhere."""
    return left_beside(db, attempt, _MADE) == 0


def parts_returned(db: Connection, obligation_id: str) -> bool:
    """The same of the payments that were credited to a stage before it was closed."""
    return all(all_returned(db, each) for each in attempts.that_paid(db, obligation_id))


def _deposit_returned(db: Connection, reference: str) -> bool:
    """Whether the deposits of a request have gone back: whole, or as a payment order says.

    Where nobody told the portal of a payment order, nothing says that a part is kept: the case
    waits for a person.
    """
    asked = _of_deposits(db, reference)
    if any(each.state in WAITING for each in asked):
        return False
    made = sum(each.amount for each in asked if each.state in _MADE)
    if made + _booked(db, reference) >= _deposits(db, reference):
        return True
    prepared = [each for each in asked if each.requested_by == SYSTEM]
    # what belongs to one payment order has one note; the last order counts, and what followed it
    order = [each for each in prepared if each.note == prepared[-1].note]
    since = [each for each in asked if order and each.requested_at >= order[0].requested_at]
    made = sum(each.amount for each in since if each.state in _MADE)
    return bool(order) and made >= sum(each.amount for each in order)


def _of_deposits(db: Connection, reference: str) -> Sequence[Row[str, str, datetime, str, int]]:
    """What refunds take of deposits, the oldest first."""
    return db.execute(
        select(
            Refund.state,
            Refund.requested_by,
            Refund.requested_at,
            Refund.note,
            func.sum(RefundLine.amount).label("amount"),
        )
        .join(RefundLine, RefundLine.refund_id == Refund.id)
        .where(Refund.reference == reference, RefundLine.account == ledger.REFUNDABLE)
        .group_by(Refund.id)
        .order_by(Refund.requested_at, Refund.id)
    ).all()


def _booked(db: Connection, reference: str) -> int:
    """What was paid out, or lost, of the deposits of a request."""
    found = (
        select(func.coalesce(func.sum(RebookingLine.amount), 0))
        .join(Rebooking, Rebooking.id == RebookingLine.rebooking_id)
        .join(Attempt, Attempt.id == Rebooking.attempt_id)
        .join(Obligation, Obligation.id == Attempt.obligation_id)
        .where(
            Obligation.reference == reference,
            RebookingLine.account == ledger.REFUNDABLE,
            stands(),
        )
    )
    return int(db.scalar(found) or 0)


def _deposits(db: Connection, reference: str) -> int:
    """What a request has paid as deposits."""
    found = (
        select(func.coalesce(func.sum(ObligationLine.amount), 0))
        .join(Obligation, Obligation.id == ObligationLine.obligation_id)
        .where(
            Obligation.reference == reference,
            Obligation.state == "paid",
            ObligationLine.refundable,
        )
    )
    return int(db.scalar(found) or 0)
