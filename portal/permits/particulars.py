"""What a permit holds beside what everybody asks for (facts §6.1): how each is typed and kept.

A particular stands in a column of the register, in its ``details``, or, sealed, with the people
that the permit names: whatever names or touches a person is never open to anyone (§6.3).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

from portal.catalogue.identity import local_mobile, read_mobile, read_national_id
from portal.permits.numbers import read_number
from portal.permits.reading import Owner, Permit
from portal.permits.spellings import fold, read_day, spellings
from portal.problems import HIDDEN_CHARACTERS, N_, Problem
from portal.text import Unreadable, clean, clean_name, fold_digits, parse_number


class Kind(StrEnum):
    """How a particular is typed."""

    TEXT = "text"
    COUNT = "count"
    MEASURE = "measure"
    """With two places, kept in hundredths: square metres, metres."""
    MONEY = "money"
    DAY = "day"
    CHOICE = "choice"
    PERMIT = "permit"


class Place(StrEnum):
    """Where a particular is kept."""

    COLUMN = "column"
    DETAILS = "details"
    PEOPLE = "people"
    """A part of :class:`~portal.permits.reading.People`."""
    MORE = "more"
    """With the people, by its name."""


@dataclass(frozen=True)
class Particular:
    """One of them; ``most`` is the longest text or the largest number."""

    name: str
    kind: Kind
    place: Place
    label: str
    key: str = ""
    most: int = 120
    choices: Mapping[str, str] = field(default_factory=dict)

    @property
    def kept_as(self) -> str:
        return self.key or self.name

    @property
    def personal(self) -> bool:
        return self.place in {Place.PEOPLE, Place.MORE}


STRUCTURES = {
    "concrete_frame": N_("Concrete frame"),
    "bearing_walls": N_("Bearing walls"),
    "steel": N_("Steel"),
    "other": N_("Other"),
}
CAPACITIES = {
    "owner": N_("Owner"),
    "co_owner": N_("Co-owner"),
    "heir": N_("Heir"),
    "holder": N_("Holder"),
    "company_rep": N_("Company"),
    "public_body": N_("Public body"),
}

_T, _N, _M, _D = Kind.TEXT, Kind.COUNT, Kind.MEASURE, Kind.DAY
_C, _S, _P, _R = Place.COLUMN, Place.DETAILS, Place.PEOPLE, Place.MORE
_A = Particular
GROUPS: Mapping[str, tuple[Particular, ...]] = {
    N_("Days and papers"): (
        _A("applied_on", _D, _S, N_("Applied on")),
        _A("exam_paid_on", _D, _S, N_("Examination paid on")),
        _A("approved_on", _D, _S, N_("Approved on")),
        _A("received_on", _D, _S, N_("Received by the owner on")),
        _A("notified_start_on", _D, _S, N_("Notice of the beginning on")),
        _A("base_permit", Kind.PERMIT, _C, N_("The permit that it changes")),
        _A(
            "site_statement",
            _T,
            _S,
            N_("Number of the site validity statement"),
            "site_statement_number",
            40,
        ),
        _A(
            "works_certificate",
            _T,
            _S,
            N_("Number of the certificate that the works are fit to be permitted"),
            "works_validity_certificate_no",
            60,
        ),
        _A("drawings", _T, _S, N_("Numbers of the drawings"), most=200),
    ),
    N_("Boundaries"): (
        _A("north", _T, _R, N_("North")),
        _A("south", _T, _R, N_("South")),
        _A("east", _T, _R, N_("East")),
        _A("west", _T, _R, N_("West")),
    ),
    N_("The building"): (
        _A("footprint_area", _M, _C, N_("Area of the ground floor"), most=100_000_000),
        _A("height_m", _M, _C, N_("Height"), "height_cm", 1000),
        _A("roof_rooms", _N, _S, N_("Rooms on the roof"), most=50),
        _A("parking_spaces", _N, _S, N_("Parking spaces"), most=5000),
        _A("elevators", _N, _S, N_("Lifts"), "elevators_count", 50),
        _A("structure_system", Kind.CHOICE, _S, N_("Structural system"), choices=STRUCTURES),
        _A(
            "estimated_value",
            Kind.MONEY,
            _S,
            N_("Estimated value of the works"),
            most=5_000_000_000,
        ),
    ),
    N_("Engineers, contractor, insurance"): (
        _A("designer", _T, _P, N_("Designing engineer")),
        _A("designer_no", _T, _R, N_("Number in the syndicate (designing engineer)"), most=20),
        _A("supervisor", _T, _P, N_("Supervising engineer")),
        _A("supervisor_no", _T, _R, N_("Number in the syndicate (supervising engineer)"), most=20),
        _A("supervisor_office", _T, _R, N_("Office of the supervising engineer")),
        _A("supervisor_register", _T, _R, N_("Register number of the office"), most=30),
        _A("contractor", _T, _P, N_("Contractor")),
        _A("contractor_no", _T, _R, N_("Number in the union of contractors"), most=30),
        _A("insurer", _T, _R, N_("Insurance company")),
        _A("insurance_policy", _T, _P, N_("Number of the insurance policy"), most=60),
        _A("insured_from", _D, _R, N_("Insured from")),
        _A("insured_until", _D, _R, N_("Insured until")),
    ),
    N_("Fees and signatures"): (
        _A("fees_paid", Kind.MONEY, _S, N_("Fees paid"), most=1_000_000_000),
        _A("receipts", _T, _S, N_("Numbers of the receipts"), most=200),
        _A("engineer_signed", _T, _R, N_("Signed by the engineer")),
        _A("manager_signed", _T, _R, N_("Signed by the manager of the department")),
        _A("head_signed", _T, _R, N_("Signed by the head of the unit")),
    ),
}
"""By what they are about, as forms and pages show them."""

BY_NAME = {each.name: each for group in GROUPS.values() for each in group}
OWNER_FIELDS = ("owner_mobile", "owner_share", "owner_capacity")
LINES = ("co_owners", "floors")
"""What is typed one a line."""
NAMES = (*OWNER_FIELDS, *LINES, *BY_NAME)
FROM_FILES = (
    "owner_mobile",
    "base_permit",
    "footprint_area",
    "height_m",
    "designer",
    "supervisor",
    "contractor",
    "insurance_policy",
)
"""Those that a column of a paper book may hold."""
LONGEST_LINES = 4000
MOST_OWNERS = 60
MOST_FLOORS = 66
_FIRST_YEAR = 1900
_KARATS = 24
_BETWEEN = "،,;؛\t|"


# --- what was typed


def read(
    typed: Mapping[str, str], this_year: int, problems: list[Problem]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, str]]:
    """Columns, details, parts of the people and what is sealed beside them; what is left empty is
    in none of them."""
    found: dict[Place, dict[str, Any]] = {place: {} for place in Place}
    for name, each in BY_NAME.items():
        text = typed.get(name, "")
        if text and not text.isspace():
            value = _value(each, text, this_year, problems)
            if value is not None:
                found[each.place][each.kept_as] = value
    return found[_C], found[_S], found[_P], found[_R]


def _value(each: Particular, text: str, this_year: int, problems: list[Problem]) -> Any:
    match each.kind:
        case Kind.DAY:
            day = read_day(text)
            if day is None or not _FIRST_YEAR <= day.year <= this_year + 50:
                problems.append(Problem(each.name, N_("There is no such day")))
                return None
            return day.isoformat()
        case Kind.CHOICE:
            if text not in each.choices:
                problems.append(Problem(each.name, N_("Choose one of the list")))
                return None
            return text
        case Kind.PERMIT:
            number = read_number(text, this_year)
            if number is None:
                said = N_("Write the number and the year, such as 215 and 2025")
                problems.append(Problem(each.name, said))
                return None
            return number.canonical
        case Kind.TEXT:
            return _text(each, text, problems)
    value = parse_number(text)
    whole = each.kind is Kind.COUNT
    if value is None or value < 0 or value > each.most or (whole and value % 1):
        said = N_("Write a number from 0 to {n}")
        problems.append(Problem(each.name, said, {"n": each.most}))
        return None
    if whole:
        return int(value)
    return int(value * 100) if each.kind is Kind.MEASURE else f"{round(value, 2):f}"


def _text(each: Particular, text: str, problems: list[Problem]) -> str | None:
    try:
        plain = clean(text)
    except Unreadable:
        problems.append(Problem(each.name, HIDDEN_CHARACTERS))
        return None
    if len(plain) > each.most:
        problems.append(Problem(each.name, N_("Write at most {n} characters"), {"n": each.most}))
        return None
    return plain


def check_order(
    issued_on: date | None, details: Mapping[str, Any], more: Mapping[str, str], today: date
) -> list[Problem]:
    """What is wrong with how the days follow each other: of the steps, the first that does not."""
    problems: list[Problem] = []
    last = date.min
    for name in ("applied_on", "exam_paid_on", "approved_on", "issued_on", "received_on"):
        day = issued_on if name == "issued_on" else _day(details.get(name))
        if day is None:
            continue
        if name != "issued_on" and day > today:
            problems.append(Problem(name, N_("This day has not come yet")))
        elif day < last and name != "issued_on":
            problems.append(Problem(name, N_("This day is before the step that comes earlier")))
        elif day < last:
            text = N_("The day of issue is before the application, its payment or its approval")
            problems.append(Problem(name, text))
        if problems:
            break
        last = day
    notified = _day(details.get("notified_start_on"))
    if notified is not None and notified > today:
        problems.append(Problem("notified_start_on", N_("This day has not come yet")))
    elif notified is not None and issued_on is not None and notified < issued_on:
        text = N_("This day is before the day of issue")
        problems.append(Problem("notified_start_on", text))
    since, until = _day(more.get("insured_from")), _day(more.get("insured_until"))
    if since is not None and until is not None and until < since:
        problems.append(Problem("insured_until", N_("The insurance ends before it begins")))
    return problems


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def check_areas(columns: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with how the areas fit each other."""
    plot, ground = columns.get("plot_area"), columns.get("footprint_area")
    total = columns.get("total_built_area")
    problems = []
    if plot and ground and ground > plot:
        text = N_("The ground floor is larger than the plot")
        problems.append(Problem("footprint_area", text))
    if ground and total and total < ground:
        text = N_("All floors together are smaller than the ground floor")
        problems.append(Problem("total_built_area", text))
    return problems


