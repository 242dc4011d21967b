"""The kiosk reference over the official SDK: given, paid in cash, late, or never."""

import time
from typing import Any

import pytest
import stripe

from tests.support.sandbox import SandboxProcess, event_types, web

DAY = 24 * 3600


def ask(api: stripe.StripeClient, **changes: Any) -> Any:
    params: Any = {
        "amount": 30000,
        "currency": "egp",
        "confirm": True,
        "payment_method_types": ["kiosk"],
        "payment_method_data": {"type": "kiosk"},
        "metadata": {"request": "26-1504-10487"},
        **changes,
    }
    return api.v1.payment_intents.create(params)


def reference_of(intent: Any) -> str:
    return str(intent.next_action.kiosk_display_details.reference)


def pay(server: SandboxProcess, intent: Any, **more: Any) -> Any:
    return server.control("/kiosk", {"reference": reference_of(intent), **more})


def refused(server: SandboxProcess, **body: Any) -> Any:
    answer = web.post(f"{server.url}/sandbox/control/kiosk", json=body)
    assert answer.status_code in {400, 404}
    return answer.json()["error"]


def test_a_reference_waits_with_its_number_and_its_end(
    api: stripe.StripeClient, payment_server: SandboxProcess
) -> None:
    intent = ask(api)
    assert (intent.status, intent.next_action.type) == ("requires_action", "kiosk_display_details")
    details = intent.next_action.kiosk_display_details
    assert details.reference.isdigit()
    assert 6 <= len(details.reference) <= 9
    assert abs(details.expires_at - intent.created - 7 * DAY) <= 1
    assert details.hosted_voucher_url.startswith(f"{payment_server.url}/c/kiosk/")
    assert event_types(api) == ["payment_intent.created", "payment_intent.requires_action"]
    assert api.v1.charges.list().data == []


def test_cash_pays_the_intent(api: stripe.StripeClient, payment_server: SandboxProcess) -> None:
    intent = ask(api)
    told = pay(payment_server, intent)
    assert (told["payment_intent"], told["status"]) == (intent.id, "succeeded")
    paid: Any = api.v1.payment_intents.retrieve(
        intent.id, {"expand": ["latest_charge.balance_transaction"]}
    )
    assert (paid.status, paid.amount_received, paid.next_action) == ("succeeded", 30000, None)
    details = paid.latest_charge.payment_method_details
    assert (details.type, details.kiosk.reference) == ("kiosk", reference_of(intent))
    assert paid.latest_charge.balance_transaction.amount == 30000
    assert paid.latest_charge.metadata["request"] == "26-1504-10487"
    assert event_types(api)[2:] == [
        "charge.succeeded",
        "charge.updated",
        "payment_intent.succeeded",
    ]


def test_a_reference_can_be_paid_once(
    api: stripe.StripeClient, payment_server: SandboxProcess
) -> None:
    intent = ask(api)
    pay(payment_server, intent)
    for late in (False, True):
        error = refused(payment_server, reference=reference_of(intent), late=late)
        assert "status of succeeded" in error["message"]
    assert len(api.v1.charges.list().data) == 1


def test_a_kiosk_takes_no_other_sum_and_no_unknown_number(payment_server: SandboxProcess) -> None:
    intent = ask(payment_server.client())
    error = refused(payment_server, reference=reference_of(intent), amount=100)
    assert error["param"] == "amount"
    assert refused(payment_server, reference="12")["code"] == "resource_missing"
    assert refused(payment_server, reference="x")["code"] == "resource_missing"
    assert refused(payment_server)["code"] == "parameter_missing"


@pytest.mark.parametrize(
    ("options", "seconds"),
    [({"expires_after_days": 1}, DAY), ({"expires_after_days": 30}, 30 * DAY), ({}, 7 * DAY)],
)
def test_a_shop_says_how_many_days_a_reference_lives(
    api: stripe.StripeClient, options: Any, seconds: int
) -> None:
    intent = ask(api, payment_method_options={"kiosk": options} if options else {})
    ends = intent.next_action.kiosk_display_details.expires_at
    assert abs(ends - intent.created - seconds) <= 1


