"""What may be done to a payment intent, and when:
https://docs.stripe.com/payments/paymentintents/lifecycle.
"""

from payments.sandbox import paying
from payments.sandbox.currencies import check_amount
from payments.sandbox.errors import ApiError, invalid, unexpected_state
from payments.sandbox.objects import Call
from payments.sandbox.outcomes import is_manual
from payments.sandbox.paying import OPEN_STATUSES
from payments.sandbox.presenting import present
from payments.sandbox.spending import refuse_if_spent
from payments.sandbox.store import Record


def check_sum(amount: int, currency: str) -> int:
    if amount < 1:
        raise ApiError(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
        )
    return check_amount(amount, currency)


def take(intent: Record, method: Record) -> None:
    """Put the method on the intent, to be confirmed."""
    kind = method.body["type"]
    allowed = intent.body["payment_method_types"]
    if kind not in allowed and not intent.body["automatic_payment_methods"]:
        raise ApiError(
            f"The PaymentMethod provided ({kind}) is not allowed for this PaymentIntent. Please "
            f"attach a PaymentMethod with one of the following types: {', '.join(allowed)}.",
            code="payment_intent_invalid_parameter",
            param="payment_method",
        )
    refuse_if_spent(method)
    owner = method.body["customer"]
    if owner and owner != intent.body["customer"]:
        raise ApiError(
            f"The payment method you provided belongs to the customer {owner}. Please include "
            "that customer in the `customer` parameter on the PaymentIntent.",
            param="payment_method",
        )
    if kind != "card" and is_manual(intent, method):
        raise invalid("capture_method", f"{kind} payments cannot be reserved first")
    paying.withdraw(intent)
    intent.body |= {"payment_method": method.id, "status": "requires_confirmation"}


def refuse_to_confirm(call: Call, intent: Record) -> None:
    status = intent.body["status"]
    if status not in OPEN_STATUSES:
        why = (
            "it has already succeeded after being previously confirmed"
            if status == "succeeded"
            else f"it has a status of {status}. Only a PaymentIntent with one of the following "
            "statuses may be confirmed: requires_confirmation, requires_action"
        )
        raise unexpected_state(
            f"You cannot confirm this PaymentIntent because {why}.", present(call.tx, intent)
        )
    refuse_if_hosted(intent, "confirmed")


def refuse_unless_open(intent: Record, what: str, param: str) -> None:
    status = intent.body["status"]
    if status not in OPEN_STATUSES:
        raise unexpected_state(
            f"{what} because it has a status of {status}. You may only update it on a "
            f"PaymentIntent with one of the following statuses: {', '.join(OPEN_STATUSES)}.",
            dict(intent.body),
            param,
        )


def refuse_if_hosted(intent: Record, verb: str) -> None:
    """Only its Checkout Session may move an intent it made, or both could charge."""
    if intent.private["session"]:
        raise unexpected_state(
            f"This PaymentIntent belongs to a Checkout Session and cannot be {verb} directly. "
            "Use or expire the Checkout Session instead.",
            dict(intent.body),
        )
