"""Documents of a draft and of a completion: upload, look at, remove."""

from collections.abc import Callable, Iterator
from itertools import chain

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream
from sqlalchemy import Connection

from portal.catalogue.model import Document, Text
from portal.clock import public_id
from portal.problems import N_, Conflict, Lost, Missing, Problem
from portal.requests import completing, drafts, reading, submission, uploads
from portal.requests.drafts import AlreadySubmitted
from portal.requests.inspection import EXTENSIONS, Unacceptable, inspect
from portal.requests.lifecycle import State
from portal.requests.model import Attachment
from portal.requests.reading import FiledRequest
from portal.requests.uploads import Attached, NewFile
from portal.routes.drafts import OpenForm, open_form
from portal.vault import SealBroken
from portal.web.http_forms import PostedForm, UploadedFile
from portal.web.pages import redirect
from portal.web.routing import Access, get_page, post_form
from portal.web.visit import Visit

Attach = Callable[[Connection, NewFile], None]
NO_FILE = N_("Choose a file or take a photo first")
TOO_MANY_FILES = N_("This document takes at most {n} files; remove one first")


@get_page("/drafts/{draft_id:str}/documents", Access.CITIZEN)
def show_documents(visit: NamedDependency[Visit], draft_id: FromPath[str]) -> Response[bytes]:
    try:
        opened = open_form(visit, draft_id)
    except AlreadySubmitted:
        return redirect(visit, f"/drafts/{draft_id}")
    return _documents_page(visit, opened, {})


def _documents_page(
    visit: Visit, opened: OpenForm, found: dict[str, list[Problem]], status: int = 200
) -> Response[bytes]:
    """``found``: problems by the id of the document's section."""
    wanted = uploads.wanted(opened.service, opened.evaluation.names)
    return visit.portal.pages.page(
        visit,
        "drafts/documents.html",
        status,
        opened=opened,
        wanted=wanted,
        attached=_by_code(opened.attached),
        found=found,
        problems=[problem for each in found.values() for problem in each],
    )


