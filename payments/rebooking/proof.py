"""The invariant of rebookings: what two people agreed on is booked, and nothing else is."""

from sqlalchemy import Connection, and_, case, func, or_, select

from payments import ledger
from payments.crediting import REBOOKED
from payments.model import Entry, EntryLine, Rebooking, RebookingLine
from payments.rebooking.matter import Choice
from payments.rebooking.reading import State


def wrong_rebookings(db: Connection) -> list[str]:
    """Approved ones that are not booked with their sum, others that are, and unequal lines."""
    taken = case((EntryLine.amount > 0, EntryLine.amount), else_=0)
    booked = (
        select(Entry.object_id, func.sum(taken).label("total"))
        .join(EntryLine, EntryLine.entry_id == Entry.id)
        .where(Entry.provider == ledger.PORTAL, Entry.effect == REBOOKED)
        .group_by(Entry.object_id)
        .subquery()
    )
    lines = (
        select(RebookingLine.rebooking_id, func.sum(RebookingLine.amount).label("total"))
        .group_by(RebookingLine.rebooking_id)
        .subquery()
    )
    approved = Rebooking.state == State.APPROVED
    found = (
        select(Rebooking.id)
        .outerjoin(booked, booked.c.object_id == Rebooking.id)
        .outerjoin(lines, lines.c.rebooking_id == Rebooking.id)
        .where(
            or_(
                # a discount among the lines is given, not taken: more is taken elsewhere then
                and_(approved, func.coalesce(booked.c.total, 0) < Rebooking.amount),
                and_(~approved, booked.c.total.is_not(None)),
                and_(
                    Rebooking.choice != Choice.REQUEST,
                    func.coalesce(lines.c.total, 0) != Rebooking.amount,
                ),
            )
        )
    )
    return [f"rebooking {identity}" for identity in db.scalars(found)]
