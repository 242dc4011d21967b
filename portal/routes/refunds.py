"""Refunds, for staff: what waits, one request's payments, asking, and a second person's decision.

Nothing here names a citizen: a request's number, its service and sums.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from sqlalchemy import Connection

from payments import refunds
from payments.cases import OpenCase
from payments.refunds import Asked, NotRefundable, RefundState
from portal.catalogue.identity import read_request_number
from portal.clock import public_id
from portal.db import LARGEST_ID
from portal.identity.roles import Permission
from portal.problems import N_, Conflict, Missing, Problem, Refused
from portal.refunds import asking, placing, reading
from portal.refunds.asking import Wish
from portal.refunds.officers import Officer, officer_of
from portal.refunds.reading import Payment
from portal.requests import deposits
from portal.requests.reading import FiledRequest
from portal.requests.refunding import tell
from portal.web.http_forms import PostedForm
from portal.web.late import STALE, is_own
from portal.web.pages import redirect
from portal.web.routing import Access, get_page, post_form
from portal.web.visit import Visit

_BASE = "/center/finance/refunds"
_OF = f"{_BASE}/of/{{number:str}}"
_PUBLIC_ID = re.compile("[0-9a-z]{20}")


def _officer(visit: Visit, db: Connection, permission: Permission) -> Officer:
    officer = officer_of(visit.staff(db), visit.portal.places)
    officer.must(permission)
    return officer


@get_page(_BASE, Access.STAFF)
def show_refunds(visit: NamedDependency[Visit], q: FromQuery[str] = "") -> Response[bytes]:
    """What waits for a decision, what is under way, cases and disputes; a request by its number."""
    portal, problems = visit.portal, []
    with portal.database.read() as db:
        officer = _officer(visit, db, Permission.SEE_REFUNDS)
        if q.strip():
            number = read_request_number(q) or ""
            try:
                found = reading.open_request(db, officer, number)
                return redirect(visit, f"{_BASE}/of/{found.number}")
            except Missing:
                text = N_("There is no such request here. Look at the number again")
                problems.append(Problem("q", text))
        seen = reading.overview(db, officer)
    return portal.pages.page(
        visit,
        "finance/refunds.html",
        404 if problems else 200,
        seen=seen,
        most=reading.MOST,
        officer=officer,
        services=portal.catalogue.services,
        choices=placing.CHOICES,
        q=q[:40],
        problems=problems,
    )


@get_page(_OF, Access.STAFF)
def show_payments(
    visit: NamedDependency[Visit], number: FromPath[str], case: FromQuery[int] = 0
) -> Response[bytes]:
    """The payments of one request, with what of them can go back.

    A case leads on to the form that settles it, where one payment is meant.
    """
    portal = visit.portal
    with portal.database.read() as db:
        officer = _officer(visit, db, Permission.SEE_REFUNDS)
        request = reading.open_request(db, officer, number)
        payments = reading.payments_of(db, number, portal.settings.payments_sale_only)
        about = _case(db, number, case)
        meant = reading.payment_of_case(db, payments, about) if about else None
        claim = deposits.claim_of(db, portal.vault, portal.catalogue, request)
    if about and meant and not meant.can.why and officer.may(Permission.ASK_REFUND):
        return redirect(visit, f"{_BASE}/of/{number}/{meant.id}", case=str(about.id))
    return portal.pages.page(
        visit,
        "finance/refund_payments.html",
        request=request,
        service=portal.catalogue.services[request.service_code],
        center=portal.places.centers[request.center_code],
        payments=payments,
        claim=claim,
        officer=officer,
        case=about,
        why=asking.WHY,
    )


def _case(db: Connection, number: str, case_id: int) -> OpenCase | None:
    return reading.open_case(db, number, case_id) if 0 < case_id <= LARGEST_ID else None


@get_page(f"{_OF}/{{payment:str}}", Access.STAFF)
def show_form(
    visit: NamedDependency[Visit],
    number: FromPath[str],
    payment: FromPath[str],
    case: FromQuery[int] = 0,
) -> Response[bytes]:
    """The form that asks for a refund of one payment."""
    with visit.portal.database.read() as db:
        officer = _officer(visit, db, Permission.ASK_REFUND)
        request, paid = _payment(visit, db, officer, number, payment)
        about = _case(db, number, case)
    return _form_page(visit, request, paid, asking.suggestion(paid.can, about))


def _payment(
    visit: Visit, db: Connection, officer: Officer, number: str, payment: str
) -> tuple[FiledRequest, Payment]:
    request = reading.open_request(db, officer, number)
    sale_only = visit.portal.settings.payments_sale_only
    return request, reading.open_payment(db, request, payment, sale_only)


def _form_page(
    visit: Visit,
    request: FiledRequest,
    paid: Payment,
    wish: Wish,
    status: int = 200,
    *,
    confirm: str = "",
) -> Response[bytes]:
    """The form, or with ``confirm`` (the id that the refund will have) its confirmation."""
    portal = visit.portal
    return portal.pages.page(
        visit,
        "finance/refund_confirm.html" if confirm else "finance/refund_ask.html",
        status,
        request=request,
        service=portal.catalogue.services[request.service_code],
        paid=paid,
        lines=asking.open_lines(paid.can),
        line_name=asking.line_name,
        wish=wish,
        confirm=confirm,
        choices=asking.CHOICES,
        reasons=asking.REASONS,
        why=asking.WHY,
        problems=wish.problems,
    )


@post_form(f"{_OF}/{{payment:str}}", Access.STAFF)
def ask(
    visit: NamedDependency[Visit],
    number: FromPath[str],
    payment: FromPath[str],
    form: NamedDependency[PostedForm],
) -> Response[bytes]:
    """Check the form and show it for confirmation; ask when it comes back confirmed.

    The confirmation carries the id of the refund to be, so a form that is sent twice asks once.
    """
    portal = visit.portal
    values = {name: form.text(name).replace("\r\n", "\n") for name in form.values}
    confirmed = values.get("refund", "")
    with portal.database.begin() as db:
        officer = _officer(visit, db, Permission.ASK_REFUND)
        request, paid = _payment(visit, db, officer, number, payment)
        if not is_own(visit, form):
            stale = replace(asking.read(paid.can, values), problems=[Problem("", STALE)])
            return _form_page(visit, request, paid, stale, 403)
        known = refunds.find(db, confirmed) if confirmed else None
        if known is not None:
            _must_be_own(known, payment, officer)
            return redirect(visit, f"{_BASE}/{known.id}")
        wish = asking.read(paid.can, values)
        asked = False
        if confirmed and not wish.problems and not values.get("change"):
            wish, asked = _ask(visit, db, officer, paid, wish, confirmed)
    if asked:
        return redirect(visit, f"{_BASE}/{confirmed}")
    if wish.problems or values.get("change"):
        return _form_page(visit, request, paid, wish, 422 if wish.problems else 200)
    return _form_page(visit, request, paid, wish, confirm=public_id())


def _ask(
    visit: Visit, db: Connection, officer: Officer, paid: Payment, wish: Wish, refund_id: str
) -> tuple[Wish, bool]:
    if not _PUBLIC_ID.fullmatch(refund_id):
        raise Conflict("no id of ours")
    try:
        asked = refunds.ask(
            db,
            refund_id,
            paid.id,
            wish.parts,
            wish.reason,
            wish.note,
            officer.username,
            visit.portal.clock.now(),
            visit.portal.settings.payments_sale_only,
        )
    except NotRefundable as error:
        return replace(wish, problems=[asking.refused(error)]), False
    _must_be_own(asked, paid.id, officer)
    return wish, True


def _must_be_own(known: Asked, payment: str, officer: Officer) -> None:
    """What has the id of a confirmation is what was confirmed; nobody types one."""
    if known.attempt_id != payment or known.requested_by != officer.username:
        raise Conflict("a refund of this id is another one")


@get_page(f"{_BASE}/{{refund_id:str}}", Access.STAFF)
def show_refund(visit: NamedDependency[Visit], refund_id: FromPath[str]) -> Response[bytes]:
    """One refund: what, why, who asked, who decided, what the provider says."""
    with visit.portal.database.read() as db:
        officer = _officer(visit, db, Permission.SEE_REFUNDS)
        found, request = reading.open_refund(db, officer, refund_id)
        return _refund_page(visit, db, officer, found, request)


def _refund_page(
    visit: Visit,
    db: Connection,
    officer: Officer,
    found: Asked,
    request: FiledRequest,
    problems: Sequence[Problem] = (),
    note: str = "",
    status: int = 200,
) -> Response[bytes]:
    portal = visit.portal
    sale_only = portal.settings.payments_sale_only
    waits = found.state is RefundState.REQUESTED
    context: dict[str, Any] = {
        "refund": found,
        "parts": refunds.parts_of(db, found),
        "paid": reading.payment_of(db, found, sale_only),
        "request": request,
        "service": portal.catalogue.services[request.service_code],
        "reasons": asking.REASONS,
        "own": waits and found.requested_by == officer.username,
        "decides": waits and officer.may(Permission.APPROVE_REFUND),
        "problems": problems,
        "note": note,
    }
    return portal.pages.page(visit, "finance/refund.html", status, **context)


@post_form(f"{_BASE}/{{refund_id:str}}/approve", Access.STAFF)
def approve(
    visit: NamedDependency[Visit],
    refund_id: FromPath[str],
    form: NamedDependency[PostedForm],
) -> Response[bytes]:
    """Promise the money; the worker then makes it."""
    return _decide(visit, refund_id, form, approved=True)


@post_form(f"{_BASE}/{{refund_id:str}}/reject", Access.STAFF)
def reject(
    visit: NamedDependency[Visit],
    refund_id: FromPath[str],
    form: NamedDependency[PostedForm],
) -> Response[bytes]:
    """Refuse it, with the reason; what was reserved is free again."""
    return _decide(visit, refund_id, form, approved=False)


def _decide(visit: Visit, refund_id: str, form: PostedForm, *, approved: bool) -> Response[bytes]:
    portal = visit.portal
    note = "" if approved else form.text(asking.NOTE).replace("\r\n", "\n")
    with portal.database.begin() as db:
        officer = _officer(visit, db, Permission.APPROVE_REFUND)
        found, request = reading.open_refund(db, officer, refund_id)
        if not is_own(visit, form):
            stale = [Problem("", STALE)]
            return _refund_page(visit, db, officer, found, request, stale, note, 403)
        problems = [] if approved else asking.rejection_problems(note)
        if problems:
            return _refund_page(visit, db, officer, found, request, problems, note, 422)
        if found.requested_by == officer.username:
            raise Refused("nobody decides on a refund that he asked for")
        now = portal.clock.now()
        try:
            done = refunds.decide(
                db, refund_id, approved=approved, note=note, by=officer.username, at=now
            )
        except NotRefundable as error:  # a bank was faster
            taken = [asking.refused(error)]
            return _refund_page(visit, db, officer, found, request, taken, note, 409)
        if not done:
            raise Conflict("it was decided meanwhile")
        tell(db, portal.vault, refunds.get(db, refund_id), now)
    return redirect(visit, f"{_BASE}/{refund_id}")


HANDLERS = [
    show_refunds,
    show_payments,
    show_form,
    ask,
    show_refund,
    approve,
    reject,
]
