"""Payment intents, charges and cards over the official SDK."""

from typing import Any

import httpx
import pytest
import stripe

from tests.support.sandbox import SandboxProcess, event_types, open_session, pay_page, web

NUMBERS = {"exp_month": 12, "exp_year": 2034, "cvc": "123"}


def pay(api: stripe.StripeClient, method: str = "pm_card_visa", **changes: Any) -> Any:
    params: Any = {"amount": 153550, "currency": "egp", "confirm": True, "payment_method": method}
    params.update(changes)
    return api.v1.payment_intents.create(params)


def error_of(error: stripe.StripeError) -> Any:
    body: Any = error.json_body
    return body["error"]


def typed(number: str, **changes: Any) -> Any:
    """A card as it is typed, for ``payment_method_data``."""
    return {"type": "card", "card": {"number": number, **NUMBERS, **changes}}


def test_a_confirmed_intent_is_paid_with_fee_and_net(api: stripe.StripeClient) -> None:
    intent = pay(
        api,
        metadata={"request": "7"},
        expand=["latest_charge.balance_transaction", "payment_method"],
    )
    assert (intent.status, intent.amount_received) == ("succeeded", 153550)
    charge = intent.latest_charge
    assert (charge.status, charge.paid, charge.captured) == ("succeeded", True, True)
    assert charge.metadata.to_dict() == {"request": "7"}
    assert charge.payment_method_details.card.last4 == "4242"
    assert intent.payment_method.card.brand == "visa"
    booked = charge.balance_transaction
    assert booked.fee == 3171  # 2 % of 1,535.50 is 30.71, and one pound
    assert booked.net == booked.amount - booked.fee == 150379
    assert booked.source == charge.id
    assert event_types(api) == [
        "payment_intent.created",
        "payment_intent.processing",
        "charge.succeeded",
        "charge.updated",
        "payment_intent.succeeded",
    ]


def test_the_balance_transaction_is_announced_after_the_charge(api: stripe.StripeClient) -> None:
    pay(api)
    succeeded = api.v1.events.list({"type": "charge.succeeded"}).data[0]
    updated = api.v1.events.list({"type": "charge.updated"}).data[0]
    assert succeeded.data.object["balance_transaction"] is None
    assert updated.data.object["balance_transaction"].startswith("txn_")
    previous = updated.data.previous_attributes
    assert previous is not None
    assert previous.to_dict() == {"balance_transaction": None}


def test_a_synchronous_capture_has_its_balance_transaction_at_once(
    api: stripe.StripeClient,
) -> None:
    pay(api, capture_method="automatic")
    succeeded = api.v1.events.list({"type": "charge.succeeded"}).data[0]
    assert succeeded.data.object["balance_transaction"].startswith("txn_")
    assert "charge.updated" not in event_types(api)


