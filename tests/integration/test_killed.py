"""Power cuts: real processes are killed where it hurts, and nothing is lost or doubled."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy import func, select

from payments import ledger
from payments.model import Entry, EntryLine, Obligation, Receipt
from portal.backoffice.model import CenterRequest, TakenMessage
from portal.handoff.model import OutboxMessage
from portal.requests.model import HistoryEntry, ServiceRequest
from tests.support.databases import Databases
from tests.support.people import CARD, Citizen, Page
from tests.support.plain import PLAIN
from tests.support.postgres import Postgres
from tests.support.sandbox import eventually
from tests.support.stack import Stack

SERVICE = "address-numbering-certificate"


@pytest.fixture
def own_stack(databases: Databases, tmp_path: Path) -> Iterator[Stack]:
    """Processes that this test may kill."""
    made = Stack(tmp_path, databases.empty(tmp_path)).prepare()
    yield made
    made.stop()


@pytest.fixture
def postgres_stack(tmp_path: Path, postgres: Postgres) -> Iterator[Stack]:
    made = Stack(tmp_path, postgres.fresh_database()).prepare()
    yield made
    made.stop()


# what waits at the provider, and what it keeps
HELD = (ledger.CLEARING, ledger.PROVIDER_FEES)


def _signed_in(stack: Stack, number: int = 0) -> Citizen:
    citizen = stack.citizen(f"0107{number:07d}")
    citizen.sign_in()
    return citizen


def _unpaid(stack: Stack, citizen: Citizen) -> tuple[str, Page]:
    page = citizen.submit(citizen.upload_all(citizen.fill(SERVICE, stack.answers(SERVICE))))
    return page.path.split("/")[-2], page


def _pay_without_coming_back(citizen: Citizen, page: Page) -> None:
    checkout = citizen.send(page, {}, "/pay")
    target = httpx.URL(checkout.url).join(checkout.form().get("action") or checkout.url)
    assert httpx.post(target, data=CARD, trust_env=False, verify=PLAIN).status_code == 303


def _assert_whole(stack: Stack, number: str) -> None:
    """One payment, one receipt, one history, one message, one request at the center."""
    request = stack.rows(select(ServiceRequest).where(ServiceRequest.number == number))[0]
    owed = stack.rows(select(Obligation).where(Obligation.reference == number))[0]
    assert owed.state == "paid"
    receipts = select(func.count()).select_from(Receipt).where(Receipt.obligation_id == owed.id)
    assert stack.rows(receipts)[0][0] == 1
    cleared = (
        select(func.sum(EntryLine.amount))
        .join(Entry, Entry.id == EntryLine.entry_id)
        .where(Entry.reference == number, EntryLine.account.in_(HELD))
    )
    assert int(stack.rows(cleared)[0][0]) == owed.amount
    events = select(HistoryEntry.event).where(HistoryEntry.request_id == request.id)
    history = [row[0] for row in stack.rows(events.order_by(HistoryEntry.position))]
    assert history[:2] == ["submit", "pay_filing"]
    assert len(history) == len(set(history))
    sent = select(OutboxMessage.state).where(OutboxMessage.subject == number)
    assert [row[0] for row in stack.rows(sent)] == ["sent"]
    there = select(CenterRequest.id).where(CenterRequest.request_number == number)
    assert len(stack.rows(there)) == 1


def _is_there(stack: Stack, number: str) -> bool:
    here = select(OutboxMessage.state).where(OutboxMessage.subject == number)
    return [row[0] for row in stack.rows(here)] == ["sent"]


def test_killed_before_it_settles(own_stack: Stack) -> None:
    """The card is charged while no portal runs; it learns of it when it is there again."""
    own_stack.start()
    citizen = _signed_in(own_stack)
    number, page = _unpaid(own_stack, citizen)
    checkout = citizen.send(page, {}, "/pay")
    own_stack.kill("serve", "worker")
    target = httpx.URL(checkout.url).join(checkout.form().get("action") or checkout.url)
    assert httpx.post(target, data=CARD, trust_env=False, verify=PLAIN).status_code == 303
    own_stack.start("serve", "worker")
    eventually(lambda: _is_there(own_stack, number), 60)
    _assert_whole(own_stack, number)
    assert citizen.get(f"/requests/{number}").hook("state") == "received"


def test_killed_between_settling_and_the_relay(own_stack: Stack) -> None:
    own_stack.start("sandbox", "serve")
    citizen = _signed_in(own_stack)
    number, page = _unpaid(own_stack, citizen)
    assert citizen.pay(page).hook("state") == "received"
    own_stack.kill("serve")
    assert not _is_there(own_stack, number)
    own_stack.start("serve", "worker")
    eventually(lambda: _is_there(own_stack, number), 60)
    _assert_whole(own_stack, number)


def test_killed_in_the_middle_of_a_delivery(postgres_stack: Stack) -> None:
    """Once before the center has kept the message, once after, before the portal knows it."""
    stack = postgres_stack
    stack.start("sandbox", "serve")
    citizen = _signed_in(stack)
    number, page = _unpaid(stack, citizen)
    assert citizen.pay(page).hook("state") == "received"
    address = stack.database_url.replace("+psycopg", "")
    leased = select(OutboxMessage.leased_until).where(OutboxMessage.subject == number)
    taken = select(func.count()).select_from(TakenMessage)

    with psycopg.connect(address) as before:
        before.execute("LOCK TABLE center_messages IN EXCLUSIVE MODE")
        stack.start("worker")
        eventually(lambda: stack.rows(leased)[0][0] is not None, 30)
        stack.kill("worker")
    assert stack.rows(taken)[0][0] == 0

    with psycopg.connect(address) as center, psycopg.connect(address) as portal:
        center.execute("LOCK TABLE center_messages IN EXCLUSIVE MODE")
        first_lease = stack.rows(leased)[0][0]
        stack.start("worker")
        eventually(lambda: stack.rows(leased)[0][0] > first_lease, 60)
        portal.execute("SELECT 1 FROM outbox_messages FOR UPDATE")
        center.rollback()
        eventually(lambda: stack.rows(taken)[0][0] == 1, 30)
        stack.kill("worker")
    assert not _is_there(stack, number)

    stack.start("worker")
    eventually(lambda: _is_there(stack, number), 60)
    _assert_whole(stack, number)


def test_killed_again_and_again_while_citizens_pay_and_centers_register(own_stack: Stack) -> None:
    """Wherever the kills fall: in the end everything is there, once, with serials in a row."""
    stack = own_stack.start()
    citizens = [_signed_in(stack, n) for n in range(1, 5)]
    waiting = [(citizen, *_unpaid(stack, citizen)) for citizen in citizens]

    def cut_the_power() -> None:
        for seconds in (0.2, 0.7, 1.2, 2.0, 1.6):
            time.sleep(seconds)
            stack.kill("serve", "worker")
            stack.start("worker", "serve")

    storm = threading.Thread(target=cut_the_power)
    storm.start()
    try:
        for citizen, _number, page in waiting:
            _insist(lambda c=citizen, p=page: _pay_without_coming_back(c, p))  # type: ignore[misc]
    finally:
        storm.join()
    for _, number, _ in waiting:
        eventually(lambda n=number: _is_there(stack, n), 90)  # type: ignore[misc]
        _assert_whole(stack, number)

    clerk = stack.employee("front_office")
    for _, number, _ in waiting:
        clerk.act(number, "register", {})
    serials = select(CenterRequest.incoming_number).order_by(CenterRequest.incoming_number)
    assert [row[0] for row in stack.rows(serials)] == list(range(1, len(waiting) + 1))
    registered = select(func.count()).where(ServiceRequest.center_number.is_not(None))
    eventually(lambda: stack.rows(registered)[0][0] == len(waiting), 30)


def _insist(act: Callable[[], None]) -> None:
    """What a patient payer does: try again until it works."""
    deadline = time.monotonic() + 60
    while True:
        try:
            act()
        except (httpx.TransportError, AssertionError):
            assert time.monotonic() < deadline, "it never worked"
            time.sleep(0.1)
        else:
            return
