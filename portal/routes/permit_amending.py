"""What is told already is corrected, with a reason, by who decides about permits."""

from collections.abc import Mapping, Sequence

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy import Connection

from portal import notes
from portal.backoffice.acts import Employee
from portal.identity.roles import Permission
from portal.permits import correcting, entering, labels, particulars, reading, registry
from portal.permits.reading import Permit
from portal.permits.registry import NotPossible
from portal.problems import N_, Conflict, Problem
from portal.routes.backlog_review import TAKEN, department_problems
from portal.web.http_forms import PostedForm
from portal.web.pages import redirect
from portal.web.routing import Access, get_page, post_form
from portal.web.visit import Visit

_BASE = "/center/permits/{permit_id:int}/amend"
_FIELDS = (*entering.FIELDS, *entering.FILE_FIELDS, *particulars.NAMES)


@get_page(_BASE, Access.STAFF)
def show(visit: NamedDependency[Visit], permit_id: FromPath[int]) -> Response[bytes]:
    """The permit as somebody would type it."""
    with visit.portal.database.read() as db:
        _, permit = _permit(visit, db, permit_id)
    return _page(visit, permit, entering.typed_of(permit) | {"note": ""})


@post_form(_BASE, Access.STAFF)
def amend(
    visit: NamedDependency[Visit], permit_id: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Write the permit anew; the reason stays in the register, and the owner reads it."""
    portal = visit.portal
    typed = {name: form.text(name) for name in (*_FIELDS, "note")}
    with portal.database.begin() as db:
        employee, permit = _permit(visit, db, permit_id)
        visit.check_form(form)
        source = permit.row["source"]
        entry = entering.read_entry(typed, employee.center, visit.today, source=source)
        about_note = notes.problems_of_reason(
            "note", typed["note"].strip(), registry.LONGEST_NOTE, notes.REASON
        )
        problems = [*entry.problems, *department_problems(visit, typed), *about_note]
        before = entering.typed_of(permit)
        if not problems and all(typed[name] == before[name] for name in _FIELDS):
            problems.append(Problem("note", N_("Nothing is changed")))
        if entry.permit is None or problems:
            return _page(visit, permit, typed, problems, 422)
        note, now = typed["note"].strip(), portal.clock.now()
        try:
            correcting.amend(
                db, portal.vault, permit, entry.permit, employee.username, note, now, visit.today
            )
        except NotPossible as error:
            problem = Problem("issued_on", labels.REFUSALS[error.reason])
            return _page(visit, permit, typed, [problem], 422)
        except Conflict:
            return _page(visit, permit, typed, [Problem("number", TAKEN)], 409)
    return redirect(visit, f"/center/permits/{permit_id}")


def _permit(visit: Visit, db: Connection, permit_id: int) -> tuple[Employee, Permit]:
    employee = visit.employee(db, Permission.DECIDE_PERMITS)
    permit = reading.of_center(db, visit.portal.vault, employee.center, permit_id)
    if not correcting.can_amend(permit):
        raise Conflict("what nobody has accepted is corrected by who entered it")
    return employee, permit


def _page(
    visit: Visit,
    permit: Permit,
    typed: Mapping[str, str],
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> Response[bytes]:
    portal = visit.portal
    return portal.pages.page(
        visit,
        "permits/amend.html",
        status,
        permit=permit,
        typed=typed,
        problems=problems,
        center=portal.places.centers[permit.center_code],
        cutoffs=(),
        services=portal.catalogue.services,
        departments=portal.catalogue.departments,
        labels=labels,
    )


HANDLERS = [show, amend]
