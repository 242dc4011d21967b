"""The queue of webhooks: what is to be sent to whom, on disk until it arrived.

An event is put in the queue by the transaction that made it and leaves it only
when an endpoint answered 2xx, so it is delivered at least once, in no particular
order: https://docs.stripe.com/webhooks#event-delivery-behaviors.
"""

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass

from payments.sandbox.clock import wall
from payments.sandbox.store import Record, Transaction

TROUBLES = ("lose", "repeat", "delay")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one endpoint."""

    seq: int
    event: str
    endpoint: str
    copies: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a test wants to happen to the next ``count`` deliveries."""

    mode: str
    count: int
    seconds: float = 0.0
    times: int = 2
    type: str = ""
    """Only events of this type; all if empty."""


def enqueue(tx: Transaction, event: Record, endpoint: Record) -> None:
    """Due at once, unless a test asked for trouble."""
    trouble = _next_trouble(tx, str(event.body["type"]))
    mode = trouble.mode if trouble else ""
    tx.sql(
        "INSERT INTO deliveries (event, endpoint, state, copies, next_at, outcome)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            event.id,
            endpoint.id,
            "failed" if mode == "lose" else "pending",
            trouble.times if trouble and mode == "repeat" else 1,
            wall() + (trouble.seconds if trouble and mode == "delay" else 0.0),
            "lost on request" if mode == "lose" else None,
        ),
    )


def due(tx: Transaction, at: float, limit: int) -> tuple[list[Delivery], float | None]:
    """The first ``limit`` of what is to be sent by ``at``; when it is fewer, also when
    the next one is due."""
    rows = tx.sql(
        "SELECT seq, event, endpoint, copies, attempts, next_at FROM deliveries"
        " WHERE state = 'pending' ORDER BY next_at LIMIT ?",
        (limit,),
    ).fetchall()
    now = [Delivery(*row[:5]) for row in rows if row[5] <= at]
    later = [float(row[5]) for row in rows if row[5] > at]
    return now, min(later, default=None)


def arrived(tx: Transaction, delivery: Delivery, outcome: str) -> None:
    """One copy was accepted; the delivery is done when none is left."""
    left = delivery.copies - 1
    tx.sql(
        "UPDATE deliveries SET state = ?, copies = ?, attempts = attempts + 1, outcome = ?"
        " WHERE seq = ?",
        ("pending" if left > 0 else "delivered", left, outcome, delivery.seq),
    )


def failed(tx: Transaction, delivery: Delivery, outcome: str, schedule: tuple[float, ...]) -> None:
    """To be tried again after the schedule's next wait, or given up after its last."""
    final = delivery.attempts >= len(schedule)
    wait = 0.0 if final else schedule[delivery.attempts]
    tx.sql(
        "UPDATE deliveries SET state = ?, attempts = attempts + 1, next_at = ?, outcome = ?"
        " WHERE seq = ?",
        ("failed" if final else "pending", wall() + wait, outcome, delivery.seq),
    )


def drop(tx: Transaction, endpoint_id: str) -> None:
    """A deleted endpoint is sent nothing more."""
    tx.sql("DELETE FROM deliveries WHERE endpoint = ? AND state = 'pending'", (endpoint_id,))


def unfinished(tx: Transaction, event_id: str) -> int:
    """The ``pending_webhooks`` of an event: endpoints that have not answered 2xx."""
    row = tx.sql(
        "SELECT count(*) FROM deliveries WHERE event = ? AND state <> 'delivered'", (event_id,)
    ).fetchone()
    return int(row[0])


def send_again(tx: Transaction, event_id: str | None) -> int:
    """Make the deliveries of one event (also those that arrived), or all that have
    not arrived, due now; gives their number."""
    cursor = tx.sql(
        "UPDATE deliveries SET state = 'pending', copies = max(copies, 1), attempts = 0,"
        " next_at = ? WHERE event = ? OR (? IS NULL AND state <> 'delivered')",
        (wall(), event_id, event_id),
    )
    return cursor.rowcount


def signature(secret: str, payload: bytes, timestamp: int) -> str:
    """The header's value: https://docs.stripe.com/webhooks#verify-manually."""
    signed = f"{timestamp}.".encode() + payload
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def troubles(tx: Transaction) -> list[Trouble]:
    """Those still to come, in the order they were asked for."""
    return [Trouble(**item) for item in json.loads(tx.setting("webhook_troubles") or "[]")]


def set_troubles(tx: Transaction, wanted: list[Trouble]) -> None:
    tx.set("webhook_troubles", json.dumps([asdict(item) for item in wanted]))


def _next_trouble(tx: Transaction, event_type: str) -> Trouble | None:
    """Takes one off the first that fits; on disk with the delivery it was spent on."""
    wanted = troubles(tx)
    for index, trouble in enumerate(wanted):
        if trouble.type in {"", event_type}:
            rest = Trouble(**{**asdict(trouble), "count": trouble.count - 1})
            wanted[index : index + 1] = [rest] if rest.count > 0 else []
            set_troubles(tx, wanted)
            return trouble
    return None
