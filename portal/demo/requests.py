"""A year of plausible requests for the centers of one governorate.

Each goes the real way, through the same functions as a citizen's and a center's own, on a clock
that stands in the past; only documents and messages are left out. Names and numbers are invented.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import delete, func, select

from payments import attempts, obligations
from payments.money import Money
from payments.provider import Checkout, CheckoutStatus
from portal.backoffice import assessing, stages
from portal.backoffice.acts import Acceptance, CompletionAsk, Employee, IssuedOutput, Refusal
from portal.backoffice.reading import OpenedRequest, open_request
from portal.catalogue.model import Service
from portal.clock import SettableClock, public_id
from portal.core import Core, Loops, build_core, build_loops
from portal.demo.answers import INVENTED, Applicant, staff_name
from portal.demo.filing import file_request
from portal.demo.money import close_past
from portal.identity.roles import Role
from portal.notifications.model import OutgoingMessage
from portal.places.model import Center
from portal.requests import readiness, reading
from portal.requests.model import ServiceRequest
from portal.settings import Queue, Settings

GOVERNORATE = "EG-KFS"
# When the requests of each center were filed: a few are open, the others spread over the year
_DAYS_AGO = (1, 3, 6, 10, 24, 48, 72, 97, 123, 149, 176, 205, 235, 266, 300, 335)
_STILL_OPEN = timedelta(days=16)
_SERVICES = (
    "site-validity-statement",
    "shop-licence-new",
    "waste-fee-clearance",
    "road-occupation-permit",
    "address-numbering-certificate",
    "building-permit-certified-copy",
    "shop-licence-replacement",
    "municipal-complaint",
    "excavation-permit",
    "property-data-certificate",
    "building-permit-restoration",
    "kiosk-licence",
)


@dataclass(frozen=True)
class _Fate:
    """What becomes of a request, and after how many days each step is done."""

    registered: int | None = 0
    accepted: int | None = 1
    completion: bool = False
    outcome: str = ""
    decided: int = 4


_CLOSED = (
    _Fate(outcome="approve", decided=4),
    _Fate(outcome="approve", decided=6),
    _Fate(outcome="approve", decided=9),
    _Fate(outcome="refuse", decided=6),
    _Fate(outcome="approve", decided=5),
)
_RECENT = (
    _Fate(accepted=None),
    _Fate(registered=None, accepted=None),
    _Fate(),
    _Fate(accepted=None, completion=True),
)


def load_requests(settings: Settings, now: datetime) -> int:
    """File, pay, hand over and decide; how many requests.

    Done once, before the first start; a load that was interrupted goes on where it ended.
    """
    clock = SettableClock(now)
    # the past was handed over long ago: no broker hears of it
    core = build_core(replace(settings, queue=Queue()), clock, durable=False)
    try:
        with core.database.read() as db:
            done = db.scalar(select(func.count()).select_from(ServiceRequest)) or 0
        writer = _Writer(core, build_loops(core), clock)
        planned = list(enumerate(_plan(core.places.centers_of(GOVERNORATE), now)))
        for index, (center, filed_at) in planned[done:]:
            fates = _RECENT if now - filed_at < _STILL_OPEN else _CLOSED
            writer.write(index, center, filed_at, fates[index % len(fates)], now)
        close_past(core, clock, now)
    finally:
        core.database.close()
    return len(planned[done:])


def _plan(centers: Sequence[Center], now: datetime) -> list[tuple[Center, datetime]]:
    """Which center gets a request when: spread over the year, oldest first."""
    planned = []
    for number, center in enumerate(centers):
        for each, days in enumerate(_DAYS_AGO):
            filed = (now - timedelta(days=days + number % 4)).astimezone(UTC)
            hour = 7 + (each * 5 + number) % 9
            planned.append((center, filed.replace(hour=hour, minute=(each * 13 + number) % 60)))
    return sorted(planned, key=lambda pair: pair[1])


class _Writer:
    """Takes one request after the other along the whole way."""

    def __init__(self, core: Core, loops: Loops, clock: SettableClock) -> None:
        self._core = core
        self._loops = loops
        self._clock = clock
        self._services = [core.catalogue.services[code] for code in _SERVICES]

    def write(
        self, index: int, center: Center, filed_at: datetime, fate: _Fate, now: datetime
    ) -> None:
        self._clock.at = filed_at
        number = self._file(index, self._services[index % len(self._services)], center)
        self._pay(number)
        self._settle()
        self._work(number, center, filed_at, fate, now)
        with self._core.database.begin() as db:  # nobody's phone rings for the past
            db.execute(delete(OutgoingMessage))

    def _file(self, index: int, service: Service, center: Center) -> str:
        core, at = self._core, self._clock.at
        names = INVENTED["names"]
        who = Applicant(
            names[index % len(names)], f"2900101880{1000 + index:04d}", f"+2010000{index:05d}"
        )
        return file_request(core, who, service, center, index, at)

    def _pay(self, number: str) -> None:
        """As if the provider's page had been used: the checkout is made up, the rest is not."""
        core, at = self._core, self._clock.at
        with core.database.begin() as db:
            owed = obligations.due(db, number)
            if owed is None:
                return
            wish = attempts.Wish(attempts.Channel.CHECKOUT, owed.remaining)
            attempt = attempts.open_attempt(db, owed, public_id(), core.provider.name, wish, at)
        session = f"demo_{public_id()}"
        checkout = Checkout(
            session=session,
            status=CheckoutStatus.COMPLETE,
            paid=True,
            amount=Money(owed.amount.minor),
            reference=number,
            obligation=owed.id,
            attempt=attempt.id,
            live=False,
            url="",
            payment=f"pi_{session}",
            expires_at=at,
            kind="card",
            method="Visa •••• 4242",
        )
        with core.database.begin() as db:
            attempts.attach(db, attempt.id, checkout)
        core.cashier.settle(checkout)

    def _work(
        self, number: str, center: Center, filed_at: datetime, fate: _Fate, now: datetime
    ) -> None:
        if fate.registered is None:
            return
        core = self._core
        office = self._employee(Role.FRONT_OFFICE, center)
        head = self._employee(Role.DEPARTMENT_HEAD, center)
        self._act(filed_at, fate.registered, now, core.desk.register, office, number)
        if fate.completion:
            ask = CompletionAsk(["national_id_card"], INVENTED["said"]["completion"], 30)
            self._act(filed_at, 1, now, core.desk.request_completion, office, number, ask)
        if fate.accepted is None:
            return
        self._act(filed_at, fate.accepted, now, core.desk.accept_documents, office, number)
        if fate.outcome == "approve":
            self._collect_fees(number, center, filed_at, now)
            issued = IssuedOutput(f"{number[-7:-2]}/{filed_at.year}", "")
            self._act(filed_at, fate.decided, now, core.desk.approve, head, number, issued)
        elif fate.outcome == "refuse":
            refusal = Refusal(["plan_conflict"], INVENTED["said"]["refusal"])
            self._act(filed_at, fate.decided, now, core.desk.refuse, head, number, refusal)
        elif not fate.completion:
            self._ask_for_fees(number, center, filed_at, now)

    def _collect_fees(self, number: str, center: Center, filed_at: datetime, now: datetime) -> None:
        """Everything that comes before the approval: stage by stage, assessed and paid."""
        while stages.outstanding(*self._standing(number, center)):
            self._ask_for_fees(number, center, filed_at, now, approved=True)
            self._pay(number)
            self._settle()
            with self._core.database.begin() as db:
                request = reading.by_number(db, number)
                core = self._core
                readiness.give_notice(
                    db, core.vault, core.hand_off, core.places, request, self._clock.at
                )
            self._settle()

    def _ask_for_fees(
        self,
        number: str,
        center: Center,
        filed_at: datetime,
        now: datetime,
        *,
        approved: bool | None = None,
    ) -> None:
        """Assess what must come next, if anything; of open requests every other is approved."""
        core, (payload, past) = self._core, self._standing(number, center)
        if not stages.outstanding(payload, past):
            return
        if stages.has_prelim(payload) and not past:
            head = self._employee(Role.DEPARTMENT_HEAD, center)
            accepted = Acceptance(INVENTED["said"]["conditions"])
            self._act(filed_at, 2, now, core.desk.accept_prelim, head, number, accepted)
        opened = self._opened(number, center)
        stage = stages.next_stage(opened)
        if stage is None:
            return
        found = INVENTED["assessed"].get(opened.line.service_code, {})
        form = {code: [value] for code, value in found.items()}
        sheet = assessing.sheet_of(core.catalogue, opened, stage, form)
        proposal = assessing.proposal_of(sheet, core.languages.pair)
        officer = self._employee(Role.DEPARTMENT_OFFICER, center)
        propose = partial(assessing.propose, core.desk)
        self._act(filed_at, 2, now, propose, officer, number, proposal)
        if approved or (approved is None and int(number[-7:-2]) % 2):
            unit_head = self._employee(Role.UNIT_HEAD, center)
            proposed = self._opened(number, center).assessments[-1].id
            approve = partial(assessing.approve, core.desk)
            self._act(filed_at, 3, now, approve, unit_head, number, proposed)

    def _standing(self, number: str, center: Center) -> tuple[Any, Any]:
        opened = self._opened(number, center)
        return opened.payload, opened.assessments

    def _opened(self, number: str, center: Center) -> OpenedRequest:
        with self._core.database.read() as db:
            return open_request(db, self._core.vault, center.code, number, identity=True)

    def _act(self, filed_at: datetime, days: int, now: datetime, act: Any, *more: Any) -> None:
        self._clock.at = min(filed_at + timedelta(days=days, hours=2), now)
        with self._core.database.begin() as db:
            act(db, *more, self._clock.at)
        self._settle()

    def _settle(self) -> None:
        """Let the relays do what is due."""
        while self._loops.outward.run_once() + self._loops.inward.run_once():
            pass

    def _employee(self, role: Role, center: Center) -> Employee:
        name = staff_name(role, center.place_ar)
        return Employee(f"{role}@{center.code}", name, role, center.code)
