"""What the rest of the world looks like to a payment: one protocol, three kinds of failure.

A provider starts a hosted checkout, tells its present state, closes it, and signs its events.
"""

from collections.abc import Mapping
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
class Checkout:
    """The state of a hosted checkout, as the provider tells it now."""

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
    method: str = ""
    """How it was paid, in words fit for a receipt: brand and last four digits."""


@dataclass(frozen=True)
class ProviderEvent:
    """A verified event: only a reason to look at ``session`` again."""

    id: str
    type: str
    session: str
    reference: str
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

    def read_event(self, body: bytes, headers: Mapping[str, str], at: datetime) -> ProviderEvent:
        """Verify the raw bytes; raises :class:`BadSignature`."""
