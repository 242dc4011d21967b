"""What outside bodies asked: pages of the log and a file of it. Nobody changes a line."""

from dataclasses import dataclass
from datetime import date

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Stream

from portal.bodies import labels, log, overview
from portal.bodies.log import Wanted
from portal.bodies.model import BodyAnswer, Purpose
from portal.bodies.overview import Listed
from portal.identity.roles import Permission, may
from portal.problems import N_, Missing, Problem
from portal.routes.body_accounts import BASE, looker
from portal.text import clean, parse_day, without_hidden
from portal.web.routing import DAY_THREADS, Access, get_page
from portal.web.visit import Visit

_LONGEST_REFERENCE = 60


@dataclass(frozen=True)
class _Chosen:
    """What the filter says."""

    q: str
    of: str
    purpose: str
    answer: str
    first: str
    last: str

    def query(self) -> dict[str, str]:
        return {name: value for name, value in vars(self).items() if value}


def _named(typed: str) -> str:
    """A reference as the log keeps it, or the number of an answer."""
    return clean(without_hidden(typed))[:_LONGEST_REFERENCE]


@get_page(f"{BASE}/log", Access.STAFF)
def show_log(
    visit: NamedDependency[Visit],
    q: FromQuery[str] = "",
    of: FromQuery[str] = "",
    purpose: FromQuery[str] = "",
    answer: FromQuery[str] = "",
    first: FromQuery[str] = "",
    last: FromQuery[str] = "",
    before: FromQuery[str] = "",
) -> Response[bytes]:
    """A page of the log; the filter stands in the address."""
    portal = visit.portal
    chosen = _Chosen(_named(q), of, purpose, answer, first.strip(), last.strip())
    with portal.database.read() as db:
        looking = looker(visit, db)
        known = overview.listed(db, looking.governorates, portal.clock.now())
        wanted, problems = _wanted(chosen, known)
        lines, more = log.page(db, wanted, before[:26]) if not problems else ([], "")
        days = overview.by_day(db, wanted.bodies, visit.today)
    return portal.pages.page(
        visit,
        "bodies/log.html",
        422 if problems else 200,
        lines=lines,
        more=more,
        days=days,
        bodies={each.code: each for each in known},
        chosen=chosen,
        problems=problems,
        names=portal.places,
        labels=labels,
        sees_permits=may(looking.session.role, Permission.SEE_PERMITS),
    )


def _wanted(chosen: _Chosen, known: list[Listed]) -> tuple[Wanted, list[Problem]]:
    """Raises :class:`~portal.problems.Missing` for what no list of the page offers."""
    codes = [each.code for each in known]
    if chosen.of:
        if chosen.of not in codes:
            raise Missing("body")
        codes = [chosen.of]
    if chosen.purpose not in {"", *Purpose} or chosen.answer not in {"", *BodyAnswer}:
        raise Missing("filter")
    problems: list[Problem] = []
    days: dict[str, date | None] = {}
    for name in ("first", "last"):
        typed = getattr(chosen, name)
        days[name] = parse_day(typed)
        if typed and days[name] is None:
            problems.append(Problem(name, N_("Choose a day")))
    begin, end = days["first"], days["last"]
    if begin and end and end < begin:
        problems.append(Problem("last", N_("The last day is not before the first")))
    return Wanted(codes, chosen.purpose, chosen.answer, chosen.q, begin, end), problems


@get_page(f"{BASE}/log/export", Access.STAFF, threads=DAY_THREADS)
def export(
    visit: NamedDependency[Visit],
    q: FromQuery[str] = "",
    of: FromQuery[str] = "",
    purpose: FromQuery[str] = "",
    answer: FromQuery[str] = "",
    first: FromQuery[str] = "",
    last: FromQuery[str] = "",
) -> Stream:
    """The lines that the filter leaves as a file."""
    portal = visit.portal
    chosen = _Chosen(_named(q), of, purpose, answer, first.strip(), last.strip())
    with portal.database.read() as db:
        looking = looker(visit, db)
        known = overview.listed(db, looking.governorates, portal.clock.now())
    wanted, problems = _wanted(chosen, known)
    if problems:
        raise Missing("days")
    name = f"inquiries-{looking.session.scope}-{visit.today.isoformat()}.csv"
    return Stream(
        log.as_csv(portal.database, wanted),
        media_type="text/csv",
        headers={
            "content-disposition": f'attachment; filename="{name}"',
            "cache-control": "private, no-store",
        },
        cookies=visit.new_cookies,
    )


HANDLERS = [show_log, export]
