"""What a client must not forget, in one SQLite file: what it took, refused, and answers.

Your function works in the same transaction (:attr:`Turn.db`): a request is registered, its message
taken and the answer on its way, or none of these.
"""

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from .contract import Contract
from .messages import Message

_TABLES = """
CREATE TABLE IF NOT EXISTS handoff_taken (
    id TEXT PRIMARY KEY, type TEXT NOT NULL, subject TEXT NOT NULL, at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS handoff_refused (
    digest TEXT PRIMARY KEY, reason TEXT NOT NULL, body BLOB NOT NULL, at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS handoff_answers (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    subject TEXT NOT NULL,
    type TEXT NOT NULL,
    at TEXT NOT NULL,
    data TEXT NOT NULL,
    papers TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'rejected')),
    reason TEXT NOT NULL DEFAULT '',
    again INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS handoff_answers_waiting
    ON handoff_answers (subject, position) WHERE state = 'waiting';
"""
# the first that waits of each request: what comes behind it follows it
_DUE = """
SELECT id, subject, type, at, data, papers, again, attempts FROM handoff_answers AS a
WHERE state = 'waiting' AND due <= ? AND NOT EXISTS (
    SELECT 1 FROM handoff_answers AS b
    WHERE b.state = 'waiting' AND b.subject = a.subject AND b.position < a.position
) ORDER BY position LIMIT ?
"""
_BUSY_SECONDS = 30


@dataclass(frozen=True)
class Paper:
    """A document that the center issues."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Answer:
    """An event of the center on its way."""

    id: str
    subject: str
    type: str
    at: str
    data: Mapping[str, Any]
    papers: Sequence[Mapping[str, str]]
    """``name``, ``media_type``, ``sha256``, and ``jti``: the name of the upload's permission."""
    again: int
    attempts: int


class Turn:
    """One transaction: what your function does with :attr:`db`, and what it answers."""

    def __init__(self, db: sqlite3.Connection, contract: Contract, files: Path) -> None:
        self.db = db
        """Tables of your own are welcome; do not commit."""
        self._contract = contract
        self._files = files

    def answer(
        self,
        request: str,
        kind: str,
        data: Mapping[str, Any] | None = None,
        papers: Sequence[Paper] = (),
    ) -> str:
        """Tell the portal of an act, now done, about a request: the event's id.

        Answers about one request leave in the order in which they were given; ``papers`` are
        uploaded before. Raises :class:`ValueError` for data against the schema.
        """
        said = dict(data or {})
        kept = [self._kept(paper) for paper in papers]
        self._check(kind, said, kept)
        event = str(uuid.uuid4())
        self.db.execute(
            "INSERT INTO handoff_answers (id, subject, type, at, data, papers)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (event, request, kind, _now(), json.dumps(said), json.dumps(kept)),
        )
        return event

    def mend(self, event: str, data: Mapping[str, Any]) -> None:
        """Send an event that was rejected once more, under the same id, with other data."""
        known = self.db.execute("SELECT type, papers FROM handoff_answers WHERE id = ?", (event,))
        row = known.fetchone()
        if row is None:
            raise ValueError(f"no event {event}")
        kind, papers = row
        self._check(kind, data, json.loads(papers))
        self.db.execute(
            "UPDATE handoff_answers SET data = ?, state = 'waiting', reason = '', attempts = 0,"
            " due = 0, again = again + 1 WHERE id = ?",
            (json.dumps(data), event),
        )

    def _check(self, kind: str, data: Mapping[str, Any], papers: Sequence[Any]) -> None:
        if not self._contract.knows(kind):
            raise ValueError(f"no type {kind}")
        named = [{**paper, "href": "when it is uploaded"} for paper in papers]
        faults = self._contract.faults(kind, {**data, "documents": named} if named else data)
        if faults:
            raise ValueError(f"against the schema {kind}: {faults}")

    def _kept(self, paper: Paper) -> dict[str, str]:
        digest = sha256(paper.content).hexdigest()
        path = self._files / digest
        if not path.exists():
            part = path.with_suffix(".part")
            part.write_bytes(paper.content)
            part.replace(path)
        about = {"name": paper.name, "media_type": paper.media_type, "sha256": digest}
        return {**about, "jti": str(uuid.uuid4())}


class Journal:
    """The file. One connection, one transaction at a time, from any thread."""

    def __init__(self, path: Path, contract: Contract, files: Path) -> None:
        self._contract = contract
        self._files = files
        self._lock = threading.RLock()
        self._db = sqlite3.connect(
            path, _BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_TABLES)

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Commits at its end, and nothing of it when something is raised."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield Turn(self._db, self._contract, self._files)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def has_taken(self, message: Message) -> bool:
        with self._lock:
            found = self._db.execute("SELECT 1 FROM handoff_taken WHERE id = ?", (message.id,))
            return found.fetchone() is not None

    @staticmethod
    def take(turn: Turn, message: Message) -> bool:
        """Whether it was not taken before; what was wrong with its event is written to that."""
        entered = turn.db.execute(
            "INSERT OR IGNORE INTO handoff_taken VALUES (?, ?, ?, ?)",
            (message.id, message.type, message.subject, _now()),
        )
        if entered.rowcount and message.type == "event.rejected.v1":
            problem = str(message.data["problem"]["type"])
            turn.db.execute(
                "UPDATE handoff_answers SET state = 'rejected', reason = ? WHERE id = ?",
                (problem, message.data["event"]["id"]),
            )
        return bool(entered.rowcount)

    def refuse(self, body: bytes, reason: str) -> None:
        """Keep what will never be taken, for whoever looks."""
        with self.turn() as turn:
            turn.db.execute(
                "INSERT OR REPLACE INTO handoff_refused VALUES (?, ?, ?, ?)",
                (sha256(body).hexdigest(), reason, body, _now()),
            )

    def say_again(self, subject: str) -> None:
        """The portal lacks our answers about a request: all of them once more, in their order."""
        with self.turn() as turn:
            turn.db.execute(
                "UPDATE handoff_answers SET state = 'waiting', due = 0, again = again + 1"
                " WHERE subject = ? AND state = 'sent'",
                (subject,),
            )

    def due(self, most: int) -> list[Answer]:
        with self._lock:
            rows = self._db.execute(_DUE, (time.time(), most)).fetchall()
        return [_answer(row) for row in rows]

    def settle(self, answer: Answer, state: str, reason: str = "", delay: float = 0.0) -> None:
        """Write what became of an attempt, unless the answer was changed meanwhile."""
        with self.turn() as turn:
            turn.db.execute(
                "UPDATE handoff_answers SET state = ?, reason = ?, attempts = attempts + 1, due = ?"
                " WHERE id = ? AND again = ? AND state = 'waiting'",
                (state, reason[:500], time.time() + delay, answer.id, answer.again),
            )


def _answer(row: Sequence[Any]) -> Answer:
    event, subject, kind, at, data, papers, again, attempts = row
    return Answer(event, subject, kind, at, json.loads(data), json.loads(papers), again, attempts)


def _now() -> str:
    return datetime.now(UTC).isoformat()
