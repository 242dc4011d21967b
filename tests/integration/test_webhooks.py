"""The webhook's door: what is signed, what is kept, and when it is worked off."""

import hashlib
import hmac
import json
import threading
import time
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import sqlalchemy
from sqlalchemy import func, insert, select

from payments.model import Attempt, Refund, SeenEvent
from payments.proof import prove
from payments.stripe_objects import event_of
from tests.support.local import LocalPortal
from tests.support.paying import (
    assert_settled_once,
    at_checkout,
    pay_without_coming_back,
    session_of,
    state_of,
    unpaid,
)
from tests.support.people import CARD
from tests.support.plain import PLAIN

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


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
        verify=PLAIN,
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


def test_an_event_that_cannot_be_worked_off_now_is_kept_and_worked_off_later(
    alone: LocalPortal,
) -> None:
    citizen = alone.signed_in()
    number, page = unpaid(alone, citizen)
    checkout = at_checkout(citizen, page)
    alone.sandbox.control("/faults", {"mode": "down", "count": 1000, "path": "/v1/checkout"})
    try:
        pay_without_coming_back(checkout)
        waiting = select(func.count()).where(
            SeenEvent.state == "received", SeenEvent.object_kind == "checkout.session"
        )
        alone.soon(lambda: alone.rows(waiting)[0][0] == 1)
        assert state_of(alone, number) == "awaiting_filing_payment"
    finally:
        alone.sandbox.control("/faults", method="DELETE")
    alone.clock.advance(minutes=1)
    alone.portal.payment_news.work_off_events()
    assert_settled_once(alone, number)


def test_an_event_is_taken_at_once_however_slow_the_provider_is(alone: LocalPortal) -> None:
    citizen = alone.signed_in()
    number, page = unpaid(alone, citizen)
    checkout = at_checkout(citizen, page)
    alone.sandbox.control("/webhooks", {"mode": "lose", "count": 100})
    pay_without_coming_back(checkout)
    slow = {"mode": "slow", "seconds": 4, "count": 1000, "path": "/v1/checkout"}
    alone.sandbox.control("/faults", slow)
    try:
        answer = _signed(alone, _event(session_of(alone, number), number, "evt_at_once"))
        assert answer.status_code == 200
        assert _is_kept(alone, "evt_at_once")
        assert state_of(alone, number) == "awaiting_filing_payment"
    finally:
        alone.sandbox.control("/faults", method="DELETE")
        alone.sandbox.control("/webhooks", method="DELETE")
    alone.soon(lambda: state_of(alone, number) == "received")
    assert_settled_once(alone, number)


def test_an_event_that_nobody_can_work_off_holds_up_none_behind_it(
    alone: LocalPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen = alone.signed_in()
    number, page = unpaid(alone, citizen)
    checkout = at_checkout(citizen, page)
    with alone.portal.database.begin() as db:
        broken = {"provider": "stripe", "type": "checkout.session.completed", "state": "received"}
        times = {"tries": 0, "received_at": LONG_AGO, "try_again_at": LONG_AGO}
        db.execute(insert(SeenEvent).values(event_id="evt_0", object_id="cs_x", **broken, **times))
    read = alone.portal.provider.read_checkout

    def trip_over_one(session: str) -> Any:
        if session == "cs_x":
            raise ZeroDivisionError
        return read(session)

    monkeypatch.setattr(alone.portal.provider, "read_checkout", trip_over_one)
    alone.sandbox.control("/faults", {"mode": "down", "count": 1000, "path": "/v1/checkout"})
    pay_without_coming_back(checkout)
    waiting = select(SeenEvent.event_id).where(
        SeenEvent.state == "received", SeenEvent.object_kind == "checkout.session"
    )
    alone.soon(lambda: len(alone.rows(waiting)) == 2)
    alone.sandbox.control("/faults", method="DELETE")
    alone.clock.advance(minutes=1)
    assert alone.portal.payment_news.work_off_events() >= 1
    assert [row[0] for row in alone.rows(waiting)] == ["evt_0"]
    assert_settled_once(alone, number)


@pytest.mark.parametrize("seconds", [-330, 330, -86_400])
def test_an_event_that_was_signed_long_ago_or_in_the_future_is_refused(
    local: LocalPortal, seconds: int
) -> None:
    late = _event(event_id=f"evt_at_{seconds}")
    assert _signed(local, late, time.time() + seconds).status_code == 400
    assert not _is_kept(local, f"evt_at_{seconds}")


def test_a_forged_event_is_refused_and_settles_nothing(local: LocalPortal) -> None:
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    at_checkout(citizen, page)
    forged = _event(session_of(local, number), number, "evt_forged")
    assert _signed(local, forged, secret="whsec_guessed").status_code == 400
    unsigned = httpx.post(
        f"{local.url}/webhooks/payments", content=forged, trust_env=False, verify=PLAIN
    )
    assert unsigned.status_code == 400
    assert state_of(local, number) == "awaiting_filing_payment"


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
            verify=PLAIN,
        )
        assert answer.status_code == 400


