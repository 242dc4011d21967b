"""The legal clock, worked out by hand with the holidays of 2026 (services §3.4, §7.5, rulings)."""

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import holidays
from portal.catalogue.deadlines import (
    Calendar,
    add_months,
    days_paused,
    due_on,
    first_day,
    period_of,
)
from portal.catalogue.loader import shipped_catalogue
from portal.catalogue.model import Mark, Period, Unit

CATALOGUE = shipped_catalogue()
OFF_2026 = frozenset(
    date(2026, month, day)
    for month, day in [
        (1, 7),  # Wednesday
        (1, 29),  # Thursday, for 25 January
        *((3, d) for d in (20, 21, 22)),  # Friday to Sunday
        (4, 13),  # Monday
        (4, 25),  # Saturday
        (5, 1),  # Friday
        *((5, d) for d in (26, 27, 28, 29)),  # Tuesday to Friday
        (6, 17),  # Wednesday
        (6, 30),  # Tuesday
        (7, 23),  # Thursday
        (8, 25),  # Tuesday
        (10, 6),  # Tuesday
    ]
)
CALENDAR = Calendar(OFF_2026)


def days(amount: int, *, rolls: bool = True) -> Period:
    return Period(amount, Unit.DAYS, Mark.LAW, rolls=rolls)


def working(amount: int) -> Period:
    return Period(amount, Unit.WORKING_DAYS, Mark.ILLUSTRATIVE)


def months(amount: int) -> Period:
    return Period(amount, Unit.MONTHS, Mark.LAW)


def cairo(month: int, day: int, hour: int, minute: int = 0, *, summer: bool = False) -> datetime:
    """An instant of 2026 by the Cairo clock."""
    local = datetime(2026, month, day, hour, minute, tzinfo=UTC)
    return local - timedelta(hours=3 if summer else 2)


def on(text: str) -> date:
    day, month = (int(part) for part in text.split("/"))
    return date(2026, month, day)


def test_the_holidays_that_are_filled_in_are_those_of_the_facts() -> None:
    path = Path(holidays.__file__).parent / "first_fill.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    known = [date.fromisoformat(row["day"]) for row in rows if not row["governorate"]]
    assert len(set(known)) == len(known)
    assert {day for day in known if day.year == 2026} == OFF_2026
    assert date(2027, 5, 3) in known
    for year in (2025, 2027, 2028):
        for month, day in ((1, 7), (4, 25), (5, 1), (6, 30), (7, 23), (10, 6)):
            assert date(year, month, day) in known
    assert not any(day.month == day.day == 1 for day in known)


def test_friday_saturday_and_holidays_are_days_off() -> None:
    week = [date(2026, 4, 5) + timedelta(days=n) for n in range(9)]  # Sunday to Monday
    assert [CALENDAR.is_working(day) for day in week] == [True] * 5 + [False] * 2 + [True, False]


@pytest.mark.parametrize(
    ("start", "amount", "due"),
    [
        ("4/1", 7, "11/1"),  # Sunday to Sunday
        ("2/1", 7, "11/1"),  # ends on a Friday
        ("3/1", 7, "11/1"),  # ends on a Saturday
        ("15/1", 14, "1/2"),  # ends on the holiday of Thursday 29 January, then the weekend
        ("9/3", 15, "24/3"),
        ("5/3", 15, "23/3"),  # Friday 20 to Sunday 22 are the feast
        ("28/4", 30, "31/5"),  # Thursday 28 May is the feast, Sunday the first working day
        ("18/4", 7, "26/4"),  # Saturday 25 April is a holiday as well
        ("23/4", 7, "30/4"),  # over the night in which summer time begins
        ("22/10", 7, "29/10"),  # up to the day on which it ends
        ("30/3", 14, "14/4"),  # Sham el-Nessim
        ("1/7", 0, "1/7"),
    ],
)
def test_calendar_days_roll_over_days_off(start: str, amount: int, due: str) -> None:
    assert due_on(on(start), days(amount), CALENDAR) == on(due)


@pytest.mark.parametrize(
    ("start", "amount", "due"),
    [
        ("5/4", 1, "6/4"),
        ("5/4", 3, "8/4"),
        ("5/4", 5, "12/4"),  # over a weekend
        ("5/4", 7, "15/4"),  # over a weekend and Monday 13
        ("18/5", 10, "4/6"),  # over the feast
        ("31/12", 1, "3/1"),  # Thursday; Sunday 3 January 2027
        ("9/4", 1, "12/4"),
    ],
)
def test_working_days_skip_days_off(start: str, amount: int, due: str) -> None:
    expected = on(due) if due != "3/1" else date(2027, 1, 3)
    assert due_on(on(start), working(amount), CALENDAR) == expected


