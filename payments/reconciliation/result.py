"""How a day stands: what its last comparison found, and who closed it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from payments.reconciliation.model import Day


@dataclass(frozen=True)
class DayResult:
    """What the comparison of a day found."""

    day: date
    state: str
    runs: int
    complete: bool
    lines: int
    differences: int
    compared_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    closed_note: str | None
    digest: str | None

    @property
    def closed(self) -> bool:
        return self.state == "closed"


def result_of(db: Connection, day: date) -> DayResult | None:
    """A day as it was compared last; None when it was not."""
    row = db.execute(select(Day.__table__).where(Day.day == day)).one_or_none()
    return None if row is None else read_day(row)


def read_day(row: Row[Any]) -> DayResult:
    return DayResult(
        day=row.day,
        state=row.state,
        runs=row.runs,
        complete=row.complete,
        lines=row.lines,
        differences=row.differences,
        compared_at=row.compared_at,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        closed_note=row.closed_note,
        digest=row.digest,
    )
