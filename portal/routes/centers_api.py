"""What systems of centers call: events in, what became of them, documents in both directions.

No session and no form token: a signature over the body, or a token that the center has signed,
decides. Every answer is JSON, and every refusal a problem document (RFC 9457) that says which
field.
"""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, cast

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from portal.catalogue.model import Document, Text
from portal.clock import public_id
from portal.handoff import contract, inward, uploads
from portal.handoff.authentic import MOST_BYTES, Turned
from portal.handoff.pace import Pace
from portal.handoff.refusals import Refusal, problem
from portal.handoff.uploads import Uploaded
from portal.observability import handoff_refused, log
from portal.problems import Missing
from portal.requests import uploads as attachments
from portal.requests.inspection import EXTENSIONS, Unacceptable, inspect
from portal.routes.files import stream_file
from portal.violations import Violation, errors
from portal.web import machines
from portal.web.machines import PROBLEM, TooLarge, answer, speech_of
from portal.web.parts import Portal
from portal.web.routing import UPLOAD_THREADS, Access, get_page, in_thread
from portal.web.visit import Visit

_EVENT_TYPE = "application/jose"
_MOST_DOCUMENT_MB = 20
_MOST_DOCUMENT_PAGES = 200
_DOCUMENT = Document(
    code="output",
    title=Text("", ""),
    formats=("pdf", "jpg", "png", "dwg"),
    max_mb=_MOST_DOCUMENT_MB,
    max_pages=_MOST_DOCUMENT_PAGES,
)
_CENTER: Mapping[str, Any] = {"access": Access.CENTER}


@post("/api/v1/centers/{code:str}/events", opt=dict(_CENTER), status_code=202)
async def take_event(
    request: Request[Any, Any, Any],
    visit: NamedDependency[Visit],
    portal: NamedDependency[Portal],
    code: FromPath[str],
) -> Response[bytes]:
    """Take one signed event: 202 when it is kept, 200 when it was applied before."""
    try:
        _must_be(request, _EVENT_TYPE)
        body = await _bounded(request, MOST_BYTES)
    except Turned as turned:
        return await _turned_away(request, visit, turned.refusal)
    taken = await in_thread(_take)(visit=visit, portal=portal, code=code, body=body)
    return cast("Response[bytes]", taken)


def _take(visit: Visit, portal: Portal, code: str, body: bytes) -> Response[bytes]:
    if code not in portal.places.centers:
        return _refused(visit, Refusal("unknown_center"))
    outcome = portal.door.take(body, code, answered=True)
    refusal = outcome.refusal
    if refusal is not None and refusal.kind not in _FOUND_LATER:
        return answer(_problem(visit, refusal), refusal.status, PROBLEM, _headers(refusal))
    told: dict[str, Any] = {"id": outcome.id, "state": outcome.state, "reason": outcome.reason}
    told["errors"] = errors(refusal.errors, speech_of(visit)) if refusal is not None else []
    return answer(told, 200 if outcome.again else 202)


# kept, and known to be wrong only when it was held against the request
_FOUND_LATER = frozenset({"unfit", "no_request"})


@get_page("/api/v1/centers/{code:str}/events/{event_id:str}", Access.CENTER)
def show_event(
    visit: NamedDependency[Visit], code: FromPath[str], event_id: FromPath[str]
) -> Response[bytes]:
    """What became of an event."""
    try:
        _permission(visit, code, visit.portal.asking_pace)
    except Turned as turned:
        return _refused(visit, turned.refusal)
    with visit.portal.database.read() as db:
        event = inward.find(db, code, event_id)
    if event is None:
        return _refused(visit, Refusal("unknown_event"))
    applied = event.applied_at.isoformat() if event.applied_at else None
    told = {
        "id": event.id,
        "type": event.type,
        "subject": event.subject,
        "state": event.state,
        "reason": event.reason,
        "received_at": event.received_at.isoformat(),
        "applied_at": applied,
    }
    return answer(told, 200)


@post("/api/v1/centers/{code:str}/documents", opt=dict(_CENTER), status_code=201)
async def take_document(
    request: Request[Any, Any, Any],
    visit: NamedDependency[Visit],
    code: FromPath[str],
) -> Response[bytes]:
    """Take a document that an event will name."""
    try:
        # who may send is asked before anything is read
        pace = visit.portal.document_pace
        jti = await in_thread(_permission)(visit=visit, code=code, pace=pace)
        media_type = _must_be(request, *EXTENSIONS)
    except Turned as turned:
        return await _turned_away(request, visit, turned.refusal)
    with NamedTemporaryFile(prefix="document-", delete=False) as target:
        path = Path(target.name)
        try:
            digest = await _to_disk(request, target)
            target.flush()
            kept = await in_thread(_keep, UPLOAD_THREADS)(
                visit=visit, code=code, jti=jti, media_type=media_type, path=path, given=digest
            )
        except Turned as turned:
            return await _turned_away(request, visit, turned.refusal)
        finally:
            path.unlink(missing_ok=True)
    return cast("Response[bytes]", kept)


