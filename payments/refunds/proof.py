"""The invariants of refunds: what is reserved is what they say, and a promise is kept once."""

from sqlalchemy import Connection, Select, case, func, select

from payments import ledger
from payments.model import (
    Attempt,
    Entry,
    EntryLine,
    ObligationLine,
    Refund,
    RefundLine,
)
from payments.refunds.reading import LIVE, STAFF, RefundState


def wrong_reservations(db: Connection) -> list[str]:
    """Refunds that are not their lines; payments and fee lines that reserve something else."""
    lines = (
        select(RefundLine.refund_id, func.sum(RefundLine.amount).label("total"))
        .group_by(RefundLine.refund_id)
        .subquery()
    )
    unlike = (
        select(Refund.id)
        .outerjoin(lines, lines.c.refund_id == Refund.id)
        .where(func.coalesce(lines.c.total, 0) != Refund.amount)
    )
    living = (
        select(Refund.attempt_id, func.sum(Refund.amount).label("total"))
        .where(Refund.state.in_(LIVE))
        .group_by(Refund.attempt_id)
        .subquery()
    )
    total = func.coalesce(living.c.total, 0)
    payments = (
        select(Attempt.id)
        .outerjoin(living, living.c.attempt_id == Attempt.id)
        .where(Attempt.refunded != case((total > Attempt.amount, Attempt.amount), else_=total))
    )
    of_line = (
        select(Attempt.obligation_id, RefundLine.line, func.sum(RefundLine.amount).label("total"))
        .join(Refund, Refund.id == RefundLine.refund_id)
        .join(Attempt, Attempt.id == Refund.attempt_id)
        .where(Refund.state.in_(LIVE))
        .group_by(Attempt.obligation_id, RefundLine.line)
        .subquery()
    )
    fees = (
        select(ObligationLine.obligation_id, ObligationLine.position)
        .outerjoin(
            of_line,
            (of_line.c.obligation_id == ObligationLine.obligation_id)
            & (of_line.c.line == ObligationLine.position),
        )
        .where(
            ObligationLine.refundable,
            ObligationLine.refunded != func.coalesce(of_line.c.total, 0),
        )
    )
    return [
        *(f"refund {identity}: its lines are not its sum" for identity in db.scalars(unlike)),
        *(f"attempt {identity}: reserved is not refunded" for identity in db.scalars(payments)),
        *(
            f"obligation {row[0]}: line {row[1]}: reserved is not refunded"
            for row in db.execute(fees)
        ),
    ]


def broken_promises(db: Connection) -> list[str]:
    """Refunds of which something else is owed to the payer than their state says."""
    ours, theirs = _payable(ledger.PORTAL).subquery(), _payable(ledger.PROVIDER).subquery()
    owed = -func.coalesce(ours.c.total, 0) - func.coalesce(theirs.c.total, 0)
    right = case(
        (Refund.state == RefundState.APPROVED, owed == Refund.amount),
        # the provider may take the sum at once, or only when the payer has it
        (Refund.state == RefundState.SENT, owed.in_((0, Refund.amount))),
        else_=owed == 0,
    )
    found = (
        select(Refund.id)
        .outerjoin(ours, ours.c.object_id == Refund.id)
        .outerjoin(theirs, theirs.c.object_id == Refund.provider_refund)
        .where(Refund.origin == STAFF, right.is_(False))
    )
    return [f"refund {identity}" for identity in db.scalars(found)]


def _payable(provider: str) -> Select[str, int]:
    return (
        select(Entry.object_id, func.sum(EntryLine.amount).label("total"))
        .join(EntryLine, EntryLine.entry_id == Entry.id)
        .where(Entry.provider == provider, EntryLine.account == ledger.REFUNDS_PAYABLE)
        .group_by(Entry.object_id)
    )
