"""The database: SQLite in one file, or PostgreSQL; the same SQL on both.

Models declare the tables; statements run on a plain :class:`~sqlalchemy.Connection` (Core), so
there is no lazy loading and no hidden flush. ``db`` joins the caller's transaction and never
commits; :class:`Database` opens one. Concerning writes on SQLite: a transaction that will write
takes the write lock at its beginning, because upgrading a read lock can fail half-way.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    LargeBinary,
    MetaData,
    bindparam,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry

from payments.storage import UtcDateTime, insert_missing
from portal.clock import stopwatch

__all__ = ["Base", "Database", "UtcDateTime", "insert_missing", "sealed", "take_turns"]

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
_BUSY_MS = 10_000
# The same patience on PostgreSQL, which by itself waits without end for a lock, for a statement
# that got lost, and for a transaction whose program hangs
_POSTGRES_LIMITS = {
    "lock_timeout": _BUSY_MS,
    "statement_timeout": 30_000,
    "idle_in_transaction_session_timeout": 60_000,
}
_WRITES = "portal_writes"
_GIVEN_BACK = "given_back"
_SURELY_THERE_SECONDS = 1.0


LARGEST_ID = 2**31 - 1
"""Of a row that is counted; a larger number in an address is nobody's."""


class Base(DeclarativeBase):
    """The portal's tables; ``payments`` has its own metadata."""

    metadata = MetaData(naming_convention=NAMES)


def sealed() -> LargeBinary:
    """The type of a column that holds what :class:`~portal.vault.Vault` sealed."""
    return LargeBinary()


class Database:
    """Opens transactions. Every act of the portal is one of them."""

    def __init__(self, url: str, *, pool_size: int = 16, durable: bool = True) -> None:
        """``durable=False`` is for data that can be made again: SQLite then waits for no disk."""
        self.engine = _create_engine(url, pool_size, durable)
        # the same pool; what only reads never waits for a lock there, and never fails by another
        self._reading = (
            self.engine
            if self.engine.dialect.name == "sqlite"
            else self.engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        )

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction that writes: committed at the end, rolled back on any exception."""
        with self.engine.connect() as connection, _writing(connection).begin():
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads, from one consistent state: that of its first statement.

        On SQLite by its journal, on PostgreSQL as REPEATABLE READ, READ ONLY.
        """
        with self._reading.connect() as connection:
            yield connection

    def close(self) -> None:
        self.engine.dispose()


# put together once: that costs more than asking the database
_TURNS = [
    select(
        *(func.pg_advisory_xact_lock(bindparam(f"lock{n}", type_=BigInteger)) for n in range(of))
    )
    for of in range(3)
]


def take_turns(db: Connection, *keys: bytes) -> None:
    """Until the transaction ends, others with one of these keys (two at most, always given in the
    same order) wait: of acts that come in one instant each sees the one before. SQLite's writers
    take turns anyway."""
    if db.dialect.name == "postgresql":
        locks = {f"lock{n}": _lock(key) for n, key in enumerate(keys)}
        db.execute(_TURNS[len(keys)], locks)


def _lock(key: bytes) -> int:
    return int.from_bytes(key[:8], "big", signed=True)


def _writing(connection: Connection) -> Connection:
    return connection.execution_options(**{_WRITES: True})


def _create_engine(url: str, pool_size: int, durable: bool) -> Engine:
    # what was used last is lent first: it has its pages, plans and statements at hand
    if url.startswith("sqlite"):
        engine = create_engine(url, pool_size=pool_size, max_overflow=8, pool_use_lifo=True)
        event.listen(engine, "connect", partial(_prepare_sqlite, durable))
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    limits = " ".join(f"-c {name}={limit_ms}" for name, limit_ms in _POSTGRES_LIMITS.items())
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=8,
        pool_use_lifo=True,
        pool_recycle=1800,
        connect_args={"options": limits, "connect_timeout": 10},
    )
    event.listen(engine, "checkin", _given_back)
    event.listen(engine, "checkout", partial(_still_there, engine.dialect))
    return engine


def _given_back(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info[_GIVEN_BACK] = stopwatch()


def _still_there(dialect: Any, connection: Any, record: ConnectionPoolEntry, _lent: Any) -> None:
    """A connection that has lain idle is asked whether it still stands; else all of that time are
    made anew. One that has just worked is not: under load every question would be asked twice."""
    idle_since = record.info.get(_GIVEN_BACK)
    if idle_since is None or stopwatch() - idle_since < _SURELY_THERE_SECONDS:
        return
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise InvalidatePoolError from error


def _prepare_sqlite(durable: bool, connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={_BUSY_MS}",  # first: another start may be changing the journal
        "journal_mode=WAL",
        f"synchronous={'FULL' if durable else 'OFF'}",
        "foreign_keys=ON",
        "cache_size=-8000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
