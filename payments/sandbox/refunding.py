"""Giving money back: https://docs.stripe.com/refunds.

The sum leaves ``amount_refunded`` free only once, in the transaction that makes the
refund, so however many are asked for at the same moment, together they never exceed
the charge. A refund that fails gives its part back to be refunded.
"""

from payments.sandbox import disputing
from payments.sandbox.currencies import written
from payments.sandbox.errors import ApiError, Json
from payments.sandbox.recording import emit, emit_change
from payments.sandbox.refund_objects import new_refund
from payments.sandbox.resources import balance_transactions
from payments.sandbox.store import Record, Transaction

REASONS = ("duplicate", "fraudulent", "requested_by_customer")

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
    made = new_refund(tx, charge, amount)
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
    if charge.body["refunded"]:
        disputing.forget(tx, charge)
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
