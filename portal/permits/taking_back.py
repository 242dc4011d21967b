"""What keeps an import from being taken back: what somebody did with its permits since.

Being asked about does not: nobody is told anything of a permit that was not reviewed.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, exists, func, select

from portal.permits.backlog_model import PermitJudgement, PermitScan
from portal.permits.model import BuildingPermit, PermitMatter
from portal.permits.validity import Status


@dataclass(frozen=True)
class InTheWay:
    """How many permits of a file are no longer as they came; all noughts where it may go."""

    worked_on: int
    """Reviewed, returned or corrected."""
    in_lots: int
    """In a lot whose sample was drawn."""
    scanned: int
    with_matters: int
    """With something recorded beside them, such as a violation."""
    first: int | None
    """The id of one of them, to look at."""
    lot: int | None

    def __bool__(self) -> bool:
        return self.first is not None


def in_the_way(db: Connection, import_id: int) -> InTheWay:
    """What happened to the permits of a file since they were entered."""
    row = BuildingPermit
    worked_on = (row.revision > 0) | (row.status != Status.MANUAL_UNVERIFIED)
    sampled = exists().where(
        PermitJudgement.permit_id == row.id, PermitJudgement.lot_id.is_not(None)
    )
    in_lots = row.lot_id.is_not(None) | sampled
    scanned = exists().where(PermitScan.permit_id == row.id)
    matters = exists().where(PermitMatter.permit_id == row.id)
    any_of_them = worked_on | in_lots | scanned | matters
    found = db.execute(
        select(
            func.count().filter(worked_on),
            func.count().filter(in_lots),
            func.count().filter(scanned),
            func.count().filter(matters),
            func.min(row.id).filter(any_of_them),
            func.min(row.lot_id),
        ).where(row.import_id == import_id)
    ).one()
    return InTheWay(*found)
