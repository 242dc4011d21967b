"""News for bodies: written in the caller's transaction, as CloudEvents, and counted.

Nothing of a person stands in a notice: a permit's public name, its state and the body's own
reference are enough to ask again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from msgspec.json import encode
from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from portal.bodies.accounts import Body
from portal.bodies.model import BodyAgreement, BodyDelivery, BodyNotice, OutsideBody
from portal.clock import public_id
from portal.db import insert_missing

KIND = "notice+jws"
"""The signature's ``typ``: what was signed for something else is no notice."""
_PREFIX = "eg.mahalliyat."
_ID_LENGTH = 26
_FAILING = timedelta(hours=1)


class NoticeType(StrEnum):
    """What bodies are told of."""

    PERMIT_CHANGED = "permit.changed.v1"
    """The state or the number of a permit that it asked about."""
    INQUIRY_SEARCHED = "inquiry.searched.v1"
    """The paper archive was searched: the answer is there."""
    JOB_FINISHED = "job.finished.v1"
    PING = "ping.v1"
    """A test from the administration page."""


class GivenUp(StrEnum):
    """Why a notice ended without having been taken."""

    REVOKED = "revoked"
    """The body may no longer be told anything."""
    NO_ADDRESS = "no_address"
    AGREEMENT_OVER = "agreement_over"


@dataclass(frozen=True)
class Standing:
    """How the webhook of a body does, for its page and for metrics."""

    body_code: str
    waiting: int
    oldest_at: datetime | None
    failures: int
    failing_since: datetime | None
    gone_at: datetime | None
    """Since when the receiver answers 410: it says that it is no more."""
    last_error: str
    taken_at: datetime | None
    next_at: datetime | None


@dataclass(frozen=True)
class Figures:
    """Of all bodies together, for metrics."""

    waiting: int
    oldest_at: datetime | None
    failing: int
    """Bodies whose webhook has not worked for an hour."""
    gone: int


@dataclass(frozen=True)
class Sent:
    """A notice in a list."""

    id: str
    type: str
    subject: str
    attempts: int
    last_error: str
    created_at: datetime
    ended_at: datetime | None
    taken: bool


def add(
    db: Connection,
    body_code: str,
    type_: NoticeType,
    subject: str,
    data: Mapping[str, Any],
    at: datetime,
    *,
    purpose: str = "",
    permit_id: int | None = None,
    act_id: int | None = None,
) -> str | None:
    """Tell a body something if the caller's transaction commits; the notice's id.

    None, and nothing, for a body that has no address or may nothing, and when it is told of this
    act already. With a ``purpose`` it goes out only while an agreement with notices lives.
    """
    has_address = select(OutsideBody.code).where(
        OutsideBody.code == body_code,
        OutsideBody.webhook_url != "",
        OutsideBody.revoked_at.is_(None),
    )
    if db.scalar(has_address) is None:
        return None
    notice_id = public_id(_ID_LENGTH)
    row = {
        "id": notice_id,
        "body_code": body_code,
        "type": type_.value,
        "subject": subject,
        "purpose": purpose,
        "permit_id": permit_id,
        "act_id": act_id,
        "data": dict(data),
        "next_at": at,
        "created_at": at,
    }
    told = insert(BodyNotice).values(**row).returning(BodyNotice.position)
    return notice_id if insert_missing(db, told) is not None else None


def ping(db: Connection, body_code: str, at: datetime) -> str | None:
    """A notice that says nothing, to see whether the way is open; tried at once."""
    made = add(db, body_code, NoticeType.PING, body_code, {}, at)
    if made is not None:
        again = update(BodyDelivery).where(BodyDelivery.body_code == body_code)
        db.execute(again.values(next_at=at))
    return made


def envelope(notice: RowMapping | Mapping[str, Any]) -> bytes:
    """The CloudEvent (1.0, JSON) of a row of :class:`BodyNotice`; the same at every attempt."""
    return encode(
        {
            "specversion": "1.0",
            "id": notice["id"],
            "source": "portal",
            "type": _PREFIX + notice["type"],
            "subject": notice["subject"],
            "body": notice["body_code"],
            "time": notice["created_at"].isoformat(),
            "datacontenttype": "application/json",
            "data": notice["data"],
        }
    )


def agreed(purpose: ColumnElement[str], today: date) -> ColumnElement[bool]:
    """Whether an agreement of the notice's body for ``purpose`` lives and has notices in it."""
    return and_(
        BodyAgreement.purpose == purpose,
        BodyAgreement.revoked_at.is_(None),
        BodyAgreement.valid_until >= today,
        BodyAgreement.notices.is_(True),
    )


