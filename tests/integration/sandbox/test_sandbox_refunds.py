"""Refunds over the official SDK: never more than was paid, and told of."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from tests.support.sandbox import SandboxProcess, event_types


def pay(api: stripe.StripeClient, method: str = "pm_card_visa", **changes: Any) -> Any:
    params: Any = {"amount": 10000, "currency": "egp", "confirm": True, "payment_method": method}
    params.update(changes)
    return api.v1.payment_intents.create(params)


def test_a_charge_is_given_back_in_parts_until_nothing_is_left(api: stripe.StripeClient) -> None:
    intent = pay(api, description="رسم المعاينة")
    first = api.v1.refunds.create(
        {
            "payment_intent": intent.id,
            "amount": 3000,
            "reason": "requested_by_customer",
            "metadata": {"line": "2"},
        }
    )
    assert first.id.startswith("re_")
    assert (first.status, first.amount, first.reason) == (
        "succeeded",
        3000,
        "requested_by_customer",
    )
    assert (first.charge, first.payment_intent) == (intent.latest_charge, intent.id)
    assert first.destination_details is not None
    assert first.destination_details.type == "card"
    charge = api.v1.charges.retrieve(intent.latest_charge)
    assert (charge.amount_refunded, charge.refunded) == (3000, False)
    rest = api.v1.refunds.create({"charge": intent.latest_charge})
    assert rest.amount == 7000
    charge = api.v1.charges.retrieve(intent.latest_charge)
    assert (charge.amount_refunded, charge.refunded, charge.status) == (10000, True, "succeeded")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.refunds.create({"charge": intent.latest_charge, "amount": 1})
    assert refused.value.code == "charge_already_refunded"
    assert event_types(api)[-4:] == ["refund.created", "charge.refunded"] * 2


def test_the_event_of_a_refund_tells_what_was_refunded_before(api: stripe.StripeClient) -> None:
    api.v1.refunds.create({"payment_intent": pay(api).id, "amount": 10000})
    event = api.v1.events.list({"type": "charge.refunded"}).data[0]
    assert event.data.previous_attributes is not None
    assert event.data.previous_attributes.to_dict() == {"amount_refunded": 0, "refunded": False}


def test_a_refund_takes_its_sum_out_of_the_balance_and_not_the_fee(
    api: stripe.StripeClient,
) -> None:
    intent = pay(api)
    made: Any = api.v1.refunds.create(
        {"payment_intent": intent.id, "amount": 4000, "expand": ["balance_transaction", "charge"]}
    )
    booked = made.balance_transaction
    assert (booked.type, booked.reporting_category) == ("refund", "refund")
    assert (booked.amount, booked.fee, booked.net, booked.fee_details) == (-4000, 0, -4000, [])
    assert (booked.source, made.charge.amount_refunded) == (made.id, 4000)
    found = api.v1.balance_transactions.list({"type": "refund"}).data
    assert [one.id for one in found] == [booked.id]
    pending = api.v1.balance.retrieve().pending[0]
    assert (pending.currency, pending.amount) == ("egp", 10000 - 300 - 4000)


def test_more_than_is_left_is_refused_with_both_sums(api: stripe.StripeClient) -> None:
    intent = pay(api, amount=153550)
    api.v1.refunds.create({"payment_intent": intent.id, "amount": 50000})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.refunds.create({"payment_intent": intent.id, "amount": 103551})
    assert (refused.value.http_status, refused.value.param) == (400, "amount")
    assert refused.value.user_message == (
        "Refund amount (EGP 1,035.51) is greater than unrefunded amount on charge (EGP 1,035.50)"
    )
    assert len(api.v1.refunds.list().data) == 1


def test_twenty_refunds_at_once_give_back_no_more_than_was_paid(
    payment_server: SandboxProcess,
) -> None:
    api = payment_server.client()
    intent = pay(api)

    def give_back(_number: int) -> bool:
        try:
            api.v1.refunds.create({"payment_intent": intent.id, "amount": 3000})
        except stripe.InvalidRequestError:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(give_back, range(20))) == 3
    assert api.v1.charges.retrieve(intent.latest_charge).amount_refunded == 9000


def test_a_refund_retried_with_its_key_is_one_refund(api: stripe.StripeClient) -> None:
    intent = pay(api)
    params: Any = {"payment_intent": intent.id, "amount": 2000}
    first = api.v1.refunds.create(params, {"idempotency_key": "refund-1"})
    again = api.v1.refunds.create(params, {"idempotency_key": "refund-1"})
    assert first.id == again.id
    assert api.v1.charges.retrieve(intent.latest_charge).amount_refunded == 2000


def test_a_slow_refund_is_pending_and_succeeds_later(payment_server: SandboxProcess) -> None:
    api = payment_server.client()
    intent = pay(api, "pm_card_pendingRefund")
    made = api.v1.refunds.create({"payment_intent": intent.id})
    assert made.status == "pending"
    assert api.v1.charges.retrieve(intent.latest_charge).refunded is True
    payment_server.control("/clock", {"advance": 60})
    try:
        assert api.v1.refunds.retrieve(made.id).status == "succeeded"
    finally:
        payment_server.control("/clock", {"reset": True})
    assert event_types(api)[-4:] == [
        "refund.created",
        "charge.refunded",
        "refund.updated",
        "charge.refund.updated",
    ]
    event = api.v1.events.list({"type": "refund.updated"}).data[0]
    assert event.data.previous_attributes is not None
    assert event.data.previous_attributes["status"] == "pending"


def test_cash_takes_a_while_to_come_back(payment_server: SandboxProcess) -> None:
    api = payment_server.client()
    params: Any = {
        "amount": 10000,
        "currency": "egp",
        "confirm": True,
        "payment_method_types": ["kiosk"],
        "payment_method_data": {"type": "kiosk"},
    }
    intent: Any = api.v1.payment_intents.create(params)
    reference = intent.next_action.kiosk_display_details.reference
    payment_server.control("/kiosk", {"reference": reference})
    made = api.v1.refunds.create({"payment_intent": intent.id, "amount": 4000})
    assert (made.status, made.pending_reason) == ("pending", "processing")
    payment_server.control("/clock", {"advance": 60})
    try:
        done = api.v1.refunds.retrieve(made.id)
    finally:
        payment_server.control("/clock", {"reset": True})
    assert (done.status, done.pending_reason) == ("succeeded", None)


def test_a_refund_can_fail_later_and_brings_its_money_back(
    payment_server: SandboxProcess,
) -> None:
    api = payment_server.client()
    intent = pay(api, "pm_card_refundFail")
    made = api.v1.refunds.create({"payment_intent": intent.id, "amount": 4000})
    assert made.status == "succeeded"
    payment_server.control("/clock", {"advance": 60})
    try:
        failed: Any = api.v1.refunds.retrieve(
            made.id, {"expand": ["failure_balance_transaction", "charge"]}
        )
    finally:
        payment_server.control("/clock", {"reset": True})
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    back = failed.failure_balance_transaction
    assert (back.type, back.amount, back.source) == ("refund_failure", 4000, made.id)
    assert (failed.charge.amount_refunded, failed.charge.refunded) == (0, False)
    assert event_types(api)[-4:] == [
        "refund.failed",
        "refund.updated",
        "charge.refund.updated",
        "charge.updated",
    ]
    assert api.v1.refunds.create({"payment_intent": intent.id}).amount == 10000


@pytest.mark.parametrize(
    ("params", "status", "code", "param"),
    [
        ({"amount": 0}, 400, "parameter_invalid_integer", "amount"),
        ({"amount": -5}, 400, "parameter_invalid_integer", "amount"),
        ({"amount": "12.5"}, 400, "parameter_invalid_integer", "amount"),
        ({"reason": "expired_uncaptured_charge"}, 400, None, "reason"),
        ({"payment_intent": None}, 400, None, None),
        ({"payment_intent": "pi_0"}, 404, "resource_missing", "payment_intent"),
        ({"payment_intent": None, "charge": "ch_0"}, 404, "resource_missing", "id"),
        ({"reverse_transfer": True}, 400, "parameter_unknown", "reverse_transfer"),
    ],
)
def test_what_a_refund_cannot_be_is_refused_by_name(
    api: stripe.StripeClient, params: Any, status: int, code: str | None, param: str | None
) -> None:
    wanted: Any = {"payment_intent": pay(api).id, **params}
    wanted = {name: one for name, one in wanted.items() if one is not None}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.refunds.create(wanted)
    error = refused.value
    assert (error.http_status, error.code, error.param) == (status, code, param)
    assert api.v1.refunds.list().data == []


def test_what_was_not_paid_is_not_refunded(api: stripe.StripeClient) -> None:
    open_intent = api.v1.payment_intents.create({"amount": 5000, "currency": "egp"})
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        api.v1.refunds.create({"payment_intent": open_intent.id})
    with pytest.raises(stripe.CardError):
        pay(api, "pm_card_visa_chargeDeclined")
    failed = api.v1.charges.list().data[0]
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        api.v1.refunds.create({"charge": failed.id})


def test_refunds_are_listed_by_what_they_give_back(api: stripe.StripeClient) -> None:
    one, other = pay(api), pay(api)
    first = api.v1.refunds.create({"payment_intent": one.id, "amount": 100})
    second = api.v1.refunds.create({"payment_intent": other.id, "amount": 200})
    third = api.v1.refunds.create({"payment_intent": one.id, "amount": 300})

    def ids(**params: Any) -> list[str]:
        wanted: Any = params
        return [found.id for found in api.v1.refunds.list(wanted).data]

    assert ids() == [third.id, second.id, first.id]
    assert ids(payment_intent=one.id) == ids(charge=one.latest_charge) == [third.id, first.id]
    assert ids(charge=other.latest_charge) == [second.id]
    assert ids(limit=1, starting_after=third.id) == [second.id]
    charge: Any = api.v1.charges.retrieve(one.latest_charge, {"expand": ["refunds"]})
    assert [found.id for found in charge.refunds.auto_paging_iter()] == [third.id, first.id]
    assert "refunds" not in api.v1.charges.retrieve(one.latest_charge).to_dict()


def test_only_the_metadata_of_a_refund_can_be_changed(api: stripe.StripeClient) -> None:
    made = api.v1.refunds.create({"payment_intent": pay(api).id, "metadata": {"a": "1"}})
    changed = api.v1.refunds.update(made.id, {"metadata": {"a": "", "b": "2"}})
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"b": "2"}
    wrong: Any = {"amount": 5}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.refunds.update(made.id, wrong)
    assert refused.value.code == "parameter_unknown"
    with pytest.raises(stripe.InvalidRequestError, match="Canceling this refund is unsupported"):
        api.v1.refunds.cancel(made.id)
    with pytest.raises(stripe.InvalidRequestError) as missing:
        api.v1.refunds.retrieve("re_0")
    assert (missing.value.http_status, missing.value.param) == (404, "refund")
