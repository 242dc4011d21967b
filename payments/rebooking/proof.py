"""The invariant of rebookings: what two people agreed on is booked, and nothing else is."""

from typing import Any

from sqlalchemy import Connection, Select, case, func, literal, select, union_all

from payments import ledger
from payments.crediting import REBOOKED, UNDONE
from payments.model import Entry, EntryLine, Rebooking, RebookingLine
from payments.rebooking.matter import Choice
from payments.rebooking.reading import State
from payments.refunds.reserving import undone

_TAKEN, _BEYOND = "taken", "beyond"
"""Of a payment that went to a request: what left its account, and what is surplus there."""


def wrong_rebookings(db: Connection) -> list[str]:
    """Those whose entry is not line by line what was approved, or is there without that; and those
    whose lines are not their sum."""
    rows = union_all(*_agreed(), _booked()).subquery()
    unlike = (
        select(rows.c.id)
        .group_by(rows.c.id, rows.c.effect, rows.c.account, rows.c.entity, rows.c.item)
        .having(func.sum(rows.c.amount) != 0)
    )
    lines = (
        select(RebookingLine.rebooking_id, func.sum(RebookingLine.amount).label("total"))
        .group_by(RebookingLine.rebooking_id)
        .subquery()
    )
    meant = case((Rebooking.choice == Choice.REQUEST, 0), else_=Rebooking.amount)
    uneven = (
        select(Rebooking.id)
        .outerjoin(lines, lines.c.rebooking_id == Rebooking.id)
        .where(func.coalesce(lines.c.total, 0) != meant)
    )
    found = {*db.scalars(unlike), *db.scalars(uneven)}
    return [f"rebooking {identity}" for identity in sorted(found)]


def _agreed() -> list[Select[*tuple[Any, ...]]]:
    """What is to be booked: of a request what it pays; else the lines, and where they go. Once
    more, the other way round, where the refund that was explained has failed."""
    goes_to = case(
        (Rebooking.choice == Choice.PAID_OUT, ledger.TREASURY_SETTLED),
        (Rebooking.refund_id.is_not(None), ledger.SUSPENSE),
        else_=ledger.DISPUTE_HOLD,
    )
    pays = func.coalesce(Rebooking.pays, 0)
    approved = Rebooking.state == State.APPROVED
    to_request = approved & (Rebooking.choice == Choice.REQUEST)
    found = [
        _row(_TAKEN, Rebooking.amount).where(to_request),
        _row(ledger.RECEIVABLE, -pays).where(to_request),
        _row(_BEYOND, pays - Rebooking.amount).where(to_request),
    ]
    for effect, sign, which in ((REBOOKED, 1, approved), (UNDONE, -1, approved & undone())):
        by_lines = which & (Rebooking.choice != Choice.REQUEST)
        found.append(_row(goes_to, -sign * Rebooking.amount, effect).where(by_lines))
        found.append(
            select(
                Rebooking.id,
                literal(effect),
                RebookingLine.account,
                RebookingLine.entity,
                RebookingLine.item,
                sign * RebookingLine.amount,
            )
            .join(RebookingLine, RebookingLine.rebooking_id == Rebooking.id)
            .where(by_lines)
        )
    return found


def _row(account: Any, amount: Any, effect: str = REBOOKED) -> Select[*tuple[Any, ...]]:
    name = literal(account) if isinstance(account, str) else account
    return select(
        Rebooking.id.label("id"),
        literal(effect).label("effect"),
        name.label("account"),
        literal("").label("entity"),
        literal("").label("item"),
        amount.label("amount"),
    )


def _booked() -> Select[*tuple[Any, ...]]:
    """What stands in the ledger, the other way round."""
    beside = EntryLine.account.in_((ledger.SURPLUS, ledger.SUSPENSE))
    account = case(
        (func.coalesce(Rebooking.choice, "") != Choice.REQUEST, EntryLine.account),
        (beside & (EntryLine.amount > 0), _TAKEN),
        ((EntryLine.account == ledger.SURPLUS) & (EntryLine.amount < 0), _BEYOND),
        else_=EntryLine.account,
    )
    return (
        select(
            Entry.object_id,
            Entry.effect,
            account,
            EntryLine.entity,
            EntryLine.item,
            -EntryLine.amount,
        )
        .join(EntryLine, EntryLine.entry_id == Entry.id)
        .outerjoin(Rebooking, Rebooking.id == Entry.object_id)
        .where(Entry.provider == ledger.PORTAL, Entry.effect.in_((REBOOKED, UNDONE)))
    )
