"""The sandbox as any other project would meet it: the official SDK, a key and an address.

Nothing here knows what the sandbox is made of; only the clock is moved from outside,
where a day has to pass.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from tests.support.sandbox import Receiver, SandboxProcess, eventually, session_params

HOUR = 3600
DAY = 24 * HOUR


@pytest.fixture
def tomorrow(payment_server: SandboxProcess) -> Iterator[SandboxProcess]:
    """For tests that move the clock; it is the machine's again afterwards."""
    yield payment_server
    payment_server.control("/clock", {"reset": True})


def advance(server: SandboxProcess, seconds: int) -> None:
    server.control("/clock", {"advance": seconds})


def pay(api: stripe.StripeClient, **changes: Any) -> Any:
    params: Any = {
        "amount": 30000,
        "currency": "egp",
        "confirm": True,
        "payment_method": "pm_card_visa",
    }
    params.update(changes)
    return api.v1.payment_intents.create(params)


def refused(call: Any, *arguments: Any) -> stripe.StripeError:
    with pytest.raises(stripe.StripeError) as error:
        call(*arguments)
    return error.value


def test_a_session_waits_for_its_payer_until_it_expires(
    api: stripe.StripeClient, tomorrow: SandboxProcess
) -> None:
    now = int(time.time())
    session = api.v1.checkout.sessions.create(
        session_params(
            client_reference_id="KFS-1",
            customer_email="mona@example.com",
            metadata={"request": "7"},
            expires_at=now + HOUR,
        )
    )
    assert session.id.startswith("cs_test_")
    assert (session.status, session.payment_status, session.mode) == ("open", "unpaid", "payment")
    assert (session.amount_total, session.currency) == (153550, "egp")
    assert (session.payment_intent, session.expires_at) == (None, now + HOUR)
    assert str(session.url).startswith("http")
    lines = api.v1.checkout.sessions.line_items.list(session.id).data
    assert [line.amount_total for line in lines] == [50000, 103550]
    whole: Any = api.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["line_items.data.price.product"]}
    )
    assert whole.line_items.data[0].price.product.name == "رسم المعاينة"
    changed = api.v1.checkout.sessions.update(session.id, {"metadata": {"request": "8"}})
    assert changed.metadata is not None
    assert changed.metadata["request"] == "8"
    advance(tomorrow, HOUR + 1)
    expired = api.v1.checkout.sessions.retrieve(session.id)
    assert (expired.status, expired.payment_status, expired.url) == ("expired", "unpaid", None)
    (event,) = api.v1.events.list({"type": "checkout.session.expired"}).data
    assert event.data.object["id"] == session.id


def test_a_session_can_be_expired_once(api: stripe.StripeClient) -> None:
    session = api.v1.checkout.sessions.create(session_params())
    assert api.v1.checkout.sessions.expire(session.id).status == "expired"
    again = refused(api.v1.checkout.sessions.expire, session.id)
    assert isinstance(again, stripe.InvalidRequestError)
    assert again.http_status == 400


def test_an_intent_goes_from_made_to_paid(api: stripe.StripeClient) -> None:
    intent = api.v1.payment_intents.create({"amount": 30000, "currency": "egp"})
    assert intent.status == "requires_payment_method"
    ready = api.v1.payment_intents.update(intent.id, {"payment_method": "pm_card_mastercard"})
    assert ready.status == "requires_confirmation"
    paid: Any = api.v1.payment_intents.confirm(
        intent.id, {"expand": ["latest_charge.balance_transaction", "payment_method"]}
    )
    assert (paid.status, paid.amount_received) == ("succeeded", 30000)
    assert paid.payment_method.card.brand == "mastercard"
    assert paid.latest_charge.paid is True
    booked = paid.latest_charge.balance_transaction
    assert booked.net == booked.amount - booked.fee == 30000 - booked.fee
    assert refused(api.v1.payment_intents.cancel, intent.id).code == (
        "payment_intent_unexpected_state"
    )


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
    ],
)
def test_a_declined_card_says_why(
    api: stripe.StripeClient, method: str, code: str, decline_code: str | None
) -> None:
    with pytest.raises(stripe.CardError) as declined:
        pay(api, payment_method=method)
    body: Any = declined.value.json_body
    assert (declined.value.http_status, declined.value.code) == (402, code)
    assert body["error"].get("decline_code", decline_code) == decline_code
    assert body["error"]["payment_intent"]["status"] == "requires_payment_method"
    assert api.v1.charges.retrieve(body["error"]["charge"]).failure_code == code


