"""From «pay» to «paid»: through the sandbox with the official SDK, however the news arrives."""

import hashlib
import hmac
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import func, insert, select, update

from payments import ledger
from payments.model import (
    Attempt,
    Entry,
    EntryLine,
    Obligation,
    PaymentCase,
    Receipt,
    SeenEvent,
)
from portal.requests.model import HistoryEntry, ServiceRequest
from tests.support.local import LocalPortal
from tests.support.people import CARD, DECLINED, Citizen, Page

SERVICE = "address-numbering-certificate"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def _unpaid(local: LocalPortal, citizen: Citizen) -> tuple[str, Page]:
    """A submitted request that waits for its payment, on its payment page."""
    raw = local.answers(SERVICE)
    page = citizen.submit(citizen.upload_all(citizen.fill(SERVICE, raw)))
    assert page.path.endswith("/pay")
    return page.path.split("/")[-2], page


def _state(local: LocalPortal, number: str) -> str:
    return str(
        local.rows(select(ServiceRequest.state).where(ServiceRequest.number == number))[0][0]
    )


def _session(local: LocalPortal, number: str) -> str:
    """The session of the last attempt to pay for a request."""
    found = local.rows(
        select(Attempt.session)
        .join(Obligation, Obligation.id == Attempt.obligation_id)
        .where(Obligation.reference == number)
        .order_by(Attempt.number.desc())
    )
    return str(found[0][0])


def _booked(local: LocalPortal, number: str) -> dict[str, int]:
    """What the ledger holds for a request, by account."""
    rows = local.rows(
        select(EntryLine.account, func.sum(EntryLine.amount))
        .join(Entry, Entry.id == EntryLine.entry_id)
        .where(Entry.reference == number)
        .group_by(EntryLine.account)
    )
    return {account: int(total) for account, total in rows if total}


def _assert_settled_once(local: LocalPortal, number: str) -> None:
    owed = local.rows(select(Obligation).where(Obligation.reference == number))[0]
    assert owed.state == "paid"
    booked = _booked(local, number)
    assert booked[ledger.CLEARING] == owed.amount
    assert ledger.RECEIVABLE not in booked
    assert sum(booked.values()) == 0
    receipts = select(Receipt.number).where(Receipt.obligation_id == owed.id)
    assert len(local.rows(receipts)) == 1
    paid = (
        select(HistoryEntry.event)
        .join(ServiceRequest, ServiceRequest.id == HistoryEntry.request_id)
        .where(ServiceRequest.number == number, HistoryEntry.event == "pay_filing")
    )
    assert len(local.rows(paid)) == 1
    messages = "SELECT position FROM outbox_messages WHERE subject = :n"
    assert len(local.rows(messages, n=number)) == 1


def _at_checkout(citizen: Citizen, page: Page) -> Page:
    """From the payment page to the provider's."""
    checkout = citizen.send(page, {}, "/pay")
    assert checkout.tree.xpath("//input[@name='card_number']"), checkout.text
    return checkout


def _pay_without_coming_back(checkout: Page) -> None:
    """The payer closes the browser right after the provider took the card."""
    action = checkout.form().get("action") or checkout.url
    target = httpx.URL(checkout.url).join(action)
    answer = httpx.post(target, data=CARD, trust_env=False)
    assert answer.status_code == 303


def test_a_payer_who_never_comes_back_is_settled_by_the_webhook(local: LocalPortal) -> None:
    citizen = local.someone()
    number, page = _unpaid(local, citizen)
    _pay_without_coming_back(_at_checkout(citizen, page))
    local.soon(lambda: _state(local, number) == "received")
    _assert_settled_once(local, number)


def test_the_return_page_settles_before_any_webhook_came(local: LocalPortal) -> None:
    citizen = local.someone()
    number, page = _unpaid(local, citizen)
    local.sandbox.control("/webhooks", {"mode": "lose", "count": 100})
    try:
        after = citizen.send(_at_checkout(citizen, page), CARD)
        assert after.hook("state") == "received"
        _assert_settled_once(local, number)
    finally:
        local.sandbox.control("/webhooks", method="DELETE")


