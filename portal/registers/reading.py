"""What the registers say about a record that a form names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from portal.catalogue.deadlines import add_months
from portal.clock import cairo_day
from portal.registers.model import RegisterDue, RegisterRecord


@dataclass(frozen=True)
class Due:
    """An unpaid due; ``amount`` in piastres."""

    id: int
    position: int
    due_on: date
    amount: int


@dataclass(frozen=True)
class Record:
    """A record with its unpaid dues."""

    id: int
    data: Mapping[str, Any]
    dues: Sequence[Due]


def find(db: Connection, kind: str, center: str, number: str) -> Record | None:
    """The record, or None when the register of that center has none under this number."""
    row = db.execute(
        select(RegisterRecord.id, RegisterRecord.data).where(
            RegisterRecord.kind == kind,
            RegisterRecord.center_code == center,
            RegisterRecord.number == number,
        )
    ).one_or_none()
    if row is None:
        return None
    dues = db.execute(
        select(RegisterDue.id, RegisterDue.position, RegisterDue.due_on, RegisterDue.amount)
        .where(RegisterDue.record_id == row.id, RegisterDue.paid_at.is_(None))
        .order_by(RegisterDue.position)
    )
    return Record(row.id, row.data, [Due(*due) for due in dues])


def values(kind: str, record: Record, names: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a form's ``from_record`` fields.

    ``due_ids`` are the dues that they cover, ``parts`` into how many a new plan divides these.
    """
    match kind:
        case "reconciliation_dues":
            return _reconciliation(record, names)
        case "property_dues":
            return _owed(_selected(record, names))
        case _:
            return {name: _typed(value) for name, value in record.data.items()}


def _owed(dues: Sequence[Due], parts: int = 1) -> dict[str, Any]:
    piastres = equal_parts(sum(due.amount for due in dues), parts)[0]
    # nothing unpaid is no amount: the form then says that there is nothing to pay
    amount = Decimal(piastres) / 100 if piastres else None
    return {"amount_shown": amount, "due_ids": [due.id for due in dues], "parts": parts}


def _reconciliation(record: Record, names: Mapping[str, Any]) -> dict[str, Any]:
    """In full, one instalment of a running plan, or the first of a new plan of equal parts."""
    match names.get("plan"):
        case "single_instalment":
            number = names.get("instalment_no")
            return _owed([due for due in record.dues if due.position == number])
        case "instalments":
            return _owed(record.dues, int(names.get("instalments_count") or 1))
        case _:
            return _owed(record.dues)


def equal_parts(total: int, count: int) -> list[int]:
    """``total`` piastres in ``count`` parts that differ by one at most, the larger ones first."""
    part, left = divmod(total, count)
    return [part + (position < left) for position in range(count)]


def _selected(record: Record, names: Mapping[str, Any]) -> Sequence[Due]:
    if names.get("amount_mode") != "selected":
        return record.dues
    wanted = set(names.get("instalments") or ())
    return [due for due in record.dues if due_choice(due) in wanted]


def due_choice(due: Due) -> str:
    """The value by which a form names a due."""
    return f"due_{due.position}"


def _typed(value: Any) -> Any:
    """JSON's numbers and ISO dates as the form's values."""
    match value:
        case bool():
            return value
        case int() | float():
            return Decimal(str(value))
        case str() if len(value) == 10 and value[4] == value[7] == "-":
            return date.fromisoformat(value)
        case _:
            return value


def are_unpaid(db: Connection, due_ids: Sequence[int]) -> bool:
    """Whether every one of these dues is still there and still owed."""
    found = select(func.count()).where(RegisterDue.id.in_(due_ids), RegisterDue.paid_at.is_(None))
    return db.scalar(found) == len(due_ids)


def pay(
    db: Connection, due_ids: Sequence[int], request_number: str, at: datetime, parts: int = 1
) -> bool:
    """Mark dues as paid by a request; False, and no change, when one was paid meanwhile.

    With ``parts``, a plan of so many equal instalments takes their place: one a month from today,
    the first of them paid.
    """
    unpaid = db.execute(
        select(RegisterDue.record_id, RegisterDue.amount)
        .where(RegisterDue.id.in_(due_ids), RegisterDue.paid_at.is_(None))
        .with_for_update()
    ).all()
    if len(unpaid) != len(due_ids):
        return False
    if parts > 1:
        db.execute(delete(RegisterDue).where(RegisterDue.id.in_(due_ids)))
        due_ids = _plan(db, unpaid[0].record_id, sum(due.amount for due in unpaid), parts, at)[:1]
    db.execute(
        update(RegisterDue)
        .where(RegisterDue.id.in_(due_ids))
        .values(paid_at=at, paid_by=request_number)
    )
    return True


def _plan(db: Connection, record_id: int, total: int, parts: int, at: datetime) -> Sequence[int]:
    """Add the instalments of a new plan; their ids in order."""
    last = db.scalar(
        select(func.max(RegisterDue.position)).where(RegisterDue.record_id == record_id)
    )
    today = cairo_day(at)
    rows = [
        {
            "record_id": record_id,
            "position": (last or 0) + number,
            "due_on": add_months(today, number - 1),
            "amount": amount,
        }
        for number, amount in enumerate(equal_parts(total, parts), start=1)
        if amount
    ]
    added = insert(RegisterDue).returning(RegisterDue.id, sort_by_parameter_order=True)
    return db.scalars(added, rows).all()
