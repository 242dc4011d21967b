"""Giving money back: asked for by one member of staff, decided by another, then made.

What can come back is a property of each fee line (a deposit does, a stamp does not), and whatever
was paid beyond what was due. A refund is reserved when it is asked for, with the obligation's row
held, so two that race can never give back more than was paid. It is made at the provider outside of
any transaction and settled by reading it again.
"""

from payments.refunds.asking import (
    NotRefundable,
    Part,
    Refundable,
    RefundableLine,
    Why,
    ask,
    decide,
    refundable,
)
from payments.refunds.reading import (
    LONGEST_NOTE,
    SYSTEM,
    Asked,
    RefundReason,
    RefundState,
    TakenFrom,
    find,
    get,
    of_attempt,
    of_reference,
    parts_of,
    unended,
)
from payments.refunds.settling import looked_at, order, refused, settle, to_make

__all__ = [
    "LONGEST_NOTE",
    "SYSTEM",
    "Asked",
    "NotRefundable",
    "Part",
    "RefundReason",
    "RefundState",
    "Refundable",
    "RefundableLine",
    "TakenFrom",
    "Why",
    "ask",
    "decide",
    "find",
    "get",
    "looked_at",
    "of_attempt",
    "of_reference",
    "order",
    "parts_of",
    "refundable",
    "refused",
    "settle",
    "to_make",
    "unended",
]