def test_a_shop_says_to_the_second_when_a_reference_ends(api: stripe.StripeClient) -> None:
    at = int(time.time()) + 3600
    intent = ask(api, payment_method_options={"kiosk": {"expires_at": at}})
    assert intent.next_action.kiosk_display_details.expires_at == at


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"expires_after_days": 0}, "expires_after_days"),
        ({"expires_after_days": 31}, "expires_after_days"),
        ({"expires_at": 1}, "expires_at"),
        ({"expires_at": 4_000_000_000}, "expires_at"),
        ({"expires_at": 1_900_000_000, "expires_after_days": 3}, "expires_at"),
        ({"expires_soon": True}, "expires_soon"),
    ],
)
def test_an_end_that_cannot_be_is_refused(
    api: stripe.StripeClient, options: Any, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as error:
        ask(api, payment_method_options={"kiosk": options})
    assert error.value.param == f"payment_method_options[kiosk][{param}]"


@pytest.fixture
def turned(payment_server: SandboxProcess) -> Any:
    """Turns the clock on, and back after the test."""

    def turn(seconds: int) -> None:
        payment_server.control("/clock", {"advance": seconds})

    yield turn
    payment_server.control("/clock", {"reset": True})


def test_an_unpaid_reference_expires_and_the_intent_can_be_paid_otherwise(
    api: stripe.StripeClient, payment_server: SandboxProcess, turned: Any
) -> None:
    intent = ask(api, payment_method_types=["kiosk", "card"])
    turned(7 * DAY + 1)
    ended: Any = api.v1.payment_intents.retrieve(intent.id)
    assert (ended.status, ended.next_action) == ("requires_payment_method", None)
    assert ended.last_payment_error.code == "payment_intent_payment_attempt_expired"
    assert ended.last_payment_error.payment_method.type == "kiosk"
    assert event_types(api)[-1] == "payment_intent.payment_failed"
    error = refused(payment_server, reference=reference_of(intent))
    assert "expired" in error["message"]
    paid = api.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert paid.status == "succeeded"


def test_a_kiosk_may_report_late(
    api: stripe.StripeClient, payment_server: SandboxProcess, turned: Any
) -> None:
    expired, canceled = ask(api), ask(api)
    api.v1.payment_intents.cancel(canceled.id)
    turned(7 * DAY + 1)
    for intent in (expired, canceled):
        assert "late" in refused(payment_server, reference=reference_of(intent))["message"]
        assert pay(payment_server, intent, late=True)["status"] == "succeeded"
        paid = api.v1.payment_intents.retrieve(intent.id)
        assert (paid.status, paid.canceled_at) == ("succeeded", None)
        assert paid.last_payment_error is None
    assert event_types(api).count("payment_intent.succeeded") == 2


def test_a_new_reference_ends_the_one_before(
    api: stripe.StripeClient, payment_server: SandboxProcess
) -> None:
    first = ask(api)
    second: Any = api.v1.payment_intents.confirm(first.id)
    assert reference_of(first) != reference_of(second)
    assert "late" in refused(payment_server, reference=reference_of(first))["message"]
    assert pay(payment_server, second)["status"] == "succeeded"


def test_a_reference_survives_a_kill(tmp_path: Any) -> None:
    server = SandboxProcess(tmp_path)
    try:
        intent = ask(server.client("sk_test_kiosk"))
        server.kill()
        server.start()
        assert pay(server, intent)["status"] == "succeeded"
    finally:
        server.stop()


def test_references_are_never_given_twice(api: stripe.StripeClient) -> None:
    numbers = [reference_of(ask(api)) for _ in range(20)]
    assert len(set(numbers)) == 20
