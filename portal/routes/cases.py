"""A case with money, for staff: what it is, what may be booked, and a second person's decision.

Nothing here names a citizen. Who may look at refunds or at the money of days sees the cases of his
own centers; those of no request are the ministry's.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy import Connection

from payments import rebooking, strays
from payments.cases import page_of
from payments.rebooking import Choice, Unbookable
from portal.clock import public_id
from portal.db import LARGEST_ID
from portal.finance import labels
from portal.identity.roles import Permission
from portal.problems import Conflict, Missing, Problem, Refused
from portal.refunds import asking, placing
from portal.refunds.officers import Officer, officer_of
from portal.refunds.placing import Looked, Wish
from portal.web.http_forms import PostedForm
from portal.web.late import STALE, is_own
from portal.web.pages import redirect
from portal.web.routing import Access, get_page, post_form
from portal.web.visit import Visit

_CASE = "/center/finance/cases/{case:int}"
_PUBLIC_ID = re.compile("[0-9a-z]{20}")


def _look(
    visit: Visit, db: Connection, case: int, permission: Permission | None = None
) -> tuple[Officer, Looked]:
    officer = officer_of(visit.staff(db), visit.portal.places)
    if not (officer.may(Permission.SEE_REFUNDS) or officer.may(Permission.SEE_FINANCE)):
        raise Refused(f"{officer.role} may not look at cases")
    if permission is not None:
        officer.must(permission)
    if not 0 < case <= LARGEST_ID:
        raise Missing("case")
    return officer, placing.look(db, officer, case)


def _page(
    visit: Visit,
    officer: Officer,
    seen: Looked,
    wish: Wish | None = None,
    problems: Sequence[Problem] = (),
    status: int = 200,
    *,
    note: str = "",
) -> Response[bytes]:
    portal = visit.portal
    context: dict[str, Any] = {
        "seen": seen,
        "wish": wish or Wish({}),
        "service": portal.catalogue.services[seen.request.service_code] if seen.request else None,
        "services": portal.catalogue.services,
        "labels": labels,
        "choices": placing.CHOICES,
        "why": placing.WHY,
        "written": asking.written,
        "asks": officer.may(Permission.ASK_REFUND),
        "own": seen.proposal is not None and seen.proposal.proposed_by == officer.username,
        "decides": seen.proposal is not None and officer.may(Permission.APPROVE_REFUND),
        "officer": officer,
        "problems": problems,
        "note": note,
    }
    return portal.pages.page(visit, "finance/case.html", status, **context)


@get_page(_CASE, Access.STAFF)
def show_case(visit: NamedDependency[Visit], case: FromPath[int]) -> Response[bytes]:
    """What it is, what to do, and what was proposed about it."""
    with visit.portal.database.read() as db:
        officer, seen = _look(visit, db, case)
        return _page(visit, officer, seen)


@post_form(f"{_CASE}/give-back", Access.STAFF)
def give_back(
    visit: NamedDependency[Visit], case: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Lead to the form of the refund, which two people agree on in the ordinary way."""
    with visit.portal.database.begin() as db:
        _, seen = _look(visit, db, case, Permission.ASK_REFUND)
        visit.check_form(form)
        if seen.matter is None or not seen.matter.gives_back:
            raise Conflict("nothing of it can go back")
        paid = strays.keep(db, seen.matter.attempt.payment or "") or seen.matter.attempt
    address = f"/center/finance/refunds/of/{seen.case.reference}/{paid.id}"
    return redirect(visit, address, case=str(case))


