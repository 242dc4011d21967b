"""Opening hours: the ordinary ones, those of Ramadan, and which of them a day has.

Read once from ``data/hours.toml``. Whether a day is a working day is the calendar's to say.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path

from portal.places.model import DATA_DIR, BadPlaces


@dataclass(frozen=True)
class Opening:
    """From when to when, in Cairo; ``takes_new_until`` where the counters stop earlier."""

    opens: time
    closes: time
    takes_new_until: time | None = None


@dataclass(frozen=True)
class Hours:
    """The hours of every center: illustrative, they may differ from center to center."""

    regular: Opening
    ramadan: Opening
    months: Sequence[tuple[date, date]]
    """First and last day of each Ramadan that is known."""

    def on(self, day: date) -> Opening | None:
        """The hours of a working day; None in a year whose Ramadan is not known."""
        if any(first <= day <= last for first, last in self.months):
            return self.ramadan
        return self.regular if any(first.year == day.year for first, _ in self.months) else None


def load_hours(directory: Path = DATA_DIR) -> Hours:
    """Read and check the file; raises :class:`~portal.places.model.BadPlaces`."""
    with (directory / "hours.toml").open("rb") as file:
        data = tomllib.load(file)
    ramadan = dict(data["ramadan"])
    months = [(month["first"], month["last"]) for month in ramadan.pop("months")]
    hours = Hours(Opening(**data["regular"]), Opening(**ramadan), months)
    for opening in (hours.regular, hours.ramadan):
        if not opening.opens < (opening.takes_new_until or opening.closes) <= opening.closes:
            raise BadPlaces(f"hours.toml: {opening}")
    if any(not 28 <= (last - first).days <= 29 for first, last in months):
        raise BadPlaces("hours.toml: a month of Ramadan has 29 or 30 days")
    return hours
