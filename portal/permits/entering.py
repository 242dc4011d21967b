"""A permit as staff enter it: checked, everything wrong at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from portal.catalogue.identity import read_national_id
from portal.permits import particulars
from portal.permits.labels import REGIMES, TYPES, USES
from portal.permits.model import DEPARTMENT
from portal.permits.numbers import HIJRI, LONG_YEAR, PermitNumber, problem_of_own, read_own
from portal.permits.reading import Owner, People, Permit
from portal.permits.registry import NewPermit
from portal.permits.spellings import problem_of_day, read_day
from portal.permits.validity import Status
from portal.problems import HIDDEN_CHARACTERS, N_, Problem
from portal.text import Unreadable, clean, clean_name, clean_number, fold_digits, parse_number

FIELDS = (
    "number",
    "year",
    "permit_type",
    "legal_regime",
    "issued_on",
    "file_no",
    "area",
    "street",
    "building_no",
    "plot_no",
    "building_use",
    "floors_above",
    "basements",
    "units_count",
    "plot_area",
    "total_built_area",
    "owner",
    "owner_id",
)
FILE_FIELDS = ("file_year", "file_department")
"""More about the paper file that a permit lies in, where it is not what goes without saying."""
_TEXTS = {"file_no": 40, "area": 120, "street": 120, "building_no": 20, "plot_no": 30}
_COUNTS = {"floors_above": 150, "basements": 20, "units_count": 5000}
_AREAS = {"plot_area": 100_000_000, "total_built_area": 200_000_000}
_OF_OWNERS = ("co_owners", *particulars.OWNER_FIELDS)
_NUMBERS = [(name, most, name in _COUNTS) for name, most in {**_COUNTS, **_AREAS}.items()]
_FIRST_DAY = date(1900, 1, 1)
_LONGEST_NAME = 120
LONGEST_FILE_NUMBER = 40
FILE_NUMBER = N_("Write the number of the file in at most {n} characters")


@dataclass(frozen=True)
class Entry:
    """What was read, and what is wrong with it."""

    permit: NewPermit | None
    problems: list[Problem]
    number: PermitNumber | None = None
    """What it is called, if that can be read, whatever is wrong with the rest."""


def read_entry(
    typed: Mapping[str, str], center: str, today: date, *, source: str = "manual"
) -> Entry:
    """The permit, or every problem. One of the backlog is unverified until somebody reviews it."""
    problems: list[Problem] = []
    number = read_own(typed["number"], typed["year"], today.year)
    if number is None:
        problems.append(problem_of_own(typed["number"], typed["year"], today.year))
    if typed["permit_type"] not in TYPES:
        problems.append(Problem("permit_type", N_("Choose the kind of permit")))
    if typed["legal_regime"] not in REGIMES:
        problems.append(Problem("legal_regime", N_("Choose the law under which it was issued")))
    issued_on = _day(typed["issued_on"], number, today, problems)
    beside, details, parts, more = particulars.read(typed, today.year, problems)
    columns: dict[str, Any] = beside | _texts(typed, problems)
    columns |= _numbers(typed, problems)
    if typed["building_use"] and typed["building_use"] not in USES:
        problems.append(Problem("building_use", N_("Choose a use of the list")))
    columns["building_use"] = typed["building_use"]
    columns |= _file(typed, today, problems)
    owner = _owner(typed, today, problems)
    owners = [owner] if owner else []
    more_owners = any(typed.get(name) for name in _OF_OWNERS)
    if more_owners and not any(each.field in {"owner", "owner_id"} for each in problems):
        owners = particulars.read_owners(owner, typed, today, problems)
    if typed.get("floors"):
        total = columns.get("total_built_area")
        details["floors"] = particulars.read_floors(typed, USES, total, problems)
    problems += particulars.check_areas(columns)
    if details or more:
        problems += particulars.check_order(issued_on, details, more, today)
        columns["details"] = details
    if problems or number is None:
        return Entry(None, problems, number)
    unverified = source == "backlog" or issued_on is None
    return Entry(
        NewPermit(
            center_code=center,
            number=number,
            permit_type=typed["permit_type"],
            legal_regime=typed["legal_regime"],
            issued_on=issued_on,
            source=source,
            people=People(owners, **parts, more=more),
            status=Status.MANUAL_UNVERIFIED if unverified else Status.VALID_NOT_STARTED,
            columns=columns,
        ),
        [],
        number,
    )


def _day(
    text: str, number: PermitNumber | None, today: date, problems: list[Problem]
) -> date | None:
    if not text.strip():
        problems.append(Problem("issued_on", N_("Choose the day on which it was issued")))
        return None
    day = read_day(text)
    if day is None:
        problems.append(Problem("issued_on", problem_of_day(text)))
        return None
    if not _FIRST_DAY <= day <= today:
        late = N_("This day has not come yet, or is too long ago")
        hijri = day.year in HIJRI
        problems.append(Problem("issued_on", problem_of_day(text) if hijri else late))
        return None
    # the number may be of the year before when the permit was written out in January
    if number is not None and not 0 <= day.year - number.year <= 1:
        problems.append(Problem("issued_on", N_("The day of issue does not fit the year")))
    return day


def _file(typed: Mapping[str, str], today: date, problems: list[Problem]) -> dict[str, Any]:
    """Where the paper lies. Which departments there are is the caller's to know."""
    typed_year = typed.get("file_year", "")
    year = read_year(typed_year, today.year) if typed_year else None
    if year is None and typed_year.strip():
        problems.append(Problem("file_year", LONG_YEAR))
    return {
        "file_no": (file_number(typed["file_no"]) or "") if typed["file_no"] else "",
        "file_year": year,
        "file_department": typed.get("file_department", "") or DEPARTMENT,
    }