def test_webhooks_that_come_many_times_and_the_return_page_settle_once(local: LocalPortal) -> None:
    citizen = local.someone()
    number, page = _unpaid(local, citizen)
    local.sandbox.control("/webhooks", {"mode": "repeat", "times": 4, "count": 10})
    try:
        citizen.send(_at_checkout(citizen, page), CARD)
        session = _session(local, number)
        back = f"/requests/{number}/pay/return?session_id={session}"
        with ThreadPoolExecutor(6) as pool:
            pages = list(pool.map(lambda _: citizen.get(back), range(6)))
        assert {p.hook("state") for p in pages} == {"received"}
        seen = select(func.count()).select_from(SeenEvent).where(SeenEvent.session == session)
        local.soon(lambda: local.rows(seen)[0][0] > 0)
        _assert_settled_once(local, number)
    finally:
        local.sandbox.control("/webhooks", method="DELETE")


def test_a_lost_webhook_and_a_closed_browser_are_found_by_the_sweep(alone: LocalPortal) -> None:
    citizen = alone.signed_in()
    number, page = _unpaid(alone, citizen)
    alone.sandbox.control("/webhooks", {"mode": "lose", "count": 100})
    try:
        _pay_without_coming_back(_at_checkout(citizen, page))
        assert _state(alone, number) == "awaiting_filing_payment"
        alone.clock.advance(minutes=3)
        alone.portal.cashier.sweep()
        _assert_settled_once(alone, number)
    finally:
        alone.sandbox.control("/webhooks", method="DELETE")


def test_a_declined_card_keeps_the_payer_on_the_checkout_and_another_one_pays(
    local: LocalPortal,
) -> None:
    citizen = local.someone()
    number, page = _unpaid(local, citizen)
    declined = citizen.send(_at_checkout(citizen, page), DECLINED)
    assert "لم يتم الدفع" in declined.text
    assert _state(local, number) == "awaiting_filing_payment"
    assert citizen.send(declined, CARD).hook("state") == "received"
    _assert_settled_once(local, number)


def test_who_turns_back_from_the_checkout_finds_the_way_to_pay_again(local: LocalPortal) -> None:
    citizen = local.someone()
    number, page = _unpaid(local, citizen)
    first = _at_checkout(citizen, page)
    back = citizen.get(f"/requests/{number}/pay")
    assert back.status == 200
    assert _at_checkout(citizen, back).url == first.url


