"""The rates of calendar quarters that are over, as they stood then (facts §4.2, §4.4).

Files are counted as of the last instant of the quarter; what reviewers found counts in the quarter
in which it was final, that of a sample when its lot was decided. A quarter is closed once, soon
after its end, and its figures are never changed: the tables refuse it.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import ColumnElement, Connection, func, insert, select

from portal.clock import CAIRO, cairo_day
from portal.db import Database, insert_missing
from portal.permits import rates
from portal.permits.backlog_model import (
    BacklogFile,
    BacklogQuarter,
    BacklogQuarterRates,
    PermitJudgement,
)
from portal.permits.rates import Rates
from portal.problems import N_

NAMES = (
    N_("First quarter of {year}"),
    N_("Second quarter of {year}"),
    N_("Third quarter of {year}"),
    N_("Fourth quarter of {year}"),
)
SHOWN = 8
_CODE = re.compile(r"(20[0-9]{2})-([1-4])", re.ASCII)


@dataclass(frozen=True, order=True)
class Quarter:
    """A calendar quarter; ``number`` is 1 to 4."""

    year: int
    number: int

    @property
    def code(self) -> str:
        """As addresses and files name it: 2026-3."""
        return f"{self.year}-{self.number}"

    @property
    def name(self) -> str:
        return NAMES[self.number - 1]

    @property
    def following(self) -> "Quarter":
        return Quarter(self.year + self.number // 4, self.number % 4 + 1)

    @property
    def begin(self) -> datetime:
        """Its first instant in Cairo."""
        return datetime.combine(date(self.year, 3 * self.number - 2, 1), time(), CAIRO)

    @property
    def end(self) -> datetime:
        """The first instant that is no longer in it."""
        return self.following.begin


def of_day(day: date) -> Quarter:
    return Quarter(day.year, (day.month + 2) // 3)


def read(code: str) -> Quarter | None:
    """The quarter that an address names."""
    found = _CODE.fullmatch(code)
    return Quarter(int(found[1]), int(found[2])) if found else None


def closed(db: Connection, most: int = SHOWN) -> list[tuple[Quarter, datetime]]:
    """The newest quarters that are closed, and when they were, the newest first."""
    rows = db.execute(
        select(BacklogQuarter.year, BacklogQuarter.quarter, BacklogQuarter.closed_at)
        .order_by(BacklogQuarter.year.desc(), BacklogQuarter.quarter.desc())
        .limit(most)
    )
    return [(Quarter(row.year, row.quarter), row.closed_at) for row in rows]


def closed_at(db: Connection, quarter: Quarter) -> datetime | None:
    """When it was closed; None while it is not."""
    at: datetime | None = db.scalar(
        select(BacklogQuarter.closed_at).where(
            BacklogQuarter.year == quarter.year, BacklogQuarter.quarter == quarter.number
        )
    )
    return at


def by_department(db: Connection, center: str, quarter: Quarter) -> list[Rates]:
    """The rates of each department of a center, as they were closed."""
    return [each for _, each in _kept(db, [center], quarter)]


def by_center(
    db: Connection, centers: Collection[str], quarter: Quarter, department: str = ""
) -> list[Rates]:
    """The rates of each of these centers, of one department or all, as they were closed."""
    kept = _kept(db, centers, quarter)
    return [
        rates.total(
            [each for of, each in kept if of == center and department in {"", each.name}], center
        )
        for center in centers
    ]


def course(
    db: Connection, centers: Collection[str], department: str = ""
) -> list[tuple[Quarter, Rates]]:
    """All of these centers together, quarter by quarter, the oldest first."""
    row = BacklogQuarterRates
    conditions: list[ColumnElement[bool]] = [row.center_code.in_(centers)]
    if department:
        conditions.append(row.department == department)
    found = db.execute(
        select(
            row.year,
            row.quarter,
            func.sum(row.surveyed),
            func.sum(row.entered),
            func.sum(row.scanned),
            func.sum(row.reviewed),
            func.sum(row.accepted),
        )
        .where(*conditions)
        .group_by(row.year, row.quarter)
    )
    known = {Quarter(each[0], each[1]): Rates("", *map(int, each[2:])) for each in found}
    return [(each, known.get(each, Rates(""))) for each, _ in reversed(closed(db))]


def _kept(db: Connection, centers: Collection[str], quarter: Quarter) -> list[tuple[str, Rates]]:
    row = BacklogQuarterRates
    found = db.execute(
        select(
            row.center_code,
            row.department,
            row.surveyed,
            row.entered,
            row.scanned,
            row.reviewed,
            row.accepted,
        )
        .where(
            row.year == quarter.year,
            row.quarter == quarter.number,
            row.center_code.in_(centers),
        )
        .order_by(row.center_code, row.department)
    )
    return [(each[0], Rates(*each[1:])) for each in found]


def close_due(database: Database, now: datetime) -> int:
    """Close the oldest quarter that is over and is not closed; 1 if there was one.

    It is counted before anything is written, center by center, so that nobody waits for it.
    """
    with database.read() as db:
        quarter = _oldest_open(db)
        if quarter is None or quarter.end > now:
            return 0
        found = {
            center: rates.of_center(db, center, (quarter.begin, quarter.end))
            for center in _centers(db)
        }
    key = {"year": quarter.year, "quarter": quarter.number}
    lines = [
        {
            **key,
            "center_code": center,
            "department": each.name,
            "surveyed": each.surveyed,
            "entered": each.entered,
            "scanned": each.scanned,
            "reviewed": each.reviewed,
            "accepted": each.accepted,
        }
        for center, of_departments in found.items()
        for each in of_departments
    ]
    with database.begin() as db:
        made = insert_missing(db, insert(BacklogQuarter).values(**key, closed_at=now))
        if made is None:  # another worker came before
            return 0
        if lines:
            db.execute(insert(BacklogQuarterRates), lines)
    return 1


def _oldest_open(db: Connection) -> Quarter | None:
    """The quarter behind the newest closed one; before there is one, that of the first file or
    judgement."""
    newest = closed(db, 1)
    if newest:
        return newest[0][0].following
    first = [
        db.scalar(select(func.min(column)))
        for column in (BacklogFile.surveyed_at, PermitJudgement.judged_at)
    ]
    began = min((each for each in first if each is not None), default=None)
    return of_day(cairo_day(began)) if began else None


def _centers(db: Connection) -> list[str]:
    """Centers that have surveyed or reviewed anything."""
    return sorted(
        {
            *db.scalars(select(BacklogFile.center_code).distinct()),
            *db.scalars(select(PermitJudgement.center_code).distinct()),
        }
    )
