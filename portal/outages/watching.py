"""Notices that a center with a system of its own has stopped answering.

What the portal knows of such a center: whether something waits for it, when it last acknowledged a
message at the broker, and when its last event came. A center for which something waits and of which
nothing is heard for a while of the counters' hours may be out. That is recorded, from when it
should have answered, and ends when it is heard again. It is a suspicion: citizens' time grows by
it, a legal period only when a person confirms it.

Silence counts only as far as somebody listened. After a time in which the portal itself, its worker
or the broker was away it is counted anew, and so it is after a person has said that it was none.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from portal.catalogue.deadlines import Calendar, counter_time, counters_from
from portal.db import insert_missing
from portal.outages import register
from portal.outages.model import CenterWatch

UNWATCHED = timedelta(minutes=5)
"""A look is made every minute; after so long without one silence is counted anew."""


@dataclass(frozen=True)
class Seen:
    """One center at this moment."""

    center: str
    governorate: str
    calendar: Calendar
    waits: bool
    """Whether something waits for it: a message, or a request that has no number of it yet."""
    acknowledged_at: datetime | None
    """When it last acknowledged a message, by the broker's clock; None: nothing is known."""
    heard_at: datetime | None
    """When its last event came."""


@dataclass(frozen=True)
class _Watch:
    """What the look before has left: the row of a center."""

    center: str
    looked_at: datetime
    silent_since: datetime | None
    acknowledged_at: datetime | None


@dataclass(frozen=True)
class Noticed:
    """Centers that a look has found silent, and those that are heard again."""

    silent: Sequence[str]
    heard: Sequence[str]


def look(db: Connection, centers: Collection[Seen], patience: timedelta, now: datetime) -> Noticed:
    """Take down what was seen of every center with a system of its own.

    ``patience`` is how much of the counters' hours may pass in silence.
    """
    under_way = register.noticed_under_way(db)
    known = _watches(db, centers, now)
    silent: list[str] = []
    heard: list[str] = []
    for seen in centers:
        row = known[seen.center]
        last = _last_sign(row, seen, now)
        if seen.center in under_way:
            outage, began_at = under_way.pop(seen.center)
            if not seen.waits or (last is not None and last > began_at):
                register.end(db, outage, last if seen.waits and last else now)
                heard.append(seen.center)
        since = _silent_since(row, seen, last, now)
        if since is not None and _is_out(db, seen, since, patience, now):
            began_at = counters_from(_counted_from(db, seen, since), seen.calendar)
            if register.notice(db, seen.center, began_at, now):
                silent.append(seen.center)
        _note(db, row, seen, since, now)
    for center, (outage, _) in under_way.items():  # the own back office serves it now
        register.end(db, outage, now)
        heard.append(center)
    return Noticed(silent, heard)


def _watches(db: Connection, centers: Collection[Seen], now: datetime) -> Mapping[str, _Watch]:
    """The rows of these centers, made where there is none; two that look at once take turns."""
    query = (
        select(
            CenterWatch.center_code,
            CenterWatch.looked_at,
            CenterWatch.silent_since,
            CenterWatch.acknowledged_at,
        )
        .where(CenterWatch.center_code.in_([seen.center for seen in centers]))
        .order_by(CenterWatch.center_code)
        .with_for_update()
    )
    known = {row.center_code: _Watch(*row) for row in db.execute(query)}
    new = [seen for seen in centers if seen.center not in known]
    for seen in new:
        values = {
            "center_code": seen.center,
            "looked_at": now,
            "silent_since": now if seen.waits else None,
            "acknowledged_at": seen.acknowledged_at,
        }
        insert_missing(db, insert(CenterWatch).values(values))
    return {row.center_code: _Watch(*row) for row in db.execute(query)} if new else known


def _last_sign(row: _Watch, seen: Seen, now: datetime) -> datetime | None:
    """When the center was last heard, by our clock: the broker's tells only that it was."""
    acknowledged = seen.acknowledged_at is not None and seen.acknowledged_at != row.acknowledged_at
    return now if acknowledged else seen.heard_at


def _silent_since(
    row: _Watch,
    seen: Seen,
    last: datetime | None,
    now: datetime,
) -> datetime | None:
    if not seen.waits:
        return None
    if row.silent_since is None or now - row.looked_at > UNWATCHED:
        return now
    return max(row.silent_since, last) if last is not None else row.silent_since


def _counted_from(db: Connection, seen: Seen, since: datetime) -> datetime:
    """What a person has ended or withdrawn is not found once more by the same silence."""
    closed = register.closed_at(db, [seen.center, seen.governorate])
    return max(since, closed) if closed is not None else since


def _is_out(
    db: Connection, seen: Seen, since: datetime, patience: timedelta, now: datetime
) -> bool:
    if counter_time(since, now, seen.calendar) < patience:
        return False
    if register.is_under_way(db, [seen.center, seen.governorate]):
        return False
    return counter_time(_counted_from(db, seen, since), now, seen.calendar) >= patience


def _note(
    db: Connection,
    row: _Watch,
    seen: Seen,
    since: datetime | None,
    now: datetime,
) -> None:
    db.execute(
        update(CenterWatch)
        .where(CenterWatch.center_code == seen.center)
        .values(
            looked_at=now,
            silent_since=since,
            acknowledged_at=seen.acknowledged_at or row.acknowledged_at,
        )
    )
