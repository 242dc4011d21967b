"""Outages give back the time that they took, noticed by themselves or entered by a governorate."""

import itertools
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import Connection, select, update

from portal.backoffice.model import CenterRequest
from portal.catalogue.deadlines import Calendar, counters, due_on
from portal.clock import CAIRO, cairo_day, cairo_time
from portal.demo.answers import Applicant
from portal.demo.filing import file_request
from portal.handoff import keys
from portal.holidays.register import calendar
from portal.notifications.model import OutgoingMessage
from portal.outages import health
from portal.outages.health import Part
from portal.outages.model import Outage, OutageFailure
from portal.requests import reading
from portal.requests.lifecycle import period_from_json
from portal.requests.model import ServiceRequest
from portal.requests.reading import FiledRequest
from portal.vault import SealBroken
from tests.support.answers import NATIONAL_ID
from tests.support.center_system import CenterSystem
from tests.support.commands import run_command
from tests.support.deciding import refused
from tests.support.local import LocalPortal
from tests.support.paying import state_of, unpaid
from tests.support.people import Employee, Page

SERVICE = "address-numbering-certificate"
PAGE = "/center/admin/outages"
_INDEX = itertools.count(7000)


def waits_until(local: LocalPortal, number: str) -> datetime:
    ((until,),) = local.rows(
        select(ServiceRequest.waits_until).where(ServiceRequest.number == number)
    )
    assert isinstance(until, datetime)
    return until


def due_days(local: LocalPortal, number: str) -> list[date]:
    """The last day as the portal has it, and as the center has it."""
    local.relay()
    here = select(ServiceRequest.due_on).where(ServiceRequest.number == number)
    there = select(CenterRequest.due_on).where(CenterRequest.request_number == number)
    return [local.rows(here)[0][0], local.rows(there)[0][0]]


@pytest.fixture
def provider_down(alone: LocalPortal) -> Iterator[None]:
    alone.sandbox.control("/faults", {"mode": "down", "count": 50})
    yield
    alone.sandbox.control("/faults", method="DELETE")


def beat(local: LocalPortal) -> None:
    with local.portal.database.begin() as db:
        health.works(db, Part.PAGES, local.clock.now())


def keeper(local: LocalPortal, place: str = "EG-KFS") -> Employee:
    made = Employee(local.url, f"governorate_admin@{place}")
    made.sign_in()
    return made


def entry(began: datetime, ended: datetime | None, place: str = "KFS-003") -> dict[str, str]:
    first, last = cairo_time(began), cairo_time(ended) if ended else None
    return {
        "place": place,
        "from_day": first.date().isoformat(),
        "from_time": f"{first:%H:%M}",
        "to_day": last.date().isoformat() if last else "",
        "to_time": f"{last:%H:%M}" if last else "",
        "reason": "انقطاع الكهرباء عن المركز",
    }


def newest(local: LocalPortal) -> int:
    return int(local.rows(select(Outage.id).order_by(Outage.id.desc()).limit(1))[0][0])


def enter(local: LocalPortal, admin: Employee, values: dict[str, str]) -> Page:
    asked = admin.send(admin.get(PAGE), values, PAGE)
    assert asked.status == 200, asked.errors()
    return admin.send(asked, {}, PAGE)


def last_working_morning(local: LocalPortal) -> tuple[datetime, datetime]:
    """The counters' hours of the last working day before today."""
    day = cairo_day(local.clock.now()) - timedelta(days=1)
    while day.weekday() in {4, 5}:
        day -= timedelta(days=1)
    return (
        datetime(day.year, day.month, day.day, 8, tzinfo=CAIRO),
        datetime(day.year, day.month, day.day, 14, tzinfo=CAIRO),
    )


def calendar_of(local: LocalPortal) -> Calendar:
    with local.portal.database.read() as db:
        return calendar(db, "EG-KFS")


