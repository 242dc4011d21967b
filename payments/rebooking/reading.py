"""Rebookings as they stand."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from payments.model import Obligation, Rebooking, RebookingLine
from payments.money import Money
from payments.rebooking.matter import Choice, Taken

LONGEST_NOTE = 300


class State(StrEnum):
    """The life of a rebooking."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Proposal:
    """A rebooking as it stands. ``target`` is the request that the payment goes to, if any, and
    ``pays`` what was due there when it was proposed."""

    id: str
    case_id: int
    choice: Choice
    attempt_id: str
    reference: str
    obligation_id: str | None
    target: str
    refund_id: str | None
    amount: Money
    pays: Money | None
    note: str
    state: State
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decided_note: str


def of_case(db: Connection, case_id: int) -> list[Proposal]:
    """What was proposed about a case, oldest first."""
    return _all(db, Rebooking.case_id == case_id)


def by_ids(db: Connection, ids: Collection[str]) -> list[Proposal]:
    """These proposals, oldest first."""
    return _all(db, Rebooking.id.in_(ids))


def proposed_of(db: Connection, case_ids: Collection[int]) -> set[int]:
    """The cases among these about which a proposal waits for a second person."""
    wanted = (Rebooking.state == State.PROPOSED, Rebooking.case_id.in_(case_ids))
    return set(db.scalars(select(Rebooking.case_id).where(*wanted)))


def find(db: Connection, rebooking_id: str) -> Proposal | None:
    found = _all(db, Rebooking.id == rebooking_id)
    return found[0] if found else None


def lines_of(db: Connection, rebooking_id: str) -> list[Taken]:
    """From which accounts a rebooking takes."""
    rows = db.execute(
        select(RebookingLine.__table__)
        .where(RebookingLine.rebooking_id == rebooking_id)
        .order_by(RebookingLine.position)
    )
    return [Taken(row.account, row.entity, row.item, row.line, row.amount) for row in rows]


def _all(db: Connection, *conditions: ColumnElement[bool]) -> list[Proposal]:
    rows = db.execute(
        select(Rebooking.__table__, Obligation.reference.label("target"))
        .outerjoin(Obligation, Obligation.id == Rebooking.obligation_id)
        .where(*conditions)
        .order_by(Rebooking.proposed_at, Rebooking.id)
    )
    return [_proposal(row) for row in rows]


def _proposal(row: Row[Any]) -> Proposal:
    return Proposal(
        id=row.id,
        case_id=row.case_id,
        choice=Choice(row.choice),
        attempt_id=row.attempt_id,
        reference=row.reference,
        obligation_id=row.obligation_id,
        target=row.target or "",
        refund_id=row.refund_id,
        amount=Money(row.amount, row.currency),
        pays=None if row.pays is None else Money(row.pays, row.currency),
        note=row.note,
        state=State(row.state),
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        decided_note=row.decided_note,
    )
