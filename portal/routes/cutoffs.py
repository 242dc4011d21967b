"""From when on permits on paper count no more, for the governorate: said, changed, lifted."""

from collections.abc import Mapping, Sequence
from datetime import date

from litestar import Response
from litestar.di import NamedDependency
from sqlalchemy import Connection

from portal import notes
from portal.identity.roles import Permission, may
from portal.identity.sessions import StaffSession
from portal.permits import cutoffs
from portal.problems import N_, Problem, Refused
from portal.text import parse_day
from portal.web.http_forms import PostedForm
from portal.web.late import STALE, is_own
from portal.web.pages import redirect
from portal.web.routing import Access, get_page, post_form
from portal.web.visit import Visit

_BASE = "/center/admin/cutoffs"
_FIELDS = ("center", "service", "last_day", "reason")
_EMPTY = dict.fromkeys(_FIELDS, "")
_ALL = "all"


def _keeper(visit: Visit, db: Connection) -> tuple[StaffSession, list[str]]:
    session = visit.staff(db)
    if not may(session.role, Permission.KEEP_CUTOFFS):
        raise Refused(f"{session.role} keeps no cut-off days")
    return session, [center.code for center in visit.portal.places.centers_of(session.scope)]


@get_page(_BASE, Access.STAFF)
def show_cutoffs(visit: NamedDependency[Visit]) -> Response[bytes]:
    """What holds, the form, and everything that was said before."""
    with visit.portal.database.read() as db:
        _, centers = _keeper(visit, db)
        return _page(visit, db, centers)


def _page(
    visit: Visit,
    db: Connection,
    centers: Sequence[str],
    typed: Mapping[str, str] = _EMPTY,
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> Response[bytes]:
    portal = visit.portal
    return portal.pages.page(
        visit,
        "backlog/cutoffs.html",
        status,
        holding=cutoffs.of_centers(db, centers),
        past=cutoffs.history(db, centers),
        centers=centers,
        names=portal.places.centers,
        services={code: portal.catalogue.services[code] for code in cutoffs.KINDS},
        typed=typed,
        problems=problems,
    )


@post_form(_BASE, Access.STAFF)
def say_cutoff(visit: NamedDependency[Visit], form: NamedDependency[PostedForm]) -> Response[bytes]:
    """Say the last day for one center and service or for all; without a day it is lifted."""
    typed = {name: form.text(name) for name in _FIELDS}
    with visit.portal.database.begin() as db:
        session, centers = _keeper(visit, db)
        lifts = form.text("act") == "lift"
        last_day, problems = _read(typed, centers, visit.today, lifts=lifts)
        if not is_own(visit, form):
            problems = [Problem("", STALE)]
        if problems:
            return _page(visit, db, centers, typed, problems, 422)
        cutoffs.enter(
            db,
            centers if typed["center"] == _ALL else [typed["center"]],
            list(cutoffs.KINDS) if typed["service"] == _ALL else [typed["service"]],
            last_day,
            " ".join(typed["reason"].split()),
            session.username,
            visit.portal.clock.now(),
        )
    return redirect(visit, _BASE)


def _read(
    typed: Mapping[str, str], centers: Sequence[str], today: date, *, lifts: bool
) -> tuple[date | None, list[Problem]]:
    problems: list[Problem] = []
    if typed["center"] not in {_ALL, *centers}:
        problems.append(Problem("center", N_("Choose the center for which it holds")))
    if typed["service"] not in {_ALL, *cutoffs.KINDS}:
        problems.append(Problem("service", N_("Choose the service for which it holds")))
    last_day = None
    if not lifts:
        last_day = parse_day(typed["last_day"])
        if last_day is None:
            text = N_("Choose the last day on which a permit could be issued on paper")
            problems.append(Problem("last_day", text))
        elif not 2000 <= last_day.year <= today.year + 1:
            text = N_("Choose a day from the year 2000 to the end of next year")
            problems.append(Problem("last_day", text))
    reason = " ".join(typed["reason"].split())
    missing = N_("Write the reason, such as the number of the decision")
    longest = cutoffs.LONGEST_REASON
    problems += notes.problems_of_reason("reason", reason, longest, missing, lines=False)
    return last_day, problems


HANDLERS = [show_cutoffs, say_cutoff]
