"""Issued papers that the register could not follow: told to the center, and nothing of them lost.

A number that nobody can read, or that another entry has already, keeps a permit out of the
register. What the request was issued with waits here, sealed, until an officer enters it under the
right number or says what was done instead.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert, select, update

from portal.db import insert_missing
from portal.permits import owning, registry
from portal.permits.model import LEFT, PermitLeftover
from portal.permits.numbers import PermitNumber
from portal.permits.reading import Owner, People
from portal.permits.registry import NewPermit
from portal.problems import N_, Conflict, Missing
from portal.vault import Vault

LONGEST_NUMBER = 60
_MOST = 50
_SETTLED = "somebody has dealt with it"


class Why(StrEnum):
    """What kept a paper from the register."""

    UNREAD = "unread"
    TAKEN = "taken"
    NOT_CORRECTED = "not_corrected"
    UNKNOWN = "unknown"
    NOT_POSSIBLE = "not_possible"
    PARTIAL = "partial"
    FAILED = "failed"


LABELS: Mapping[Why, str] = {
    Why.UNREAD: N_("Its number cannot be read"),
    Why.TAKEN: N_("Its number is another entry's in the register: compare both"),
    Why.NOT_CORRECTED: N_("Its corrected number cannot be read, or is another entry's"),
    Why.UNKNOWN: N_("The register does not know the permit that it names"),
    Why.NOT_POSSIBLE: N_("It does not fit the state of the permit: look what happened"),
    Why.PARTIAL: N_("A certificate for a part of the building: decide what it means"),
    Why.FAILED: N_("Its data do not fit the register: enter it by hand"),
}


@dataclass(frozen=True)
class Leftover:
    """One of them; ``output_number`` is what the center wrote."""

    center_code: str
    request_number: str
    service_code: str
    why: Why
    output_number: str
    at: datetime
    id: int = 0
    enterable: bool = False
    """Whether all of the permit but its number is kept."""


def keep(
    db: Connection, vault: Vault, left: Leftover, new: NewPermit | None, citizen_id: int | None
) -> None:
    """Told once, however often the center's news comes."""
    kept = {"permit": asdict(new), "citizen": citizen_id} if new is not None else None
    row = insert(PermitLeftover).values(
        center_code=left.center_code,
        request_number=left.request_number,
        service_code=left.service_code,
        why=left.why,
        output_number=left.output_number,
        at=left.at,
        permit=vault.seal(LEFT, _written(kept)) if kept else None,
    )
    insert_missing(db, row.returning(PermitLeftover.id))


def _written(kept: Mapping[str, Any]) -> str:
    return json.dumps(kept, ensure_ascii=False, default=str)


def of_center(db: Connection, center: str) -> list[Leftover]:
    """What waits for an officer, the oldest first."""
    rows = db.execute(
        select(*_COLUMNS, PermitLeftover.permit.is_not(None))
        .where(PermitLeftover.center_code == center, PermitLeftover.settled_at.is_(None))
        .order_by(PermitLeftover.id)
        .limit(_MOST)
    )
    return [_leftover(row) for row in rows]


_COLUMNS = (
    PermitLeftover.center_code,
    PermitLeftover.request_number,
    PermitLeftover.service_code,
    PermitLeftover.why,
    PermitLeftover.output_number,
    PermitLeftover.at,
    PermitLeftover.id,
)


def _leftover(row: Any) -> Leftover:
    center, request, service, why, number, at, left_id, enterable = row
    return Leftover(center, request, service, Why(why), number, at, left_id, enterable)


def enter(
    db: Connection,
    vault: Vault,
    center: str,
    left_id: int,
    number: PermitNumber,
    actor: str,
    at: datetime,
) -> tuple[int, NewPermit]:
    """Enter the permit under its right number, as the request was issued; its id.

    Raises :class:`Missing`, and :class:`Conflict` when the number is taken or it was settled.
    """
    left = db.execute(
        select(PermitLeftover.permit, PermitLeftover.settled_at).where(
            PermitLeftover.id == left_id, PermitLeftover.center_code == center
        )
    ).one_or_none()
    if left is not None and left.settled_at is not None:
        raise Conflict(_SETTLED)
    if left is None or left.permit is None:
        raise Missing("leftover")
    kept = vault.open_json(LEFT, left.permit)
    new = replace(_read(kept["permit"]), number=number)
    permit_id = registry.enter(db, vault, new, actor, at)
    if kept["citizen"] is not None:
        owning.claim(db, permit_id, kept["citizen"], at)
    settle(db, center, left_id, actor, at)
    return permit_id, new


def _read(kept: dict[str, Any]) -> NewPermit:
    people = kept.pop("people")
    owners = [Owner(**owner) for owner in people.pop("owners")]
    kept |= {"number": PermitNumber(**kept["number"]), "people": People(owners, **people)}
    kept["issued_on"] = date.fromisoformat(kept["issued_on"])
    return NewPermit(**kept)


def settle(db: Connection, center: str, left_id: int, actor: str, at: datetime) -> None:
    """It is dealt with. Raises :class:`Conflict` when somebody came before."""
    done = db.execute(
        update(PermitLeftover)
        .where(
            PermitLeftover.id == left_id,
            PermitLeftover.center_code == center,
            PermitLeftover.settled_at.is_(None),
        )
        .values(settled_at=at, settled_by=actor, permit=None)
    )
    if not done.rowcount:
        raise Conflict(_SETTLED)
