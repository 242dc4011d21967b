"""One row of a paper book: the permit in it, and every cell that cannot be taken as it is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from portal.clock import public_id
from portal.permits import cutoffs
from portal.permits.columns import CENTER, read_choice
from portal.permits.entering import FIELDS, read_entry
from portal.permits.model import OWNER_ID, OWNER_MOBILE, PEOPLE
from portal.permits.numbers import PermitNumber
from portal.permits.reading import Permit
from portal.permits.registry import NewPermit, street_key
from portal.permits.spellings import fold
from portal.permits.validity import Term
from portal.places.model import Center
from portal.problems import N_, Problem
from portal.sheets.table import Flaw, Flawed
from portal.sheets.values import day_of
from portal.text import fold_digits
from portal.vault import Vault

_FLAWS: Mapping[Flaw, str] = {
    Flaw.FORMULA: N_("This cell holds a formula: copy it and paste its value alone"),
    Flaw.ERROR: N_("The sheet could not work this cell out: write its value"),
    Flaw.LONG: N_("This cell holds more than any answer needs: shorten it"),
    Flaw.DAMAGED: N_("Letters of this cell were lost before the file came: write it again"),
    Flaw.SWALLOWED: N_(
        "A quotation mark is opened in this row and not closed: the rows that follow stand in one "
        "of its cells"
    ),
}
ELSEWHERE = N_("This row names another center: take it out, or send it to that center")
JOINED = N_("The cells {cells} are joined: split them and write the value into each row")
TWICE = N_("The same permit stands in row {row} already: take one of them out")
CONTRARY = N_(
    "Row {row} names the same permit and says something else here: compare both with the paper"
)
DIFFERENT = N_(
    "The register has this permit and says something else here: compare both and mend the wrong one"
)
CHOICES = ("permit_type", "legal_regime", "building_use")
# 215.0 is how programs write the number 215
_POINT_NOUGHT = re.compile(r"([0-9]{1,15})\.0+")
_WHOLE = ("number", "year", "file_no", "building_no", "plot_no", "owner_id")
# what a spreadsheet shows where it could not compute, or where a column is too narrow
_ERROR = re.compile(r"#(?:REF!|N/A|VALUE!|DIV/0!|NAME\?|NUM!|NULL!|SPILL!|CALC!|FIELD!|#+)")
_LINES = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
_MEASURED = ("floors_above", "basements", "units_count", "plot_area", "total_built_area")
_UNIT = re.compile(
    r"(?<=\d)\s*(?:م|م\s?[2٢²]|متر|متر مربع|m|m[2²]|sqm"
    r"|دور|[أا]دوار|طوابق|وحدة|وحدات|شقة|شقق)\.?\s*$",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[^\W\d_]{2,}")
# from 1927 to 2173; four figures in a column of days are a year
_SERIAL_DAY = re.compile(r"[0-9]{5}")


@dataclass
class Checked:
    """A row that was looked at."""

    row_no: int
    number: PermitNumber | None
    permit: NewPermit | None
    problems: list[Problem]
    cells: Sequence[str]


class RowCheck:
    """Checks the rows of one file, for one center, as of one day."""

    def __init__(
        self,
        mapping: Mapping[str, int],
        assumed: Mapping[str, str],
        center: Center,
        today: date,
        epoch_1904: bool | None,
        last_days: Mapping[str, date] = MappingProxyType({}),
        meanings: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    ) -> None:
        """``last_days``: by kind of permit, up to when one on paper counts. ``meanings``: by
        field, what folded words of this file stand for."""
        self._columns = sorted(mapping.items(), key=lambda each: each[1])
        self._empty = dict.fromkeys(FIELDS, "") | dict(assumed)
        self._center, self._today = center, today
        self._center_at = mapping.get(CENTER)
        self._epoch_1904 = epoch_1904
        self._last_days = last_days
        self._meanings = meanings
        names = (center.code, center.ar, center.en, center.place_ar, center.place_en)
        self._own_names = frozenset(map(_folded, names))
        self._own_words = frozenset(_folded(center.place_ar).split()) | _UNITS
        self._year_at = mapping.get("year")

    def check(self, row_no: int, cells: Sequence[str]) -> Checked:
        typed, flawed = dict(self._empty), list[Problem]()
        width = len(cells)
        for field, position in self._columns:
            cell = cells[position] if position < width else ""
            if not cell:
                continue
            if type(cell) is str and cell[0] != "#":
                typed[field] = cell
                continue
            flaw = cell.flaw if isinstance(cell, Flawed) else None
            if flaw is None and _ERROR.fullmatch(cell):
                flaw = Flaw.ERROR
            if flaw is not None:
                flawed.append(Problem(field, _FLAWS[flaw]))
            typed[field] = "" if flaw else cell
            if flaw is Flaw.SWALLOWED:  # nothing else can be said of such a row
                return Checked(row_no, None, None, flawed, cells)
        self._read(typed)
        entry = read_entry(typed, self._center.code, self._today, source="backlog")
        if entry.problems and self._mend(typed):
            entry = read_entry(typed, self._center.code, self._today, source="backlog")
        problems = entry.problems
        if self._year_at is None:  # then it is asked for in the column of the number
            problems = [replace(p, field="number") if p.field == "year" else p for p in problems]
        if entry.permit is not None and self._last_days:
            kind, day = entry.permit.permit_type, entry.permit.issued_on
            late = cutoffs.problem(self._last_days, kind, day)
            problems = [late] if late else problems
        elsewhere = self._center_at is not None and not self._is_own(typed.get(CENTER, ""))
        if flawed or elsewhere:
            told = {each.field for each in flawed}
            problems = [*flawed, *(each for each in problems if each.field not in told)]
            if elsewhere and CENTER not in told:
                problems.append(Problem(CENTER, ELSEWHERE))
        permit = None if problems else entry.permit
        return Checked(row_no, entry.number, permit, problems, cells)

    def _read(self, typed: dict[str, str]) -> None:
        """What a spreadsheet makes of what people type, and what they type for a code."""
        for field in CHOICES:
            if typed[field]:
                said = self._meanings.get(field)
                known = said.get(_folded(typed[field])) if said else None
                typed[field] = known or read_choice(field, typed[field])
        for field in _WHOLE:
            if typed[field].endswith("0"):
                found = _POINT_NOUGHT.fullmatch(typed[field])
                if found:
                    typed[field] = found[1]
        day = typed["issued_on"]
        if self._epoch_1904 is not None and _SERIAL_DAY.fullmatch(day):
            typed["issued_on"] = day_of(day, epoch_1904=self._epoch_1904) or day

    def _mend(self, typed: dict[str, str]) -> bool:
        """What is no mistake, and seldom: lines within a cell, «١٧٥ م٢» for an area, and the
        center's name by the number, as in «رخصة رقم ٢٥ لسنة ٢٠٢٣ دسوق». Whether there was any."""
        lines = {
            field: _LINES.sub(" ", text) for field, text in typed.items() if _LINES.search(text)
        }
        typed.update(lines)
        units = {
            field: _UNIT.sub("", typed[field]) for field in _MEASURED if _UNIT.search(typed[field])
        }
        typed.update(units)
        number = _WORDS.sub(lambda word: self._left_of(word[0]), typed["number"])
        named = number != typed["number"]
        typed["number"] = number
        return bool(lines) or bool(units) or named

    def _left_of(self, word: str) -> str:
        return " " if fold(word) in self._own_words else word

    def _is_own(self, text: str) -> bool:
        named = _folded(text)
        return not named or named in self._own_names


