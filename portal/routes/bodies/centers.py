"""The centers that a body may ask about, by the codes that questions name."""

from litestar import Response
from litestar.di import NamedDependency

from portal.routes.bodies.asking import bearer_of, limits, shown, turning
from portal.web.machines import answer
from portal.web.routing import Access, get_page
from portal.web.visit import Visit

BASE = "/api/v1/permits/centers"


@get_page(BASE, Access.BODY)
@turning
def list_centers(visit: NamedDependency[Visit]) -> Response[bytes]:
    """Those of the body's governorate, by code."""
    claims = shown(visit)
    with visit.portal.database.read() as db:
        governorate = bearer_of(visit, db, claims).body.governorate
    centers = sorted(visit.portal.places.centers.values(), key=lambda each: each.code)
    told = [
        {"code": each.code, "name_ar": each.ar, "name_en": each.en}
        for each in centers
        if each.governorate == governorate
    ]
    return answer({"centers": told}, 200, headers=limits(visit))


HANDLERS = [list_centers]
