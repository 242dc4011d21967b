"""The page of one service: what it is, needs, costs and how long it takes; open to anyone."""

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from portal.problems import Missing
from portal.requests.submission import check_window
from portal.web.routing import Access, get_page
from portal.web.visit import Visit


@get_page("/services/{slug:str}", Access.ANYONE)
def service(visit: NamedDependency[Visit], slug: FromPath[str]) -> Response[bytes]:
    catalogue = visit.portal.catalogue
    found = catalogue.services.get(slug)
    if found is None:
        raise Missing("service")
    today = visit.today
    return visit.portal.pages.shared_page(
        visit,
        "services/show.html",
        service=found,
        catalogue=catalogue,
        family=catalogue.families[found.family],
        department=catalogue.departments[found.department],
        required_services=[
            (link, [catalogue.services[code] for code in link.services]) for link in found.requires
        ],
        is_open=check_window(found, today),
    )


HANDLERS = [service]
