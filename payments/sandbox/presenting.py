"""A stored object as the API shows it now."""

from payments.sandbox import deliveries
from payments.sandbox.errors import Json
from payments.sandbox.store import Record, Transaction


def present(tx: Transaction, record: Record) -> Json:
    """The body, with the few fields that depend on the moment of asking."""
    body = dict(record.body)
    if record.kind == "event":
        body["pending_webhooks"] = deliveries.unfinished(tx, record.id)
    elif record.kind == "balance_transaction":
        body = _booked(tx, body)
    elif record.kind == "dispute":
        body["balance_transactions"] = [_booked(tx, one) for one in body["balance_transactions"]]
    return body


def _booked(tx: Transaction, body: Json) -> Json:
    return {**body, "status": "available" if tx.now >= body["available_on"] else "pending"}
