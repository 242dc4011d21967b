"""Outages, for the governorate: those noticed by themselves, and those of centers to be entered."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy import Connection

from portal.db import LARGEST_ID
from portal.identity.roles import Permission, may
from portal.identity.sessions import StaffSession
from portal.outages import register
from portal.outages.entering import FIELDS, Entry, read_entry, read_reason
from portal.outages.register import Recorded, Scope
from portal.problems import N_, Conflict, Missing, Problem, Refused
from portal.web.http_forms import PostedForm
from portal.web.late import STALE, is_own
from portal.web.pages import redirect
from portal.web.routing import Access, get_page, post_form
from portal.web.visit import Visit

_BASE = "/center/admin/outages"
_EMPTY = dict.fromkeys(FIELDS, "")


def _keeper(visit: Visit, db: Connection) -> StaffSession:
    session = visit.staff(db)
    if not may(session.role, Permission.KEEP_OUTAGES):
        raise Refused(f"{session.role} keeps no outages")
    return session


def _places(visit: Visit, session: StaffSession) -> tuple[str, ...]:
    """The governorate itself and its centers."""
    centers = visit.portal.places.centers_of(session.scope)
    return (session.scope, *(center.code for center in centers))


@get_page(_BASE, Access.STAFF)
def show_outages(visit: NamedDependency[Visit]) -> Response[bytes]:
    """What was out, what that moved, and the form."""
    with visit.portal.database.read() as db:
        return _page(visit, db, _keeper(visit, db))


def _page(
    visit: Visit,
    db: Connection,
    session: StaffSession,
    typed: Mapping[str, str] = _EMPTY,
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> Response[bytes]:
    portal, places = visit.portal, _places(visit, session)
    return portal.pages.page(
        visit,
        "outages/outages.html",
        status,
        outages=register.newest(db, places),
        places=places,
        names=portal.places,
        typed=typed,
        problems=problems,
    )


@post_form(_BASE, Access.STAFF)
def enter(visit: NamedDependency[Visit], form: NamedDependency[PostedForm]) -> Response[bytes]:
    """Enter an outage of a center; what it moves is shown before it counts."""
    portal, now = visit.portal, visit.portal.clock.now()
    typed = {name: form.text(name) for name in FIELDS}
    with portal.database.begin() as db:
        session = _keeper(visit, db)
        entry, problems = read_entry(typed, _places(visit, session), now)
        if not is_own(visit, form):
            problems = [Problem("", STALE)]
        if entry is None or problems:
            return _page(visit, db, session, typed, problems, 422)
        if not form.text("confirmed"):
            return _confirm_page(visit, db, typed, entry)
        try:
            register.enter(
                db,
                Scope.CENTER,
                entry.place,
                entry.began_at,
                entry.ended_at,
                entry.reason,
                session.username,
                now,
            )
        except Conflict:
            text = N_("An outage of this place and time is recorded already; look at the list")
            return _page(visit, db, session, typed, [Problem("place", text)], 409)
    return redirect(visit, _BASE)


def _confirm_page(
    visit: Visit, db: Connection, typed: Mapping[str, str], entry: Entry
) -> Response[bytes]:
    portal = visit.portal
    return portal.pages.page(
        visit,
        "outages/confirm.html",
        entry=entry,
        typed=typed,
        names=portal.places,
        touched=portal.toller.touched(db, entry.place, entry.began_at, entry.ended_at),
    )


@get_page(f"{_BASE}/{{outage:int}}/confirm", Access.STAFF)
def show_noticed(visit: NamedDependency[Visit], outage: FromPath[int]) -> Response[bytes]:
    """What was noticed by itself, what it would move, and the question who answers for it."""
    with visit.portal.database.read() as db:
        return _noticed_page(visit, db, _of_own(visit, _keeper(visit, db), db, outage))


def _noticed_page(
    visit: Visit,
    db: Connection,
    noticed: Recorded,
    typed: str = "",
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> Response[bytes]:
    if not noticed.noticed or noticed.withdrawn_at:
        return redirect(visit, _BASE)
    portal = visit.portal
    return portal.pages.page(
        visit,
        "outages/noticed.html",
        status,
        noticed=noticed,
        typed=typed,
        problems=problems,
        names=portal.places,
        touched=portal.toller.touched(db, noticed.place, noticed.began_at, noticed.ended_at),
    )


@post_form(f"{_BASE}/{{outage:int}}/confirm", Access.STAFF)
def confirm(
    visit: NamedDependency[Visit], outage: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Somebody of the governorate answers for it: legal periods move, too."""
    now = visit.portal.clock.now()
    with visit.portal.database.begin() as db:
        session = _keeper(visit, db)
        noticed = _of_own(visit, session, db, outage)
        reason, problems = read_reason(form.text("reason"))
        if not is_own(visit, form):
            problems = [Problem("", STALE)]
        if problems:
            return _noticed_page(visit, db, noticed, form.text("reason"), problems, 422)
        register.confirm(db, outage, session.username, reason, now)
    return redirect(visit, _BASE)


@post_form(f"{_BASE}/{{outage:int}}/end", Access.STAFF)
def end(
    visit: NamedDependency[Visit], outage: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """It is over, now."""
    now = visit.portal.clock.now()
    with visit.portal.database.begin() as db:
        _own(visit, db, outage, form)
        register.end(db, outage, now)
    return redirect(visit, _BASE)


@post_form(f"{_BASE}/{{outage:int}}/withdraw", Access.STAFF)
def withdraw(
    visit: NamedDependency[Visit], outage: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """It was none."""
    now = visit.portal.clock.now()
    with visit.portal.database.begin() as db:
        session = _own(visit, db, outage, form)
        register.withdraw(db, outage, session.username, now)
    return redirect(visit, _BASE)


def _own(visit: Visit, db: Connection, outage_id: int, form: PostedForm) -> StaffSession:
    """Who changes an outage of this governorate; those of everybody are the operator's."""
    session = _keeper(visit, db)
    visit.check_form(form)
    _of_own(visit, session, db, outage_id)
    return session


def _of_own(visit: Visit, session: StaffSession, db: Connection, outage_id: int) -> Recorded:
    known = register.one(db, outage_id) if 0 < outage_id <= LARGEST_ID else None
    if known is None or known.place not in _places(visit, session):
        raise Missing("outage")
    return known


HANDLERS: list[Any] = [show_outages, enter, show_noticed, confirm, end, withdraw]
