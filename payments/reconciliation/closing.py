"""Closing a day: what was compared is frozen, with who gets what of it, under one digest.

A digest covers that of the day before, so that none is exchanged unseen. From then on the database
refuses every change of the day; what comes later is booked later, and moves in a later export.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select, update

from payments.reconciliation import sharing
from payments.reconciliation.days import span
from payments.reconciliation.model import BookLine, Day, DayDifference, DayShare, DayTotal
from payments.reconciliation.sharing import UnitOf
from payments.reconciliation.store import Store

# What is under way at midnight is settled by then
WAIT = timedelta(hours=3)
LONGEST_NOTE = 300
_CHUNK = 1000
_LINE = (
    "id",
    "effect",
    "object_id",
    "currency",
    "amount",
    "fee",
    "booked",
    "booked_fee",
    "booked_currency",
    "verdict",
)
_TOTAL = (
    "currency",
    "row",
    "provider_count",
    "provider_amount",
    "ledger_count",
    "ledger_amount",
    "treasury_count",
    "treasury_amount",
)
_DIFFERENCE = (
    "kind",
    "object_id",
    "reference",
    "currency",
    "provider_amount",
    "ledger_amount",
    "treasury_amount",
)
_SHARE = (
    "currency",
    "unit",
    "account",
    "entity",
    "item",
    "count",
    "gross",
    "moved",
    "refund",
    "fee",
)


class NotClosable(ValueError):
    """Why a day cannot be closed: ``unknown``, ``closed``, ``early``, ``order``, ``changed`` or
    ``note``."""

    def __init__(self, why: str, day: date | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.day = day


def close(
    store: Store,
    day: date,
    runs: int,
    unit_of: UnitOf,
    *,
    zone: ZoneInfo,
    by: str,
    note: str,
    at: datetime,
) -> str:
    """Close a day as comparison number ``runs`` of it stands; its digest.

    Raises :class:`NotClosable`. A day with differences is closed with a note: they stay on record,
    and their cases go on.
    """
    when = span(day, zone)
    with store.read() as db:
        _check(db, day, runs, note)
        shares = sharing.shares_of(db, when, unit_of)
    if at < when.ends + WAIT:
        raise NotClosable("early", day)
    with store.begin() as db:
        held = db.execute(
            update(Day)
            .where(Day.day == day, Day.runs == runs, Day.state == "open", Day.complete)
            .values(runs=runs)
        )
        if not held.rowcount:
            raise NotClosable("changed", day)
        _check(db, day, runs, note)
        sharing.keep(db, day, shares)
        previous = db.scalar(
            select(Day.digest)
            .where(Day.day < day, Day.state == "closed")
            .order_by(Day.day.desc())
            .limit(1)
        )
        digest = digest_of(db, day, previous or "")
        db.execute(
            update(Day)
            .where(Day.day == day)
            .values(
                state="closed",
                closed_at=at,
                closed_by=by,
                closed_note=note[:LONGEST_NOTE],
                previous=previous,
                digest=digest,
            )
        )
    return digest


def _check(db: Connection, day: date, runs: int, note: str) -> None:
    known = db.execute(select(Day.__table__).where(Day.day == day)).one_or_none()
    if known is None or not known.complete:
        raise NotClosable("unknown", day)
    if known.state == "closed":
        raise NotClosable("closed", day)
    if known.runs != runs:
        raise NotClosable("changed", day)
    earlier = db.scalar(select(func.min(Day.day)).where(Day.state == "open", Day.day < day))
    if earlier is not None:
        raise NotClosable("order", earlier)
    if known.differences and not note.strip():
        raise NotClosable("note", day)


def digest_of(db: Connection, day: date, previous: str) -> str:
    """SHA-256 over everything that belongs to a day, in one order, and over the day before."""
    digest = hashlib.sha256()
    for record in _records(db, day, previous):
        digest.update(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode())
        digest.update(b"\n")
    return digest.hexdigest()


def _records(db: Connection, day: date, previous: str) -> Iterator[Sequence[Any]]:
    yield ["day", day.isoformat(), previous]
    columns = [BookLine.__table__.c[name] for name in _LINE]
    of_day = select(*columns).where(BookLine.day == day).order_by(BookLine.id).limit(_CHUNK)
    last = ""
    while lines := db.execute(of_day.where(BookLine.id > last)).all():
        for line in lines:
            yield ["line", *line]
        last = lines[-1].id
    for kind, table, names in (
        ("total", DayTotal, _TOTAL),
        ("difference", DayDifference, _DIFFERENCE),
        ("share", DayShare, _SHARE),
    ):
        columns = [table.__table__.c[name] for name in names]
        rows = db.execute(select(*columns).where(table.__table__.c.day == day))
        # sorted here: databases differ in how they order text
        for row in sorted(tuple(row) for row in rows):
            yield [kind, *row]


def changed_days(db: Connection) -> list[str]:
    """Closed days that are not what they were when they were closed."""
    days = db.execute(
        select(Day.day, Day.previous, Day.digest).where(Day.state == "closed").order_by(Day.day)
    ).all()
    found, before = [], ""
    for row in days:
        previous = row.previous or ""
        if previous != before or digest_of(db, row.day, previous) != row.digest:
            found.append(f"day {row.day}")
        before = row.digest or ""
    return found
