"""Batches of questions: accepted together, answered by a worker, read page by page."""

from collections.abc import Mapping
from typing import Any, cast

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy import Connection

from portal.bodies import accounts, answering, jobs, pacing, repeats
from portal.bodies.batches import Batch, read_batch
from portal.bodies.jobs import BASE, MOST_OPEN, Job
from portal.bodies.model import Purpose
from portal.bodies.questions import unwanted
from portal.bodies.refusals import Turned
from portal.bodies.tokens import Bearer
from portal.routes.bodies.asking import (
    BODY,
    allowing,
    bearer_of,
    limits,
    read_object,
    refused,
    shown,
    turning,
)
from portal.routes.bodies.inquiries import idempotency_key, purpose_of, shown_of
from portal.routes.bodies.paging import behind, cursor, link, page_of
from portal.web.machines import answer
from portal.web.routing import Access, get_page, in_thread
from portal.web.visit import Visit

MOST_BYTES = 500_000
_LOOK_AGAIN = "5"  # seconds
_CURSOR, _ANSWERS_CURSOR = "body_jobs.cursor", "body_jobs.answers_cursor"


@post(BASE, opt=dict(BODY), status_code=202)
async def begin(request: Request[Any, Any, Any], visit: NamedDependency[Visit]) -> Response[bytes]:
    """Accept a batch, or nothing of it."""
    try:
        claims = await in_thread(shown)(visit=visit)
        given = await read_object(request, MOST_BYTES)
    except Turned as turned:
        return refused(visit, turned.refusal, limits(visit))
    accepted = await in_thread(_begin)(visit=visit, claims=claims, given=given)
    return cast("Response[bytes]", accepted)


@turning
def _begin(visit: Visit, claims: Mapping[str, Any], given: Any) -> Response[bytes]:
    portal = visit.portal
    key = idempotency_key(visit)
    with portal.database.read() as db:
        bearer = bearer_of(visit, db, claims)
    # five hundred lines take a while to look at: no lock is held meanwhile
    batch, purpose = _read(visit, bearer, given)
    with portal.database.begin() as db:
        bearer = portal.tokens.bearer(db, claims, portal.clock.now())
        _must_be_agreed(db, bearer, batch, purpose)
        job = _accept(visit, db, bearer, batch, purpose, key, given)
    location = f"{portal.settings.public_url}{BASE}/{job.id}"
    return answer(_shown(visit, job), 202, headers={"location": location, **limits(visit)})


def _read(visit: Visit, bearer: Bearer, given: Any) -> tuple[Batch, Purpose]:
    """The batch and what it is for; raises :class:`Turned`."""
    batch = read_batch(given, visit.portal.places, visit.today.year)
    if isinstance(batch, list):
        raise Turned("wrong", *batch)
    purpose = purpose_of(bearer, given)
    wrong = [
        each
        for index, question in enumerate(batch.questions)
        for each in unwanted(bearer.body, purpose, question, f"/questions/{index}")
    ]
    if wrong:
        raise Turned("wrong", *wrong)
    return batch, purpose


def _must_be_agreed(db: Connection, bearer: Bearer, batch: Batch, purpose: Purpose) -> None:
    if purpose not in bearer.purposes:
        raise Turned("not_agreed")
    if not bearer.body.agreements[purpose].batches:
        raise Turned("no_batches")
    if not accounts.has_user(db, bearer.body.code, batch.questions[0].user):
        raise Turned("unknown_user")


def _accept(
    visit: Visit,
    db: Connection,
    bearer: Bearer,
    batch: Batch,
    purpose: Purpose,
    key: str,
    given: Any,
) -> Job:
    """The new job, or the one that the same key led to before; raises :class:`Turned`."""
    vault, code, now = visit.portal.vault, bearer.body.code, visit.portal.clock.now()
    pacing.take_turn(db, code)
    led_to = repeats.led_to(db, vault, code, key, given, now) if key else None
    if led_to is not None:
        found = jobs.find(db, code, led_to)
        if found is not None:
            return found
    if jobs.count_open(db, code) >= MOST_OPEN:
        raise Turned("too_many_jobs")
    job = jobs.accept(db, vault, code, purpose, batch.reference, batch.questions, now)
    if key:
        repeats.remember(db, vault, code, key, given, job.id, now)
    return job


