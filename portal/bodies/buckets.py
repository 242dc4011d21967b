"""How fast one body, or one network, may come at all: enough for its busiest hour, not for a loop
gone wild.

The bucket stands in the database, so that another process of the portal gives nobody another share.
A process draws from it a handful at a time: a busy body costs two small transactions a second, and
whoever finds the bucket empty costs none until there may be something in it again.
"""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from portal.bodies.model import BodyBucket
from portal.clock import Clock
from portal.db import Database, insert_missing

BURST = 600
A_SECOND = 50
_HANDFUL = 25
_EMPTY = timedelta(seconds=0.2)  # so long is it not looked at again
_FULL_AGAIN = timedelta(seconds=BURST / A_SECOND)


@dataclass
class _Hand:
    """What this process has drawn for one name and not given yet."""

    left: int = 0
    empty_until: datetime | None = None


class Buckets:
    """A bucket for each name, filled as time goes by."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._hands: dict[str, _Hand] = {}
        self._lock = threading.Lock()

    def allows(self, name: str) -> bool:
        """Take one out of the bucket; False when it is empty. The caller holds no transaction."""
        now = self._clock.now()
        with self._lock:
            hand = self._hands.setdefault(name, _Hand())
            if hand.left:
                hand.left -= 1
                return True
            if hand.empty_until is not None and now < hand.empty_until:
                return False
        with self._database.begin() as db:
            drawn = _draw(db, name, now)
        with self._lock:
            hand.empty_until = None if drawn else now + _EMPTY
            hand.left += max(drawn - 1, 0)
        return drawn > 0


def _draw(db: Connection, name: str, now: datetime) -> int:
    """A handful, or as much as is there."""
    mine = BodyBucket.name == name
    found = db.execute(
        select(BodyBucket.level, BodyBucket.at).where(mine).with_for_update()
    ).one_or_none()
    if found is None:
        full = insert(BodyBucket).values(name=name, level=BURST - _HANDFUL, at=now)
        if insert_missing(db, full.returning(BodyBucket.name)) is not None:
            return _HANDFUL
        return _draw(db, name, now)  # another process has made it in this instant
    # the clocks of two machines differ: nobody is filled up twice for the same second
    passed = max((now - found.at).total_seconds(), 0.0)
    level = min(found.level + passed * A_SECOND, BURST)
    drawn = min(int(level), _HANDFUL)
    changed = update(BodyBucket).where(mine)
    db.execute(changed.values(level=level - drawn, at=max(now, found.at)))
    return drawn


def forget_full(db: Connection, now: datetime) -> int:
    """Forget buckets that are full again; how many."""
    return db.execute(delete(BodyBucket).where(BodyBucket.at < now - _FULL_AGAIN)).rowcount