@lru_cache(256)
def _folded(text: str) -> str:
    """The name of a center without what kind of unit it is: «مدينة دسوق» and «دسوق» are one."""
    words = fold(text).split()
    return " ".join([word for word in words if word not in _UNITS] or words)


_UNITS = frozenset(
    fold(each) for each in ("مركز", "ومركز", "مدينة", "ومدينة", "لمدينة", "حي", "لحي", "رئاسة")
)


# every column of a staged row that only a good one fills
_BLANK: Mapping[str, Any] = {
    "permit_type": "",
    "legal_regime": "",
    "base_permit": "",
    "file_no": "",
    "area": "",
    "street": "",
    "street_key": "",
    "building_no": "",
    "plot_no": "",
    "building_use": "",
    "plot_area": None,
    "footprint_area": None,
    "height_cm": None,
    "total_built_area": None,
    "floors_above": None,
    "basements": None,
    "units_count": None,
    "issued_on": None,
    "must_start_by": None,
    "people": None,
    "national_id": None,
    "national_id_index": None,
    "mobile": None,
    "mobile_index": None,
}


def staged(checked: Checked, vault: Vault) -> dict[str, Any]:
    """The row as it waits for the register, what is personal sealed for the place it goes to."""
    number, permit = checked.number, checked.permit
    row = {
        "row_no": checked.row_no,
        "fate": "bad" if permit is None else "good",
        "serial": public_id(),
        "year": number.year if number else 0,
        "number": number.number if number else 0,
        "letter": number.letter if number else "",
        **_BLANK,
    }
    if permit is None:
        return row
    row.update({name: permit.columns[name] for name in permit.columns if name in _BLANK})
    row["permit_type"], row["legal_regime"] = permit.permit_type, permit.legal_regime
    row["street_key"] = _street_key(row["street"])
    row["building_no"] = fold_digits(row["building_no"])
    row["issued_on"] = permit.issued_on
    if permit.issued_on is not None:
        row["must_start_by"] = Term(permit.issued_on, False, None, False).must_start_by
    row["people"] = vault.seal_json(PEOPLE, asdict(permit.people))
    known = [owner.national_id for owner in permit.people.owners if owner.national_id]
    if known:
        row["national_id"] = vault.seal(OWNER_ID, known[0])
        row["national_id_index"] = vault.index("national_id", known[0])
        mobile = permit.people.owners[0].mobile
        if mobile:
            row["mobile"] = vault.seal(OWNER_MOBILE, mobile)
            row["mobile_index"] = vault.index("mobile", mobile)
    return row


_street_key = lru_cache(4096)(street_key)
_COMPARED = (
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
    "footprint_area",
    "total_built_area",
    "base_permit",
)


def differences(new: NewPermit, known: Permit) -> list[str]:
    """The fields in which a row contradicts the register; what it leaves out does not."""
    found = [
        name
        for name, ours, theirs in (
            ("permit_type", new.permit_type, known.row["permit_type"]),
            ("legal_regime", new.legal_regime, known.row["legal_regime"]),
            ("issued_on", new.issued_on, known.row["issued_on"]),
        )
        if ours != theirs
    ]
    for name in _COMPARED:
        ours = new.columns.get(name)
        if name == "building_no":
            ours = fold_digits(ours or "")
        if ours not in {None, ""} and ours != known.row[name]:
            found.append(name)
    for owner in new.people.owners:
        if owner.name not in {each.name for each in known.people.owners}:
            found.append("owner")
        ids = {each.national_id for each in known.people.owners}
        if owner.national_id and owner.national_id not in ids:
            found.append("owner_id")
    return found
