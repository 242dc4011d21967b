"""Stripe's objects as ours. Shapes: https://docs.stripe.com/api

A field that is an id may come expanded: both are read.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from payments.money import Money
from payments.provider import (
    Charged,
    Checkout,
    CheckoutStatus,
    Disputed,
    DisputeStatus,
    Payout,
    ProviderEvent,
    Refunded,
    RefundStatus,
    Transaction,
    Voucher,
)

KIOSK = "kiosk"
"""The type of a cash reference; it behaves as Stripe's vouchers do."""

_BRANDS = {"visa": "Visa", "mastercard": "Mastercard", "meeza": "Meeza"}
_REFUNDS = {
    "succeeded": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}
_DISPUTES = {
    "won": DisputeStatus.WON,
    "warning_closed": DisputeStatus.WON,
    "prevented": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
}


def read_session(session: Any) -> Checkout:
    """https://docs.stripe.com/api/checkout/sessions/object"""
    metadata = _plain(session.metadata)
    intent = session.payment_intent
    charge = getattr(intent, "latest_charge", None)
    return Checkout(
        session=session.id,
        status=CheckoutStatus(session.status or "open"),
        paid=session.payment_status == "paid",
        amount=_money(session.amount_total or 0, session.currency or ""),
        reference=session.client_reference_id or "",
        obligation=metadata.get("obligation", ""),
        attempt=metadata.get("attempt", ""),
        live=bool(session.livemode),
        url=session.url or "",
        payment=_id(intent),
        expires_at=_instant(session.expires_at),
        kind=_kind(charge),
        method=_method(charge),
        charged=_charged(charge),
    )


def read_intent(intent: Any) -> Checkout:
    """https://docs.stripe.com/api/payment_intents/object"""
    metadata = _plain(intent.metadata)
    charge = intent.latest_charge
    voucher = _voucher(intent)
    return Checkout(
        session="",
        status=_intent_status(intent),
        paid=intent.status == "succeeded",
        amount=_money(intent.amount, intent.currency),
        reference=metadata.get("reference", ""),
        obligation=metadata.get("obligation", ""),
        attempt=metadata.get("attempt", ""),
        live=bool(intent.livemode),
        url="",
        payment=intent.id,
        expires_at=voucher.expires_at if voucher else _instant(intent.created),
        kind=_kind(charge),
        method=_method(charge),
        voucher=voucher,
        charged=_charged(charge),
    )


def read_refund(refund: Any) -> Refunded:
    """https://docs.stripe.com/api/refunds/object"""
    return Refunded(
        id=refund.id,
        payment=_id(refund.payment_intent),
        amount=_money(refund.amount, refund.currency),
        status=_REFUNDS.get(refund.status or "", RefundStatus.PENDING),
        refund=_plain(refund.metadata).get("refund", ""),
        failure=str(getattr(refund, "failure_reason", None) or ""),
        taken=bool(_id(refund.balance_transaction)),
    )


def read_dispute(dispute: Any) -> Disputed:
    """https://docs.stripe.com/api/disputes/object

    What it moved is in its balance transactions: none of an inquiry, and one more when it is won.
    """
    moves = dispute.balance_transactions
    taken = [move for move in moves if move.amount < 0]
    given = [move for move in moves if move.amount > 0]
    due_by = getattr(dispute.evidence_details, "due_by", None)
    return Disputed(
        id=dispute.id,
        payment=_id(dispute.payment_intent),
        amount=_money(dispute.amount, dispute.currency),
        taken=_money(-sum(move.amount for move in taken), dispute.currency),
        fee=_money(sum(move.fee for move in taken), dispute.currency),
        given_back=_money(sum(move.amount for move in given), dispute.currency),
        fee_back=_money(-sum(move.fee for move in given), dispute.currency),
        status=_DISPUTES.get(dispute.status, DisputeStatus.OPEN),
        reason=str(dispute.reason or ""),
        evidence_by=_instant(due_by) if due_by else None,
    )


def read_transaction(transaction: Any) -> Transaction:
    """https://docs.stripe.com/api/balance_transactions/object, its source expanded"""
    source = transaction.source
    return Transaction(
        id=transaction.id,
        kind=transaction.type,
        source=_id(source),
        payment=_id(getattr(source, "payment_intent", None)),
        amount=_money(transaction.amount, transaction.currency),
        fee=_money(transaction.fee, transaction.currency),
        created_at=_instant(transaction.created),
        reference=_plain(getattr(source, "metadata", None)).get("reference", ""),
    )


