"""An outage as a person enters it: checked, everything wrong at once."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from portal import notes
from portal.clock import CAIRO
from portal.outages.model import LONGEST_REASON
from portal.problems import N_, Problem
from portal.text import fold_digits, parse_day

FIELDS = ("place", "from_day", "from_time", "to_day", "to_time", "reason")
LONGEST_AGO = timedelta(days=60)  # [G] later, nobody remembers when it was
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(:[0-5]\d)?")


@dataclass(frozen=True)
class Entry:
    """A center's outage; ``ended_at`` is None while it lasts."""

    place: str
    began_at: datetime
    ended_at: datetime | None
    reason: str


def read_entry(
    typed: Mapping[str, str], places: Collection[str], now: datetime
) -> tuple[Entry | None, list[Problem]]:
    """The entry, or what is wrong with it. Days and times are Cairo's."""
    problems: list[Problem] = []
    place = typed["place"]
    if place not in places:
        problems.append(Problem("place", N_("Choose where the outage was")))
    began = _moment(typed, "from", problems)
    ends = bool(typed["to_day"].strip() or typed["to_time"].strip())
    ended = _moment(typed, "to", problems) if ends else None
    if began and began > now:
        problems.append(Problem("from_day", N_("An outage is entered when it has begun")))
    elif began and now - began > LONGEST_AGO:
        text = N_("An outage can be entered up to {n} days after it began")
        problems.append(Problem("from_day", text, {"n": LONGEST_AGO.days}))
    if ended and ended > now:
        text = N_("Leave the end empty while the outage lasts")
        problems.append(Problem("to_day", text))
    elif began and ended and ended <= began:
        problems.append(Problem("to_day", N_("The end is after the beginning")))
    reason, wrong = read_reason(typed["reason"])
    problems += wrong
    if problems or began is None:
        return None, problems
    return Entry(place, began, ended, reason), []


def read_reason(typed: str) -> tuple[str, list[Problem]]:
    """What citizens are told, in one line, and what is wrong with it."""
    reason = " ".join(typed.split())
    missing = N_("Write what citizens are to read: what did not work")
    return reason, notes.problems_of_reason("reason", reason, LONGEST_REASON, missing, lines=False)


def _moment(typed: Mapping[str, str], name: str, problems: list[Problem]) -> datetime | None:
    day = _day(typed[f"{name}_day"])
    if day is None:
        problems.append(Problem(f"{name}_day", N_("Choose a day")))
    found = _TIME.fullmatch(fold_digits(typed[f"{name}_time"].strip()))
    if found is None:
        text = N_("Write the time in hours and minutes, such as 14:30")
        problems.append(Problem(f"{name}_time", text))
    if day is None or found is None:
        return None
    return datetime.combine(day, time(int(found[1]), int(found[2])), CAIRO)


def _day(text: str) -> date | None:
    day = parse_day(text)
    return day if day is not None and 2000 <= day.year < 2100 else None