def test_a_card_that_asks_its_bank_waits_for_the_payer(api: stripe.StripeClient) -> None:
    intent = pay(api, payment_method="pm_card_threeDSecure2Required")
    assert (intent.status, intent.next_action.type) == ("requires_action", "redirect_to_url")
    assert api.v1.payment_intents.cancel(intent.id).status == "canceled"


def test_twenty_creations_with_one_key_make_one_object(payment_server: SandboxProcess) -> None:
    api = payment_server.client(retries=8)

    def create(_number: int) -> str:
        return api.v1.payment_intents.create(
            {"amount": 5000, "currency": "egp"}, {"idempotency_key": "one"}
        ).id

    with ThreadPoolExecutor(20) as pool:
        ids = set(pool.map(create, range(20)))
    assert len(ids) == len(api.v1.payment_intents.list().data) == 1


def test_a_key_belongs_to_its_first_request(api: stripe.StripeClient) -> None:
    key: Any = {"idempotency_key": "k" * 255}
    first = api.v1.customers.create({"email": "a@example.com"}, key)
    again = api.v1.customers.create({"email": "a@example.com"}, key)
    assert again.id == first.id
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    for call, params in (
        (api.v1.customers.create, {"email": "b@example.com"}),
        (api.v1.payment_intents.create, {"amount": 5000, "currency": "egp"}),
    ):
        other = refused(call, params, key)
        assert isinstance(other, stripe.IdempotencyError)
        assert other.http_status == 400
    assert refused(api.v1.customers.create, {}, {"idempotency_key": "k" * 256}).http_status == 400


def test_a_decline_is_remembered_and_a_mistake_is_not(api: stripe.StripeClient) -> None:
    declining = {"amount": 5000, "currency": "egp", "confirm": True,
                 "payment_method": "pm_card_chargeDeclined"}  # fmt: skip
    first = refused(api.v1.payment_intents.create, declining, {"idempotency_key": "a"})
    again = refused(api.v1.payment_intents.create, declining, {"idempotency_key": "a"})
    assert first.json_body == again.json_body
    assert len(api.v1.payment_intents.list().data) == 1
    refused(api.v1.payment_intents.create, {"amount": "x"}, {"idempotency_key": "b"})
    made = api.v1.payment_intents.create(
        {"amount": 5000, "currency": "egp"}, {"idempotency_key": "b"}
    )
    assert made.amount == 5000


@pytest.mark.parametrize("resource", [
    "charges", "customers", "disputes", "events", "payment_intents", "payment_methods", "payouts",
    "refunds", "balance_transactions", "webhook_endpoints", "checkout.sessions",
])  # fmt: skip
def test_what_does_not_exist_is_not_found(api: stripe.StripeClient, resource: str) -> None:
    service: Any = api.v1
    for name in resource.split("."):
        service = getattr(service, name)
    error = refused(service.retrieve, "xx_0")
    assert isinstance(error, stripe.InvalidRequestError)
    assert (error.http_status, error.code) == (404, "resource_missing")
    assert error.param
    assert str(error.request_id).startswith("req_")
    assert "No such" in str(error.user_message)
    assert service.list({"limit": 1}).data == []


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"currency": "egp"}, "parameter_missing", "amount"),
        ({"amount": "12.5", "currency": "egp"}, "parameter_invalid_integer", "amount"),
        ({"amount": 10**12, "currency": "egp"}, "amount_too_large", "amount"),
        ({"amount": 0, "currency": "egp"}, None, "amount"),
        ({"amount": 5000, "currency": "egp", "colour": "x"}, "parameter_unknown", "colour"),
        ({"amount": 5000, "currency": "egp", "customer": "cus_0"}, "resource_missing", "customer"),
    ],
)
def test_a_wrong_parameter_is_named(
    api: stripe.StripeClient, params: Any, code: str | None, param: str
) -> None:
    error = refused(api.v1.payment_intents.create, params)
    assert isinstance(error, stripe.InvalidRequestError)
    assert (error.http_status, error.param) == (400, param)
    assert code in {None, error.code}


