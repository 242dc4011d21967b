"""The counter: whose card was seen. An owner's mobile is recorded, and his permits are found.

A national ID never stands in an address or a log: it is posted, and the owner is told of it.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy import Connection

from portal import notes
from portal.backoffice.acts import Employee
from portal.catalogue.identity import read_mobile, read_national_id
from portal.identity.roles import Permission
from portal.permits import inquiry, labels, owning, reading, registry
from portal.permits.reading import Owner, Permit
from portal.permits.validity import Status
from portal.problems import N_, Missing, Problem
from portal.web.http_forms import PostedForm
from portal.web.pages import redirect
from portal.web.routing import Access, get_page, post_form
from portal.web.visit import Visit

_BASE = "/center/permits/{permit_id:int}/owner-mobile"
_FIELDS = ("owner", "owner_id", "mobile", "note")
_OTHER_CARD = N_("The register has another national ID of this owner: look whose card it is")


@get_page(_BASE, Access.STAFF)
def show(visit: NamedDependency[Visit], permit_id: FromPath[int]) -> Response[bytes]:
    """Who are the owners, and of whom a mobile is recorded."""
    with visit.portal.database.read() as db:
        _, permit = _permit(visit, db, permit_id)
        return _page(visit, permit)


@post_form(_BASE, Access.STAFF)
def record(
    visit: NamedDependency[Visit], permit_id: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Record the mobile of the owner whose card lies on the counter."""
    portal, today = visit.portal, visit.today
    typed = {name: form.text(name) for name in _FIELDS}
    with portal.database.begin() as db:
        employee, permit = _permit(visit, db, permit_id)
        visit.check_form(form)
        position, national_id, mobile, problems = _read(visit, typed, permit.people.owners)
        if problems:
            return _page(visit, permit, typed, problems, 422)
        owning.record_mobile(
            db,
            portal.vault,
            permit,
            position,
            national_id,
            mobile,
            employee.username,
            typed["note"].strip(),
            portal.clock.now(),
            today,
        )
    return redirect(visit, f"/center/permits/{permit_id}")


def _permit(visit: Visit, db: Connection, permit_id: int) -> tuple[Employee, Permit]:
    employee = visit.employee(db, Permission.RECORD_OWNERS)
    permit = reading.of_center(db, visit.portal.vault, employee.center, permit_id)
    if permit.status is Status.MANUAL_UNVERIFIED or not permit.people.owners:
        raise Missing("an owner whom somebody has reviewed")
    return employee, permit


def _read(
    visit: Visit, typed: Mapping[str, str], owners: Sequence[Owner]
) -> tuple[int, str, str, list[Problem]]:
    """Which owner, what stands on the card, the mobile, and what is wrong."""
    problems: list[Problem] = []
    known = [str(position) for position in range(len(owners))]
    position = known.index(typed["owner"]) if typed["owner"] in known else -1
    if position < 0:
        problems.append(Problem("owner", N_("Choose the owner whose card you have seen")))
    card = read_national_id(typed["owner_id"], visit.today)
    digits = "" if isinstance(card, str) else card.digits
    if not digits:
        problems.append(Problem("owner_id", N_("Write the 14 digits of the card")))
    elif position >= 0 and owners[position].national_id not in {"", digits}:
        problems.append(Problem("owner_id", _OTHER_CARD))
    mobile = read_mobile(typed["mobile"])
    if mobile is None:
        text = N_("Write a mobile of Egypt, such as 01012345678")
        problems.append(Problem("mobile", text))
    note = typed["note"].strip()
    problems += notes.problems_of_reason("note", note, registry.LONGEST_NOTE, notes.REASON)
    return position, digits, mobile or "", problems


def _page(
    visit: Visit,
    permit: Permit,
    typed: Mapping[str, str] = MappingProxyType({}),
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> Response[bytes]:
    begun = {"owner": "0" if len(permit.people.owners) == 1 else ""}
    return visit.portal.pages.page(
        visit,
        "permits/owner_mobile.html",
        status,
        permit=permit,
        center=visit.portal.places.centers[permit.center_code],
        typed={**dict.fromkeys(_FIELDS, ""), **begun, **typed},
        problems=problems,
    )


@post_form("/center/permits/of-owner", Access.STAFF)
def of_owner(visit: NamedDependency[Visit], form: NamedDependency[PostedForm]) -> Response[bytes]:
    """The permits of who shows a card; each stands in the permit's own list of who asked."""
    portal, typed = visit.portal, form.text("card")
    with portal.database.begin() as db:
        employee = visit.employee(db, Permission.RECORD_OWNERS)
        visit.check_form(form)
        card = read_national_id(typed, visit.today)
        found: list[Permit] = []
        if not isinstance(card, str):
            found = owning.of_owner(db, portal.vault, card.digits, employee.center)
            inquiry.log_search(db, portal.vault, found, employee.username, portal.clock.now())
    problems = (
        [Problem("card", N_("Write the 14 digits of the card"))] if isinstance(card, str) else []
    )
    return portal.pages.page(
        visit,
        "permits/of_owner.html",
        422 if problems else 200,
        found=found,
        center=portal.places.centers[employee.center],
        problems=problems,
        typed=typed if problems else "",
        labels=labels,
    )


HANDLERS = [show, record, of_owner]
