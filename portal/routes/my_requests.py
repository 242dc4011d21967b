"""The citizen's requests: list, one request, payment, receipts."""

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from portal.problems import Missing
from portal.requests import (
    completing,
    drafts,
    grieving,
    owing,
    readiness,
    reading,
    refunding,
    tracking,
    uploads,
    withdrawing,
)
from portal.requests.account import account
from portal.requests.lifecycle import FINAL, State
from portal.web.pages import no_news
from portal.web.routing import Access, get_page
from portal.web.visit import NotSignedIn, Visit

_FILTERS = ("all", "yours", "running", "ended")


@get_page("/requests", Access.CITIZEN)
def show_requests(visit: NamedDependency[Visit], show: FromQuery[str] = "all") -> Response[bytes]:
    portal = visit.portal
    if show not in _FILTERS:
        raise Missing("filter")
    with portal.database.read() as db:
        citizen = visit.citizen(db)
        requests = reading.of_citizen(db, citizen.citizen_id)
        to_pay = owing.left_to_pay(db, requests)
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
        to_pay=to_pay,
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
        money = account(db, request)
        given_back = refunding.told(db, request.number)
        mark = tracking.mark_of(request, past, visit.today, money, given_back)
        if visit.is_fragment:
            visit.only_looks()
            if visit.request.headers.get("if-none-match") == mark:
                return no_news(visit)
        frozen = reading.answers(db, portal.vault, request.id)
        files = uploads.of_request(db, portal.vault, request.id)
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
        ready=readiness.is_awaited(request, past),
        ask=completing.asked(past) if request.state is State.NEEDS_COMPLETION else None,
        last=past[-1],
        sections=frozen["sections"],
        files=files,
        outputs=[f for f in files if f.purpose == "output"],
        account=money,
        refunds=given_back,
        due=money.current if request.state in owing.PAYABLE else None,
        reasons=portal.catalogue.refusal_reasons,
        grievance=service.grievance,
        grievable=grieving.is_possible(request, visit.today),
        withdrawable=withdrawing.is_possible(request),
        only_follows=follower.only_request is not None,
    )
    if visit.is_fragment and moving:  # without a tag the page asks no more
        response.headers["etag"] = mark
    return response


HANDLERS = [
    show_requests,
    show_request,
]
