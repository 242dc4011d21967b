"""Making events: https://docs.stripe.com/api/events."""

from payments.sandbox import deliveries
from payments.sandbox.clock import token
from payments.sandbox.errors import Json
from payments.sandbox.objects import API_VERSION
from payments.sandbox.store import Record, Transaction


def emit(tx: Transaction, event_type: str, record: Record, previous: Json | None = None) -> Record:
    """Records that ``event_type`` happened to ``record``, with the object as it is at
    this moment, and queues it for every endpoint of the account that listens."""
    data: Json = {"object": record.body}
    if previous is not None:
        data["previous_attributes"] = previous
    event_id = f"evt_{token()}"
    event = tx.insert(
        Record(
            id=event_id,
            account=record.account,
            kind="event",
            created=tx.now,
            tag=event_type,
            parent=record.id,
            body={
                "id": event_id,
                "object": "event",
                "api_version": API_VERSION,
                "created": tx.now,
                "data": data,
                "livemode": False,
                "pending_webhooks": 0,
                "request": {"id": tx.request_id, "idempotency_key": tx.idempotency_key},
                "type": event_type,
            },
        )
    )
    for endpoint in tx.select(
        "account = ? AND kind = 'webhook_endpoint' AND tag = 'enabled'", (record.account,)
    ):
        wanted = endpoint.body["enabled_events"]
        if "*" in wanted or event_type in wanted:
            deliveries.enqueue(tx, event, endpoint)
    return event


def emit_change(tx: Transaction, event_type: str, record: Record, before: Json) -> None:
    """The event of an update, with what was there before; none if nothing changed."""
    if previous := differences(before, record.body):
        emit(tx, event_type, record, previous)


def differences(before: Json, after: Json) -> Json:
    """``previous_attributes``: the former value of each field that changed, and of a
    hash only of the keys that changed (``None`` where there was none)."""
    found: Json = {}
    for name, value in after.items():
        old = before.get(name)
        if old == value:
            continue
        if isinstance(old, dict) and isinstance(value, dict):
            found[name] = {
                key: old.get(key) for key in {**old, **value} if old.get(key) != value.get(key)
            }
        else:
            found[name] = old
    return found
