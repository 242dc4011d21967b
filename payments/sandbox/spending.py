"""What belongs to no customer pays once, and what was detached not at all:
https://docs.stripe.com/api/payment_methods/attach.
"""

from payments.sandbox.errors import ApiError
from payments.sandbox.store import Record, Transaction


def spend(tx: Transaction, method: Record) -> None:
    """After money was taken or reserved, unless a customer keeps the method."""
    if method.parent is None:
        method.private["spent"] = True
        tx.save(method)


def refuse_if_spent(method: Record) -> None:
    if method.private.get("spent") and method.parent is None:
        raise ApiError(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer "
            "attachment, or was detached from a Customer. It may not be used again. To use a "
            "PaymentMethod multiple times, you must attach it to a Customer first.",
            param="payment_method",
        )
