"""What can be given back, asking for it, and deciding on it: never by the one who asked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, insert, select, update

from payments import attempts, disputes, ledger, obligations
from payments.attempts import Try
from payments.model import ObligationLine, PaymentCase, Refund
from payments.money import Money
from payments.obligations import Owed
from payments.refunds.reading import (
    LONGEST_NOTE,
    STAFF,
    Asked,
    RefundReason,
    RefundState,
    find,
    get,
)
from payments.refunds.reserving import (
    Source,
    beside,
    book_promise,
    currency_of,
    keep_sources,
    left_beside,
    left_of_lines,
    recount,
    taken_by_line,
)
from payments.storage import insert_missing

DUES_PAID_TWICE = "dues_paid_twice"


class Why(StrEnum):
    """Why something cannot be given back."""

    UNPAID = "unpaid"
    """No money came by this attempt."""
    MEANS = "means"
    """The means of payment takes money and cannot give it back."""
    DISPUTED = "disputed"
    """The payer's bank has taken it, or tries to."""
    DUE = "due"
    """It pays a part of what is still due."""
    LINE = "line"
    """This fee is not given back."""
    AMOUNT = "amount"
    """More than is left of it, or nothing."""


class NotRefundable(ValueError):
    """This cannot be given back; ``most`` is what could be, where the sum is the reason."""

    def __init__(self, why: Why, most: Money | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.most = most


@dataclass(frozen=True)
class Part:
    """A part of a refund: from a fee line, by its position, or from money set aside."""

    line: int | None
    amount: Money


@dataclass(frozen=True)
class RefundableLine:
    """A fee line; ``left`` is what of it can still come back by this payment."""

    position: int
    line: obligations.OwedLine
    comes_back: bool
    left: Money


@dataclass(frozen=True)
class Refundable:
    """What of a payment can still be given back. ``why`` says why nothing of it can."""

    attempt: Try
    lines: tuple[RefundableLine, ...]
    set_aside: Money
    why: Why | None
    credited: Money
    """What fees were paid with it, and is not given back yet: its lines give no more together."""

    @property
    def most(self) -> Money:
        """All that can come back together."""
        if self.why is not None:
            return Money(0, self.set_aside.currency)
        if self.set_aside.currency != self.credited.currency:
            return self.set_aside
        from_lines = Money.total((each.left for each in self.lines), self.set_aside.currency)
        return self.set_aside + min(from_lines, self.credited)


def refundable(
    db: Connection, attempt: Try, sale_only: Collection[str] = frozenset()
) -> Refundable:
    """What can still be given back of what ``attempt`` brought.

    ``sale_only`` are the means of payment that give nothing back (agreed with the provider).
    """
    owed = obligations.get(db, attempt.obligation_id)
    currency = currency_of(db, attempt)
    aside = Money(left_beside(db, attempt), currency)
    credited = Money(left_of_lines(db, attempt), attempt.amount.currency)
    lines = _lines(db, owed, credited) if owed is not None else ()
    why = _why(db, attempt, owed, aside, sale_only)
    return Refundable(attempt, lines, aside, why, credited)


def _why(
    db: Connection,
    attempt: Try,
    owed: Owed | None,
    aside: Money,
    sale_only: Collection[str],
) -> Why | None:
    if owed is None or not attempt.payment or attempt.state not in attempts.BROUGHT_MONEY:
        return Why.UNPAID
    if attempt.kind in sale_only:
        return Why.MEANS
    if disputes.is_taken(db, attempt.id):
        return Why.DISPUTED
    return Why.DUE if owed.state == "due" and not aside else None


def _lines(db: Connection, owed: Owed, credited: Money) -> tuple[RefundableLine, ...]:
    """The lines of what is covered; of dues that another request paid as well, every line."""
    twice = db.scalar(
        select(PaymentCase.id)
        .where(PaymentCase.kind == DUES_PAID_TWICE, PaymentCase.reference == owed.reference)
        .limit(1)
    )
    taken = taken_by_line(db, owed.id)
    currency = owed.amount.currency
    nothing = Money(0, currency)
    rows = db.execute(
        select(ObligationLine.__table__)
        .where(ObligationLine.obligation_id == owed.id)
        .order_by(ObligationLine.position)
    )
    found = []
    for row in rows:
        line = obligations.OwedLine(
            row.item,
            row.entity,
            row.label_ar,
            row.label_en,
            Money(row.amount, currency),
            row.refundable,
        )
        comes_back = bool(row.refundable or twice is not None) and row.amount > 0
        left = Money(row.amount - taken.get(row.position, 0), currency)
        free = min(left, credited) if comes_back and owed.state == "paid" else nothing
        found.append(RefundableLine(row.position, line, comes_back, free))
    return tuple(found)


def ask(
    db: Connection,
    refund_id: str,
    attempt_id: str,
    parts: Sequence[Part],
    reason: RefundReason,
    note: str,
    by: str,
    at: datetime,
    sale_only: Collection[str] = frozenset(),
) -> Asked:
    """Ask for a refund and reserve its sum; raises :class:`NotRefundable`.

    One that is asked for twice at once is asked for once: what has this id already is told.
    """
    held = attempts.hold(db, attempt_id)
    if held is None:
        raise NotRefundable(Why.UNPAID)
    known = find(db, refund_id)
    if known is not None:
        return known
    attempt, owed = held
    can = refundable(db, attempt, sale_only)
    if can.why is not None:
        raise NotRefundable(can.why)
    sources = _sources(can, parts)
    amount = sum(source.amount for source in sources)
    asked = insert_missing(
        db,
        insert(Refund).values(
            id=refund_id,
            attempt_id=attempt.id,
            reference=owed.reference,
            origin=STAFF,
            reason=reason,
            note=note[:LONGEST_NOTE],
            currency=parts[0].amount.currency,
            amount=amount,
            state=RefundState.REQUESTED,
            requested_by=by,
            requested_at=at,
            decided_note="",
            failure="",
            look_again_at=at,
        ),
    )
    if asked:
        keep_sources(db, refund_id, sources)
        recount(db, attempt.id)
    return get(db, refund_id)


def _sources(can: Refundable, parts: Sequence[Part]) -> list[Source]:
    """The accounts of the parts; each line once, and together no more than the payment brought."""
    named = [part.line for part in parts]
    if not parts or len(set(named)) < len(named):
        raise NotRefundable(Why.AMOUNT, can.most)
    sources = [_source(can, part) for part in parts]
    of_lines = sum(source.amount for source in sources if source.line is not None)
    if of_lines > can.credited.minor:
        raise NotRefundable(Why.AMOUNT, can.most)
    return sources


def _source(can: Refundable, part: Part) -> Source:
    minor = part.amount.minor
    if part.line is None:
        _must_fit(part.amount, can.set_aside)
        return Source(beside(can.attempt), "", "", None, minor)
    found = next((each for each in can.lines if each.position == part.line), None)
    if found is None or not found.comes_back:
        raise NotRefundable(Why.LINE)
    _must_fit(part.amount, found.left)
    line = found.line
    account = ledger.REFUNDABLE if line.refundable else ledger.REVENUE
    return Source(account, line.entity, line.item, part.line, minor)


def _must_fit(amount: Money, left: Money) -> None:
    if amount.currency != left.currency or not 0 < amount.minor <= left.minor:
        raise NotRefundable(Why.AMOUNT, left)


def decide(
    db: Connection, refund_id: str, *, approved: bool, note: str, by: str, at: datetime
) -> bool:
    """Approve or reject; False when it was decided before, or by the one who asked.

    Approving promises the money: from then on it is owed to the payer. Raises
    :class:`NotRefundable` when a bank has taken it since it was asked for.
    """
    state = RefundState.APPROVED if approved else RefundState.REJECTED
    asked_for = select(Refund.attempt_id).where(Refund.id == refund_id)
    held = attempts.hold(db, db.scalar(asked_for) or "")
    if held is None:
        return False
    attempt, _ = held
    if approved and disputes.is_taken(db, attempt.id):
        raise NotRefundable(Why.DISPUTED)
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
    if approved:
        book_promise(db, get(db, refund_id), at, back=False)
    else:
        recount(db, attempt.id)
    return True
