"""Some weeks of inquiries of the demo's outside bodies, and two searches that wait for a center."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from portal.bodies import accounts
from portal.bodies.accounts import Agreement, Body
from portal.bodies.answering import Question
from portal.bodies.model import BodyUser, OutsideBody
from portal.clock import cairo_day, public_id
from portal.core import Core
from portal.demo.permits import FIRST_NUMBER, GOVERNORATE, OWNED_AT, issued_on
from portal.permits.numbers import PermitNumber

WEEKS = 4
_WORKING_DAYS_AGO = [day for day in range(7 * WEEKS) if day % 7 not in {5, 6}]
_SEARCHED_AGO = (9, 1)
"""Days ago: the first of the two is late."""
_IN_BOOKS = (PermitNumber(33, "", 1991), PermitNumber(118, "", 1987))
_PERMITS = 28


def load_inquiries(db: Connection, core: Core, now: datetime) -> int:
    """Let every body of the governorate ask, now and then; how many questions."""
    asking = list(_asking(db, now))
    done = 0
    for body, agreement, user in asking:
        for index, days in enumerate(_WORKING_DAYS_AGO[done % 2 :: 2]):
            at = now - timedelta(days=days, hours=1, minutes=7 * index)
            question = _question(index * 3 + len(body.code), user, at, now)
            core.answering.answer(db, body, agreement, question, at)
            done += 1
    for days, number, (body, agreement, user) in zip(
        _SEARCHED_AGO, _IN_BOOKS, asking, strict=False
    ):
        at = now - timedelta(days=days)
        core.answering.answer(db, body, agreement, _by_number(user, number, at), at)
        done += 1
    return done


def _asking(db: Connection, now: datetime) -> Iterator[tuple[Body, Agreement, str]]:
    """Who asks for what: each body for its first purpose, by its first user."""
    known = select(OutsideBody.code).where(OutsideBody.governorate_code == GOVERNORATE)
    for code in db.scalars(known.order_by(OutsideBody.code)).all():
        body = accounts.find(db, code, cairo_day(now))
        user = db.scalar(
            select(BodyUser.username)
            .where(BodyUser.body_code == code, BodyUser.revoked_at.is_(None))
            .order_by(BodyUser.username)
            .limit(1)
        )
        if body is not None and user is not None and body.agreements:
            yield body, next(iter(body.agreements.values())), user


def _question(index: int, user: str, at: datetime, now: datetime) -> Question:
    """About a permit of the demo's register; one in seven by the code on a sign that is none."""
    if index % 7 == 3:
        return Question(user, f"{index}-{at:%d%m}/{at:%Y}", serial=public_id())
    place = index % _PERMITS
    year = issued_on(place, cairo_day(now)).year
    return _by_number(user, PermitNumber(FIRST_NUMBER + place, "", year), at)


def _by_number(user: str, number: PermitNumber, at: datetime) -> Question:
    return Question(user, f"{number.number}-{at:%d%m}/{at:%Y}", OWNED_AT, number)
