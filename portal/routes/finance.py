"""Money by the day, for staff: the picture, cases to close, closing the day, the export.

Somebody of a governorate sees money and cases of its centers; what belongs to no request, and the
closing of days, is the ministry's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from sqlalchemy import Connection

from payments import cases, rebooking
from payments.export import NotClosed
from payments.provider import ProviderError
from payments.reconciliation.closing import LONGEST_NOTE, NotClosable
from portal.db import LARGEST_ID
from portal.finance import labels, reading
from portal.finance.reconciling import NotComparable
from portal.finance.units import NATIONAL, centers_of
from portal.identity.roles import Permission, may
from portal.identity.sessions import StaffSession
from portal.problems import N_, Conflict, Missing, Problem, Refused
from portal.text import fold_digits, is_readable
from portal.web.http_forms import PostedForm
from portal.web.late import STALE, is_own
from portal.web.pages import redirect
from portal.web.routing import DAY_THREADS, Access, get_page, post_form
from portal.web.visit import Visit

_BASE = "/center/finance"
_LONGEST_RANGE = 366
_DAY = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True)
class _Officer:
    """Who looks, at the money of which centers (None: of all)."""

    session: StaffSession
    centers: Sequence[str] | None

    @property
    def national(self) -> bool:
        return self.session.scope == NATIONAL

    def may(self, permission: Permission) -> bool:
        if permission is Permission.CLOSE_DAY and not self.national:
            return False
        return may(self.session.role, permission)


def _officer(visit: Visit, db: Connection, *permissions: Permission) -> _Officer:
    session = visit.staff(db)
    officer = _Officer(session, centers_of(visit.portal.places, session.scope))
    for permission in (Permission.SEE_FINANCE, *permissions):
        if not officer.may(permission):
            raise Refused(f"{session.role} may not {permission}")
    return officer


def _read_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def _the_day(visit: Visit, text: str) -> date:
    """A day of an address; raises :class:`~portal.problems.Missing` for one to come, or none."""
    day = _read_day(text)
    if day is None or day > visit.today:
        raise Missing("day")
    return day


@get_page(_BASE, Access.STAFF)
def show_finance(visit: NamedDependency[Visit], day: FromQuery[str] = "") -> Response[bytes]:
    """The picture of a day: the newest that was compared, unless one is asked for."""
    wanted = _read_day(fold_digits(day.strip())) if day else None
    problems = []
    if day.strip() and (wanted is None or wanted > visit.today):
        problems.append(Problem("day", N_("Choose a day that has come")))
        wanted = None
    with visit.portal.database.read() as db:
        officer = _officer(visit, db)
        shown = wanted or reading.newest_day(db, visit.today)
        return _page(visit, db, officer, shown, problems, 422 if problems else 200)


def _page(
    visit: Visit,
    db: Connection,
    officer: _Officer,
    day: date,
    problems: Sequence[Problem] = (),
    status: int = 200,
    *,
    typed: tuple[int, str] = (0, ""),
) -> Response[bytes]:
    portal = visit.portal
    seen = reading.picture(db, day, officer.centers)
    why = "unknown" if portal.reconciling.is_comparable(db, day) else "before"
    if seen.result:
        why = portal.reconciling.closable(db, seen.result)
    governorate = portal.places.governorates.get(officer.session.scope)
    return portal.pages.page(
        visit,
        "finance/day.html",
        status,
        seen=seen,
        day_before=(day - timedelta(days=1)).isoformat(),
        day_after=(day + timedelta(days=1)).isoformat(),
        why=why,
        officer=officer,
        permission=Permission,
        governorate=governorate,
        labels=labels,
        catalogue=portal.catalogue,
        problems=problems,
        typed=typed,
        proposed=rebooking.proposed_of(db, [each.id for each in seen.cases]),
    )


@post_form(f"{_BASE}/days/{{day:str}}/compare", Access.STAFF, threads=DAY_THREADS)
def compare(
    visit: NamedDependency[Visit], day: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Compare a day now, and before it those that were missed."""
    wanted = _the_day(visit, day)
    with visit.portal.database.read() as db:
        officer = _officer(visit, db, Permission.CLOSE_CASE)
    visit.check_form(form)
    try:
        visit.portal.reconciling.run(wanted)
    except NotComparable:
        with visit.portal.database.read() as db:
            problem = Problem("day", labels.NOT_CLOSABLE["before"])
            return _page(visit, db, officer, wanted, [problem], 422)
    except ProviderError:
        text = N_("The provider does not answer. Try again in a few minutes; nothing was changed")
        with visit.portal.database.read() as db:
            return _page(visit, db, officer, wanted, [Problem("", text)], 503)
    return redirect(visit, _BASE, day=wanted.isoformat())