@pytest.mark.parametrize(
    ("start", "amount", "due"),
    [
        (date(2026, 1, 31), 1, date(2026, 3, 1)),  # 28 February is a Saturday
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 8, 31), 1, date(2026, 9, 30)),
        (date(2026, 11, 22), 1, date(2026, 12, 22)),
        (date(2026, 12, 15), 1, date(2027, 1, 17)),  # 15 January 2027 is a Friday
        (date(2026, 11, 22), 12, date(2027, 11, 22)),
        (date(2026, 4, 26), 1, date(2026, 5, 31)),  # the feast begins
    ],
)
def test_months_go_by_the_calendar(start: date, amount: int, due: date) -> None:
    assert due_on(start, months(amount), CALENDAR) == due


@pytest.mark.parametrize(
    ("day", "amount", "later"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2026, 3, 31), 6, date(2026, 9, 30)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 5, 15), 0, date(2026, 5, 15)),
    ],
)
def test_a_day_that_the_month_lacks_becomes_its_last(day: date, amount: int, later: date) -> None:
    assert add_months(day, amount) == later


def test_an_urgent_period_does_not_roll() -> None:
    assert due_on(on("2/4"), days(1, rolls=False), CALENDAR) == on("3/4")  # a Friday
    assert due_on(on("3/4"), days(0, rolls=False), CALENDAR) == on("3/4")
    assert due_on(on("12/4"), days(1, rolls=False), CALENDAR) == on("13/4")


@pytest.mark.parametrize(
    ("start", "period", "paused", "due"),
    [
        ("4/1", days(7), 0, "11/1"),
        ("4/1", days(7), 2, "13/1"),
        ("4/1", days(7), 5, "18/1"),  # Friday 16
        ("5/4", working(3), 2, "12/4"),  # Wednesday 8 and two days: a Friday
        ("22/3", months(1), 8, "30/4"),
    ],
)
def test_a_pause_moves_the_last_day_by_whole_days(
    start: str, period: Period, paused: int, due: str
) -> None:
    assert due_on(on(start), period, CALENDAR, paused) == on(due)


def test_a_pause_lasts_from_the_day_of_asking_to_the_day_of_completion() -> None:
    assert days_paused(on("10/1"), on("15/1")) == 5
    assert days_paused(on("10/1"), on("10/1")) == 0
    assert days_paused(on("10/1"), on("9/1")) == 0


@pytest.mark.parametrize(
    ("at", "first"),
    [
        (cairo(4, 5, 9), "5/4"),
        (cairo(4, 5, 13, 59), "5/4"),
        (cairo(4, 5, 14, 0), "6/4"),  # counters are closed
        (cairo(4, 2, 14, 0), "5/4"),  # Thursday afternoon
        (cairo(4, 3, 10), "5/4"),  # Friday
        (cairo(4, 4, 10), "5/4"),  # Saturday
        (cairo(4, 4, 20), "5/4"),  # Saturday evening: still the next working day
        (cairo(4, 12, 15), "14/4"),  # the evening before a holiday
        (cairo(4, 13, 9), "14/4"),
        (cairo(5, 25, 16, summer=True), "31/5"),  # the evening before the feast
        (cairo(7, 1, 13, 59, summer=True), "1/7"),
        (cairo(7, 1, 14, 0, summer=True), "2/7"),
    ],
)
def test_working_days_count_from_the_next_working_day(at: datetime, first: str) -> None:
    assert first_day(at, working(3), CALENDAR) == on(first)


@pytest.mark.parametrize("period", [days(7), months(1), days(1, rolls=False)])
@pytest.mark.parametrize(
    ("at", "first"),
    [
        (cairo(4, 5, 23, 59), "5/4"),
        (cairo(4, 3, 10), "3/4"),
        (cairo(4, 13, 20), "13/4"),
        (datetime(2026, 1, 14, 21, 59, 59, tzinfo=UTC), "14/1"),
        (datetime(2026, 1, 14, 22, 0, tzinfo=UTC), "15/1"),
        (datetime(2026, 7, 14, 20, 59, 59, tzinfo=UTC), "14/7"),
        (datetime(2026, 7, 14, 21, 0, tzinfo=UTC), "15/7"),
        # 24 April: midnight becomes one o'clock; 29 October: midnight comes an hour later
        (datetime(2026, 4, 23, 21, 59, 59, tzinfo=UTC), "23/4"),
        (datetime(2026, 4, 23, 22, 0, tzinfo=UTC), "24/4"),
        (datetime(2026, 10, 29, 20, 59, tzinfo=UTC), "29/10"),
        (datetime(2026, 10, 29, 21, 30, tzinfo=UTC), "29/10"),
        (datetime(2026, 10, 29, 22, 0, tzinfo=UTC), "30/10"),
    ],
)
def test_other_periods_count_from_the_day_in_cairo(
    at: datetime, first: str, period: Period
) -> None:
    assert first_day(at, period, CALENDAR) == on(first)


