"""The technology centers: by governorate, by name, nearest to the visitor; open to anyone.

No position ever comes here: the phone itself compares its own with the list of all centers
(docs/decisions/0016-nearest-center.md).
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from portal.clock import CAIRO
from portal.holidays import register
from portal.places.finder import LONGEST_QUERY, dots
from portal.places.hours import Opening
from portal.places.model import Center
from portal.problems import Missing
from portal.web.pages import redirect
from portal.web.parts import Portal
from portal.web.routing import Access, get_page
from portal.web.visit import Visit

_MOST_FOUND = 40
_NEIGHBOURS = 4
# The map's corner and scale: all of Egypt in 222 by 198 units of about five kilometres
_NORTH, _WEST, _SCALE = 31.8, 24.6, 20


@dataclass(frozen=True)
class Today:
    """Whether the centers work on this day, as far as a whole day can be told of."""

    opening: Opening | None
    """None on a day off, or in a year whose hours are not known."""
    works: bool
    next_day: date
    """This day, or the first working day after it."""


@get_page("/centers", Access.ANYONE)
def centers(
    visit: NamedDependency[Visit], governorate: FromQuery[str] = "", q: FromQuery[str] = ""
) -> Response[bytes]:
    portal = visit.portal
    places = portal.places
    if governorate and governorate not in places.governorates:
        raise Missing("governorate")
    if q.strip():
        return _found(visit, governorate, q[:LONGEST_QUERY])
    template = "centers/_result.html" if visit.is_fragment else "centers/list.html"
    return portal.pages.shared_page(
        visit,
        template,
        query={"governorate": governorate} if governorate else None,
        q="",
        found=None,
        **_common(portal, governorate),
        today_is=_today(portal, governorate, visit.today),
    )


def _found(visit: Visit, governorate: str, q: str) -> Response[bytes]:
    """What the name finds: made for each visitor, for anything may be typed."""
    portal = visit.portal
    found = portal.finder.by_name(q, governorate)
    return portal.pages.page(
        visit,
        "centers/_result.html" if visit.is_fragment else "centers/list.html",
        q=q,
        found=found[:_MOST_FOUND],
        total=len(found),
        **_common(portal, governorate),
        today_is=_today(portal, governorate, visit.today),
    )


def _common(portal: Portal, governorate: str) -> dict[str, Any]:
    places = portal.places
    return {
        "places": places,
        "chosen": places.governorates.get(governorate),
        "hours": portal.hours,
        "at": _at,
        "map_all": _map(portal, [c for c in places.centers.values() if c.fixed]),
        "map_here": _map(portal, places.fixed_of(governorate)),
    }


@get_page("/centers/all", Access.ANYONE)
def all_centers(visit: NamedDependency[Visit]) -> Response[bytes]:
    """Every fixed center on one page: to be read and printed, and for the phone to measure."""
    portal = visit.portal
    return portal.pages.shared_page(
        visit, "centers/all.html", places=portal.places, point=portal.finder.point
    )


@get_page("/centers/{center_code:str}", Access.ANYONE)
def center(visit: NamedDependency[Visit], center_code: FromPath[str]) -> Response[bytes]:
    portal = visit.portal
    found = portal.places.centers.get(center_code.upper())
    if found is None:
        raise Missing("center")
    if found.code != center_code:
        return redirect(visit, f"/centers/{found.code}")
    return portal.pages.shared_page(
        visit,
        "centers/show.html",
        center=found,
        governorate=portal.places.governorates[found.governorate],
        neighbours=_beside(portal, found),
        places=portal.places,
        hours=portal.hours,
        at=_at,
        today_is=_today(portal, found.governorate, visit.today),
        services=len(portal.catalogue.services),
        map_all=_map(portal, [c for c in portal.places.centers.values() if c.fixed]),
        map_here=_map(portal, [found]),
    )


def _beside(portal: Portal, center: Center) -> list[Center]:
    """Where else to go: the nearest centers, or those of the governorate that a vehicle serves."""
    if not center.fixed:
        return portal.places.fixed_of(center.governorate)
    return portal.finder.neighbours(center, _NEIGHBOURS)


def _today(portal: Portal, governorate: str, day: date) -> Today:
    with portal.database.read() as db:
        calendar = register.calendar(db, governorate)
    works = calendar.is_working(day)
    return Today(portal.hours.on(day) if works else None, works, calendar.next_working(day))


def _map(portal: Portal, shown: list[Center]) -> str:
    return dots((portal.finder.point(c) for c in shown), _SCALE, _NORTH, _WEST)


def _at(day: date, hour: time) -> datetime:
    """An hour on a Cairo clock, for it to be written."""
    return datetime.combine(day, hour, CAIRO)


HANDLERS = [centers, all_centers, center]
