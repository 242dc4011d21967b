"""Ways to stop others from paying, to learn of them, or to break what takes the money."""

import json
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import update

from payments.model import Attempt
from portal.requests import paying
from portal.web import routing
from tests.support.local import LocalPortal
from tests.support.looking import assert_honest, fields, page_of, raw
from tests.support.paying import at_checkout, session_of, unpaid
from tests.support.people import CARD, Employee, Page
from tests.support.plain import PLAIN
from tests.support.signing_in import clerk, staff_page
from tests.support.world import MARKED, ROUTES


def _link(page: Page) -> str:
    return "/pay/" + page.hook("link").rsplit("/", 1)[1]


# --- the way to the provider


@pytest.fixture
def slow_provider(still: LocalPortal) -> Iterator[None]:
    fault = {"mode": "slow", "seconds": 3, "count": 1000, "method": "GET"}
    still.sandbox.control("/faults", fault)
    yield
    still.sandbox.control("/faults", method="DELETE")


def test_payers_who_wait_for_a_slow_provider_hold_up_nobody_else(
    still: LocalPortal, request: pytest.FixtureRequest
) -> None:
    """More of them than there are threads for pages, and nobody needs a session for it."""
    citizen = still.someone()
    number, page = unpaid(still, citizen)
    at_checkout(citizen, page)
    address = f"{still.url}/requests/{number}/pay/return?session_id={session_of(still, number)}"
    request.getfixturevalue("slow_provider")
    with ThreadPoolExecutor(20) as pool:
        waiting = [
            pool.submit(httpx.get, address, trust_env=False, verify=PLAIN, timeout=30)
            for _ in range(20)
        ]
        time.sleep(0.4)  # until all of them are there
        for path in ("/requests", f"/requests/{number}/pay"):
            assert citizen.get(path).status == 200
        assert not any(each.done() for each in waiting)
        still.sandbox.control("/faults", method="DELETE")
        assert {each.result().status_code for each in waiting} == {303}


def test_where_many_wait_for_the_provider_no_more_are_let_to_wait(
    still: LocalPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each holds a connection; the page says what is known without asking."""
    citizen = still.someone()
    number, page = unpaid(still, citizen)
    at_checkout(citizen, page)
    back = f"/requests/{number}/pay/return?session_id={session_of(still, number)}"
    monkeypatch.setattr(routing, "MOST_WAITING", 0)
    for call in ("look", "start"):
        monkeypatch.setattr(still.portal.cashier, call, None)
    waits = citizen.get(back)
    assert (waits.status, waits.path) == (200, back.partition("?")[0])
    assert waits.hooks("watch")  # it looks again by itself
    refused = citizen.post(page.path, page.values("/pay"))
    assert refused.status == 503
    assert refused.tree.xpath("//main//form"), "there is no way to try again"


def test_news_of_a_slow_provider_hold_few_connections(
    alone: LocalPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[object] = []
    monkeypatch.setattr("portal.routes.webhooks.MOST_WAITING", 0)
    monkeypatch.setattr(alone.portal.payment_news, "work_off", looked.append)
    citizen = alone.signed_in()
    _number, page = unpaid(alone, citizen)
    httpx.post(at_checkout(citizen, page).url, data=CARD, trust_env=False, verify=PLAIN)
    waiting = "SELECT count(*) AS n FROM payment_events WHERE state = 'received'"
    alone.soon(lambda: alone.rows(waiting)[0].n >= 1)
    monkeypatch.undo()
    assert looked == []
    alone.clock.advance(minutes=1)
    assert alone.portal.payment_news.work_off_events() >= 1


@pytest.mark.parametrize("door", ["link", "owner"])
def test_nobody_opens_checkouts_without_end(
    still: LocalPortal, monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    """Each would close the one before at the provider: the other door's too, while it pays."""
    monkeypatch.setattr(paying, "_MOST_TRIES", 3)
    owner, stranger = still.someone(), still.citizen()
    number, page = unpaid(still, owner)
    person, path = (stranger, _link(page)) if door == "link" else (owner, page.path)

    def pay(part: int) -> httpx.Response:
        values = fields(person, path, amount=str(part))
        return raw(person, "POST", path, data=values)

    assert [pay(20 + n).status_code for n in range(3)] == [303] * 3
    assert pay(22).status_code == 303  # the one that is open already
    other, way = (owner, page.path) if door == "link" else (stranger, _link(page))
    at_other = raw(other, "POST", way, data=fields(other, way))
    assert at_other.status_code == 303
    refused = pay(40)
    assert_honest(refused, 429)
    assert 0 < int(refused.headers["retry-after"]) <= 3600
    session = still.stripe.v1.checkout.sessions.retrieve(session_of(still, number))
    assert (session.status, session.url) == ("open", at_other.headers["location"])
    with still.portal.database.begin() as db:
        an_hour_ago = still.clock.now() - timedelta(minutes=61)
        db.execute(update(Attempt).values(created_at=an_hour_ago))
    assert pay(40).status_code == 303


# --- the link for others


def test_a_link_does_not_tell_whose_card_has_paid_a_part(still: LocalPortal) -> None:
    citizen = still.someone()
    _number, page = unpaid(still, citizen)
    checkout = citizen.post(page.path, {**page.values("/pay"), "amount": "60"})
    after = citizen.send(checkout, CARD)
    assert "4242" in " ".join(after.tree.xpath("//table//td//text() | //table//small//text()"))
    shown = still.citizen().get(_link(page))
    assert int(shown.hook("amount")) == int(after.hook("amount"))
    assert "4242" not in " ".join(shown.tree.xpath("//table//text()"))
    assert "Visa" not in shown.text


# --- the provider's door


@pytest.mark.parametrize(
    "header",
    ["t={now},v1=é", "t={now},v1=٠", "t={now},v1=,v1=\xff", "t={now},t={now},v1=a", "t=٣,v1=a"],
)
def test_a_signature_of_any_bytes_is_refused_and_no_defect(still: LocalPortal, header: str) -> None:
    sent = httpx.Request(
        "POST",
        f"{still.url}/webhooks/payments",
        content=json.dumps({"id": "evt_1"}).encode(),
        headers=[(b"stripe-signature", header.format(now=int(time.time())).encode())],
    )
    with httpx.Client(trust_env=False, verify=PLAIN) as client:
        answer = client.send(sent)
    assert (answer.status_code, answer.text) == (400, "refused")


@pytest.mark.parametrize("length", [600_000, 10**18, int("9" * 300)])
def test_a_body_that_says_it_is_too_large_is_not_read(still: LocalPortal, length: int) -> None:
    head = f"POST /webhooks/payments HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", still.port), timeout=5) as sender:
        sender.sendall(head.encode())
        assert re.match(rb"HTTP/1.1 4(13|00)", sender.recv(100))


