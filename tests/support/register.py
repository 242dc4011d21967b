"""A register of building permits of any size, filled by the database's own hand."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime

from sqlalchemy import Connection, Table, text

from portal.core import build_core
from portal.db import Base, Database
from portal.permits.model import OWNER_ID, PEOPLE, BuildingPermit, PermitInquiry, PermitOwner
from portal.permits.reading import Owner, People
from portal.permits.registry import street_key
from portal.places.model import load_places
from portal.vault import Vault

_ALL_TABLES = build_core  # imported for them: what hangs on a permit is found among all there are

_CENTERS = tuple(sorted(load_places().centers))
_FIRST_YEAR, _LAST_YEAR = 1996, 2025
_SLOTS = 1000
_NAME = "منى السيد عبد الرحمن شلبي"
_STREETS = 40
_STREET = "شارع الجيش"


def fill_permits(database: Database, vault: Vault, permits: int) -> None:
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
        empty_permits(db)
        db.execute(text("CREATE TEMPORARY TABLE slots (n INTEGER PRIMARY KEY, c TEXT, y INTEGER)"))
        listed = zip((*_CENTERS, *centers), grown, strict=True)
        told = ",".join(f"({n},'{c}',{y})" for n, (c, y) in enumerate(listed))
        db.execute(text(f"INSERT INTO slots VALUES {told}"))
        for each in _FILL:
            statement = _of(postgres, each)
            used = {k: v for k, v in values.items() if f":{k}" in statement}
            db.execute(text(statement), used)
        db.execute(text("DROP TABLE slots"))


def empty_permits(db: Connection) -> None:
    """A register without a permit, and without anything that hangs on one."""
    for table in _of_permits():
        db.execute(table.delete())


def _of_permits() -> Iterator[Table]:
    """The register's table and all that hang on it, those first that nothing hangs on."""
    left: set[Table] = {BuildingPermit.__table__}  # type: ignore[arg-type]
    while more := {t for t in Base.metadata.tables.values() if _below(t) & left} - left:
        left |= more
    while left:
        free = [t for t in left if not any(t in _below(other) for other in left - {t})]
        yield from free
        left -= set(free)


def _below(table: Table) -> set[Table]:
    return {key.column.table for key in table.foreign_keys}


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
        else:  # indexes that are filled out of order are read again and again
            db.execute(text("PRAGMA cache_size = -1000000"))
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
        f" entered_at, entered_by, reviewed_by) {_SERIES},"
        " placed AS (SELECT s.n AS n, c.c AS c, y.y AS y FROM s"
        f" JOIN slots c ON c.n = (s.n * 7919) % {_SLOTS}"
        f" JOIN slots y ON y.n = (s.n * 104729 + s.n / {_SLOTS}) % {_SLOTS})"
        " SELECT n, {serial}, c, y, row_number() OVER (PARTITION BY c, y ORDER BY n), '', 'new',"
        " '119/2008', '', '', 'backlog', 'under_execution', {day}, 1, 'بندر', :street || {tail},"
        " :street_key || {tail}, {house}, '', 'residential', 17500, 70000, 1 + n % 9, '{{}}',"
        " :people, {day}, {day}, {day}, FALSE, {now}, 'clerk', 'reviewer' FROM placed"
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
_THEN = ":now - 15552000.0 / :rows * (:rows - s.n)"
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
        f"strftime('%Y-%m-%d %H:%M:%S.000000', {_THEN}, 'unixepoch')",
        f"to_timestamp({_THEN})",
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
