"""Documents of a draft: upload, look at, remove."""

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream
from sqlalchemy import Connection

from portal.catalogue.model import Document
from portal.problems import Conflict, Missing, Problem
from portal.requests import drafts, reading, submission, uploads
from portal.requests.drafts import AlreadySubmitted
from portal.requests.model import Attachment
from portal.requests.uploads import NewFile
from portal.routes.drafts import OpenForm, open_form
from portal.routes.files import back_to, by_code, send_file, take_files
from portal.web.http_forms import PostedForm
from portal.web.pages import redirect
from portal.web.routing import Access, get_page, post_files, post_form
from portal.web.visit import Visit


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
        attached=by_code(opened.attached),
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


@post_files("/drafts/{draft_id:str}/documents/{code:str}", Access.CITIZEN)
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
    return back_to(visit, f"/drafts/{draft_id}/documents", code)


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
    visit.own_draft(db, draft_id, hold=True)
    have = uploads.of_draft(db, visit.portal.vault, draft_id)
    if sum(a.document_code == document.code for a in have) >= document.maximum:
        raise Conflict("full")
    uploads.attach(db, visit.portal.vault, file, now, purpose="filing", draft_id=draft_id)
    drafts.changed(db, draft_id, now)


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
        files=by_code(opened.attached).get(document.code, []),
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
        visit.own_draft(db, draft_id, hold=True)
        visit.check_form(form)
        mine = (Attachment.draft_id == draft_id, Attachment.document_code == code)
        key = uploads.detach(db, file_id, *mine)
        drafts.changed(db, draft_id, portal.clock.now())
    portal.files.drop(key)
    return back_to(visit, f"/drafts/{draft_id}/documents", code)


@get_page("/drafts/{draft_id:str}/files/{file_id:str}", Access.CITIZEN)
def show_draft_file(
    visit: NamedDependency[Visit], draft_id: FromPath[str], file_id: FromPath[str]
) -> Stream:
    portal = visit.portal
    with portal.database.read() as db:
        visit.own_draft(db, draft_id)
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


HANDLERS = [
    show_documents,
    leave_documents,
    upload,
    remove,
    show_draft_file,
    show_request_file,
]
