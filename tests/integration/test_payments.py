"""From «pay» to «paid»: through the sandbox with the official SDK, however the news arrives."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import func, insert, select, update

from payments import ledger
from payments.model import (
    Attempt,
    Obligation,
    PaymentCase,
    SeenEvent,
)
from tests.support.local import LocalPortal
from tests.support.paying import (
    SERVICE,
    assert_settled_once,
    at_checkout,
    booked_for,
    checkout_beside_ours,
    held,
    pay_without_coming_back,
    session_of,
    state_of,
    unpaid,
)
from tests.support.people import CARD, DECLINED
from tests.support.plain import PLAIN


def test_a_payer_who_never_comes_back_is_settled_by_the_webhook(local: LocalPortal) -> None:
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    pay_without_coming_back(at_checkout(citizen, page))
    local.soon(lambda: state_of(local, number) == "received")
    assert_settled_once(local, number)


def test_the_return_page_settles_before_any_webhook_came(local: LocalPortal) -> None:
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    local.sandbox.control("/webhooks", {"mode": "lose", "count": 100})
    try:
        after = citizen.send(at_checkout(citizen, page), CARD)
        assert after.hook("state") == "received"
        assert_settled_once(local, number)
    finally:
        local.sandbox.control("/webhooks", method="DELETE")


def test_webhooks_that_come_many_times_and_the_return_page_settle_once(local: LocalPortal) -> None:
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    local.sandbox.control("/webhooks", {"mode": "repeat", "times": 4, "count": 10})
    try:
        citizen.send(at_checkout(citizen, page), CARD)
        session = session_of(local, number)
        back = f"/requests/{number}/pay/return?session_id={session}"
        with ThreadPoolExecutor(6) as pool:
            pages = list(pool.map(lambda _: citizen.get(back), range(6)))
        assert {p.hook("state") for p in pages} == {"received"}
        seen = select(func.count()).select_from(SeenEvent).where(SeenEvent.object_id == session)
        local.soon(lambda: local.rows(seen)[0][0] > 0)
        assert_settled_once(local, number)
    finally:
        local.sandbox.control("/webhooks", method="DELETE")


def test_a_lost_webhook_and_a_closed_browser_are_found_by_the_sweep(alone: LocalPortal) -> None:
    citizen = alone.signed_in()
    number, page = unpaid(alone, citizen)
    alone.sandbox.control("/webhooks", {"mode": "lose", "count": 100})
    try:
        pay_without_coming_back(at_checkout(citizen, page))
        assert state_of(alone, number) == "awaiting_filing_payment"
        alone.clock.advance(minutes=3)
        alone.portal.payment_news.sweep()
        assert_settled_once(alone, number)
    finally:
        alone.sandbox.control("/webhooks", method="DELETE")


def test_a_declined_card_keeps_the_payer_on_the_checkout_and_another_one_pays(
    local: LocalPortal,
) -> None:
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    declined = citizen.send(at_checkout(citizen, page), DECLINED)
    assert "لم يتم السداد" in declined.text
    assert state_of(local, number) == "awaiting_filing_payment"
    assert citizen.send(declined, CARD).hook("state") == "received"
    assert_settled_once(local, number)


def test_who_turns_back_from_the_checkout_finds_the_way_to_pay_again(local: LocalPortal) -> None:
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    first = at_checkout(citizen, page)
    back = citizen.get(f"/requests/{number}/pay")
    assert back.status == 200
    assert at_checkout(citizen, back).url == first.url


def test_twenty_tabs_that_pay_at_once_get_one_checkout(local: LocalPortal) -> None:
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    values = page.values("/pay")

    def press(_: int) -> httpx.Response:
        return httpx.post(
            f"{local.url}/requests/{number}/pay",
            data=values,
            cookies=dict(citizen.client.cookies),
            trust_env=False,
            verify=PLAIN,
            timeout=30,
        )

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(press, range(20)))
    leading = {a.headers["location"] for a in answers if a.status_code == 303}
    assert len(leading) == 1
    assert {a.status_code for a in answers} <= {303, 503}  # at the provider the first one is served
    mine = [
        s
        for s in local.stripe.v1.checkout.sessions.list({"limit": 100}).data
        if s.client_reference_id == number
    ]
    assert len(mine) == 1


def test_a_checkout_near_its_end_is_closed_before_another_is_begun(alone: LocalPortal) -> None:
    """In the old tab nobody can pay any more, not even when its webhook would be lost."""
    citizen = alone.signed_in()
    number, page = unpaid(alone, citizen)
    old = at_checkout(citizen, page)
    alone.clock.advance(hours=22, minutes=57)
    alone.sandbox.control("/clock", {"advance": 22 * 3600 + 57 * 60})
    try:
        citizen.sign_in()
        new = at_checkout(citizen, citizen.get(f"/requests/{number}/pay"))
        assert new.url != old.url
        answer = httpx.post(old.url, data=CARD, trust_env=False, verify=PLAIN)
        assert answer.status_code != 303
        pay_without_coming_back(new)
    finally:
        alone.sandbox.control("/clock", {"reset": True})
    alone.soon(lambda: state_of(alone, number) == "received")
    assert_settled_once(alone, number)


def test_a_checkout_that_was_paid_in_its_last_minutes_is_settled_not_paid_again(
    alone: LocalPortal,
) -> None:
    citizen = alone.signed_in()
    number, page = unpaid(alone, citizen)
    old = at_checkout(citizen, page)
    alone.sandbox.control("/webhooks", {"mode": "lose", "count": 100})
    alone.clock.advance(hours=22, minutes=57)
    alone.sandbox.control("/clock", {"advance": 22 * 3600 + 57 * 60})
    try:
        citizen.sign_in()
        page = citizen.get(f"/requests/{number}/pay")
        pay_without_coming_back(old)
        page = citizen.send(page, {}, "/pay")
    finally:
        alone.sandbox.control("/clock", {"reset": True})
        alone.sandbox.control("/webhooks", method="DELETE")
    assert page.hook("state") == "received", page.text
    assert_settled_once(alone, number)


def test_money_that_comes_twice_is_kept_apart_with_a_case(local: LocalPortal) -> None:
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    pay_without_coming_back(at_checkout(citizen, page))
    local.soon(lambda: state_of(local, number) == "received")
    owed = local.rows(select(Obligation).where(Obligation.reference == number))[0]
    first = local.rows(select(Attempt).where(Attempt.obligation_id == owed.id))[0]
    metadata = {"obligation": owed.id, "attempt": f"{first.id}-2"}
    again = checkout_beside_ours(local, owed, {"metadata": metadata})
    with local.portal.database.begin() as db:
        second = {"id": f"{first.id}-2", "number": 2, "state": "expired", "session": again.id}
        second["payment"] = None
        db.execute(insert(Attempt).values({**first._mapping, **second}))
    assert httpx.post(str(again.url), data=CARD, trust_env=False, verify=PLAIN).status_code == 303
    cases = select(PaymentCase.kind).where(PaymentCase.reference == number)
    local.soon(lambda: [tuple(row) for row in local.rows(cases)] == [("surplus",)])
    booked = booked_for(local, number)
    assert booked[ledger.SURPLUS] < 0
    assert held(booked) == -2 * booked[ledger.SURPLUS]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"amount": -100}, "mismatch_amount"),
        ({"currency": "usd"}, "mismatch_currency"),
        ({"metadata": {"obligation": "someone-elses", "attempt": "x"}}, "mismatch_obligation"),
        ({"reference": "26-1503-99999-9"}, "mismatch_reference"),
    ],
)
def test_money_that_does_not_fit_goes_to_suspense_with_a_case_and_settles_nothing(
    local: LocalPortal, changes: dict[str, Any], kind: str
) -> None:
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    at_checkout(citizen, page)
    owed = local.rows(select(Obligation).where(Obligation.reference == number))[0]
    attempt = local.rows(select(Attempt).where(Attempt.obligation_id == owed.id))[0]
    metadata = {"obligation": owed.id, "attempt": attempt.id}
    other = checkout_beside_ours(local, owed, {"metadata": metadata, **changes})
    with local.portal.database.begin() as db:
        db.execute(update(Attempt).where(Attempt.id == attempt.id).values(session=other.id))
    assert httpx.post(str(other.url), data=CARD, trust_env=False, verify=PLAIN).status_code == 303
    cases = select(PaymentCase.kind).where(PaymentCase.reference == number)
    local.soon(lambda: [tuple(row) for row in local.rows(cases)] == [(kind,)])
    assert state_of(local, number) == "awaiting_filing_payment"
    booked = booked_for(local, number)
    assert booked[ledger.SUSPENSE] == -held(booked)
    assert booked[ledger.RECEIVABLE] == owed.amount


def test_a_request_that_is_not_paid_in_time_is_closed_and_its_checkout_with_it(
    alone: LocalPortal,
) -> None:
    citizen = alone.signed_in()
    number, page = unpaid(alone, citizen)
    checkout = at_checkout(citizen, page)
    alone.clock.advance(days=8)
    alone.portal.cashier.expire_unpaid()
    assert state_of(alone, number) == "expired_unpaid"
    assert httpx.post(checkout.url, data=CARD, trust_env=False, verify=PLAIN).status_code != 303
    assert booked_for(alone, number) == {}
    citizen.sign_in()
    assert citizen.get(f"/requests/{number}/pay").hook("state") == "expired_unpaid"


def test_a_request_that_was_paid_in_the_last_moment_is_received_not_closed(
    alone: LocalPortal,
) -> None:
    citizen = alone.signed_in()
    number, page = unpaid(alone, citizen)
    checkout = at_checkout(citizen, page)
    alone.sandbox.control("/webhooks", {"mode": "lose", "count": 100})
    try:
        pay_without_coming_back(checkout)
        alone.clock.advance(days=8)
        alone.portal.cashier.expire_unpaid()
        assert state_of(alone, number) == "received"
        assert_settled_once(alone, number)
    finally:
        alone.sandbox.control("/webhooks", method="DELETE")


def test_when_the_provider_is_down_the_page_says_so_and_a_later_try_pays(
    local: LocalPortal,
) -> None:
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    local.sandbox.control("/faults", {"mode": "down", "count": 1000})
    try:
        down = citizen.send(page, {}, "/pay")
        assert down.status == 503
        assert down.form("/pay") is not None
    finally:
        local.sandbox.control("/faults", method="DELETE")
    assert citizen.pay(down).hook("state") == "received"
    assert_settled_once(local, number)


def test_an_answer_that_is_lost_on_its_way_back_opens_no_second_checkout(
    local: LocalPortal,
) -> None:
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    local.sandbox.control(
        "/faults",
        {"mode": "error_after_work", "count": 1, "method": "POST", "path": "/v1/checkout"},
    )
    page = citizen.send(page, {}, "/pay")
    if page.status == 503:
        page = citizen.send(page, {}, "/pay")
    assert citizen.send(page, CARD).hook("state") == "received"
    mine = [
        s
        for s in local.stripe.v1.checkout.sessions.list({"limit": 100}).data
        if s.client_reference_id == number
    ]
    assert len(mine) == 1


def test_a_receipt_shows_every_line_and_belongs_to_the_payer_alone(local: LocalPortal) -> None:
    citizen = local.someone()
    page = local.filed(SERVICE, citizen)
    link = page.tree.xpath("//a[contains(@href, '/receipts/')]/@href")[0]
    receipt = citizen.get(link)
    assert receipt.status == 200
    amounts = [int(a) for a in receipt.hooks("amount")]
    assert amounts[-1] == sum(amounts[:-1]) or len(set(amounts)) == 1
    assert local.someone().get(link).status == 404
