"""``python -m bench.permits``: what an inquiry costs, with few permits and with two million.

The real application answers over HTTP, behind a proxy that tells the asker's address; each address
asks a few questions and each center is asked less than its limit, so that the register answers and
not its pace. The bare application of the same server is asked in the same run, turn by turn. All
permits share one sealed value with their owner's name, and so do all owners' national IDs: how long
it is opened and how much room it takes is as in life.
"""

import argparse
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import median
from urllib.parse import quote

from sqlalchemy import Connection, Table, text

from bench.processes import cpu_ns
from portal.db import Database
from portal.permits.model import OWNER_ID, PEOPLE, BuildingPermit, PermitInquiry, PermitOwner
from portal.permits.reading import Owner, People
from portal.permits.registry import street_key
from portal.places.model import load_places
from portal.settings import read_settings
from portal.vault import Vault
from tests.support.postgres import running_postgres
from tests.support.sandbox import eventually, free_port
from tests.support.stack import Stack

FEW, MANY, LOG = 10_000, 2_000_000, 1_000_000
_CENTERS = tuple(sorted(load_places().centers))
_FIRST_YEAR, _LAST_YEAR = 1996, 2025
_SLOTS = 1000
_NAME = "منى السيد عبد الرحمن شلبي"
_STREETS = 40
_STREET = "شارع الجيش"
_A_TURN = 150
_TURNS = 6
_AT_ONCE = 8
_ADDRESS_ASKS = 4  # of the questions that each address has an hour
_LONGEST_HEAD = 4096
_asker = count(1)


@dataclass(frozen=True)
class Row:
    """One kind of question: requests a second of 8 clients at once, as a share of the baseline's;
    the server's CPU likewise; milliseconds of one client, the median and the slowest of a hundred.
    """

    name: str
    share: float
    cpu_share: float
    p50: float
    p99: float