def read_balance(balance: Any) -> list[Money]:
    """https://docs.stripe.com/api/balance/balance_object; available and pending together"""
    held: dict[str, int] = {}
    for part in (*balance.available, *balance.pending):
        held[part.currency] = held.get(part.currency, 0) + part.amount
    return [_money(minor, currency) for currency, minor in sorted(held.items())]


def read_payout(payout: Any) -> Payout:
    """https://docs.stripe.com/api/payouts/object"""
    return Payout(
        id=payout.id,
        amount=_money(payout.amount, payout.currency),
        status=payout.status,
        created_at=_instant(payout.created),
        arrives_on=_instant(payout.arrival_date),
    )


def event_of(event: Any) -> ProviderEvent:
    """https://docs.stripe.com/api/events/object, as the SDK's object or as decoded JSON.

    A charge is looked at through its payment, so an event about one names that.
    Raises LookupError, TypeError or ValueError for what is no event.
    """
    subject = event["data"]["object"]
    kind = _must(_KIND, subject["object"])
    metadata: Any = _field(subject, "metadata") or {}
    reference = _field(subject, "client_reference_id") or _field(metadata, "reference")
    about = _field(subject, "payment_intent") if kind == "charge" else subject["id"]
    if about is not None and not isinstance(about, str):
        about = about["id"]
    created = event["created"]
    if type(created) is not int or not 0 <= created < _END_OF_TIME:
        raise ValueError("created")
    return ProviderEvent(
        id=_must(_NAME, event["id"]),
        type=_must(_KIND, event["type"]),
        object_kind=kind[:_LONGEST_KIND],
        object_id=_must(_NAME, about) if about else "",
        reference=_if_plain(reference),
        attempt=_if_plain(_field(metadata, "attempt")),
        created_at=_instant(created),
    )


# what may come into a table: everything else that is signed is a mistake, and told as one
_NAME = re.compile("[A-Za-z0-9_.-]{1,120}")
_KIND = re.compile("[A-Za-z0-9_.]{1,80}")
_PLAIN = re.compile("[A-Za-z0-9_-]{1,40}")
_LONGEST_KIND = 30
_END_OF_TIME = 2**36  # beyond, some machines know no date


def _must(pattern: re.Pattern[str], value: Any) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(pattern.pattern)
    return value


def _if_plain(value: Any) -> str:
    """A word that may be one of ours; nothing if it cannot be."""
    return value if isinstance(value, str) and _PLAIN.fullmatch(value) else ""


def _field(subject: Any, name: str) -> Any:
    try:
        return subject[name]
    except KeyError:
        return None


def _intent_status(intent: Any) -> CheckoutStatus:
    """A reference that has run out waits for another means, which nobody will give it."""
    if intent.status == "succeeded":
        return CheckoutStatus.COMPLETE
    if intent.status in {"canceled", "requires_payment_method"}:
        return CheckoutStatus.EXPIRED
    return CheckoutStatus.OPEN


def _voucher(intent: Any) -> Voucher | None:
    details = getattr(intent.next_action, f"{KIOSK}_display_details", None)
    if details is None:
        return None
    return Voucher(str(details["reference"]), _instant(details["expires_at"]))


def _charged(charge: Any) -> Charged | None:
    transaction = getattr(charge, "balance_transaction", None)
    if transaction is None or isinstance(transaction, str):
        return None
    return Charged(transaction.id, _money(transaction.fee, transaction.currency))


def _kind(charge: Any) -> str:
    return str(getattr(getattr(charge, "payment_method_details", None), "type", ""))


def _method(charge: Any) -> str:
    card = getattr(getattr(charge, "payment_method_details", None), "card", None)
    if card is None:
        return ""
    return f"{_BRANDS.get(card.brand, str(card.brand).title())} •••• {card.last4}"


def _id(found: Any) -> str:
    """The id of what may be expanded."""
    return str(getattr(found, "id", None) or found or "")


def _money(minor: int, currency: str) -> Money:
    return Money(minor, currency.upper())


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _plain(metadata: Any) -> Mapping[str, str]:
    """The SDK's own mapping as a dict."""
    return dict(metadata.to_dict()) if metadata else {}