def file_early(local: LocalPortal, number: str, began: datetime) -> date:
    """As if the request had been filed three days before an outage; its last day."""
    early = cairo_day(began) - timedelta(days=3)
    with local.portal.database.begin() as db:
        period = period_from_json(reading.by_number(db, number).period)
        due = due_on(early, period, calendar(db, "EG-KFS"))
        of = ServiceRequest.number == number
        db.execute(update(ServiceRequest).where(of).values(clock_from=early, due_on=due))
        there = CenterRequest.request_number == number
        db.execute(update(CenterRequest).where(there).values(due_on=due))
    return due


def file_request_at(local: LocalPortal, center: str) -> str:
    """A free request that is in its center's inbox."""
    core = local.portal
    who = Applicant("سارة محمد علي حسن", NATIONAL_ID, f"+2010{next(_INDEX):08d}")
    service, place = core.catalogue.services["municipal-complaint"], core.places.centers[center]
    number = file_request(core, who, service, place, next(_INDEX), core.clock.now())
    local.relay()
    return number


def grievance_until(local: LocalPortal, number: str) -> date:
    of = ServiceRequest.number == number
    found = local.rows(select(ServiceRequest.grievance_until).where(of))[0][0]
    assert isinstance(found, date)
    return found


def links(page: Page) -> str:
    return " ".join(str(each) for each in page.tree.xpath("//main//a/@href"))


def test_a_gap_in_which_no_page_was_served_gives_citizens_their_time_back(
    alone: LocalPortal,
) -> None:
    citizen = alone.someone()
    number, _ = unpaid(alone, citizen)
    challenged = refused(alone, citizen)
    before, last_day = waits_until(alone, number), grievance_until(alone, challenged)
    beat(alone)
    alone.clock.advance(hours=5)
    beat(alone)  # the pages are back
    assert alone.portal.toller.run_once() >= 1
    assert waits_until(alone, number) - before >= timedelta(hours=5)
    citizen.sign_in()
    page = citizen.get(f"/requests/{number}")
    assert "مدّ الموعد بسبب عطل" in page.text
    alone.relay()
    assert "تعطّلت الخدمة" in citizen.get("/sandbox/messages").text

    # so does the time to challenge a refusal, to a working day
    days = calendar_of(alone)
    longer = grievance_until(alone, challenged)
    assert longer == days.next_working(last_day + timedelta(days=1))
    page = citizen.get(f"/requests/{challenged}")
    assert "مدّ الموعد بسبب عطل" in page.text
    assert "لك الآن التظلم حتى" in page.text
    told = select(OutgoingMessage.params).where(OutgoingMessage.kind == "grievance_longer")
    assert [row.params["number"] for row in alone.rows(told)] == [challenged]

    moved = waits_until(alone, number)
    assert alone.portal.toller.run_once() == 0
    assert waits_until(alone, number) == moved, "once for each outage"
    assert grievance_until(alone, challenged) == longer


def test_a_refusal_is_challenged_on_a_day_that_an_outage_gave_back(alone: LocalPortal) -> None:
    citizen = alone.someone()
    number, decided = refused(alone, citizen), refused(alone, citizen)
    today = cairo_day(alone.clock.now())
    for each, until in ((number, today), (decided, today - timedelta(days=1))):
        with alone.portal.database.begin() as db:
            of = update(ServiceRequest).where(ServiceRequest.number == each)
            db.execute(of.values(grievance_until=until))
    beat(alone)
    alone.clock.advance(days=1)  # the whole of the last day that was left
    beat(alone)
    citizen.sign_in()
    assert "/grievance" not in links(citizen.get(f"/requests/{number}"))
    alone.worker.run_once()
    assert "/grievance" in links(citizen.get(f"/requests/{number}"))
    page = citizen.get(f"/requests/{number}/grievance")
    note = {"note": "العنوان يقع داخل حدود المركز"}
    assert citizen.send(page, note, "/grievance").hook("state") == "grievance_filed"
    # what was over before the outage stays over
    assert grievance_until(alone, decided) == today - timedelta(days=1)


