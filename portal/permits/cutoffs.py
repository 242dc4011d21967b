"""From which day on papers that no system wrote count no more (``manual_output_cutoff``).

The governorate says it for a center and a service, as it did in November 2019: after that day only
what the system issued is recognised, so the register takes no permit of a later day by hand or from
a file (facts §4.2).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select

from portal.permits.backlog_model import ManualCutoff
from portal.problems import N_, Problem

# the kinds of permits that each service brings
KINDS: Mapping[str, tuple[str, ...]] = {
    "building-permit-new": ("new",),
    "building-permit-vertical-extension": ("vertical_extension",),
    "building-permit-alteration": (
        "alteration",
        "extension",
        "boundary_wall",
        "external_finish",
        "use_change",
    ),
    "building-permit-strengthening": ("strengthening",),
    "building-permit-restoration": ("restoration",),
    "demolition-permit": ("demolition",),
    "building-permit-renewal": ("renewal",),
    "reconciliation-works-completion": ("completion",),
}
LONGEST_REASON = 300
TOO_LATE = N_(
    "Since {day} only what the system issues counts for this kind of permit; a later one on paper "
    "is not entered"
)


@dataclass(frozen=True)
class Cutoff:
    """One line of the history; without a day it lifts the one before."""

    center: str
    service: str
    last_day: date | None
    reason: str
    by: str
    at: datetime


def in_force(db: Connection, center: str) -> dict[str, date]:
    """By kind of permit, the last day of issue that is taken from paper at this center."""
    newest = _newest().where(ManualCutoff.center_code == center)
    rows = db.execute(
        select(ManualCutoff.service_code, ManualCutoff.last_day).where(ManualCutoff.id.in_(newest))
    )
    return {
        kind: last_day
        for service, last_day in rows
        if last_day is not None
        for kind in KINDS.get(service, ())
    }


def last_paper_day(db: Connection, center: str) -> date | None:
    """The last day of which paper of any kind counts at this center; None while one of the
    services has no such day."""
    days = in_force(db, center)
    kinds = {kind for kinds in KINDS.values() for kind in kinds}
    return max(days.values()) if kinds <= set(days) else None


def problem(
    days: Mapping[str, date], permit_type: str, issued_on: date | None, field: str = "issued_on"
) -> Problem | None:
    """What is wrong with entering such a permit from paper; ``days`` are those in force."""
    last_day = days.get(permit_type)
    if last_day is None or issued_on is None or issued_on <= last_day:
        return None
    return Problem(field, TOO_LATE, {"day": last_day})


def history(db: Connection, centers: Collection[str], most: int = 200) -> list[Cutoff]:
    """What was said for these centers, the newest first."""
    rows = db.execute(
        select(*ManualCutoff.__table__.columns)
        .where(ManualCutoff.center_code.in_(centers))
        .order_by(ManualCutoff.id.desc())
        .limit(most)
    )
    return [_cutoff(row) for row in rows]


def of_centers(db: Connection, centers: Collection[str]) -> list[Cutoff]:
    """What holds today at these centers, by center and service."""
    rows = db.execute(
        select(*ManualCutoff.__table__.columns)
        .where(
            ManualCutoff.center_code.in_(centers),
            ManualCutoff.id.in_(_newest()),
            ManualCutoff.last_day.is_not(None),
        )
        .order_by(ManualCutoff.center_code, ManualCutoff.service_code)
    )
    return [_cutoff(row) for row in rows]


def enter(
    db: Connection,
    centers: Collection[str],
    services: Collection[str],
    last_day: date | None,
    reason: str,
    by: str,
    at: datetime,
) -> None:
    """Say it for each of these services at each of these centers."""
    db.execute(
        insert(ManualCutoff),
        [
            {
                "center_code": center,
                "service_code": service,
                "last_day": last_day,
                "reason": reason,
                "entered_by": by,
                "entered_at": at,
            }
            for center in centers
            for service in services
        ],
    )


def _newest() -> Select[int]:
    return select(func.max(ManualCutoff.id)).group_by(
        ManualCutoff.center_code, ManualCutoff.service_code
    )


def _cutoff(row: Any) -> Cutoff:
    return Cutoff(
        row.center_code,
        row.service_code,
        row.last_day,
        row.reason,
        row.entered_by,
        row.entered_at,
    )
