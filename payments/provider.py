"""What the rest of the world looks like to a payment: one protocol, three kinds of failure.

A provider starts a hosted checkout or a cash reference, tells its present state, closes it, gives
money back, lists what it booked, and signs its events.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from payments.money import Money


class ProviderError(Exception):
    """The provider did not do what was asked."""


class Unreachable(ProviderError):
    """No answer, or an answer that says nothing (5xx, timeout): the only kind to try again."""


class Rejected(ProviderError):
    """The provider understood and refused: trying the same again gives the same."""


class BadSignature(ProviderError):
    """An event that the provider did not sign, or signed too long ago, or for another time."""


class CheckoutStatus(StrEnum):
    """The life of a hosted checkout (https://docs.stripe.com/api/checkout/sessions/object)."""

    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"


@dataclass(frozen=True)
class CheckoutLine:
    """One line of what is paid, as the payer reads it."""

    name: str
    amount: Money


@dataclass(frozen=True)
class CheckoutOrder:
    """What to ask a provider for. ``reference`` is ours; nothing in it is personal."""

    reference: str
    obligation: str
    attempt: str
    lines: tuple[CheckoutLine, ...]
    success_url: str
    cancel_url: str
    expires_at: datetime
    locale: str
    idempotency_key: str


@dataclass(frozen=True)
class VoucherOrder:
    """What to ask a provider for when the payer wants to pay in cash at a kiosk."""

    reference: str
    obligation: str
    attempt: str
    amount: Money
    description: str
    expires_at: datetime
    idempotency_key: str


@dataclass(frozen=True)
class Voucher:
    """A cash reference: the number that is said at the kiosk; numbers have no fixed length."""

    number: str
    expires_at: datetime


@dataclass(frozen=True)
class Charged:
    """What the provider booked for a payment: its fee may be told later than the payment."""

    transaction: str
    fee: Money


@dataclass(frozen=True)
class Checkout:
    """The state of one try to pay, as the provider tells it now.

    ``session`` is empty for a cash reference, which has no hosted page.
    """

    session: str
    status: CheckoutStatus
    paid: bool
    amount: Money
    reference: str
    obligation: str
    attempt: str
    live: bool
    url: str
    payment: str
    """The provider's id of the payment itself, empty until there is one."""
    expires_at: datetime
    kind: str = ""
    """The kind of means: ``card``, ``wallet``, ``kiosk``; empty until it is paid."""
    method: str = ""
    """How it was paid, in words fit for a receipt: brand and last four digits."""
    voucher: Voucher | None = None
    charged: Charged | None = None


class RefundStatus(StrEnum):
    """The life of a refund (https://docs.stripe.com/api/refunds/object)."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True)
class RefundOrder:
    """What to give back of a payment."""

    payment: str
    amount: Money
    refund: str
    """Our own id of it; the provider keeps it, so that its answer can be told from a stranger's."""
    idempotency_key: str


@dataclass(frozen=True)
class Refunded:
    """A refund as the provider tells it now. ``refund`` is empty for one that is not of us.

    ``taken`` tells that the sum has left what the provider holds for us, which it may before the
    refund has succeeded.
    """

    id: str
    payment: str
    amount: Money
    status: RefundStatus
    refund: str
    failure: str = ""
    taken: bool = False


class DisputeStatus(StrEnum):
    """Where a payment that the payer's bank disputes stands."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True)
class Disputed:
    """A dispute as the provider tells it now, with what it has moved so far.

    An inquiry is a dispute that has moved nothing; it may become one that does.
    """

    id: str
    payment: str
    amount: Money
    taken: Money
    """What was taken from us, and beside it the ``fee`` for that."""
    fee: Money
    given_back: Money
    """What we got again because we won, and beside it ``fee_back``."""
    fee_back: Money
    status: DisputeStatus
    reason: str
    evidence_by: datetime | None = None
    """Until when the provider takes evidence."""


@dataclass(frozen=True)
class Transaction:
    """One line of the provider's own book: what a payment, refund, dispute or payout moved.

    ``net`` is ``amount - fee``; ``payment`` is empty for a payout.
    """

    id: str
    kind: str
    """``charge``, ``refund``, ``refund_failure``, ``adjustment``, ``payout``, …"""
    source: str
    payment: str
    amount: Money
    fee: Money
    created_at: datetime
    reference: str = ""
    """The reference of ours that the payment carries, if it carries one."""

    @property
    def net(self) -> Money:
        return self.amount - self.fee


@dataclass(frozen=True)
class Payout:
    """Money on its way from the provider to the treasury's account."""

    id: str
    amount: Money
    status: str
    """``pending``, ``in_transit``, ``paid``, ``failed``, ``canceled``."""
    created_at: datetime
    arrives_on: datetime


@dataclass(frozen=True)
class ProviderEvent:
    """A verified event: only a reason to look again at the object that it names."""

    id: str
    type: str
    object_kind: str
    """``checkout.session``, ``payment_intent``, ``charge``, ``refund``, ``dispute``, …"""
    object_id: str
    reference: str
    """The reference of ours that the object carries, if it carries one."""
    attempt: str
    created_at: datetime


class Provider(Protocol):
    """A payment provider with a hosted payment page."""

    name: str

    def open_checkout(self, order: CheckoutOrder) -> Checkout:
        """Start a checkout; the same idempotency key gives the same one."""

    def read_checkout(self, session: str) -> Checkout:
        """The checkout as it is now."""

    def close_checkout(self, session: str) -> Checkout:
        """Expire an open checkout; one that is complete meanwhile is returned as it is."""

    def open_voucher(self, order: VoucherOrder) -> Checkout:
        """Issue a cash reference; the same idempotency key gives the same one."""

    def read_payment(self, payment: str) -> Checkout:
        """The try that ``payment`` belongs to as it is now, without its hosted page."""

    def checkout_of(self, payment: str) -> Checkout | None:
        """The hosted checkout that led to ``payment``, as it is now; None if none did."""

    def close_payment(self, payment: str) -> Checkout:
        """Cancel what is not paid; what is paid meanwhile is returned as it is."""

    def refund(self, order: RefundOrder) -> Refunded:
        """Give money back; the same idempotency key gives it back once."""

    def read_refund(self, refund: str) -> Refunded:
        """A refund as it is now."""

    def refunds_of(self, payment: str) -> list[Refunded]:
        """Every refund of a payment, whoever asked for it."""

    def read_dispute(self, dispute: str) -> Disputed:
        """A dispute as it is now."""

    def transactions(self, since: datetime, until: datetime) -> Iterator[Transaction]:
        """The provider's book from ``since`` (inclusive) to ``until``, newest first."""

    def payouts(self, since: datetime, until: datetime) -> Iterator[Payout]:
        """Payouts made from ``since`` (inclusive) to ``until``, newest first."""

    def undelivered(self, since: datetime) -> Iterator[ProviderEvent]:
        """Events since then that the provider could not deliver, newest first."""

    def read_event(self, body: bytes, headers: Mapping[str, str], at: datetime) -> ProviderEvent:
        """Verify the raw bytes; raises :class:`BadSignature`."""


class Book(Protocol):
    """What a provider tells of its own book: all that the daily comparison asks for."""

    def transactions(self, since: datetime, until: datetime) -> Iterator[Transaction]:
        """The lines from ``since`` (inclusive) to ``until``, newest first."""

    def transaction(self, transaction: str) -> Transaction:
        """One line."""

    def transactions_of(self, source: str) -> list[Transaction]:
        """The lines of a refund, a dispute or a payout."""

    def read_payment(self, payment: str) -> Checkout:
        """A payment as it is now, with its line once there is one."""

    def balance(self) -> Sequence[Money]:
        """What the provider holds for us, by currency: all that it booked and did not pay out."""

    def payouts(self, since: datetime, until: datetime) -> Iterator[Payout]:
        """Payouts made from ``since`` (inclusive) to ``until``, newest first."""

    def read_payout(self, payout: str) -> Payout:
        """A payout as it is now."""