def test_one_that_cannot_be_told_or_moved_holds_up_no_other_and_is_not_closed(
    alone: LocalPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, stuck, other = (unpaid(alone, alone.someone())[0] for _ in range(3))
    over = alone.clock.now() + timedelta(minutes=30)
    with alone.portal.database.begin() as db:
        db.execute(update(ServiceRequest).values(waits_until=over))
        broken = update(ServiceRequest).where(ServiceRequest.number == lost)
        db.execute(broken.values(mobile=b"no seal"))
    true_since = reading.waits_since

    def waits_since(db: Connection, request: FiledRequest) -> datetime:
        if request.number == stuck:
            raise SealBroken("a row that nobody foresaw")
        return true_since(db, request)

    monkeypatch.setattr(reading, "waits_since", waits_since)
    beat(alone)
    alone.clock.advance(hours=5)
    beat(alone)
    assert alone.portal.toller.run_once() == 2
    assert waits_until(alone, lost) > alone.clock.now(), "a telephone that is lost stops nothing"
    assert waits_until(alone, other) > alone.clock.now()
    assert waits_until(alone, stuck) == over
    with alone.portal.database.begin() as db:  # their time is over
        db.execute(update(ServiceRequest).values(waits_until=over))
    alone.worker.run_once()
    assert state_of(alone, other) == "expired_unpaid", "closings go on"
    assert state_of(alone, stuck) == "awaiting_filing_payment"
    monkeypatch.undo()
    assert alone.portal.toller.run_once() == 1
    assert alone.portal.toller.run_once() == 0
    assert waits_until(alone, stuck) > alone.clock.now()
    assert alone.rows(select(OutageFailure.request_number)) == []


def test_nobody_is_closed_while_the_portal_may_be_out(alone: LocalPortal) -> None:
    number, _ = unpaid(alone, alone.someone())
    beat(alone)
    alone.clock.advance(days=8)  # the time to pay ends while nothing is served
    alone.worker.run_once()
    assert state_of(alone, number) == "awaiting_filing_payment"
    beat(alone)
    alone.worker.run_once()
    alone.worker.run_once()
    assert state_of(alone, number) == "awaiting_filing_payment"
    assert waits_until(alone, number) > alone.clock.now() + timedelta(days=1)


def test_short_gaps_are_nothing(alone: LocalPortal) -> None:
    beat(alone)
    known = alone.rows(select(Outage.id))
    alone.clock.advance(minutes=9)
    beat(alone)
    assert alone.rows(select(Outage.id)) == known


def test_a_provider_that_does_not_answer_moves_what_is_to_be_paid_and_nothing_else(
    alone: LocalPortal, request: pytest.FixtureRequest
) -> None:
    to_pay, _ = unpaid(alone, alone.someone())
    filed = alone.filed(SERVICE).hook("request-number")
    before, due = waits_until(alone, to_pay), due_days(alone, filed)
    request.getfixturevalue("provider_down")
    alone.worker.run_once()
    alone.clock.advance(hours=3)
    alone.sandbox.control("/faults", method="DELETE")
    alone.worker.run_once()
    assert [row.scope for row in alone.rows(select(Outage.scope))] == ["provider"]
    alone.worker.run_once()
    assert waits_until(alone, to_pay) > before
    assert due_days(alone, filed) == due


def test_who_cannot_pay_is_not_closed_and_who_only_has_to_complete_is_shelved_in_time(
    alone: LocalPortal, request: pytest.FixtureRequest
) -> None:
    to_pay, _ = unpaid(alone, alone.someone())
    to_complete = alone.filed(SERVICE).hook("request-number")
    clerk = alone.employee("front_office")
    clerk.act(to_complete, "register", {})
    asked = {"items": "national_id_card", "completion_note": "ناقص", "days": "14"}
    clerk.act(to_complete, "completion", asked)
    alone.relay()
    request.getfixturevalue("provider_down")
    alone.worker.run_once()
    alone.clock.advance(days=40)
    alone.worker.run_once()
    assert state_of(alone, to_pay) == "awaiting_filing_payment"
    assert state_of(alone, to_complete) == "shelved"


def test_a_center_s_outage_is_entered_looked_at_and_moves_its_legal_periods(
    local: LocalPortal,
) -> None:
    began, ended = last_working_morning(local)
    citizen = local.someone()
    number = local.filed(SERVICE, citizen).hook("request-number")
    due = file_early(local, number, began)
    admin = keeper(local)
    asked = admin.send(admin.get(PAGE), entry(began, ended), PAGE)
    assert "يوم عمل" in asked.text
    assert local.portal.toller.run_once() == 0, "nothing counts before it is confirmed"
    shown = admin.send(asked, {}, PAGE)
    assert shown.path == PAGE
    assert local.portal.toller.run_once() >= 1
    here, there = due_days(local, number)
    assert here == there > due
    assert "انقطاع الكهرباء عن المركز" in citizen.get(f"/requests/{number}").text

    # all of the governorate was out on that day, too: a day is given back once
    assert enter(local, admin, entry(began, ended, "EG-KFS")).path == PAGE
    local.portal.toller.run_once()
    assert due_days(local, number) == [here, here]


def test_legal_periods_move_by_themselves_for_no_machine(alone: LocalPortal) -> None:
    number = alone.filed(SERVICE).hook("request-number")
    due = due_days(alone, number)
    beat(alone)
    alone.clock.advance(days=3)
    beat(alone)
    alone.portal.toller.run_once()
    assert due_days(alone, number) == due
    settings = alone.portal.settings
    code, said = run_command(
        settings, "outages", "confirm", str(newest(alone)), "--reason", "صيانة"
    )
    assert code == 0, said
    alone.portal.toller.run_once()
    assert due_days(alone, number) != due


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"place": ""}, "place"),
        ({"place": "ALX-001"}, "place"),
        ({"from_day": ""}, "from_day"),
        ({"from_day": "٢٠٢٦-٠١-٠١"}, "from_day"),
        ({"from_day": "2999-01-01"}, "from_day"),
        ({"from_time": "25:00"}, "from_time"),
        ({"to_time": ""}, "to_time"),
        ({"to_day": "2020-01-01"}, "to_day"),
        ({"to_day": "2099-01-01"}, "to_day"),
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 301}, "reason"),
        ({"reason": "a\u202eb"}, "reason"),
    ],
)
def test_what_cannot_be_is_told_beside_its_field_and_changes_nothing(
    still: LocalPortal, changes: dict[str, str], field: str
) -> None:
    admin, known = keeper(still), still.rows(select(Outage.id))
    page = admin.send(admin.get(PAGE), entry(*last_working_morning(still)) | changes, PAGE)
    assert page.status == 422
    assert field in dict(page.errors())
    assert still.rows(select(Outage.id)) == known


