"""What a center asked for: the citizen completes the request."""

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from portal.catalogue.model import Document, Text
from portal.problems import Problem
from portal.requests import completing, reading, uploads
from portal.requests.lifecycle import State
from portal.requests.reading import FiledRequest
from portal.routes.enclosures import Enclosures
from portal.routes.files import back_to, by_code
from portal.web.http_forms import PostedForm
from portal.web.late import STALE, is_own
from portal.web.pages import redirect
from portal.web.routing import Access, get_page, post_files, post_form
from portal.web.visit import Forged, Visit


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
        files = uploads.of_request(db, portal.vault, request.id, completing.WRITING)
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
        files=by_code(files),
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
    if not is_own(visit, form):
        page = _completion_page(visit, number, [Problem("note", STALE)], note, 403)
        if page.status_code != 403:  # nothing is to be completed any more
            raise Forged("no token of this browser")
        return page
    with portal.database.begin() as db:
        citizen = visit.citizen(db)
        request = reading.own(db, citizen.citizen_id, number)
        completing.hold(db, request)
        request = reading.by_id(db, request.id)
        ask = completing.asked(reading.history(db, portal.vault, request.id))
        files = uploads.of_request(db, portal.vault, request.id, completing.WRITING)
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


_FILES = Enclosures(
    completing.WRITING, lambda _visit, request: request.state is State.NEEDS_COMPLETION
)


@post_files("/requests/{number:str}/complete/{code:str}", Access.CITIZEN)
def upload_completion(
    visit: NamedDependency[Visit],
    number: FromPath[str],
    code: FromPath[str],
    upload_form: NamedDependency[PostedForm],
) -> Response[bytes]:
    def find(request: FiledRequest) -> Document | None:
        service = visit.portal.catalogue.services[request.service_code]
        return _extra_document() if code == "answer" else service.document(code)

    problems = _FILES.add(visit, number, upload_form, find)
    if problems:
        return _completion_page(visit, number, problems, upload_form.text("note"), 422)
    return back_to(visit, f"/requests/{number}/complete", code)


@post_form("/requests/{number:str}/complete/{code:str}/{file_id:str}/remove", Access.CITIZEN)
def remove_completion(
    visit: NamedDependency[Visit],
    number: FromPath[str],
    code: FromPath[str],
    file_id: FromPath[str],
    form: NamedDependency[PostedForm],
) -> Response[bytes]:
    _FILES.remove(visit, number, code, file_id, form)
    return back_to(visit, f"/requests/{number}/complete", code)


HANDLERS = [
    show_completion,
    complete,
    upload_completion,
    remove_completion,
]
