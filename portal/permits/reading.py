"""The register as it is read: one permit by its names, the acts on it, lists of a center."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as attribute
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    literal_column,
    select,
)

from portal.db import LARGEST_ID
from portal.permits.model import CHANGES, NOTE, PEOPLE, BuildingPermit, PermitAct
from portal.permits.numbers import PermitNumber
from portal.permits.validity import Status, Term
from portal.problems import Missing
from portal.vault import Vault

_MOST = 50
# as their indexes have them, without parameters: a database must see that the index answers
_UNVERIFIED = BuildingPermit.status == literal_column(f"'{Status.MANUAL_UNVERIFIED}'")
IN_REGISTER = BuildingPermit.review != literal_column("'rejected'")
"""What a reviewer found to be no permit at all stays for the center's eyes only."""


@dataclass(frozen=True)
class Owner:
    """An owner as the permit names him; ``national_id`` may be empty in old books."""

    name: str
    national_id: str = ""
    mobile: str = ""
    """Proves who signs in with the national ID (:mod:`portal.permits.owning`)."""
    share: str = ""
    """As the paper has it: a fraction, a percentage, or «24 قيراط»."""
    capacity: str = ""


@dataclass(frozen=True)
class People:
    """Who is named in a permit, and what is theirs: never open to anyone (facts §6.3)."""

    owners: Sequence[Owner] = ()
    designer: str = ""
    supervisor: str = ""
    contractor: str = ""
    insurance_policy: str = ""
    more: Mapping[str, str] = attribute(default_factory=dict)
    """What is seldom asked for, by its field: numbers in the syndicate, boundaries, fees."""


@dataclass(frozen=True)
class Permit:
    """A permit as the register has it; ``row`` has every column but the sealed one."""

    id: int
    center_code: str
    number: PermitNumber
    status: Status
    row: Mapping[str, Any]
    people: People

    @property
    def term(self) -> Term | None:
        """The dates that decide; None for a permit whose day of issue is not known."""
        if self.row["issued_on"] is None:
            return None
        return Term(
            self.row["issued_on"],
            self.row["renewed_on"] is not None,
            self.row["started_on"],
            self.row["start_disputed"],
        )


@dataclass(frozen=True)
class PastAct:
    """One line of a permit's history."""

    act: str
    status: str
    on: date | None
    actor: str
    at: datetime
    note: str
    changes: Mapping[str, Sequence[str]] = attribute(default_factory=dict)
    """Of a correction: by field what stood there, and what stands there since."""


@dataclass(frozen=True)
class Listed:
    """A permit in a list: nothing of it is sealed."""

    id: int
    number: PermitNumber
    permit_type: str
    status: Status
    street: str
    building_no: str
    issued_on: date | None
    must_start_by: date | None
    lapse_proposed_on: date | None
    review: str


_SEALED = BuildingPermit.people.key
_COLUMNS = [column for column in BuildingPermit.__table__.columns if column.name != _SEALED]


# Statements of every question are put together once: that costs more than asking the database
_ANY = select(*_COLUMNS, BuildingPermit.people)
NAMED = (
    BuildingPermit.center_code == bindparam("center"),
    BuildingPermit.year == bindparam("of_year"),
    BuildingPermit.number == bindparam("of_number"),
    BuildingPermit.letter == bindparam("of_letter"),
    IN_REGISTER,
)
_BY_NAME = _ANY.where(*NAMED)
_BY_SERIAL = _ANY.where(BuildingPermit.serial == bindparam("of_serial"), IN_REGISTER)
_BY_REQUEST = _ANY.where(BuildingPermit.request_number == bindparam("of_request"))
_BY_ID = _ANY.where(BuildingPermit.id == bindparam("of_id"))


def find(db: Connection, vault: Vault, center: str, number: PermitNumber) -> Permit | None:
    """The permit of this name, or None."""
    return _one(db, vault, _BY_NAME, **name_of(center, number))


def name_of(center: str, number: PermitNumber) -> dict[str, Any]:
    """What :data:`NAMED` asks for."""
    return {
        "center": center,
        "of_year": number.year,
        "of_number": number.number,
        "of_letter": number.letter,
    }


def by_serial(db: Connection, vault: Vault, serial: str) -> Permit | None:
    """The permit whose QR code this is, or None."""
    return _one(db, vault, _BY_SERIAL, of_serial=serial)


def by_request(db: Connection, vault: Vault, request_number: str) -> Permit | None:
    """The permit that was issued for a request, or None."""
    return _one(db, vault, _BY_REQUEST, of_request=request_number)


def by_id(db: Connection, vault: Vault, permit_id: int) -> Permit:
    found = _one(db, vault, _BY_ID, of_id=permit_id)
    if found is None:
        raise Missing("permit")
    return found


def of_center(db: Connection, vault: Vault, center: str, permit_id: int) -> Permit:
    """A permit of this center; any other is as missing as none."""
    if not 0 < permit_id <= LARGEST_ID:
        raise Missing("permit")
    permit = by_id(db, vault, permit_id)
    if permit.center_code != center:
        raise Missing("permit")
    return permit


def by_ids(db: Connection, vault: Vault, permit_ids: Sequence[int]) -> dict[int, Permit]:
    """Some hundred permits at once."""
    if not permit_ids:
        return {}
    rows = db.execute(_ANY.where(BuildingPermit.id.in_(permit_ids)))
    return {row["id"]: _permit(vault, row) for row in rows.mappings()}


