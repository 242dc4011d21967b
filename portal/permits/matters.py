"""What is recorded beside a permit: violations, orders, cases, reconciliation, Form 8, dues.

A matter is opened with the number of its paper and closed with an outcome; both are acts in the
permit's history, made by an employee (facts §6.1). Nobody outside sees them but the owner, and the
bodies with which it was agreed (§6.5); court cases are told to no body.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, insert, select, update

from portal.db import insert_missing
from portal.permits import registry
from portal.permits.model import MatterKind, PermitMatter
from portal.permits.reading import Permit
from portal.permits.registry import PermitAction
from portal.problems import N_, Conflict, Missing
from portal.vault import Vault

LONGEST_REFERENCE = 60

LABELS: Mapping[MatterKind, str] = {
    MatterKind.VIOLATION: N_("Report of a violation"),
    MatterKind.STOP_WORK: N_("Order to stop the works"),
    MatterKind.REMOVAL_ORDER: N_("Order of removal"),
    MatterKind.COURT_CASE: N_("Court case"),
    MatterKind.RECONCILIATION: N_("Request for reconciliation"),
    MatterKind.FORM_8: N_("Form 8 for connecting utilities"),
    MatterKind.DUES: N_("Dues that forbid a connection"),
}

OUTCOMES: Mapping[MatterKind, Mapping[str, str]] = {
    MatterKind.VIOLATION: {
        "removed": N_("The violation was removed"),
        "reconciled": N_("Reconciled"),
        "acquitted": N_("A court found no violation"),
        "cancelled": N_("The report was cancelled"),
    },
    MatterKind.STOP_WORK: {"lifted": N_("The works may go on")},
    MatterKind.REMOVAL_ORDER: {
        "executed": N_("The order was carried out"),
        "cancelled": N_("The order was cancelled"),
    },
    MatterKind.COURT_CASE: {"ended": N_("Ended by a final judgment")},
    MatterKind.RECONCILIATION: {
        "accepted": N_("Reconciliation accepted"),
        "refused": N_("Reconciliation refused"),
        "withdrawn": N_("The request was withdrawn"),
    },
    MatterKind.FORM_8: {"withdrawn": N_("The form was withdrawn")},
    MatterKind.DUES: {"paid": N_("The dues were paid")},
}
"""How a matter of each kind may end."""

NO_VIOLATION = frozenset({"acquitted", "cancelled"})
"""Outcomes that say there never was one."""


@dataclass(frozen=True)
class Matter:
    """One matter; ``closed_on`` and ``outcome`` are empty while it is open."""

    id: int
    kind: MatterKind
    reference: str
    opened_on: date
    closed_on: date | None
    outcome: str


def of_permit(db: Connection, permit_id: int) -> list[Matter]:
    """Every matter of a permit, open ones first, the newest of each first."""
    rows = db.execute(
        select(
            PermitMatter.id,
            PermitMatter.kind,
            PermitMatter.reference,
            PermitMatter.opened_on,
            PermitMatter.closed_on,
            PermitMatter.outcome,
        )
        .where(PermitMatter.permit_id == permit_id)
        .order_by(
            PermitMatter.closed_on.is_not(None),
            PermitMatter.opened_on.desc(),
            PermitMatter.id.desc(),
        )
    )
    return [Matter(row.id, MatterKind(row.kind), *row[2:]) for row in rows]


def find(db: Connection, permit: Permit, matter_id: int) -> Matter:
    """The permit's matter. Raises :class:`Missing`."""
    for matter in of_permit(db, permit.id):
        if matter.id == matter_id:
            return matter
    raise Missing("matter")


def record(
    db: Connection,
    vault: Vault,
    permit: Permit,
    kind: MatterKind,
    reference: str,
    opened_on: date,
    actor: str,
    at: datetime,
) -> None:
    """Open a matter. Raises :class:`Conflict` when the permit has it already."""
    row = insert(PermitMatter).values(
        permit_id=permit.id, kind=kind, reference=reference, opened_on=opened_on, outcome=""
    )
    if insert_missing(db, row.returning(PermitMatter.id)) is None:
        raise Conflict("this matter is recorded already")
    registry.remark(db, vault, permit, PermitAction.OPEN_MATTER, opened_on, actor, reference, at)


def close(
    db: Connection,
    vault: Vault,
    permit: Permit,
    matter: Matter,
    outcome: str,
    closed_on: date,
    actor: str,
    at: datetime,
) -> None:
    """Close an open matter. Raises :class:`Conflict` when it is closed already."""
    done = db.execute(
        update(PermitMatter)
        .where(PermitMatter.id == matter.id, PermitMatter.closed_on.is_(None))
        .values(closed_on=closed_on, outcome=outcome)
    )
    if not done.rowcount:
        raise Conflict("this matter is closed already")
    registry.remark(
        db, vault, permit, PermitAction.CLOSE_MATTER, closed_on, actor, matter.reference, at
    )


def is_recorded(matters: Sequence[Matter], kind: MatterKind) -> bool:
    """Whether a matter of this kind is open."""
    return any(each.kind is kind and each.closed_on is None for each in matters)


def violations(matters: Sequence[Matter]) -> int:
    """How many violations were found, settled ones among them."""
    return sum(
        each.kind is MatterKind.VIOLATION and each.outcome not in NO_VIOLATION for each in matters
    )


def reconciliation(matters: Sequence[Matter]) -> str:
    """What became of the newest request: ``none``, ``requested``, or its outcome."""
    asked = [each for each in matters if each.kind is MatterKind.RECONCILIATION]
    if not asked:
        return "none"
    return max(asked, key=lambda each: (each.opened_on, each.id)).outcome or "requested"
