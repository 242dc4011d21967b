"""What the sandbox does by itself when a moment comes."""

from dataclasses import replace

from payments.sandbox import claims, disputing, paying, paying_out, refund_objects, refunding
from payments.sandbox.resources import charges, sessions
from payments.sandbox.store import Transaction

ON_TIME = {
    paying.KIND: paying.on_time,
    sessions.KIND: sessions.expire,
    charges.KIND: charges.settle,
    refund_objects.KIND: refunding.settle,
    claims.KIND: disputing.judge,
    paying_out.KIND: paying_out.arrive,
}


def anything_due(tx: Transaction) -> bool:
    return bool(tx.select("due_at <= ?", (tx.now,), limit=1))


def run_due(tx: Transaction) -> None:
    """Acts on every object whose time has come, oldest moment first.

    Also run before each request, so that no answer shows a session as open after its
    end, however the clock was moved. The request is not named in the events: it only
    happened to come by.
    """
    own = replace(tx, account=None, request_id=None, idempotency_key=None)
    for record in own.select("due_at <= ?", (tx.now,), order="due_at ASC"):
        ON_TIME[record.kind](own, record)
