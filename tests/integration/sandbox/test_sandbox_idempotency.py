"""Idempotency keys: https://docs.stripe.com/api/idempotent_requests."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import stripe

from tests.support.sandbox import SUCCESS_URL, SandboxProcess, open_session, session_params, web

SESSION_FORM = {
    "mode": "payment",
    "success_url": SUCCESS_URL,
    "line_items[0][quantity]": "1",
    "line_items[0][price_data][currency]": "egp",
    "line_items[0][price_data][unit_amount]": "5000",
    "line_items[0][price_data][product_data][name]": "رسم",
}
INTENT_FORM = {"amount": "5000", "currency": "egp"}
DECLINE_FORM = {**INTENT_FORM, "confirm": "true", "payment_method": "pm_card_visa_chargeDeclined"}


def post(
    server: SandboxProcess, path: str, form: dict[str, str], key: str, account: str
) -> httpx.Response:
    return web.post(
        f"{server.url}/v1/{path}",
        data=form,
        headers={"Authorization": f"Bearer {account}", "Idempotency-Key": key},
        timeout=20,
    )


@pytest.fixture
def account(request: pytest.FixtureRequest) -> str:
    return f"sk_test_{request.node.name}"


def test_the_same_key_gives_the_same_answer_again(
    payment_server: SandboxProcess, account: str
) -> None:
    first = post(payment_server, "checkout/sessions", SESSION_FORM, "k", account)
    again = post(payment_server, "checkout/sessions", SESSION_FORM, "k", account)
    assert first.status_code == again.status_code == 200
    assert first.content == again.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["original-request"] == first.headers["request-id"]
    assert again.headers["request-id"] != first.headers["request-id"]
    assert again.headers["idempotency-key"] == "k"


def test_a_key_used_with_other_parameters_is_refused(
    payment_server: SandboxProcess, account: str
) -> None:
    post(payment_server, "payment_intents", INTENT_FORM, "k", account)
    other = post(payment_server, "payment_intents", {**INTENT_FORM, "amount": "1"}, "k", account)
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")


def test_a_key_used_for_another_endpoint_is_refused(
    payment_server: SandboxProcess, account: str
) -> None:
    post(payment_server, "payment_intents", INTENT_FORM, "k", account)
    other = post(payment_server, "checkout/sessions", SESSION_FORM, "k", account)
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")


def test_the_order_of_parameters_does_not_matter(
    payment_server: SandboxProcess, account: str
) -> None:
    first = post(payment_server, "payment_intents", INTENT_FORM, "k", account)
    turned = dict(reversed(INTENT_FORM.items()))
    assert post(payment_server, "payment_intents", turned, "k", account).content == first.content


def test_a_refused_parameter_leaves_the_key_free(
    payment_server: SandboxProcess, account: str
) -> None:
    wrong = {**INTENT_FORM, "amount": "1"}
    assert post(payment_server, "payment_intents", wrong, "k", account).status_code == 400
    assert post(payment_server, "payment_intents", INTENT_FORM, "k", account).status_code == 200


def test_a_decline_is_replayed_and_charged_once(
    payment_server: SandboxProcess, account: str
) -> None:
    first = post(payment_server, "payment_intents", DECLINE_FORM, "k", account)
    again = post(payment_server, "payment_intents", DECLINE_FORM, "k", account)
    assert first.status_code == again.status_code == 402
    assert first.content == again.content
    assert again.headers["idempotent-replayed"] == "true"
    assert len(payment_server.client(account).v1.charges.list().data) == 1


def test_a_wrong_state_is_replayed_too(payment_server: SandboxProcess, account: str) -> None:
    intent = post(payment_server, "payment_intents", INTENT_FORM, "k", account).json()["id"]
    path = f"payment_intents/{intent}/confirm"
    first = post(payment_server, path, {}, "confirm", account)
    again = post(payment_server, path, {}, "confirm", account)
    assert first.status_code == again.status_code == 400
    assert again.headers["idempotent-replayed"] == "true"


def test_keys_of_different_accounts_have_nothing_to_do_with_each_other(
    payment_server: SandboxProcess, account: str
) -> None:
    mine = post(payment_server, "payment_intents", INTENT_FORM, "k", account).json()["id"]
    other = post(payment_server, "payment_intents", INTENT_FORM, "k", f"{account}_2").json()["id"]
    assert mine != other


@pytest.mark.parametrize(("key", "status"), [("k" * 255, 200), ("k" * 256, 400)])
def test_a_key_has_at_most_255_characters(
    payment_server: SandboxProcess, account: str, key: str, status: int
) -> None:
    answer = post(payment_server, "payment_intents", INTENT_FORM, key, account)
    assert answer.status_code == status


def test_a_concurrent_request_with_the_same_key_is_a_conflict(
    payment_server: SandboxProcess, account: str
) -> None:
    payment_server.control("/faults", {"mode": "slow", "count": 1, "seconds": 0.7})
    with ThreadPoolExecutor(2) as pool:
        calls = [
            pool.submit(post, payment_server, "payment_intents", INTENT_FORM, "k", account)
            for _ in range(2)
        ]
        answers = sorted((call.result() for call in calls), key=lambda one: one.status_code)
    assert [one.status_code for one in answers] == [200, 409]
    assert answers[1].json()["error"]["code"] == "idempotency_key_in_use"


def test_twenty_parallel_creates_with_one_key_make_one_session(
    payment_server: SandboxProcess, account: str
) -> None:
    def create(_number: int) -> str:
        client = payment_server.client(account, retries=8)
        session = client.v1.checkout.sessions.create(
            session_params(), {"idempotency_key": "one-attempt"}
        )
        return session.id

    with ThreadPoolExecutor(20) as pool:
        ids = set(pool.map(create, range(20)))
    assert len(ids) == 1
    assert len(payment_server.client(account).v1.checkout.sessions.list().data) == 1


def test_work_that_was_done_before_an_error_is_found_by_the_retry(
    payment_server: SandboxProcess,
) -> None:
    payment_server.control("/faults", {"mode": "error_after_work", "path": "/v1/checkout"})
    client = payment_server.client(retries=2)
    session = open_session(client)
    assert [one.id for one in client.v1.checkout.sessions.list().data] == [session.id]
    assert session.last_response is not None
    headers: Any = session.last_response.headers
    assert headers["idempotent-replayed"] == "true"


def test_a_key_is_forgotten_after_a_day(payment_server: SandboxProcess, account: str) -> None:
    first = post(payment_server, "payment_intents", INTENT_FORM, "k", account).json()["id"]
    try:
        payment_server.control("/clock", {"advance": 23 * 3600})
        again = post(payment_server, "payment_intents", INTENT_FORM, "k", account).json()["id"]
        payment_server.control("/clock", {"advance": 2 * 3600})
        late = post(payment_server, "payment_intents", INTENT_FORM, "k", account).json()["id"]
    finally:
        payment_server.control("/clock", {"reset": True})
    assert first == again != late


def test_the_sdk_error_for_a_reused_key_is_its_own(api: stripe.StripeClient) -> None:
    api.v1.payment_intents.create({"amount": 5000, "currency": "egp"}, {"idempotency_key": "k"})
    with pytest.raises(stripe.IdempotencyError):
        api.v1.payment_intents.create({"amount": 6000, "currency": "egp"}, {"idempotency_key": "k"})
