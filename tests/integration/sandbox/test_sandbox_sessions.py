"""Checkout sessions over the official SDK."""

import time

import pytest
import stripe

from tests.support.sandbox import (
    CANCEL_URL,
    SUCCESS_URL,
    SandboxProcess,
    event_types,
    line,
    open_session,
    pay_page,
    session_params,
)


def test_a_new_session_is_open_and_unpaid(
    api: stripe.StripeClient, payment_server: SandboxProcess
) -> None:
    session = open_session(
        api,
        client_reference_id="26-1504-10487",
        metadata={"request": "26-1504-10487"},
        customer_email="mona@example.com",
        locale="auto",
    )
    assert (session.status, session.payment_status, session.mode) == ("open", "unpaid", "payment")
    assert session.id.startswith("cs_test_")
    assert session.url == f"{payment_server.url}/c/pay/{session.id}"
    assert session.payment_intent is None
    assert (session.amount_total, session.currency) == (153550, "egp")
    assert session.client_reference_id == "26-1504-10487"
    assert session.metadata is not None
    assert session.metadata.to_dict() == {"request": "26-1504-10487"}
    assert session.customer_email == "mona@example.com"
    assert (session.success_url, session.cancel_url) == (SUCCESS_URL, CANCEL_URL)
    assert session.expires_at == session.created + 24 * 3600
    assert session.livemode is False


def test_a_session_is_found_again(api: stripe.StripeClient) -> None:
    session = open_session(api)
    found = api.v1.checkout.sessions.retrieve(session.id)
    assert found.to_dict() == session.to_dict()


def test_line_items_multiply_price_and_quantity(api: stripe.StripeClient) -> None:
    session = open_session(
        api, line_items=[line("دمغة", 350, quantity=3), line("رسم", 1000)], expand=["line_items"]
    )
    assert session.amount_total == 2050
    assert session.line_items is not None
    items = session.line_items.data
    assert [(item.description, item.amount_total, item.quantity) for item in items] == [
        ("دمغة", 1050, 3),
        ("رسم", 1000, 1),
    ]
    assert items[0].price is not None
    assert items[0].price.unit_amount == 350
    first = api.v1.checkout.sessions.line_items.list(session.id, {"limit": 1})
    assert (len(first.data), first.has_more) == (1, True)
    second = api.v1.checkout.sessions.line_items.list(
        session.id, {"starting_after": first.data[0].id}
    )
    assert ([item.description for item in second.data], second.has_more) == (["رسم"], False)


def test_metadata_can_be_added_and_deleted(api: stripe.StripeClient) -> None:
    session = open_session(api, metadata={"a": "1", "b": "2"})
    updated = api.v1.checkout.sessions.update(session.id, {"metadata": {"a": "", "c": "3"}})
    assert updated.metadata is not None
    assert updated.metadata.to_dict() == {"b": "2", "c": "3"}


def test_a_paid_session_is_complete_and_has_no_address(api: stripe.StripeClient) -> None:
    session = open_session(
        api,
        payment_intent_data={"metadata": {"request": "7"}, "description": "ترخيص"},
        customer_email="mona@example.com",
    )
    pay_page(session.url)
    paid = api.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    intent = paid.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert (intent.status, intent.amount, intent.amount_received) == ("succeeded", 153550, 153550)
    assert (intent.metadata.to_dict(), intent.description) == ({"request": "7"}, "ترخيص")
    assert paid.customer_details is not None
    assert (paid.customer_details.email, paid.customer_details.name) == (
        "mona@example.com",
        "منى السيد",
    )


def test_an_open_session_can_be_expired_once(api: stripe.StripeClient) -> None:
    session = open_session(api)
    expired = api.v1.checkout.sessions.expire(session.id)
    assert (expired.status, expired.payment_status, expired.url) == ("expired", "unpaid", None)
    with pytest.raises(stripe.InvalidRequestError, match="status of expired"):
        api.v1.checkout.sessions.expire(session.id)
    assert event_types(api) == ["checkout.session.expired"]