@pytest.mark.parametrize("body", [b"[]", b"{}", b"null", b"\xff\xfe", b'{"id": 1}', b"1e999"])
def test_what_is_signed_but_no_event_is_refused(local: LocalPortal, body: bytes) -> None:
    assert _signed(local, body).status_code == 400


def test_a_true_event_of_an_open_checkout_claims_nothing_by_itself(local: LocalPortal) -> None:
    """The event says «paid», the object that is read again says «open»: the object is right."""
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    at_checkout(citizen, page)
    lie = _event(session_of(local, number), number, f"evt_{number}")
    assert _signed(local, lie).status_code == 200
    assert state_of(local, number) == "awaiting_filing_payment"


def test_an_event_of_a_checkout_that_is_not_stored_yet_is_asked_for_again(
    local: LocalPortal,
) -> None:
    citizen = local.someone()
    number, _page = unpaid(local, citizen)
    early = _event("cs_test_not_stored", number, "evt_early")
    assert _signed(local, early).status_code == 409
    assert not _is_kept(local, "evt_early")


def test_an_event_of_someone_elses_checkout_is_taken_and_ignored(local: LocalPortal) -> None:
    assert _signed(local, _event("cs_test_foreign", "shop-order-7", "evt_for")).status_code == 200


def test_events_that_were_never_delivered_are_fetched(alone: LocalPortal) -> None:
    """Also those that no sweep asks about, because their payment is settled: a refund by hand."""
    citizen = alone.signed_in()
    number, page = unpaid(alone, citizen)
    citizen.send(at_checkout(citizen, page), CARD)
    assert state_of(alone, number) == "received"
    [(payment,)] = alone.rows(select(Attempt.payment))
    alone.sandbox.control("/webhooks", {"mode": "lose", "count": 100})
    try:
        alone.stripe.v1.refunds.create({"payment_intent": payment, "amount": 500})
        assert alone.rows(select(Refund.id)) == []
        assert alone.portal.payment_news.catch_up() > 0
    finally:
        alone.sandbox.control("/webhooks", method="DELETE")
    assert [tuple(row) for row in alone.rows(select(Refund.origin, Refund.amount))] == [
        ("provider", 500)
    ]
    assert alone.portal.payment_news.catch_up() == 0
    with alone.portal.database.read() as db:
        assert not any(prove(db).values())


def test_an_unreachable_provider_is_asked_for_lost_events_again_later(alone: LocalPortal) -> None:
    alone.sandbox.control("/faults", {"mode": "down", "count": 100, "path": "/v1/events"})
    try:
        assert alone.portal.payment_news.catch_up() == 0
    finally:
        alone.sandbox.control("/faults", method="DELETE")


def test_what_an_event_leads_to_is_written_in_one_transaction(local: LocalPortal) -> None:
    """Ledger, receipt, state, clock, messages and the event's end: all of it, or nothing."""
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    checkout = at_checkout(citizen, page)
    local.sandbox.control("/webhooks", {"mode": "lose", "count": 100})
    try:
        pay_without_coming_back(checkout)
    finally:
        local.sandbox.control("/webhooks", method="DELETE")
    news, session = local.portal.payment_news, session_of(local, number)
    body = _event(session, number, f"evt_one_{local.port}")
    waiting = news.keep(event_of(json.loads(body)))
    assert waiting is not None
    here, acts = threading.get_ident(), []
    engine = local.portal.database.engine
    listeners = [
        (name, lambda *_, n=name: acts.append(n) if threading.get_ident() == here else None)
        for name in ("begin", "commit", "rollback")
    ]
    for name, listener in listeners:
        sqlalchemy.event.listen(engine, name, listener)
    try:
        assert news.work_off(waiting)
    finally:
        for name, listener in listeners:
            sqlalchemy.event.remove(engine, name, listener)
    assert acts == ["begin", "commit"]
    assert_settled_once(local, number)
