"""How long somebody stays signed in, and what they typed when it was over.

The notice is asked for by the page itself shortly before the end (htmx, ``load delay``); asking
keeps no session alive. Without scripts every page says the time, and a form that comes too late is
held (:mod:`portal.web.late`).
"""

from datetime import timedelta

from litestar import Response
from litestar.di import NamedDependency

from portal.identity import held, sessions
from portal.web.http_forms import PostedForm
from portal.web.pages import redirect
from portal.web.routing import Access, get_page, post_form
from portal.web.visit import SESSION_WARNING, STAFF_AREA, Visit

# Told when so much is left, and not each second: nobody wants a countdown in the ear
_TOLD_AT = (SESSION_WARNING, timedelta(minutes=2), timedelta(minutes=1))


def _notice(visit: Visit, *, stays: bool = False) -> Response[bytes]:
    portal, now = visit.portal, visit.portal.clock.now()
    with portal.database.read() as db:
        left = sessions.time_left(db, visit.browser, now) if visit.has_cookie else None
    return portal.pages.page(
        visit,
        "identity/session_notice.html" if visit.is_fragment else "identity/session.html",
        left=left,
        warn=left is not None and left.ends_at - now <= SESSION_WARNING,
        minutes=_minutes(left.ends_at - now) if left else 0,
        ask_in=_ask_in(left.ends_at - now) if left else 0,
        stays=stays,
        area=STAFF_AREA if visit.staff_area else "",
    )


def _minutes(left: timedelta) -> int:
    """Whole minutes, rounded up: a page that says two has two to come, not one."""
    return max(1, -int(-left.total_seconds() // 60))


def _ask_in(left: timedelta) -> int:
    """The seconds until there is something else to tell."""
    following = next((mark for mark in _TOLD_AT if mark < left), timedelta(0))
    return int((left - following).total_seconds()) + 1


def _stay(visit: Visit, form: PostedForm) -> Response[bytes]:
    with visit.portal.database.begin() as db:
        session = visit.staff(db) if visit.staff_area else visit.follower(db)
        visit.check_form(form)
        sessions.seen(db, session.token_hash, visit.portal.clock.now())
    return _notice(visit, stays=True)


@get_page("/sign-in/time", Access.ANYONE)
def show_time(visit: NamedDependency[Visit]) -> Response[bytes]:
    return _notice(visit)


@post_form("/sign-in/time", Access.FOLLOWER)
def stay(visit: NamedDependency[Visit], form: NamedDependency[PostedForm]) -> Response[bytes]:
    return _stay(visit, form)


@get_page("/center/sign-in/time", Access.ANYONE)
def show_time_of_staff(visit: NamedDependency[Visit]) -> Response[bytes]:
    return _notice(visit)


@post_form("/center/sign-in/time", Access.STAFF)
def stay_as_staff(
    visit: NamedDependency[Visit], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    return _stay(visit, form)


@get_page("/sign-in/again", Access.CITIZEN)
def show_held(visit: NamedDependency[Visit]) -> Response[bytes]:
    with visit.portal.database.read() as db:
        visit.citizen(db)
        found = held.of(db, visit.portal.vault, visit.browser, visit.portal.clock.now())
    return _held_page(visit, found, "/requests")


@get_page("/center/sign-in/again", Access.STAFF)
def show_held_of_staff(visit: NamedDependency[Visit]) -> Response[bytes]:
    with visit.portal.database.read() as db:
        visit.staff(db)
        found = held.of(db, visit.portal.vault, visit.browser, visit.portal.clock.now())
    return _held_page(visit, found, f"{STAFF_AREA}/inbox")


def _held_page(visit: Visit, found: held.Held | None, otherwise: str) -> Response[bytes]:
    if found is None:
        return redirect(visit, otherwise)
    return visit.portal.pages.page(visit, "identity/held.html", held=found, otherwise=otherwise)


HANDLERS = [
    show_time,
    stay,
    show_time_of_staff,
    stay_as_staff,
    show_held,
    show_held_of_staff,
]
