"""Following a request without an account: number and mobile, then a code to that mobile."""

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromQuery

from portal.catalogue.fields import MOBILE_PROBLEM
from portal.catalogue.identity import read_mobile, read_request_number
from portal.identity.otp import Asker, Purpose
from portal.problems import N_, Missing, Problem, TooMany
from portal.requests import reading
from portal.routes.sign_in import MOBILE, send_code, too_many
from portal.web.http_forms import PostedForm
from portal.web.pages import redirect
from portal.web.routing import Access, get_page, post_form
from portal.web.visit import Visit


@get_page("/track", Access.ANYONE)
def show_track(visit: NamedDependency[Visit], number: FromQuery[str] = "") -> Response[bytes]:
    return _page(visit, number[:40], "", [])


def _page(
    visit: Visit, number: str, mobile: str, problems: list[Problem], status: int = 200
) -> Response[bytes]:
    return visit.portal.pages.page(
        visit, "identity/track.html", status, number=number, mobile=mobile, problems=problems
    )


@post_form("/track", Access.ANYONE)
def ask_to_track(
    visit: NamedDependency[Visit], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Send a code if number and mobile belong together; say the same if they do not."""
    visit.check_form(form)
    portal = visit.portal
    number, mobile = read_request_number(form.text("number")), read_mobile(form.text("mobile"))
    problems = []
    if number is None:
        problems.append(
            Problem("number", N_("Write the request number in full, such as 26-1315-00042-7"))
        )
    if mobile is None:
        label = {"label": visit.speech.gettext(MOBILE)}
        problems.append(Problem("mobile", MOBILE_PROBLEM, label))
    if number is None or mobile is None:
        return _page(visit, form.text("number"), form.text("mobile"), problems, 422)
    with portal.database.read() as db:
        try:
            request = reading.by_number(db, number)
            known = reading.mobile(db, portal.vault, request.id) == mobile
        except Missing:
            known = False
    asker = Asker(
        Purpose.TRACK if known else Purpose.NOBODY,
        visit.browser,
        visit.network,
        mobile,
        f"/requests/{number}",
        request_number=number,
    )
    try:
        send_code(visit, asker)
    except TooMany as error:
        limit = [too_many("mobile", error)]
        return _page(visit, form.text("number"), form.text("mobile"), limit, 429)
    return redirect(visit, "/sign-in/code")


HANDLERS = [show_track, ask_to_track]