def test_a_paid_session_cannot_be_expired(api: stripe.StripeClient) -> None:
    session = open_session(api)
    pay_page(session.url)
    with pytest.raises(stripe.InvalidRequestError, match="status of complete"):
        api.v1.checkout.sessions.expire(session.id)


def test_expiring_cancels_a_payment_that_waits_for_the_bank(api: stripe.StripeClient) -> None:
    session = open_session(api)
    pay_page(session.url, card_number="4000002760003184")
    expired = api.v1.checkout.sessions.expire(session.id, {"expand": ["payment_intent"]})
    intent = expired.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert (intent.status, intent.cancellation_reason) == ("canceled", "expired")


@pytest.mark.parametrize(
    ("seconds", "accepted"), [(29 * 60, False), (31 * 60, True), (24 * 3600 + 60, False)]
)
def test_a_session_lasts_between_half_an_hour_and_a_day(
    api: stripe.StripeClient, seconds: int, accepted: bool
) -> None:
    at = int(time.time()) + seconds
    if accepted:
        assert open_session(api, expires_at=at).expires_at == at
        return
    with pytest.raises(stripe.InvalidRequestError) as refused:
        open_session(api, expires_at=at)
    assert refused.value.param == "expires_at"


def test_sessions_are_listed_by_status_and_by_intent(api: stripe.StripeClient) -> None:
    paid, left = open_session(api), open_session(api)
    pay_page(paid.url)
    complete = api.v1.checkout.sessions.list({"status": "complete"}).data
    assert [one.id for one in complete] == [paid.id]
    assert [one.id for one in api.v1.checkout.sessions.list({"status": "open"}).data] == [left.id]
    intent = complete[0].payment_intent
    assert isinstance(intent, str)
    found = api.v1.checkout.sessions.list({"payment_intent": intent}).data
    assert [one.id for one in found] == [paid.id]


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"line_items": []}, "parameter_missing", "line_items"),
        ({"success_url": ""}, "parameter_missing", "success_url"),
        ({"success_url": "javascript:alert(1)"}, "url_invalid", "success_url"),
        ({"success_url": "http://a;b'c/"}, "url_invalid", "success_url"),
        ({"cancel_url": "portal"}, "url_invalid", "cancel_url"),
        ({"mode": "subscription"}, None, "mode"),
        ({"locale": "ar"}, None, "locale"),
        ({"payment_method_types": ["shells"]}, None, "payment_method_types[0]"),
        ({"customer": "cus_none"}, "resource_missing", "customer"),
        ({"automatic_tax": {"enabled": True}}, None, "automatic_tax[enabled]"),
        ({"currency": "usd"}, None, "currency"),
        ({"submit_type": "beg"}, None, "submit_type"),
        ({"customer_email": "mona"}, "email_invalid", "customer_email"),
        ({"discounts": [{"coupon": "x"}]}, "parameter_unknown", "discounts"),
        ({"line_items": [line("x", 100), line("y", 100, currency="usd")]}, None, "line_items"),
        ({"line_items": [line("x", 1)]}, "amount_too_small", "line_items"),
        ({"line_items": [line("x", 10**12 - 1, quantity=2)]}, "amount_too_large", "line_items"),
        ({"line_items": [line("x", 10**8, currency="usd")]}, "amount_too_large", "line_items"),
        ({"line_items": [line("x", 100, quantity=0)]}, "parameter_invalid_integer",
         "line_items[0][quantity]"),
        ({"line_items": [line("x", 100, currency="xyz")]}, None,
         "line_items[0][price_data][currency]"),
        ({"line_items": [{"price": "price_1", "quantity": 1}]}, "resource_missing",
         "line_items[0][price]"),
    ],
)  # fmt: skip
def test_what_a_session_cannot_be_is_refused_by_name(
    api: stripe.StripeClient, changes: dict[str, object], code: str | None, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.checkout.sessions.create(session_params(**changes))
    assert (refused.value.code, refused.value.param) == (code, param)


def test_the_largest_sum_of_pounds_has_twelve_digits(api: stripe.StripeClient) -> None:
    session = open_session(api, line_items=[line("رسوم مبنى", 999_999_999_999)])
    assert session.amount_total == 999_999_999_999


def test_what_only_changes_the_look_is_taken_and_shown_again(api: stripe.StripeClient) -> None:
    session = open_session(
        api,
        submit_type="pay",
        billing_address_collection="auto",
        phone_number_collection={"enabled": True},
        custom_text={"submit": {"message": "شكرًا"}},
        allow_promotion_codes=False,
        ui_mode="hosted_page",
        customer_creation="if_required",
    )
    assert (session.submit_type, session.billing_address_collection) == ("pay", "auto")
    assert session.phone_number_collection is not None
    assert session.phone_number_collection.enabled is True
    assert session.custom_text.submit is not None
    assert session.custom_text.submit.message == "شكرًا"


def test_pounds_are_paid_by_card_wallet_or_kiosk_unless_the_shop_says_otherwise(
    api: stripe.StripeClient,
) -> None:
    assert open_session(api).payment_method_types == ["card", "wallet", "kiosk"]
    dollars = open_session(api, line_items=[line("x", 500, currency="usd")])
    assert dollars.payment_method_types == ["card"]
    for name in ("payment_method_types", "allowed_payment_method_types"):
        assert open_session(api, **{name: ["kiosk"]}).payment_method_types == ["kiosk"]
    less = open_session(api, excluded_payment_method_types=["wallet"])
    assert less.payment_method_types == ["card", "kiosk"]


def test_a_session_belongs_to_its_customer(api: stripe.StripeClient) -> None:
    customer = api.v1.customers.create({"email": "mona@example.com", "name": "منى"})
    session = open_session(api, customer=customer.id)
    open_session(api)
    pay_page(session.url)
    found = api.v1.checkout.sessions.list({"customer": customer.id}).data
    assert [one.id for one in found] == [session.id]
    assert found[0].customer_details is not None
    assert found[0].customer_details.email == "mona@example.com"
    by_email = api.v1.checkout.sessions.list({"customer_details": {"email": "mona@example.com"}})
    assert [one.id for one in by_email.data] == [session.id]
    intents = api.v1.payment_intents.list({"customer": customer.id}).data
    assert [one.id for one in intents] == [found[0].payment_intent]
    charge = api.v1.charges.list().data[0]
    assert charge.customer == customer.id
    with pytest.raises(stripe.InvalidRequestError, match="customer_email"):
        open_session(api, customer=customer.id, customer_email="mona@example.com")


def test_a_session_can_reserve_first(api: stripe.StripeClient) -> None:
    manual = {"capture_method": "manual"}
    session = open_session(api, payment_intent_data=manual)
    assert session.payment_method_types == ["card"]
    with pytest.raises(stripe.InvalidRequestError, match="only cards"):
        open_session(api, payment_intent_data=manual, payment_method_types=["kiosk"])
    pay_page(session.url)
    reserved = api.v1.checkout.sessions.retrieve(session.id)
    assert (reserved.status, reserved.payment_status) == ("complete", "unpaid")
    assert isinstance(reserved.payment_intent, str)
    captured = api.v1.payment_intents.capture(reserved.payment_intent)
    assert (captured.status, captured.amount_received) == ("succeeded", 153550)
    assert api.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    assert "checkout.session.async_payment_succeeded" not in event_types(api)


def test_a_payer_becomes_a_customer_where_the_shop_asks(api: stripe.StripeClient) -> None:
    session = open_session(api, customer_creation="always", customer_email="mona@example.com")
    pay_page(session.url)
    paid = api.v1.checkout.sessions.retrieve(session.id, {"expand": ["customer", "payment_intent"]})
    assert isinstance(paid.customer, stripe.Customer)
    assert (paid.customer.email, paid.customer.name) == ("mona@example.com", "منى السيد")
    assert isinstance(paid.payment_intent, stripe.PaymentIntent)
    assert paid.payment_intent.customer == paid.customer.id
