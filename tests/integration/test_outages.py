"""Outages give back the time that they took, noticed by themselves or entered by a governorate."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from portal.backoffice.model import CenterRequest
from portal.catalogue.deadlines import due_on
from portal.clock import CAIRO, cairo_day, cairo_time
from portal.holidays.register import calendar
from portal.outages import health
from portal.outages.health import Part
from portal.outages.model import Outage
from portal.requests import reading
from portal.requests.lifecycle import period_from_json
from portal.requests.model import ServiceRequest
from tests.support.commands import run_command
from tests.support.local import LocalPortal
from tests.support.paying import state_of, unpaid
from tests.support.people import Employee, Page

SERVICE = "address-numbering-certificate"
PAGE = "/center/admin/outages"


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


def test_a_gap_in_which_no_page_was_served_gives_citizens_their_time_back(
    alone: LocalPortal,
) -> None:
    citizen = alone.someone()
    number, _ = unpaid(alone, citizen)
    before = waits_until(alone, number)
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

    moved = waits_until(alone, number)
    assert alone.portal.toller.run_once() == 0
    assert waits_until(alone, number) == moved, "once for each outage"


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
    with local.portal.database.begin() as db:  # as if it had been filed before the outage
        early = cairo_day(began) - timedelta(days=3)
        period = period_from_json(reading.by_number(db, number).period)
        due = due_on(early, period, calendar(db, "EG-KFS"))
        db.execute(
            update(ServiceRequest)
            .where(ServiceRequest.number == number)
            .values(clock_from=early, due_on=due)
        )
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
    began = local.clock.now() - timedelta(minutes=30)
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
    assert local.portal.toller.run_once() == 0


def test_outages_are_for_the_governorate_and_only_its_own(still: LocalPortal) -> None:
    admin = keeper(still)
    began = still.clock.now() - timedelta(minutes=30)
    enter(still, admin, entry(began, None, "KFS-005"))
    outage = newest(still)
    other = keeper(still, "EG-ALX")
    page = other.get(PAGE)
    assert str(outage) not in page.hooks("outage")
    denied = other.post(f"{PAGE}/{outage}/withdraw", {"_csrf": page.values(PAGE)["_csrf"]})
    assert denied.status == 404
    assert still.employee("front_office").get(PAGE).status == 403
