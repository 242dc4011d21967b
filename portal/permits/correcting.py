"""An entry written anew as it should be: before a second person accepted it, and after.

What is told already is corrected with a reason by who decides about permits, and every change
stands in the history. A correction decides nothing: it neither lapses a permit nor makes a
recorded beginning or renewal late.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete
from sqlalchemy.exc import IntegrityError

from portal.permits import entering, particulars, reading, registry
from portal.permits.labels import FIELDS
from portal.permits.model import PEOPLE, PermitClaim
from portal.permits.reading import People, Permit
from portal.permits.registry import NewPermit, NotPossible, PermitAction
from portal.permits.validity import Status, Term
from portal.problems import Conflict
from portal.text import fold_digits
from portal.vault import Vault

# what a correction may leave empty
_EMPTIED: Mapping[str, Any] = {
    **dict.fromkeys(("floors_above", "basements", "units_count", "plot_area")),
    **dict.fromkeys(("total_built_area", "footprint_area", "height_cm")),
    "base_permit": "",
}
_IN_DETAILS = {"floors"} | {
    each.kept_as for each in particulars.BY_NAME.values() if each.place is particulars.Place.DETAILS
}


def can_amend(permit: Permit) -> bool:
    """Whether it is told already; what nobody accepted is corrected by who entered it."""
    return permit.status is not Status.MANUAL_UNVERIFIED


def amend(
    db: Connection,
    vault: Vault,
    permit: Permit,
    new: NewPermit,
    actor: str,
    note: str,
    at: datetime,
    today: date,
) -> None:
    """Correct a permit that is told already.

    Raises :class:`NotPossible`, and :class:`Conflict` when the number is another permit's or
    somebody came before.
    """
    if not can_amend(permit) or new.issued_on is None:
        raise NotPossible("status")
    row = permit.row
    term = Term(new.issued_on, row["renewed_on"] is not None, row["started_on"], False)
    first = Term(new.issued_on, renewed=False, started_on=None, start_disputed=False)
    begun, renewed = row["started_on"], row["renewed_on"]
    if permit.status is Status.LAPSED and new.issued_on != row["issued_on"]:
        raise NotPossible("reinstate")
    if begun is not None and not new.issued_on <= begun <= term.must_start_by:
        raise NotPossible("no_start_in_time")
    if renewed is not None and not new.issued_on <= renewed <= first.must_start_by:
        raise NotPossible("no_start_in_time")
    proposed = row["lapse_proposed_on"] if term.must_start_by < today else None
    values = {"must_start_by": term.must_start_by, "lapse_proposed_on": proposed}
    rewrite(db, vault, permit, new, PermitAction.AMEND, actor, note, at, **values)


def rewrite(
    db: Connection,
    vault: Vault,
    permit: Permit,
    new: NewPermit,
    action: PermitAction,
    actor: str,
    note: str,
    at: datetime,
    **values: Any,
) -> None:
    """Put what was typed in place of what stood there, and keep both in the history."""
    there = reading.find(db, vault, permit.center_code, new.number)
    if there is not None and there.id != permit.id:
        raise Conflict("this number is in the register already")
    columns: dict[str, Any] = {**_EMPTIED, **new.columns}
    columns["street_key"] = registry.street_key(str(columns.get("street", "")))
    columns["building_no"] = fold_digits(str(columns.get("building_no", "")))
    kept = {k: v for k, v in permit.row["details"].items() if k not in _IN_DETAILS}
    columns["details"] = kept | dict(columns.get("details", {}))
    term = Term(new.issued_on, False, None, False) if new.issued_on else None
    columns["must_start_by"] = term.must_start_by if term else None
    revision = permit.row["revision"] + 1
    try:
        with db.begin_nested():
            registry.guarded(
                db,
                permit,
                revision=revision,
                year=new.number.year,
                number=new.number.number,
                letter=new.number.letter,
                permit_type=new.permit_type,
                legal_regime=new.legal_regime,
                issued_on=new.issued_on,
                people=vault.seal_json(PEOPLE, asdict(new.people)),
                **{**columns, **values},
            )
    except IntegrityError as error:
        raise Conflict("this number is in the register already") from error
    if _proofs(new.people) != _proofs(permit.people):  # what an owner before was told is over
        registry.keep_owners(db, vault, permit.id, new.people)
        db.execute(delete(PermitClaim).where(PermitClaim.permit_id == permit.id))
    after = reading.by_id(db, vault, permit.id)
    changes = changed(permit, after)
    registry.record(
        db,
        vault,
        permit.id,
        revision,
        action,
        permit.status,
        new.issued_on,
        actor,
        note,
        at,
        changes,
    )


def _proofs(people: People) -> list[tuple[str, str]]:
    return [(owner.national_id, owner.mobile) for owner in people.owners if owner.national_id]


def changed(before: Permit, after: Permit) -> Mapping[str, Sequence[str]]:
    """By field what stood in the entry, and what stands there now."""
    old, new = entering.typed_of(before), entering.typed_of(after)
    return {name: [old[name], new[name]] for name in FIELDS if old[name] != new[name]}