def _keep(
    visit: Visit, code: str, jti: str, media_type: str, path: Path, given: str
) -> Response[bytes]:
    portal, now = visit.portal, visit.portal.clock.now()
    with portal.database.read() as db:
        known = uploads.under(db, code, jti)
    if known is not None:
        return _uploaded(visit, known, given)
    try:
        inspected = inspect(path, _DOCUMENT)
    except Unacceptable as error:
        wrong = Violation("", error.msgid, tuple(error.params.items()))
        return _refused(visit, Refusal("unacceptable", [wrong]))
    with inspected.content:
        if inspected.media_type != media_type:
            return _refused(visit, Refusal("media_type"))
        stored = portal.uploaded_files.put(inspected.content)
    entry = (public_id(), given, inspected.media_type, inspected.pages)
    try:
        with portal.database.begin() as db:
            fresh = uploads.keep(db, code, jti, entry, stored, now)
            kept = uploads.under(db, code, jti)
    except BaseException:
        portal.uploaded_files.drop(stored.key)
        raise
    if not fresh:  # the same token twice at once
        portal.uploaded_files.drop(stored.key)
    if kept is None:
        raise Missing("upload")
    return _uploaded(visit, kept, given)


def _uploaded(visit: Visit, kept: Uploaded, given: str) -> Response[bytes]:
    if kept.given_sha256 != given:
        return _refused(visit, Refusal("id_taken"))
    portal = visit.portal
    told = {
        "id": kept.id,
        "media_type": kept.media_type,
        "size": kept.size_bytes,
        "pages": kept.pages,
        "sha256": kept.sha256,
        "href": portal.uploaded_links.sign(kept.id, portal.clock.now()),
    }
    return answer(told, 201)


@get_page("/api/v1/handoff/documents/{signed:str}", Access.CENTER)
def show_document(visit: NamedDependency[Visit], signed: FromPath[str]) -> Stream:
    """A document of a request, for whoever holds its address while that lives."""
    portal = visit.portal
    file_id = portal.links.read_signed(signed, portal.clock.now())
    with portal.database.read() as db:
        file, _, _ = attachments.find(db, portal.vault, file_id)
    file_answer = stream_file(portal.files.parts(file.storage_key), file.media_type, file.id)
    file_answer.headers["content-disposition"] = (
        f'attachment; filename="{file.id}.{EXTENSIONS.get(file.media_type, "bin")}"'
    )
    return file_answer


@get_page("/api/v1/handoff/schemas/{name:str}", Access.ANYONE)
def show_schema(name: FromPath[str]) -> Response[bytes]:
    """A schema of the contract, for any validator and from any site."""
    known = name.endswith(".json") and contract.text_of(name.removesuffix(".json"))
    if not known:
        raise Missing("schema")
    return Response(
        known,
        media_type="application/schema+json",
        headers={
            "cache-control": "public, max-age=3600",
            "access-control-allow-origin": "*",
            "cross-origin-resource-policy": "cross-origin",
        },
    )


def _permission(visit: Visit, code: str, pace: Pace) -> str:
    """The token's name; raises :class:`Turned`, also for a center that comes too fast."""
    if code not in visit.portal.places.centers:
        raise Turned("unknown_center")
    token = machines.bearer(visit.request)
    if not token:
        raise Turned("no_token")
    jti = visit.portal.authentic.permission(token, code)
    if not pace.allows(code):  # asked last: nobody uses up another's share
        raise Turned("too_many")
    return jti


def _must_be(request: Request[Any, Any, Any], *media_types: str) -> str:
    given = machines.media_type(request)
    if given not in media_types:
        raise Turned("media_type")
    return given


async def _turned_away(
    request: Request[Any, Any, Any], visit: Visit, refusal: Refusal
) -> Response[bytes]:
    """Refuse after the rest of the body: who is still sending would not read the answer."""
    await machines.read_to_its_end(request)
    return _refused(visit, refusal)


async def _bounded(request: Request[Any, Any, Any], most: int) -> bytes:
    try:
        return await machines.read_body(request, most)
    except TooLarge as error:
        raise Turned("too_large") from error


async def _to_disk(request: Request[Any, Any, Any], target: Any) -> str:
    """Write the body down; its SHA-256."""
    digest = sha256()

    def write(chunk: bytes) -> None:
        digest.update(chunk)
        target.write(chunk)

    try:
        await machines.pass_body(request, _MOST_DOCUMENT_MB * 1_000_000, write)
    except TooLarge as error:
        raise Turned("too_large") from error
    return digest.hexdigest()


def _problem(visit: Visit, refusal: Refusal) -> dict[str, Any]:
    return problem(refusal, speech_of(visit))


def _refused(visit: Visit, refusal: Refusal) -> Response[bytes]:
    """A refusal that the door has not seen: counted here."""
    handoff_refused.labels(refusal.kind).inc()
    log.info("refused", kind=refusal.kind, status=refusal.status)
    return answer(_problem(visit, refusal), refusal.status, PROBLEM, _headers(refusal))


def _headers(refusal: Refusal) -> dict[str, str]:
    if refusal.kind == "too_many":
        return {"retry-after": "1"}
    return {"www-authenticate": "Bearer"} if refusal.kind == "no_token" else {}


HANDLERS = [
    take_event,
    show_event,
    take_document,
    show_document,
    show_schema,
]
