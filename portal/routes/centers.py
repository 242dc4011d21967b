"""The technology centers; open to anyone."""

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromQuery

from portal.problems import Missing
from portal.web.routing import Access, get_page
from portal.web.visit import Visit


@get_page("/centers", Access.ANYONE)
def centers(visit: NamedDependency[Visit], governorate: FromQuery[str] = "") -> Response[bytes]:
    places = visit.portal.places
    if governorate and governorate not in places.governorates:
        raise Missing("governorate")
    listed = [c for c in places.centers.values() if c.governorate == governorate]
    return visit.portal.pages.shared_page(
        visit,
        "centers/show.html",
        query={"governorate": governorate} if governorate else None,
        governorates=list(places.governorates.values()),
        chosen=places.governorates.get(governorate),
        centers=listed,
    )


HANDLERS = [centers]
