"""Puts messages into an outbox, sends them once more, and counts what is in it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    func,
    insert,
    literal,
    literal_column,
    select,
    tuple_,
    union_all,
    update,
)

from portal.db import Database
from portal.handoff.aside import SetAside, of_centers
from portal.handoff.messages import REQUEST_PAID, Message
from portal.handoff.model import OutboxColumns, OutboxMessage
from portal.vault import Vault

_CENTERS_AT_ONCE = 100  # SQLite joins five hundred at the most
_AT_ONCE = 1000  # rows of one statement: a transaction that pages do not feel


@dataclass(frozen=True)
class Backlog:
    """What an operator looks at: how much waits, since when, and what is parked."""

    waiting: int
    oldest_waiting_at: datetime | None
    parked: int


@dataclass(frozen=True)
class Unanswered:
    """Requests that were handed over and that no center has answered."""

    count: int
    oldest_at: datetime | None
    late: int
    """Of these, handed over longer ago than an answer may take."""


@dataclass(frozen=True)
class NotAnswered:
    """A paid request whose center has not said its number, wherever its message is."""

    center: str
    number: str
    state: str
    paid_at: datetime
    last_error: str


@dataclass(frozen=True)
class Late:
    """A request that was handed over longer ago than its center may take to say its number."""

    center: str
    number: str
    sent_at: datetime


@dataclass(frozen=True)
class CenterBacklog:
    """One center, for who looks after it."""

    center: str
    waiting: int
    oldest_waiting_at: datetime | None
    last_error: str
    """Of the message that will be tried next."""
    unanswered: int


@dataclass(frozen=True)
class Range:
    """Which messages to send once more; what is not given does not matter."""

    ids: Sequence[str] = ()
    center: str = ""
    type: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def everything(self) -> bool:
        return self == Range()


class Made(NamedTuple):
    """When a message was made, and its place among those of the same instant."""

    at: datetime
    position: int


def place(outbox: type[OutboxColumns]) -> str:
    """Where a payload is sealed to."""
    return f"{outbox.__tablename__}.payload"  # type: ignore[attr-defined]


def put(db: Connection, vault: Vault, outbox: type[OutboxColumns], message: Message) -> None:
    """Add ``message`` in the caller's transaction: it goes out if and only if that commits."""
    row = {
        "id": message.id,
        "type": message.type,
        "center_code": message.center,
        "subject": message.subject,
        "payload": vault.seal(place(outbox), message.to_json()),
        "state": "waiting",
        "attempts": 0,
        "last_error": "",
        "created_at": message.at,
        "available_at": message.at,
    }
    db.execute(insert(outbox), row)


# Written out and not bound: only so does a partial index serve a prepared statement.


def waiting(outbox: type[OutboxColumns]) -> ColumnElement[bool]:
    return outbox.state == literal_column("'waiting'")


def unsent(outbox: type[OutboxColumns]) -> ColumnElement[bool]:
    return outbox.state != literal_column("'sent'")


def over(outbox: type[OutboxColumns]) -> ColumnElement[bool]:
    """Sent or parked."""
    return outbox.state != literal_column("'waiting'")


_PARKED: ColumnElement[str] = literal_column("'parked'")
_NOT_ANSWERED = and_(
    OutboxMessage.answered_at.is_(None),
    OutboxMessage.type == literal_column(f"'{REQUEST_PAID}'"),
)
_NO_ANSWER_YET = and_(_NOT_ANSWERED, OutboxMessage.sent_at.is_not(None))


def answered(db: Connection, subject: str, at: datetime) -> None:
    """The center has answered: the request is delivered.

    That holds for a message that is not called sent yet, too: the relay may have died between
    delivering it and writing that down.
    """
    db.execute(
        update(OutboxMessage)
        .where(OutboxMessage.subject == subject, _NOT_ANSWERED)
        .values(answered_at=at)
    )


def backlog(db: Connection, outbox: type[OutboxColumns]) -> Backlog:
    """The state of an outbox, for metrics and the command line."""
    counted = db.execute(
        select(func.count(), func.min(outbox.created_at)).where(waiting(outbox))
    ).one()
    parked = db.scalar(select(func.count()).where(outbox.state == _PARKED))
    return Backlog(counted[0], counted[1], parked or 0)


def unanswered(db: Connection, late_since: datetime) -> Unanswered:
    """A hand-off is delivered only when the center has said its number."""
    late = func.count().filter(OutboxMessage.sent_at < late_since)
    return Unanswered(
        *db.execute(
            select(func.count(), func.min(OutboxMessage.sent_at), late).where(_NO_ANSWER_YET)
        ).one()
    )


def unanswered_centers(db: Connection) -> frozenset[str]:
    """The centers that have a request which they have not answered."""
    return frozenset(db.scalars(select(OutboxMessage.center_code).where(_NO_ANSWER_YET).distinct()))


def not_answered(db: Connection, center: str = "") -> Iterator[NotAnswered]:
    """Each of them, center by center, the oldest first; also those that are still to be sent, and
    those that never can be."""
    box = OutboxMessage
    asked = select(
        box.center_code, box.subject, box.state, box.created_at, box.last_error
    ).order_by(box.center_code, box.position)
    if center:
        asked = asked.where(box.center_code == center)
    for row in db.execute(asked.where(_NOT_ANSWERED)):
        yield NotAnswered(*row)