# --- owners


def read_owners(
    first: Owner | None, typed: Mapping[str, str], today: date, problems: list[Problem]
) -> list[Owner]:
    """All owners: the one of the form with what is his, then those of the lines."""
    owners: list[Owner] = []
    before = len(problems)
    if first is not None:
        mobile = _mobile(typed.get("owner_mobile", ""), first, problems)
        capacity = typed.get("owner_capacity", "")
        if capacity and capacity not in CAPACITIES:
            problems.append(Problem("owner_capacity", N_("Choose one of the list")))
        share = typed.get("owner_share", "").strip()
        if share and _share(share) is None:
            problems.append(Problem("owner_share", SHARE))
        owners.append(Owner(first.name, first.national_id, mobile, _plain(share), capacity))
    elif any(typed.get(name, "").strip() for name in OWNER_FIELDS):
        problems.append(Problem("owner", N_("Write the owner's name, too")))
    for number, line in _lines("co_owners", typed, MOST_OWNERS, problems):
        owner = _owner(line, number, today, problems)
        if owner is not None:
            owners.append(owner)
    if len(problems) == before:
        _check_owners(owners, problems)
    return owners


_SHARE = re.compile(
    r"(?P<part>\d{1,6}(?:\.\d{1,6})?)(?:\s*/\s*(?P<of>\d{1,6})|\s*(?P<percent>%)|\s+(?P<word>\D+))?",
    re.ASCII,
)
SHARE = N_("Write the share as 1/3, 50 % or 8 karats")