def test_an_intent_can_be_made_first_and_confirmed_later(api: stripe.StripeClient) -> None:
    intent = api.v1.payment_intents.create({"amount": 5000, "currency": "EGP"})
    assert (intent.status, intent.currency) == ("requires_payment_method", "egp")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.payment_intents.confirm(intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    changed = api.v1.payment_intents.update(
        intent.id, {"amount": 6000, "payment_method": "pm_card_mastercard", "metadata": {"a": "b"}}
    )
    assert (changed.status, changed.amount) == ("requires_confirmation", 6000)
    paid = api.v1.payment_intents.confirm(intent.id)
    assert (paid.status, paid.amount_received) == ("succeeded", 6000)
    assert isinstance(paid.payment_method, str)
    method = api.v1.payment_methods.retrieve(paid.payment_method)
    assert method.card is not None
    assert (method.card.brand, method.card.last4) == ("mastercard", "4444")


DECLINES = [
    ("4000000000000002", "pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
    ("4000000000009995", "pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined",
     "insufficient_funds"),
    ("4000000000009987", "pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
    ("4000000000009979", "pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
    ("4000000000000069", "pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ("4000000000000127", "pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
    ("4000000000000119", "pm_card_chargeDeclinedProcessingError", "processing_error", None),
]  # fmt: skip


@pytest.mark.parametrize(("number", "token", "code", "decline_code"), DECLINES)
def test_each_declining_card_declines_in_its_way(
    api: stripe.StripeClient, number: str, token: str, code: str, decline_code: str | None
) -> None:
    for given in (
        {"payment_method": token},
        {"payment_method": None, "payment_method_data": typed(number)},
    ):
        with pytest.raises(stripe.CardError) as declined:
            pay(api, **given)
        assert declined.value.http_status == 402
        assert declined.value.code == code
        error = error_of(declined.value)
        assert error.get("decline_code") == decline_code
        intent = api.v1.payment_intents.retrieve(error["payment_intent"]["id"])
        assert intent.status == "requires_payment_method"
        assert intent.last_payment_error is not None
        assert intent.last_payment_error.code == code
        charge = api.v1.charges.retrieve(error["charge"])
        assert (charge.status, charge.paid, charge.failure_code) == ("failed", False, code)
        assert charge.balance_transaction is None
    assert event_types(api)[:4] == [
        "payment_intent.created",
        "payment_intent.processing",
        "charge.failed",
        "payment_intent.payment_failed",
    ]


def test_a_declined_intent_can_be_paid_with_another_card(api: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError) as declined:
        pay(api, "pm_card_visa_chargeDeclined")
    intent_id = error_of(declined.value)["payment_intent"]["id"]
    paid = api.v1.payment_intents.confirm(intent_id, {"payment_method": "pm_card_visa"})
    assert (paid.status, paid.last_payment_error) == ("succeeded", None)
    charges = api.v1.charges.list({"payment_intent": intent_id}).data
    assert [charge.status for charge in charges] == ["succeeded", "failed"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (typed("4242424242424241"), "incorrect_number"),
        (typed("4242"), "invalid_number"),
        (typed("4242424242424242", exp_month=13), "invalid_expiry_month"),
        (typed("4242424242424242", exp_year=20), "invalid_expiry_year"),
        (typed("4242424242424242", cvc="99"), "invalid_cvc"),
    ],
)
def test_mistyped_cards_are_refused_before_anything_is_charged(
    api: stripe.StripeClient, given: Any, code: str
) -> None:
    with pytest.raises(stripe.CardError) as refused:
        api.v1.payment_intents.create(
            {"amount": 5000, "currency": "egp", "confirm": True, "payment_method_data": given}
        )
    assert refused.value.code == code
    assert api.v1.charges.list().data == []


def test_a_number_that_is_no_test_card_is_refused_in_arabic_and_kept_nowhere(
    payment_server: SandboxProcess,
) -> None:
    api = payment_server.client()
    number = "4111111111111111"
    with pytest.raises(stripe.CardError) as refused:
        api.v1.payment_intents.create(
            {
                "amount": 5000,
                "currency": "egp",
                "confirm": True,
                "payment_method_data": typed(number),
            }
        )
    assert "بطاقات الاختبار" in str(refused.value.user_message)
    assert number not in str(refused.value.json_body)
    stored = b"".join(path.read_bytes() for path in payment_server.data.iterdir())
    assert number.encode() not in stored
    # Test numbers are not kept either: only the brand and the last four digits.
    pay(api, payment_method=None, payment_method_data=typed("4242424242424242"))
    stored = b"".join(path.read_bytes() for path in payment_server.data.iterdir())
    assert b"4242424242424242" not in stored


@pytest.mark.parametrize(
    "token", ["pm_card_authenticationRequired", "pm_card_threeDSecure2Required"]
)
def test_an_intent_with_3d_secure_is_paid_after_approval(
    api: stripe.StripeClient, token: str
) -> None:
    intent = pay(api, token, return_url="http://127.0.0.1:9/back?a=1")
    assert intent.status == "requires_action"
    assert intent.next_action.type == "redirect_to_url"
    url = intent.next_action.redirect_to_url.url
    assert "data-primary" in web.get(url).text
    answer = web.post(url, data={"decision": "approve"})
    assert answer.status_code == 303
    back = httpx.URL(answer.headers["location"])
    assert (back.params["payment_intent"], back.params["redirect_status"], back.params["a"]) == (
        intent.id,
        "succeeded",
        "1",
    )
    paid: Any = api.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert (paid.status, paid.next_action) == ("succeeded", None)
    secure = paid.latest_charge.payment_method_details.card.three_d_secure
    assert secure.result == "authenticated"
    # A second tap changes nothing.
    web.post(url, data={"decision": "deny"})
    assert api.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    assert len(api.v1.charges.list().data) == 1
    assert event_types(api)[:3] == [
        "payment_intent.created",
        "payment_intent.requires_action",
        "payment_intent.processing",
    ]


def test_an_intent_whose_bank_was_told_no_fails_without_a_charge(api: stripe.StripeClient) -> None:
    intent = pay(api, "pm_card_authenticationRequired")
    answer = web.post(intent.next_action.redirect_to_url.url, data={"decision": "deny"})
    assert (answer.status_code, "لم يتم السداد" in answer.text) == (200, True)
    failed = api.v1.payment_intents.retrieve(intent.id)
    assert failed.status == "requires_payment_method"
    assert failed.last_payment_error is not None
    assert failed.last_payment_error.code == "payment_intent_authentication_failure"
    assert api.v1.charges.list().data == []


def test_a_card_can_be_declined_after_authentication(api: stripe.StripeClient) -> None:
    intent = pay(api, "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds")
    web.post(intent.next_action.redirect_to_url.url, data={"decision": "approve"})
    failed = api.v1.payment_intents.retrieve(intent.id)
    assert failed.last_payment_error is not None
    assert failed.last_payment_error.decline_code == "insufficient_funds"


def test_an_open_intent_can_be_canceled_and_a_paid_one_cannot(api: stripe.StripeClient) -> None:
    intent = api.v1.payment_intents.create({"amount": 5000, "currency": "egp"})
    canceled = api.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
    assert event_types(api)[-1] == "payment_intent.canceled"
    paid = pay(api)
    for call in (api.v1.payment_intents.cancel, api.v1.payment_intents.confirm):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            call(paid.id)
        assert refused.value.code == "payment_intent_unexpected_state"
        assert error_of(refused.value)["payment_intent"]["status"] == "succeeded"


def test_the_intent_of_a_session_is_moved_by_the_session_only(api: stripe.StripeClient) -> None:
    session = open_session(api)
    pay_page(session.url, card_number="4000000000000002")
    intent_id = api.v1.checkout.sessions.retrieve(session.id).payment_intent
    assert isinstance(intent_id, str)
    with pytest.raises(stripe.InvalidRequestError, match="Checkout Session"):
        api.v1.payment_intents.confirm(intent_id, {"payment_method": "pm_card_visa"})
    with pytest.raises(stripe.InvalidRequestError, match="Checkout Session"):
        api.v1.payment_intents.cancel(intent_id)
    with pytest.raises(stripe.InvalidRequestError, match="Checkout Session"):
        api.v1.payment_intents.update(intent_id, {"amount": 100})
    updated = api.v1.payment_intents.update(intent_id, {"metadata": {"note": "x"}})
    assert updated.metadata.to_dict() == {"note": "x"}


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"amount": "12.50"}, "parameter_invalid_integer", "amount"),
        ({"amount": "١٢"}, "parameter_invalid_integer", "amount"),
        ({"amount": "1_000"}, "parameter_invalid_integer", "amount"),
        ({"amount": 10**30}, "parameter_invalid_integer", "amount"),
        ({"amount": -5}, "parameter_invalid_integer", "amount"),
        ({"amount": 0}, "parameter_invalid_integer", "amount"),
        ({"amount": 99}, "amount_too_small", "amount"),
        ({"amount": 10**12}, "amount_too_large", "amount"),
        ({"amount": 10**8, "currency": "usd"}, "amount_too_large", "amount"),
        ({"amount": None}, "parameter_missing", "amount"),
        ({"currency": None}, "parameter_missing", "currency"),
        ({"currency": ""}, "parameter_invalid_empty", "currency"),
        ({"payment_method": "pm_card_unheard_of"}, "resource_missing", "payment_method"),
        ({"payment_method": "pm_card_\0"}, None, None),
        ({"capture_method": "by_hand"}, None, "capture_method"),
        ({"transfer_grup": "x"}, "parameter_unknown", "transfer_grup"),
    ],
)
def test_what_an_intent_cannot_be_is_refused_by_name(
    api: stripe.StripeClient, changes: Any, code: str | None, param: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(api, **changes)
    assert (refused.value.code, refused.value.param) == (code, param)
    assert api.v1.payment_intents.list().data == []


def test_a_charge_keeps_its_own_metadata(api: stripe.StripeClient) -> None:
    charge_id = pay(api).latest_charge
    updated = api.v1.charges.update(charge_id, {"metadata": {"receipt": "9"}})
    assert updated.metadata.to_dict() == {"receipt": "9"}
    event = api.v1.events.list({"type": "charge.updated", "limit": 1}).data[0]
    assert event.data.object["metadata"].to_dict() == {"receipt": "9"}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.charges.update(charge_id, {"amount": 5})  # type: ignore[arg-type]
    assert refused.value.code == "parameter_unknown"