def test_a_key_that_is_no_test_key_is_refused(payment_server: SandboxProcess) -> None:
    error = refused(payment_server.client("sk_live_x").v1.balance.retrieve)
    assert isinstance(error, stripe.AuthenticationError)
    assert error.http_status == 401


def test_lists_are_walked_in_both_directions(api: stripe.StripeClient) -> None:
    made = [api.v1.customers.create({"name": str(number)}).id for number in range(7)]
    newest = made[::-1]
    first = api.v1.customers.list({"limit": 3})
    assert ([one.id for one in first.data], first.has_more) == (newest[:3], True)
    assert [one.id for one in first.auto_paging_iter()] == newest
    back = api.v1.customers.list({"limit": 3, "ending_before": newest[5]})
    assert ([one.id for one in back.data], back.has_more) == (newest[2:5], True)
    whole = api.v1.customers.list({"limit": 100, "ending_before": made[0]})
    assert ([one.id for one in whole.data], whole.has_more) == (newest[:6], False)
    for limit in (0, 101):
        error = refused(api.v1.customers.list, {"limit": limit})
        assert (error.code, getattr(error, "param", "")) == ("parameter_invalid_integer", "limit")
    missing = refused(api.v1.customers.list, {"starting_after": "cus_0"})
    assert missing.code == "resource_missing"


def test_expansion_goes_four_levels_down_and_nowhere_else(api: stripe.StripeClient) -> None:
    intent = pay(api, customer=api.v1.customers.create({"name": "منى"}).id)
    refund = api.v1.refunds.create({"payment_intent": intent.id, "amount": 100})
    listed: Any = api.v1.refunds.list(
        {
            "expand": [
                "data.payment_intent.latest_charge.balance_transaction",
                "data.charge.customer",
            ]
        }
    )
    (found,) = listed.data
    assert found.payment_intent.latest_charge.balance_transaction.type == "charge"
    assert (found.id, found.charge.customer.name) == (refund.id, "منى")
    booked: Any = api.v1.balance_transactions.list(
        {"type": "refund", "expand": ["data.source.payment_intent"]}
    ).data[0]
    assert booked.source.payment_intent.id == intent.id
    for path in ("colour", "data", "data.amount", "payment_intent", "data.charge.nothing"):
        wrong = refused(api.v1.refunds.list, {"expand": [path]})
        assert (wrong.http_status, getattr(wrong, "param", "")) == (400, "expand"), path
    deep = "data.payment_intent.latest_charge.balance_transaction.source"
    assert "4 levels" in str(refused(api.v1.refunds.list, {"expand": [deep]}))
    nobody = refused(api.v1.payouts.list, {"expand": ["data.colour"]})
    assert nobody.http_status == 400, "an unknown path is unknown also where a list is empty"


def test_metadata_is_merged_and_unset_key_by_key(api: stripe.StripeClient) -> None:
    full = {f"k{number}": "v" * 500 for number in range(50)}
    customer = api.v1.customers.create({"metadata": full})
    assert refused(api.v1.customers.update, customer.id, {"metadata": {"more": "x"}}).http_status
    swapped = api.v1.customers.update(customer.id, {"metadata": {"k0": "", "رقم": "٧"}})
    assert swapped.metadata is not None
    assert (len(swapped.metadata.to_dict()), swapped.metadata["رقم"]) == (50, "٧")
    cleared = api.v1.customers.update(customer.id, {"metadata": ""})
    assert cleared.metadata is not None
    assert cleared.metadata.to_dict() == {}
    for wrong in ({"k" * 41: "v"}, {"k": "v" * 501}):
        assert refused(api.v1.customers.create, {"metadata": wrong}).http_status == 400


