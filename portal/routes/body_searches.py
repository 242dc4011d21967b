"""What bodies asked that only the paper archive may know: the center looks and answers."""

from collections.abc import Mapping, Sequence

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy import Connection

from portal.backoffice.acts import Employee
from portal.bodies import labels, searching
from portal.bodies.searching import NotAnswered, Search
from portal.identity.roles import Permission, may
from portal.permits import reading
from portal.permits.numbers import read_number
from portal.permits.reading import Permit
from portal.problems import N_, Problem
from portal.text import without_hidden
from portal.web.http_forms import PostedForm
from portal.web.late import STALE, is_own
from portal.web.pages import redirect
from portal.web.routing import Access, get_page, post_form
from portal.web.visit import Visit

_BASE = "/center/permits/searches"
_LONGEST = 60
_NOTHING = {"found": "", "number": ""}


@get_page(_BASE, Access.STAFF)
def list_searches(visit: NamedDependency[Visit]) -> Response[bytes]:
    """The searches of the center, the most urgent first."""
    with visit.portal.database.read() as db:
        employee = visit.employee(db, Permission.ANSWER_SEARCHES)
        found = searching.waiting(db, employee.center, visit.today, searching.MOST + 1)
    return visit.portal.pages.page(
        visit,
        "bodies/searches.html",
        searches=found[: searching.MOST],
        more=len(found) > searching.MOST,
        most=searching.MOST,
        late=sum(each.is_late(visit.today) for each in found),
        center=visit.portal.places.centers[employee.center],
        labels=labels,
    )


@get_page(f"{_BASE}/{{answer_id:str}}", Access.STAFF)
def show_search(visit: NamedDependency[Visit], answer_id: FromPath[str]) -> Response[bytes]:
    with visit.portal.database.read() as db:
        employee = visit.employee(db, Permission.ANSWER_SEARCHES)
        search = searching.one(db, employee.center, answer_id, visit.today)
        return _page(visit, db, employee, search)


def _page(
    visit: Visit,
    db: Connection,
    employee: Employee,
    search: Search,
    typed: Mapping[str, str] = _NOTHING,
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> Response[bytes]:
    portal, number = visit.portal, search.number
    known = number and reading.find(db, portal.vault, employee.center, number)
    return portal.pages.page(
        visit,
        "bodies/search.html",
        status,
        search=search,
        known=known,
        may_enter=may(employee.role, Permission.ENTER_PERMITS),
        center=portal.places.centers[employee.center],
        typed=typed,
        problems=problems,
        labels=labels,
    )


@post_form(f"{_BASE}/{{answer_id:str}}", Access.STAFF)
def answer(
    visit: NamedDependency[Visit], answer_id: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Tell the body what was found. The answer is signed and stays as it is."""
    portal = visit.portal
    typed = {name: without_hidden(form.text(name))[:_LONGEST] for name in _NOTHING}
    status = 422
    with portal.database.read() as db:
        employee = visit.employee(db, Permission.ANSWER_SEARCHES)
        search = searching.one(db, employee.center, answer_id, visit.today)
        found, problems = _read(visit, db, employee, typed)
    if not is_own(visit, form):
        problems = [Problem("", STALE)]
    if not problems:
        try:
            with portal.database.begin() as db:
                searching.answer(
                    db,
                    portal.vault,
                    portal.answering,
                    search,
                    found,
                    employee.username,
                    portal.clock.now(),
                )
            return redirect(visit, _BASE)
        except NotAnswered as error:
            field = "" if error.reason == "answered" else "number"
            problems, status = [Problem(field, labels.NOT_ANSWERED[error.reason])], 409
    with portal.database.read() as db:
        return _page(visit, db, employee, search, typed, problems, status)


def _read(
    visit: Visit, db: Connection, employee: Employee, typed: Mapping[str, str]
) -> tuple[Permit | None, list[Problem]]:
    """The permit that is named, or what is wrong."""
    if typed["found"] == "no":
        return None, []
    if typed["found"] != "yes":
        return None, [Problem("found", N_("Choose what the search has shown"))]
    number = read_number(typed["number"], visit.today.year)
    if number is None:
        text = N_("Write the number and the year of the permit, such as 215 / 2025")
        return None, [Problem("number", text)]
    permit = reading.find(db, visit.portal.vault, employee.center, number)
    if permit is None:
        text = N_(
            "The register of this center has no permit under this number. Enter it first, and "
            "have it reviewed"
        )
        return None, [Problem("number", text)]
    return permit, []


HANDLERS = [list_searches, show_search, answer]
