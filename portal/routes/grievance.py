"""A grievance against a refusal: what it says, its files, and the confirmation."""

from collections.abc import Sequence

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy import Connection

from portal.problems import Conflict, Missing, Problem
from portal.requests import completing, grieving, reading, uploads
from portal.requests.model import Attachment
from portal.requests.reading import FiledRequest
from portal.requests.uploads import NewFile
from portal.routes.files import back_to, take_files
from portal.web.http_forms import PostedForm
from portal.web.late import STALE, is_own
from portal.web.pages import redirect
from portal.web.routing import Access, get_page, post_files, post_form
from portal.web.visit import Forged, Visit


@get_page("/requests/{number:str}/grievance", Access.CITIZEN)
def show_grievance(visit: NamedDependency[Visit], number: FromPath[str]) -> Response[bytes]:
    return _page(visit, number, [], "")


def _page(
    visit: Visit, number: str, problems: Sequence[Problem], note: str, status: int = 200
) -> Response[bytes]:
    portal = visit.portal
    with portal.database.read() as db:
        citizen = visit.citizen(db)
        request = reading.own(db, citizen.citizen_id, number)
        files = uploads.of_request(db, portal.vault, request.id, grieving.WRITING)
    service = portal.catalogue.services[request.service_code]
    if not grieving.is_possible(request, visit.today) or service.grievance is None:
        return redirect(visit, f"/requests/{number}")
    return portal.pages.page(
        visit,
        "requests/grievance.html",
        status,
        request=request,
        service=service,
        grievance=service.grievance,
        document=grieving.document(),
        files=files,
        note=note,
        problems=problems,
        errors={problem.field: problem for problem in problems},
    )


@post_form("/requests/{number:str}/grievance", Access.CITIZEN)
def file_grievance(
    visit: NamedDependency[Visit], number: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """File it once; a second press, and one after the last day, finds nothing to do."""
    portal, note = visit.portal, form.text("note").replace("\r\n", "\n")
    if not is_own(visit, form):
        page = _page(visit, number, [Problem("note", STALE)], note, 403)
        if page.status_code != 403:  # nothing is to be filed any more
            raise Forged("no token of this browser")
        return page
    with portal.database.begin() as db:
        citizen = visit.citizen(db)
        request = reading.own(db, citizen.citizen_id, number)
        completing.hold(db, request)
        request = reading.by_id(db, request.id)
        problems = grieving.problems_of(note)
        if not problems and grieving.is_possible(request, visit.today):
            now = portal.clock.now()
            grieving.file_grievance(
                db, portal.vault, portal.hand_off, portal.places, request, note, now
            )
    if problems:
        return _page(visit, number, problems, note, 422)
    return redirect(visit, f"/requests/{number}")


@post_files("/requests/{number:str}/grievance/files", Access.CITIZEN)
def upload_proof(
    visit: NamedDependency[Visit],
    number: FromPath[str],
    upload_form: NamedDependency[PostedForm],
) -> Response[bytes]:
    portal, document = visit.portal, grieving.document()
    with portal.database.read() as db:
        citizen = visit.citizen(db)
        request = reading.own(db, citizen.citizen_id, number)
        files = uploads.of_request(db, portal.vault, request.id, grieving.WRITING)
    visit.check_form(upload_form)
    if not grieving.is_possible(request, visit.today):
        raise Missing("grievance")
    problems = take_files(
        visit, document, upload_form.files, lambda db, f: _attach(visit, db, request, f), len(files)
    )
    if problems:
        return _page(visit, number, problems, upload_form.text("note"), 422)
    return back_to(visit, f"/requests/{number}/grievance", document.code)


def _attach(visit: Visit, db: Connection, request: FiledRequest, file: NewFile) -> None:
    vault, now = visit.portal.vault, visit.portal.clock.now()
    completing.hold(db, request)
    have = uploads.of_request(db, vault, request.id, grieving.WRITING)
    full = len(have) >= grieving.document().maximum
    if full or not grieving.is_possible(reading.by_id(db, request.id), visit.today):
        raise Conflict("full, or filed already")
    uploads.attach(db, vault, file, now, purpose=grieving.WRITING, request_id=request.id)


@post_form("/requests/{number:str}/grievance/files/{file_id:str}/remove", Access.CITIZEN)
def remove_proof(
    visit: NamedDependency[Visit],
    number: FromPath[str],
    file_id: FromPath[str],
    form: NamedDependency[PostedForm],
) -> Response[bytes]:
    portal = visit.portal
    with portal.database.begin() as db:
        citizen = visit.citizen(db)
        visit.check_form(form)
        request = reading.own(db, citizen.citizen_id, number)
        completing.hold(db, request)
        mine = (Attachment.request_id == request.id, Attachment.purpose == grieving.WRITING)
        key = uploads.detach(db, file_id, *mine)
    portal.files.drop(key)
    return back_to(visit, f"/requests/{number}/grievance", grieving.document().code)


HANDLERS = [show_grievance, file_grievance, upload_proof, remove_proof]