def test_twenty_tabs_that_pay_at_once_get_one_checkout(local: LocalPortal) -> None:
    citizen = local.someone()
    number, page = _unpaid(local, citizen)
    values = page.values("/pay")

    def press(_: int) -> httpx.Response:
        return httpx.post(
            f"{local.url}/requests/{number}/pay",
            data=values,
            cookies=dict(citizen.client.cookies),
            trust_env=False,
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
    number, page = _unpaid(alone, citizen)
    old = _at_checkout(citizen, page)
    alone.clock.advance(hours=22, minutes=57)
    alone.sandbox.control("/clock", {"advance": 22 * 3600 + 57 * 60})
    try:
        citizen.sign_in()
        new = _at_checkout(citizen, citizen.get(f"/requests/{number}/pay"))
        assert new.url != old.url
        answer = httpx.post(old.url, data=CARD, trust_env=False)
        assert answer.status_code != 303
        _pay_without_coming_back(new)
    finally:
        alone.sandbox.control("/clock", {"reset": True})
    alone.soon(lambda: _state(alone, number) == "received")
    _assert_settled_once(alone, number)


def test_a_checkout_that_was_paid_in_its_last_minutes_is_settled_not_paid_again(
    alone: LocalPortal,
) -> None:
    citizen = alone.signed_in()
    number, page = _unpaid(alone, citizen)
    old = _at_checkout(citizen, page)
    alone.sandbox.control("/webhooks", {"mode": "lose", "count": 100})
    alone.clock.advance(hours=22, minutes=57)
    alone.sandbox.control("/clock", {"advance": 22 * 3600 + 57 * 60})
    try:
        citizen.sign_in()
        page = citizen.get(f"/requests/{number}/pay")
        _pay_without_coming_back(old)
        page = citizen.send(page, {}, "/pay")
    finally:
        alone.sandbox.control("/clock", {"reset": True})
        alone.sandbox.control("/webhooks", method="DELETE")
    assert page.hook("state") == "received", page.text
    _assert_settled_once(alone, number)


def test_money_that_comes_twice_is_kept_apart_with_a_case(local: LocalPortal) -> None:
    citizen = local.someone()
    number, page = _unpaid(local, citizen)
    _pay_without_coming_back(_at_checkout(citizen, page))
    local.soon(lambda: _state(local, number) == "received")
    owed = local.rows(select(Obligation).where(Obligation.reference == number))[0]
    first = local.rows(select(Attempt).where(Attempt.obligation_id == owed.id))[0]
    metadata = {"obligation": owed.id, "attempt": f"{first.id}-2"}
    again = _checkout_beside_ours(local, owed, {"metadata": metadata})
    with local.portal.database.begin() as db:
        second = {"id": f"{first.id}-2", "number": 2, "state": "expired", "session": again.id}
        db.execute(insert(Attempt).values({**first._mapping, **second}))
    assert httpx.post(str(again.url), data=CARD, trust_env=False).status_code == 303
    cases = select(PaymentCase.kind).where(PaymentCase.reference == number)
    local.soon(lambda: [tuple(row) for row in local.rows(cases)] == [("surplus",)])
    booked = _booked(local, number)
    assert booked[ledger.SURPLUS] < 0
    assert booked[ledger.CLEARING] == -2 * booked[ledger.SURPLUS]


def _checkout_beside_ours(local: LocalPortal, owed: Any, changes: dict[str, Any]) -> Any:
    """A checkout that somebody opened in our account without us."""
    return local.stripe.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "client_reference_id": changes.get("reference", owed.reference),
            "success_url": "http://127.0.0.1:9/",
            "metadata": changes["metadata"],
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": changes.get("currency", "egp"),
                        "unit_amount": owed.amount + changes.get("amount", 0),
                        "product_data": {"name": "رسم"},
                    },
                }
            ],
        }
    )


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
    number, page = _unpaid(local, citizen)
    _at_checkout(citizen, page)
    owed = local.rows(select(Obligation).where(Obligation.reference == number))[0]
    attempt = local.rows(select(Attempt).where(Attempt.obligation_id == owed.id))[0]
    metadata = {"obligation": owed.id, "attempt": attempt.id}
    other = _checkout_beside_ours(local, owed, {"metadata": metadata, **changes})
    with local.portal.database.begin() as db:
        db.execute(update(Attempt).where(Attempt.id == attempt.id).values(session=other.id))
    assert httpx.post(str(other.url), data=CARD, trust_env=False).status_code == 303
    cases = select(PaymentCase.kind).where(PaymentCase.reference == number)
    local.soon(lambda: [tuple(row) for row in local.rows(cases)] == [(kind,)])
    assert _state(local, number) == "awaiting_filing_payment"
    booked = _booked(local, number)
    assert booked[ledger.SUSPENSE] == -booked[ledger.CLEARING]
    assert booked[ledger.RECEIVABLE] == owed.amount


def test_a_request_that_is_not_paid_in_time_is_closed_and_its_checkout_with_it(
    alone: LocalPortal,
) -> None:
    citizen = alone.signed_in()
    number, page = _unpaid(alone, citizen)
    checkout = _at_checkout(citizen, page)
    alone.clock.advance(days=8)
    alone.portal.cashier.expire_unpaid()
    assert _state(alone, number) == "expired_unpaid"
    assert httpx.post(checkout.url, data=CARD, trust_env=False).status_code != 303
    assert _booked(alone, number) == {}
    citizen.sign_in()
    assert citizen.get(f"/requests/{number}/pay").hook("state") == "expired_unpaid"


def test_a_request_that_was_paid_in_the_last_moment_is_received_not_closed(
    alone: LocalPortal,
) -> None:
    citizen = alone.signed_in()
    number, page = _unpaid(alone, citizen)
    checkout = _at_checkout(citizen, page)
    alone.sandbox.control("/webhooks", {"mode": "lose", "count": 100})
    try:
        _pay_without_coming_back(checkout)
        alone.clock.advance(days=8)
        alone.portal.cashier.expire_unpaid()
        assert _state(alone, number) == "received"
        _assert_settled_once(alone, number)
    finally:
        alone.sandbox.control("/webhooks", method="DELETE")