def test_money_goes_in_out_and_back(api: stripe.StripeClient, tomorrow: SandboxProcess) -> None:
    intent = pay(api)
    refund = api.v1.refunds.create({"payment_intent": intent.id, "amount": 10000})
    pay(api, payment_method="pm_card_createDispute")
    (dispute,) = api.v1.disputes.list().data
    evidence: Any = {"evidence": {"uncategorized_text": "winning_evidence"}}
    assert api.v1.disputes.update(dispute.id, evidence).status == "under_review"
    advance(tomorrow, 3 * DAY)
    assert api.v1.disputes.retrieve(dispute.id).status == "won"
    moved = api.v1.balance_transactions.list({"limit": 100}).data
    assert {one.status for one in moved} == {"available"}
    (available,) = api.v1.balance.retrieve().available
    fees = sum(one.fee for one in moved)
    assert available.amount == sum(one.net for one in moved) == 50000 - fees
    source = api.v1.balance_transactions.list({"source": refund.id}).data
    assert [one.net for one in source] == [-10000]
    payout = api.v1.payouts.create({"amount": available.amount, "currency": "egp"})
    assert api.v1.balance.retrieve().available[0].amount == 0
    more = refused(api.v1.payouts.create, {"amount": 1, "currency": "egp"})
    assert more.code == "balance_insufficient"
    advance(tomorrow, DAY)
    assert api.v1.payouts.retrieve(payout.id).status == "paid"


def test_every_change_is_an_event(api: stripe.StripeClient) -> None:
    intent = pay(api)
    api.v1.refunds.create({"payment_intent": intent.id}, {"idempotency_key": "back"})
    types = [event.type for event in api.v1.events.list({"limit": 100}).data][::-1]
    assert types == [
        "payment_intent.created",
        "payment_intent.processing",
        "charge.succeeded",
        "charge.updated",
        "payment_intent.succeeded",
        "refund.created",
        "charge.refunded",
    ]

    def found(**params: Any) -> list[str]:
        wanted: Any = params
        return [event.type for event in api.v1.events.list(wanted).data]

    assert found(type="charge.*") == ["charge.refunded", "charge.updated", "charge.succeeded"]
    assert found(types=["refund.created", "charge.succeeded"]) == [
        "refund.created",
        "charge.succeeded",
    ]
    assert found(created={"gt": int(time.time()) + 60}) == []
    assert len(found(delivery_success=True)) == 7
    event = api.v1.events.list({"type": "charge.refunded"}).data[0]
    assert event.request is not None
    assert event.request.idempotency_key == "back"
    assert str(event.request.id).startswith("req_")
    assert event.data.previous_attributes is not None
    assert event.data.previous_attributes["amount_refunded"] == 0
    assert api.v1.events.retrieve(event.id).to_dict() == event.to_dict()


def test_webhooks_arrive_signed_and_are_counted(
    api: stripe.StripeClient, webhook_receiver: Receiver
) -> None:
    endpoint = api.v1.webhook_endpoints.create(
        {"url": webhook_receiver.url, "enabled_events": ["refund.created", "customer.created"]}
    )
    secret = str(endpoint.secret)
    webhook_receiver.statuses = [500]
    api.v1.customers.create({"name": "منى"})
    eventually(lambda: len(webhook_receiver.received) == 1)
    assert [one.type for one in api.v1.events.list({"delivery_success": False}).data] == [
        "customer.created"
    ]
    refund = api.v1.refunds.create({"payment_intent": pay(api).id})
    eventually(lambda: len(webhook_receiver.received) == 3)
    told = {event.type: event for event in webhook_receiver.events(secret)}
    assert set(told) == {"customer.created", "refund.created"}
    assert told["refund.created"].data.object["id"] == refund.id
    eventually(lambda: not api.v1.events.list({"delivery_success": False}).data)
    one = webhook_receiver.received[0]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(one.body + b" ", one.signature, secret)
    api.v1.webhook_endpoints.delete(endpoint.id)
    assert api.v1.webhook_endpoints.list().data == []


def test_customers_own_cards_and_charges(api: stripe.StripeClient) -> None:
    owner = api.v1.customers.create({"email": "mona@example.com"})
    card = api.v1.payment_methods.attach("pm_card_visa", {"customer": owner.id})
    intent = pay(api, customer=owner.id, payment_method=card.id)
    assert intent.customer == owner.id
    pay(api)
    assert [one.payment_intent for one in api.v1.charges.list({"customer": owner.id}).data] == [
        intent.id
    ]
    assert [one.id for one in api.v1.payment_intents.list({"customer": owner.id}).data] == [
        intent.id
    ]
    assert api.v1.customers.payment_methods.list(owner.id).data[0].id == card.id
    gone: Any = api.v1.customers.delete(owner.id)
    assert (gone.id, gone.deleted) == (owner.id, True)