def file_number(text: str) -> str | None:
    """The number of a paper file as it is compared: «٠٠١٢ / أ» is ``12/أ``; None for no number."""
    try:
        parts = clean_number(text).replace("\\", "/").split("/")
    except Unreadable:
        return None
    plain = [part.replace(" ", "") for part in parts]
    number = "/".join(str(int(part)) if part.isdecimal() else part for part in plain)
    return number if len(number) <= LONGEST_FILE_NUMBER else None


def read_year(text: str, this_year: int) -> int | None:
    """A year of paper books as people write it, or None."""
    year = fold_digits(text.strip())
    return (
        int(year) if year.isascii() and year.isdigit() and 1900 <= int(year) <= this_year else None
    )


def typed_of(permit: Permit) -> dict[str, str]:
    """What somebody would type to enter this permit: for its correction, and what that changed."""
    row = permit.row
    owner = permit.people.owners[0] if permit.people.owners else Owner("")
    number = permit.number
    typed = {name: str(row[name]) for name in ("permit_type", "legal_regime", *_TEXTS)}
    typed |= {
        "number": f"{number.number}/{number.letter}" if number.letter else str(number.number),
        "year": str(number.year),
        "issued_on": row["issued_on"].isoformat() if row["issued_on"] else "",
        "building_use": row["building_use"],
        "owner": owner.name,
        "owner_id": owner.national_id,
        "file_year": str(row["file_year"] or ""),
        "file_department": row["file_department"],
    }
    typed |= particulars.typed_of(permit)
    for name in _COUNTS:
        typed[name] = "" if row[name] is None else str(row[name])
    for name in _AREAS:
        typed[name] = "" if row[name] is None else f"{Decimal(row[name]) / 100:f}"
    return typed


def _texts(typed: Mapping[str, str], problems: list[Problem]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, longest in _TEXTS.items():
        try:
            found[name] = clean(typed[name]) if typed[name] else ""
        except Unreadable:
            problems.append(Problem(name, HIDDEN_CHARACTERS))
            continue
        if len(found[name]) > longest:
            problems.append(Problem(name, N_("Write at most {n} characters"), {"n": longest}))
    if not found.get("street", "-"):
        problems.append(Problem("street", N_("Write the name of the street")))
    return found


def _numbers(typed: Mapping[str, str], problems: list[Problem]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, most, whole in _NUMBERS:
        text = typed[name]
        if not text or text.isspace():
            continue
        value: Decimal | int | None
        if len(text) < 10 and text.isascii() and text.isdigit():  # nearly all
            value = int(text)
        else:
            value = parse_number(text)
        if value is None or value < 0 or value > most or (whole and value % 1):
            problems.append(Problem(name, N_("Write a number from 0 to {n}"), {"n": most}))
            continue
        found[name] = int(value) if whole else int(value * 100)
    return found


def _owner(typed: Mapping[str, str], today: date, problems: list[Problem]) -> Owner | None:
    try:
        name = clean_name(typed["owner"])
    except Unreadable:
        problems.append(Problem("owner", HIDDEN_CHARACTERS))
        return None
    if len(name) > _LONGEST_NAME:
        problems.append(Problem("owner", N_("Write at most {n} characters"), {"n": _LONGEST_NAME}))
    if not typed["owner_id"].strip():
        return Owner(name) if name else None
    known = read_national_id(typed["owner_id"], today)
    if isinstance(known, str):
        text = N_("Write the 14 digits of the national ID, or leave it empty")
        problems.append(Problem("owner_id", text))
        return None
    if not name:
        problems.append(Problem("owner", N_("Write the owner's name, too")))
    return Owner(name, known.digits)
