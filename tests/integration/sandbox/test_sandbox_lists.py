"""Pages, filters, expansion and metadata."""

import time
from typing import Any

import pytest
import stripe

from tests.support.sandbox import SandboxProcess, open_session, pay_page


@pytest.fixture(scope="module")
def shop(payment_server: SandboxProcess) -> stripe.StripeClient:
    """An account with seven intents of 100, 200, … piastres; the last is paid."""
    client = payment_server.client()
    for number in range(1, 7):
        client.v1.payment_intents.create({"amount": 100 * number, "currency": "egp"})
    client.v1.payment_intents.create(
        {"amount": 700, "currency": "egp", "confirm": True, "payment_method": "pm_card_visa"}
    )
    return client


def amounts(found: Any) -> list[int]:
    return [one.amount for one in found.data]


def test_lists_begin_with_the_newest(shop: stripe.StripeClient) -> None:
    found = shop.v1.payment_intents.list({"limit": 3})
    assert (amounts(found), found.has_more, found.url) == (
        [700, 600, 500],
        True,
        "/v1/payment_intents",
    )


def test_a_page_can_be_followed_forwards_and_backwards(shop: stripe.StripeClient) -> None:
    first = shop.v1.payment_intents.list({"limit": 3})
    second = shop.v1.payment_intents.list({"limit": 3, "starting_after": first.data[-1].id})
    assert (amounts(second), second.has_more) == ([400, 300, 200], True)
    third = shop.v1.payment_intents.list({"limit": 3, "starting_after": second.data[-1].id})
    assert (amounts(third), third.has_more) == ([100], False)
    back = shop.v1.payment_intents.list({"limit": 3, "ending_before": third.data[0].id})
    assert (amounts(back), back.has_more) == ([400, 300, 200], True)


def test_the_sdk_walks_through_all_pages(shop: stripe.StripeClient) -> None:
    found = shop.v1.payment_intents.list({"limit": 2}).auto_paging_iter()
    assert [one.amount for one in found] == [700, 600, 500, 400, 300, 200, 100]


def test_lists_are_limited_by_creation(shop: stripe.StripeClient) -> None:
    now = int(time.time())
    assert len(shop.v1.payment_intents.list({"created": {"gte": now - 600}}).data) == 7
    assert shop.v1.payment_intents.list({"created": {"lt": now - 600}}).data == []
    created = shop.v1.payment_intents.list({"limit": 1}).data[0].created
    assert shop.v1.payment_intents.list({"created": created}).data


def test_four_levels_can_be_expanded_and_five_cannot(shop: stripe.StripeClient) -> None:
    found: Any = shop.v1.payment_intents.list(
        {"limit": 1, "expand": ["data.latest_charge.balance_transaction.source"]}
    )
    charge = found.data[0].latest_charge
    assert charge.balance_transaction.source.id == charge.id
    with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels"):
        shop.v1.payment_intents.list(
            {"expand": ["data.latest_charge.balance_transaction.source.payment_intent"]}
        )
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        shop.v1.payment_intents.list({"expand": ["data.amount"]})


def test_a_paid_session_expands_down_to_its_fee(api: stripe.StripeClient) -> None:
    session = open_session(api)
    path = "payment_intent.latest_charge.balance_transaction"
    unpaid = api.v1.checkout.sessions.retrieve(session.id, {"expand": [path]})
    assert unpaid.payment_intent is None
    pay_page(session.url)
    paid: Any = api.v1.checkout.sessions.retrieve(session.id, {"expand": [path, "line_items"]})
    assert paid.payment_intent.latest_charge.balance_transaction.net == 150379
    assert len(paid.line_items.data) == 2
    listed: Any = api.v1.checkout.sessions.list({"expand": ["data.payment_intent"]})
    assert listed.data[0].payment_intent.status == "succeeded"


def test_balance_transactions_are_found_by_source_and_type(shop: stripe.StripeClient) -> None:
    charge = shop.v1.charges.list().data[0]
    found = shop.v1.balance_transactions.list({"source": charge.id, "type": "charge"})
    assert [(one.amount, one.fee, one.net, one.currency) for one in found.data] == [
        (700, 114, 586, "egp")
    ]
    assert shop.v1.balance_transactions.retrieve(found.data[0].id).source == charge.id
    assert shop.v1.balance_transactions.list({"type": "refund"}).data == []
    assert shop.v1.balance_transactions.list({"currency": "usd"}).data == []
    assert found.data[0].fee_details[0].amount == 114


def test_money_becomes_available_after_two_days(payment_server: SandboxProcess) -> None:
    client = payment_server.client()
    client.v1.payment_intents.create(
        {"amount": 700, "currency": "egp", "confirm": True, "payment_method": "pm_card_visa"}
    )
    assert client.v1.balance_transactions.list().data[0].status == "pending"
    try:
        payment_server.control("/clock", {"advance": 48 * 3600 + 1})
        assert client.v1.balance_transactions.list().data[0].status == "available"
    finally:
        payment_server.control("/clock", {"reset": True})


def test_events_are_filtered_by_type(shop: stripe.StripeClient) -> None:
    def types(**params: Any) -> set[str]:
        wanted: Any = {"limit": 100, **params}
        return {event.type for event in shop.v1.events.list(wanted).data}

    assert types(type="charge.succeeded") == {"charge.succeeded"}
    assert types(type="charge.*") == {"charge.succeeded", "charge.updated"}
    assert types(types=["charge.updated", "payment_intent.succeeded"]) == {
        "charge.updated",
        "payment_intent.succeeded",
    }
    assert types(type="charge.refunded") == set()
    assert types(created={"lt": 1}) == set()


def test_an_event_shows_the_object_as_it_was(shop: stripe.StripeClient) -> None:
    event = shop.v1.events.list({"type": "payment_intent.processing"}).data[0]
    assert event.data.object["status"] == "processing"
    assert event.object == "event"
    assert event.livemode is False
    assert event.request is not None
    assert str(event.request.id).startswith("req_")
    assert shop.v1.events.retrieve(event.id).to_dict() == event.to_dict()


def test_metadata_follows_the_provider_limits(api: stripe.StripeClient) -> None:
    full = {f"key{number}": "v" * 500 for number in range(50)}
    intent = api.v1.payment_intents.create({"amount": 5000, "currency": "egp", "metadata": full})
    with pytest.raises(stripe.InvalidRequestError, match="at most 50 keys"):
        api.v1.payment_intents.update(intent.id, {"metadata": {"one_more": "x"}})
    swapped = api.v1.payment_intents.update(
        intent.id, {"metadata": {"key0": "", "one_more": "رقم"}}
    )
    assert len(swapped.metadata.to_dict()) == 50
    assert swapped.metadata["one_more"] == "رقم"
    cleared = api.v1.payment_intents.update(intent.id, {"metadata": ""})
    assert cleared.metadata.to_dict() == {}
