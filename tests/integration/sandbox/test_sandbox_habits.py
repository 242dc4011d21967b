"""Habits of the provider that programs of others rely on, found by a suite from outside."""

import re
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import stripe

from tests.support.sandbox import SandboxProcess, line, open_session, web

CARD: Any = {
    "type": "card",
    "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"},
}
AUTHORIZATION = {"Authorization": "Bearer sk_test_habits"}
FORM = {**AUTHORIZATION, "Content-Type": "application/x-www-form-urlencoded"}


def ask(server: SandboxProcess, path: str, **headers: str) -> httpx.Response:
    return web.get(server.url + path, headers={**AUTHORIZATION, **headers})


def send(server: SandboxProcess, path: str, body: str) -> httpx.Response:
    return web.post(server.url + path, content=body.encode(), headers=FORM)


def refusal(answer: httpx.Response) -> tuple[Any, ...]:
    error = answer.json()["error"]
    return answer.status_code, error.get("code"), error.get("param"), error["message"]


def pay(api: stripe.StripeClient, method: str, **changes: Any) -> stripe.PaymentIntent:
    params: Any = {
        "amount": 500,
        "currency": "usd",
        "payment_method": method,
        "confirm": True,
        **changes,
    }
    return api.v1.payment_intents.create(params)


@pytest.mark.parametrize("path", ["/v1/customers/", "/v1//customers", "/v1/refunds/?limit=1"])
def test_an_empty_id_is_not_taken_for_a_list(payment_server: SandboxProcess, path: str) -> None:
    status, _, _, message = refusal(ask(payment_server, path))
    assert status == 404
    assert "make sure you passed a valid (non-empty) identifier" in message


def test_a_version_that_cannot_be_one_is_refused(payment_server: SandboxProcess) -> None:
    answer = ask(payment_server, "/v1/balance", **{"Stripe-Version": "banana"})
    assert refusal(answer)[::3] == (400, "Invalid Stripe API version: banana")
    for known in ("2020-08-27", "2026-10-28.endive", "2024-06-20; custom_checkout_beta=v1"):
        headers = {"Stripe-Version": known}
        assert ask(payment_server, "/v1/balance", **headers).status_code == 200


def test_a_key_does_not_reach_another_account(api: stripe.StripeClient) -> None:
    with pytest.raises(stripe.PermissionError) as refused:
        api.v1.balance.retrieve({}, {"stripe_account": "acct_1032D82eZvKYlo2C"})
    assert refused.value.http_status == 403
    assert refused.value.error is not None
    assert refused.value.error.code == "account_invalid"


def test_what_is_too_much_is_told_with_its_bound(api: stripe.StripeClient) -> None:
    wanted = "must be less than or equal to 100 (it currently is '101')"
    with pytest.raises(stripe.InvalidRequestError, match=re.escape(wanted)):
        api.v1.customers.list({"limit": 101})


@pytest.mark.parametrize(
    ("pattern", "types"),
    [
        ("*", {"customer.created", "customer.deleted"}),
        ("customer.*", {"customer.created", "customer.deleted"}),
        ("*.deleted", {"customer.deleted"}),
        ("charge.*", set()),
    ],
)
def test_a_star_stands_for_any_part_of_an_events_type(
    api: stripe.StripeClient, pattern: str, types: set[str]
) -> None:
    api.v1.customers.delete(api.v1.customers.create({}).id)
    assert {event.type for event in api.v1.events.list({"type": pattern}).data} == types


def test_the_beginning_of_a_key_is_no_key(payment_server: SandboxProcess) -> None:
    headers = {"Authorization": "Bearer sk_test_"}
    assert ask(payment_server, "/v1/balance", **headers).status_code == 401


def test_all_unknown_parameters_are_named_at_once(payment_server: SandboxProcess) -> None:
    answer = send(payment_server, "/v1/customers", "one=1&name=n&address[planet]=x&two=2")
    assert refusal(answer) == (
        400,
        "parameter_unknown",
        "one",
        "Received unknown parameters: one, two, address[planet]",
    )


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ("amount=&currency=usd", "parameter_invalid_empty", "amount"),
        ("amount=500&currency=usd&confirm=", "parameter_invalid_empty", "confirm"),
        ("amount=500&currency=usd&confirm=maybe", None, "confirm"),
        ("amount=500&currency=usd&payment_method_types=card", None, "payment_method_types"),
        ("amount=500&currency=usd&expand=customer", None, "expand"),
    ],
)
def test_what_is_of_another_kind_is_named(
    payment_server: SandboxProcess, body: str, code: str | None, param: str
) -> None:
    assert refusal(send(payment_server, "/v1/payment_intents", body))[:3] == (400, code, param)