def _mobile(text: str, owner: Owner, problems: list[Problem]) -> str:
    if not text.strip():
        return ""
    mobile = read_mobile(text)
    if mobile is None:
        said = N_("Write a mobile of Egypt, such as 01012345678")
        problems.append(Problem("owner_mobile", said))
    elif not owner.national_id:
        said = N_("A mobile proves who the owner is only beside his national ID: write both")
        problems.append(Problem("owner_mobile", said))
    return mobile or ""


def _plain(share: str) -> str:
    return " ".join(fold_digits(share).replace("٪", "%").split())


def _share(text: str) -> Fraction | None:
    """A share of the whole: 1/3, 50 %, 8 karats of 24; None where it is none of these."""
    plain = fold_digits(text).replace("٪", "%").replace("٫", ".").strip()
    said = _SHARE.fullmatch(plain)
    if said is None or not int(said["of"] or 1):
        return None
    share = Fraction(said["part"]) / int(said["of"] or 1)
    if said["percent"]:
        share /= 100
    elif said["word"]:
        if fold(said["word"]) not in spellings().terms["karat"]:
            return None
        share /= _KARATS
    elif not said["of"] and share != 1:
        return None
    return share if 0 < share <= 1 else None


def _owner(line: str, number: int, today: date, problems: list[Problem]) -> Owner | None:
    name, *rest = _cells(line)
    known = {"national_id": "", "mobile": "", "share": "", "capacity": ""}
    for part in rest:
        what, value = _part(part, today)
        if not what or known[what]:
            said = N_("Line {n}: “{text}” is no national ID, mobile, share or capacity")
            problems.append(Problem("co_owners", said, {"n": number, "text": part[:60]}))
            return None
        known[what] = value
    if known["mobile"] and not known["national_id"]:
        said = N_("Line {n}: a mobile needs the national ID beside it")
        problems.append(Problem("co_owners", said, {"n": number}))
    if not name or any(letter.isdigit() for letter in name) or len(name) > 120:
        said = N_("Line {n}: begin with the name of the owner")
        problems.append(Problem("co_owners", said, {"n": number}))
        return None
    return Owner(clean_name(name), **known)


