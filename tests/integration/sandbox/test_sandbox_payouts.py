"""Balance and payouts over the official SDK."""

from typing import Any

import pytest
import stripe

from payments.sandbox import paying_out
from payments.sandbox.clock import Clock
from payments.sandbox.resources import balance_transactions
from payments.sandbox.store import PAYOUT_OF, Record, Store
from tests.support.sandbox import SandboxProcess, event_types, web

DAY = 24 * 3600


def pay(api: stripe.StripeClient, method: str = "pm_card_bypassPending", **changes: Any) -> Any:
    params: Any = {"amount": 10000, "currency": "egp", "confirm": True, "payment_method": method}
    params.update(changes)
    return api.v1.payment_intents.create(params)


def sums(api: stripe.StripeClient) -> tuple[dict[str, int], dict[str, int]]:
    """Available and pending, by currency."""
    balance = api.v1.balance.retrieve()
    return (
        {one.currency: one.amount for one in balance.available},
        {one.currency: one.amount for one in balance.pending},
    )


def test_a_new_account_has_nothing(api: stripe.StripeClient) -> None:
    balance = api.v1.balance.retrieve()
    assert balance.object == "balance"
    assert balance.available[0].to_dict() == {
        "amount": 0,
        "currency": "egp",
        "source_types": {"card": 0},
    }
    assert sums(api) == ({"egp": 0}, {"egp": 0})


def test_the_book_can_be_made_wrong_and_is_mended_at_once(payment_server: SandboxProcess) -> None:
    api = payment_server.client()
    lines = api.v1.balance_transactions
    for _ in range(3):
        pay(api)
    wrong, twice, lost = (line.id for line in lines.list().data)
    before = [line.to_dict() for line in lines.list().data]

    def misbook(line: str, mode: str, **more: Any) -> Any:
        body = {"transaction": line, "mode": mode, **more}
        return payment_server.control("/book", body)

    told = misbook(wrong, "change", amount=9000, fee=1, currency="usd")
    assert (told["net"], told["currency"]) == (8999, "usd")
    assert told["fee_details"][0]["amount"] == 1
    again = misbook(twice, "repeat")["id"]
    misbook(lost, "lose")
    assert [line.id for line in lines.list().data] == [again, wrong, twice]
    with pytest.raises(stripe.InvalidRequestError, match="No such balance transaction"):
        lines.retrieve(lost)
    assert sums(api)[0] == {"egp": 2 * 9700, "usd": 8999}
    assert payment_server.control("/book", method="DELETE") == {"mended": 3}
    assert [line.to_dict() for line in lines.list().data] == before


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"mode": "change", "fee": 1}, "transaction"),
        ({"transaction": "txn_none", "mode": "lose"}, "No such balance transaction"),
        ({"transaction": "{line}", "mode": "burn"}, "must be one of change, lose, repeat"),
        ({"transaction": "{line}", "mode": "change"}, "Give an amount, a fee or a currency"),
        ({"transaction": "{line}", "mode": "change", "currency": "pounds"}, "currency"),
        ({"transaction": "{line}", "mode": "repeat", "fee": 1}, "is for mode change only"),
    ],
)
def test_a_mistake_in_the_book_that_cannot_be_made_is_refused(
    payment_server: SandboxProcess, asked: dict[str, Any], why: str
) -> None:
    api = payment_server.client()
    pay(api)
    line = api.v1.balance_transactions.list().data[0].id
    body = {name: line if value == "{line}" else value for name, value in asked.items()}
    answer = web.post(f"{payment_server.url}/sandbox/control/book", json=body)
    assert answer.status_code == 400
    assert why in answer.text


def test_money_is_pending_first_and_available_two_days_later(
    payment_server: SandboxProcess,
) -> None:
    api = payment_server.client()
    pay(api, "pm_card_visa")
    pay(api, "pm_card_visa", amount=5000, currency="usd")
    assert sums(api) == ({"egp": 0, "usd": 0}, {"egp": 9700, "usd": 4800})
    booked = api.v1.balance_transactions.list({"currency": "egp"}).data[0]
    assert booked.status == "pending"
    payment_server.control("/clock", {"advance": 2 * DAY + 60})
    try:
        assert sums(api) == ({"egp": 9700, "usd": 4800}, {"egp": 0, "usd": 0})
        assert api.v1.balance_transactions.retrieve(booked.id).status == "available"
    finally:
        payment_server.control("/clock", {"reset": True})


def test_a_payout_takes_what_is_available_and_arrives(payment_server: SandboxProcess) -> None:
    api = payment_server.client()
    pay(api)
    payout: Any = api.v1.payouts.create(
        {
            "amount": 9000,
            "currency": "egp",
            "metadata": {"day": "1"},
            "statement_descriptor": "MAHALLIYAT",
            "expand": ["balance_transaction"],
        }
    )
    assert (payout.status, payout.automatic, payout.method) == ("pending", False, "standard")
    assert payout.reconciliation_status == "not_applicable"
    booked = payout.balance_transaction
    assert (booked.type, booked.amount, booked.net, booked.source) == (
        "payout", -9000, -9000, payout.id,
    )  # fmt: skip
    assert sums(api)[0] == {"egp": 700}
    payment_server.control("/clock", {"advance": 2 * DAY})
    try:
        assert api.v1.payouts.retrieve(payout.id).status == "paid"
    finally:
        payment_server.control("/clock", {"reset": True})
    assert event_types(api)[-2:] == ["payout.created", "payout.paid"]


