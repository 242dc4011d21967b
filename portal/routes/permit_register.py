"""The register of building permits, for its center's staff: look, enter, tell what happened."""

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from markupsafe import Markup
from sqlalchemy import Connection

from portal import notes
from portal.backoffice.acts import Employee
from portal.bodies import labels as bodies
from portal.bodies import log
from portal.bodies.log import AskedByBody
from portal.db import LARGEST_ID
from portal.identity.roles import Permission, may
from portal.permits import (
    correcting,
    cutoffs,
    entering,
    filling,
    labels,
    leftovers,
    matters,
    particulars,
    reading,
    registry,
    review,
    scans,
    survey,
)
from portal.permits.numbers import read_number
from portal.permits.reading import Permit, Search
from portal.permits.registry import NotPossible, PermitAction
from portal.permits.validity import Status
from portal.problems import N_, Conflict, Missing, Problem, Refused
from portal.receipts.codes import drawn
from portal.routes.backlog_review import department_problems
from portal.text import fold_digits, parse_day, without_hidden
from portal.web.http_forms import PostedForm
from portal.web.late import STALE, is_own
from portal.web.pages import redirect
from portal.web.routing import Access, get_page, post_form
from portal.web.visit import Visit

_BASE = "/center/permits"
_PAGE = 25
_FIELDS = (*entering.FIELDS, *entering.FILE_FIELDS, *particulars.NAMES)
_EMPTY = dict.fromkeys(_FIELDS, "") | {"legal_regime": "119/2008"}
_NO_ACT = {"act": "", "on": "", "note": ""}
_LOOKED = ("number", "street", "building_no", "file_no")
_FILTERS = ("", "lapsing", "unverified", "returned", "rejected")
_DECISIONS = frozenset(
    {
        PermitAction.SUSPEND,
        PermitAction.RESUME,
        PermitAction.REVOKE,
        PermitAction.SUPERSEDE,
        PermitAction.LAPSE,
        PermitAction.END_DISPUTE,
        PermitAction.KEEP,
        PermitAction.REINSTATE,
        PermitAction.TAKE_BACK,
    }
)
_EXPLAINED = _DECISIONS | {PermitAction.DISPUTE_START}


@get_page(_BASE, Access.STAFF)
def list_permits(
    visit: NamedDependency[Visit],
    number: FromQuery[str] = "",
    street: FromQuery[str] = "",
    building_no: FromQuery[str] = "",
    file_no: FromQuery[str] = "",
    only: FromQuery[str] = "",
    before: FromQuery[int] = 0,
) -> Response[bytes]:
    """The newest permits of the center; a number leads to its permit, an address and the number of
    a paper file to those that have it."""
    portal, today = visit.portal, visit.today
    if only not in _FILTERS or not 0 <= before <= LARGEST_ID:
        raise Missing("filter")
    problems: list[Problem] = []
    with portal.database.read() as db:
        employee = visit.employee(db, Permission.SEE_PERMITS)
        if number:
            named = read_number(number, today.year)
            found = named and reading.find(db, portal.vault, employee.center, named)
            if found:
                return redirect(visit, f"{_BASE}/{found.id}")
            text = N_("The register of this center has no permit under this number")
            problems = [Problem("number", text)]
        looked = {"number": number, "street": street}
        looked |= {"building_no": building_no, "file_no": file_no}
        return _register_page(
            visit, db, employee, problems, 422 if problems else 200, looked, only, before
        )


def _register_page(
    visit: Visit,
    db: Connection,
    employee: Employee,
    problems: Sequence[Problem],
    status: int,
    looked: Mapping[str, str] = MappingProxyType({}),
    only: str = "",
    before: int = 0,
) -> Response[bytes]:
    portal = visit.portal
    known = {name: without_hidden(looked.get(name, "")).strip()[:120] for name in _LOOKED}
    search = _search(visit, known)
    keeps = may(employee.role, Permission.KEEP_PERMITS)
    left = leftovers.of_center(db, employee.center) if keeps else []
    listed = reading.listed(
        db, employee.center, before=before or None, only=only, search=search, most=_PAGE + 1
    )
    return portal.pages.page(
        visit,
        "permits/register.html",
        status,
        listed=listed[:_PAGE],
        more=len(listed) > _PAGE,
        only=only,
        looked=known,
        searched=search is not None,
        problems=problems,
        center=portal.places.centers[employee.center],
        left=left,
        left_labels=leftovers.LABELS,
        services=portal.catalogue.services,
        may_enter=may(employee.role, Permission.ENTER_PERMITS),
        may_record_owners=may(employee.role, Permission.RECORD_OWNERS),
        labels=labels,
    )