def test_when_the_provider_is_down_the_page_says_so_and_a_later_try_pays(
    local: LocalPortal,
) -> None:
    citizen = local.someone()
    number, page = _unpaid(local, citizen)
    local.sandbox.control("/faults", {"mode": "down", "count": 1000})
    try:
        down = citizen.send(page, {}, "/pay")
        assert down.status == 503
        assert down.form("/pay") is not None
    finally:
        local.sandbox.control("/faults", method="DELETE")
    assert citizen.pay(down).hook("state") == "received"
    _assert_settled_once(local, number)


def test_an_answer_that_is_lost_on_its_way_back_opens_no_second_checkout(
    local: LocalPortal,
) -> None:
    citizen = local.someone()
    number, page = _unpaid(local, citizen)
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


def test_an_event_that_cannot_be_worked_off_now_is_kept_and_worked_off_later(
    alone: LocalPortal,
) -> None:
    citizen = alone.signed_in()
    number, page = _unpaid(alone, citizen)
    checkout = _at_checkout(citizen, page)
    alone.sandbox.control("/faults", {"mode": "down", "count": 1000, "path": "/v1/checkout"})
    try:
        _pay_without_coming_back(checkout)
        waiting = select(func.count()).select_from(SeenEvent).where(SeenEvent.state == "received")
        alone.soon(lambda: alone.rows(waiting)[0][0] == 1)
        assert _state(alone, number) == "awaiting_filing_payment"
    finally:
        alone.sandbox.control("/faults", method="DELETE")
    alone.clock.advance(minutes=1)
    alone.portal.cashier.work_off_events()
    _assert_settled_once(alone, number)


def test_an_event_is_taken_at_once_however_slow_the_provider_is(alone: LocalPortal) -> None:
    citizen = alone.signed_in()
    number, page = _unpaid(alone, citizen)
    checkout = _at_checkout(citizen, page)
    alone.sandbox.control("/webhooks", {"mode": "lose", "count": 100})
    _pay_without_coming_back(checkout)
    slow = {"mode": "slow", "seconds": 4, "count": 1000, "path": "/v1/checkout"}
    alone.sandbox.control("/faults", slow)
    try:
        answer = _signed(alone, _event(_session(alone, number), number, "evt_at_once"))
        assert answer.status_code == 200
        assert _is_kept(alone, "evt_at_once")
        assert _state(alone, number) == "awaiting_filing_payment"
    finally:
        alone.sandbox.control("/faults", method="DELETE")
        alone.sandbox.control("/webhooks", method="DELETE")
    alone.soon(lambda: _state(alone, number) == "received")
    _assert_settled_once(alone, number)


