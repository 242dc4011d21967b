"""A Stripe-compatible provider through the official SDK.

The SDK is imported at the first use: it is large, and a portal that starts must answer first.
https://docs.stripe.com/api/checkout/sessions
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from payments.money import Money
from payments.provider import (
    BadSignature,
    Checkout,
    CheckoutOrder,
    CheckoutStatus,
    ProviderEvent,
    Rejected,
    Unreachable,
)

if TYPE_CHECKING:
    from stripe import StripeClient
    from stripe.checkout import Session
    from stripe.params.checkout import SessionCreateParams

_TIMEOUT_SECONDS = 8
_TOLERANCE_SECONDS = 300
_EXPAND = ["payment_intent.latest_charge"]
# Stripe's pages know no Arabic and refuse ``ar``; without a locale they follow the browser, and a
# compatible server that speaks Arabic may do better
_LOCALES: Mapping[str, Literal["en"]] = {"en": "en"}
_BRANDS = {"visa": "Visa", "mastercard": "Mastercard", "meeza": "Meeza"}


class StripeProvider:
    """One account of a Stripe-compatible server."""

    name = "stripe"

    def __init__(self, api_key: str, base_url: str, webhook_secret: str) -> None:
        if not webhook_secret:
            raise ValueError("without a webhook secret anyone could say that a request is paid")
        self._api_key = api_key
        self._base_url = base_url
        self._secret = webhook_secret
        self._made: StripeClient | None = None

    @property
    def _client(self) -> "StripeClient":
        if self._made is None:
            from stripe import RequestsClient, StripeClient  # noqa: PLC0415

            self._made = StripeClient(
                self._api_key,
                base_addresses={"api": self._base_url},
                max_network_retries=2,
                http_client=RequestsClient(timeout=_TIMEOUT_SECONDS),
            )
        return self._made

    def open_checkout(self, order: CheckoutOrder) -> Checkout:
        metadata = {"obligation": order.obligation, "attempt": order.attempt}
        params: SessionCreateParams = {
            "mode": "payment",
            "client_reference_id": order.reference,
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": line.amount.currency.lower(),
                        "unit_amount": line.amount.minor,
                        "product_data": {"name": line.name},
                    },
                }
                for line in order.lines
            ],
            "metadata": metadata,
            "payment_intent_data": {"metadata": metadata},
            "success_url": order.success_url,
            "cancel_url": order.cancel_url,
            "expires_at": int(order.expires_at.timestamp()),
            "expand": _EXPAND,
        }
        if order.locale in _LOCALES:
            params["locale"] = _LOCALES[order.locale]
        return self._ask(
            lambda client: client.v1.checkout.sessions.create(
                params=params,
                options={"idempotency_key": order.idempotency_key},
            )
        )

    def read_checkout(self, session: str) -> Checkout:
        return self._ask(
            lambda client: client.v1.checkout.sessions.retrieve(session, params={"expand": _EXPAND})
        )

    def close_checkout(self, session: str) -> Checkout:
        try:
            return self._ask(
                lambda client: client.v1.checkout.sessions.expire(
                    session, params={"expand": _EXPAND}
                )
            )
        except Rejected:
            return self.read_checkout(session)  # it was complete or expired already

    def _ask(self, call: Any) -> Checkout:
        from stripe import APIConnectionError, APIError, RateLimitError, StripeError  # noqa: PLC0415

        try:
            return _checkout(call(self._client))
        except (APIConnectionError, RateLimitError) as error:
            raise Unreachable(type(error).__name__) from error
        except StripeError as error:
            status = error.http_status or 500
            # 409: another call with this key is still under way
            if isinstance(error, APIError) or status >= 500 or status == 409:
                raise Unreachable(f"{type(error).__name__} {status}") from error
            raise Rejected(f"{type(error).__name__} {status} {error.code or ''}") from error

    def read_event(self, body: bytes, headers: Mapping[str, str], at: datetime) -> ProviderEvent:
        from stripe import SignatureVerificationError, WebhookSignature  # noqa: PLC0415

        header = headers.get("stripe-signature", "")
        try:
            payload = body.decode("utf-8")
            WebhookSignature.verify_header(payload, header, self._secret, _TOLERANCE_SECONDS)
            event = json.loads(payload)
            signed_at = int(dict(part.split("=", 1) for part in header.split(","))["t"])
        except (UnicodeDecodeError, ValueError, KeyError, SignatureVerificationError) as error:
            raise BadSignature(type(error).__name__) from error
        # the SDK refuses only what is too old; a time to come is as wrong
        if signed_at > at.timestamp() + _TOLERANCE_SECONDS:
            raise BadSignature("signed in the future")
        return _event(event)


def _event(event: Any) -> ProviderEvent:
    try:
        subject = event["data"]["object"]
        is_session = subject.get("object") == "checkout.session"
        return ProviderEvent(
            id=str(event["id"]),
            type=str(event["type"]),
            session=str(subject["id"]) if is_session else "",
            reference=str(subject.get("client_reference_id") or "") if is_session else "",
            created_at=datetime.fromtimestamp(int(event["created"]), UTC),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BadSignature("not an event") from error


def _checkout(session: "Session") -> Checkout:
    metadata: dict[str, str] = _plain(session.metadata)
    intent: Any = session.payment_intent
    charge = getattr(intent, "latest_charge", None)
    return Checkout(
        session=session.id,
        status=CheckoutStatus(session.status or "open"),
        paid=session.payment_status == "paid",
        amount=Money(session.amount_total or 0, (session.currency or "").upper()),
        reference=session.client_reference_id or "",
        obligation=metadata.get("obligation", ""),
        attempt=metadata.get("attempt", ""),
        live=bool(session.livemode),
        url=session.url or "",
        payment=str(getattr(intent, "id", None) or intent or ""),
        expires_at=datetime.fromtimestamp(session.expires_at, UTC),
        method=_method(charge),
    )


def _plain(metadata: Any) -> dict[str, str]:
    """The SDK's own mapping as a dict."""
    return dict(metadata.to_dict()) if metadata else {}


def _method(charge: Any) -> str:
    details = getattr(charge, "payment_method_details", None)
    card = getattr(details, "card", None)
    if card is None:
        return ""
    return f"{_BRANDS.get(card.brand, str(card.brand).title())} •••• {card.last4}"
