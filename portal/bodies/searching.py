"""The desk of a center for what its paper archive is to be searched for, and its answer.

A search waits while the body may still be told: one that was revoked, or whose agreement is over,
gets no answer, and its search comes back with a new agreement. The answer is the register's:
whoever finds the paper enters it first, and it is reviewed like any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, func, select, true, update

from portal.bodies import accounts
from portal.bodies.answering import Answered, Answering
from portal.bodies.model import BodyAgreement, BodyAnswer, BodyInquiry, OutsideBody, Purpose
from portal.clock import cairo_day
from portal.permits import reading
from portal.permits.numbers import PermitNumber, of_canonical
from portal.permits.reading import Permit
from portal.permits.validity import Status
from portal.problems import Conflict, Missing
from portal.vault import Vault

MOST = 100


@dataclass(frozen=True)
class Search:
    """What is to be looked for. Of a person nothing is known here."""

    id: str
    at: datetime
    body_code: str
    name_ar: str
    name_en: str
    purpose: str
    reference: str
    center_code: str
    keys: str
    due: date

    @property
    def number(self) -> PermitNumber | None:
        """The permit as the body named it; None when it sent the code of a sign."""
        kind, _, name = self.keys.partition(" ")
        return of_canonical(name) if kind == "number" else None

    def is_late(self, today: date) -> bool:
        return self.due < today


class NotAnswered(Conflict):
    """The search cannot be answered so; ``reason`` is a code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _waiting(today: date) -> Any:
    return (
        select(
            BodyInquiry.id,
            BodyInquiry.at,
            BodyInquiry.body_code,
            OutsideBody.name_ar,
            OutsideBody.name_en,
            BodyInquiry.purpose,
            BodyInquiry.reference,
            BodyInquiry.center_code,
            BodyInquiry.keys,
            BodyInquiry.search_due,
        )
        .join(OutsideBody, OutsideBody.code == BodyInquiry.body_code)
        .join(
            BodyAgreement,
            and_(
                BodyAgreement.body_code == BodyInquiry.body_code,
                BodyAgreement.purpose == BodyInquiry.purpose,
                BodyAgreement.revoked_at.is_(None),
                BodyAgreement.valid_until >= today,
            ),
        )
        .where(
            BodyInquiry.search_due.is_not(None),
            BodyInquiry.searched_at.is_(None),
            OutsideBody.revoked_at.is_(None),
        )
    )


def waiting(db: Connection, center: str, today: date, most: int = MOST) -> list[Search]:
    """What the center has to look for, the most urgent first."""
    rows = _waiting(today).where(BodyInquiry.center_code == center)
    ordered = rows.order_by(BodyInquiry.search_due, BodyInquiry.at, BodyInquiry.id).limit(most)
    return [Search(*row) for row in db.execute(ordered)]


def one(db: Connection, center: str, inquiry_id: str, today: date) -> Search:
    """A search that waits at this center; any other is as missing as none."""
    rows = _waiting(today).where(BodyInquiry.center_code == center, BodyInquiry.id == inquiry_id)
    row = db.execute(rows).one_or_none()
    if row is None:
        raise Missing("search")
    return Search(*row)


def count(db: Connection, today: date, centers: Sequence[str] | None = None) -> tuple[int, int]:
    """How many searches wait, and how many of them are late."""
    found = _waiting(today).subquery()
    chosen = found.c.center_code.in_(centers) if centers is not None else true()
    late = func.count().filter(found.c.search_due < today)
    row = db.execute(select(func.count(), late).select_from(found).where(chosen)).one()
    return row[0], row[1]


@dataclass(frozen=True)
class Pressing:
    """Searches of a center that cannot wait."""

    center: str
    late: int
    soon: int
    """To be answered today or tomorrow."""


def pressing(db: Connection, centers: Sequence[str], today: date) -> list[Pressing]:
    """Centers with searches that are late or to be answered by tomorrow, the latest first."""
    found = _waiting(today).subquery()
    late = func.count().filter(found.c.search_due < today)
    soon = func.count().filter(found.c.search_due >= today)
    rows = db.execute(
        select(found.c.center_code, late, soon)
        .where(found.c.center_code.in_(centers), found.c.search_due <= today + timedelta(days=1))
        .group_by(found.c.center_code)
        .order_by(late.desc(), soon.desc(), found.c.center_code)
    )
    return [Pressing(*row) for row in rows]


def let_go(db: Connection, permits: Select[int]) -> None:
    """These permits leave the register: whoever was told nothing of them but that the archive is
    looked into goes on waiting for that, by what was asked."""
    db.execute(
        update(BodyInquiry)
        .where(
            BodyInquiry.permit_id.in_(permits),
            BodyInquiry.answer_class == BodyAnswer.NEEDS_MANUAL_SEARCH,
        )
        .values(permit_id=None)
    )


def answer(
    db: Connection,
    vault: Vault,
    answering: Answering,
    search: Search,
    found: Permit | None,
    by: str,
    at: datetime,
) -> Answered:
    """Tell the body what the archive holds: the permit ``found`` of the register, or nothing.

    Raises :class:`NotAnswered`: the permit waits for its review, the register has one by this very
    number, or somebody else has answered.
    """
    if found is None and search.number is not None:
        known = reading.find(db, vault, search.center_code, search.number)
        if known is not None:
            raise NotAnswered("known")
    if found is not None and (found.status is Status.MANUAL_UNVERIFIED or found.term is None):
        raise NotAnswered("unverified")
    today = cairo_day(at)
    body = accounts.find(db, search.body_code, today)
    agreement = body.agreements.get(Purpose(search.purpose)) if body else None
    if body is None or agreement is None:
        raise Missing("search")
    try:
        return answering.searched(db, search.id, body, agreement, by, at, found)
    except Conflict as error:
        raise NotAnswered("answered") from error