def test_the_same_outage_is_entered_once_ended_once_and_withdrawn(local: LocalPortal) -> None:
    admin = keeper(local)
    began, ended = last_working_morning(local)
    number = file_request_at(local, "KFS-004")
    due = file_early(local, number, began)
    assert enter(local, admin, entry(began, None, "KFS-004")).status == 200
    again = enter(local, admin, entry(began, None, "KFS-004"))
    assert again.status == 409
    outage = newest(local)
    page = admin.get(PAGE)
    assert "ما زال قائمًا" in page.text
    page = admin.send(page, {}, f"{PAGE}/{outage}/end")
    assert page.status == 200
    page = admin.send(page, {}, f"{PAGE}/{outage}/withdraw")
    assert page.status == 200
    assert "أُلغي تسجيله" in page.text
    local.portal.toller.run_once()
    assert due_days(local, number) == [due, due]
    # the same that is not withdrawn moves it: the day was one that counts
    assert enter(local, admin, entry(began, ended, "KFS-004")).status == 200
    assert local.portal.toller.run_once() >= 1
    assert due_days(local, number)[0] > due


def test_outages_are_for_the_governorate_and_only_its_own(still: LocalPortal) -> None:
    admin = keeper(still)
    began = still.clock.now() - timedelta(minutes=30)
    enter(still, admin, entry(began, None, "KFS-005"))
    outage = newest(still)
    assert str(outage) in admin.get(PAGE).hooks("outage")
    other = keeper(still, "EG-ALX")
    page = other.get(PAGE)
    assert str(outage) not in page.hooks("outage")
    denied = other.post(f"{PAGE}/{outage}/withdraw", {"_csrf": page.values(PAGE)["_csrf"]})
    assert denied.status == 404
    assert still.employee("front_office").get(PAGE).status == 403