# --- the pages of finance


NUMBERS = ("0", "-1", "9" * 25, "9" * 5000, "1e3", "%00", "\u0669" * 9, "1.0", " 999999999")
FINANCE = "/center/finance"
CASE, DAYS, REFUNDS = f"{FINANCE}/cases/{{case:int}}", f"{FINANCE}/days", f"{FINANCE}/refunds"
TYPED = {
    ("GET", FINANCE): ("day",),
    ("GET", f"{FINANCE}/export"): ("first", "last", "kind"),
    ("POST", f"{DAYS}/{{day:str}}/compare"): (),
    ("GET", f"{DAYS}/{{day:str}}/close"): (),
    ("POST", f"{DAYS}/{{day:str}}/close"): ("runs", "note"),
    ("GET", CASE): (),
    ("POST", f"{CASE}/close"): ("day", "note"),
    ("POST", f"{CASE}/give-back"): (),
    ("POST", f"{CASE}/propose"): ("choice", "number", "note", "proposal"),
    ("POST", f"{CASE}/approve"): ("rebooking",),
    ("POST", f"{CASE}/reject"): ("rebooking", "note"),
    ("GET", REFUNDS): ("q",),
    ("GET", f"{REFUNDS}/of/{{number:str}}"): ("case",),
    ("GET", f"{REFUNDS}/of/{{number:str}}/{{payment:str}}"): ("case",),
    ("POST", f"{REFUNDS}/of/{{number:str}}/{{payment:str}}"): ("refund", "aside", "line.0", "note"),
    ("GET", f"{REFUNDS}/{{refund_id:str}}"): (),
    ("POST", f"{REFUNDS}/{{refund_id:str}}/approve"): (),
    ("POST", f"{REFUNDS}/{{refund_id:str}}/reject"): ("note",),
}
"""Every address of finance, and what its query or its form takes."""


@pytest.fixture(scope="module")
def officer(still: LocalPortal) -> Employee:
    found = clerk(still, "finance_officer@EG-KFS")
    staff_page(found, "demo")
    return found


def test_every_address_of_finance_is_tried() -> None:
    """A new one belongs above, with what is typed there."""
    assert {(method, path) for method, path, _ in ROUTES if path.startswith(FINANCE)} == set(TYPED)


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_that_are_none_are_no_defect(officer: Employee, number: str) -> None:
    own = fields(officer, FINANCE)
    answers = []
    for (method, path), names in TYPED.items():
        values = dict.fromkeys(names, number)
        given = {"data": {**own, **values}} if method == "POST" else {"params": values}
        answers.append(raw(officer, method, MARKED.sub(number, path), **given))
    assert not [each.url for each in answers if each.status_code not in {400, 403, 404, 414, 422}]
    for each in answers:
        assert page_of(each).tree.get("lang") in {"ar", None}
