"""What the registers say about a record that a form names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any

from sqlalchemy import Connection, select, update

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
    """The values of a form's ``from_record`` fields; ``due_ids`` are the dues that they cover."""
    match kind:
        case "reconciliation_dues":
            return _owed(_reconciliation(record, names))
        case "property_dues":
            return _owed(_selected(record, names))
        case _:
            return {name: _typed(value) for name, value in record.data.items()}


def _owed(covered: tuple[Sequence[Due], int]) -> dict[str, Any]:
    dues, piastres = covered
    # nothing unpaid is no amount: the form then says that there is nothing to pay
    amount = Decimal(piastres) / 100 if piastres else None
    return {"amount_shown": amount, "due_ids": [due.id for due in dues]}


def _reconciliation(record: Record, names: Mapping[str, Any]) -> tuple[Sequence[Due], int]:
    """In full, one instalment of a running plan, or the first of a new plan of equal parts."""
    total = sum(due.amount for due in record.dues)
    plan, count = names.get("plan"), names.get("instalments_count")
    if plan == "single_instalment":
        chosen = [due for due in record.dues if due.position == names.get("instalment_no")]
        return chosen, sum(due.amount for due in chosen)
    if plan == "instalments" and count:
        part = (Decimal(total) / count).to_integral_value(ROUND_CEILING)
        return (), int(part)
    return record.dues, total


def _selected(record: Record, names: Mapping[str, Any]) -> tuple[Sequence[Due], int]:
    chosen = record.dues
    if names.get("amount_mode") == "selected":
        wanted = set(names.get("instalments") or ())
        chosen = [due for due in record.dues if due_choice(due) in wanted]
    return chosen, sum(due.amount for due in chosen)


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


def pay(db: Connection, due_ids: Sequence[int], request_number: str, at: datetime) -> bool:
    """Mark dues as paid by a request; False when one of them was paid meanwhile."""
    if not due_ids:
        return True
    done = db.execute(
        update(RegisterDue)
        .where(RegisterDue.id.in_(due_ids), RegisterDue.paid_at.is_(None))
        .values(paid_at=at, paid_by=request_number)
    )
    return done.rowcount == len(due_ids)
