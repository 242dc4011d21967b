"""One row of a paper book: the permit in it, and every cell that cannot be taken as it is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
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
from portal.sheets.workbook import day_of
from portal.text import fold_digits
from portal.vault import Vault

_FLAWS: Mapping[Flaw, str] = {
    Flaw.FORMULA: N_("This cell holds a formula: copy it and paste its value alone"),
    Flaw.ERROR: N_("The sheet could not work this cell out: write its value"),
    Flaw.LONG: N_("This cell holds more than any answer needs: shorten it"),
}
ELSEWHERE = N_("This row names another center: take it out, or send it to that center")
JOINED = N_("The cells {cells} are joined: split them and write the value into each row")
TWICE = N_("The same permit stands in row {row} already: take one of them out")
DIFFERENT = N_(
    "The register has this permit and says something else here: compare both and mend the wrong one"
)
_CHOICES = ("permit_type", "legal_regime", "building_use")
# 215.0 is how programs write the number 215
_POINT_NOUGHT = re.compile(r"([0-9]{1,15})\.0+")
_WHOLE = ("number", "year", "file_no", "building_no", "plot_no", "owner_id")
_SERIAL_DAY = re.compile(r"[0-9]{4,5}")


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
    ) -> None:
        """``last_days``: by kind of permit, up to when one on paper counts."""
        self._columns = sorted(mapping.items(), key=lambda each: each[1])
        self._empty = dict.fromkeys(FIELDS, "") | dict(assumed)
        self._center, self._today = center, today
        self._center_at = mapping.get(CENTER)
        self._epoch_1904 = epoch_1904
        self._last_days = last_days
        names = (center.code, center.ar, center.en, center.place_ar, center.place_en)
        self._own_names = frozenset(fold(name) for name in names)

    def check(self, row_no: int, cells: Sequence[str]) -> Checked:
        typed, flawed = dict(self._empty), list[Problem]()
        width = len(cells)
        for field, position in self._columns:
            cell = cells[position] if position < width else ""
            if type(cell) is not str and isinstance(cell, Flawed):
                flawed.append(Problem(field, _FLAWS[cell.flaw]))
                typed[field] = ""
            elif cell:
                typed[field] = cell
        self._read(typed)
        entry = read_entry(typed, self._center.code, self._today, source="backlog")
        problems = entry.problems
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
        for field in _CHOICES:
            if typed[field]:
                typed[field] = read_choice(field, typed[field])
        for field in _WHOLE:
            if typed[field].endswith("0"):
                found = _POINT_NOUGHT.fullmatch(typed[field])
                if found:
                    typed[field] = found[1]
        day = typed["issued_on"]
        if self._epoch_1904 is not None and _SERIAL_DAY.fullmatch(day):
            typed["issued_on"] = day_of(day, epoch_1904=self._epoch_1904) or day

    def _is_own(self, text: str) -> bool:
        return not text.strip() or _folded(text) in self._own_names


@lru_cache(256)
def _folded(text: str) -> str:
    return fold(text)


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