@post_form(f"{_CASE}/propose", Access.STAFF)
def propose(
    visit: NamedDependency[Visit], case: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Check the form and show what would be booked; propose it when it comes back confirmed.

    The confirmation carries the id of the proposal to be, so a form that is sent twice proposes
    once.
    """
    values = {name: form.text(name).replace("\r\n", "\n") for name in form.values}
    confirmed = values.get("proposal", "")
    with visit.portal.database.begin() as db:
        officer, seen = _look(visit, db, case, Permission.ASK_REFUND)
        known = rebooking.find(db, confirmed) if confirmed else None
        if known is not None:
            if known.case_id != case or known.proposed_by != officer.username:
                raise Conflict("a proposal of this id is another one")
            return redirect(visit, page_of(case))
        wish = placing.read(db, officer, seen, values)
        if not is_own(visit, form):
            return _page(visit, officer, seen, wish, [Problem("", STALE)], 403)
        if wish.problems or values.get("change"):
            status = 422 if wish.problems else 200
            return _page(visit, officer, seen, wish, wish.problems, status)
        if not confirmed:
            return _confirm_page(visit, seen, wish)
        wish = _propose(visit, db, officer, seen, wish, confirmed)
    if wish.problems:
        return _page(visit, officer, seen, wish, wish.problems, 409)
    return redirect(visit, page_of(case))


def _confirm_page(visit: Visit, seen: Looked, wish: Wish) -> Response[bytes]:
    return visit.portal.pages.page(
        visit,
        "finance/case_confirm.html",
        seen=seen,
        wish=wish,
        services=visit.portal.catalogue.services,
        labels=labels,
        choices=placing.CHOICES,
        confirm=public_id(),
    )


def _propose(
    visit: Visit, db: Connection, officer: Officer, seen: Looked, wish: Wish, rebooking_id: str
) -> Wish:
    if not _PUBLIC_ID.fullmatch(rebooking_id):
        raise Conflict("no id of ours")
    choice = wish.choice or Choice.REQUEST
    target = wish.goal.request.number if wish.goal else ""
    now = visit.portal.clock.now()
    try:
        rebooking.propose(
            db,
            rebooking_id,
            seen.case,
            choice,
            target,
            wish.note,
            officer.username,
            now,
            wish.matter.left if wish.matter else None,
        )
    except Unbookable as error:
        return replace(wish, problems=[Problem("", placing.WHY[error.why])])
    return wish


@post_form(f"{_CASE}/approve", Access.STAFF)
def approve(
    visit: NamedDependency[Visit], case: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Book it: one entry of today, and the case is closed. A stage that it covers goes on."""
    portal = visit.portal
    now = portal.clock.now()
    with portal.database.begin() as db:
        officer, seen = _look(visit, db, case, Permission.APPROVE_REFUND)
        waits = _waiting(seen, officer, form)
        if not is_own(visit, form):
            return _page(visit, officer, seen, problems=[Problem("", STALE)], status=403)
        try:
            done = placing.approve(db, portal.cashier, waits, officer.username, now)
        except Unbookable as error:
            problem = Problem("", placing.WHY[error.why])
            return _page(visit, officer, seen, problems=[problem], status=409)
        if not done:
            raise Conflict("it was decided meanwhile")
    return redirect(visit, page_of(case))


@post_form(f"{_CASE}/reject", Access.STAFF)
def reject(
    visit: NamedDependency[Visit], case: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Refuse it, with the reason; the case stays open."""
    note = form.text(placing.NOTE).replace("\r\n", "\n")
    with visit.portal.database.begin() as db:
        officer, seen = _look(visit, db, case, Permission.APPROVE_REFUND)
        waits = _waiting(seen, officer, form)
        problems = asking.rejection_problems(note)
        if not is_own(visit, form):
            problems = [Problem("", STALE)]
        if problems:
            return _page(visit, officer, seen, problems=problems, status=422, note=note)
        if not rebooking.reject(db, waits, note, officer.username, visit.portal.clock.now()):
            raise Conflict("it was decided meanwhile")
    return redirect(visit, page_of(case))


def _waiting(seen: Looked, officer: Officer, form: PostedForm) -> str:
    """The proposal that was on the page: another one is not decided on unseen."""
    waits = seen.proposal
    if waits is None or waits.id != form.text("rebooking"):
        raise Conflict("another proposal waits, or none")
    if waits.proposed_by == officer.username:
        raise Refused("nobody decides on what he proposed")
    if waits.target and seen.goal is None and seen.matter is not None:
        raise Missing("request")
    return waits.id


HANDLERS = [show_case, give_back, propose, approve, reject]
