"""The citizen's requests: list, one request, payment, receipts."""

import re
from contextlib import suppress

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from payments.provider import ProviderError
from portal.problems import Conflict, Missing
from portal.requests import completing, drafts, paying, reading, tracking, uploads
from portal.requests.lifecycle import FINAL, State
from portal.web.http_forms import PostedForm
from portal.web.pages import leave, no_news, redirect
from portal.web.routing import Access, get_page, post_form
from portal.web.visit import NotSignedIn, Visit

_FILTERS = ("all", "yours", "running", "ended")
_SESSION = re.compile("[A-Za-z0-9_]{1,120}")


@get_page("/requests", Access.CITIZEN)
def show_requests(visit: NamedDependency[Visit], show: FromQuery[str] = "all") -> Response[bytes]:
    portal = visit.portal
    if show not in _FILTERS:
        raise Missing("filter")
    with portal.database.read() as db:
        citizen = visit.citizen(db)
        requests = reading.of_citizen(db, citizen.citizen_id)
        saved = drafts.all_open(db, portal.vault, citizen.citizen_id)
    groups = {
        "all": requests,
        "yours": [r for r in requests if tracking.waits_for_citizen(r)],
        "running": [
            r for r in requests if r.state not in FINAL and not tracking.waits_for_citizen(r)
        ],
        "ended": [r for r in requests if r.state in FINAL],
    }
    return portal.pages.page(
        visit,
        "requests/list.html",
        groups=groups,
        shown=show,
        drafts=saved,
        services=portal.catalogue.services,
    )


@get_page("/requests/{number:str}", Access.FOLLOWER)
def show_request(visit: NamedDependency[Visit], number: FromPath[str]) -> Response[bytes]:
    """One request, whole; htmx asks again for its moving part and is told when nothing moved."""
    portal = visit.portal
    with portal.database.read() as db:
        follower = visit.follower(db)
        request = reading.own(db, follower.citizen_id, number)
        if follower.only_request not in {None, request.number}:
            raise NotSignedIn("citizen")
        past = reading.history(db, portal.vault, request.id)
        mark = tracking.mark_of(request, past, visit.today)
        if visit.is_fragment:
            visit.only_looks()
            if visit.request.headers.get("if-none-match") == mark:
                return no_news(visit)
        frozen = reading.answers(db, portal.vault, request.id)
        files = uploads.of_request(db, portal.vault, request.id)
        receipts = paying.receipts(db, request)
    service = portal.catalogue.services[request.service_code]
    notice = tracking.is_notice(service, frozen["values"])
    moving = tracking.is_moving(request)
    response = portal.pages.page(
        visit,
        "requests/_news.html" if visit.is_fragment else "requests/show.html",
        request=request,
        service=service,
        center=portal.places.centers[request.center_code],
        clock=tracking.legal_clock(request, visit.today),
        timeline=tracking.timeline(request, past, notice=notice),
        handing=tracking.handing(request),
        moving=moving,
        mark=mark,
        ask=completing.asked(past) if request.state is State.NEEDS_COMPLETION else None,
        last=past[-1],
        sections=frozen["sections"],
        files=files,
        outputs=[f for f in files if f.purpose == "output"],
        receipts=receipts,
        reasons=portal.catalogue.refusal_reasons,
        grievance=service.grievance,
        only_follows=follower.only_request is not None,
    )
    if visit.is_fragment and moving:  # without a tag the page asks no more
        response.headers["etag"] = mark
    return response


@get_page("/requests/{number:str}/pay", Access.CITIZEN)
def show_payment(visit: NamedDependency[Visit], number: FromPath[str]) -> Response[bytes]:
    portal = visit.portal
    with portal.database.read() as db:
        citizen = visit.citizen(db)
        request = reading.own(db, citizen.citizen_id, number)
        due = paying.payable(db, request)
        settled = paying.paid_meanwhile(db, portal.vault, request)
    if due is None or request.state is not State.AWAITING_FILING_PAYMENT:
        return redirect(visit, f"/requests/{number}")
    return _payment_page(visit, request, due, settled=settled)


def _payment_page(
    visit: Visit,
    request: reading.FiledRequest,
    due: paying.Payable,
    status: int = 200,
    *,
    unreachable: bool = False,
    settled: bool = False,
) -> Response[bytes]:
    portal = visit.portal
    return portal.pages.page(
        visit,
        "requests/pay.html",
        status,
        form_target=portal.settings.payments_checkout_origin,
        request=request,
        service=portal.catalogue.services[request.service_code],
        due=due,
        unreachable=unreachable,
        settled=settled,
    )


@post_form("/requests/{number:str}/pay", Access.CITIZEN)
def start_payment(
    visit: NamedDependency[Visit], number: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Lead the payer to the provider's page. Nothing of a card ever comes here."""
    portal = visit.portal
    with portal.database.read() as db:
        citizen = visit.citizen(db)
        request = reading.own(db, citizen.citizen_id, number)
        due = paying.payable(db, request)
        settled = paying.paid_meanwhile(db, portal.vault, request)
    visit.check_form(form)
    if due is None or request.state is not State.AWAITING_FILING_PAYMENT:
        return redirect(visit, f"/requests/{number}")
    if settled:
        return _payment_page(visit, request, due, 409, settled=True)
    try:
        address = portal.cashier.start(request, visit.speech.locale)
    except Conflict:  # paid in this very moment, in another tab: there is nothing to pay any more
        return redirect(visit, f"/requests/{number}")
    except ProviderError:
        return _payment_page(visit, request, due, 503, unreachable=True)
    return leave(visit, address)


@get_page("/requests/{number:str}/pay/return", Access.ANYONE)
def return_from_payment(
    visit: NamedDependency[Visit], number: FromPath[str], session_id: FromQuery[str] = ""
) -> Response[bytes]:
    """Where the provider leads back to: the checkout is read again, whoever comes.

    It changes only what the provider says, so it needs no session; what it shows does.
    """
    portal = visit.portal
    if _SESSION.fullmatch(session_id):
        # if nobody answers, webhook or sweep will settle it; the page says what is known
        with suppress(ProviderError):
            portal.cashier.look(session_id)
    with portal.database.read() as db:
        citizen = visit.citizen(db)
        request = reading.own(db, citizen.citizen_id, number)
    if request.state is State.AWAITING_FILING_PAYMENT:
        if visit.is_fragment:
            visit.only_looks()
            return no_news(visit)
        return portal.pages.page(
            visit,
            "requests/waiting.html",
            session_id=session_id if _SESSION.fullmatch(session_id) else "",
            request=request,
            service=portal.catalogue.services[request.service_code],
        )
    return redirect(visit, f"/requests/{number}")


@get_page("/requests/{number:str}/receipts/{receipt_number:str}", Access.CITIZEN)
def show_receipt(
    visit: NamedDependency[Visit], number: FromPath[str], receipt_number: FromPath[str]
) -> Response[bytes]:
    portal = visit.portal
    with portal.database.read() as db:
        citizen = visit.citizen(db)
        request = reading.own(db, citizen.citizen_id, number)
        receipt = paying.receipt(db, request, receipt_number)
        frozen = reading.answers(db, portal.vault, request.id)
    return portal.pages.page(
        visit,
        "requests/receipt.html",
        request=request,
        receipt=receipt,
        service=portal.catalogue.services[request.service_code],
        center=portal.places.centers[request.center_code],
        applicant=frozen["values"].get("applicant_name", ""),
        beneficiaries=portal.catalogue.beneficiaries,
    )


HANDLERS = [
    show_requests,
    show_request,
    show_payment,
    start_payment,
    return_from_payment,
    show_receipt,
]
