"""Wallets, the provider's vouchers and SEPA debits over the official SDK."""

from typing import Any

import pytest
import stripe

from payments.sandbox.payers import LONG_SECONDS
from tests.support.sandbox import SandboxProcess, event_types, web


def pay(api: stripe.StripeClient, kind: str, data: Any, **changes: Any) -> Any:
    params: Any = {
        "amount": 20000,
        "currency": "egp",
        "confirm": True,
        "payment_method_types": [kind],
        "payment_method_data": {"type": kind, **data},
        **changes,
    }
    return api.v1.payment_intents.create(params)


def wallet(api: stripe.StripeClient, phone: str) -> Any:
    return pay(api, "wallet", {"wallet": {"phone": phone}}, return_url="http://127.0.0.1:9/back")


def approve(intent: Any) -> Any:
    return web.post(intent.next_action.redirect_to_url.url, data={"decision": "approve"})


def later(server: SandboxProcess, api: stripe.StripeClient, intent: Any, seconds: int) -> Any:
    server.control("/clock", {"advance": seconds})
    try:
        return api.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    finally:
        server.control("/clock", {"reset": True})


@pytest.mark.parametrize("phone", ["01000000001", "+201000000001", "٠١٠٠٠٠٠٠٠٠١", "010 0000 0001"])
def test_a_wallet_is_asked_on_the_phone_and_pays(api: stripe.StripeClient, phone: str) -> None:
    intent = wallet(api, phone)
    assert (intent.status, intent.next_action.type) == ("requires_action", "redirect_to_url")
    back = approve(intent)
    assert "redirect_status=succeeded" in back.headers["location"]
    paid: Any = api.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    details = paid.latest_charge.payment_method_details
    assert (paid.status, details.type, details.wallet.last4) == ("succeeded", "wallet", "0001")


def test_a_wallet_that_is_refused_on_the_phone_pays_nothing(api: stripe.StripeClient) -> None:
    intent = wallet(api, "01000000001")
    web.post(intent.next_action.redirect_to_url.url, data={"decision": "deny"})
    assert api.v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"
    assert api.v1.charges.list().data == []


def test_a_wallet_without_enough_money_is_declined(api: stripe.StripeClient) -> None:
    intent = wallet(api, "01000000002")
    approve(intent)
    failed: Any = api.v1.payment_intents.retrieve(intent.id)
    assert failed.status == "requires_payment_method"
    assert failed.last_payment_error.decline_code == "insufficient_funds"
    assert api.v1.charges.list().data[0].status == "failed"


def test_some_wallets_take_no_money_back(api: stripe.StripeClient) -> None:
    intent = wallet(api, "01000000003")
    approve(intent)
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.refunds.create({"payment_intent": intent.id})


