"""Chaos: two hundred citizens pay while processes are killed and the provider misbehaves.

Real processes, real pages, a provider that is down, slow or forgetful and whose news is lost, late,
doubled, out of order or forged; requests run out of time while they are paid. When it is quiet
again, every sum that was charged stands in the ledger, every paid request is at its center once,
and nothing that was not paid is.

``HEAVY_WEATHER=1 ./dev test -s tests/integration/test_chaos.py`` has two hundred requests paid on
either database, whatever is never paid or runs out of time beside them, and a process killed for
every eighth of them; it tells how long it took until all was settled.
"""

import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
import stripe
from sqlalchemy import func, select, update

from payments import ledger, obligations
from payments.model import Entry, EntryLine, Obligation, Receipt
from payments.proof import prove
from portal.backoffice.model import CenterRequest
from portal.clock import SystemClock
from portal.core import Core, build_core
from portal.handoff.model import OutboxMessage
from portal.requests import pay_links
from portal.requests.model import HistoryEntry, ServiceRequest
from portal.settings import read_settings
from tests.support.databases import BOTH, ONE, Databases
from tests.support.filing import file_unpaid
from tests.support.people import CARD, DECLINED, Browser, Citizen, Page
from tests.support.plain import PLAIN
from tests.support.sandbox import eventually
from tests.support.stack import Stack

HEAVY = bool(os.environ.get("HEAVY_WEATHER"))
PAYERS = 6
OUTAGES = ("serve", "worker", "sandbox", "serve", "serve worker", "serve worker sandbox")
ENOUGH_SECONDS = 300 if HEAVY else 60
"""After which a payer gives up; nobody should have to."""

Way = Callable[["Payer", "Unpaid"], None]


@dataclass(frozen=True)
class Unpaid:
    """A filed request, the page that leads to its payment, and what is wanted with it."""

    number: str
    link: str
    way: str


@dataclass
class Storm:
    """Kills processes and troubles the sandbox as the journeys go on; the same by its seed."""

    stack: Stack
    dice: random.Random
    journeys: int
    cuts: int
    done: list[str] = field(default_factory=list)
    kills: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def rage(self) -> None:
        cuts = self._spread(self.cuts)
        troubles = self._spread(4 * self.cuts)
        for moment in sorted({*cuts, *troubles}):
            while len(self.done) < moment:
                if self.over.wait(0.05):
                    return
            if moment in troubles:
                self._trouble()
            if moment in cuts:
                self.over.wait(self.dice.uniform(0, 0.5))
                self._cut()

    def _spread(self, count: int) -> set[int]:
        """After so many journeys."""
        return set(self.dice.sample(range(self.journeys - PAYERS), count))

    def _cut(self) -> None:
        parts = self.dice.choice(OUTAGES).split()
        self.stack.kill(*parts)
        self.kills += len(parts)
        self.stack.start(*reversed(parts))

    def _trouble(self) -> None:
        count = self.dice.randint(1, 6)
        fault = {"count": count, "seconds": 0.5, "mode": self.dice.choice(_FAULTS)}
        news = {"count": 2 * count, "seconds": 2, "mode": self.dice.choice(_NEWS)}
        with suppress(httpx.HTTPError):
            _control(self.stack, "/faults", fault)
            _control(self.stack, "/webhooks", news)
            _control(self.stack, "/webhooks/forge", _FORGED)


_FAULTS = ("down", "slow", "error_after_work")
_NEWS = ("lose", "repeat", "delay", "reorder")
_FORGED = {
    "type": "checkout.session.completed",
    "object": {"id": "cs_test_forged", "object": "checkout.session", "payment_status": "paid"},
    "signature": "wrong",
}


def _control(stack: Stack, path: str, body: dict[str, Any]) -> Any:
    url = f"{stack.sandbox_url}/sandbox/control{path}"
    return httpx.post(url, json=body, trust_env=False, verify=PLAIN, timeout=5).json()


