"""Puts messages into an outbox, and counts what is in it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from portal.handoff.messages import REQUEST_PAID, Message
from portal.handoff.model import OutboxColumns, OutboxMessage
from portal.vault import Vault


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


def place(outbox: type[OutboxColumns]) -> str:
    """Where a payload is sealed to."""
    return f"{outbox.__tablename__}.payload"  # type: ignore[attr-defined]


def put(db: Connection, vault: Vault, outbox: type[OutboxColumns], message: Message) -> None:
    """Add ``message`` in the caller's transaction: it goes out if and only if that commits."""
    db.execute(
        insert(outbox).values(
            id=message.id,
            type=message.type,
            center_code=message.center,
            subject=message.subject,
            payload=vault.seal(place(outbox), message.to_json()),
            state="waiting",
            attempts=0,
            created_at=message.at,
            available_at=message.at,
        )
    )


def answered(db: Connection, subject: str, at: datetime) -> None:
    """The center has answered: what there was about ``subject`` is delivered.

    That holds for a message that is not called sent yet, too: the relay may have died between
    delivering it and writing that down.
    """
    db.execute(
        update(OutboxMessage)
        .where(
            OutboxMessage.subject == subject,
            OutboxMessage.answered_at.is_(None),
        )
        .values(answered_at=at)
    )


def backlog(db: Connection, outbox: type[OutboxColumns]) -> Backlog:
    """The state of an outbox, for metrics and the command line."""
    waiting = db.execute(
        select(func.count(), func.min(outbox.created_at)).where(outbox.state == "waiting")
    ).one()
    parked = db.scalar(select(func.count(outbox.position)).where(outbox.state == "parked"))
    return Backlog(waiting[0], waiting[1], parked or 0)


def unanswered(db: Connection) -> Unanswered:
    """A hand-off is delivered only when the center has said its number."""
    return Unanswered(
        *db.execute(
            select(func.count(), func.min(OutboxMessage.sent_at)).where(
                OutboxMessage.type == REQUEST_PAID,
                OutboxMessage.state == "sent",
                OutboxMessage.answered_at.is_(None),
            )
        ).one()
    )


def parked(db: Connection, outbox: type[OutboxColumns]) -> list[tuple[str, str, str, int, str]]:
    """Parked messages: id, type, subject, attempts, reason."""
    rows = db.execute(
        select(outbox.id, outbox.type, outbox.subject, outbox.attempts, outbox.last_error)
        .where(outbox.state == "parked")
        .order_by(outbox.position)
    )
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]


def replay(db: Connection, outbox: type[OutboxColumns], message_id: str, at: datetime) -> bool:
    """Send a parked or sent message once more; False when there is none such."""
    done = db.execute(
        update(outbox)
        .where(outbox.id == message_id, outbox.state != "waiting")
        .values(state="waiting", available_at=at, leased_until=None, attempts=0)
    )
    return bool(done.rowcount)