@get_page(f"{BASE}/{{job_id:str}}", Access.BODY)
@turning
def show(visit: NamedDependency[Visit], job_id: FromPath[str]) -> Response[bytes]:
    """How far a job is."""
    claims = shown(visit)
    with visit.portal.database.read() as db:
        found = jobs.find(db, bearer_of(visit, db, claims).body.code, job_id)
    if found is None:
        raise Turned("unknown_job")
    return answer(_shown(visit, found), 200, headers={**limits(visit), **_later(found)})


@get_page(BASE, Access.BODY)
@turning
def list_own(visit: NamedDependency[Visit]) -> Response[bytes]:
    """The body's own jobs, the newest first."""
    claims = shown(visit)
    with visit.portal.database.read() as db:
        code = bearer_of(visit, db, claims).body.code
        limit, held = page_of(visit, _CURSOR, code)
        found = jobs.newest(db, code, before=behind(held), most=limit + 1)
    page, headers, following = found[:limit], limits(visit), None
    if len(found) > limit:
        last = page[-1]
        following = cursor(visit, _CURSOR, code, last.created_at.isoformat(), last.id)
        headers["link"] = link(visit, BASE, following, limit)
    told = {"jobs": [_shown(visit, each) for each in page], "next": following}
    return answer(told, 200, headers=headers)


@get_page(f"{BASE}/{{job_id:str}}/answers", Access.BODY)
@turning
def list_answers(visit: NamedDependency[Visit], job_id: FromPath[str]) -> Response[bytes]:
    """The answers in the order of the questions, as far as there are any.

    ``next`` is None only when no more will come; while the job runs, it leads to what comes next.
    """
    claims, vault = shown(visit), visit.portal.vault
    with visit.portal.database.read() as db:
        job = jobs.find(db, bearer_of(visit, db, claims).body.code, job_id)
        if job is None:
            raise Turned("unknown_job")
        limit, held = page_of(visit, _ANSWERS_CURSOR, job.id)
        after = int(held[0]) if held else -1
        found = answering.of_job(db, vault, job.id, after=after, most=limit + 1)
    page, headers, following = found[:limit], {**limits(visit), **_later(job)}, None
    if len(found) > limit or job.finished_at is None:
        following = cursor(visit, _ANSWERS_CURSOR, job.id, str(page[-1][0] if page else after))
    if following and len(found) > limit:
        headers["link"] = link(visit, f"{BASE}/{job.id}/answers", following, limit)
    told = {
        "job": _shown(visit, job),
        "answers": [{"position": n, "inquiry": shown_of(visit, each)} for n, each in page],
        "next": following,
    }
    return answer(told, 200, headers=headers)


@post(f"{BASE}/{{job_id:str}}/cancel", opt=dict(BODY), status_code=200)
async def cancel(visit: NamedDependency[Visit], job_id: FromPath[str]) -> Response[bytes]:
    """Drop what is not answered yet."""
    done = await in_thread(_cancel)(visit=visit, job_id=job_id)
    return cast("Response[bytes]", done)


@turning
def _cancel(visit: Visit, job_id: str) -> Response[bytes]:
    claims = shown(visit)
    with visit.portal.database.begin() as db:
        code = bearer_of(visit, db, claims).body.code
        found = jobs.cancel(db, code, job_id, visit.portal.clock.now())
    if found is None:
        raise Turned("unknown_job")
    return answer(_shown(visit, found), 200, headers=limits(visit))


def _later(job: Job) -> dict[str, str]:
    """When a job under way is worth asking for again."""
    return {} if job.finished_at else {"retry-after": _LOOK_AGAIN}


def _shown(visit: Visit, job: Job) -> dict[str, Any]:
    """A job as it is told."""
    site = visit.portal.settings.public_url
    return {
        "id": job.id,
        "state": job.state,
        "stopped_reason": job.stopped_reason or None,
        "user": job.username,
        "purpose": job.purpose.value,
        "reference": job.reference,
        "total": job.total,
        "done": job.done,
        "created_at": job.created_at.isoformat(),
        "finished_at": job.finished_at.isoformat() if job.finished_at else None,
        "answers_at": f"{site}{BASE}/{job.id}/answers",
    }


HANDLERS = [
    allowing(BASE, "GET, POST"),
    begin,
    list_own,
    show,
    list_answers,
    cancel,
]