class Payer:
    """Pays one request after the other, and does not despair."""

    def __init__(self, stack: Stack, browser: Browser) -> None:
        self.stack = stack
        self.browser = browser

    def insist(self, act: Callable[[], bool]) -> None:
        """Try until it is done: whoever gets no answer looks again and goes on from there."""
        deadline = time.monotonic() + ENOUGH_SECONDS
        while True:
            with suppress(httpx.TransportError):
                if act():
                    return
            assert time.monotonic() < deadline, "a payer has given up"
            time.sleep(0.1)

    def open(self, request: Unpaid) -> Page | None:
        """The payment page, while there is something to pay."""
        page = self.browser.get(request.link)
        if page.status >= 500:
            raise httpx.RemoteProtocolError("come again")
        return page if page.tree.xpath("//main//form[@method='post' and @data-once]") else None

    def pay(self, request: Unpaid, values: dict[str, str], card: dict[str, str] = CARD) -> bool:
        """From the payment page to the provider's and back; whether nothing is left to do."""
        page = self.open(request)
        if page is None:
            return True
        checkout = self.browser.send(page, values)
        if not checkout.url.startswith(self.stack.sandbox_url):
            return False
        if not checkout.tree.xpath("//input[@name='card_number']"):
            return False
        after = self.browser.send(checkout, card)
        return after.url.startswith(self.stack.url) and after.status == 200


def _whole(payer: Payer, request: Unpaid) -> None:
    payer.insist(lambda: payer.pay(request, {}) and payer.open(request) is None)


def _in_parts(payer: Payer, request: Unpaid) -> None:
    payer.insist(lambda: payer.pay(request, {"amount": "70"}))
    _whole(payer, request)


def _after_a_decline(payer: Payer, request: Unpaid) -> None:
    with suppress(httpx.TransportError, AssertionError):
        payer.pay(request, {}, DECLINED)
    _whole(payer, request)


def _never_coming_back(payer: Payer, request: Unpaid) -> None:
    """The browser is closed once the card was taken."""

    def act() -> bool:
        page = payer.open(request)
        if page is None:
            return True
        checkout = payer.browser.send(page, {})
        if not checkout.tree.xpath("//input[@name='card_number']"):
            return False
        action = urljoin(checkout.url, checkout.form().get("action") or checkout.url)
        return (
            httpx.post(action, data=CARD, trust_env=False, verify=PLAIN, timeout=30).status_code
            == 303
        )

    payer.insist(act)


def _in_cash(payer: Payer, request: Unpaid) -> None:
    number = _reference(payer, request)
    said: list[dict[str, Any]] = []

    def act() -> bool:
        said.append(_control(payer.stack, "/kiosk", {"reference": number}))
        return True

    if number:
        payer.insist(act)
    if not said or "error" in said[0]:  # the number was cancelled meanwhile
        _whole(payer, request)


def _reference(payer: Payer, request: Unpaid) -> str:
    found: list[str] = []

    def act() -> bool:
        page = payer.open(request)
        if page is None:
            return True
        shown = payer.browser.get(f"{request.link}/kiosk")
        if not shown.tree.xpath("//@data-voucher"):
            shown = payer.browser.send(page, {"channel": "kiosk", "amount": ""})
        found.extend(shown.hooks("voucher"))
        return bool(found)

    payer.insist(act)
    return found[0] if found else ""


def _in_cash_and_by_card(payer: Payer, request: Unpaid) -> None:
    """One member of the family at the kiosk, one at the phone."""
    number = _reference(payer, request)
    _whole(payer, request)
    if number:
        with suppress(httpx.HTTPError):
            _control(payer.stack, "/kiosk", {"reference": number, "late": True})


def _never(payer: Payer, request: Unpaid) -> None:
    """To the provider's page, and not further."""
    with suppress(httpx.TransportError, AssertionError):
        page = payer.open(request)
        if page is not None:
            payer.browser.send(page, {})