def _part(text: str, today: date) -> tuple[str, str]:
    """What a part of an owner's line is, and its value."""
    card = read_national_id(text, today)
    if not isinstance(card, str):
        return "national_id", card.digits
    mobile = read_mobile(text)
    if mobile is not None:
        return "mobile", mobile
    if _share(text) is not None:
        return "share", _plain(text)
    capacity = spellings().values["owner_capacity"].get(fold(text))
    return ("capacity", capacity) if capacity else ("", "")


def _check_owners(owners: Sequence[Owner], problems: list[Problem]) -> None:
    ids = [owner.national_id for owner in owners if owner.national_id]
    if len(ids) != len(set(ids)):
        text = N_("The same national ID stands beside two owners")
        problems.append(Problem("co_owners", text))
    shares = [share for owner in owners if owner.share and (share := _share(owner.share))]
    whole = sum(shares, Fraction(0))
    if whole > 1 or (len(shares) == len(owners) and shares and whole != 1):
        text = N_("The shares of the owners do not make one whole")
        problems.append(Problem("co_owners" if len(owners) > 1 else "owner_share", text))


# --- floors


def read_floors(
    typed: Mapping[str, str],
    uses: Mapping[str, str],
    total: int | None,
    problems: list[Problem],
) -> list[dict[str, str]]:
    """The floors one by one: name, use, area, units. ``total`` is the built area, in hundredths."""
    floors: list[dict[str, str]] = []
    for number, line in _lines("floors", typed, MOST_FLOORS, problems):
        floor = _floor(line, uses)
        if floor is None:
            text = N_("Line {n}: write name, use, area and units, such as: ground, shop, 150, 2")
            problems.append(Problem("floors", text, {"n": number}))
        else:
            floors.append(floor)
    areas = [Decimal(floor["floor_area"]) for floor in floors if floor.get("floor_area")]
    if floors and total and len(areas) == len(floors):
        built = Decimal(total) / 100
        if abs(sum(areas) - built) > built / 100:
            text = N_("The areas of the floors do not make the built area of all floors")
            problems.append(Problem("floors", text))
    return floors


