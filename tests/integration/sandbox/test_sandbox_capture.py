"""Sums that are reserved first, and the states an intent passes through."""

import time
from typing import Any

import pytest
import stripe

from tests.support.sandbox import SandboxProcess, event_types, web

DAY = 24 * 3600


def reserve(api: stripe.StripeClient, **changes: Any) -> Any:
    params: Any = {
        "amount": 10000,
        "currency": "egp",
        "capture_method": "manual",
        "confirm": True,
        "payment_method": "pm_card_visa",
        "payment_method_types": ["card"],
        **changes,
    }
    return api.v1.payment_intents.create(params)


def charge_of(api: stripe.StripeClient, intent_id: str) -> Any:
    found: Any = api.v1.payment_intents.retrieve(intent_id, {"expand": ["latest_charge"]})
    return found.latest_charge


def error_of(call: Any, *arguments: Any) -> Any:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        call(*arguments)
    body: Any = refused.value.json_body
    return body["error"]


def test_a_reserved_sum_is_captured_whole(api: stripe.StripeClient) -> None:
    intent = reserve(api)
    assert (intent.status, intent.amount_capturable, intent.amount_received) == (
        "requires_capture",
        10000,
        0,
    )
    reserved = charge_of(api, intent.id)
    assert (reserved.status, reserved.captured, reserved.amount_captured) == ("succeeded", False, 0)
    assert reserved.balance_transaction is None
    card = reserved.payment_method_details.card
    assert abs(card.capture_before - time.time() - 7 * DAY) < 60
    captured = api.v1.payment_intents.capture(intent.id)
    assert (captured.status, captured.amount_capturable, captured.amount_received) == (
        "succeeded",
        0,
        10000,
    )
    assert event_types(api) == [
        "payment_intent.created",
        "payment_intent.processing",
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
        "charge.captured",
        "charge.updated",
        "payment_intent.succeeded",
    ]


def test_a_part_is_captured_and_the_rest_goes_back(api: stripe.StripeClient) -> None:
    intent = reserve(api)
    captured = api.v1.payment_intents.capture(
        intent.id, {"amount_to_capture": 4000, "metadata": {"stage": "2"}}
    )
    assert (captured.amount, captured.amount_received) == (10000, 4000)
    assert captured.metadata.to_dict() == {"stage": "2"}
    charge = charge_of(api, intent.id)
    assert (charge.amount_captured, charge.amount_refunded, charge.refunded) == (4000, 6000, False)
    booked = api.v1.balance_transactions.list({"source": charge.id}).data
    assert [one.amount for one in booked] == [4000]
    error = error_of(api.v1.payment_intents.capture, intent.id)
    assert (error["code"], error["payment_intent"]["status"]) == (
        "payment_intent_unexpected_state",
        "succeeded",
    )


def test_no_more_is_captured_than_was_reserved(api: stripe.StripeClient) -> None:
    intent = reserve(api)
    capture = api.v1.payment_intents.capture
    error = error_of(capture, intent.id, {"amount_to_capture": 10001})
    assert (error["code"], error["param"]) == ("amount_too_large", "amount_to_capture")
    error = error_of(capture, intent.id, {"amount_to_capture": 0})
    assert error["code"] == "parameter_invalid_integer"
    assert api.v1.payment_intents.retrieve(intent.id).status == "requires_capture"


def test_only_a_reserved_sum_can_be_captured(api: stripe.StripeClient) -> None:
    intent = api.v1.payment_intents.create({"amount": 5000, "currency": "egp"})
    error = error_of(api.v1.payment_intents.capture, intent.id)
    assert error["code"] == "payment_intent_unexpected_state"
    assert "requires_capture" in error["message"]


def test_a_reserved_sum_can_be_released(api: stripe.StripeClient) -> None:
    intent = reserve(api)
    canceled = api.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "duplicate"})
    assert (canceled.status, canceled.amount_capturable) == ("canceled", 0)
    assert canceled.canceled_at is not None
    charge = charge_of(api, intent.id)
    assert (charge.captured, charge.refunded, charge.amount_refunded) == (False, True, 10000)
    assert event_types(api)[-2:] == ["charge.refunded", "payment_intent.canceled"]
    assert api.v1.balance_transactions.list().data == []


def test_what_is_not_captured_in_a_week_is_released(
    api: stripe.StripeClient, payment_server: SandboxProcess
) -> None:
    intent = reserve(api)
    payment_server.control("/clock", {"advance": 7 * DAY + 1})
    try:
        released = api.v1.payment_intents.retrieve(intent.id)
    finally:
        payment_server.control("/clock", {"reset": True})
    assert (released.status, released.cancellation_reason) == ("canceled", "automatic")
    assert event_types(api)[-2:] == ["charge.expired", "payment_intent.canceled"]


def test_cards_alone_can_be_reserved(api: stripe.StripeClient) -> None:
    options = {"card": {"capture_method": "manual"}}
    intent = reserve(api, capture_method="automatic", payment_method_options=options)
    assert intent.status == "requires_capture"
    error = error_of(
        lambda: reserve(
            api,
            payment_method=None,
            payment_method_types=["kiosk"],
            payment_method_data={"type": "kiosk"},
        )
    )
    assert error["param"] == "capture_method"


