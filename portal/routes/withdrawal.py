"""The citizen gives a request up: what it means, and the confirmation."""

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from payments.provider import ProviderError
from portal.problems import N_, Problem
from portal.requests import reading, withdrawing
from portal.requests.lifecycle import WrongState
from portal.requests.withdrawing import Changed
from portal.web.http_forms import PostedForm
from portal.web.pages import redirect
from portal.web.routing import PROVIDER_THREADS, Access, get_page, post_form
from portal.web.visit import Visit

_CHANGED = N_(
    "Something about the request has changed, or a payment is under way. Read the page once more, "
    "then confirm."
)
_UNREACHABLE = N_(
    "The payment page of this request cannot be closed now, so nothing was changed. Try again in a "
    "few minutes."
)


@get_page("/requests/{number:str}/withdraw", Access.CITIZEN)
def show_withdrawal(visit: NamedDependency[Visit], number: FromPath[str]) -> Response[bytes]:
    return _page(visit, number)


def _page(visit: Visit, number: str, status: int = 200, problem: str = "") -> Response[bytes]:
    portal = visit.portal
    with portal.database.read() as db:
        citizen = visit.citizen(db)
        request = reading.own(db, citizen.citizen_id, number)
        meaning = withdrawing.meaning(db, number)
    if not withdrawing.is_possible(request):
        return redirect(visit, f"/requests/{number}")
    return portal.pages.page(
        visit,
        "requests/withdraw.html",
        status,
        request=request,
        service=portal.catalogue.services[request.service_code],
        meaning=meaning,
        problems=[Problem("", problem)] if problem else [],
    )


@post_form("/requests/{number:str}/withdraw", Access.CITIZEN, threads=PROVIDER_THREADS)
def withdraw(
    visit: NamedDependency[Visit], number: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Once confirmed it is final; a second press finds it done."""
    portal = visit.portal
    with portal.database.read() as db:
        citizen = visit.citizen(db)
        request = reading.own(db, citizen.citizen_id, number)
    visit.check_form(form)
    if withdrawing.is_possible(request):
        if visit.without_provider:
            return _page(visit, number, 503, _UNREACHABLE)
        try:
            portal.withdrawer.withdraw(number, form.text("seen"))
        except Changed:
            return _page(visit, number, 409, _CHANGED)
        except WrongState:  # decided, or given up in another tab, in this very moment
            pass
        except ProviderError:
            return _page(visit, number, 503, _UNREACHABLE)
    return redirect(visit, f"/requests/{number}")


HANDLERS = [show_withdrawal, withdraw]
