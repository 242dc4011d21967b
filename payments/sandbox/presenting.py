"""A stored object as the API shows it now."""

from payments.sandbox import deliveries
from payments.sandbox.errors import Json
from payments.sandbox.store import Record, Transaction


def present(tx: Transaction, record: Record) -> Json:
    """The body, with the few fields that depend on the moment of asking."""
    body = dict(record.body)
    if record.kind == "event":
        body["pending_webhooks"] = deliveries.unfinished(tx, record.id)
    elif record.kind == "balance_transaction" and tx.now >= body["available_on"]:
        body["status"] = "available"
    return body
