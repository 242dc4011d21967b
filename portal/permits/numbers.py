"""How a building permit is named: number, perhaps with a letter, year and center (facts §6.1).

Old numbers carry a letter behind the number. In an address it stands behind a dash, as in
``/permits/KFS-003/1998/56-M`` (rulings; an Arabic letter there is percent-encoded).
"""

import re
from dataclasses import dataclass

from portal.catalogue.identity import (
    NUMBER_ENDS,
    bare_year,
    letter_of_number,
    read_permit_number,
)
from portal.text import compact

_IN_ADDRESS = re.compile(r"([1-9]\d{0,5})(?:-([A-Za-z\u0621-\u064a]))?", re.ASCII)
# as nearly all are written, in long tables above all
_PLAIN_NUMBER = re.compile(r"[1-9]\d{0,5}", re.ASCII)
_PLAIN_YEAR = re.compile(r"\d{4}", re.ASCII)
FIRST_YEAR = 1900


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
    number, year = number.strip(NUMBER_ENDS), bare_year(year)
    if alone is not None:  # both say a year: it must be the same
        return alone if compact(year) == str(alone.year) else None
    return read_number(f"{number} / {year}", this_year)


def of_address(year: str, number: str, this_year: int) -> PermitNumber | None:
    """The number in an address; only as the portal itself writes it, so each has one address."""
    match = _IN_ADDRESS.fullmatch(number)
    if match is None or not re.fullmatch(r"\d{4}", year, re.ASCII):
        return None
    if not FIRST_YEAR <= int(year) <= this_year:
        return None
    return PermitNumber(int(match[1]), letter_of_number(match[2] or ""), int(year))
