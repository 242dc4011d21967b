"""Bodies as their keepers look at them: the list, and all of one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, ScalarSelect, func, select

from portal.bodies.model import (
    BodyAct,
    BodyAgreement,
    BodyInquiry,
    BodyKey,
    BodyNotice,
    BodyUser,
    OutsideBody,
)
from portal.clock import cairo_day, end_of_day

DAYS = 30
_MOST_ACTS = 100


@dataclass(frozen=True)
class Listed:
    """One line of the list."""

    code: str
    kind: str
    name_ar: str
    name_en: str
    governorate_code: str
    revoked_at: datetime | None
    purposes: Sequence[str]
    """Agreed, and not over today."""
    recent: int
    """Inquiries of the last thirty days."""
    seen_at: datetime | None
    waiting: int
    """Notices that it has not taken."""
    key_until: date | None
    """The last day of the key that holds longest."""
    agreed_until: date | None
    """The day on which the first of its agreements ends."""


@dataclass(frozen=True)
class Whole:
    """One body with everything that was agreed and entered, the newest first."""

    row: Any
    agreements: Sequence[Any]
    keys: Sequence[Any]
    users: Sequence[Any]
    acts: Sequence[Any]

    @property
    def code(self) -> str:
        return str(self.row.code)

    def standing(self, purpose: str) -> Any:
        """The agreement for a purpose that stands, whether over or not; else None."""
        own = (each for each in self.agreements if each.purpose == purpose)
        return next((each for each in own if each.revoked_at is None), None)


def listed(db: Connection, governorates: Collection[str] | None, now: datetime) -> list[Listed]:
    """The bodies of these governorates, or all; by name."""
    today = cairo_day(now)
    agreed: dict[str, list[str]] = {}
    for code, purpose in db.execute(
        select(BodyAgreement.body_code, BodyAgreement.purpose)
        .where(*_holds(BodyAgreement, today))
        .order_by(BodyAgreement.id)
    ):
        agreed.setdefault(code, []).append(purpose)
    bodies = select(
        OutsideBody.code,
        OutsideBody.kind,
        OutsideBody.name_ar,
        OutsideBody.name_en,
        OutsideBody.governorate_code,
        OutsideBody.revoked_at,
        _count(BodyInquiry, BodyInquiry.at > now - timedelta(days=DAYS)).label("recent"),
        _seen().label("seen_at"),
        _count(BodyNotice, BodyNotice.ended_at.is_(None)).label("waiting"),
        _day(func.max(BodyKey.valid_until), BodyKey, today).label("key_until"),
        _day(func.min(BodyAgreement.valid_until), BodyAgreement, today).label("agreed_until"),
    ).order_by(OutsideBody.name_ar, OutsideBody.code)
    if governorates is not None:
        bodies = bodies.where(OutsideBody.governorate_code.in_(governorates))
    return [
        Listed(**row, purposes=agreed.get(row["code"], [])) for row in db.execute(bodies).mappings()
    ]


def _count(table: Any, which: Any) -> ScalarSelect[int]:
    """Of the body of the row; each walks its part of an index."""
    own = select(func.count()).select_from(table).where(table.body_code == OutsideBody.code, which)
    return own.correlate(OutsideBody).scalar_subquery()


def _holds(table: Any, today: date) -> tuple[ColumnElement[bool], ...]:
    """Of keys and agreements those that hold today."""
    return table.revoked_at.is_(None), table.valid_until >= today


def _day(which: Any, table: Any, today: date) -> ScalarSelect[date]:
    """A last day among what the body of the row has."""
    own = select(which).where(table.body_code == OutsideBody.code, *_holds(table, today))
    return own.correlate(OutsideBody).scalar_subquery()


def _seen() -> ScalarSelect[datetime]:
    last = select(func.max(BodyInquiry.at)).where(BodyInquiry.body_code == OutsideBody.code)
    return last.correlate(OutsideBody).scalar_subquery()


def one(db: Connection, code: str) -> Whole | None:
    """A body, whosever it is, or None."""
    found = select(
        OutsideBody.__table__,
        _seen().label("seen_at"),
        _count(BodyNotice, BodyNotice.ended_at.is_(None)).label("waiting"),
    ).where(OutsideBody.code == code)
    row = db.execute(found).one_or_none()
    if row is None:
        return None
    return Whole(
        row,
        _of(db, BodyAgreement, BodyAgreement.id, code),
        _of(db, BodyKey, BodyKey.created_at, code),
        _of(db, BodyUser, BodyUser.created_at, code),
        _of(db, BodyAct, BodyAct.revision, code, _MOST_ACTS),
    )


def _of(
    db: Connection, table: Any, order: Any, body: str, most: int | None = None
) -> Sequence[Row[Any]]:
    found = select(table.__table__).where(table.body_code == body).order_by(order.desc())
    return db.execute(found.limit(most)).all()


def by_day(
    db: Connection, codes: Collection[str], today: date, days: int = DAYS
) -> list[tuple[date, int]]:
    """How many inquiries on each of the last days, today among them."""
    shown = [today - timedelta(days=ago) for ago in reversed(range(days))]
    counts = [
        select(func.count())
        .select_from(BodyInquiry)
        .where(
            BodyInquiry.body_code.in_(codes),
            BodyInquiry.at >= end_of_day(day - timedelta(days=1)),
            BodyInquiry.at < end_of_day(day),
        )
        .scalar_subquery()
        for day in shown
    ]
    return list(zip(shown, db.execute(select(*counts)).one(), strict=True))
