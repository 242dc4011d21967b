"""``python -m bench.outbox``: what an outbox costs when millions were sent from it.

Two tables that differ in how much was sent, and in nothing else: 3,230 messages wait for 323
centers, 50 are parked, 2,000 have no answer. Each act is done on both, turn by turn, and told as a
ratio. What is sent has a payload of 100 bytes in place of some 9,000: no act here reads it.
"""

import argparse
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from sqlalchemy import Connection, Table, text

from bench.handoff import _CENTERS as SOME_CENTERS
from portal.clock import SettableClock, public_id
from portal.db import Database
from portal.handoff import inward, outbox
from portal.handoff.messages import REQUEST_PAID, Message
from portal.handoff.model import InwardEvent, OutboxMessage
from portal.handoff.outbox import Range
from portal.handoff.relay import Claimed, Relay
from portal.handoff.transports import KEPT, Outcome, Parcel
from portal.observability import configure_logs
from portal.places.model import load_places
from tests.support.plans import claiming, plans_of
from tests.support.postgres import running_postgres
from tests.support.wall import Wall

ROWS = 5_000_000
FEW = 10_000
_BATCH = 256
_MEASURED = "(ANALYZE, BUFFERS, COSTS OFF, TIMING OFF)"
_ROUNDS = 9
_WAITING = 10  # for each center
_PARKED = 50
_UNANSWERED = 2000
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)  # one message a second from then on
_CENTERS = tuple(sorted(load_places().centers))


class _Nowhere:
    """A transport that keeps everything: what is measured is the database."""

    batch = _BATCH

    def deliver(self, parcels: Sequence[Parcel]) -> Sequence[Outcome]:
        return [KEPT] * len(parcels)


@dataclass
class Box:
    """An outbox of so many rows, and the events that have come back."""

    rows: int
    wall: Wall
    relay: Relay
    now: datetime
    claimed: Sequence[Claimed] = ()
    put: int = 0
    ms: dict[str, list[float]] = field(default_factory=dict)

    def time(self, name: str, act: Callable[[], object]) -> None:
        began = time.perf_counter()
        act()
        self.ms.setdefault(name, []).append((time.perf_counter() - began) * 1000)


@dataclass(frozen=True)
class Cost:
    """Milliseconds of one act, the median of some rounds, on few rows and on many."""

    act: str
    few: float
    many: float

    @property
    def ratio(self) -> float:
        return self.many / self.few


def boxes(url: str, folder: Path, rows: int) -> Box:
    portal_url, center_url = (f"sqlite:///{folder / public_id()}.sqlite3" for _ in range(2))
    wall = Wall(folder, url or portal_url, center_url)
    fill(wall.portal, rows)
    now = _FIRST + timedelta(seconds=rows + 60)
    wall.clock = SettableClock(now)
    wall.packing = None  # type: ignore[assignment]
    relay = Relay(wall.portal, wall.vault, OutboxMessage, _Nowhere(), wall.packing, wall.clock)
    return Box(rows, wall, relay, now)


def fill(database: Database, rows: int) -> None:
    """Rows by the database's own hand; the indexes are made when they are there."""
    waiting = _WAITING * len(_CENTERS)
    tables = [model.__table__ for model in (OutboxMessage, InwardEvent)]
    indexes = [each for t in tables if isinstance(t, Table) for each in t.indexes]
    postgres = database.engine.dialect.name == "postgresql"
    codes = ",".join(f"('{code}',{n})" for n, code in enumerate(_CENTERS))
    first = rows - waiting - _PARKED - _UNANSWERED
    values = {
        "rows": rows,
        "centers": len(_CENTERS),
        "type": REQUEST_PAID,
        # what is oldest was sent and answered, then come those without an answer
        "unanswered": first,
        "parked": first + _UNANSWERED,
        "waiting": first + _UNANSWERED + _PARKED,
    }
    with database.begin() as db:
        if postgres:
            db.execute(text("SET LOCAL statement_timeout = 0"))
        for index in indexes:
            index.drop(db)
        db.execute(text("CREATE TEMPORARY TABLE codes (code VARCHAR(8), n INTEGER PRIMARY KEY)"))
        db.execute(text(f"INSERT INTO codes VALUES {codes}"))
        for statement in _FILL_POSTGRES if postgres else _FILL_SQLITE:
            db.execute(text(statement), {k: v for k, v in values.items() if f":{k}" in statement})
        for index in indexes:
            index.create(db)
        if postgres:
            given = "pg_get_serial_sequence('outbox_messages', 'position')"
            db.execute(text(f"SELECT setval({given}, :rows)"), {"rows": rows})
    if postgres:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            db.execute(text("SET statement_timeout = 0"))
            db.execute(text("VACUUM ANALYZE"))
            db.execute(text("CHECKPOINT"))


