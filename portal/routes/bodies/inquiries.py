"""Questions about building permits, and the body's own log of them."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy import Connection

from portal.bodies import accounts, answering, pacing, repeats
from portal.bodies.answering import Answered, Question
from portal.bodies.model import Purpose
from portal.bodies.questions import read_question, unwanted
from portal.bodies.refusals import Turned
from portal.bodies.tokens import Bearer
from portal.problems import N_
from portal.routes.bodies.asking import (
    BODY,
    bearer_of,
    limits,
    read_object,
    refused,
    remember_limits,
    shown,
    turning,
)
from portal.text import is_readable
from portal.vault import SealBroken
from portal.violations import Violation
from portal.web.machines import answer
from portal.web.routing import Access, get_page, in_thread
from portal.web.visit import Visit

BASE = "/api/v1/permits/inquiries"
MOST_BYTES = 16_000
MOST_LISTED, LISTED = 100, 20
_CURSOR = "body_inquiries.cursor"


@post(BASE, opt=dict(BODY), status_code=201)
async def ask(request: Request[Any, Any, Any], visit: NamedDependency[Visit]) -> Response[bytes]:
    """Answer one question."""
    try:
        claims = await in_thread(shown)(visit=visit)
        given = await read_object(request, MOST_BYTES)
    except Turned as turned:
        return refused(visit, turned.refusal)
    answered = await in_thread(_ask)(visit=visit, claims=claims, given=given)
    return cast("Response[bytes]", answered)


@turning
def _ask(visit: Visit, claims: Mapping[str, Any], given: Any) -> Response[bytes]:
    portal = visit.portal
    key = _idempotency_key(visit)
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
    purpose = _purpose(bearer, given)
    if not accounts.has_user(db, bearer.body.code, question.user):
        raise Turned("unknown_user")
    wrong = unwanted(bearer.body, purpose, question)
    if wrong:
        raise Turned("wrong", *wrong)
    return question, purpose


def _purpose(bearer: Bearer, given: Mapping[str, Any]) -> Purpose:
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


def _idempotency_key(visit: Visit) -> str:
    """The key, or nothing; raises :class:`Turned` for one that cannot be kept."""
    key = visit.request.headers.get("idempotency-key", "").strip()
    if len(key) > repeats.LONGEST_KEY or not key.isascii() or not is_readable(key):
        told = N_("Write at most {n} visible ASCII characters")
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
        limit, before = _page(visit, code)
        found = answering.newest(db, portal.vault, code, before=before, most=limit + 1)
    page, headers = found[:limit], limits(visit)
    cursor = _cursor(visit, code, page[-1]) if len(found) > limit else None
    if cursor:
        site = portal.settings.public_url
        headers["link"] = f'<{site}{BASE}?cursor={cursor}&limit={limit}>; rel="next"'
    told = {"inquiries": [shown_of(visit, each) for each in page], "next": cursor}
    return answer(told, 200, headers=headers)


def _page(visit: Visit, code: str) -> tuple[int, tuple[datetime, str] | None]:
    """How many, and behind which one; raises :class:`Turned`."""
    query, wrong = visit.request.query_params, []
    given = query.getall("limit", [])
    plain = given[-1] if len(given) == 1 else ""
    right = plain.isascii() and plain.isdigit() and len(plain) <= 4
    limit = int(plain) if right else LISTED
    if given and not (right and 1 <= limit <= MOST_LISTED):
        told = N_("Write a number from 1 to {n}")
        params = (("n", MOST_LISTED),)
        wrong.append(Violation("limit", told, params, place="parameter"))
    before = None
    cursors = query.getall("cursor", [])
    if cursors:
        before = _read_cursor(visit, code, cursors[-1]) if len(cursors) == 1 else None
        if before is None:
            told = N_("Take the cursor from the page before, as it is")
            wrong.append(Violation("cursor", told, place="parameter"))
    if wrong:
        raise Turned("wrong", *wrong)
    return limit, before


def _cursor(visit: Visit, code: str, last: Answered) -> str:
    sealed = visit.portal.vault.seal(_CURSOR, f"{code} {last.at.isoformat()} {last.id}")
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _read_cursor(visit: Visit, code: str, cursor: str) -> tuple[datetime, str] | None:
    try:
        sealed = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        whose, at, inquiry_id = visit.portal.vault.open(_CURSOR, sealed).split(" ")
    except (ValueError, SealBroken):
        return None
    return (datetime.fromisoformat(at), inquiry_id) if whose == code else None


HANDLERS = [ask, list_own, show]