def _one(db: Connection, vault: Vault, statement: Select[Any], **values: Any) -> Permit | None:
    row = db.execute(statement, values).mappings().one_or_none()
    return _permit(vault, row) if row is not None else None


def of_waiting(vault: Vault, row: Mapping[str, Any]) -> Permit:
    """A row that waits for the register, as the register would have it."""
    return _permit(vault, row)


def _permit(vault: Vault, row: Mapping[Any, Any]) -> Permit:
    values = dict(row)
    people = vault.open_json(PEOPLE, values.pop(_SEALED))
    owners = [Owner(**owner) for owner in people.pop("owners")]
    return Permit(
        values["id"],
        values["center_code"],
        PermitNumber(values["number"], values["letter"], values["year"]),
        Status(values["status"]),
        values,
        People(owners, **people),
    )


def history(db: Connection, vault: Vault, permit_id: int) -> list[PastAct]:
    """Every act, oldest first."""
    rows = db.execute(
        select(
            PermitAct.act,
            PermitAct.status,
            PermitAct.on,
            PermitAct.actor,
            PermitAct.at,
            PermitAct.note,
            PermitAct.changes,
        )
        .where(PermitAct.permit_id == permit_id)
        .order_by(PermitAct.revision)
    )
    return [
        PastAct(
            act,
            status,
            on,
            actor,
            at,
            vault.open(NOTE, note) if note else "",
            vault.open_json(CHANGES, changes) if changes else {},
        )
        for act, status, on, actor, at, note, changes in rows
    ]


def newest(db: Connection, vault: Vault, condition: ColumnElement[bool], most: int) -> list[Permit]:
    """Permits of the register, the newest first, those without a day last."""
    rows = db.execute(
        select(*_COLUMNS, BuildingPermit.people)
        .where(condition, IN_REGISTER)
        .order_by(BuildingPermit.issued_on.desc().nulls_last(), BuildingPermit.id.desc())
        .limit(most)
    )
    return [_permit(vault, row) for row in rows.mappings()]


def later(db: Connection, permit: Permit) -> list[PermitNumber]:
    """The permits of its center that change or extend this one, the newest first."""
    rows = db.execute(
        select(BuildingPermit.number, BuildingPermit.letter, BuildingPermit.year)
        .where(
            BuildingPermit.center_code == permit.center_code,
            BuildingPermit.base_permit == permit.number.canonical,
            BuildingPermit.base_permit != literal_column("''"),
            BuildingPermit.status.not_in([Status.MANUAL_UNVERIFIED, Status.REVOKED]),
            IN_REGISTER,
        )
        .order_by(BuildingPermit.id.desc())
        .limit(_MOST)
    )
    return [PermitNumber(*row) for row in rows]


@dataclass(frozen=True)
class Search:
    """What an employee looks for: each may be empty."""

    streets: Sequence[str] = ()
    """Spellings of one street, as they are compared."""
    building_no: str = ""
    file_no: str = ""
    departments: Sequence[str] = ()
    """Whose files: all of them, so that the index of files answers."""


def listed(
    db: Connection,
    center: str,
    *,
    before: int | None = None,
    only: str = "",
    search: Search | None = None,
    most: int = 25,
) -> list[Listed]:
    """The newest permits of a center, those before id ``before``; ``only`` is ``lapsing``,
    ``unverified`` (to be reviewed), ``returned`` (to be corrected) or ``rejected``."""
    conditions: list[ColumnElement[bool]] = [BuildingPermit.center_code == center]
    if only in {"returned", "rejected"}:
        conditions.append(BuildingPermit.review == only)
    else:
        conditions.append(IN_REGISTER)
    if before is not None:
        conditions.append(BuildingPermit.id < before)
    if only == "lapsing":
        conditions.append(BuildingPermit.lapse_proposed_on.is_not(None))
    if only == "unverified":
        conditions += [_UNVERIFIED, BuildingPermit.review == literal_column("''")]
    conditions += _looked_for(search) if search else []
    # few have the address or the file: they are gone to by it, not by going through the newest
    newest = BuildingPermit.id + literal_column("0") if search else BuildingPermit.id
    rows = db.execute(
        select(
            BuildingPermit.id,
            BuildingPermit.number,
            BuildingPermit.letter,
            BuildingPermit.year,
            BuildingPermit.permit_type,
            BuildingPermit.status,
            BuildingPermit.street,
            BuildingPermit.building_no,
            BuildingPermit.issued_on,
            BuildingPermit.must_start_by,
            BuildingPermit.lapse_proposed_on,
            BuildingPermit.review,
        )
        .where(*conditions)
        .order_by(newest.desc())
        .limit(most)
    )
    return [
        Listed(
            r.id,
            PermitNumber(r.number, r.letter, r.year),
            r.permit_type,
            Status(r.status),
            r.street,
            r.building_no,
            r.issued_on,
            r.must_start_by,
            r.lapse_proposed_on,
            r.review,
        )
        for r in rows
    ]


def _looked_for(search: Search) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if search.streets:
        conditions.append(BuildingPermit.street_key.in_(search.streets))
    if search.building_no:
        conditions.append(BuildingPermit.building_no == search.building_no)
    if search.file_no:
        conditions.append(BuildingPermit.file_no == search.file_no)
        conditions.append(BuildingPermit.file_department.in_(search.departments))
    return conditions
