"""The sandbox's state: one SQLite file, one connection, one writer at a time.

Each mutation is one transaction, so an object, its events, their deliveries and
the answer kept for its idempotency key are on disk together or not at all.
"""

import fcntl
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from payments.sandbox.clock import Clock
from payments.sandbox.errors import Json

PAYOUT_OF = "json_extract(private, '$.payout')"
"""Of a balance transaction: the automatic payout that contains it."""

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS objects (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    account  TEXT NOT NULL,
    kind     TEXT NOT NULL,
    created  INTEGER NOT NULL,
    tag      TEXT,              -- what lists filter by: a status, an event's type
    parent   TEXT,              -- the object it belongs to, or was paid by
    due_at   INTEGER,           -- when the sandbox itself has to act on it
    body     TEXT NOT NULL,     -- as the API shows it
    private  TEXT NOT NULL      -- what the API never shows
);
CREATE INDEX IF NOT EXISTS objects_listed ON objects (account, kind, seq);
CREATE INDEX IF NOT EXISTS objects_parent ON objects (parent) WHERE parent IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_due ON objects (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_paid_out ON objects ({PAYOUT_OF}) WHERE {PAYOUT_OF} IS NOT NULL;
CREATE TABLE IF NOT EXISTS deliveries (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    event    TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    state    TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    copies   INTEGER NOT NULL,  -- times it is still to be sent, usually one
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at  REAL NOT NULL,     -- machine time
    outcome  TEXT,              -- of the last attempt, for people
    forged   INTEGER NOT NULL DEFAULT 0  -- times it is still to be signed wrongly
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (next_at) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS deliveries_event ON deliveries (event);
CREATE TABLE IF NOT EXISTS idempotency (
    account     TEXT NOT NULL,
    key         TEXT NOT NULL,
    endpoint    TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status      INTEGER NOT NULL,
    body        BLOB NOT NULL,
    request_id  TEXT NOT NULL,
    created     INTEGER NOT NULL,
    PRIMARY KEY (account, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

LOCK_WAIT_SECONDS = 2.0

COLUMNS = "id, account, kind, created, tag, parent, due_at, body, private"

Value = str | int | float | bytes | None


class DataInUseError(Exception):
    """Another sandbox is working on the same directory."""


@dataclass(slots=True)
class Record:
    """One object of one account."""

    id: str
    account: str
    kind: str
    created: int
    body: Json
    private: Json = field(default_factory=dict)
    tag: str | None = None
    parent: str | None = None
    due_at: int | None = None


@dataclass(frozen=True, slots=True)
class Transaction:
    """What may be done to the state before it is committed.

    ``account`` limits what can be found; ``None`` sees all of them, for the hosted
    page (whose address is the permission) and for the sandbox's own work.
    """

    connection: sqlite3.Connection
    account: str | None
    now: int
    request_id: str | None = None
    idempotency_key: str | None = None

    def sql(self, statement: str, values: Sequence[Value] = ()) -> sqlite3.Cursor:
        return self.connection.execute(statement, values)

    def insert(self, record: Record) -> Record:
        self.sql(
            f"INSERT INTO objects ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            (
                record.id,
                record.account,
                record.kind,
                record.created,
                record.tag,
                record.parent,
                record.due_at,
                dump(record.body),
                dump(record.private),
            ),
        )
        return record

    def save(self, record: Record) -> None:
        self.sql(
            "UPDATE objects SET tag = ?, parent = ?, due_at = ?, body = ?, private = ?"
            " WHERE id = ?",
            (
                record.tag,
                record.parent,
                record.due_at,
                dump(record.body),
                dump(record.private),
                record.id,
            ),
        )

    def delete(self, record: Record) -> None:
        self.sql("DELETE FROM objects WHERE id = ?", (record.id,))

    def find(self, kind: str, object_id: str) -> Record | None:
        found = self.select("kind = ? AND id = ?", (kind, object_id), limit=1)
        return found[0] if found else None

    def select(
        self,
        where: str,
        values: Sequence[Value] = (),
        *,
        order: str = "seq DESC",
        limit: int = 1000,
    ) -> list[Record]:
        """The account's records; ``where`` and ``order`` are this program's own text."""
        if self.account is not None:
            where, values = f"account = ? AND {where}", (self.account, *values)
        rows = self.sql(
            f"SELECT {COLUMNS} FROM objects WHERE {where} ORDER BY {order} LIMIT ?",  # noqa: S608
            (*values, limit),
        )
        return [_record(row) for row in rows]

    def position(self, kind: str, object_id: str) -> int | None:
        """Where the account's object stands in the order of creation."""
        row = self.sql(
            "SELECT seq FROM objects WHERE account IS ? AND kind = ? AND id = ?",
            (self.account, kind, object_id),
        ).fetchone()
        return None if row is None else int(row[0])

    def setting(self, name: str) -> str | None:
        row = self.sql("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set(self, name: str, value: str) -> None:
        self.sql("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (name, value))


class Store:
    """The open state of one directory; ``clock`` is set to where it was left."""

    def __init__(self, data: Path, clock: Clock) -> None:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._guard = _lock_directory(data)
        self._lock = threading.Lock()
        self._clock = clock
        self.committed: Callable[[], None] = lambda: None
        """Called after each commit that changed something, to wake the sender."""
        self._connection = sqlite3.connect(
            data / "sandbox.db", isolation_level=None, check_same_thread=False
        )
        # FULL: an answered request survives a power cut too, as a provider's would.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(SCHEMA)
        self._add_missing_columns()
        with self.transaction() as tx:
            clock.move(int(tx.setting("clock_offset") or 0))

    def _add_missing_columns(self) -> None:
        """To a file that an earlier version made."""
        known = {row[1] for row in self._connection.execute("PRAGMA table_info(deliveries)")}
        if "forged" not in known:
            self._connection.execute(
                "ALTER TABLE deliveries ADD COLUMN forged INTEGER NOT NULL DEFAULT 0"
            )

    @contextmanager
    def transaction(
        self,
        account: str | None = None,
        *,
        request_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Iterator[Transaction]:
        """Commits when the block ends, rolls back when it raises."""
        with self._lock:
            before = self._changes()
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield Transaction(
                    self._connection, account, self._clock.now(), request_id, idempotency_key
                )
                self._connection.execute("COMMIT")
            except BaseException:
                # SQLite may have rolled back by itself, as when the disk is full.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            changed = self._changes() != before
        if changed:
            self.committed()

    @contextmanager
    def connected(self) -> Iterator[Transaction]:
        """For reading only, and without waking anybody afterwards."""
        with self._lock:
            yield Transaction(self._connection, None, self._clock.now())

    def _changes(self) -> int:
        return self._connection.total_changes

    def close(self) -> None:
        with self._lock:
            self._connection.close()
            self._guard.close()


def dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _record(row: Sequence[Any]) -> Record:
    object_id, account, kind, created, tag, parent, due_at, body, private = row
    return Record(
        id=object_id,
        account=account,
        kind=kind,
        created=created,
        body=json.loads(body),
        private=json.loads(private),
        tag=tag,
        parent=parent,
        due_at=due_at,
    )


def _lock_directory(data: Path) -> TextIO:
    """Held until the process ends, however it ends.

    Waits a little: after a kill -9 the former worker needs a moment to notice.
    """
    guard = (data / "sandbox.lock").open("w")
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= deadline:
                guard.close()
                raise DataInUseError(f"another sandbox is using {data}") from None
            time.sleep(0.05)
        else:
            return guard
