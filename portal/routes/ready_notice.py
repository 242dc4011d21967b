"""Shops: the citizen's notice that the conditions are met."""

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from portal.requests import readiness, reading
from portal.web.http_forms import PostedForm
from portal.web.pages import redirect
from portal.web.routing import Access, post_form
from portal.web.visit import Visit


@post_form("/requests/{number:str}/ready", Access.CITIZEN)
def give_notice(
    visit: NamedDependency[Visit], number: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """A second press, and one that comes too early, changes nothing."""
    portal = visit.portal
    with portal.database.begin() as db:
        citizen = visit.citizen(db)
        request = reading.own(db, citizen.citizen_id, number)
        visit.check_form(form)
        now = portal.clock.now()
        readiness.give_notice(db, portal.vault, portal.hand_off, portal.places, request, now)
    return redirect(visit, f"/requests/{number}")


HANDLERS = [give_notice]
