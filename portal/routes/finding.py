"""Home and the list of services: found by family or in everyday words; open to anyone."""

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromQuery

from portal.problems import Missing
from portal.web.routing import Access, get_page
from portal.web.visit import Visit

_POPULAR = (
    "shop-licence-new",
    "building-permit-new",
    "road-occupation-permit",
    "excavation-permit",
    "municipal-complaint",
)


@get_page("/", Access.ANYONE)
def home(visit: NamedDependency[Visit]) -> Response[bytes]:
    catalogue = visit.portal.catalogue
    popular = [catalogue.services[c] for c in _POPULAR if c in catalogue.services]
    places = visit.portal.places
    fixed = sum(center.kind != "mobile" for center in places.centers.values())
    return visit.portal.pages.shared_page(
        visit,
        "finding/home.html",
        catalogue=catalogue,
        popular=popular,
        fixed_centers=fixed,
        governorates=list(places.governorates.values()),
    )


@get_page("/services", Access.ANYONE)
def services(
    visit: NamedDependency[Visit], family: FromQuery[str] = "", q: FromQuery[str] = ""
) -> Response[bytes]:
    """All services, or one family's, or those whose title or summary holds every word of ``q``."""
    catalogue = visit.portal.catalogue
    if family and family not in catalogue.families:
        raise Missing("family")
    wanted = [w for w in q.split() if w][:12]
    found = [
        s
        for s in catalogue.services.values()
        if (not family or s.family == family)
        and all(w in f"{s.title.ar} {s.summary.ar} {s.title.en} {s.summary.en}" for w in wanted)
    ]
    return visit.portal.pages.page(
        visit,
        "finding/services.html",
        catalogue=catalogue,
        family=catalogue.families.get(family),
        q=q[:100],
        found=found,
    )


HANDLERS = [home, services]
