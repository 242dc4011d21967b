"""Webhooks that the provider never sent, for tests of who believes them."""

import json

from payments.sandbox import deliveries
from payments.sandbox.clock import token, wall
from payments.sandbox.errors import ApiError, Json, no_such
from payments.sandbox.objects import API_VERSION
from payments.sandbox.presenting import present
from payments.sandbox.sender import post
from payments.sandbox.store import Record, Store, Transaction, dump

SIGNATURES = ("wrong", "none", "old", "future", "broken")
"""``old`` and ``future`` are rightly signed, ten minutes away from now: a replay."""

AWAY_SECONDS = 600


def forge(
    store: Store, *, event_id: str, event_type: str, subject: Json, endpoint_id: str, signed: str
) -> list[Json]:
    """Send it once to the endpoints, and tell what they answered. An event is one that
    happened, or a new one of this type about ``subject``; nothing of it is kept."""
    with store.connected() as tx:
        event = _the(tx, "event", event_id) if event_id else None
        body = present(tx, event) if event else _invented(tx.now, event_type, subject)
        endpoints = _endpoints(tx, event, endpoint_id)
    payload = dump(body).encode()
    return [
        {"endpoint": one.id, "event": body["id"], "answer": _send(one, payload, signed)}
        for one in endpoints
    ]


def _endpoints(tx: Transaction, event: Record | None, endpoint_id: str) -> list[Record]:
    if endpoint_id:
        return [_the(tx, "webhook_endpoint", endpoint_id)]
    found = tx.select("kind = 'webhook_endpoint' AND tag = 'enabled'")
    return [one for one in found if event is None or one.account == event.account]


def _the(tx: Transaction, kind: str, object_id: str) -> Record:
    record = tx.find(kind, object_id)
    if record is None:
        raise no_such(kind, object_id, status=400)
    return record


def _invented(now: int, event_type: str, subject: Json) -> Json:
    if not event_type or not subject:
        raise ApiError("Give an event that happened, or a type and an object.", param="event")
    return {
        "id": f"evt_{token()}",
        "object": "event",
        "api_version": API_VERSION,
        "created": now,
        "data": {"object": json.loads(dump(subject))},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": event_type,
    }


def _send(endpoint: Record, payload: bytes, signed: str) -> str:
    at = int(wall())
    secret = str(endpoint.private["secret"])
    if signed == "wrong":
        secret = deliveries.WRONG_SECRET
    elif signed == "old":
        at -= AWAY_SECONDS
    elif signed == "future":
        at += AWAY_SECONDS
    header: str | None = deliveries.signature(secret, payload, at)
    if signed == "none":
        header = None
    elif signed == "broken":
        header = "t=now,v1"
    return post(str(endpoint.body["url"]), payload, header)[1]
