"""Days of a time zone: 23 hours in spring, 25 in autumn, 24 else."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Span:
    """A day from its first instant to the first of the next, in UTC."""

    day: date
    begins: datetime
    ends: datetime


def span(day: date, zone: ZoneInfo) -> Span:
    """The day as the clocks of ``zone`` have it; its midnight may not exist."""
    return Span(day, _first_instant(day, zone), _first_instant(day + timedelta(days=1), zone))


def _first_instant(day: date, zone: ZoneInfo) -> datetime:
    # where midnight is skipped (Cairo, last Friday of April), the offset before the change makes
    # of it the moment of the change, which is when the day begins
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The day on which an instant falls."""
    return at.astimezone(zone).date()


def each_day(first: date, last: date) -> Iterator[date]:
    """From ``first`` to ``last``, both included."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
