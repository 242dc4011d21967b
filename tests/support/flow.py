"""Paid requests on their way through real processes: portal, worker, broker, programs of centers.

Three centers take part. One has the example of a center's program, which registers and approves
what comes. One has such a program too, and it is off until the end. One is served by the portal's
own back office, where a clerk registers all but a few.
"""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import nats
from nats.js.errors import NotFoundError
from sqlalchemy import Executable, func, select
from sqlalchemy.exc import DBAPIError

from portal.backoffice.acts import Employee
from portal.backoffice.model import CenterEvent, CenterRequest
from portal.clock import SystemClock, public_id
from portal.core import Core, build_core
from portal.demo.loading import load_demo
from portal.handoff.model import InwardEvent, OutboxMessage
from portal.handoff.transports.nats import ID_HEADER, SUBJECT_HEADER
from portal.handoff.transports.streams import STREAM, to_center
from portal.identity.roles import Role
from portal.migrations.running import upgrade
from portal.requests import reading, uploads
from portal.requests.model import ServiceRequest
from portal.requests.paying import owner_door
from portal.requests.uploads import NewFile
from portal.settings import read_settings
from tests.support.commands import run_command
from tests.support.filing import file_unpaid
from tests.support.office import Office
from tests.support.sandbox import CARD, SandboxProcess, web
from tests.support.stack import Stack

EXAMPLE, LATE, OWN = "KFS-003", "KFS-004", "KFS-009"
_TURN = (EXAMPLE, EXAMPLE, LATE, EXAMPLE, OWN)  # of five requests
_CLERK = Employee(f"front_office@{OWN}", "سعاد", Role.FRONT_OFFICE, OWN)
_LEFT_LYING = 2
"""So many the clerk of the own back office does not come to register."""


@dataclass(frozen=True)
class Filed:
    """A request that waits for its payment, and the provider's page for that."""

    number: str
    center: str
    page: str


