"""The whole list of who asked about a permit: for its owner, page by page."""

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from portal.bodies import labels as bodies
from portal.permits import inquiry
from portal.permits.inquiry import TooSoon
from portal.permits.numbers import of_address
from portal.problems import Missing
from portal.routes.permit_log import who_asked
from portal.routes.permits import asker_of, inquiry_page, too_soon
from portal.web.routing import Access, get_page
from portal.web.visit import Visit


@get_page(
    "/permits/{permit_center:str}/{permit_year:str}/{permit_number:str}/asked", Access.CITIZEN
)
def asked(
    visit: NamedDependency[Visit],
    permit_center: FromPath[str],
    permit_year: FromPath[str],
    permit_number: FromPath[str],
    older: FromQuery[str] = "",
) -> Response[bytes]:
    """Anyone else's permit is as missing as none, and was a question like any other."""
    portal, page = visit.portal, None
    named = of_address(permit_year, permit_number, visit.today.year)
    center = portal.places.centers.get(permit_center)
    if named is None or center is None:
        raise Missing("permit")
    try:
        with portal.database.begin() as db:
            visit.citizen(db)
            asker, now = asker_of(visit, db), portal.clock.now()
            answer = inquiry.by_number(
                db, portal.vault, permit_center, named, asker, now, visit.today
            )
            if answer.own and answer.permit is not None:
                page = who_asked(db, portal.vault, answer.permit.id, asker.national_id, older)
    except TooSoon as error:
        return too_soon(visit, error)
    if page is None:
        raise Missing("permit")
    return inquiry_page(
        visit,
        "permits/asked.html",
        number=named,
        center=center,
        address=f"/permits/{permit_center}/{permit_year}/{permit_number}",
        asked=page,
        begun=bool(older),
        purposes=bodies.PURPOSES,
    )


HANDLERS = [asked]
