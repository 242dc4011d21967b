"""Questions about building permits, and the body's own log of them."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy import Connection

from portal.bodies import accounts, answering, pacing, repeats
from portal.bodies.answering import BASE, Answered, Question
from portal.bodies.model import Purpose
from portal.bodies.questions import read_question, unkeepable, unwanted
from portal.bodies.refusals import Turned
from portal.bodies.tokens import Bearer
from portal.problems import N_
from portal.routes.bodies.asking import (
    BODY,
    allowing,
    bearer_of,
    limits,
    read_object,
    refused,
    remember_limits,
    shown,
    turning,
)
from portal.routes.bodies.paging import behind, cursor, link, page_of
from portal.text import clean
from portal.violations import Violation
from portal.web.machines import answer
from portal.web.routing import Access, get_page, in_thread
from portal.web.visit import Visit

MOST_BYTES = 16_000
_CURSOR = "body_inquiries.cursor"
_KEY = re.compile(f"[!-~]{{1,{repeats.LONGEST_KEY}}}")


@post(BASE, opt=dict(BODY), status_code=201)
async def ask(request: Request[Any, Any, Any], visit: NamedDependency[Visit]) -> Response[bytes]:
    """Answer one question."""
    try:
        claims = await in_thread(shown)(visit=visit)
        given = await read_object(request, MOST_BYTES)
    except Turned as turned:
        return refused(visit, turned.refusal, limits(visit))
    answered = await in_thread(_ask)(visit=visit, claims=claims, given=given)
    return cast("Response[bytes]", answered)


@turning
def _ask(visit: Visit, claims: Mapping[str, Any], given: Any) -> Response[bytes]:
    portal = visit.portal
    key = idempotency_key(visit)
    with portal.database.begin() as db:
        bearer = bearer_of(visit, db, claims)
        question, purpose = _read(visit, db, bearer, given)
        pacing.take_turn(db, bearer.body.code)
        now = portal.clock.now()
        found = _repeated(visit, db, bearer, key, given, now)
        if found is None:
            left = pacing.allowance(db, bearer.body, now)
            remember_limits(visit, left)
            if not left.left:
                raise Turned("too_many")
            agreement = bearer.body.agreements[purpose]
            found = portal.answering.answer(db, bearer.body, agreement, question, now)
            remember_limits(visit, left.less())
            if key:
                repeats.remember(db, portal.vault, bearer.body.code, key, given, found.id, now)
    headers = {"location": f"{portal.settings.public_url}{BASE}/{found.id}", **limits(visit)}
    return answer(shown_of(visit, found), 201, headers=headers)


def _read(visit: Visit, db: Connection, bearer: Bearer, given: Any) -> tuple[Question, Purpose]:
    """The question and what it is for; raises :class:`Turned`."""
    question = read_question(given, visit.portal.places, visit.today.year)
    if isinstance(question, list):
        raise Turned("wrong", *question)
    purpose = purpose_of(bearer, given)
    if not accounts.has_user(db, bearer.body.code, question.user):
        raise Turned("unknown_user")
    wrong = unwanted(bearer.body, purpose, question)
    if wrong:
        raise Turned("wrong", *wrong)
    return question, purpose


def purpose_of(bearer: Bearer, given: Mapping[str, Any]) -> Purpose:
    """What is asked for, which the token must be for; raises :class:`Turned`."""
    if "purpose" not in given:
        if len(bearer.purposes) > 1:
            told = N_("Say what the answer is for: the token is for several purposes")
            raise Turned("wrong", Violation("/purpose", told))
        if not bearer.purposes:
            raise Turned("not_agreed")
        return next(iter(bearer.purposes))
    purpose = Purpose(given["purpose"])
    if purpose not in bearer.purposes:
        raise Turned("not_agreed")
    return purpose


def _repeated(
    visit: Visit, db: Connection, bearer: Bearer, key: str, given: Any, now: datetime
) -> Answered | None:
    if not key:
        return None
    vault, code = visit.portal.vault, bearer.body.code
    led_to = repeats.led_to(db, vault, code, key, given, now)
    return answering.find(db, vault, code, led_to) if led_to else None


def idempotency_key(visit: Visit) -> str:
    """The key, or nothing when none was sent; raises :class:`Turned` for one that is none."""
    key = visit.request.headers.get("idempotency-key")
    if key is None:
        return ""
    if not _KEY.fullmatch(key):
        told = N_("Write from 1 to {n} visible ASCII characters")
        params = (("n", repeats.LONGEST_KEY),)
        raise Turned("wrong", Violation("Idempotency-Key", told, params, place="header"))
    return key


def shown_of(visit: Visit, found: Answered) -> dict[str, Any]:
    """An inquiry as it is told: what was signed, and the signature."""
    site = visit.portal.settings.public_url
    return {
        "id": found.id,
        "asked_at": found.at.isoformat(),
        "class": found.kind.value,
        "answer": found.claims,
        "signed": found.signed,
        "verify_at": f"{site}/verify/permits/{found.id}",
    }


@get_page(f"{BASE}/{{inquiry_id:str}}", Access.BODY)
@turning
def show(visit: NamedDependency[Visit], inquiry_id: FromPath[str]) -> Response[bytes]:
    """One inquiry of the body's own."""
    claims = shown(visit)
    with visit.portal.database.read() as db:
        bearer = bearer_of(visit, db, claims)
        found = answering.find(db, visit.portal.vault, bearer.body.code, inquiry_id)
    if found is None:
        raise Turned("unknown_inquiry")
    return answer(shown_of(visit, found), 200, headers=limits(visit))


@get_page(BASE, Access.BODY)
@turning
def list_own(visit: NamedDependency[Visit]) -> Response[bytes]:
    """The body's own inquiries, the newest first."""
    portal, claims = visit.portal, shown(visit)
    with portal.database.read() as db:
        bearer = bearer_of(visit, db, claims)
        code = bearer.body.code
        limit, held = page_of(visit, _CURSOR, code)
        named = _reference(visit)
        found = answering.newest(
            db, portal.vault, code, reference=named, before=behind(held), most=limit + 1
        )
    page, headers, following = found[:limit], limits(visit), None
    if len(found) > limit:
        following = cursor(visit, _CURSOR, code, page[-1].at.isoformat(), page[-1].id)
        headers["link"] = link(visit, BASE, following, limit, reference=named)
    told = {"inquiries": [shown_of(visit, each) for each in page], "next": following}
    return answer(told, 200, headers=headers)


def _reference(visit: Visit) -> str:
    """The reference that is looked for, or nothing; raises :class:`Turned` for what is none."""
    given = visit.request.query_params.getall("reference", [])
    if not given:
        return ""
    wrong = unkeepable({"reference": given[-1]}) if len(given) == 1 else []
    if len(given) > 1 or wrong:
        told = wrong[0].msgid if wrong else N_("Say this once")
        raise Turned("wrong", Violation("reference", told, place="parameter"))
    return clean(given[0])


HANDLERS = [allowing(BASE, "GET, POST"), ask, list_own, show]
