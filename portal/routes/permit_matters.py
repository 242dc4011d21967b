"""What is recorded beside a permit: opened and closed by the center's staff."""

from collections.abc import Mapping
from datetime import date

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy import Connection

from portal.backoffice.acts import Employee
from portal.identity.roles import Permission
from portal.permits import matters, reading
from portal.permits.matters import LONGEST_REFERENCE, OUTCOMES, Matter
from portal.permits.model import MatterKind
from portal.permits.reading import Permit
from portal.problems import HIDDEN_CHARACTERS, N_, Problem
from portal.routes.permit_register import permit_page
from portal.text import Unreadable, clean, parse_day
from portal.web.http_forms import PostedForm
from portal.web.pages import redirect
from portal.web.routing import Access, post_form
from portal.web.visit import Visit

_BASE = "/center/permits/{permit_id:int}/matters"
_NEW = ("matter_kind", "matter_reference", "matter_on")
_CLOSING = ("outcome", "closed_on")


@post_form(_BASE, Access.STAFF)
def record(
    visit: NamedDependency[Visit], permit_id: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Record a matter beside the permit."""
    portal = visit.portal
    typed = {name: form.text(name) for name in _NEW}
    with portal.database.begin() as db:
        employee, permit = _permit(visit, db, permit_id, form)
        kind = next((each for each in MatterKind if each == typed["matter_kind"]), None)
        reference, problems = _reference(typed["matter_reference"])
        if kind is None:
            problems.insert(0, Problem("matter_kind", N_("Choose what is recorded")))
        on = _day("matter_on", typed["matter_on"], None, visit.today, problems)
        if kind is None or on is None or problems:
            return permit_page(visit, db, employee, permit, typed, problems, 422)
        if _is_known(db, permit, kind, reference):
            text = N_("This is recorded beside the permit already")
            problems = [Problem("matter_reference", text)]
            return permit_page(visit, db, employee, permit, typed, problems, 409)
        now = portal.clock.now()
        matters.record(db, portal.vault, permit, kind, reference, on, employee.username, now)
    return _back(visit, permit_id)


@post_form(f"{_BASE}/{{matter_id:int}}", Access.STAFF)
def close(
    visit: NamedDependency[Visit],
    permit_id: FromPath[int],
    matter_id: FromPath[int],
    form: NamedDependency[PostedForm],
) -> Response[bytes]:
    """Say how a matter ended."""
    portal = visit.portal
    typed = {name: form.text(name) for name in _CLOSING}
    with portal.database.begin() as db:
        employee, permit = _permit(visit, db, permit_id, form)
        matter = matters.find(db, permit, matter_id)
        problems: list[Problem] = []
        outcome = typed["outcome"]
        if outcome not in OUTCOMES[matter.kind]:
            problems.append(Problem(f"outcome-{matter.id}", N_("Choose how it ended")))
        closed_on = f"closed_on-{matter.id}"
        on = _day(closed_on, typed["closed_on"], matter.opened_on, visit.today, problems)
        if on is None or problems:
            kept = _kept(typed, matter)
            return permit_page(visit, db, employee, permit, kept, problems, 422)
        now = portal.clock.now()
        matters.close(db, portal.vault, permit, matter, outcome, on, employee.username, now)
    return _back(visit, permit_id)


def _permit(
    visit: Visit, db: Connection, permit_id: int, form: PostedForm
) -> tuple[Employee, Permit]:
    employee = visit.employee(db, Permission.KEEP_PERMITS)
    visit.check_form(form)
    return employee, reading.of_center(db, visit.portal.vault, employee.center, permit_id)


def _is_known(db: Connection, permit: Permit, kind: MatterKind, reference: str) -> bool:
    return any(
        (each.kind, each.reference) == (kind, reference)
        for each in matters.of_permit(db, permit.id)
    )


def _reference(text: str) -> tuple[str, list[Problem]]:
    try:
        reference = clean(text)
    except Unreadable:
        return "", [Problem("matter_reference", HIDDEN_CHARACTERS)]
    if not reference:
        return "", [Problem("matter_reference", N_("Write the number of the paper"))]
    if len(reference) > LONGEST_REFERENCE:
        text = N_("Write at most {n} characters")
        return "", [Problem("matter_reference", text, {"n": LONGEST_REFERENCE})]
    return reference, []


def _day(
    field: str, text: str, since: date | None, today: date, problems: list[Problem]
) -> date | None:
    day = parse_day(text)
    if day is None:
        problems.append(Problem(field, N_("Choose the day on which it happened")))
    elif day > today:
        problems.append(Problem(field, N_("This day has not come yet")))
    elif since is not None and day < since:
        problems.append(Problem(field, N_("This day is before what was recorded earlier")))
    return day


def _kept(typed: Mapping[str, str], matter: Matter) -> dict[str, str]:
    """What was typed, under the names that the controls of this matter have."""
    return {f"{name}-{matter.id}": text for name, text in typed.items()}


def _back(visit: Visit, permit_id: int) -> Response[bytes]:
    return redirect(visit, f"/center/permits/{permit_id}")


HANDLERS = [record, close]
