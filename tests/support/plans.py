"""How a database goes about statements: each is run as the portal runs it, and explained."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, event

from portal.db import Database
from portal.handoff.relay import Relay

# SQLite's own name of the index that makes ids unique
_NAMES = {"sqlite_autoindex_outbox_messages_1": "uq_outbox_messages_id"}


@dataclass(frozen=True)
class Plan:
    """One statement and what the database says of it, a line for each step."""

    statement: str
    steps: tuple[str, ...]

    @property
    def reads(self) -> frozenset[str]:
        """The indexes whose rows are read, not only the entries; ``""`` for a table as a whole."""
        found = set()
        for step in self.steps:
            whole = re.search(r"Seq Scan on|\b(SCAN|SEARCH) \w+_(messages|events)(?! USING)", step)
            rows = re.search(r"Index Scan (?:Backward )?using (\w+)|USING INDEX (\w+)", step)
            key = re.search(r"USING INTEGER PRIMARY KEY \(rowid(.)", step)
            if whole or (key and key[1] != "="):
                found.add("")
            elif rows:
                found.add(_NAMES.get(rows[1] or rows[2], rows[1] or rows[2]))
            elif key:
                found.add("pk_outbox_messages")
        return frozenset(found)

    @property
    def sorts(self) -> bool:
        return any(re.search(r"\bSort\b|TEMP B-TREE", step) for step in self.steps)

    @property
    def searches(self) -> bool:
        """Whether every table is gone about by the key of an index, and none is read through."""
        if any("SCAN" in step or "Seq Scan" in step for step in self.steps):
            return False
        scans = [step for step in self.steps if re.search(r"\bIndex (Only )?Scan\b", step)]
        return len(scans) == len([step for step in self.steps if "Index Cond" in step])

    @property
    def text(self) -> str:
        return "\n  ".join((" ".join(self.statement.split())[:90], *self.steps))


def plans_of(
    database: Database,
    act: Callable[[Connection], object],
    *,
    options: str = "",
    small: bool = False,
) -> list[Plan]:
    """The plans of all that ``act`` asks for; nothing of it stays.

    ``options`` are PostgreSQL's for EXPLAIN, such as ``(ANALYZE, BUFFERS)``. ``small``: it would
    rather read all of a small table, whatever indexes there are, and is told to do so only where
    none serves.
    """
    ran: list[tuple[str, Any]] = []
    with database.engine.connect() as db:
        postgres = db.dialect.name == "postgresql"
        if postgres and small:
            db.exec_driver_sql("SET LOCAL enable_seqscan = off")
            db.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        if not db.in_transaction():
            db.begin()
        event.listen(db, "before_cursor_execute", lambda *seen: ran.append((seen[2], seen[3])))
        act(db)
        explain = f"EXPLAIN {options}" if postgres else "EXPLAIN QUERY PLAN"
        once = dict(reversed(ran))
        found = [
            Plan(told, tuple(str(row[-1]) for row in db.exec_driver_sql(f"{explain} {told}", each)))
            for told, each in reversed(once.items())
        ]
        db.rollback()
    return found


def claiming(relay: Relay, now: datetime) -> Callable[[Connection], object]:
    """What a relay asks when it takes up a batch."""

    def act(db: Connection) -> None:
        centers = sorted(db.scalars(relay._centers, {"now": now}))
        candidates = relay._candidates(db, centers, now)
        relay._lease(db, relay._without_those_behind(db, candidates, now), now)

    return act