def test_an_event_that_nobody_can_work_off_holds_up_none_behind_it(
    alone: LocalPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen = alone.signed_in()
    number, page = _unpaid(alone, citizen)
    checkout = _at_checkout(citizen, page)
    with alone.portal.database.begin() as db:
        broken = {"provider": "stripe", "type": "checkout.session.completed", "state": "received"}
        times = {"tries": 0, "received_at": LONG_AGO, "try_again_at": LONG_AGO}
        db.execute(insert(SeenEvent).values(event_id="evt_0", session="cs_x", **broken, **times))
    look = alone.portal.cashier.look

    def trip_over_one(session: str) -> Any:
        if session == "cs_x":
            raise ZeroDivisionError
        return look(session)

    monkeypatch.setattr(alone.portal.cashier, "look", trip_over_one)
    alone.sandbox.control("/faults", {"mode": "down", "count": 1000, "path": "/v1/checkout"})
    _pay_without_coming_back(checkout)
    waiting = select(SeenEvent.event_id).where(SeenEvent.state == "received")
    alone.soon(lambda: len(alone.rows(waiting)) == 2)
    alone.sandbox.control("/faults", method="DELETE")
    alone.clock.advance(minutes=1)
    assert alone.portal.cashier.work_off_events() == 1
    assert [row[0] for row in alone.rows(waiting)] == ["evt_0"]
    _assert_settled_once(alone, number)


# --- The webhook's door ---------------------------------------------------------------------------


def _signed(
    local: LocalPortal, body: bytes, at: float | None = None, secret: str = ""
) -> httpx.Response:
    stamp = int(at if at is not None else time.time())
    key = (secret or local.webhook_secret).encode()
    signature = hmac.new(key, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return httpx.post(
        f"{local.url}/webhooks/payments",
        content=body,
        headers={"stripe-signature": f"t={stamp},v1={signature}"},
        trust_env=False,
    )


def _event(session: str = "cs_test_none", reference: str = "", event_id: str = "evt_x") -> bytes:
    return json.dumps(
        {
            "id": event_id,
            "object": "event",
            "type": "checkout.session.completed",
            "created": int(time.time()),
            "data": {
                "object": {
                    "id": session,
                    "object": "checkout.session",
                    "client_reference_id": reference,
                    "payment_status": "paid",
                }
            },
        }
    ).encode()


def _is_kept(local: LocalPortal, event_id: str) -> bool:
    return bool(local.rows(select(SeenEvent.state).where(SeenEvent.event_id == event_id)))


@pytest.mark.parametrize("seconds", [-330, 330, -86_400])
def test_an_event_that_was_signed_long_ago_or_in_the_future_is_refused(
    local: LocalPortal, seconds: int
) -> None:
    late = _event(event_id=f"evt_at_{seconds}")
    assert _signed(local, late, time.time() + seconds).status_code == 400
    assert not _is_kept(local, f"evt_at_{seconds}")


def test_a_forged_event_is_refused_and_settles_nothing(local: LocalPortal) -> None:
    citizen = local.someone()
    number, page = _unpaid(local, citizen)
    _at_checkout(citizen, page)
    forged = _event(_session(local, number), number, "evt_forged")
    assert _signed(local, forged, secret="whsec_guessed").status_code == 400
    unsigned = httpx.post(f"{local.url}/webhooks/payments", content=forged, trust_env=False)
    assert unsigned.status_code == 400
    assert _state(local, number) == "awaiting_filing_payment"


def test_an_event_that_was_changed_after_it_was_signed_is_refused(local: LocalPortal) -> None:
    body = _event()
    stamp = int(time.time())
    signature = hmac.new(
        local.webhook_secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256
    ).hexdigest()
    for changed in (body[:-1], body + b" ", b"", body.replace(b"paid", b"void")):
        answer = httpx.post(
            f"{local.url}/webhooks/payments",
            content=changed,
            headers={"stripe-signature": f"t={stamp},v1={signature}"},
            trust_env=False,
        )
        assert answer.status_code == 400


@pytest.mark.parametrize("body", [b"[]", b"{}", b"null", b"\xff\xfe", b'{"id": 1}', b"1e999"])
def test_what_is_signed_but_no_event_is_refused(local: LocalPortal, body: bytes) -> None:
    assert _signed(local, body).status_code == 400


def test_a_true_event_of_an_open_checkout_claims_nothing_by_itself(local: LocalPortal) -> None:
    """The event says «paid», the object that is read again says «open»: the object is right."""
    citizen = local.someone()
    number, page = _unpaid(local, citizen)
    _at_checkout(citizen, page)
    lie = _event(_session(local, number), number, f"evt_{number}")
    assert _signed(local, lie).status_code == 200
    assert _state(local, number) == "awaiting_filing_payment"


def test_an_event_of_a_checkout_that_is_not_stored_yet_is_asked_for_again(
    local: LocalPortal,
) -> None:
    citizen = local.someone()
    number, _page = _unpaid(local, citizen)
    early = _event("cs_test_not_stored", number, "evt_early")
    assert _signed(local, early).status_code == 409
    assert not _is_kept(local, "evt_early")


def test_an_event_of_someone_elses_checkout_is_taken_and_ignored(local: LocalPortal) -> None:
    assert _signed(local, _event("cs_test_foreign", "shop-order-7", "evt_for")).status_code == 200


def test_a_receipt_shows_every_line_and_belongs_to_the_payer_alone(local: LocalPortal) -> None:
    citizen = local.someone()
    page = local.filed(SERVICE, citizen)
    link = page.tree.xpath("//a[contains(@href, '/receipts/')]/@href")[0]
    receipt = citizen.get(link)
    assert receipt.status == 200
    amounts = [int(a) for a in receipt.hooks("amount")]
    assert amounts[-1] == sum(amounts[:-1]) or len(set(amounts)) == 1
    assert local.someone().get(link).status == 404
