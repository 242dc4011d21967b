"""The queue of webhooks: what is to be sent to whom, on disk until it arrived.

An event is put in the queue by the transaction that made it and leaves it only
when an endpoint answered 2xx, so it is delivered at least once, in no particular
order: https://docs.stripe.com/webhooks#event-delivery-behaviors.
"""

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass, replace

from payments.sandbox.clock import wall
from payments.sandbox.store import Record, Transaction

TROUBLES = ("lose", "repeat", "delay", "reorder", "forge")

WRONG_SECRET = "whsec_forged"  # noqa: S105 - it opens nothing

GAP_SECONDS = 0.15
"""Between deliveries whose order matters: several are sent at the same time."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one endpoint."""

    seq: int
    event: str
    endpoint: str
    copies: int
    attempts: int
    forged: bool = False
    """Signed with a wrong secret this time."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a test wants to happen to the next ``count`` deliveries."""

    mode: str
    count: int
    seconds: float = 0.0
    times: int = 2
    type: str = ""
    """Only events of this type; all if empty."""
    held: tuple[int, ...] = ()
    """The deliveries that ``reorder`` keeps back until it has all of them."""


def enqueue(tx: Transaction, event: Record, endpoint: Record) -> None:
    """Due at once, unless a test asked for trouble."""
    trouble = _next_trouble(tx, str(event.body["type"]))
    mode = trouble.mode if trouble else ""
    waits = trouble.seconds if trouble and mode in {"delay", "reorder"} else 0.0
    row = tx.sql(
        "INSERT INTO deliveries (event, endpoint, state, copies, next_at, outcome, forged)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            event.id,
            endpoint.id,
            "failed" if mode == "lose" else "pending",
            trouble.times if trouble and mode == "repeat" else 1,
            wall() + waits,
            "lost on request" if mode == "lose" else None,
            int(mode == "forge"),
        ),
    )
    if trouble and mode == "reorder":
        _hold(tx, trouble, int(row.lastrowid or 0))


def _hold(tx: Transaction, trouble: Trouble, seq: int) -> None:
    """Until the last one has come; then they go out, that one first. Those that never
    get together are sent after the trouble's seconds all the same."""
    held = (*trouble.held, seq)
    if trouble.count > 1:
        rest = replace(trouble, count=trouble.count - 1, held=held)
        set_troubles(tx, [rest, *troubles(tx)])
        return
    for place, one in enumerate(reversed(held)):
        at = wall() + place * GAP_SECONDS
        tx.sql("UPDATE deliveries SET next_at = ? WHERE seq = ?", (at, one))


def due(tx: Transaction, at: float, limit: int) -> tuple[list[Delivery], float | None]:
    """The first ``limit`` of what is to be sent by ``at``; when it is fewer, also when
    the next one is due."""
    rows = tx.sql(
        "SELECT seq, event, endpoint, copies, attempts, forged, next_at FROM deliveries"
        " WHERE state = 'pending' ORDER BY next_at LIMIT ?",
        (limit,),
    ).fetchall()
    now = [Delivery(*row[:6]) for row in rows if row[6] <= at]
    later = [float(row[6]) for row in rows if row[6] > at]
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
        "UPDATE deliveries SET state = ?, attempts = attempts + 1, next_at = ?, outcome = ?,"
        " forged = 0 WHERE seq = ?",
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
    stored = json.loads(tx.setting("webhook_troubles") or "[]")
    return [Trouble(**{**item, "held": tuple(item["held"])}) for item in stored]


def set_troubles(tx: Transaction, wanted: list[Trouble]) -> None:
    tx.set("webhook_troubles", json.dumps([asdict(item) for item in wanted]))


def end_troubles(tx: Transaction) -> None:
    """What is held back is sent now."""
    for trouble in troubles(tx):
        for seq in trouble.held:
            tx.sql("UPDATE deliveries SET next_at = ? WHERE seq = ?", (wall(), seq))
    set_troubles(tx, [])


def _next_trouble(tx: Transaction, event_type: str) -> Trouble | None:
    """Takes one off the first that fits; on disk with the delivery it was spent on."""
    wanted = troubles(tx)
    for index, trouble in enumerate(wanted):
        if trouble.type in {"", event_type}:
            left = trouble.count - 1
            # What is being reordered is put back with the delivery that it now holds.
            again = left > 0 and trouble.mode != "reorder"
            wanted[index : index + 1] = [replace(trouble, count=left)] if again else []
            set_troubles(tx, wanted)
            return trouble
    return None
