"""Provider events: stored once before they are acknowledged, worked off until they succeed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, insert, select, update

from payments.model import SeenEvent
from payments.provider import ProviderEvent
from payments.storage import UnlessThere

# What an object of ours can become through: anything else is acknowledged and not looked at
WANTED_EVENTS = frozenset(
    {
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
        "payment_intent.succeeded",
        "payment_intent.payment_failed",
        "payment_intent.canceled",
        "charge.updated",
        "charge.refunded",
        "charge.dispute.created",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
        "refund.created",
        "refund.updated",
        "refund.failed",
    }
)
_FIRST_RETRY = timedelta(seconds=5)
_LONGEST_RETRY = timedelta(minutes=15)


@dataclass(frozen=True)
class Waiting:
    """A stored event that is not worked off yet."""

    provider: str
    event_id: str
    type: str
    object_kind: str
    object_id: str
    tries: int


_NEW = insert(SeenEvent).ext(UnlessThere()).returning(SeenEvent.event_id)
_ONE = update(SeenEvent).where(
    SeenEvent.provider == bindparam("of"), SeenEvent.event_id == bindparam("event")
)


def store(
    db: Connection, provider: str, event: ProviderEvent, at: datetime, *, wanted: bool
) -> bool:
    """Keep the event, to be worked off if it is ``wanted``; False when its id was seen before."""
    row = {
        "provider": provider,
        "event_id": event.id,
        "type": event.type,
        "object_kind": event.object_kind,
        "object_id": event.object_id,
        "state": "received" if wanted else "ignored",
        "tries": 0,
        "last_error": "",
        "received_at": at,
        "try_again_at": at + _FIRST_RETRY,
    }
    return db.scalar(_NEW, row) is not None


def processed(db: Connection, waiting: Waiting, at: datetime) -> None:
    """The event is worked off."""
    done = {"state": "processed", "processed_at": at, "last_error": ""}
    db.execute(_ONE, {"of": waiting.provider, "event": waiting.event_id, **done})


def failed(db: Connection, waiting: Waiting, error: str, at: datetime) -> None:
    """Leave the event for later, each time a little longer, without an end."""
    wait = min(_FIRST_RETRY * 2 ** min(waiting.tries, 10), _LONGEST_RETRY)
    later = {"tries": waiting.tries + 1, "last_error": error[:200], "try_again_at": at + wait}
    db.execute(_ONE, {"of": waiting.provider, "event": waiting.event_id, **later})


def count_waiting(db: Connection) -> int:
    """How many stored events are not worked off yet."""
    found = select(func.count()).select_from(SeenEvent).where(SeenEvent.state == "received")
    return db.scalar(found) or 0


@dataclass(frozen=True)
class KeptEvent:
    """A stored event that is not worked off, as an operator sees it."""

    type: str
    object_id: str
    tries: int
    last_error: str
    received_at: datetime
    try_again_at: datetime


def all_waiting(db: Connection, most: int = 1000) -> Sequence[KeptEvent]:
    """What is not worked off yet, oldest first."""
    rows = db.execute(
        select(
            SeenEvent.type,
            SeenEvent.object_id,
            SeenEvent.tries,
            SeenEvent.last_error,
            SeenEvent.received_at,
            SeenEvent.try_again_at,
        )
        .where(SeenEvent.state == "received")
        .order_by(SeenEvent.received_at)
        .limit(most)
    )
    return [KeptEvent(*row) for row in rows]


def waiting(db: Connection, at: datetime, most: int) -> Sequence[Waiting]:
    """Stored events whose time has come, oldest first."""
    rows = db.execute(
        select(
            SeenEvent.provider,
            SeenEvent.event_id,
            SeenEvent.type,
            SeenEvent.object_kind,
            SeenEvent.object_id,
            SeenEvent.tries,
        )
        .where(SeenEvent.state == "received", SeenEvent.try_again_at <= at)
        .order_by(SeenEvent.try_again_at)
        .limit(most)
    )
    return [Waiting(*row) for row in rows]
