"""What an outage takes from a window or a legal period, by the clock of Cairo."""

from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from portal.catalogue.deadlines import Calendar
from portal.clock import CAIRO, end_of_day
from portal.requests.lifecycle import Event, State
from portal.requests.reading import FiledRequest, PastAct
from portal.requests.tolling import days_lost, longer_window, to_give_back

CALENDAR = Calendar(frozenset({date(2026, 10, 6)}))
FIRST, LAST = date(2026, 9, 1), date(2026, 12, 31)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CAIRO)


@pytest.mark.parametrize(
    ("until", "began", "ended", "last"),
    [
        # half a day of ten: half a day more, to the end of that day
        ("2026-11-20 12:00", "2026-11-15 08:00", "2026-11-15 20:00", date(2026, 11, 21)),
        # over the end: a whole day after it at the least
        ("2026-11-15 10:00", "2026-11-15 09:00", "2026-11-16 09:00", date(2026, 11, 17)),
        # shortly before the end: the same
        ("2026-11-15 10:00", "2026-11-15 09:00", "2026-11-15 09:30", date(2026, 11, 16)),
        # a summer hour in between changes nothing: it is the time that counts
        ("2026-10-30 23:30", "2026-10-29 12:00", "2026-10-30 12:00", date(2026, 10, 31)),
        # after the window, before it: nothing
        ("2026-11-15 10:00", "2026-11-15 10:00", "2026-11-15 12:00", None),
        ("2026-11-15 10:00", "2026-11-15 11:00", "2026-11-15 12:00", None),
    ],
)
def test_a_window_is_longer_by_what_the_outage_took_of_it(
    until: str, began: str, ended: str, last: date | None
) -> None:
    assert longer_window(at(until), at(began), at(ended)) == last


def test_no_window_is_ever_shorter() -> None:
    until = at("2026-11-20 12:00")
    for hours in range(1, 200, 7):
        began = until - timedelta(hours=hours)
        last = longer_window(until, began, began + timedelta(hours=3))
        assert last is not None
        assert end_of_day(last) > until


@pytest.mark.parametrize(
    ("began", "ended", "days"),
    [
        ("2026-11-16 08:00", "2026-11-16 14:00", 1),
        ("2026-11-16 13:00", "2026-11-16 14:00", 1),  # an hour of the counters
        ("2026-11-16 13:01", "2026-11-16 20:00", 0),  # less than that
        ("2026-11-16 15:00", "2026-11-17 07:00", 0),  # a night
        ("2026-11-15 08:00", "2026-11-17 14:00", 3),
        ("2026-11-20 08:00", "2026-11-21 14:00", 0),  # Friday and Saturday
        ("2026-10-05 08:00", "2026-10-07 14:00", 2),  # a holiday in between
        ("2026-08-30 08:00", "2026-09-01 14:00", 1),  # only the last day is of the period
        ("2026-12-31 08:00", "2027-01-05 14:00", 1),  # only the first one is
    ],
)
def test_a_period_is_longer_by_the_working_days_that_were_lost(
    began: str, ended: str, days: int
) -> None:
    assert len(days_lost(at(began), at(ended), FIRST, LAST, CALENDAR)) == days


def request(*, from_filing: bool = False) -> FiledRequest:
    """One whose period runs from 1 September to the end of the year."""
    values: dict[str, Any] = dict.fromkeys(each.name for each in fields(FiledRequest))
    period = {"from_filing": from_filing}
    return FiledRequest(**values | {"clock_from": FIRST, "due_on": LAST, "period": period})


def act(event: Event, moment: str, **data: Any) -> PastAct:
    state = State.UNDER_STUDY
    return PastAct(event, state, state, "system", "", at(moment), "", data)


def given(history: list[PastAct], *, from_filing: bool = False) -> int:
    """How many days three whole days give, Monday to Wednesday."""
    began, ended = at("2026-11-16 08:00"), at("2026-11-18 14:00")
    asked = request(from_filing=from_filing)
    return len(to_give_back(asked, history, began, ended, CALENDAR))


def test_days_on_which_the_clock_stood_still_are_not_given_back_twice() -> None:
    asked = act(Event.REQUEST_COMPLETION, "2026-11-15 10:00")
    assert given([]) == 3
    assert given([asked, act(Event.COMPLETE, "2026-11-19 10:00")]) == 0, "a finished pause"
    assert given([asked]) == 0, "one that lasts"
    # a pause counts from the day of the question to the day before the answer
    assert given([asked, act(Event.COMPLETE, "2026-11-17 10:00")]) == 2
    fees = act(Event.ASSESS_FEES, "2026-11-18 10:00")
    assert given([fees, act(Event.PAY_ASSESSED, "2026-11-20 10:00")]) == 2
    assert given([asked, act(Event.COMPLETE, "2026-11-15 12:00")]) == 3
    # where the law counts from filing nothing pauses the clock, so the days are lost
    assert given([asked, act(Event.COMPLETE, "2026-11-19 10:00")], from_filing=True) == 3


def test_a_day_that_two_outages_took_is_given_back_once() -> None:
    center = act(Event.TOLL, "2026-11-18 15:00", lost=["2026-11-16", "2026-11-18"])
    assert given([center]) == 1
    assert given([center, act(Event.TOLL, "2026-11-18 16:00", lost=["2026-11-17"])]) == 0
    window = act(Event.TOLL, "2026-11-18 15:00", until="2026-11-30")
    assert given([window]) == 3, "the citizen's time is another matter"
