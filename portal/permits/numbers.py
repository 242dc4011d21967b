"""How a building permit is named: number, perhaps with a letter, year and center (facts §6.1).

Old numbers carry a letter behind the number. In an address it stands behind a dash, as in
``/permits/KFS-003/1998/56-M`` (rulings; an Arabic letter there is percent-encoded).
"""

import re
from dataclasses import dataclass

from portal.catalogue.identity import (
    letter_of_number,
    names_place,
    permit_parts,
    read_permit_number,
)
from portal.problems import N_, Problem
from portal.text import Unreadable, clean_number

_IN_ADDRESS = re.compile(r"([1-9]\d{0,5})(?:-([A-Za-z\u0621-\u064a]))?", re.ASCII)
# as nearly all are written, in long tables above all
_PLAIN_NUMBER = re.compile(r"[1-9]\d{0,5}", re.ASCII)
_PLAIN_YEAR = re.compile(r"\d{4}", re.ASCII)
_YEAR = re.compile(r"(?:ل?سن[ةه]|عام)?\s*(\d{1,5})\s*(?:م|ميلادي[ةه]?|هـ?|هجري[ةه]?)?", re.ASCII)
_SHORT_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LEFT_BEHIND = " .,،/-"
FIRST_YEAR = 1900
HIJRI = range(1300, 1500)
"""Years that are of the hijri calendar, whoever writes them."""
WRITE_NUMBER = N_("Write the number and the year, such as 215 and 2025")
LONG_YEAR = N_("Write the year in four digits, such as 1998")


@dataclass(frozen=True)
class PermitNumber:
    """Number 1–999999, a letter or none, and the year; one of its center's."""

    number: int
    letter: str
    year: int

    @property
    def canonical(self) -> str:
        """``25/2023`` or ``56/M/1998``, as forms and registers write it."""
        return "/".join(str(part) for part in (self.number, self.letter, self.year) if part)

    @property
    def in_address(self) -> str:
        """The last part of its address; the year stands before it."""
        return f"{self.number}-{self.letter}" if self.letter else str(self.number)


def read_own(number: str, year: str, this_year: int) -> PermitNumber | None:
    """As :func:`read_parts`, in a center's own register: a place by the number may be another's."""
    return None if names_place(number) else read_parts(number, year, this_year)


def of_canonical(text: str) -> PermitNumber | None:
    """A number in its canonical form; None for a request's number, which names no permit."""
    parts = text.split("/")
    if len(parts) == 2:
        return PermitNumber(int(parts[0]), "", int(parts[1]))
    if len(parts) == 3:
        return PermitNumber(int(parts[0]), parts[1], int(parts[2]))
    return None


def read_number(text: str, this_year: int) -> PermitNumber | None:
    """A number as people write it, or None."""
    canonical = read_permit_number(text, this_year)
    return of_canonical(canonical) if canonical else None


def read_parts(number: str, year: str, this_year: int) -> PermitNumber | None:
    """The number where it is asked for in two controls; all of it in the first will do."""
    if _PLAIN_NUMBER.fullmatch(number) and _PLAIN_YEAR.fullmatch(year):
        known = FIRST_YEAR <= int(year) <= this_year
        return PermitNumber(int(number), "", int(year)) if known else None
    alone = read_number(number, this_year)
    if not year.strip():
        return alone
    number, said = number.rstrip(_LEFT_BEHIND), _year(year)
    if alone is not None:  # both say a year: it must be the same
        return alone if said == str(alone.year) else None
    return read_number(f"{number} / {said}", this_year)


def _year(text: str) -> str:
    """The figures of a year; empty where there is none."""
    try:
        found = _YEAR.fullmatch(clean_number(text))
    except Unreadable:
        return ""
    return found[1] if found else ""


def problem_of(number: str, year: str, this_year: int) -> Problem:
    """Why :func:`read_parts` finds no number in these two."""
    parts = permit_parts(number)
    if year.strip():
        said = _year(year)
        wrong = _problem_of_year(said, this_year)
        if wrong is not None:
            return wrong
        if parts and parts[0][2] != said:
            return Problem("year", N_("The number of the permit names another year"))
    elif parts:
        return _problem_of_year(parts[0][2], this_year) or Problem("number", WRITE_NUMBER)
    elif read_number(f"{number} / {this_year}", this_year) is not None:
        return Problem("year", N_("Write the year of the permit, too"))
    return Problem("number", _ONLY if number.strip() else WRITE_NUMBER)


def problem_of_own(number: str, year: str, this_year: int) -> Problem:
    """Why :func:`read_own` finds none."""
    if _SHORT_DAY.fullmatch(number):
        return Problem("number", _MADE_A_DAY)
    if names_place(number):
        return Problem("number", _ONLY)
    return problem_of(number, year, this_year)


_MADE_A_DAY = N_(
    "A spreadsheet has made a day of this number: make its column text and write it again"
)
_ONLY = N_(
    "Write only the number of the permit, from 1 to 999999, with one letter at most: 215, or 56/م"
)


def _problem_of_year(year: str, this_year: int) -> Problem | None:
    if len(year) != 4:
        return Problem("year", LONG_YEAR)
    if int(year) in HIJRI:
        return Problem("year", N_("This is a hijri year: write the one of the common calendar"))
    if not FIRST_YEAR <= int(year) <= this_year:
        return Problem("year", N_("No permit can be of this year: write the year of its issue"))
    return None


def of_address(year: str, number: str, this_year: int) -> PermitNumber | None:
    """The number in an address; only as the portal itself writes it, so each has one address."""
    match = _IN_ADDRESS.fullmatch(number)
    if match is None or not re.fullmatch(r"\d{4}", year, re.ASCII):
        return None
    if not FIRST_YEAR <= int(year) <= this_year:
        return None
    return PermitNumber(int(match[1]), letter_of_number(match[2] or ""), int(year))