def test_a_payer_who_is_away_cannot_be_asked_by_the_bank(api: stripe.StripeClient) -> None:
    for how in ({"off_session": True}, {"error_on_requires_action": True}):
        with pytest.raises(stripe.CardError) as declined:
            reserve(api, payment_method="pm_card_authenticationRequired", **how)
        body: Any = declined.value.json_body
        assert declined.value.code == "authentication_required"
        assert body["error"]["decline_code"] == "authentication_required"
        assert body["error"]["payment_intent"]["status"] == "requires_payment_method"
        assert body["error"]["charge"].startswith("ch_")
    assert reserve(api, capture_method="automatic", off_session=True).status == "succeeded"


def test_a_shop_can_confirm_once_more_after_the_bank(api: stripe.StripeClient) -> None:
    intent = reserve(
        api,
        capture_method="automatic",
        confirmation_method="manual",
        payment_method="pm_card_authenticationRequired",
        return_url="http://127.0.0.1:9/back",
    )
    web.post(intent.next_action.redirect_to_url.url, data={"decision": "approve"})
    assert api.v1.payment_intents.retrieve(intent.id).status == "requires_confirmation"
    assert api.v1.payment_intents.confirm(intent.id).status == "succeeded"


def test_another_sum_takes_back_what_the_payer_was_asked(api: stripe.StripeClient) -> None:
    intent = reserve(
        api, capture_method="automatic", payment_method="pm_card_authenticationRequired"
    )
    bank = intent.next_action.redirect_to_url.url
    changed = api.v1.payment_intents.update(intent.id, {"amount": 20000})
    assert (changed.status, changed.next_action) == ("requires_confirmation", None)
    web.post(bank, data={"decision": "approve"})
    assert api.v1.charges.list().data == []


def test_a_paid_intent_keeps_its_sum_and_takes_notes(api: stripe.StripeClient) -> None:
    intent = reserve(api, capture_method="automatic")
    error = error_of(api.v1.payment_intents.update, intent.id, {"amount": 5000})
    assert (error["code"], error["param"]) == ("payment_intent_unexpected_state", "amount")
    noted = api.v1.payment_intents.update(
        intent.id, {"description": "رسوم", "metadata": {"a": "b"}}
    )
    assert (noted.description, noted.metadata.to_dict()) == ("رسوم", {"a": "b"})


def test_a_method_of_another_type_is_refused(api: stripe.StripeClient) -> None:
    error = error_of(lambda: reserve(api, payment_method_types=["kiosk"]))
    assert (error["code"], error["param"]) == ("payment_intent_invalid_parameter", "payment_method")


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"return_url": "http://127.0.0.1:9/"}, "return_url"),
        ({"off_session": True}, "off_session"),
        ({"payment_method_types": ["shells"]}, "payment_method_types[0]"),
        ({"customer": "cus_none"}, "customer"),
        ({"confirmation_method": "twice"}, "confirmation_method"),
        ({"automatic_payment_methods": {"enabled": True}}, "automatic_payment_methods"),
        ({"statement_descriptor": "x" * 23}, "statement_descriptor"),
        ({"payment_method_options": {"card": {"colour": "red"}}},
         "payment_method_options[card][colour]"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(
    api: stripe.StripeClient, changes: Any, param: str
) -> None:
    error = error_of(lambda: reserve(api, confirm=False, payment_method=None, **changes))
    assert error["param"] == param


def test_everything_said_about_an_intent_is_shown_again(api: stripe.StripeClient) -> None:
    customer = api.v1.customers.create({"name": "منى"})
    intent = api.v1.payment_intents.create(
        {
            "amount": 5000,
            "currency": "egp",
            "customer": customer.id,
            "description": "رسم معاينة",
            "receipt_email": "mona@example.com",
            "statement_descriptor_suffix": "KFS",
            "transfer_group": "g",
            "shipping": {"name": "منى", "address": {"city": "كفر الشيخ", "line1": "شارع ١"}},
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    assert intent.automatic_payment_methods is not None
    assert intent.automatic_payment_methods.allow_redirects == "never"
    assert intent.customer == customer.id
    assert intent.shipping is not None
    assert intent.shipping.address is not None
    assert (intent.shipping.name, intent.shipping.address.city) == ("منى", "كفر الشيخ")
    assert str(intent.client_secret).startswith(f"{intent.id}_secret_")
    kept = api.v1.payment_intents.list({"customer": customer.id}).data
    assert [one.id for one in kept] == [intent.id]


def test_a_card_kept_for_later_stays_with_its_customer(api: stripe.StripeClient) -> None:
    customer = api.v1.customers.create({"name": "منى"})
    intent = reserve(
        api, capture_method="automatic", customer=customer.id, setup_future_usage="off_session"
    )
    kept = api.v1.payment_methods.list({"customer": customer.id, "type": "card"}).data
    assert [one.id for one in kept] == [intent.payment_method]
    error = error_of(lambda: reserve(api, payment_method=kept[0].id))
    assert error["param"] == "payment_method"
    again = reserve(
        api, capture_method="automatic", customer=customer.id, payment_method=kept[0].id
    )
    assert again.status == "succeeded"
