"""What an import will bring, before it does: its first rows as they will be entered, and which rows
contradict the register."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, and_, func, select

from portal.permits.checking import DIFFERENT
from portal.permits.importing import Import
from portal.permits.model import (
    PEOPLE,
    BuildingPermit,
    PermitImportProblem,
    PermitImportRow,
)
from portal.permits.numbers import PermitNumber
from portal.permits.reading import IN_REGISTER
from portal.vault import Vault

_R = PermitImportRow


@dataclass(frozen=True)
class Ready:
    """A row as the register will have it."""

    row_no: int
    number: PermitNumber
    permit_type: str
    legal_regime: str
    issued_on: date | None
    street: str
    building_no: str
    building_use: str
    floors_above: int | None
    owner: str


def first(db: Connection, vault: Vault, import_id: int, most: int = 5) -> list[Ready]:
    """The first good rows."""
    rows = db.execute(
        select(
            _R.row_no,
            _R.number,
            _R.letter,
            _R.year,
            _R.permit_type,
            _R.legal_regime,
            _R.issued_on,
            _R.street,
            _R.building_no,
            _R.building_use,
            _R.floors_above,
            _R.people,
        )
        .where(_R.import_id == import_id, _R.fate == "good")
        .order_by(_R.row_no)
        .limit(most)
    )
    return [
        Ready(
            row.row_no,
            PermitNumber(row.number, row.letter, row.year),
            row.permit_type,
            row.legal_regime,
            row.issued_on,
            row.street,
            row.building_no,
            row.building_use,
            row.floors_above,
            _owner(vault, row.people),
        )
        for row in rows
    ]


def _owner(vault: Vault, people: bytes | None) -> str:
    owners = vault.open_json(PEOPLE, people)["owners"] if people else []
    return str(owners[0]["name"]) if owners else ""


def contradicting(db: Connection, import_id: int) -> int:
    """How many rows say something else than the register."""
    problem = PermitImportProblem
    return (
        db.scalar(
            select(func.count(problem.row_no.distinct())).where(
                problem.import_id == import_id, problem.msgid == DIFFERENT
            )
        )
        or 0
    )


def in_register(db: Connection, book: Import, rows: range | Collection[int]) -> Mapping[int, int]:
    """By row, the id of the permit that the register has under its number."""
    if isinstance(rows, range):
        chosen = _R.row_no.between(rows.start, rows.stop - 1)
    else:
        chosen = _R.row_no.in_(rows)
    same_number = and_(
        BuildingPermit.center_code == book.center_code,
        BuildingPermit.year == _R.year,
        BuildingPermit.number == _R.number,
        BuildingPermit.letter == _R.letter,
        IN_REGISTER,
    )
    found = db.execute(
        select(_R.row_no, BuildingPermit.id)
        .join(BuildingPermit, same_number)
        .where(_R.import_id == book.id, chosen)
    )
    return {row.row_no: row.id for row in found}