_COLUMNS = (
    "(position, id, type, center_code, subject, payload, state, attempts, last_error,"
    " created_at, available_at, sent_at, answered_at)"
)
_FILL_SQLITE = (
    (
        "CREATE TEMPORARY TABLE s AS WITH RECURSIVE s(n) AS"
        " (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < :rows)"
        " SELECT n, strftime('%Y-%m-%d %H:%M:%S.000000', 1767225600 + n, 'unixepoch') AS at FROM s"
    ),
    (
        f"INSERT INTO outbox_messages {_COLUMNS}"
        " SELECT s.n, printf('m%012d', s.n), :type, codes.code, printf('r%09d', s.n),"
        " zeroblob(CASE WHEN s.n > :waiting THEN 9000 ELSE 100 END),"
        " CASE WHEN s.n > :waiting THEN 'waiting' WHEN s.n > :parked THEN 'parked' ELSE 'sent' END,"
        " 1, '', at, at, CASE WHEN s.n > :parked THEN NULL ELSE at END,"
        " CASE WHEN s.n > :unanswered THEN NULL ELSE at END"
        " FROM s JOIN codes ON codes.n = s.n % :centers ORDER BY s.n"
    ),
    (
        "INSERT INTO inward_events (id, type, center_code, subject, payload, state, reason,"
        " received_at, applied_at)"
        " SELECT printf('m%012d', s.n), 'request.registered.v1', codes.code,"
        " printf('r%09d', s.n), zeroblob(100),"
        " CASE WHEN s.n > :waiting THEN 'parked' ELSE 'applied' END, '', at, at"
        " FROM s JOIN codes ON codes.n = s.n % :centers WHERE s.n <= :waiting + 50 ORDER BY s.n"
    ),
    "DROP TABLE s",
)
_FILL_POSTGRES = tuple(
    each.replace("printf('m%012d', s.n)", "'m' || lpad(s.n::text, 12, '0')")
    .replace("printf('r%09d', s.n)", "'r' || lpad(s.n::text, 9, '0')")
    .replace(
        "strftime('%Y-%m-%d %H:%M:%S.000000', 1767225600 + n, 'unixepoch')",
        "to_timestamp(1767225600 + n)",
    )
    .replace("zeroblob(100)", "decode(repeat('00', 100), 'hex')")
    .replace(
        "zeroblob(CASE WHEN s.n > :waiting THEN 9000 ELSE 100 END)",
        "decode(repeat('00', CASE WHEN s.n > :waiting THEN 9000 ELSE 100 END), 'hex')",
    )
    .replace(
        "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < :rows) SELECT n,",
        "SELECT n,",
    )
    .replace("AS at FROM s", "AS at FROM generate_series(1, :rows) AS n")
    for each in _FILL_SQLITE
)


def costs(few: Box, many: Box) -> Iterator[Cost]:
    for number in range(_ROUNDS):
        for box in (few, many) if number % 2 else (many, few):
            _round(box, number)
    for name, ms in few.ms.items():
        yield Cost(name, median(ms), median(many.ms[name]))


def _round(box: Box, number: int) -> None:
    relay, database = box.relay, box.wall.portal

    def claim() -> None:
        box.claimed = relay.claim(box.now)

    def put() -> None:
        box.put += 1
        told = Message(
            f"new-{box.put}", REQUEST_PAID, SOME_CENTERS[0], f"n{box.put}", "portal", box.now, {}
        )
        with database.begin() as db:
            outbox.put(db, box.wall.vault, OutboxMessage, told)

    box.time(f"take up {_BATCH}", claim)
    box.time(f"write down {_BATCH}", lambda: relay.write([(each, KEPT) for each in box.claimed]))
    box.time("put one", put)
    for name, act in acts(box.rows, box.now, number).items():
        with database.engine.connect() as db, db.begin() as transaction:
            box.time(name, lambda act=act, db=db: act(db))  # type: ignore[misc]
            transaction.rollback()


def acts(rows: int, now: datetime, number: int = 0) -> dict[str, Callable[[Connection], object]]:
    """What is asked of an outbox beside taking up."""
    hour = _FIRST + timedelta(seconds=rows // 10)
    range_of_time = Range(since=hour, until=hour + timedelta(hours=1))
    of_center = Range(center=_CENTERS[7], since=range_of_time.since, until=range_of_time.until)
    answered = f"r{rows - _WAITING * len(_CENTERS) - _PARKED - 1 - number:09d}"

    def metrics(db: Connection) -> None:
        outbox.backlog(db, OutboxMessage)
        outbox.unanswered(db, now)
        inward.shut_out(db)

    def status(db: Connection) -> None:
        metrics(db)
        outbox.parked(db, OutboxMessage)
        outbox.by_center(db)
        inward.stuck(db)

    return {
        "a center has answered": lambda db: outbox.answered(db, answered, now),
        "metrics": metrics,
        "handoff status": status,
        "replay --count, an hour": lambda db: outbox.count(db, OutboxMessage, range_of_time),
        "replay, 1000 of an hour": lambda db: outbox.replay(db, OutboxMessage, range_of_time, now),
        "replay, a center's hour": lambda db: outbox.replay(db, OutboxMessage, of_center, now),
        "replay, one by its id": lambda db: outbox.replay(
            db, OutboxMessage, Range([f"m{rows // 2:012d}"]), now
        ),
    }


def print_outbox(rows: int) -> None:
    configure_logs(logging.ERROR)
    for kind in ("sqlite", "postgresql"):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
            urls = ["", ""]
            if kind == "postgresql":
                server = stack.enter_context(running_postgres(durable=True))
                urls = [server.fresh_database() for _ in range(2)]
            began = time.perf_counter()
            few, many = (boxes(url, folder, n) for url, n in zip(urls, (FEW, rows), strict=True))
            seconds = time.perf_counter() - began
            print(
                f"{kind + ', ms':28}{FEW:>10,}{rows:>12,}{'ratio':>8}   filled in {seconds:.0f} s"
            )
            for cost in costs(few, many):
                print(
                    f"{cost.act:28}{cost.few:10.2f}{cost.many:12.2f}{cost.ratio:8.2f}", flush=True
                )
            print(f"\nhow {kind} takes up a batch from {rows:,} rows")
            claim = plans_of(many.wall.portal, claiming(many.relay, many.now), options=_MEASURED)
            print(*(plan.text for plan in claim), "", sep="\n")
            for box in (few, many):
                box.wall.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench.outbox", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"sent so far (default {ROWS:,})")
    print_outbox(parser.parse_args().rows)
