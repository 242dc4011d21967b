"""Home, services, centers and the pages about the portal: open to anyone."""

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from portal.problems import Missing
from portal.requests.submission import check_window
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
    return visit.portal.pages.page(
        visit,
        "catalogue/home.html",
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
        "catalogue/services.html",
        catalogue=catalogue,
        family=catalogue.families.get(family),
        q=q[:100],
        found=found,
    )


@get_page("/services/{slug:str}", Access.ANYONE)
def service(visit: NamedDependency[Visit], slug: FromPath[str]) -> Response[bytes]:
    catalogue = visit.portal.catalogue
    found = catalogue.services.get(slug)
    if found is None:
        raise Missing("service")
    today = visit.today
    return visit.portal.pages.page(
        visit,
        "catalogue/service.html",
        service=found,
        catalogue=catalogue,
        family=catalogue.families[found.family],
        department=catalogue.departments[found.department],
        required_services=[
            (link, [catalogue.services[code] for code in link.services]) for link in found.requires
        ],
        is_open=check_window(found, today),
    )


@get_page("/centers", Access.ANYONE)
def centers(visit: NamedDependency[Visit], governorate: FromQuery[str] = "") -> Response[bytes]:
    places = visit.portal.places
    if governorate and governorate not in places.governorates:
        raise Missing("governorate")
    listed = [c for c in places.centers.values() if c.governorate == governorate]
    return visit.portal.pages.page(
        visit,
        "catalogue/centers.html",
        governorates=list(places.governorates.values()),
        chosen=places.governorates.get(governorate),
        centers=listed,
    )


@get_page("/help", Access.ANYONE)
def help_page(visit: NamedDependency[Visit]) -> Response[bytes]:
    return visit.portal.pages.page(visit, "catalogue/help.html")


@get_page("/privacy", Access.ANYONE)
def privacy(visit: NamedDependency[Visit]) -> Response[bytes]:
    return visit.portal.pages.page(visit, "catalogue/privacy.html")


@get_page("/accessibility", Access.ANYONE)
def accessibility(visit: NamedDependency[Visit]) -> Response[bytes]:
    return visit.portal.pages.page(visit, "catalogue/accessibility.html")


HANDLERS = [home, services, service, centers, help_page, privacy, accessibility]