def _search(visit: Visit, known: Mapping[str, str]) -> Search | None:
    if not any(known[name] for name in _LOOKED if name != "number"):
        return None
    return Search(
        registry.street_keys(known["street"]) if known["street"] else (),
        fold_digits(known["building_no"]),
        entering.file_number(known["file_no"]) or known["file_no"],
        tuple(visit.portal.catalogue.departments),
    )


@post_form(f"{_BASE}/leftovers/{{left_id:int}}", Access.STAFF)
def settle(
    visit: NamedDependency[Visit], left_id: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Enter an issued permit under its right number, or say that it is dealt with."""
    portal, now = visit.portal, visit.portal.clock.now()
    with portal.database.begin() as db:
        employee = visit.employee(db, Permission.KEEP_PERMITS)
        visit.check_form(form)
        if not 0 < left_id <= LARGEST_ID:
            raise Missing("leftover")
        if not form.text("number"):
            leftovers.settle(db, employee.center, left_id, employee.username, now)
            return redirect(visit, _BASE)
        number = read_number(form.text("number"), visit.today.year)
        if number is None or reading.find(db, portal.vault, employee.center, number):
            taken = N_("The register has a permit under this number already; look it up")
            unread = N_("Write the number and the year, such as 215 and 2025")
            problem = Problem(f"left-{left_id}", taken if number else unread)
            return _register_page(visit, db, employee, [problem], status=409 if number else 422)
        permit_id, new = leftovers.enter(
            db, portal.vault, employee.center, left_id, number, employee.username, now
        )
        filling.supersede_base(db, portal.vault, new, employee.username, now)
    return redirect(visit, f"{_BASE}/{permit_id}")


@get_page(f"{_BASE}/new", Access.STAFF)
def show_entry(
    visit: NamedDependency[Visit],
    file_no: FromQuery[str] = "",
    file_year: FromQuery[str] = "",
    department: FromQuery[str] = "",
) -> Response[bytes]:
    """The form; a file of the survey brings its name along."""
    begun = {"file_no": file_no, "file_year": file_year, "file_department": department}
    known = {name: without_hidden(value)[:40] for name, value in begun.items()}
    with visit.portal.database.read() as db:
        employee = visit.employee(db, Permission.ENTER_PERMITS)
        return _entry_page(visit, db, employee, _EMPTY | known)


def _entry_page(
    visit: Visit,
    db: Connection,
    employee: Employee,
    typed: Mapping[str, str],
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> Response[bytes]:
    return visit.portal.pages.page(
        visit,
        "permits/enter.html",
        status,
        typed=typed,
        problems=problems,
        center=visit.portal.places.centers[employee.center],
        cutoffs=cutoffs.of_centers(db, [employee.center]),
        services=visit.portal.catalogue.services,
        departments=visit.portal.catalogue.departments,
        labels=labels,
    )


@post_form(f"{_BASE}/new", Access.STAFF)
def enter(visit: NamedDependency[Visit], form: NamedDependency[PostedForm]) -> Response[bytes]:
    """Enter a permit of the paper books; backlog staff's waits for a review."""
    portal, now = visit.portal, visit.portal.clock.now()
    typed = {name: form.text(name) for name in _FIELDS}
    with portal.database.begin() as db:
        employee = visit.employee(db, Permission.ENTER_PERMITS)
        source = "manual" if may(employee.role, Permission.KEEP_PERMITS) else "backlog"
        entry = entering.read_entry(typed, employee.center, visit.today, source=source)
        problems = [*entry.problems, *department_problems(visit, typed)]
        if entry.permit is not None:
            days = cutoffs.in_force(db, employee.center)
            late = cutoffs.problem(days, entry.permit.permit_type, entry.permit.issued_on)
            problems += [late] if late else []
        if not is_own(visit, form):
            problems = [Problem("", STALE)]
        if entry.permit is None or problems:
            return _entry_page(visit, db, employee, typed, problems, 422)
        try:
            permit_id = registry.enter(db, portal.vault, entry.permit, employee.username, now)
        except Conflict:
            text = N_("The register has a permit under this number already; look it up")
            return _entry_page(visit, db, employee, typed, [Problem("number", text)], 409)
    return redirect(visit, f"{_BASE}/{permit_id}")


@get_page(f"{_BASE}/{{permit_id:int}}", Access.STAFF)
def show_permit(visit: NamedDependency[Visit], permit_id: FromPath[int]) -> Response[bytes]:
    with visit.portal.database.read() as db:
        employee = visit.employee(db, Permission.SEE_PERMITS)
        return permit_page(
            visit,
            db,
            employee,
            reading.of_center(db, visit.portal.vault, employee.center, permit_id),
        )


def permit_page(
    visit: Visit,
    db: Connection,
    employee: Employee,
    permit: Permit,
    typed: Mapping[str, str] = MappingProxyType({}),
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> Response[bytes]:
    """The permit with what may be done about it; ``typed`` is of the form that was sent."""
    portal = visit.portal
    address = f"{portal.settings.public_url}/permits/{permit.row['serial']}"
    return portal.pages.page(
        visit,
        "permits/kept.html",
        status,
        permit=permit,
        center=portal.places.centers[permit.center_code],
        history=reading.history(db, portal.vault, permit.id),
        acts=_acts(db, employee, permit, visit.today),
        judgements=review.judgements(db, portal.vault, permit.id),
        may_review=may(employee.role, Permission.REVIEW_PERMITS)
        and review.why_not_judge(db, permit, employee.username) is None,
        may_correct=may(employee.role, Permission.ENTER_PERMITS) and review.can_correct(permit),
        may_amend=may(employee.role, Permission.DECIDE_PERMITS) and correcting.can_amend(permit),
        told=particulars.told(permit),
        built_ratio=particulars.built_ratio(permit.row),
        later=reading.later(db, permit),
        may_see_scans=may(employee.role, Permission.SEE_SCANS),
        scans=len(scans.of_permit(db, portal.vault, permit.id)),
        shelf=survey.shelf_of(db, permit.id),
        departments=portal.catalogue.departments,
        typed={**_NO_ACT, **typed},
        problems=problems,
        labels=labels,
        matters=matters.of_permit(db, permit.id),
        matter_labels=matters,
        may_keep=may(employee.role, Permission.KEEP_PERMITS),
        may_record_owners=may(employee.role, Permission.RECORD_OWNERS)
        and permit.status is not Status.MANUAL_UNVERIFIED,
        names_shown=may(employee.role, Permission.SEE_IDENTITY),
        asked=_who_asked(db, employee, permit),
        purposes=bodies.PURPOSES,
        qr=Markup(drawn(address)),  # noqa: S704 - made here
        qr_address=address,
    )


def _who_asked(db: Connection, employee: Employee, permit: Permit) -> list[AskedByBody] | None:
    """The bodies that asked about it; None for who may not know."""
    sees = may(employee.role, Permission.SEE_INQUIRIES)
    return log.who_asked(db, permit.id) if sees else None


def _acts(db: Connection, employee: Employee, permit: Permit, today: date) -> list[PermitAction]:
    """What this employee may do with the permit now; nobody reviews what he entered himself."""
    return [
        action
        for action in registry.possible(permit, today)
        if may(employee.role, _permission(action))
        and (
            action is not PermitAction.REVIEW
            or review.why_not_judge(db, permit, employee.username) is None
        )
    ]


def _permission(action: PermitAction) -> Permission:
    if action is PermitAction.REVIEW:
        return Permission.REVIEW_PERMITS
    if action in _DECISIONS:
        return Permission.DECIDE_PERMITS
    return Permission.KEEP_PERMITS


@post_form(f"{_BASE}/{{permit_id:int}}", Access.STAFF)
def act(
    visit: NamedDependency[Visit], permit_id: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Tell what happened to the permit."""
    portal, now = visit.portal, visit.portal.clock.now()
    typed = {name: form.text(name) for name in _NO_ACT}
    with portal.database.begin() as db:
        employee = visit.employee(db, Permission.SEE_PERMITS)
        visit.check_form(form)
        permit = reading.of_center(db, visit.portal.vault, employee.center, permit_id)
        action, on, problems = _read_act(typed, _acts(db, employee, permit, visit.today))
        if action is None or on is None or problems:
            return permit_page(visit, db, employee, permit, typed, problems, 422)
        note, actor = typed["note"].strip(), employee.username
        try:
            if action is PermitAction.REVIEW:
                review.judge(
                    db,
                    portal.vault,
                    permit,
                    review.ACCEPTED,
                    note,
                    (),
                    actor,
                    now,
                    visit.today,
                    on,
                )
            else:
                registry.act(db, portal.vault, permit, action, on, actor, note, now, visit.today)
        except NotPossible as error:
            problem = Problem("on", labels.REFUSALS[error.reason])
            return permit_page(visit, db, employee, permit, typed, [problem], 422)
    return redirect(visit, f"{_BASE}/{permit_id}")


def _read_act(
    typed: Mapping[str, str], possible: Sequence[PermitAction]
) -> tuple[PermitAction | None, date | None, list[Problem]]:
    problems: list[Problem] = []
    action = next((each for each in possible if each == typed["act"]), None)
    if action is None and typed["act"] in set(PermitAction):
        raise Refused("this act is not this employee's, or not possible now")
    if action is None:
        problems.append(Problem("act", N_("Choose what happened")))
    on = parse_day(typed["on"])
    if on is None:
        problems.append(Problem("on", N_("Choose the day on which it happened")))
    note = typed["note"].strip()
    missing = notes.REASON if action in _EXPLAINED else ""
    problems += notes.problems_of_reason("note", note, registry.LONGEST_NOTE, missing)
    return action, on, problems


HANDLERS = [list_permits, settle, show_entry, enter, show_permit, act]