def test_a_center_s_own_system_that_stops_answering_is_noticed_and_confirmed_by_the_governorate(
    alone: LocalPortal,
) -> None:
    code = "KFS-011"
    system = CenterSystem(alone.url, code)
    with alone.portal.database.begin() as db:
        keys.register(db, code, system.kid, system.public, "test", alone.clock.now())
    asked, waiting = (file_request_at(alone, code) for _ in range(2))
    system.send("request.registered.v1", asked, number=1, year=2026)
    system.send("completion.requested.v1", asked, items=[], note="ناقص")
    assert state_of(alone, asked) == "needs_completion"
    until = waits_until(alone, asked)
    days = calendar_of(alone)
    morning, _ = counters(days.next_working(cairo_day(alone.clock.now()) + timedelta(days=1)))
    alone.clock.ahead += morning - alone.clock.now()
    due = due_days(alone, waiting)[0]

    def pass_minutes(minutes: int) -> None:
        for _ in range(minutes // 4):
            alone.clock.advance(minutes=4)
            beat(alone)
            alone.worker._watch_centers()

    beat(alone)
    alone.worker._watch_centers()
    pass_minutes(116)
    assert alone.rows(select(Outage.id)) == []
    pass_minutes(8)
    ((outage, began),) = alone.rows(select(Outage.id, Outage.began_at))
    assert began - morning < timedelta(minutes=1)
    assert "portal_centers_silent 1.0" in system.http.get("/metrics").text
    code_, said = run_command(alone.portal.settings, "outages")
    assert code_ == 0
    assert f"center {code}" in said
    assert "noticed  not confirmed" in said
    admin = keeper(alone)
    page = admin.get(PAGE)
    assert page.hooks("outage") == [str(outage)]
    assert "رُصد تلقائيًا" in page.text
    assert "المركز لا يرد" in page.text

    # it answers again, an hour later
    pass_minutes(60)
    assert system.send("request.registered.v1", waiting, number=2, year=2026).status_code == 202
    pass_minutes(4)
    ((ended,),) = alone.rows(select(Outage.ended_at))
    assert timedelta(hours=3) < ended - began < timedelta(hours=3, minutes=10)
    assert alone.portal.toller.run_once() == 1
    assert waits_until(alone, asked) > until, "what the center asked for"
    here = select(ServiceRequest.due_on).where(ServiceRequest.number == waiting)
    assert alone.rows(here)[0][0] == due, "no machine moves a legal period"

    admin.sign_in()
    other = keeper(alone, "EG-ALX")
    assert other.get(f"{PAGE}/{outage}/confirm").status == 404
    page = admin.get(f"{PAGE}/{outage}/confirm")
    wrong = admin.send(page, {"reason": " "})
    assert wrong.status == 422
    assert dict(wrong.errors()).keys() == {"reason"}
    page = admin.send(page, {"reason": "عطل في نظام المركز"})
    assert (page.status, page.path) == (200, PAGE)
    assert admin.get(f"{PAGE}/{outage}/confirm").path == PAGE, "once"
    assert alone.portal.toller.run_once() >= 1
    assert alone.rows(here)[0][0] > due