@pytest.mark.parametrize(
    ("code", "answers", "at", "due"),
    [
        # calendar days of the law, from Thursday evening
        ("site-validity-statement", {}, cairo(1, 1, 22), "8/1"),
        ("building-permit-new", {}, cairo(4, 28, 9, summer=True), "31/5"),
        ("road-occupation-permit", {}, cairo(3, 5, 9), "23/3"),
        # one month
        ("shop-licence-transfer", {}, cairo(1, 31, 9), "1/3"),
        # working days
        ("works-start-notice", {}, cairo(4, 2, 15), "6/4"),
        ("building-permit-certified-copy", {}, cairo(4, 9, 9), "15/4"),
        ("building-permit-certified-copy", {"paper_only": True}, cairo(5, 18, 9), "4/6"),
        ("event-tent-permit", {"event_kind": "wedding"}, cairo(4, 9, 9), "14/4"),
        ("municipal-complaint", {"urgent": False}, cairo(4, 4, 20), "15/4"),
        # urgent ones and mourning: the same or the next calendar day
        ("event-tent-permit", {"event_kind": "mourning"}, cairo(4, 3, 20), "3/4"),
        ("municipal-complaint", {"urgent": True}, cairo(4, 2, 20), "3/4"),
        ("dilapidated-building-inspection", {"urgent": True}, cairo(4, 2, 20), "3/4"),
        ("dilapidated-building-inspection", {"urgent": False}, cairo(4, 5, 20), "12/4"),
    ],
)
def test_a_service_is_due_on_the_day_worked_out_by_hand(
    code: str, answers: dict[str, Any], at: datetime, due: str
) -> None:
    period = period_of(CATALOGUE.services[code], answers)
    assert due_on(first_day(at, period, CALENDAR), period, CALENDAR) == on(due)


_DAYS = st.dates(date(2024, 1, 1), date(2030, 12, 31))
_PERIODS = st.builds(
    Period,
    amount=st.integers(0, 120),
    unit=st.sampled_from(Unit),
    mark=st.just(Mark.LAW),
    rolls=st.booleans(),
)
_INSTANTS = st.integers(1704067200, 1924991999).map(lambda s: datetime.fromtimestamp(s, UTC))
_CALENDARS = st.builds(Calendar, st.frozensets(_DAYS, max_size=30))
FEW = settings(max_examples=50, derandomize=True, deadline=None)


def _short(period: Period) -> Period:
    """Months are few."""
    return Period(period.amount % 25, period.unit, period.mark, rolls=period.rolls)


@given(_DAYS, _PERIODS, _CALENDARS, st.integers(0, 60))
@FEW
def test_a_last_day_is_never_a_day_off_nor_before_the_first(
    start: date, period: Period, calendar: Calendar, paused: int
) -> None:
    period = _short(period)
    due = due_on(start, period, calendar, paused)
    assert due >= start
    if period.rolls:
        assert calendar.is_working(due)


@given(_DAYS, _PERIODS, _CALENDARS, st.integers(0, 60), st.integers(0, 30))
@FEW
def test_a_longer_pause_never_shortens(
    start: date, period: Period, calendar: Calendar, paused: int, more: int
) -> None:
    period = _short(period)
    assert due_on(start, period, calendar, paused + more) >= due_on(start, period, calendar, paused)


@given(_DAYS, _PERIODS, _CALENDARS, st.frozensets(_DAYS, max_size=20))
@FEW
def test_a_holiday_added_later_only_lengthens(
    start: date, period: Period, calendar: Calendar, added: frozenset[date]
) -> None:
    period = _short(period)
    longer = Calendar(calendar.holidays | added)
    assert due_on(start, period, longer) >= due_on(start, period, calendar)


@given(_INSTANTS, _PERIODS, _CALENDARS)
@FEW
def test_day_zero_is_never_before_the_event_and_works_for_working_days(
    at: datetime, period: Period, calendar: Calendar
) -> None:
    first = first_day(at, period, calendar)
    assert first >= at.date()
    if period.unit is Unit.WORKING_DAYS:
        assert calendar.is_working(first)


@given(_DAYS, st.integers(1, 40), _CALENDARS)
@FEW
def test_so_many_working_days_lie_in_between(start: date, amount: int, calendar: Calendar) -> None:
    due = due_on(start, working(amount), calendar)
    between = [start + timedelta(days=n + 1) for n in range((due - start).days)]
    assert sum(calendar.is_working(day) for day in between) == amount