def late(
    db: Connection, late_since: datetime, centers: Sequence[str] | None, most: int
) -> Sequence[Late]:
    """The oldest of those that are late, of these centers or of all."""
    box = OutboxMessage
    rows = db.execute(
        select(box.center_code, box.subject, box.sent_at)
        .where(_NO_ANSWER_YET, box.sent_at < late_since, *of_centers(box.center_code, centers))
        .order_by(box.sent_at)
        .limit(most)
    )
    return [Late(center, number, at) for center, number, at in rows if at is not None]


def by_center(db: Connection) -> Sequence[CenterBacklog]:
    """The centers to which something waits or that have yet to answer."""
    box = OutboxMessage
    queued = {
        row.center_code: row
        for row in db.execute(
            select(box.center_code, func.count().label("n"), func.min(box.created_at).label("at"))
            .where(waiting(box))
            .group_by(box.center_code)
        )
    }
    silent = {
        row[0]: row[1]
        for row in db.execute(
            select(box.center_code, func.count()).where(_NO_ANSWER_YET).group_by(box.center_code)
        )
    }
    errors = _next_errors(db, sorted(queued))
    return [
        CenterBacklog(
            center,
            queued[center].n if center in queued else 0,
            queued[center].at if center in queued else None,
            errors.get(center, ""),
            silent.get(center, 0),
        )
        for center in sorted({*queued, *silent})
    ]


def _next_errors(db: Connection, centers: Sequence[str]) -> Mapping[str, str]:
    """For each center the last error of the message that will be tried next."""
    box = OutboxMessage
    found: dict[str, str] = {}
    for start in range(0, len(centers), _CENTERS_AT_ONCE):
        each = [
            select(
                literal(center).label("center"),
                select(box.last_error)
                .where(waiting(box), box.center_code == center)
                .order_by(box.available_at, box.position)
                .limit(1)
                .scalar_subquery()
                .label("error"),
            )
            for center in centers[start : start + _CENTERS_AT_ONCE]
        ]
        found.update({row.center: row.error or "" for row in db.execute(union_all(*each))})
    return found


def parked(
    db: Connection,
    outbox: type[OutboxColumns],
    centers: Sequence[str] | None = None,
    most: int | None = None,
) -> list[SetAside]:
    """Messages that nobody takes, of these centers or of all."""
    rows = db.execute(
        select(
            outbox.id,
            outbox.type,
            outbox.subject,
            outbox.center_code,
            outbox.state,
            outbox.last_error,
            outbox.attempts,
        )
        .where(outbox.state == _PARKED, *of_centers(outbox.center_code, centers))
        .order_by(outbox.center_code, outbox.position)
        .limit(most)
    )
    return [SetAside(*row) for row in rows]


def count(db: Connection, outbox: type[OutboxColumns], wanted: Range) -> int:
    """How many messages :func:`replay` would send once more."""
    return db.scalar(select(func.count()).where(*_in(outbox, wanted))) or 0


def replay(
    db: Connection,
    outbox: type[OutboxColumns],
    wanted: Range,
    at: datetime,
    after: Made | None = None,
) -> Sequence[Made]:
    """Send parked and sent messages of a range once more: the next thousand by when they were made.

    Returns which they are; none means that the range is through. What waits already is left alone.
    """
    made = tuple_(outbox.created_at, outbox.position)
    chosen = (
        select(outbox.created_at, outbox.position)
        .where(*_in(outbox, wanted))
        .order_by(outbox.created_at, outbox.position)
        .limit(_AT_ONCE)
        .with_for_update()
    )
    if after is not None:
        chosen = chosen.where(made > after)
    found = [Made(*row) for row in db.execute(chosen)]
    db.execute(
        update(outbox)
        .where(outbox.position.in_([each.position for each in found]))
        .values(
            state="waiting",
            available_at=at,
            leased_until=None,
            attempts=0,
            replays=outbox.replays + 1,
        )
    )
    return found


def again(
    db: Connection, outbox: type[OutboxColumns], message_id: str, center: str, at: datetime
) -> bool:
    """Send one once more, at ``at``, because the receiver has refused it; whether there is one."""
    which = (outbox.id == message_id, outbox.center_code == center)
    values = {"state": "waiting", "available_at": at, "replays": outbox.replays + 1}
    if db.execute(update(outbox).where(*which, outbox.state == "sent").values(values)).rowcount:
        return True
    return db.scalar(select(outbox.position).where(*which)) is not None


def replay_all(database: Database, outbox: type[OutboxColumns], wanted: Range, at: datetime) -> int:
    """Send a whole range once more, a thousand in a transaction; how many there were."""
    done, after = 0, None
    while True:
        with database.begin() as db:
            found = replay(db, outbox, wanted, at, after)
        if not found:
            return done
        done, after = done + len(found), found[-1]


def _in(outbox: type[OutboxColumns], wanted: Range) -> list[ColumnElement[bool]]:
    asked = [over(outbox)]
    if wanted.ids:
        asked.append(outbox.id.in_(wanted.ids))
    if wanted.center:
        asked.append(outbox.center_code == wanted.center)
    if wanted.type:
        asked.append(outbox.type == wanted.type)
    if wanted.since:
        asked.append(outbox.created_at >= wanted.since)
    if wanted.until:
        asked.append(outbox.created_at < wanted.until)
    return asked