def test_more_than_is_available_cannot_be_paid_out(api: stripe.StripeClient) -> None:
    pay(api)
    pay(api, "pm_card_visa")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.payouts.create({"amount": 9701, "currency": "egp"})
    assert (refused.value.http_status, refused.value.code) == (400, "balance_insufficient")
    assert api.v1.payouts.list().data == []
    assert sums(api)[0] == {"egp": 9700}


def test_a_payout_can_be_canceled_while_it_is_pending(payment_server: SandboxProcess) -> None:
    api = payment_server.client()
    pay(api)
    payout = api.v1.payouts.create({"amount": 9700, "currency": "egp"})
    canceled: Any = api.v1.payouts.cancel(payout.id, {"expand": ["failure_balance_transaction"]})
    assert canceled.status == "canceled"
    assert canceled.failure_balance_transaction.type == "payout_cancel"
    assert sums(api)[0] == {"egp": 9700}
    with pytest.raises(stripe.InvalidRequestError, match="status of canceled"):
        api.v1.payouts.cancel(payout.id)
    assert event_types(api)[-1] == "payout.canceled"


def test_a_payout_that_arrived_can_be_brought_back_once(payment_server: SandboxProcess) -> None:
    api = payment_server.client()
    pay(api)
    payout = api.v1.payouts.create({"amount": 9700, "currency": "egp"})
    with pytest.raises(stripe.InvalidRequestError, match="Only paid payouts"):
        api.v1.payouts.reverse(payout.id)
    payment_server.control("/clock", {"advance": 2 * DAY})
    try:
        back: Any = api.v1.payouts.reverse(payout.id, {"expand": ["original_payout"]})
        assert (back.amount, back.original_payout.id) == (-9700, payout.id)
        assert api.v1.payouts.retrieve(payout.id).reversed_by == back.id
        with pytest.raises(stripe.InvalidRequestError, match="already been reversed"):
            api.v1.payouts.reverse(payout.id)
        assert sums(api) == ({"egp": 0}, {"egp": 9700})
        payment_server.control("/clock", {"advance": 2 * DAY})
        assert sums(api) == ({"egp": 9700}, {"egp": 0})
    finally:
        payment_server.control("/clock", {"reset": True})


def test_payouts_are_listed_by_status_and_arrival(api: stripe.StripeClient) -> None:
    pay(api)
    first = api.v1.payouts.create({"amount": 100, "currency": "egp"})
    second = api.v1.payouts.create({"amount": 200, "currency": "egp"})
    api.v1.payouts.cancel(first.id)

    def ids(**params: Any) -> list[str]:
        wanted: Any = params
        return [found.id for found in api.v1.payouts.list(wanted).data]

    assert ids() == [second.id, first.id]
    assert ids(status="pending") == [second.id]
    assert ids(arrival_date={"lte": second.arrival_date}) == [second.id, first.id]
    assert ids(arrival_date={"gt": second.arrival_date}) == ids(created={"lt": 1}) == []
    changed = api.v1.payouts.update(second.id, {"metadata": {"a": "b"}})
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"a": "b"}
    with pytest.raises(stripe.InvalidRequestError, match="only be filtered on automatic"):
        api.v1.balance_transactions.list({"payout": second.id})


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"amount": 0}, "parameter_invalid_integer", "amount"),
        ({"amount": None}, "parameter_missing", "amount"),
        ({"currency": "xyz"}, None, "currency"),
        ({"destination": "ba_0"}, "resource_missing", "destination"),
        ({"method": "pigeon"}, None, "method"),
        ({"statement_descriptor": "x" * 23}, None, "statement_descriptor"),
    ],
)
def test_what_a_payout_cannot_be_is_refused_by_name(
    api: stripe.StripeClient, params: Any, code: str | None, param: str
) -> None:
    wanted: Any = {"amount": 100, "currency": "egp", **params}
    wanted = {name: one for name, one in wanted.items() if one is not None}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.payouts.create(wanted)
    assert (refused.value.code, refused.value.param) == (code, param)


def test_an_automatic_payout_is_the_sum_of_what_it_contains(tmp_path: Any) -> None:
    clock = Clock()
    store = Store(tmp_path, clock)

    def earn(amount: int, available_in: int = 0) -> None:
        charge = Record("ch_1", "acct_1", "charge", 0, {"currency": "egp"})
        with store.transaction() as tx:
            balance_transactions.record(
                tx, charge, "charge", amount, fee=100, available_on=tx.now + available_in
            )

    earn(5000)
    earn(7000)
    earn(9000, DAY)
    with store.transaction() as tx:
        (payout,) = paying_out.pay_out(tx)
        assert paying_out.pay_out(tx) == []
    assert (payout.body["amount"], payout.body["automatic"]) == (11800, True)
    assert payout.body["reconciliation_status"] == "completed"
    clock.move(DAY + 1)
    with store.transaction() as tx:
        (second,) = paying_out.pay_out(tx)
        inside = tx.select(f"kind = ? AND {PAYOUT_OF} = ?", (balance_transactions.KIND, payout.id))
    store.close()
    assert second.body["amount"] == 8900
    assert sorted(one.body["net"] for one in inside) == [-11800, 4900, 6900]
