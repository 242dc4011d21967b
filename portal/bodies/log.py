"""The log of what bodies asked, as it is read: pages of it, a file of it, of one permit.

It is written by the answers alone; nothing here and on no page changes a line of it.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select

from portal.bodies.model import BodyInquiry, OutsideBody, Purpose
from portal.clock import end_of_day
from portal.db import Database
from portal.permits.model import BuildingPermit
from portal.sheets.writing import MARK
from portal.sheets.writing import line as csv_line

PAGE = 50
_CHUNK = 1000
_MOST_OF_PERMIT = 50
COLUMNS = (
    "answer",
    "at",
    "body",
    "user",
    "purpose",
    "reference",
    "center",
    "asked_by",
    "class",
    "job",
    "search_due",
    "searched_at",
    "searched_by",
)


@dataclass(frozen=True)
class Wanted:
    """Which lines: of these bodies, and of them only some. Days are Cairo's."""

    bodies: Collection[str]
    purpose: str = ""
    answer_class: str = ""
    named: str = ""
    """The body's own reference, or the number of the answer."""
    first: date | None = None
    last: date | None = None


def page(
    db: Connection, wanted: Wanted, before: str = "", most: int = PAGE
) -> tuple[list[Row[Any]], str]:
    """The newest lines, or those before the line ``before``; and where the next page begins."""
    lines = list(db.execute(_lines(db, wanted, before).limit(most + 1)))
    more = len(lines) > most
    return lines[:most], lines[most - 1].id if more else ""


def _lines(db: Connection, wanted: Wanted, before: str) -> Any:
    found: Any = (
        select(
            BodyInquiry.id,
            BodyInquiry.at,
            BodyInquiry.body_code,
            BodyInquiry.username,
            BodyInquiry.purpose,
            BodyInquiry.reference,
            BodyInquiry.center_code,
            BodyInquiry.keys,
            BodyInquiry.permit_id,
            BodyInquiry.answer_class,
            BodyInquiry.job_id,
            BodyInquiry.search_due,
            BodyInquiry.searched_at,
            BodyInquiry.searched_by,
            BuildingPermit.number,
            BuildingPermit.letter,
            BuildingPermit.year,
        )
        .outerjoin(BuildingPermit, BuildingPermit.id == BodyInquiry.permit_id)
        .where(BodyInquiry.body_code.in_(wanted.bodies))
        .order_by(BodyInquiry.at.desc(), BodyInquiry.id.desc())
    )
    if wanted.purpose:
        found = found.where(BodyInquiry.purpose == wanted.purpose)
    if wanted.answer_class:
        found = found.where(BodyInquiry.answer_class == wanted.answer_class)
    if wanted.named:
        found = found.where(
            or_(BodyInquiry.reference == wanted.named, BodyInquiry.id == wanted.named)
        )
    if wanted.first:
        found = found.where(BodyInquiry.at >= end_of_day(wanted.first - timedelta(days=1)))
    if wanted.last:
        found = found.where(BodyInquiry.at < end_of_day(wanted.last))
    if before:
        at = db.scalar(select(BodyInquiry.at).where(BodyInquiry.id == before))
        older = and_(BodyInquiry.at == at, BodyInquiry.id < before)
        found = found.where(or_(BodyInquiry.at < at, older))
    return found


def as_csv(database: Database, wanted: Wanted) -> Iterator[bytes]:
    """The lines as a file, the newest first, a thousand at a time; times in UTC."""
    yield MARK + csv_line(COLUMNS)
    before = ""
    while True:
        with database.read() as db:
            lines, before = page(db, wanted, before, _CHUNK)
        yield b"".join(csv_line(_cells(line), numbers=False) for line in lines)
        if not before:
            return


def _cells(line: Row[Any]) -> Sequence[str]:
    return [
        line.id,
        f"{line.at:%Y-%m-%dT%H:%M:%SZ}",
        line.body_code,
        line.username,
        line.purpose,
        line.reference,
        line.center_code,
        line.keys,
        line.answer_class,
        line.job_id or "",
        line.search_due.isoformat() if line.search_due else "",
        f"{line.searched_at:%Y-%m-%dT%H:%M:%SZ}" if line.searched_at else "",
        line.searched_by,
    ]


@dataclass(frozen=True)
class AskedByBody:
    """That a body asked about a permit."""

    at: datetime
    name_ar: str
    name_en: str
    purpose: str


def who_asked(
    db: Connection, permit_id: int, most: int = _MOST_OF_PERMIT, until: datetime | None = None
) -> list[AskedByBody]:
    """Which bodies asked about a permit and what for, the newest first.

    A judicial inquiry is told to nobody outside the governorate: see docs/decisions/0034.
    """
    found = (
        select(BodyInquiry.at, OutsideBody.name_ar, OutsideBody.name_en, BodyInquiry.purpose)
        .join(OutsideBody, OutsideBody.code == BodyInquiry.body_code)
        .where(BodyInquiry.permit_id == permit_id, BodyInquiry.purpose != Purpose.JUDICIAL)
    )
    if until is not None:
        found = found.where(BodyInquiry.at <= until)
    rows = db.execute(found.order_by(BodyInquiry.at.desc(), BodyInquiry.id.desc()).limit(most))
    return [AskedByBody(*row) for row in rows]


@dataclass(frozen=True)
class Given:
    """An answer as anybody who holds its number may know it."""

    id: str
    at: datetime
    name_ar: str
    name_en: str
    purpose: str
    answer_class: str
    center_code: str
    searched_at: datetime | None
    number: int | None
    letter: str | None
    year: int | None


def given(db: Connection, answer_id: str) -> Given | None:
    """The answer of this number, or None: nobody can guess one."""
    row = db.execute(
        select(
            BodyInquiry.id,
            BodyInquiry.at,
            OutsideBody.name_ar,
            OutsideBody.name_en,
            BodyInquiry.purpose,
            BodyInquiry.answer_class,
            BodyInquiry.center_code,
            BodyInquiry.searched_at,
            BuildingPermit.number,
            BuildingPermit.letter,
            BuildingPermit.year,
        )
        .join(OutsideBody, OutsideBody.code == BodyInquiry.body_code)
        .outerjoin(BuildingPermit, BuildingPermit.id == BodyInquiry.permit_id)
        .where(BodyInquiry.id == answer_id)
    ).one_or_none()
    return Given(*row) if row is not None else None
