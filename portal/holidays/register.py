"""Reads and keeps the table of holidays, and makes calendars of it."""

import csv
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import Connection, bindparam, func, insert, select, update

from portal.catalogue.deadlines import Calendar
from portal.holidays.model import Holiday
from portal.problems import Conflict, Missing

_FIRST_FILL = Path(__file__).resolve().parent / "first_fill.csv"
_DAYS_OFF = select(Holiday.day).where(
    (Holiday.governorate == "") | (Holiday.governorate == bindparam("governorate")),
    Holiday.removed_at.is_(None),
)


def fill_once(db: Connection, at: datetime) -> int:
    """Enter the known holidays into an empty table; how many were entered."""
    if db.scalar(select(func.count()).select_from(Holiday)):
        return 0
    with _FIRST_FILL.open(encoding="utf-8", newline="") as file:
        rows = [
            {**row, "day": date.fromisoformat(row["day"]), "added_at": at}
            for row in csv.DictReader(file)
        ]
    db.execute(insert(Holiday), rows)
    return len(rows)


def add(
    db: Connection, day: date, name_ar: str, name_en: str, governorate: str, at: datetime
) -> None:
    """Enter a holiday; raises :class:`Conflict` when it is in force already."""
    known = select(Holiday.id).where(
        Holiday.day == day, Holiday.governorate == governorate, Holiday.removed_at.is_(None)
    )
    if db.scalar(known):
        raise Conflict(f"{day} is a holiday already")
    db.execute(
        insert(Holiday).values(
            day=day, name_ar=name_ar, name_en=name_en, governorate=governorate, added_at=at
        )
    )


def remove(db: Connection, day: date, governorate: str, at: datetime) -> None:
    """Cancel a holiday that is in force. Periods that it lengthened stay as they are."""
    done = db.execute(
        update(Holiday)
        .where(Holiday.day == day, Holiday.governorate == governorate, Holiday.removed_at.is_(None))
        .values(removed_at=at)
    )
    if not done.rowcount:
        raise Missing(f"no holiday on {day}")


def calendar(db: Connection, governorate: str) -> Calendar:
    """The days off of ``governorate``, national ones among them."""
    return Calendar(frozenset(db.scalars(_DAYS_OFF, {"governorate": governorate})))


def in_force(db: Connection, since: date) -> list[tuple[date, str, str]]:
    """Holidays from ``since`` on: day, governorate (empty: all), name in Arabic."""
    rows = db.execute(
        select(Holiday.day, Holiday.governorate, Holiday.name_ar)
        .where(Holiday.removed_at.is_(None), Holiday.day >= since)
        .order_by(Holiday.day)
    )
    return [(row.day, row.governorate, row.name_ar) for row in rows]