def test_a_slow_wallet_is_processing_and_then_pays(
    api: stripe.StripeClient, payment_server: SandboxProcess
) -> None:
    intent = wallet(api, "01000000004")
    approve(intent)
    waiting: Any = api.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert (waiting.status, waiting.latest_charge.status) == ("processing", "pending")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.payment_intents.cancel(intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    paid = later(payment_server, api, intent, LONG_SECONDS)
    assert (paid.status, paid.latest_charge.status) == ("succeeded", "succeeded")
    assert paid.latest_charge.balance_transaction is not None


def test_only_listed_wallets_are_taken(api: stripe.StripeClient) -> None:
    for phone in ("01234567890", "x"):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            wallet(api, phone)
        assert refused.value.param == "payment_method_data[wallet][phone]"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(api, "wallet", {})
    assert refused.value.code == "parameter_missing"


@pytest.mark.parametrize(
    ("iban", "status", "charged"),
    [
        ("DE89370400440532013000", "succeeded", "succeeded"),
        ("DE62 3704 0044 0532 0130 01", "requires_payment_method", "failed"),
    ],
)
def test_a_debit_is_processing_and_then_ends(
    api: stripe.StripeClient, iban: str, status: str, charged: str
) -> None:
    intent = pay(
        api,
        "sepa_debit",
        {
            "sepa_debit": {"iban": iban},
            "billing_details": {"name": "Mona", "email": "mona@example.com"},
        },
        currency="eur",
        mandate_data={"customer_acceptance": {"type": "offline", "offline": {}}},
    )
    assert intent.status == "processing"
    ended: Any = api.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert (ended.status, ended.latest_charge.status) == (status, charged)
    types = event_types(api)
    assert types[:3] == ["payment_intent.created", "payment_intent.processing", "charge.pending"]
    assert f"charge.{charged}" in types
    last = "succeeded" if status == "succeeded" else "payment_failed"
    assert types[-1] == f"payment_intent.{last}"
    assert ended.latest_charge.payment_method_details.sepa_debit.last4 in {"3000", "3001"}


@pytest.mark.parametrize(
    ("kind", "currency", "data"),
    [
        ("oxxo", "mxn", {}),
        ("boleto", "brl", {"boleto": {"tax_id": "000.000.000-00"}}),
        ("konbini", "jpy", {}),
        ("kiosk", "egp", {}),
    ],
)
@pytest.mark.parametrize(
    ("email", "status"),
    [
        ("succeed_immediately@example.com", "succeeded"),
        ("expire_immediately@example.com", "requires_payment_method"),
        ("fill_never@example.com", "requires_action"),
    ],
)
def test_a_voucher_does_what_its_address_says(
    api: stripe.StripeClient, kind: str, currency: str, data: Any, email: str, status: str
) -> None:
    billing = {"name": "Mona", "email": email}
    intent = pay(api, kind, {**data, "billing_details": billing}, currency=currency)
    assert intent.status == "requires_action"
    assert intent.next_action.type == f"{kind}_display_details"
    shown = intent.next_action.to_dict()[f"{kind}_display_details"]
    assert shown["hosted_voucher_url"].startswith("http")
    assert api.v1.payment_intents.retrieve(intent.id).status == status


def test_a_voucher_of_the_provider_is_paid_after_three_minutes(
    api: stripe.StripeClient, payment_server: SandboxProcess
) -> None:
    billing = {"name": "Mona", "email": "mona@example.com"}
    intent = pay(api, "oxxo", {"billing_details": billing}, currency="mxn")
    assert api.v1.payment_intents.retrieve(intent.id).status == "requires_action"
    paid = later(payment_server, api, intent, LONG_SECONDS)
    assert paid.status == "succeeded"
    number = intent.next_action.oxxo_display_details.number
    assert paid.latest_charge.payment_method_details.oxxo.number == number


def test_methods_are_made_found_and_once_they_are_somebodys_changed(
    api: stripe.StripeClient,
) -> None:
    make: Any = api.v1.payment_methods.create
    card = make(
        {
            "type": "card",
            "card": {"number": "5555555555554444", "exp_month": 12, "exp_year": 2034, "cvc": "123"},
            "billing_details": {"name": "منى", "address": {"city": "كفر الشيخ"}},
            "metadata": {"a": "b"},
        }
    )
    assert (card.card.brand, card.card.last4, card.customer) == ("mastercard", "4444", None)
    assert card.billing_details.address.city == "كفر الشيخ"
    with pytest.raises(stripe.InvalidRequestError, match="save this PaymentMethod to a customer"):
        api.v1.payment_methods.update(card.id, {"metadata": {"a": "c"}})
    api.v1.payment_methods.attach(card.id, {"customer": api.v1.customers.create().id})
    changed: Any = api.v1.payment_methods.update(
        card.id, {"billing_details": {"name": "منى السيد"}, "card": {"exp_year": 2035}}
    )
    assert (changed.billing_details.name, changed.card.exp_year) == ("منى السيد", 2035)
    assert changed.billing_details.address.city == "كفر الشيخ"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.payment_methods.list({"type": "cheque"})
    assert refused.value.param == "type"
    assert api.v1.payment_methods.list({"type": "ideal"}).data == []
    one, two = (api.v1.payment_methods.retrieve("pm_card_visa") for _ in range(2))
    assert one.id != two.id
    assert api.v1.payment_methods.retrieve(one.id).card == one.card
    by_token = make({"type": "card", "card": {"token": "tok_visa"}})
    assert by_token.card.last4 == "4242"
    kiosk = make({"type": "kiosk"})
    params: Any = {
        "amount": 5000,
        "currency": "egp",
        "confirm": True,
        "payment_method": kiosk.id,
        "payment_method_types": ["kiosk"],
    }
    assert api.v1.payment_intents.create(params).status == "requires_action"


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({}, "parameter_missing", "type"),
        ({"type": "shells"}, None, "type"),
        ({"type": "card"}, "parameter_missing", "card"),
        ({"type": "card", "card": {"token": "tok_none"}}, "resource_missing", "card[token]"),
        ({"type": "sepa_debit", "sepa_debit": {"iban": "DE00"}}, "invalid_bank_account_iban",
         "sepa_debit[iban]"),
        ({"type": "kiosk", "kiosk": {"colour": "red"}}, "parameter_unknown", "kiosk[colour]"),
    ],
)  # fmt: skip
def test_a_method_that_cannot_be_is_refused(
    api: stripe.StripeClient, params: Any, code: str | None, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.payment_methods.create(params)
    assert (refused.value.code, refused.value.param) == (code, param)
