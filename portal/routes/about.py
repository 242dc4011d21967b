"""The pages about the portal itself; open to anyone."""

from litestar import Response
from litestar.di import NamedDependency

from portal.web.routing import Access, get_page
from portal.web.visit import Visit


@get_page("/help", Access.ANYONE)
def help_page(visit: NamedDependency[Visit]) -> Response[bytes]:
    return visit.portal.pages.shared_page(visit, "about/help.html")


@get_page("/privacy", Access.ANYONE)
def privacy(visit: NamedDependency[Visit]) -> Response[bytes]:
    return visit.portal.pages.shared_page(visit, "about/privacy.html")


@get_page("/accessibility", Access.ANYONE)
def accessibility(visit: NamedDependency[Visit]) -> Response[bytes]:
    return visit.portal.pages.shared_page(visit, "about/accessibility.html")


HANDLERS = [help_page, privacy, accessibility]
