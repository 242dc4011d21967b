"""Opening hours (geography §8)."""

import shutil
from datetime import date, time
from pathlib import Path

import pytest

from portal.catalogue.deadlines import COUNTER_CLOSES_HOUR
from portal.places.hours import load_hours
from portal.places.model import DATA_DIR, BadPlaces

HOURS = load_hours()


def test_a_week_has_the_35_hours_of_the_law() -> None:
    regular = HOURS.regular
    assert 5 * (regular.closes.hour - regular.opens.hour) == 35
    assert (HOURS.ramadan.opens, HOURS.ramadan.closes) == (time(9), time(14))


def test_the_counters_close_when_the_legal_clock_says_so() -> None:
    assert HOURS.regular.takes_new_until == time(COUNTER_CLOSES_HOUR)


def test_a_day_has_the_hours_of_its_season() -> None:
    assert HOURS.on(date(2026, 2, 18)) == HOURS.regular
    assert HOURS.on(date(2026, 2, 19)) == HOURS.ramadan
    assert HOURS.on(date(2026, 3, 19)) == HOURS.ramadan
    assert HOURS.on(date(2026, 3, 20)) == HOURS.regular


def test_in_a_year_whose_ramadan_is_not_known_no_hours_are_promised() -> None:
    last = max(last for _, last in HOURS.months)
    assert HOURS.on(date(last.year + 1, 6, 1)) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("closes = 15:00:00", "closes = 07:00:00"),
        ("takes_new_until = 14:00:00", "takes_new_until = 16:00:00"),
        ("last = 2026-03-19", "last = 2026-04-19"),
    ],
)
def test_hours_that_cannot_be_stop_the_start(tmp_path: Path, old: str, new: str) -> None:
    text = (DATA_DIR / "hours.toml").read_text(encoding="utf-8")
    assert old in text
    shutil.copytree(DATA_DIR, tmp_path / "data")
    (tmp_path / "data" / "hours.toml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(BadPlaces):
        load_hours(tmp_path / "data")
