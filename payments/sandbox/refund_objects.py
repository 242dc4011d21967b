"""A refund as it begins: https://docs.stripe.com/api/refunds/object."""

from payments.sandbox.cards import BY_NAME
from payments.sandbox.clock import token
from payments.sandbox.errors import Json
from payments.sandbox.store import Record, Transaction

KIND = "refund"

SETTLES_AFTER_SECONDS = 3
"""How long a refund that does not succeed (or fail) at once takes. The provider says
“some time later”; a test can wait for this, or move the clock."""


def new_refund(tx: Transaction, charge: Record, amount: int) -> Record:
    """Of a card it succeeds at once, except of the test cards that say otherwise; of
    anything else the payer's bank or wallet takes its time."""
    kind = str(charge.body["payment_method_details"]["type"])
    card = BY_NAME.get(charge.private.get("card", ""))
    later = card.later if card else ""
    waits = kind != "card" or later == "refund_pending"
    fails = later == "refund_fails"
    status = "pending" if waits else "succeeded"
    refund_id = f"re_{token()}"
    body: Json = {
        "id": refund_id,
        "object": KIND,
        "amount": amount,
        "balance_transaction": None,
        "charge": charge.id,
        "created": tx.now,
        "currency": charge.body["currency"],
        "customer": charge.body["customer"],
        "customer_account": None,
        "description": None,
        "destination_details": _destination(kind),
        "failure_balance_transaction": None,
        "failure_reason": None,
        "instructions_email": None,
        "metadata": {},
        "next_action": None,
        "payment_intent": charge.body["payment_intent"],
        "payment_method": charge.body["payment_method"],
        "pending_reason": "processing" if waits else None,
        "presentment_details": None,
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": status,
        "transfer_reversal": None,
    }
    return tx.insert(
        Record(
            id=refund_id,
            account=charge.account,
            kind=KIND,
            created=tx.now,
            tag=status,
            parent=charge.id,
            due_at=tx.now + SETTLES_AFTER_SECONDS if waits or fails else None,
            body=body,
            private={"fails": fails},
        )
    )


def _destination(kind: str) -> Json:
    """Where the money went. The bank's own number of the refund comes much later."""
    if kind != "card":
        return {"type": kind}
    reference = {
        "reference_status": "pending",
        "reference_type": "acquirer_reference_number",
        "type": "refund",
    }
    return {"card": reference, "type": "card"}
