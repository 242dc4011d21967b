"""Giving money back: https://docs.stripe.com/refunds.

The sum leaves ``amount_refunded`` free only once, in the transaction that makes the
refund, so however many are asked for at the same moment, together they never exceed
the charge. A refund that fails gives its part back to be refunded.
"""

from payments.sandbox import disputing
from payments.sandbox.cards import BY_NAME
from payments.sandbox.clock import token
from payments.sandbox.currencies import written
from payments.sandbox.errors import ApiError, Json
from payments.sandbox.recording import emit, emit_change
from payments.sandbox.resources import balance_transactions
from payments.sandbox.store import Record, Transaction

KIND = "refund"

REASONS = ("duplicate", "fraudulent", "requested_by_customer")

SETTLES_AFTER_SECONDS = 3
"""How long a refund that does not succeed (or fail) at once takes. The provider says
“some time later”; a test can wait for this, or move the clock."""

FAILURE = "expired_or_canceled_card"


def refund(
    tx: Transaction,
    charge: Record,
    amount: int | None = None,
    *,
    reason: str | None = None,
    metadata: dict[str, str] | None = None,
    email: str | None = None,
) -> Record:
    """Give back ``amount``, or all that is left of the charge. Raises if it cannot be."""
    left = _refundable(tx, charge)
    amount = left if amount is None else amount
    if amount > left:
        raise ApiError(
            f"Refund amount ({written(amount, charge.body['currency'])}) is greater than "
            f"unrefunded amount on charge ({written(left, charge.body['currency'])})",
            param="amount",
            executed=True,
        )
    made = _record(tx, charge, amount)
    made.body |= {
        "instructions_email": email,
        "metadata": metadata or {},
        "reason": reason,
    }
    booked = balance_transactions.record(
        tx,
        made,
        "refund",
        -amount,
        description=_described("REFUND FOR CHARGE", charge),
        available_on=balance_transactions.available_with(tx, charge),
    )
    made.body["balance_transaction"] = booked.id
    tx.save(made)
    emit(tx, "refund.created", made)
    before = dict(charge.body)
    if reason == "fraudulent":
        charge.body["fraud_details"] = {"user_report": "fraudulent"}
    _count(tx, charge, amount)
    emit_change(tx, "charge.refunded", charge, before)
    return made


def settle(tx: Transaction, made: Record) -> None:
    """What the bank answers in the end."""
    if made.private["fails"]:
        _fail(tx, made)
        return
    before = dict(made.body)
    made.due_at, made.tag = None, "succeeded"
    made.body |= {"pending_reason": None, "status": "succeeded"}
    tx.save(made)
    tell(tx, made, before)


def tell(tx: Transaction, made: Record, before: Json) -> None:
    """Of a change, under the newer name of the event and the older one."""
    emit_change(tx, "refund.updated", made, before)
    emit_change(tx, "charge.refund.updated", made, before)


def _refundable(tx: Transaction, charge: Record) -> int:
    """What is left to be refunded; raises if nothing is."""
    body = charge.body
    if body["status"] != "succeeded":
        raise ApiError(
            f"This PaymentIntent ({body['payment_intent']}) does not have a successful charge to "
            "refund.",
            executed=True,
        )
    if not body["captured"]:
        raise ApiError(
            f"This uncaptured Charge was created by a PaymentIntent ({body['payment_intent']}). "
            "You must cancel the PaymentIntent to reverse the authorization instead of refunding "
            "the Charge directly.",
            executed=True,
        )
    if disputing.forbids_refund(tx, charge):
        raise ApiError(
            f"Charge {charge.id} has been charged back; cannot issue a refund.",
            code="charge_disputed",
            executed=True,
        )
    if not charge.private.get("refundable", True):
        raise ApiError(
            f"Charge {charge.id} was made with a payment method that does not support refunds. "
            "Return the money outside of this provider.",
            code="charge_not_refundable",
            executed=True,
        )
    left = int(body["amount"]) - int(body["amount_refunded"])
    if left <= 0:
        raise ApiError(
            f"Charge {charge.id} has already been refunded.",
            code="charge_already_refunded",
            executed=True,
        )
    return left


def _record(tx: Transaction, charge: Record, amount: int) -> Record:
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


def _fail(tx: Transaction, made: Record) -> None:
    """The money comes back to the balance, and may be refunded again."""
    charge = tx.find("charge", made.body["charge"])
    if charge is None:
        raise LookupError(f"the charge of {made.id} is gone")
    amount = int(made.body["amount"])
    booked = balance_transactions.record(
        tx,
        made,
        "refund_failure",
        amount,
        description=_described("REFUND FAILURE", charge),
        available_on=balance_transactions.available_with(tx, charge),
    )
    before, charge_before = dict(made.body), dict(charge.body)
    made.due_at, made.tag = None, "failed"
    made.body |= {
        "failure_balance_transaction": booked.id,
        "failure_reason": FAILURE,
        "pending_reason": None,
        "status": "failed",
    }
    tx.save(made)
    _count(tx, charge, -amount)
    emit(tx, "refund.failed", made)
    tell(tx, made, before)
    emit_change(tx, "charge.updated", charge, charge_before)


def _count(tx: Transaction, charge: Record, amount: int) -> None:
    total = int(charge.body["amount_refunded"]) + amount
    charge.body |= {"amount_refunded": total, "refunded": total == charge.body["amount"]}
    tx.save(charge)


def _described(what: str, charge: Record) -> str:
    told = charge.body["description"]
    return f"{what} ({told})" if told else what
