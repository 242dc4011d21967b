"""Giving money back: asked for by one member of staff, decided by another, then made.

What can come back is a property of each fee line (a deposit does, a stamp does not), and whatever
was paid beyond what was due. A refund is reserved when it is asked for, by guarded updates, so two
that race can never give back more than was paid. It is made at the provider outside of any
transaction and settled by reading it again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from payments import attempts, ledger, obligations
from payments.attempts import Try
from payments.cases import open_case
from payments.model import Attempt, Obligation, ObligationLine, Refund, RefundLine
from payments.money import Money
from payments.provider import Refunded, RefundOrder, RefundStatus

LONGEST_NOTE = 300
_LOOK_AGAIN = timedelta(minutes=10)


class RefundState(StrEnum):
    """The life of a refund."""

    REQUESTED = "requested"
    APPROVED = "approved"
    SENT = "sent"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"


class RefundReason(StrEnum):
    """Why money goes back."""

    SURPLUS = "surplus"
    """Paid twice, or more than was due, or after the request was closed."""
    DEPOSIT = "deposit"
    """A deposit whose purpose is fulfilled."""
    SUSPENSE = "suspense"
    """Money that did not fit what was asked for."""
    EXTERNAL = "external"
    """Made at the provider without us."""


class NotRefundable(ValueError):
    """This cannot be given back: ``why`` is ``line``, ``amount`` or ``means``."""

    def __init__(self, why: str, most: Money | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.most = most


@dataclass(frozen=True)
class Part:
    """A part of a refund: from a fee line, by its position, or from money set aside."""

    line: int | None
    amount: Money


@dataclass(frozen=True)
class Refundable:
    """What of a payment can still be given back."""

    attempt: Try
    lines: tuple[tuple[int, obligations.OwedLine, Money], ...]
    """Position, line, and what of it can still come back."""
    set_aside: Money

    @property
    def most(self) -> Money:
        from_lines = Money.total(left for _, _, left in self.lines)
        return self.set_aside + min(from_lines, self.attempt.amount - self.attempt.set_aside)


@dataclass(frozen=True)
class Asked:
    """A refund as it stands."""

    id: str
    attempt_id: str
    reference: str
    origin: str
    reason: str
    note: str
    amount: Money
    state: RefundState
    requested_by: str
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decided_note: str
    provider_refund: str | None
    failure: str
    settled_at: datetime | None


def refundable(db: Connection, attempt: Try) -> Refundable:
    """What can still be given back of what ``attempt`` brought."""
    rows = db.execute(
        select(ObligationLine.__table__)
        .where(ObligationLine.obligation_id == attempt.obligation_id, ObligationLine.refundable)
        .order_by(ObligationLine.position)
    ).all()
    currency = attempt.amount.currency
    taken_aside = db.scalar(
        select(func.coalesce(func.sum(RefundLine.amount), 0))
        .join(Refund, Refund.id == RefundLine.refund_id)
        .where(
            Refund.attempt_id == attempt.id,
            RefundLine.line.is_(None),
            Refund.state.not_in((RefundState.FAILED, RefundState.REJECTED)),
        )
    )
    left = attempt.set_aside - Money(int(taken_aside or 0), currency)
    lines = tuple(
        (
            row.position,
            obligations.OwedLine(
                row.item, row.entity, row.label_ar, row.label_en, Money(row.amount, currency), True
            ),
            Money(row.amount - row.refunded, currency),
        )
        for row in rows
        if attempt.state == "paid" and row.amount > row.refunded
    )
    return Refundable(attempt, lines, max(left, Money(0, currency)))


def ask(
    db: Connection,
    refund_id: str,
    attempt_id: str,
    parts: Sequence[Part],
    reason: RefundReason,
    note: str,
    by: str,
    at: datetime,
) -> Asked:
    """Ask for a refund and reserve its sum; raises :class:`NotRefundable`."""
    attempt = attempts.find(db, attempt_id)
    if attempt is None or not attempt.payment:
        raise NotRefundable("amount", Money(0))
    owed = obligations.lock(db, attempt.obligation_id)
    attempt = attempts.find(db, attempt_id)
    if owed is None or attempt is None:
        raise NotRefundable("amount", Money(0))
    currency = attempt.amount.currency
    amount = Money.total((part.amount for part in parts), currency)
    if not parts or any(part.amount <= Money(0, currency) for part in parts):
        raise NotRefundable("amount", refundable(db, attempt).most)
    can = refundable(db, attempt)
    sources = [_source(can, part) for part in parts]
    reserved = db.execute(
        update(Attempt)
        .where(Attempt.id == attempt.id, Attempt.refunded + amount.minor <= Attempt.amount)
        .values(refunded=Attempt.refunded + amount.minor)
    )
    if not reserved.rowcount:
        raise NotRefundable("amount", attempt.amount - attempt.refunded)
    _move_lines(db, attempt.obligation_id, sources, 1)
    db.execute(
        insert(Refund).values(
            id=refund_id,
            attempt_id=attempt.id,
            reference=owed.reference,
            origin="staff",
            reason=reason,
            note=note[:LONGEST_NOTE],
            currency=currency,
            amount=amount.minor,
            state=RefundState.REQUESTED,
            requested_by=by,
            requested_at=at,
            decided_note="",
            failure="",
            look_again_at=at,
        )
    )
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
    return get(db, refund_id)


@dataclass(frozen=True)
class _Source:
    account: str
    entity: str
    item: str
    line: int | None
    amount: int


def _source(can: Refundable, part: Part) -> _Source:
    minor = part.amount.minor
    if part.line is None:
        if can.set_aside < part.amount:
            raise NotRefundable("amount", can.set_aside)
        account = ledger.SUSPENSE if can.attempt.state == "mismatched" else ledger.SURPLUS
        return _Source(account, "", "", None, minor)
    found = next((each for each in can.lines if each[0] == part.line), None)
    if found is None:
        raise NotRefundable("line")
    _, line, left = found
    if left < part.amount:
        raise NotRefundable("amount", left)
    return _Source(ledger.REFUNDABLE, line.entity, line.item, part.line, minor)


def _move_lines(db: Connection, obligation_id: str, sources: Sequence[_Source], sign: int) -> None:
    """Reserve, or release, what is taken from fee lines; the table refuses more than there is."""
    for source in sources:
        if source.line is None:
            continue
        db.execute(
            update(ObligationLine)
            .where(
                ObligationLine.obligation_id == obligation_id,
                ObligationLine.position == source.line,
            )
            .values(refunded=ObligationLine.refunded + sign * source.amount)
        )


def decide(
    db: Connection, refund_id: str, *, approved: bool, note: str, by: str, at: datetime
) -> bool:
    """Approve or reject; False when it was decided before, or by the one who asked.

    Approving promises the money: from then on it is owed to the payer.
    """
    state = RefundState.APPROVED if approved else RefundState.REJECTED
    done = db.execute(
        update(Refund)
        .where(
            Refund.id == refund_id,
            Refund.state == RefundState.REQUESTED,
            Refund.requested_by != by,
        )
        .values(
            state=state,
            decided_by=by,
            decided_at=at,
            decided_note=note[:LONGEST_NOTE],
            look_again_at=at,
        )
    )
    if not done.rowcount:
        return False
    refund = get(db, refund_id)
    if approved:
        _book_promise(db, refund, at, back=False)
    else:
        _release(db, refund)
    return True


def _release(db: Connection, refund: Asked) -> None:
    attempt = attempts.find(db, refund.attempt_id)
    if attempt is None:
        return
    db.execute(
        update(Attempt)
        .where(Attempt.id == refund.attempt_id)
        .values(refunded=Attempt.refunded - refund.amount.minor)
    )
    _move_lines(db, attempt.obligation_id, _sources(db, refund.id), -1)


def _sources(db: Connection, refund_id: str) -> list[_Source]:
    rows = db.execute(
        select(RefundLine.__table__)
        .where(RefundLine.refund_id == refund_id)
        .order_by(RefundLine.position)
    )
    return [_Source(row.account, row.entity, row.item, row.line, row.amount) for row in rows]


def _book_promise(db: Connection, refund: Asked, at: datetime, *, back: bool) -> None:
    """The sum leaves its accounts for what is owed to payers; or goes back there."""
    sign = -1 if back else 1
    lines = [
        *(
            ledger.Line(each.account, sign * each.amount, each.entity, each.item)
            for each in _sources(db, refund.id)
        ),
        ledger.Line(ledger.REFUNDS_PAYABLE, -sign * refund.amount.minor),
    ]
    name = "withdrawn" if back else "promised"
    effect = ledger.Effect(ledger.PORTAL, refund.id, name, refund.reference)
    ledger.book(db, effect, lines, refund.amount.currency, at)


def order(db: Connection, refund: Asked) -> RefundOrder:
    """What to ask the provider for."""
    attempt = attempts.find(db, refund.attempt_id)
    assert attempt is not None and attempt.payment  # noqa: S101, PT018 - reserved with it
    return RefundOrder(attempt.payment, refund.amount, refund.id, f"refund-{refund.id}")


def refused(db: Connection, refund: Asked, reason: str, at: datetime) -> None:
    """The provider will not make it: the promise is taken back and a person is told."""
    _fail(db, refund, reason, at)


def settle(db: Connection, told: Refunded, at: datetime) -> Asked | None:
    """Work the state of a refund at the provider into ours and the ledger; harmless twice.

    One that nobody here asked for is recorded too, with a case. None when its payment is not ours.
    """
    attempt = attempts.by_payment(db, told.payment)
    if attempt is None or obligations.lock(db, attempt.obligation_id) is None:
        return None
    known = _known(db, told)
    if known is None:
        known = _record_external(db, attempt, told, at)
    if told.status is RefundStatus.FAILED:
        _return(db, known, attempt, told, at)
    elif told.status is RefundStatus.SUCCEEDED and known.state is not RefundState.SUCCEEDED:
        _book_payment(db, known, attempt, told, at)
        _set(db, known.id, RefundState.SUCCEEDED, told, at)
    elif known.state is RefundState.APPROVED:
        _set(db, known.id, RefundState.SENT, told, None)
    return get(db, known.id)


def _known(db: Connection, told: Refunded) -> Asked | None:
    found = db.execute(
        select(Refund.__table__).where(
            (Refund.provider_refund == told.id)
            | ((Refund.id == told.refund) & Refund.provider_refund.is_(None))
        )
    ).first()
    return _asked(found) if found else None


def _record_external(db: Connection, attempt: Try, told: Refunded, at: datetime) -> Asked:
    owed = obligations.get(db, attempt.obligation_id)
    reference = owed.reference if owed else ""
    refund_id = told.id[-32:]
    db.execute(
        insert(Refund).values(
            id=refund_id,
            attempt_id=attempt.id,
            reference=reference,
            origin="provider",
            reason=RefundReason.EXTERNAL,
            note="",
            currency=told.amount.currency,
            amount=told.amount.minor,
            state=RefundState.SENT,
            requested_by="",
            requested_at=at,
            decided_note="",
            provider_refund=told.id,
            failure="",
            look_again_at=at + _LOOK_AGAIN,
        )
    )
    # as far as it was not promised to others; what is beyond is in the case
    db.execute(
        update(Attempt)
        .where(Attempt.id == attempt.id, Attempt.refunded + told.amount.minor <= Attempt.amount)
        .values(refunded=Attempt.refunded + told.amount.minor)
    )
    open_case(db, "external_refund", told.id, reference, str(told.amount.minor), at)
    return get(db, refund_id)


def _payer_side(refund: Asked) -> str:
    """From which account the money leaves: nobody has promised an external refund."""
    return ledger.REFUNDS_PAYABLE if refund.origin == "staff" else ledger.SUSPENSE


def _book_payment(
    db: Connection, refund: Asked, attempt: Try, told: Refunded, at: datetime
) -> None:
    lines = [
        ledger.Line(_payer_side(refund), told.amount.minor),
        ledger.Line(ledger.clearing_of(attempt.kind), -told.amount.minor),
    ]
    effect = ledger.Effect(ledger.PROVIDER, told.id, "refund", refund.reference)
    ledger.book(db, effect, lines, told.amount.currency, at)


def _return(db: Connection, refund: Asked, attempt: Try, told: Refunded, at: datetime) -> None:
    """It failed, perhaps after it had been called made: the money is with the provider again."""
    if refund.state is RefundState.FAILED:
        return
    if refund.state is RefundState.SUCCEEDED:
        lines = [
            ledger.Line(ledger.clearing_of(attempt.kind), told.amount.minor),
            ledger.Line(_payer_side(refund), -told.amount.minor),
        ]
        effect = ledger.Effect(ledger.PROVIDER, told.id, "refund_failed", refund.reference)
        ledger.book(db, effect, lines, told.amount.currency, at)
    db.execute(update(Refund).where(Refund.id == refund.id).values(provider_refund=told.id))
    _fail(db, refund, told.failure or "failed", at)


def _fail(db: Connection, refund: Asked, reason: str, at: datetime) -> None:
    db.execute(
        update(Refund)
        .where(Refund.id == refund.id)
        .values(state=RefundState.FAILED, failure=reason[:60], settled_at=at)
    )
    if refund.origin == "staff":
        _book_promise(db, refund, at, back=True)
        _release(db, refund)
    open_case(db, "refund_failed", refund.id, refund.reference, reason[:60], at)


def _set(
    db: Connection, refund_id: str, state: RefundState, told: Refunded, settled_at: datetime | None
) -> None:
    db.execute(
        update(Refund)
        .where(Refund.id == refund_id)
        .values(state=state, provider_refund=told.id, settled_at=settled_at)
    )


def get(db: Connection, refund_id: str) -> Asked:
    """A refund; raises NoResultFound when there is none."""
    return _asked(db.execute(select(Refund.__table__).where(Refund.id == refund_id)).one())


def find(db: Connection, refund_id: str) -> Asked | None:
    row = db.execute(select(Refund.__table__).where(Refund.id == refund_id)).one_or_none()
    return None if row is None else _asked(row)


def of_reference(db: Connection, reference: str) -> list[Asked]:
    """The refunds of a reference, oldest first."""
    rows = db.execute(
        select(Refund.__table__)
        .where(Refund.reference == reference)
        .order_by(Refund.requested_at, Refund.id)
    )
    return [_asked(row) for row in rows]


def of_obligation(db: Connection, obligation_id: str) -> Money:
    """What of an obligation's own lines has gone back."""
    total = db.scalar(
        select(func.coalesce(func.sum(RefundLine.amount), 0))
        .join(Refund, Refund.id == RefundLine.refund_id)
        .join(Attempt, Attempt.id == Refund.attempt_id)
        .join(Obligation, Obligation.id == Attempt.obligation_id)
        .where(
            Obligation.id == obligation_id,
            RefundLine.line.is_not(None),
            Refund.state == RefundState.SUCCEEDED,
        )
    )
    return Money(int(total or 0))


def to_make(db: Connection, at: datetime, most: int) -> list[Asked]:
    """Approved refunds that are not made yet, and those whose outcome is not known."""
    rows = db.execute(
        select(Refund.__table__)
        .where(
            Refund.state.in_((RefundState.APPROVED, RefundState.SENT)), Refund.look_again_at <= at
        )
        .order_by(Refund.look_again_at)
        .limit(most)
    )
    return [_asked(row) for row in rows]


def looked_at(db: Connection, refund_id: str, at: datetime) -> None:
    db.execute(update(Refund).where(Refund.id == refund_id).values(look_again_at=at + _LOOK_AGAIN))


def _asked(row: Row[Any]) -> Asked:
    return Asked(
        id=row.id,
        attempt_id=row.attempt_id,
        reference=row.reference,
        origin=row.origin,
        reason=row.reason,
        note=row.note,
        amount=Money(row.amount, row.currency),
        state=RefundState(row.state),
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        decided_note=row.decided_note,
        provider_refund=row.provider_refund,
        failure=row.failure,
        settled_at=row.settled_at,
    )
