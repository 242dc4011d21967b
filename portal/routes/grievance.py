"""A grievance against a refusal: what it says, its files, and the confirmation."""

from collections.abc import Sequence

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from portal.problems import Problem
from portal.requests import completing, grieving, reading, uploads
from portal.routes.enclosures import Enclosures
from portal.routes.files import back_to
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


_PROOF = Enclosures(
    grieving.WRITING, lambda visit, request: grieving.is_possible(request, visit.today)
)


@post_files("/requests/{number:str}/grievance/files", Access.CITIZEN)
def upload_proof(
    visit: NamedDependency[Visit],
    number: FromPath[str],
    upload_form: NamedDependency[PostedForm],
) -> Response[bytes]:
    document = grieving.document()
    problems = _PROOF.add(visit, number, upload_form, lambda _request: document)
    if problems:
        return _page(visit, number, problems, upload_form.text("note"), 422)
    return back_to(visit, f"/requests/{number}/grievance", document.code)


@post_form("/requests/{number:str}/grievance/files/{file_id:str}/remove", Access.CITIZEN)
def remove_proof(
    visit: NamedDependency[Visit],
    number: FromPath[str],
    file_id: FromPath[str],
    form: NamedDependency[PostedForm],
) -> Response[bytes]:
    code = grieving.document().code
    _PROOF.remove(visit, number, code, file_id, form)
    return back_to(visit, f"/requests/{number}/grievance", code)


HANDLERS = [show_grievance, file_grievance, upload_proof, remove_proof]