class Client:
    """A kept-alive connection that costs next to nothing."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, path: str, address: str) -> int:
        """The status of the answer, which is read whole."""
        head = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: br\r\n"
            f"X-Forwarded-For: {address}\r\n\r\n"
        )
        self._socket.sendall(head.encode())
        told = b""
        while (end := told.find(b"\r\n\r\n")) < 0:
            told += self._more()
        fields = told[:end].lower()
        length = int(fields.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        missing = length - (len(told) - end - 4)
        while missing > 0:
            missing -= len(self._more())
        return int(told[9:12])

    def _more(self) -> bytes:
        more = self._socket.recv(65536)
        assert more, "the server closed the connection"
        return more


@dataclass
class Server:
    """A port, and the process whose work is counted."""

    port: int
    pid: int

    def turn(self, ask: Callable[[Client], None]) -> tuple[float, float, list[float]]:
        """Requests a second of several clients, CPU of one in µs, and milliseconds of one client
        alone."""
        clients = [Client(self.port) for _ in range(_AT_ONCE)]
        alone: list[float] = []
        for _ in range(_A_TURN):
            began = time.perf_counter()
            ask(clients[0])
            alone.append((time.perf_counter() - began) * 1000)

        def many(client: Client) -> None:
            for _ in range(_A_TURN // _AT_ONCE * 2):
                ask(client)

        threads = [threading.Thread(target=many, args=(client,)) for client in clients]
        before, began = cpu_ns([self.pid]), time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - began
        asked = _A_TURN // _AT_ONCE * 2 * _AT_ONCE
        return asked / seconds, (cpu_ns([self.pid]) - before) / 1000 / asked, alone


@contextmanager
def bare_server() -> Iterator[Server]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.hello", str(port)])

    def answers() -> bool:
        try:
            Client(port).get("/", "")
        except OSError:
            return False
        return True

    try:
        eventually(answers, 10)
        yield Server(port, process.pid)
    finally:
        process.terminate()
        process.wait()


# --- the register


def fill(database: Database, vault: Vault, permits: int) -> None:
    """A register by the database's own hand: large centers have many permits and small ones few,
    and the years grow; each third permit names an owner by the national ID."""
    sizes = [1 + 600 // (rank + 3) for rank in range(len(_CENTERS))]  # a few large, many small
    centers = random.Random(1).choices(_CENTERS, sizes, k=_SLOTS - len(_CENTERS))
    years = range(_FIRST_YEAR, _LAST_YEAR + 1)
    grown = random.Random(2).choices(years, [5 + n for n in range(len(years))], k=_SLOTS)
    values = {
        "rows": permits,
        "people": vault.seal_json(PEOPLE, asdict(People([Owner(_NAME, "29001018800018")]))),
        "sealed": vault.seal(OWNER_ID, "29001018800018"),
        "street": _STREET,
        "street_key": street_key(_STREET),
    }
    postgres = database.engine.dialect.name == "postgresql"
    with _bulk(database, [BuildingPermit, PermitOwner]) as db:
        db.execute(text("DELETE FROM permit_inquiries"))
        for table in ("permit_acts", "permit_owners", "building_permits"):
            db.execute(text(f"DELETE FROM {table}"))
        db.execute(text("CREATE TEMPORARY TABLE slots (n INTEGER PRIMARY KEY, c TEXT, y INTEGER)"))
        listed = zip((*_CENTERS, *centers), grown, strict=True)
        told = ",".join(f"({n},'{c}',{y})" for n, (c, y) in enumerate(listed))
        db.execute(text(f"INSERT INTO slots VALUES {told}"))
        for each in _FILL:
            statement = _of(postgres, each)
            used = {k: v for k, v in values.items() if f":{k}" in statement}
            db.execute(text(statement), used)
        db.execute(text("DROP TABLE slots"))


def fill_log(database: Database, rows: int) -> None:
    """So many questions of the last half year, the newest of them now; of those older than a day
    the worker has forgotten who asked how fast."""
    postgres = database.engine.dialect.name == "postgresql"
    with _bulk(database, [PermitInquiry]) as db:
        now = int(datetime.now(UTC).timestamp())
        values = {"rows": rows, "now": now, "fresh": rows // 180}
        db.execute(text(_of(postgres, _FILL_LOG)), values)


@contextmanager
def _bulk(database: Database, models: Sequence[type]) -> Iterator[Connection]:
    """A transaction whose tables get their indexes when their rows are there."""
    tables: list[Table] = [model.__table__ for model in models]  # type: ignore[attr-defined]
    indexes = [index for table in tables for index in table.indexes]
    postgres = database.engine.dialect.name == "postgresql"
    with database.begin() as db:
        if postgres:
            db.execute(text("SET LOCAL statement_timeout = 0"))
        for index in indexes:
            index.drop(db)
        yield db
        for index in indexes:
            index.create(db)
        for table in tables if postgres else ():
            if "id" in table.c:
                given = f"pg_get_serial_sequence('{table.name}', 'id')"
                db.execute(text(f"SELECT setval({given}, max(id)) FROM {table.name}"))
    if postgres:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            db.execute(text("SET statement_timeout = 0"))
            db.execute(text("VACUUM ANALYZE"))
            db.execute(text("CHECKPOINT"))


_SERIES = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < :rows)"
_FILL = (
    (
        "INSERT INTO building_permits (id, serial, center_code, year, number, letter, permit_type,"
        " legal_regime, base_permit, file_no, source, status, status_on, revision, area, street,"
        " street_key, building_no, plot_no, building_use, plot_area, total_built_area,"
        " floors_above, details, people, issued_on, must_start_by, started_on, start_disputed,"
        f" entered_at) {_SERIES},"
        " placed AS (SELECT s.n AS n, c.c AS c, y.y AS y FROM s"
        f" JOIN slots c ON c.n = (s.n * 7919) % {_SLOTS}"
        f" JOIN slots y ON y.n = (s.n * 104729 + s.n / {_SLOTS}) % {_SLOTS})"
        " SELECT n, {serial}, c, y, row_number() OVER (PARTITION BY c, y ORDER BY n), '', 'new',"
        " '119/2008', '', '', 'backlog', 'under_execution', {day}, 1, 'بندر', :street || {tail},"
        " :street_key || {tail}, {house}, '', 'residential', 17500, 70000, 1 + n % 9, '{{}}',"
        " :people, {day}, {day}, {day}, FALSE, {now} FROM placed"
    ),
    (
        "INSERT INTO permit_owners (permit_id, position, national_id, national_id_index)"
        f" {_SERIES} SELECT n, 0, :sealed, {{hash}} FROM s WHERE n % 3 = 0"
    ),
)
_FILL_LOG = (
    "INSERT INTO permit_inquiries (at, permit_id, center_code, keys, asker_kind, pace_key,"
    f" open_to_all, purpose, answer) {_SERIES}"
    " SELECT {then}, p.id, p.center_code, 'number ' || p.number || '/' || p.year, 'anyone',"
    " CASE WHEN :rows - s.n < :fresh THEN {hash} END, :rows - s.n < :fresh, 'public', 'found'"
    " FROM s JOIN building_permits p ON p.id = 1 + (s.n * 7919) % 10000"
)
_WORDS = {
    "serial": ("printf('S%019d', n * 7)", "'S' || lpad((n * 7)::text, 19, '0')"),
    "day": ("(y || '-06-15')", "make_date(y, 6, 15)"),
    "tail": (f"' ' || (n % {_STREETS})",) * 2,
    "house": (f"CAST(n / {_STREETS} % 400 AS TEXT)",) * 2,
    "now": ("'2026-01-01 00:00:00.000000'", "now()"),
    "hash": (
        "CAST(printf('%032d', s.n % 200000) AS BLOB)",
        "convert_to(lpad((s.n % 200000)::text, 32, '0'), 'UTF8')",
    ),
    "then": (
        "strftime('%Y-%m-%d %H:%M:%S.000000', :now - 15552000.0 / :rows * (:rows - s.n),"
        " 'unixepoch')",
        "to_timestamp(:now - 15552000.0 / :rows * (:rows - s.n))",
    ),
}


def _of(postgres: bool, statement: str) -> str:
    told = statement.format(**{name: each[postgres] for name, each in _WORDS.items()})
    if postgres:
        told = told.replace(_SERIES, "WITH s AS (SELECT n FROM generate_series(1, :rows) AS n)")
        told = told.replace("s.n * 7919", "s.n::bigint * 7919").replace(
            "s.n * 104729", "s.n::bigint * 104729"
        )
    return told


# --- the questions


class Questions:
    """Paths that each ask for something new, spread over all centers alike."""

    def __init__(self, database: Database) -> None:
        self._random = random.Random(3)
        with database.read() as db:
            most = db.execute(text("SELECT max(id) FROM building_permits")).scalar_one()
            self._known = [
                db.execute(text("SELECT * FROM building_permits WHERE id = :id"), {"id": n})
                .mappings()
                .one()
                for n in self._random.sample(range(1, most + 1), 6000)
            ]
        by_center: dict[str, list[int]] = {}
        for position, row in enumerate(self._known):
            by_center.setdefault(row["center_code"], []).append(position)
        turns = max(map(len, by_center.values()))
        self._order = [
            each[turn] for turn in range(turns) for each in by_center.values() if turn < len(each)
        ]
        self._next = {name: count() for name in ("number", "none", "code", "address")}

    def path(self, kind: str) -> str:
        step = next(self._next[kind])
        row = self._known[self._order[step % len(self._order)]]
        if kind == "code":
            return f"/permits/{row['serial']}"
        if kind == "address":
            street, house = quote(row["street"]), row["building_no"]
            return f"/permits?center={row['center_code']}&street={street}&building_no={house}"
        number = row["number"] if kind == "number" else 500_000 + step
        return f"/permits/{row['center_code']}/{row['year']}/{number}"


def stranger() -> str:
    n = next(_asker) // _ADDRESS_ASKS
    return f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"


_KINDS = {
    "number": ("by number", 200),
    "none": ("by number, not there", 404),
    "code": ("by the code on the sign", 200),
    "address": ("by address", 200),
}


def measure(portal: Server, bare: Server, database: Database) -> Iterator[Row]:
    questions = Questions(database)
    for kind, (name, status) in _KINDS.items():

        def ask(client: Client, kind: str = kind, status: int = status) -> None:
            path = questions.path(kind)
            told = client.get(path, stranger())
            assert told == status, (path, told)

        shares, cpus, alone = [], [], []
        for _ in range(_TURNS):
            rate, cpu, _ = bare.turn(lambda client: _ok(client.get("/", "")))
            own_rate, own_cpu, ms = portal.turn(ask)
            shares.append(own_rate / rate)
            cpus.append(cpu / own_cpu)
            alone += ms
        alone.sort()
        yield Row(name, median(shares), median(cpus), median(alone), alone[len(alone) * 99 // 100])


def _ok(status: int) -> None:
    assert status == 200


def print_permits(many: int, log: int, kinds: Sequence[str]) -> None:
    for kind in kinds:
        with ExitStack() as stack:
            bare = stack.enter_context(bare_server())
            server = (
                stack.enter_context(running_postgres(durable=True)) if kind != "sqlite" else None
            )
            print(f"{kind:28}{'of bare':>9}{'CPU':>9}{'p50 ms':>9}{'p99 ms':>9}")
            for permits, rows in ((FEW, 0), (many, 0), (many, log)):
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
                url = server.fresh_database() if server else ""
                portal = Stack(folder, url, {"PORTAL_TRUSTED_PROXIES": "1"}).prepare()
                vault = Vault(read_settings(portal.environment).secret_keys)
                began = time.perf_counter()
                fill(portal.database, vault, permits)
                if rows:
                    fill_log(portal.database, rows)
                seconds = time.perf_counter() - began
                print(f"{permits:,} permits, {rows:,} logged, filled in {seconds:.0f} s")
                portal.start("sandbox", "serve")
                try:
                    told = Server(portal.port, portal.pid("serve"))
                    for row in measure(told, bare, portal.database):
                        print(
                            f"  {row.name:26}{row.share:9.3f}{row.cpu_share:9.3f}"
                            f"{row.p50:9.2f}{row.p99:9.2f}",
                            flush=True,
                        )
                finally:
                    portal.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench.permits", description=__doc__)
    parser.add_argument("--permits", type=int, default=MANY, help=f"default {MANY:,}")
    parser.add_argument("--log", type=int, default=LOG, help=f"questions kept (default {LOG:,})")
    parser.add_argument("--only", choices=("sqlite", "postgresql"), help="one database")
    chosen = parser.parse_args()
    databases = (chosen.only,) if chosen.only else ("sqlite", "postgresql")
    print_permits(chosen.permits, chosen.log, databases)
