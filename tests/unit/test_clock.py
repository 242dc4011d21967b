"""Time by the Cairo clock, and chance from one door only."""

import re
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from portal import clock
from portal.clock import SettableClock, SystemClock, cairo_day, cairo_time


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 1, 14, 21, 59, tzinfo=UTC), date(2026, 1, 14)),  # winter: UTC+2
        (datetime(2026, 1, 14, 22, 0, tzinfo=UTC), date(2026, 1, 15)),
        (datetime(2026, 7, 14, 20, 59, tzinfo=UTC), date(2026, 7, 14)),  # summer: UTC+3
        (datetime(2026, 7, 14, 21, 0, tzinfo=UTC), date(2026, 7, 15)),
        (datetime(2026, 12, 31, 22, 0, tzinfo=UTC), date(2027, 1, 1)),
    ],
)
def test_the_legal_day_is_that_of_cairo(at: datetime, day: date) -> None:
    assert cairo_day(at) == day


@pytest.mark.parametrize(
    ("at", "hour"),
    [
        (datetime(2026, 4, 23, 21, 59, tzinfo=UTC), "23:59+0200"),
        (datetime(2026, 4, 23, 22, 0, tzinfo=UTC), "01:00+0300"),  # Friday 24 April
        (datetime(2026, 10, 29, 20, 59, tzinfo=UTC), "23:59+0300"),
        (datetime(2026, 10, 29, 21, 0, tzinfo=UTC), "23:00+0200"),  # end of Thursday 29 October
        (datetime(2026, 10, 29, 22, 0, tzinfo=UTC), "00:00+0200"),
    ],
)
def test_summer_time_lasts_from_24_april_to_29_october_2026(at: datetime, hour: str) -> None:
    assert cairo_time(at).strftime("%H:%M%z") == hour


def test_an_instant_of_another_zone_falls_on_the_same_cairo_day() -> None:
    new_york = timezone(timedelta(hours=-5))
    assert cairo_day(datetime(2026, 1, 14, 18, 0, tzinfo=new_york)) == date(2026, 1, 15)


def test_the_systems_clock_is_aware() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_a_settable_clock_stands_where_it_is_put() -> None:
    at = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    held = SettableClock(at)
    assert held.now() == held.now() == at
    held.at = at + timedelta(days=1)
    assert held.now() == at + timedelta(days=1)


def test_codes_have_their_shapes() -> None:
    assert all(re.fullmatch(r"\d{6}", clock.one_time_code()) for _ in range(50))
    ids = {clock.public_id() for _ in range(200)}
    assert len(ids) == 200
    assert all(re.fullmatch("[0-9a-hjkmnp-tv-z]{20}", each) for each in ids)
    assert len(clock.public_id(26)) == 26
    assert len(clock.token()) == 43  # 256 bits in base64
    assert len(clock.random_bytes(12)) == 12
    assert clock.token() != clock.token()


def test_a_retry_waits_between_half_and_all_of_its_time() -> None:
    waits = [clock.jitter(60) for _ in range(300)]
    assert min(waits) >= 30
    assert max(waits) <= 60
    assert len(set(waits)) > 50


def test_secrets_are_compared_whole() -> None:
    assert clock.same("abc", "abc")
    assert not clock.same("abc", "abd")
    assert not clock.same("abc", "abcd")
    assert clock.same("سر", "سر")


def test_a_stopwatch_never_goes_back() -> None:
    first = clock.stopwatch()
    assert clock.stopwatch() >= first