# Written out and not bound: only so does a partial index serve a prepared statement.
OPEN: ColumnElement[bool] = literal_column("body_notices.ended_at IS NULL")


def give_up(db: Connection, body_code: str, today: date, at: datetime) -> int:
    """End what may no longer be told to a body; how many."""
    body = db.execute(
        select(OutsideBody.revoked_at, OutsideBody.webhook_url).where(OutsideBody.code == body_code)
    ).one()
    condition: ColumnElement[bool] | None = None
    if body.revoked_at is not None:
        reason = GivenUp.REVOKED
    elif not body.webhook_url:
        reason = GivenUp.NO_ADDRESS
    else:
        reason = GivenUp.AGREEMENT_OVER
        living = (
            select(BodyAgreement.id)
            .where(
                BodyAgreement.body_code == body_code,
                agreed(BodyNotice.purpose.expression, today),
            )
            .correlate(BodyNotice)
        )
        condition = and_(BodyNotice.purpose != "", ~living.exists())
    ended = update(BodyNotice).where(BodyNotice.body_code == body_code, OPEN)
    if condition is not None:
        ended = ended.where(condition)
    return db.execute(ended.values(ended_at=at, last_error=reason.value)).rowcount


def standing(db: Connection, codes: Sequence[str] | None = None) -> list[Standing]:
    """Bodies with an address, or those of ``codes`` that have one: how their webhooks do."""
    body, way = OutsideBody, BodyDelivery
    waiting = (
        select(
            BodyNotice.body_code.label("code"),
            func.count().label("n"),
            func.min(BodyNotice.created_at).label("oldest_at"),
        )
        .where(OPEN)
        .group_by(BodyNotice.body_code)
        .subquery()
    )
    asked = (
        select(
            body.code,
            func.coalesce(waiting.c.n, 0),
            waiting.c.oldest_at,
            func.coalesce(way.failures, 0),
            way.failing_since,
            way.gone_at,
            func.coalesce(way.last_error, ""),
            way.taken_at,
            way.next_at,
        )
        .outerjoin(waiting, waiting.c.code == body.code)
        .outerjoin(way, and_(way.body_code == body.code, way.url == body.webhook_url))
        .where(or_(body.webhook_url != "", waiting.c.n > 0))
        .order_by(body.code)
    )
    if codes is not None:
        asked = asked.where(body.code.in_(codes))
    return [Standing(*row) for row in db.execute(asked)]


def figures(db: Connection, now: datetime) -> Figures:
    """What an operator looks at."""
    waiting = db.execute(select(func.count(), func.min(BodyNotice.created_at)).where(OPEN)).one()
    living = and_(
        OutsideBody.code == BodyDelivery.body_code,
        OutsideBody.webhook_url == BodyDelivery.url,
        OutsideBody.revoked_at.is_(None),
    )
    failing = func.count().filter(BodyDelivery.failing_since < now - _FAILING)
    gone = func.count().filter(BodyDelivery.gone_at.is_not(None))
    ways = db.execute(select(failing, gone).select_from(BodyDelivery).join(OutsideBody, living))
    return Figures(*waiting, *ways.one())


@dataclass(frozen=True)
class Told:
    """A notice as its body may read it again."""

    position: int
    id: str
    taken: bool
    event: bytes


def told_to(db: Connection, body: Body, *, before: int | None, most: int) -> list[Told]:
    """What a body was told, the newest first, of its agreements with notices that live today;
    ``before`` is the position of one: those behind it."""
    may_know = ["", *(each.purpose for each in body.agreements.values() if each.notices)]
    rows = select(*BodyNotice.__table__.columns).where(
        BodyNotice.body_code == body.code, BodyNotice.purpose.in_(may_know)
    )
    if before is not None:
        rows = rows.where(BodyNotice.position < before)
    found = db.execute(rows.order_by(BodyNotice.position.desc()).limit(most)).mappings()
    return [Told(row["position"], row["id"], row["taken"], envelope(row)) for row in found]


def newest(db: Connection, body_code: str, most: int = 20) -> list[Sent]:
    """What a body was told last, and what it is still to be told."""
    rows = db.execute(
        select(
            BodyNotice.id,
            BodyNotice.type,
            BodyNotice.subject,
            BodyNotice.attempts,
            BodyNotice.last_error,
            BodyNotice.created_at,
            BodyNotice.ended_at,
            BodyNotice.taken,
        )
        .where(BodyNotice.body_code == body_code)
        .order_by(BodyNotice.position.desc())
        .limit(most)
    )
    return [Sent(*row) for row in rows]