def test_lists_of_hashes_need_no_index(payment_server: SandboxProcess) -> None:
    lines = "".join(
        f"&line_items[][quantity]={quantity}"
        "&line_items[][price_data][currency]=egp"
        f"&line_items[][price_data][unit_amount]={price}"
        "&line_items[][price_data][product_data][name]=n"
        for quantity, price in ((1, 700), (2, 100))
    )
    url = quote("https://shop.example/paid", safe="")
    answer = send(payment_server, "/v1/checkout/sessions", f"mode=payment&success_url={url}{lines}")
    assert (answer.status_code, answer.json().get("amount_total")) == (200, 900), answer.text


def test_a_price_may_have_parts_of_the_minor_unit(api: stripe.StripeClient) -> None:
    item = line("Copies", 0, 3)
    del item["price_data"]["unit_amount"]
    item["price_data"]["unit_amount_decimal"] = "133.5"
    session = open_session(api, line_items=[item])
    shown = api.v1.checkout.sessions.line_items.list(session.id).data[0]
    assert (session.amount_total, shown.amount_total) == (401, 401)
    assert shown.price is not None
    assert shown.price.unit_amount is None
    assert str(shown.price.unit_amount_decimal) == "133.5"


@pytest.mark.parametrize("bad", ["-1", "1e3", "", "1." + "1" * 13])
def test_a_price_that_is_no_number_is_refused(api: stripe.StripeClient, bad: str) -> None:
    item = line("Copies", 0)
    del item["price_data"]["unit_amount"]
    item["price_data"]["unit_amount_decimal"] = bad
    with pytest.raises(stripe.InvalidRequestError) as refused:
        open_session(api, line_items=[item])
    assert refused.value.param == "line_items[0][price_data][unit_amount_decimal]"


def test_a_price_is_given_in_one_way(api: stripe.StripeClient) -> None:
    item = line("Copies", 500)
    item["price_data"]["unit_amount_decimal"] = "500"
    with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
        open_session(api, line_items=[item])


@pytest.mark.parametrize("capture", ["automatic", "manual"])
def test_a_method_of_no_customer_pays_once(api: stripe.StripeClient, capture: Any) -> None:
    method = api.v1.payment_methods.create(CARD).id
    waiting = api.v1.payment_intents.create(
        {"amount": 500, "currency": "usd", "payment_method": method}
    )
    pay(api, method, capture_method=capture)
    customer = api.v1.customers.create({}).id
    for again in (
        lambda: pay(api, method),
        lambda: api.v1.payment_intents.confirm(waiting.id),
        lambda: api.v1.payment_methods.attach(method, {"customer": customer}),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
            again()


def test_a_method_that_a_customer_keeps_pays_until_it_is_detached(
    api: stripe.StripeClient,
) -> None:
    customer = api.v1.customers.create({}).id
    method = api.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    assert {pay(api, method, customer=customer).status for _ in range(2)} == {"succeeded"}
    api.v1.payment_methods.detach(method)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        pay(api, method)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        api.v1.payment_methods.attach(method, {"customer": customer})


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"enabled_events": ["charge.succeeded", "no.such"]}, "enabled_events[1]"),
        ({"enabled_events": ["charge.*"]}, "enabled_events[0]"),
        ({"api_version": "newest"}, "api_version"),
    ],
)
def test_an_endpoint_asks_for_what_exists(
    api: stripe.StripeClient, changes: Any, param: str
) -> None:
    params: Any = {"url": "https://shop.example/hook", "enabled_events": ["*"], **changes}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.webhook_endpoints.create(params)
    assert refused.value.param == param


def test_no_more_than_the_sum_can_be_captured(api: stripe.StripeClient) -> None:
    paid = pay(api, "pm_card_visa", capture_method="manual", expand=["latest_charge"])
    charge: Any = paid.latest_charge
    card = charge.payment_method_details.card
    assert (card.overcapture.status, card.overcapture.maximum_amount_capturable) == (
        "unavailable",
        500,
    )