@post_form("/drafts/{draft_id:str}/documents", Access.CITIZEN)
def leave_documents(
    visit: NamedDependency[Visit], draft_id: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """On to the check, or what is still to be uploaded, all at once."""
    try:
        opened = open_form(visit, draft_id)
    except AlreadySubmitted:
        return redirect(visit, f"/drafts/{draft_id}")
    visit.check_form(form)
    missing = submission.missing_documents(opened.evaluation, opened.attached)
    if missing:
        return _documents_page(visit, opened, {p.field: [p] for p in missing}, 422)
    return redirect(visit, f"/drafts/{draft_id}/check")


def _by_code(attached: list[Attached]) -> dict[str, list[Attached]]:
    found: dict[str, list[Attached]] = {}
    for file in attached:
        found.setdefault(file.document_code, []).append(file)
    return found


@post_form("/drafts/{draft_id:str}/documents/{code:str}", Access.CITIZEN)
def upload(
    visit: NamedDependency[Visit],
    draft_id: FromPath[str],
    code: FromPath[str],
    upload_form: NamedDependency[PostedForm],
) -> Response[bytes]:
    """Take the files that are good, say what is wrong with the others."""
    try:
        opened = open_form(visit, draft_id)
    except AlreadySubmitted:
        return redirect(visit, f"/drafts/{draft_id}")
    visit.check_form(upload_form)
    document = _wanted(opened, code)
    taken = [a for a in opened.attached if a.document_code == code]
    problems = take_files(
        visit,
        document,
        upload_form.files,
        lambda db, file: _attach_to_draft(visit, db, draft_id, document, file),
        len(taken),
    )
    if visit.request.headers.get("x-upload") == "part":
        return _one_document(visit, draft_id, document, problems)
    if problems:
        found = {f"document-{code}": problems}
        return _documents_page(visit, open_form(visit, draft_id), found, 422)
    return _back_to(visit, f"/drafts/{draft_id}/documents", code)


def _wanted(opened: OpenForm, code: str) -> Document:
    wanted = uploads.wanted(opened.service, opened.evaluation.names)
    document = next((d for d in wanted if d.code == code), None)
    if document is None:
        raise Missing("document")
    return document


def _attach_to_draft(
    visit: Visit, db: Connection, draft_id: str, document: Document, file: NewFile
) -> None:
    now = visit.portal.clock.now()
    citizen = visit.citizen(db)
    drafts.hold(db, citizen.citizen_id, draft_id, now)
    drafts.load(db, visit.portal.vault, citizen.citizen_id, draft_id)
    have = uploads.of_draft(db, visit.portal.vault, draft_id)
    if sum(a.document_code == document.code for a in have) >= document.maximum:
        raise Conflict("full")
    uploads.attach(db, visit.portal.vault, file, now, purpose="filing", draft_id=draft_id)
    drafts.changed(db, draft_id)


def take_files(
    visit: Visit,
    document: Document,
    files: list[UploadedFile],
    attach: Attach,
    have: int,
) -> list[Problem]:
    """Inspect, store and attach each file; the problems of those that were not taken."""
    anchor = f"document-{document.code}"
    if not files:
        return [Problem(anchor, NO_FILE)]
    problems: list[Problem] = []
    for file in files:
        if have >= document.maximum:
            problems.append(Problem(anchor, TOO_MANY_FILES, {"n": document.maximum}))
            break
        problem = _take_file(visit, document, file, attach, anchor)
        if problem is None:
            have += 1
        else:
            problems.append(problem)
    return problems


def _take_file(
    visit: Visit, document: Document, file: UploadedFile, attach: Attach, anchor: str
) -> Problem | None:
    portal = visit.portal
    try:
        inspected = inspect(file.path, document)
    except Unacceptable as error:
        return Problem(anchor, error.msgid, error.params)
    with inspected.content:
        stored = portal.files.put(inspected.content)
    new = NewFile(
        public_id(),
        document.code,
        uploads.clean_file_name(file.file_name) or document.code,
        inspected.media_type,
        inspected.pages,
        stored,
    )
    try:
        with portal.database.begin() as db:
            attach(db, new)
    except Conflict:
        portal.files.drop(stored.key)
        return Problem(anchor, TOO_MANY_FILES, {"n": document.maximum})
    except BaseException:
        portal.files.drop(stored.key)
        raise
    return None


def _one_document(
    visit: Visit, draft_id: str, document: Document, problems: list[Problem]
) -> Response[bytes]:
    """The part of the page for one document: what the script puts in the old one's place."""
    opened = open_form(visit, draft_id)
    return visit.portal.pages.page(
        visit,
        "drafts/_document.html",
        422 if problems else 200,
        opened=opened,
        document=document,
        files=_by_code(opened.attached).get(document.code, []),
        problems=problems,
    )


@post_form("/drafts/{draft_id:str}/documents/{code:str}/{file_id:str}/remove", Access.CITIZEN)
def remove(
    visit: NamedDependency[Visit],
    draft_id: FromPath[str],
    code: FromPath[str],
    file_id: FromPath[str],
    form: NamedDependency[PostedForm],
) -> Response[bytes]:
    portal = visit.portal
    with portal.database.begin() as db:
        citizen = visit.citizen(db)
        visit.check_form(form)
        drafts.hold(db, citizen.citizen_id, draft_id, portal.clock.now())
        drafts.load(db, portal.vault, citizen.citizen_id, draft_id)
        mine = (Attachment.draft_id == draft_id, Attachment.document_code == code)
        key = uploads.detach(db, file_id, *mine)
        drafts.changed(db, draft_id)
    portal.files.drop(key)
    return _back_to(visit, f"/drafts/{draft_id}/documents", code)


@get_page("/drafts/{draft_id:str}/files/{file_id:str}", Access.CITIZEN)
def show_draft_file(
    visit: NamedDependency[Visit], draft_id: FromPath[str], file_id: FromPath[str]
) -> Stream:
    portal = visit.portal
    with portal.database.read() as db:
        citizen = visit.citizen(db)
        drafts.load(db, portal.vault, citizen.citizen_id, draft_id)
        file, owner, _ = uploads.find(db, portal.vault, file_id)
    if owner != draft_id:
        raise Missing("file")
    return send_file(visit, file)


@get_page("/requests/{number:str}/files/{file_id:str}", Access.CITIZEN)
def show_request_file(
    visit: NamedDependency[Visit], number: FromPath[str], file_id: FromPath[str]
) -> Stream:
    portal = visit.portal
    with portal.database.read() as db:
        citizen = visit.citizen(db)
        request = reading.own(db, citizen.citizen_id, number)
        file, _, owner = uploads.find(db, portal.vault, file_id)
    if owner != request.id:
        raise Missing("file")
    return send_file(visit, file)


def send_file(visit: Visit, file: Attached) -> Stream:
    """A stored file: shown by the browser in a box of its own, never run."""
    return stream_file(visit.portal.files.parts(file.storage_key), file.media_type, file.id)


def stream_file(parts: Iterator[bytes], media_type: str, name: str) -> Stream:
    """The parts of a stored file; raises :class:`~portal.problems.Lost`."""
    try:
        first = next(parts)  # before the answer begins: then it can still be an honest page
    except (Missing, SealBroken) as error:
        raise Lost(f"{name}: {type(error).__name__}") from error
    extension = EXTENSIONS.get(media_type, "bin")
    disposition = "inline" if media_type in EXTENSIONS and extension != "dwg" else "attachment"
    return Stream(
        chain([first], parts),
        media_type=media_type,
        headers={
            "content-disposition": f'{disposition}; filename="{name}.{extension}"',
            # no sandbox keyword: Chromium's PDF viewer would not open inside it
            "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
            "img-src 'self'; object-src 'self'; plugin-types application/pdf; "
            "frame-ancestors 'none'",
        },
    )


@get_page("/requests/{number:str}/complete", Access.CITIZEN)
def show_completion(visit: NamedDependency[Visit], number: FromPath[str]) -> Response[bytes]:
    return _completion_page(visit, number, [], "")


def _completion_page(
    visit: Visit, number: str, problems: list[Problem], note: str, status: int = 200
) -> Response[bytes]:
    portal = visit.portal
    with portal.database.read() as db:
        citizen = visit.citizen(db)
        request = reading.own(db, citizen.citizen_id, number)
        ask = completing.asked(reading.history(db, portal.vault, request.id))
        files = uploads.of_request(db, portal.vault, request.id, "completion")
    if request.state is not State.NEEDS_COMPLETION or ask is None:
        return redirect(visit, f"/requests/{number}")
    service = portal.catalogue.services[request.service_code]
    documents = [d for c in ask.data.get("items", ()) if (d := service.document(c)) is not None]
    return portal.pages.page(
        visit,
        "requests/complete.html",
        status,
        request=request,
        service=service,
        ask=ask,
        documents=documents,
        extra=_extra_document(),
        files=_by_code(files),
        note=note,
        problems=problems,
        errors={problem.field: problem for problem in problems},
    )


def _extra_document() -> Document:
    """What the citizen adds unasked when the center only wrote a note."""
    return Document("answer", Text("", ""), required=False, minimum=0, maximum=5)


@post_form("/requests/{number:str}/complete", Access.CITIZEN)
def complete(
    visit: NamedDependency[Visit], number: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Send the completion to the center."""
    portal, note = visit.portal, form.text("note").replace("\r\n", "\n")
    with portal.database.begin() as db:
        citizen = visit.citizen(db)
        visit.check_form(form)
        request = reading.own(db, citizen.citizen_id, number)
        ask = completing.asked(reading.history(db, portal.vault, request.id))
        files = uploads.of_request(db, portal.vault, request.id, "completion")
        problems = completing.problems_of(request, ask, files, note) if ask else []
        if ask is not None and not problems and request.state is State.NEEDS_COMPLETION:
            completing.complete(
                db,
                portal.vault,
                portal.hand_off,
                portal.places,
                request,
                note,
                portal.clock.now(),
            )
    if problems:
        return _completion_page(visit, number, problems, note, 422)
    return redirect(visit, f"/requests/{number}")


@post_form("/requests/{number:str}/complete/{code:str}", Access.CITIZEN)
def upload_completion(
    visit: NamedDependency[Visit],
    number: FromPath[str],
    code: FromPath[str],
    upload_form: NamedDependency[PostedForm],
) -> Response[bytes]:
    portal = visit.portal
    with portal.database.read() as db:
        citizen = visit.citizen(db)
        request = reading.own(db, citizen.citizen_id, number)
        files = uploads.of_request(db, portal.vault, request.id, "completion")
    visit.check_form(upload_form)
    service = portal.catalogue.services[request.service_code]
    document = _extra_document() if code == "answer" else service.document(code)
    if document is None or request.state is not State.NEEDS_COMPLETION:
        raise Missing("document")
    have = sum(file.document_code == code for file in files)
    problems = take_files(
        visit,
        document,
        upload_form.files,
        lambda db, file: _attach_to_request(visit, db, request, document, file),
        have,
    )
    if problems:
        return _completion_page(visit, number, problems, upload_form.text("note"), 422)
    return _back_to(visit, f"/requests/{number}/complete", code)


def _attach_to_request(
    visit: Visit, db: Connection, request: FiledRequest, document: Document, file: NewFile
) -> None:
    now = visit.portal.clock.now()
    current = reading.by_id(db, request.id)
    have = uploads.of_request(db, visit.portal.vault, request.id, "completion")
    full = sum(a.document_code == document.code for a in have) >= document.maximum
    if full or current.state is not State.NEEDS_COMPLETION:
        raise Conflict("full, or sent already")
    uploads.attach(db, visit.portal.vault, file, now, purpose="completion", request_id=request.id)


@post_form("/requests/{number:str}/complete/{code:str}/{file_id:str}/remove", Access.CITIZEN)
def remove_completion(
    visit: NamedDependency[Visit],
    number: FromPath[str],
    code: FromPath[str],
    file_id: FromPath[str],
    form: NamedDependency[PostedForm],
) -> Response[bytes]:
    portal = visit.portal
    with portal.database.begin() as db:
        citizen = visit.citizen(db)
        visit.check_form(form)
        request = reading.own(db, citizen.citizen_id, number)
        key = uploads.detach(
            db,
            file_id,
            Attachment.request_id == request.id,
            Attachment.purpose == "completion",
            Attachment.document_code == code,
        )
    portal.files.drop(key)
    return _back_to(visit, f"/requests/{number}/complete", code)


def _back_to(visit: Visit, path: str, code: str) -> Response[bytes]:
    """The page again, at the document whose files changed."""
    return redirect(visit, f"{path}#document-{code}")


HANDLERS = [
    show_documents,
    leave_documents,
    upload,
    remove,
    show_draft_file,
    show_request_file,
    show_completion,
    complete,
    upload_completion,
    remove_completion,
]
