"""The page of one request at a center, which every act there comes back to."""

from collections.abc import Callable
from datetime import datetime

from litestar import Response
from sqlalchemy import Connection

from portal.backoffice import assessing, reading, stages
from portal.backoffice.acts import COMPLETION_DAYS, Employee, possible
from portal.backoffice.reading import OpenedRequest
from portal.identity.roles import Permission, may
from portal.problems import Problem
from portal.vault import Vault
from portal.web.http_forms import PostedForm
from portal.web.late import STALE, is_own
from portal.web.pages import redirect
from portal.web.visit import Visit

Act = Callable[[Connection, Employee, datetime], None]


def open_request(db: Connection, vault: Vault, employee: Employee, number: str) -> OpenedRequest:
    """The request as this employee may see it."""
    known = may(employee.role, Permission.SEE_IDENTITY)
    return reading.open_request(db, vault, employee.center, number, identity=known)


def request_page(
    visit: Visit,
    employee: Employee,
    opened: OpenedRequest,
    form: PostedForm | None = None,
    problems: list[Problem] | None = None,
    status: int = 200,
) -> Response[bytes]:
    portal = visit.portal
    return portal.pages.page(
        visit,
        "backoffice/request.html",
        status,
        opened=opened,
        line=opened.line,
        payload=opened.payload,
        acts=possible(opened, employee),
        outstanding=stages.outstanding(opened.payload, opened.assessments),
        proposed=assessing.current(opened),
        center=portal.places.centers[employee.center],
        reasons=portal.catalogue.refusal_reasons,
        days=COMPLETION_DAYS,
        typed=form or PostedForm(),
        problems=problems or [],
        errors={problem.field: problem for problem in problems or []},
    )


def act_as_typed(
    visit: Visit,
    number: str,
    form: PostedForm,
    permission: Permission,
    field: str,
    problems_of: Callable[[OpenedRequest], list[Problem]],
    act: Act,
) -> Response[bytes]:
    """Do what was typed; what is wrong with it, and a form gone stale, stand on the page again.

    ``field`` is where the latter is told.
    """
    portal = visit.portal
    with portal.database.begin() as db:
        employee = visit.employee(db)
        employee.must(permission)  # before the page with its problems is shown
        opened = open_request(db, portal.vault, employee, number)
        if not is_own(visit, form):
            return request_page(visit, employee, opened, form, [Problem(field, STALE)], 403)
        problems = problems_of(opened)
        if not problems:
            act(db, employee, portal.clock.now())
    if problems:
        return request_page(visit, employee, opened, form, problems, 422)
    return redirect(visit, f"/center/requests/{number}")
