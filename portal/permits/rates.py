"""How far the paper backlog is: entered ÷ surveyed, accepted ÷ reviewed, scanned ÷ entered.

Each figure comes with both of its numbers, and where nothing was counted there is none (facts §4.1,
items 1 and 2; §4.4). What is shown here holds now; quarters that are over are kept
(:mod:`portal.permits.quarters`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, exists, func, select

from portal.permits.backlog_model import (
    BacklogFile,
    JudgementMark,
    PermitJudgement,
    PermitScan,
    ReviewLot,
)
from portal.permits.labels import FIELDS
from portal.permits.model import BuildingPermit
from portal.permits.reading import IN_REGISTER
from portal.permits.review import ACCEPTED
from portal.permits.survey import is_entered, of_file
from portal.permits.validity import Status


@dataclass(frozen=True)
class Rate:
    """A part of a whole."""

    part: int
    whole: int

    @property
    def tenths(self) -> int | None:
        """Tenths of a percent, rounded down: 100 % is said of all, never of nearly all. None
        where there is nothing to divide by."""
        return self.part * 1000 // self.whole if self.whole else None


@dataclass(frozen=True)
class Rates:
    """The backlog of one department or center."""

    name: str
    """Code of the department, or of the center."""
    surveyed: int = 0
    entered: int = 0
    scanned: int = 0
    reviewed: int = 0
    accepted: int = 0

    @property
    def entry(self) -> Rate:
        return Rate(self.entered, self.surveyed)

    @property
    def quality(self) -> Rate:
        return Rate(self.accepted, self.reviewed)

    @property
    def archive(self) -> Rate:
        return Rate(self.scanned, self.entered)


@dataclass(frozen=True)
class Pending:
    """Entries of a center that are not through, and those that no surveyed file holds."""

    waiting: int
    returned: int
    rejected: int
    in_lots: int
    not_surveyed: int


@dataclass(frozen=True)
class Enterer:
    """What reviewers found of one person's entries."""

    username: str
    quality: Rate


def by_department(db: Connection, center: str) -> list[Rates]:
    """The rates of each department of a center that has any."""
    return sorted(of_center(db, center), key=lambda each: each.name)


def by_center(db: Connection, centers: Collection[str], department: str = "") -> list[Rates]:
    """The rates of each of these centers, in their order, of one department or all; those with
    nothing are there, too."""
    return [
        total(
            [each for each in of_center(db, center) if department in {"", each.name}], name=center
        )
        for center in centers
    ]


def total(rates: Sequence[Rates], name: str = "") -> Rates:
    """All of them together: numbers are added, never rates."""
    return Rates(
        name,
        sum(each.surveyed for each in rates),
        sum(each.entered for each in rates),
        sum(each.scanned for each in rates),
        sum(each.reviewed for each in rates),
        sum(each.accepted for each in rates),
    )


def of_center(
    db: Connection, center: str, within: tuple[datetime, datetime] | None = None
) -> list[Rates]:
    """The rates of each department of a center: all that is, or as it was at the end of a time
    and what was found in it."""
    end = within[1] if within else None
    scanned = exists().where(*of_file(), PermitScan.permit_id == BuildingPermit.id)
    there = [BacklogFile.center_code == center]
    final = [PermitJudgement.center_code == center, *_final()]
    if within is not None:
        scanned = scanned.where(BuildingPermit.entered_at < end, PermitScan.added_at < end)
        there.append(BacklogFile.surveyed_at < end)
        found_at = func.coalesce(ReviewLot.decided_at, PermitJudgement.judged_at)
        final += [found_at >= within[0], found_at < end]
    files = db.execute(
        select(
            BacklogFile.department,
            func.count(),
            func.count().filter(is_entered(end)),
            func.count().filter(scanned),
        )
        .where(*there)
        .group_by(BacklogFile.department)
    )
    counted: dict[str, tuple[int, int, int]] = {row[0]: (row[1], row[2], row[3]) for row in files}
    judged = db.execute(
        select(
            BuildingPermit.file_department,
            func.count(),
            func.count().filter(PermitJudgement.verdict == ACCEPTED),
        )
        .join(BuildingPermit, BuildingPermit.id == PermitJudgement.permit_id)
        .join(ReviewLot, ReviewLot.id == PermitJudgement.lot_id, isouter=True)
        .where(*final)
        .group_by(BuildingPermit.file_department)
    )
    found: dict[str, tuple[int, int]] = {row[0]: (row[1], row[2]) for row in judged}
    return [
        Rates(name, *counted.get(name, (0, 0, 0)), *found.get(name, (0, 0)))
        for name in counted.keys() | found.keys()
    ]


def _final() -> tuple[Any, ...]:
    """Conditions: the entry was judged, and its lot, if it is in one, is decided."""
    return (
        PermitJudgement.verdict.is_not(None),
        ReviewLot.id.is_(None) | (ReviewLot.state != "open"),
    )


def marks(db: Connection, center: str) -> list[tuple[str, int]]:
    """How often each field was found wrong, the most first."""
    rows = db.execute(
        select(JudgementMark.field, func.count())
        .join(PermitJudgement, PermitJudgement.id == JudgementMark.judgement_id)
        .join(ReviewLot, ReviewLot.id == PermitJudgement.lot_id, isouter=True)
        .where(PermitJudgement.center_code == center, *_final())
        .group_by(JudgementMark.field)
    )
    order = list(FIELDS)
    return sorted(((name, n) for name, n in rows), key=lambda row: (-row[1], order.index(row[0])))


def by_enterer(db: Connection, center: str) -> list[Enterer]:
    """What was found of each person's entries, by name; for who may know it."""
    rows = db.execute(
        select(
            PermitJudgement.entered_by,
            func.count().filter(PermitJudgement.verdict == ACCEPTED),
            func.count(),
        )
        .join(ReviewLot, ReviewLot.id == PermitJudgement.lot_id, isouter=True)
        .where(PermitJudgement.center_code == center, *_final())
        .group_by(PermitJudgement.entered_by)
        .order_by(PermitJudgement.entered_by)
    )
    return [Enterer(name, Rate(part, whole)) for name, part, whole in rows]


def pending(db: Connection, center: str) -> Pending:
    """What is to be done at a center."""
    row = BuildingPermit
    unverified = and_(row.status == Status.MANUAL_UNVERIFIED, row.review == "")
    known = exists().where(*of_file())
    from_paper = and_(row.source != "system", IN_REGISTER)
    found = db.execute(
        select(
            func.count().filter(unverified, row.lot_id.is_(None)),
            func.count().filter(row.review == "returned"),
            func.count().filter(row.review == "rejected"),
            func.count().filter(unverified, row.lot_id.is_not(None)),
            func.count().filter(from_paper, ~known),
        ).where(row.center_code == center)
    ).one()
    return Pending(*found)


def as_table(
    rates: Sequence[Rates], names: Mapping[str, str], headings: Sequence[str]
) -> list[list[str]]:
    """Rows for a spreadsheet: numbers and percent with one decimal, empty where there is none."""
    return [
        list(headings),
        *(
            [
                names.get(each.name, each.name),
                str(each.surveyed),
                str(each.entered),
                _percent(each.entry),
                str(each.reviewed),
                str(each.accepted),
                _percent(each.quality),
                str(each.scanned),
                _percent(each.archive),
            ]
            for each in rates
        ),
    ]


def _percent(rate: Rate) -> str:
    return "" if rate.tenths is None else f"{rate.tenths // 10}.{rate.tenths % 10}"
