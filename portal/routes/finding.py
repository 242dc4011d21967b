"""Home, the services of a family, and the search in everyday words; open to anyone."""

from dataclasses import dataclass
from functools import partial

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromQuery
from markupsafe import Markup, escape

from portal.catalogue.model import Family, Service, Text
from portal.catalogue.search.finder import MOST_LETTERS, Hit
from portal.problems import Missing
from portal.text import without_hidden
from portal.web.pages import redirect
from portal.web.parts import Portal
from portal.web.routing import Access, get_page
from portal.web.visit import Visit


@dataclass(frozen=True)
class Result:
    """One row of an answer; ``by`` is the text of ``part`` in which it was found, if not plain."""

    service: Service
    family: Family
    title: Markup
    summary: Markup
    part: str
    by: Markup


@get_page("/", Access.ANYONE)
def home(visit: NamedDependency[Visit], q: FromQuery[str] = "") -> Response[bytes]:
    """The front page. A query leads to its answer; htmx gets that in the page's own place."""
    query = _readable(q)
    if query and not visit.is_fragment:
        return redirect(visit, "/services", q=query)
    if query:
        return _found(visit, query, "")
    catalogue, places = visit.portal.catalogue, visit.portal.places
    fixed = sum(center.kind != "mobile" for center in places.centers.values())
    response = visit.portal.pages.shared_page(
        visit,
        "finding/_front.html" if visit.is_fragment else "finding/home.html",
        catalogue=catalogue,
        fixed_centers=fixed,
        governorates=list(places.governorates.values()),
    )
    return _at(visit, response, visit.url("/"))


@get_page("/services", Access.ANYONE)
def services(
    visit: NamedDependency[Visit], family: FromQuery[str] = "", q: FromQuery[str] = ""
) -> Response[bytes]:
    """All services, those of one family, or those that are meant by ``q``."""
    catalogue = visit.portal.catalogue
    if family and family not in catalogue.families:
        raise Missing("family")
    query = _readable(q)
    if query:
        return _found(visit, query, family)
    of_family = {"family": family} if family else {}
    response = visit.portal.pages.shared_page(
        visit,
        "finding/_result.html" if visit.is_fragment else "finding/services.html",
        query=of_family,
        catalogue=catalogue,
        family=catalogue.families.get(family),
        q="",
    )
    return _at(visit, response, visit.url("/services", **of_family))


def _found(visit: Visit, query: str, family: str) -> Response[bytes]:
    """What the query means: made for each visitor, for anything may be typed."""
    portal = visit.portal
    found = portal.search.find(query, family)
    response = portal.pages.page(
        visit,
        "finding/_result.html" if visit.is_fragment else "finding/services.html",
        catalogue=portal.catalogue,
        family=portal.catalogue.families.get(family),
        q=query,
        results=[_result(portal, visit, hit, found.terms) for hit in found.hits],
        families=found.families,
        understood=found.understood,
    )
    asked = {"family": family, "q": query} if family else {"q": query}
    return _at(visit, response, visit.url("/services", **asked))


def _at(visit: Visit, response: Response[bytes], address: str) -> Response[bytes]:
    """htmx shows the address at which this answer is a whole page: for back and reload."""
    if visit.is_fragment:
        response.headers["hx-replace-url"] = address
    return response


def _readable(q: str) -> str:
    """The query as it is searched and shown again, within its bounds."""
    return without_hidden(q[: 4 * MOST_LETTERS])[:MOST_LETTERS].strip()


def _result(portal: Portal, visit: Visit, hit: Hit, terms: frozenset[str]) -> Result:
    mark = partial(_marked, portal, visit, terms)
    return Result(
        service=hit.service,
        family=portal.catalogue.families[hit.service.family],
        title=mark(hit.service.title),
        summary=mark(hit.service.summary),
        part=hit.part.name.lower() if hit.part else "",
        by=mark(hit.by) if hit.part else Markup(),
    )


def _marked(portal: Portal, visit: Visit, terms: frozenset[str], text: Text | str) -> Markup:
    """A text of the catalogue with the words marked that the query means."""
    pieces = portal.search.segments(visit.speech.show(text))
    marked = "".join(f"\x01{piece}\x02" if term in terms else piece for piece, term in pieces)
    # escaped once as a whole; the two characters stand in no text of the catalogue
    return Markup(  # noqa: S704 - what was escaped
        str(escape(marked)).replace("\x01", "<mark>").replace("\x02", "</mark>")
    )


HANDLERS = [home, services]