def _floor(line: str, uses: Mapping[str, str]) -> dict[str, str] | None:
    name, *rest = _cells(line)
    numbers = [value for part in rest if (value := parse_number(part)) is not None]
    words = [part for part in rest if parse_number(part) is None]
    if not name or len(name) > 60 or len(words) > 1 or len(numbers) > 2:
        return None
    floor = {"floor_name": name}
    if words:
        use = words[0] if words[0] in uses else read_use(words[0])
        if use not in uses:
            return None
        floor["floor_use"] = use
    if numbers:
        if not 0 < numbers[0] <= 2_000_000:
            return None
        floor["floor_area"] = f"{round(numbers[0], 2):f}"
    if len(numbers) == 2:
        if numbers[1] % 1 or not 0 <= numbers[1] <= 5000:
            return None
        floor["units"] = str(int(numbers[1]))
    return floor


def read_use(text: str) -> str:
    """The code of a use as people write it, or the text itself."""
    return spellings().values["building_use"].get(fold(text), text)


def _lines(
    name: str, typed: Mapping[str, str], most: int, problems: list[Problem]
) -> list[tuple[int, str]]:
    text = typed.get(name, "")
    if not text or text.isspace():
        return []
    try:
        plain = clean(text, lines=True)
    except Unreadable:
        problems.append(Problem(name, HIDDEN_CHARACTERS))
        return []
    lines = [(at, each) for at, each in enumerate(plain.split("\n"), 1) if each.strip()]
    if len(lines) > most or len(plain) > LONGEST_LINES:
        problems.append(Problem(name, N_("Write at most {n} lines"), {"n": most}))
        return []
    return lines


def _cells(line: str) -> list[str]:
    for mark in _BETWEEN[1:]:
        line = line.replace(mark, _BETWEEN[0])
    return [" ".join(cell.split()) for cell in line.split(_BETWEEN[0])]


# --- what is kept


def typed_of(permit: Permit) -> dict[str, str]:
    """What somebody would type of a permit's particulars."""
    row, people = permit.row, permit.people
    places: Mapping[Place, Mapping[str, Any]] = {
        _C: row,
        _S: row["details"],
        _P: {"designer": people.designer, "supervisor": people.supervisor}
        | {"contractor": people.contractor, "insurance_policy": people.insurance_policy},
        _R: people.more,
    }
    typed = {
        name: _typed(each, places[each.place].get(each.kept_as)) for name, each in BY_NAME.items()
    }
    first = people.owners[0] if people.owners else Owner("")
    typed |= {
        "owner_mobile": local_mobile(first.mobile) if first.mobile else "",
        "owner_share": first.share,
        "owner_capacity": first.capacity,
        "co_owners": "\n".join(map(_line_of, people.owners[1:])),
        "floors": "\n".join(map(_line_of_floor, row["details"].get("floors") or ())),
    }
    return typed


def _typed(each: Particular, value: Any) -> str:
    if value is None or value == "":
        return ""
    return f"{Decimal(value) / 100:f}" if each.kind is Kind.MEASURE else str(value)


def _line_of(owner: Owner) -> str:
    mobile = local_mobile(owner.mobile) if owner.mobile else ""
    capacity = spellings().words["owner_capacity"].get(owner.capacity, "")
    parts = (owner.name, owner.national_id, mobile, owner.share, capacity)
    return "، ".join(part for part in parts if part)


def _line_of_floor(floor: Mapping[str, Any]) -> str:
    use = str(floor.get("floor_use") or "")
    said = spellings().words["building_use"].get(use, use)
    parts = (floor.get("floor_name"), said, floor.get("floor_area"), floor.get("units"))
    return "، ".join(str(part) for part in parts if part not in {None, ""})


def told(permit: Permit) -> list[tuple[str, list[tuple[Particular, str]]]]:
    """What the register holds of them, by what it is about: nothing empty."""
    typed = typed_of(permit)
    groups = [
        (title, [(each, typed[each.name]) for each in group]) for title, group in GROUPS.items()
    ]
    filled = [(title, [pair for pair in pairs if pair[1]]) for title, pairs in groups]
    return [(title, pairs) for title, pairs in filled if pairs]


def built_ratio(row: Mapping[str, Any]) -> Decimal | None:
    """The part of the plot that is built on, in hundredths; None where an area is not known."""
    plot, ground = row["plot_area"], row["footprint_area"]
    return Decimal(ground * 100) / plot if plot and ground else None
