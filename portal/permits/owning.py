"""Who is told a permit in full, as its owner.

Nobody checks a national ID: a citizen says it, and a code proves the mobile alone. So a permit is
told to who has signed in with the national ID of an owner *and* the mobile that the register holds
of that owner; to whose request brought it; and, while no mobile is recorded, to who names it with
the owner's national ID, which is then written down. Permits are never found by a national ID alone
(facts §6.3).
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Connection, bindparam, delete, insert, select

from portal.db import insert_missing
from portal.identity.model import Citizen
from portal.permits import reading, registry
from portal.permits.model import PEOPLE, BuildingPermit, PermitClaim, PermitOwner
from portal.permits.numbers import PermitNumber
from portal.permits.reading import Permit
from portal.permits.registry import PermitAction
from portal.problems import Conflict
from portal.vault import Vault

_MOST = 50


class Standing(StrEnum):
    """How a citizen stands to a permit."""

    NONE = "none"
    CLAIMED = "claimed"
    """The national ID is an owner's, of whom no mobile is recorded: told in full to who names it.
    It waits its turn like any question, else guesses would be quick to find whose is what."""
    PROVEN = "proven"
    """The mobile is the one recorded, or the permit was told to this account before."""


def standing(
    db: Connection,
    vault: Vault,
    center: str,
    number: PermitNumber,
    national_id: str,
    mobile: str,
    citizen_id: int,
) -> Standing:
    """How this citizen stands to the permit of this name; ``citizen_id`` is 0 of an account whose
    mobile has claimed too much, to which only the recorded mobile counts."""
    asked = {
        **reading.name_of(center, number),
        "indexes": vault.indexes("national_id", national_id),
        "citizen": citizen_id,
    }
    rows = db.execute(_STANDING, asked).all()
    mobiles = set(vault.indexes("mobile", mobile))
    if any(row.citizen_id is not None or row.mobile_index in mobiles for row in rows):
        return Standing.PROVEN
    said = citizen_id and any(row.position is not None and not row.mobile_index for row in rows)
    return Standing.CLAIMED if said else Standing.NONE


# put together once: that costs more than asking the database
_STANDING = (
    select(PermitClaim.citizen_id, PermitOwner.position, PermitOwner.mobile_index)
    .select_from(BuildingPermit)
    .outerjoin(
        PermitClaim,
        (PermitClaim.permit_id == BuildingPermit.id)
        & (PermitClaim.citizen_id == bindparam("citizen")),
    )
    .outerjoin(
        PermitOwner,
        (PermitOwner.permit_id == BuildingPermit.id)
        & PermitOwner.national_id_index.in_(bindparam("indexes", expanding=True)),
    )
    .where(*reading.NAMED)
)


def claim(db: Connection, permit_id: int, citizen_id: int, at: datetime) -> None:
    """From now on the permit is told to this account; harmless twice."""
    values = {"permit_id": permit_id, "citizen_id": citizen_id, "at": at}
    insert_missing(db, insert(PermitClaim).values(values).returning(PermitClaim.permit_id))


def of_citizen(
    db: Connection, vault: Vault, national_id: str, mobile: str, citizen_id: int
) -> list[Permit]:
    """The permits that stand in his list, the newest first, those without a day last: by the
    recorded mobile, or told to his account before."""
    owned = select(PermitOwner.permit_id).where(
        PermitOwner.national_id_index.in_(vault.indexes("national_id", national_id)),
        PermitOwner.mobile_index.in_(vault.indexes("mobile", mobile)),
    )
    told = select(PermitClaim.permit_id).where(PermitClaim.citizen_id == citizen_id)
    return reading.newest(db, vault, BuildingPermit.id.in_(owned.union(told)), _MOST)


def of_owner(db: Connection, vault: Vault, national_id: str, center: str) -> list[Permit]:
    """The permits of a center whose owner has this national ID: for staff with the card before
    them."""
    owned = select(PermitOwner.permit_id).where(
        PermitOwner.national_id_index.in_(vault.indexes("national_id", national_id))
    )
    here = BuildingPermit.center_code == center
    return reading.newest(db, vault, BuildingPermit.id.in_(owned) & here, _MOST)


def record_mobile(
    db: Connection,
    vault: Vault,
    permit: Permit,
    position: int,
    national_id: str,
    mobile: str,
    actor: str,
    reason: str,
    at: datetime,
    today: date,
) -> None:
    """Write down the mobile of an owner whose card was seen, and the national ID on it where the
    register has none. Whoever was told by that national ID before proves it anew.

    Raises :class:`Conflict` when somebody came before, or the card is not this owner's.
    """
    owner = permit.people.owners[position]
    if owner.national_id and owner.national_id != national_id:
        raise Conflict("this card is another person's")
    owners = list(permit.people.owners)
    owners[position] = replace(owner, national_id=national_id, mobile=mobile)
    people = replace(permit.people, owners=owners)
    revision = permit.row["revision"] + 1
    registry.guarded(db, permit, revision=revision, people=vault.seal_json(PEOPLE, asdict(people)))
    registry.keep_owners(db, vault, permit.id, people)
    forget(db, vault, permit.id, [national_id])
    registry.record(
        db,
        vault,
        permit.id,
        revision,
        PermitAction.OWNER_MOBILE,
        permit.status,
        today,
        actor,
        reason,
        at,
    )


def forget(db: Connection, vault: Vault, permit_id: int, national_ids: Sequence[str]) -> None:
    """Tell the permit no more to accounts of these national IDs for what was told before."""
    indexes = [index for each in national_ids for index in vault.indexes("national_id", each)]
    theirs = select(Citizen.id).where(Citizen.national_id_index.in_(indexes))
    db.execute(
        delete(PermitClaim).where(
            PermitClaim.permit_id == permit_id, PermitClaim.citizen_id.in_(theirs)
        )
    )
