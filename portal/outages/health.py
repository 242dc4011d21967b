"""Notices outages by itself: a part that was not seen at work for a while was out.

The pages beat while they serve; a gap between two beats is an outage of the portal, whatever it
came from: pages, database, machine. The provider is asked every minute; an outage is from the first
failure to the first answer after it. Short ones are none: nobody loses a day by them.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, Row, insert, select, update

from portal.db import insert_missing
from portal.outages import register
from portal.outages.model import Heartbeat
from portal.outages.register import Scope

BEAT = timedelta(seconds=30)
SHORTEST = timedelta(minutes=10)
"""What is shorter is not recorded."""
_SILENT = timedelta(minutes=2)
"""Four beats missed: the portal may be out right now."""


class Part(StrEnum):
    """What beats."""

    PAGES = "pages"
    PROVIDER = "provider"


_SCOPES = {Part.PAGES: Scope.PORTAL, Part.PROVIDER: Scope.PROVIDER}


def works(db: Connection, part: Part, now: datetime) -> bool:
    """``part`` was seen at work; whether an outage was recorded that has ended with it."""
    row = _held(db, part, now)
    since = row.failing_since if part is Part.PROVIDER else row.ok_at
    recorded = since is not None and now - since >= SHORTEST
    if since is not None and recorded:
        register.record(db, _SCOPES[part], since, now, now)
    db.execute(
        update(Heartbeat).where(Heartbeat.part == part).values(ok_at=now, failing_since=None)
    )
    return recorded


def fails(db: Connection, part: Part, now: datetime) -> None:
    """``part`` was asked and did not answer."""
    _held(db, part, now)
    db.execute(
        update(Heartbeat)
        .where(Heartbeat.part == part, Heartbeat.failing_since.is_(None))
        .values(failing_since=now)
    )


def in_doubt(db: Connection, scopes: Collection[Scope], now: datetime) -> bool:
    """Whether one of ``scopes`` may be out now, so that the time that it touches may not be ended.

    A portal whose pages never beat is one of commands and tests: nothing is known of it.
    """
    rows = db.execute(select(Heartbeat.part, Heartbeat.ok_at, Heartbeat.failing_since))
    return any(
        row.failing_since is not None or (row.part == Part.PAGES and now - row.ok_at > _SILENT)
        for row in rows
        if _SCOPES[Part(row.part)] in scopes
    )


def _held(db: Connection, part: Part, now: datetime) -> Row[datetime, datetime | None]:
    """The row of ``part``, made if there is none; two that beat at once take turns."""
    insert_missing(db, insert(Heartbeat).values(part=part, ok_at=now))
    return db.execute(
        select(Heartbeat.ok_at, Heartbeat.failing_since)
        .where(Heartbeat.part == part)
        .with_for_update()
    ).one()
