"""The legal clock: periods to due dates.

Law 13/1968 arts 15 and 18 by analogy [K]: the day of the event is not counted; the period ends at
the end of its last day; a last day off moves to the next working day; months go by the calendar.
The weekend is Friday and Saturday. Rulings, «Legal clock», settle the rest.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from portal.catalogue.expressions import Namespace
from portal.catalogue.model import Period, Service, Unit
from portal.clock import CAIRO, cairo_day, cairo_time

_WEEKEND = frozenset({4, 5})  # Friday and Saturday, Monday being 0
COUNTER_OPENS_HOUR, COUNTER_CLOSES_HOUR = 8, 14  # [G] counters take new requests until two o'clock
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Calendar:
    """The days off of one governorate."""

    holidays: frozenset[date] = frozenset()

    def is_working(self, day: date) -> bool:
        return day.weekday() not in _WEEKEND and day not in self.holidays

    def next_working(self, day: date) -> date:
        """``day`` itself when it is a working day, else the first one after it."""
        while not self.is_working(day):
            day += _DAY
        return day

    def add_working(self, day: date, count: int) -> date:
        """The ``count``-th working day after ``day``."""
        for _ in range(count):
            day = self.next_working(day + _DAY)
        return day


def period_of(service: Service, names: Namespace) -> Period:
    """The period in which the center must decide on a request with these answers."""
    for variant in service.deadline.variants:
        if variant.when is not None and variant.when.holds(names):
            return variant
    return service.deadline.standard


def first_day(at: datetime, period: Period, calendar: Calendar) -> date:
    """Day 0 of ``period`` for an event at that instant.

    It is the Cairo day; for working-day targets an event on a day off or after counter hours
    counts as one of the next working day.
    """
    local = cairo_time(at)
    if period.unit is not Unit.WORKING_DAYS:
        return local.date()
    day = local.date()
    if local.hour >= COUNTER_CLOSES_HOUR and calendar.is_working(day):
        day += _DAY
    return calendar.next_working(day)


def due_on(start: date, period: Period, calendar: Calendar, paused_days: int = 0) -> date:
    """The last day of ``period`` that began on ``start`` and stood still for ``paused_days``."""
    match period.unit:
        case Unit.DAYS:
            last = start + period.amount * _DAY
        case Unit.MONTHS:
            last = add_months(start, period.amount)
        case Unit.WORKING_DAYS:
            last = calendar.add_working(start, period.amount)
    last += paused_days * _DAY
    return calendar.next_working(last) if period.rolls else last


def add_months(day: date, months: int) -> date:
    """The same day ``months`` later; a day that the month lacks becomes its last."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def days_paused(asked: date, completed: date) -> int:
    """Whole days for which a request for completion stopped the clock."""
    return max(0, (completed - asked).days)


def counters(day: date) -> tuple[datetime, datetime]:
    """When the counters open and close on a working day."""
    return (
        datetime.combine(day, time(COUNTER_OPENS_HOUR), CAIRO),
        datetime.combine(day, time(COUNTER_CLOSES_HOUR), CAIRO),
    )


def counter_time(began_at: datetime, ended_at: datetime, calendar: Calendar) -> timedelta:
    """How long the counters were open between two instants."""
    day, total = cairo_day(began_at), timedelta()
    while day <= cairo_day(ended_at):
        opens, closes = counters(day)
        if calendar.is_working(day):
            total += max(min(closes, ended_at) - max(opens, began_at), timedelta())
        day += _DAY
    return total


def counters_from(at: datetime, calendar: Calendar) -> datetime:
    """The first instant from ``at`` on at which the counters are open."""
    day = calendar.next_working(cairo_day(at))
    opens, closes = counters(day)
    if at < closes:
        return max(opens, at)
    return counters(calendar.next_working(day + _DAY))[0]
