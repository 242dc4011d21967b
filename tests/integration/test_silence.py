"""The legal period passes without a decision: what the law says of that holds, and is told."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from portal.backoffice.model import CenterRequest
from portal.clock import CAIRO, SettableClock, cairo_day, public_id
from portal.handoff.model import InwardEvent
from portal.notifications.model import OutgoingMessage
from portal.outages.model import Outage
from portal.requests import reading
from portal.requests.lapsing import Lapser
from portal.requests.lifecycle import Act, Actor, Event, write_history
from portal.requests.model import ServiceRequest
from tests.support.local import LocalPortal
from tests.support.paying import state_of
from tests.support.people import Citizen, Employee

REFUSES, SHOP = "kiosk-licence", "shop-licence-new"
APPROVES = "building-permit-strengthening"


def over(local: LocalPortal, service: str, citizen: Citizen | None = None) -> str:
    """A request at the department, whose period ended two days ago."""
    number = local.filed(service, citizen).hook("request-number")
    clerk = local.employee("front_office")
    clerk.act(number, "register", {})
    clerk.act(number, "accept", {})
    local.relay()
    set_row(local, number, due_on=yesterday(local).date() - timedelta(days=1))
    return number


def set_row(local: LocalPortal, number: str, **values: Any) -> None:
    with local.portal.database.begin() as db:
        of = ServiceRequest.number == number
        db.execute(update(ServiceRequest).where(of).values(**values))


def yesterday(local: LocalPortal, at: time = time(12)) -> datetime:
    """A time of the day after the last one: messages of it are due."""
    return datetime.combine(cairo_day(local.clock.now()) - timedelta(days=1), at, CAIRO)


def pass_the_night(local: LocalPortal, at: time = time(12)) -> None:
    """What the worker did on the day after the last one, and what comes of it."""
    core = local.portal
    clock = SettableClock(yesterday(local, at))
    lapser = Lapser(core.database, core.vault, core.catalogue, core.hand_off, core.places, clock)
    lapser.run_once()
    local.relay()


def propose(officer: Employee, number: str) -> None:
    page = officer.get(f"/center/requests/{number}/assess")
    while page.path.endswith("/assess"):
        page = officer.send(page, {}, "/assess")
        assert page.status == 200, page.errors()


def messages(local: LocalPortal, number: str) -> list[str]:
    rows = local.rows(select(OutgoingMessage.kind, OutgoingMessage.params))
    return [row.kind for row in rows if row.params.get("number") == number]


def test_silence_refuses_an_occupation_and_leaves_the_way_to_appeal(still: LocalPortal) -> None:
    citizen = still.someone()
    number = over(still, REFUSES, citizen)
    for _ in range(2):
        pass_the_night(still)
    page = citizen.get(f"/requests/{number}")
    assert page.hook("state") == "deemed_refused"
    assert "القانون يعد ذلك رفضًا" in page.text
    until = select(ServiceRequest.grievance_until).where(ServiceRequest.number == number)
    assert still.rows(until)[0][0] >= yesterday(still).date() + timedelta(days=60)
    assert "لك التظلم حتى" in page.text
    assert messages(still, number).count("deemed_refused") == 1
    there = still.employee("department_head").open(number)
    assert there.hook("state") == "deemed_refused"
    assert not there.tree.xpath("//main//form[contains(@action, '/approve')]")


def test_silence_approves_and_the_center_still_assesses_collects_and_issues(
    still: LocalPortal,
) -> None:
    citizen = still.someone()
    number = over(still, APPROVES, citizen)
    pass_the_night(still)
    page = citizen.get(f"/requests/{number}")
    assert page.hook("state") == "deemed_approved"
    assert "القانون يعد ذلك موافقة" in page.text
    head, officer = still.employee("department_head"), still.employee("department_officer")
    there = head.open(number)
    for act in ("approve", "refuse", "completion"):
        assert not there.tree.xpath(f"//main//form[contains(@action, '/{act}')]"), act

    propose(officer, number)
    head.act(number, "confirm-fees", {})
    still.relay()
    assert state_of(still, number) == "fees_assessed"
    assert citizen.pay(citizen.get(f"/requests/{number}/pay")).hook("state") == "deemed_approved"
    still.relay()
    assert head.approve(number, "9/2026").status == 200
    still.relay()
    page = citizen.get(f"/requests/{number}")
    assert page.hook("state") == "issued"
    assert "9/2026" in page.text


def test_silence_accepts_a_shop_in_principle_and_no_period_runs(still: LocalPortal) -> None:
    citizen = still.someone()
    number = over(still, SHOP, citizen)
    pass_the_night(still)
    page = citizen.get(f"/requests/{number}")
    assert page.hook("state") == "accepted_prelim"
    assert "القانون يعد ذلك قبولًا مبدئيًا" in page.text
    assert not page.tree.xpath("//*[@id='clock-title']")
    there = select(CenterRequest.state, CenterRequest.due_on)
    row = still.rows(there.where(CenterRequest.request_number == number))[0]
    assert tuple(row) == ("accepted_prelim", None)
    fees = still.employee("department_officer").get(f"/center/requests/{number}/assess")
    assert fees.status == 200


def test_fees_that_are_proposed_when_the_period_ends_go_their_way(still: LocalPortal) -> None:
    citizen = still.someone()
    number = over(still, APPROVES, citizen)
    officer, head = still.employee("department_officer"), still.employee("department_head")
    propose(officer, number)
    pass_the_night(still)
    assert head.open(number).hook("state") == "fees_proposed"
    head.act(number, "confirm-fees", {})
    still.relay()
    assert citizen.pay(citizen.get(f"/requests/{number}/pay")).hook("state") == "deemed_approved"
    still.relay()
    assert head.open(number).hook("state") == "deemed_approved"


@pytest.mark.parametrize("why", ["early", "paused", "waiting event", "illustrative", "decided"])
def test_nothing_is_decided_by_silence_while(still: LocalPortal, why: str) -> None:
    number = over(still, REFUSES)
    at, now = time(12), still.clock.now()
    if why == "early":
        at = time(0, 29)
    elif why == "paused":
        set_row(still, number, paused_on=cairo_day(now))
    elif why == "decided":
        set_row(still, number, decided_at=now)
    elif why == "illustrative":
        period = select(ServiceRequest.period).where(ServiceRequest.number == number)
        set_row(still, number, period={**still.rows(period)[0][0], "mark": "G"})
    else:
        with still.portal.database.begin() as db:
            names = {"id": public_id(), "type": "request.approved.v1", "center_code": "KFS-003"}
            event = insert(InwardEvent).values(**names, subject=number, payload=b"")
            db.execute(event.values(state="waiting", received_at=now))
    pass_the_night(still, at)
    with still.portal.database.begin() as db:
        db.execute(delete(InwardEvent).where(InwardEvent.payload == b""))
    assert state_of(still, number) == "referred"


@pytest.mark.parametrize("then", ["it is withdrawn", "another gave the same days back"])
def test_a_confirmed_outage_that_has_not_moved_the_period_yet_holds_silence_up(
    still: LocalPortal, then: str
) -> None:
    number = over(still, REFUSES)
    now = still.clock.now()
    days = {"began_at": now - timedelta(days=9), "ended_at": now - timedelta(days=3)}
    first = cairo_day(now) - timedelta(days=10)
    set_row(still, number, clock_from=first)
    values = {"scope": "center", "place": "KFS-003", "source": "entered", "recorded_at": now}
    with still.portal.database.begin() as db:
        known = insert(Outage).values(**values, **days, confirmed_by="x", confirmed_at=now)
        outage = db.scalar(known.returning(Outage.id))
    pass_the_night(still)
    assert state_of(still, number) == "referred"
    withdrawn = update(Outage).where(Outage.id == outage).values(withdrawn_at=now)
    with still.portal.database.begin() as db:
        if then == "it is withdrawn":
            db.execute(withdrawn)
        else:
            lost = [(first + timedelta(days=n)).isoformat() for n in range(11)]
            act = Act(Event.TOLL, Actor.SYSTEM, now, data={"lost": lost})
            known_as = reading.by_number(db, number)
            write_history(db, still.portal.vault, known_as.id, act, known_as.state, known_as.state)
    pass_the_night(still)
    with still.portal.database.begin() as db:
        db.execute(withdrawn)
    assert state_of(still, number) == "deemed_refused"