WAYS: dict[str, tuple[int, Way]] = {
    "whole": (8, _whole),
    "in parts": (3, _in_parts),
    "after a decline": (2, _after_a_decline),
    "never coming back": (3, _never_coming_back),
    "in cash": (2, _in_cash),
    "in cash and by card": (1, _in_cash_and_by_card),
    "never": (1, _never),
}


@dataclass
class City:
    """The stack, what is filed in it, and what came of it."""

    stack: Stack
    core: Core
    requests: list[Unpaid]

    @property
    def account(self) -> stripe.StripeClient:
        return stripe.StripeClient(
            self.core.settings.payments_api_key,
            base_addresses={"api": self.stack.sandbox_url},
            max_network_retries=2,
        )


def _file(stack: Stack, owners: list[Citizen], count: int, dice: random.Random) -> City:
    """Requests that wait for their payment; every other one is paid by somebody else."""
    core = build_core(read_settings(stack.environment), SystemClock(), durable=False)
    ways = [name for name, (weight, _) in WAYS.items() for _ in range(weight)]
    filed = []
    for index in range(count):
        owner = owners[index % len(owners)]
        number = file_unpaid(core, owner.mobile, index)
        filed.append(Unpaid(number, f"/requests/{number}/pay", dice.choice(ways)))
    with core.database.read() as db:
        owed = {each.number: obligations.due(db, each.number) for each in filed}
    for index, each in enumerate(filed):
        due = owed[each.number]
        assert due is not None
        if (index // len(owners)) % 2:
            link = f"/pay/{pay_links.token(core.vault, due.id)}"
            filed[index] = Unpaid(each.number, link, each.way)
    return City(stack, core, filed)


def _let_time_run_out(city: City, dice: random.Random) -> None:
    """For some the days to pay are over in the middle of it all."""
    numbers = [each.number for each in city.requests if each.way == "never"]
    numbers += [each.number for each in dice.sample(city.requests, len(city.requests) // 20)]
    over = city.core.clock.now() - timedelta(minutes=1)
    with city.core.database.begin() as db:
        db.execute(
            update(ServiceRequest)
            .where(
                ServiceRequest.number.in_(numbers),
                ServiceRequest.state == "awaiting_filing_payment",
            )
            .values(waits_until=over)
        )


def _journeys(city: City, owners: list[Citizen], done: list[str]) -> None:
    """Every payer goes through a share of the requests; the first trouble is told at the end."""

    def share(first: int) -> None:
        owner = Payer(city.stack, owners[first])
        stranger = Payer(city.stack, Browser(city.stack.url))
        for request in city.requests[first::PAYERS]:
            payer = owner if request.link.startswith("/requests/") else stranger
            WAYS[request.way][1](payer, request)
            done.append(request.number)

    with ThreadPoolExecutor(PAYERS) as pool:
        list(pool.map(share, range(PAYERS)))


def _quiet(city: City) -> None:
    """The provider behaves again, the worker starts once more and catches up."""
    for path in ("/faults", "/webhooks"):
        url = f"{city.stack.sandbox_url}/sandbox/control{path}"
        assert httpx.delete(url, trust_env=False, verify=PLAIN).status_code == 200
    _control(city.stack, "/webhooks/send", {})
    city.stack.kill("worker")
    city.stack.start("worker")
    eventually(lambda: not _unsettled(city), 60)
    unsent = select(func.count()).where(OutboxMessage.state != "sent")
    eventually(lambda: city.stack.rows(unsent)[0][0] == 0, 60)


def _unsettled(city: City) -> set[str]:
    """References for which the provider holds another sum than the ledger."""
    ours, theirs = _booked(city), _charged(city)
    return {each for each in ours.keys() | theirs.keys() if ours[each] != theirs[each]}


def _charged(city: City) -> Counter[str]:
    """What the provider took, by request."""
    sums: Counter[str] = Counter()
    intents = city.account.v1.payment_intents.list({"limit": 100})
    for intent in intents.auto_paging_iter():
        sums[str(intent.metadata["reference"])] += intent.amount_received
    return sums


def _booked(city: City) -> Counter[str]:
    """What the ledger says that the provider took: what it holds, and the fees it keeps."""
    accounts = (ledger.CLEARING, ledger.KIOSK_CLEARING, ledger.PROVIDER_FEES)
    rows = city.stack.rows(
        select(Entry.reference, func.sum(EntryLine.amount))
        .join(EntryLine, EntryLine.entry_id == Entry.id)
        .where(EntryLine.account.in_(accounts))
        .group_by(Entry.reference)
    )
    return Counter({reference: int(total) for reference, total in rows})


def _assert_true(city: City) -> int:
    """Whatever happened: the books are true, and what was paid is where it belongs, once.

    How many requests are paid.
    """
    with city.core.database.read() as db:
        assert {name: found for name, found in prove(db).items() if found} == {}
    requests = {row.number: row for row in city.stack.rows(select(ServiceRequest.__table__))}
    owed = {row.reference: row for row in city.stack.rows(select(Obligation.__table__))}
    centers = Counter(n for (n,) in city.stack.rows(select(CenterRequest.request_number)))
    sent = Counter(n for (n,) in city.stack.rows(select(OutboxMessage.subject)))
    assert len(requests) == len(city.requests)
    for number, request in requests.items():
        paid = owed[number].state == "paid"
        assert request.state in ({"received"} if paid else {*_UNPAID_STATES}), number
        assert centers[number] == sent[number] == int(paid), number
    assert set(centers) <= set(requests)
    acts = city.stack.rows(
        select(HistoryEntry.request_id, HistoryEntry.event, func.count())
        .group_by(HistoryEntry.request_id, HistoryEntry.event)
        .having(func.count() > 1)
    )
    assert acts == []
    receipts = city.stack.rows(select(Receipt.number).order_by(Receipt.number))
    assert [int(row[0][-7:]) for row in receipts] == list(range(1, len(receipts) + 1))
    wanted = [each.number for each in city.requests if each.way != "never"]
    unpaid = [each for each in wanted if requests[each].state == "awaiting_filing_payment"]
    assert unpaid == []
    return len(centers)


_UNPAID_STATES = ("awaiting_filing_payment", "expired_unpaid")


@pytest.fixture(params=BOTH)
def stack(databases: Databases, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    made = Stack(tmp_path, databases.empty(tmp_path, request.param)).prepare()
    yield made
    made.stop()


@pytest.mark.timeout(1800 if HEAVY else 240)
def test_nothing_is_lost_doubled_or_made_up(stack: Stack) -> None:
    on_postgresql = stack.database_url.startswith("postgresql")
    dice = random.Random(2 if on_postgresql else 1)
    stack.start()
    owners = [stack.citizen(f"0108{n:07d}") for n in range(PAYERS)]
    for owner in owners:
        assert owner.sign_in().path.endswith("/requests")
    journeys, cuts = (200, 6) if stack.database_url.startswith(ONE) else (30, 2)
    if HEAVY:
        journeys, cuts = 240, 30
    city = _file(stack, owners, journeys, dice)
    storm = Storm(stack, dice, journeys, cuts)
    with ThreadPoolExecutor(1) as weather:
        raging = weather.submit(storm.rage)
        try:
            _let_time_run_out(city, dice)
            _journeys(city, owners, storm.done)
        finally:
            storm.over.set()
        raging.result()
    ended = time.monotonic()
    _quiet(city)
    settled = time.monotonic() - ended
    paid = _assert_true(city)
    city.core.database.close()
    sys.stdout.write(f"\n{paid} paid, {storm.kills} killed, settled after {settled:.1f} s\n")
    assert paid >= (200 if HEAVY else 0)
