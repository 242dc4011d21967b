"""A Stripe-compatible provider through the official SDK.

The SDK is imported at the first use: it is large, and a portal that starts must answer first.
https://docs.stripe.com/api/checkout/sessions
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from payments.money import Money
from payments.provider import (
    BadSignature,
    Checkout,
    CheckoutOrder,
    Disputed,
    Payout,
    ProviderEvent,
    Refunded,
    RefundOrder,
    Rejected,
    Transaction,
    Unreachable,
    VoucherOrder,
)
from payments.stripe_objects import (
    KIOSK,
    event_of,
    read_balance,
    read_dispute,
    read_intent,
    read_payout,
    read_refund,
    read_session,
    read_transaction,
)

if TYPE_CHECKING:
    from stripe import StripeClient
    from stripe.params.checkout import SessionCreateParams


_TIMEOUT_SECONDS = 8
_TOLERANCE_SECONDS = 300
_CHARGE = "latest_charge.balance_transaction"
_EXPAND = [f"payment_intent.{_CHARGE}"]
_MOST_A_PAGE = 100
# Stripe's pages know no Arabic and refuse ``ar``; without a locale they follow the browser, and a
# compatible server that speaks Arabic may do better
_LOCALES: Mapping[str, Literal["en"]] = {"en": "en"}

T = TypeVar("T")


class StripeProvider:
    """One account of a Stripe-compatible server.

    ``methods`` are the means of payment that the hosted page may offer; what an account can do is
    agreed with the provider, so it is a setting.
    """

    name = "stripe"

    def __init__(
        self, api_key: str, base_url: str, webhook_secret: str, methods: Sequence[str] = ("card",)
    ) -> None:
        if not webhook_secret:
            raise ValueError("without a webhook secret anyone could say that a request is paid")
        self._api_key = api_key
        self._base_url = base_url
        self._secret = webhook_secret
        self._methods = [method for method in methods if method != KIOSK]
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
        metadata = {
            "reference": order.reference,
            "obligation": order.obligation,
            "attempt": order.attempt,
        }
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
        if self._methods:
            # a cash reference has a page of ours; an account may know means that the SDK does not
            params["payment_method_types"] = self._methods  # type: ignore[typeddict-item,unused-ignore]
        if order.locale in _LOCALES:
            params["locale"] = _LOCALES[order.locale]
        options: Any = {"idempotency_key": order.idempotency_key}
        return self._ask(
            lambda client: read_session(client.v1.checkout.sessions.create(params, options))
        )

    def read_checkout(self, session: str) -> Checkout:
        return self._ask(
            lambda client: read_session(
                client.v1.checkout.sessions.retrieve(session, {"expand": _EXPAND})
            )
        )

    def close_checkout(self, session: str) -> Checkout:
        try:
            return self._ask(
                lambda client: read_session(
                    client.v1.checkout.sessions.expire(session, {"expand": _EXPAND})
                )
            )
        except Rejected:
            return self.read_checkout(session)  # it was complete or expired already

    def open_voucher(self, order: VoucherOrder) -> Checkout:
        metadata = {
            "reference": order.reference,
            "obligation": order.obligation,
            "attempt": order.attempt,
        }
        params: Any = {
            "amount": order.amount.minor,
            "currency": order.amount.currency.lower(),
            "payment_method_types": [KIOSK],
            "payment_method_data": {"type": KIOSK},
            "payment_method_options": {KIOSK: {"expires_at": int(order.expires_at.timestamp())}},
            "confirm": True,
            "description": order.description,
            "metadata": metadata,
            "expand": [_CHARGE],
        }
        options: Any = {"idempotency_key": order.idempotency_key}
        return self._ask(
            lambda client: read_intent(client.v1.payment_intents.create(params, options))
        )

    def read_payment(self, payment: str) -> Checkout:
        return self._ask(
            lambda client: read_intent(
                client.v1.payment_intents.retrieve(payment, {"expand": [_CHARGE]})
            )
        )

    def checkout_of(self, payment: str) -> Checkout | None:
        params: Any = {
            "payment_intent": payment,
            "limit": 1,
            "expand": [f"data.{each}" for each in _EXPAND],
        }
        found = self._ask(
            lambda client: [
                read_session(each) for each in client.v1.checkout.sessions.list(params).data
            ]
        )
        return found[0] if found else None

    def close_payment(self, payment: str) -> Checkout:
        try:
            return self._ask(
                lambda client: read_intent(
                    client.v1.payment_intents.cancel(payment, {"expand": [_CHARGE]})
                )
            )
        except Rejected:
            return self.read_payment(payment)  # it was paid or canceled already

    def refund(self, order: RefundOrder) -> Refunded:
        params: Any = {
            "payment_intent": order.payment,
            "amount": order.amount.minor,
            "metadata": {"refund": order.refund},
        }
        options: Any = {"idempotency_key": order.idempotency_key}
        return self._ask(lambda client: read_refund(client.v1.refunds.create(params, options)))

    def read_refund(self, refund: str) -> Refunded:
        return self._ask(lambda client: read_refund(client.v1.refunds.retrieve(refund)))

    def refunds_of(self, payment: str) -> list[Refunded]:
        params: Any = {"payment_intent": payment, "limit": _MOST_A_PAGE}
        return self._ask(
            lambda client: [
                read_refund(found) for found in client.v1.refunds.list(params).auto_paging_iter()
            ]
        )

    def read_dispute(self, dispute: str) -> Disputed:
        return self._ask(lambda client: read_dispute(client.v1.disputes.retrieve(dispute)))

    def transactions(self, since: datetime, until: datetime) -> Iterator[Transaction]:
        params = {**_between(since, until), "expand": ["data.source"]}
        return self._each(
            lambda client: client.v1.balance_transactions.list, params, read_transaction
        )

    def transaction(self, transaction: str) -> Transaction:
        params: Any = {"expand": ["source"]}
        return self._ask(
            lambda client: read_transaction(
                client.v1.balance_transactions.retrieve(transaction, params)
            )
        )

    def transactions_of(self, source: str) -> list[Transaction]:
        params: Any = {"source": source, "limit": _MOST_A_PAGE, "expand": ["data.source"]}
        return self._ask(
            lambda client: [
                read_transaction(found)
                for found in client.v1.balance_transactions.list(params).auto_paging_iter()
            ]
        )

    def balance(self) -> Sequence[Money]:
        return self._ask(lambda client: read_balance(client.v1.balance.retrieve()))

    def read_payout(self, payout: str) -> Payout:
        return self._ask(lambda client: read_payout(client.v1.payouts.retrieve(payout)))

    def payouts(self, since: datetime, until: datetime) -> Iterator[Payout]:
        params = _between(since, until)
        return self._each(lambda client: client.v1.payouts.list, params, read_payout)

    def undelivered(self, since: datetime) -> Iterator[ProviderEvent]:
        params = {
            "created": {"gte": int(since.timestamp())},
            "delivery_success": False,
            "limit": _MOST_A_PAGE,
        }
        return self._each(lambda client: client.v1.events.list, params, event_of)

    def _ask(self, call: "Callable[[StripeClient], T]") -> T:
        with _failures():
            return call(self._client)

    def _each(
        self, listing: "Callable[[StripeClient], Any]", params: Any, read: Callable[[Any], T]
    ) -> Iterator[T]:
        """Page after page, as they are asked for: a list may be longer than the memory."""
        with _failures():
            for found in listing(self._client)(params).auto_paging_iter():
                yield read(found)

    def read_event(self, body: bytes, headers: Mapping[str, str], at: datetime) -> ProviderEvent:
        from stripe import SignatureVerificationError, WebhookSignature  # noqa: PLC0415

        header = headers.get("stripe-signature", "")
        if not header.isascii():  # the SDK cannot compare such a text
            raise BadSignature("no header of a signature")
        try:
            payload = body.decode("utf-8")
            WebhookSignature.verify_header(payload, header, self._secret, _TOLERANCE_SECONDS)
            event = json.loads(payload)
            # the first, as the SDK takes it: what is signed is that one
            signed_at = int(next((p[2:] for p in header.split(",") if p[:2] == "t="), ""))
        except (ValueError, RecursionError, SignatureVerificationError) as error:
            raise BadSignature(type(error).__name__) from error
        # the SDK refuses only what is too old; a time to come is as wrong
        if signed_at > at.timestamp() + _TOLERANCE_SECONDS:
            raise BadSignature("signed in the future")
        try:
            return event_of(event)
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            raise BadSignature("not an event") from error


def _between(since: datetime, until: datetime) -> dict[str, Any]:
    created = {"gte": int(since.timestamp()), "lt": int(until.timestamp())}
    return {"created": created, "limit": _MOST_A_PAGE}


@contextmanager
def _failures() -> Iterator[None]:
    """The SDK's failures as the two kinds that matter: try again, or do not."""
    from stripe import APIConnectionError, APIError, RateLimitError, StripeError  # noqa: PLC0415

    try:
        yield
    except (APIConnectionError, RateLimitError) as error:
        raise Unreachable(type(error).__name__) from error
    except StripeError as error:
        status = error.http_status or 500
        # 409: another call with this key is still under way
        if isinstance(error, APIError) or status >= 500 or status == 409:
            raise Unreachable(f"{type(error).__name__} {status}") from error
        raise Rejected(f"{type(error).__name__} {status} {error.code or ''}") from error