@post_form(f"{_BASE}/cases/{{case:int}}/close", Access.STAFF)
def close_case(
    visit: NamedDependency[Visit], case: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Close a case with a note of what was done; it is kept with the name."""
    portal = visit.portal
    if not 0 < case <= LARGEST_ID:
        raise Missing("case")
    note = " ".join(form.text("note").split())
    day = _read_day(form.text("day")) or visit.today
    with portal.database.begin() as db:
        officer = _officer(visit, db, Permission.CLOSE_CASE)
        reading.open_case(db, case, officer.centers)
        problems = _note_problems(f"note-{case}", note)
        if not is_own(visit, form):
            problems = [Problem(f"note-{case}", STALE)]
        if problems:
            return _page(visit, db, officer, day, problems, 422, typed=(case, note))
        if not cases.close(db, case, note, portal.clock.now(), by=officer.session.username):
            raise Conflict("closed meanwhile")
    return redirect(visit, _BASE, day=day.isoformat())


def _note_problems(field: str, note: str) -> list[Problem]:
    if not note:
        return [Problem(field, N_("Write what was done about it"))]
    if len(note) > LONGEST_NOTE or not is_readable(note):
        text = N_("Write at most {n} characters, without control characters")
        return [Problem(field, text, {"n": LONGEST_NOTE})]
    return []


@get_page(f"{_BASE}/days/{{day:str}}/close", Access.STAFF)
def ask_close(visit: NamedDependency[Visit], day: FromPath[str]) -> Response[bytes]:
    """What closing the day means, before it is done."""
    wanted = _the_day(visit, day)
    with visit.portal.database.read() as db:
        _officer(visit, db, Permission.CLOSE_DAY)
        return _close_page(visit, db, wanted)


def _close_page(
    visit: Visit,
    db: Connection,
    day: date,
    problems: Sequence[Problem] = (),
    note: str = "",
    status: int = 200,
) -> Response[bytes]:
    portal = visit.portal
    seen = reading.picture(db, day, None)
    if seen.result is None:
        raise Missing("day")
    why = portal.reconciling.closable(db, seen.result)
    return portal.pages.page(
        visit,
        "finance/close.html",
        status,
        seen=seen,
        result=seen.result,
        why=why,
        labels=labels,
        problems=problems,
        note=note,
    )


@post_form(f"{_BASE}/days/{{day:str}}/close", Access.STAFF, threads=DAY_THREADS)
def close_day(
    visit: NamedDependency[Visit], day: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Freeze the day as the comparison stands that was confirmed."""
    portal, wanted = visit.portal, _the_day(visit, day)
    note, runs = " ".join(form.text("note").split()), form.text("runs")
    with portal.database.read() as db:
        officer = _officer(visit, db, Permission.CLOSE_DAY)
        problems = _note_problems("note", note) if note else []
        if not is_own(visit, form):
            problems = [Problem("note", STALE)]
        if problems:
            return _close_page(visit, db, wanted, problems, note, 422)
    seen = int(runs) if runs.isascii() and runs.isdigit() and len(runs) < 9 else 0
    try:
        portal.reconciling.close(wanted, seen, officer.session.username, note)
    except NotClosable as error:
        field = "note" if error.why == "note" else ""
        with portal.database.read() as db:
            problem = Problem(field, labels.NOT_CLOSABLE[error.why])
            return _close_page(visit, db, wanted, [problem], note, 422)
    return redirect(visit, _BASE, day=wanted.isoformat())


@get_page(f"{_BASE}/export", Access.STAFF)
def export(
    visit: NamedDependency[Visit],
    first: FromQuery[str] = "",
    last: FromQuery[str] = "",
    kind: FromQuery[str] = "csv",
) -> Response[bytes]:
    """The settlement export of closed days as a file; of one's own centers."""
    begin, end = _read_day(first), _read_day(last or first)
    with visit.portal.database.read() as db:
        officer = _officer(visit, db)
    if begin is None or end is None or not 0 <= (end - begin).days < _LONGEST_RANGE:
        raise Missing("range")
    try:
        made = visit.portal.reconciling.export(begin, end, officer.centers)
    except NotClosed as error:
        text = N_("Only closed days are exported, and one of these is still open")
        with visit.portal.database.read() as db:
            return _page(visit, db, officer, error.day or begin, [Problem("", text)], 409)
    as_json = kind == "json"
    name = f"settlement-{officer.session.scope}-{begin}-{end}.{'json' if as_json else 'csv'}"
    return Response(
        made.to_json() if as_json else made.to_csv(),
        media_type="application/json" if as_json else "text/csv",
        headers={
            "content-disposition": f'attachment; filename="{name}"',
            "cache-control": "private, no-store",
        },
        cookies=visit.new_cookies,
    )


HANDLERS = [show_finance, compare, close_case, ask_close, close_day, export]