@dataclass
class Flow:
    """The processes, the requests, and what came of them."""

    stack: Stack
    core: Core
    sandbox: SandboxProcess
    dice: random.Random
    seconds: float
    """After which somebody has waited too long for anything."""
    ahead: int
    """So many more are paid than would be if the example's center had registered all."""
    offices: dict[str, Office] = field(default_factory=dict)
    filed: list[Filed] = field(default_factory=list)
    paid: list[Filed] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    """What befell the processes, and how often."""

    late_is_on: bool = False
    _may_be_paid: int = 0

    # --- before

    @classmethod
    def prepared(
        cls,
        stack: Stack,
        sandbox: SandboxProcess,
        count: int,
        seconds: float,
        ahead: int,
        brokers: Sequence[str],
    ) -> "Flow":
        """All is filed, nothing is paid; the programs of centers talk to ``brokers``."""
        core = build_core(read_settings(stack.environment), SystemClock(), durable=False)
        upgrade(core.database)
        load_demo(core)
        flow = cls(stack, core, sandbox, random.Random(count), seconds, ahead)
        for center in (EXAMPLE, LATE):
            flow.connect(center, brokers)
        flow.file(count)
        return flow

    def connect(self, center: str, servers: Sequence[str]) -> Office:
        """A program for a center, whose key the operator registers."""
        office = Office(self.stack.var / center, center, self.stack.url, servers)
        self.command("handoff", "connect", center, "--key", str(office.jwk))
        self.offices[center] = office
        return office

    def file(self, count: int) -> None:
        """Requests with a document each, and a page of the provider that asks for the card."""
        core = self.core
        for index in range(count):
            center = _TURN[index % len(_TURN)]
            number = file_unpaid(core, f"0105{index // 20:07d}", index, center)
            stored = core.files.put(BytesIO(b"%%PDF-1.7 of %d" % index))
            paper = NewFile(public_id(), "sketch", "sketch.pdf", "application/pdf", 1, stored)
            with core.database.begin() as db:
                request = reading.by_number(db, number)
                now = core.clock.now()
                uploads.attach(db, core.vault, paper, now, purpose="filing", request_id=request.id)
            page = core.cashier.start(request, owner_door(request), "ar")
            self.filed.append(Filed(number, center, page))

    def numbers(self, *centers: str) -> set[str]:
        return {each.number for each in self.filed if each.center in centers}

    # --- under way

    def run(self, troubles: Sequence[tuple[str, Callable[[], None]]]) -> float:
        """Pay all, with one trouble after the other while it flows; seconds from the end of the
        last trouble until every center that works has answered everything."""
        over = threading.Event()
        payer = threading.Thread(target=self._pay, args=(over,), daemon=True)
        payer.start()
        try:
            all_of_them, shares = len(self.numbers(EXAMPLE)), len(troubles) + 1
            for index, (name, befall) in enumerate(troubles):
                self._may_be_paid = len(self.filed) * (index + 1) // shares
                some = all_of_them * (index + 1) // (shares + 1)
                self.until(lambda s=some: self.registered() >= s, "registered")  # type: ignore[misc]
                time.sleep(self.dice.uniform(0, 0.3))
                self._may_be_paid = len(self.filed) * (index + 2) // shares
                befall()
                self.told[name] += 1
            ended, self._may_be_paid = time.monotonic(), len(self.filed)
            self.until(lambda: len(self.paid) == len(self.filed), "paid")
            self.until(lambda: not self.open_ends(), "settled")
        finally:
            over.set()
            payer.join()
        return time.monotonic() - ended

    def _pay(self, over: threading.Event) -> None:
        """One after the other, a share of them while each of the troubles lasts, and never too far
        ahead of the center that registers them: whatever happens, some are on their way."""
        for each in self.filed:
            while not self._may_be_paid_now():
                if over.wait(0.05):
                    return
            answer = web.post(each.page, data=CARD)
            assert answer.status_code == 303, answer.text
            self.paid.append(each)

    def _may_be_paid_now(self) -> bool:
        paid = len(self.paid)
        return paid < self._may_be_paid and paid - self.registered() * len(_TURN) / 3 <= self.ahead

    def registered(self) -> int:
        """What stands in the register of the example's center."""
        found = self.offices[EXAMPLE].rows("SELECT COUNT(*) FROM register")
        return int(found[0][0]) if found else 0

    def until(self, done: Callable[[], bool], what: str) -> None:
        """Wait for what the processes do by themselves. Meanwhile the clerk works, and the
        provider sends again what nobody took, which by itself it would do minutes later."""
        deadline, sent = time.monotonic() + self.seconds, 0.0
        while True:
            with suppress(DBAPIError):  # the database is one of those that are killed
                if done():
                    return
                self._register()
            assert time.monotonic() < deadline, (what, self.open_ends())
            if time.monotonic() - sent > 1:
                self.sandbox.control("/webhooks/send", {})
                sent = time.monotonic()
            time.sleep(0.1)

    def _register(self) -> None:
        """What the clerk does; a transaction that broke off is tried again."""
        lying = CenterRequest.incoming_number.is_(None)
        arrived = {row[0] for row in self.rows(select(CenterRequest.request_number).where(lying))}
        for number in sorted(arrived - self.left_lying):
            with self.core.database.begin() as db:
                self.core.desk.register(db, _CLERK, number, self.core.clock.now())

    @property
    def left_lying(self) -> set[str]:
        return set(sorted(self.numbers(OWN))[-_LEFT_LYING:])

    def rows(self, asked: Executable) -> list[Any]:
        with self.core.database.read() as db:
            return list(db.execute(asked))

    def command(self, *words: str) -> str:
        """The portal's own command line."""
        own = {k: v for k, v in self.stack.environment.items() if k.startswith("PORTAL_")}
        code, said = run_command(self.core.settings, *words, **own)
        assert code == 0, said
        return said

    # --- afterwards

    def open_ends(self) -> dict[str, int]:
        """How much is still to happen by itself, and where."""
        request = ServiceRequest
        silent = self.left_lying | (set() if self.late_is_on else self.numbers(LATE))
        not_done = request.number.not_in(silent) & request.center_number.is_(None)
        undecided = (request.center_code != OWN) & (request.state != "approved")
        counted = {
            "without a number": select(func.count()).where(not_done),
            "not approved": select(func.count()).where(undecided, request.number.not_in(silent)),
            "not at the own back office": select(len(self.numbers(OWN)) - func.count()).where(
                CenterRequest.request_number.in_(self.numbers(OWN))
            ),
            "messages to send": select(func.count()).where(OutboxMessage.state != "sent"),
            "answers to send": select(func.count()).where(CenterEvent.state != "sent"),
            "answers not applied": select(func.count()).where(InwardEvent.state != "applied"),
        }
        found = {name: int(self.rows(asked)[0][0]) for name, asked in counted.items()}
        for center, office in self.offices.items():
            waits = office.rows("SELECT COUNT(*) FROM handoff_answers WHERE state <> 'sent'")
            found[f"answers of {center} to send"] = waits[0][0] if waits else 0
        return {name: count for name, count in found.items() if count}

    def unanswered(self) -> list[str]:
        """The numbers that the portal's own command lists, as often as it does."""
        return [line.split("  ")[1] for line in self.command("handoff", "unanswered").splitlines()]

    def in_the_queue(self, server: str, center: str) -> list[tuple[str, str]]:
        """What the broker keeps for a center: message and request."""
        return asyncio.run(_kept(server, to_center(center)))

    def is_empty(self, server: str) -> bool:
        """Whether the broker keeps nothing any more, in either direction."""
        return asyncio.run(_count(server)) == 0

    def close(self) -> None:
        for office in self.offices.values():
            office.kill()
        self.stack.kill(*self.stack.running)
        self.stack.stop()
        self.core.database.close()


async def _count(server: str) -> int:
    client = await nats.connect(server)
    info = await client.jetstream().stream_info(STREAM)
    await client.close()
    return info.state.messages


async def _kept(server: str, subject: str) -> list[tuple[str, str]]:
    client = await nats.connect(server)
    js, found, position = client.jetstream(), [], 0
    with suppress(NotFoundError):
        while True:
            message = await js.get_msg(STREAM, position + 1, subject, next=True)
            headers = message.headers or {}
            found.append((headers[ID_HEADER], headers[SUBJECT_HEADER]))
            position = message.seq or 0
    await client.close()
    return found
