"""Sign-in of citizens: national ID, mobile, one-time code."""

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromQuery
from sqlalchemy import Connection

from portal.catalogue.fields import MOBILE_PROBLEM, NATIONAL_ID_PROBLEMS
from portal.catalogue.identity import read_mobile, read_national_id
from portal.identity import held, otp, sessions
from portal.identity.otp import Asker, Pending, Purpose, Verdict
from portal.notifications.compose import ONE_TIME_CODE, compose
from portal.problems import N_, Problem, TooMany, Unavailable
from portal.requests import reading
from portal.text import compact
from portal.web.http_forms import PostedForm
from portal.web.pages import redirect
from portal.web.routing import Access, get_page, post_form
from portal.web.visit import Visit

AFTER_SIGN_IN = "/requests"
NATIONAL_ID, MOBILE = N_("The national ID number"), N_("The mobile number")


def safe_path(path: str) -> str:
    """A path of this portal, or the citizen's requests: never another site's address."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if plain and len(path) <= 300 and path.isprintable() else AFTER_SIGN_IN


@get_page("/sign-in", Access.ANYONE)
def show_sign_in(
    visit: NamedDependency[Visit],
    next: FromQuery[str] = AFTER_SIGN_IN,  # noqa: A002 - the name in the address
) -> Response[bytes]:
    return _sign_in_page(visit, safe_path(next))


def _sign_in_page(
    visit: Visit,
    next_path: str,
    typed: PostedForm | None = None,
    problems: list[Problem] | None = None,
    status: int = 200,
) -> Response[bytes]:
    return visit.portal.pages.page(
        visit,
        "identity/sign_in.html",
        status,
        next_path=next_path,
        typed={n: typed.text(n) if typed else "" for n in ("national_id", "mobile")},
        problems=problems or [],
    )


@post_form("/sign-in", Access.ANYONE)
def ask_code(visit: NamedDependency[Visit], form: NamedDependency[PostedForm]) -> Response[bytes]:
    visit.check_form(form)
    next_path = safe_path(form.text("next"))
    national_id = read_national_id(form.text("national_id"), visit.today)
    mobile = read_mobile(form.text("mobile"))
    problems = []
    if isinstance(national_id, str):
        label = {"label": visit.speech.gettext(NATIONAL_ID)}
        problems.append(Problem("national_id", NATIONAL_ID_PROBLEMS[national_id], label))
    if mobile is None:
        label = {"label": visit.speech.gettext(MOBILE)}
        problems.append(Problem("mobile", MOBILE_PROBLEM, label))
    if isinstance(national_id, str) or mobile is None:
        return _sign_in_page(visit, next_path, form, problems, 422)
    asker = Asker(
        Purpose.SIGN_IN, visit.browser, visit.network, mobile, next_path, national_id.digits
    )
    try:
        send_code(visit, asker)
    except TooMany as error:
        return _sign_in_page(visit, next_path, form, [too_many("mobile", error)], 429)
    return redirect(visit, "/sign-in/code")


def too_many(field: str, error: TooMany) -> Problem:
    return Problem(field, N_("Too many codes were asked for. {wait}"), {"wait": error.wait})


def send_code(visit: Visit, asker: Asker) -> None:
    """Make a code and send it after its commit; raises :class:`TooMany`.

    A code for nobody is counted but not sent: who guesses numbers of requests learns nothing.
    """
    portal = visit.portal
    code = otp.ask(portal.database, portal.vault, asker, portal.clock.now())
    if asker.purpose is Purpose.NOBODY:
        return
    text = compose(visit.speech, ONE_TIME_CODE, {"code": code}, portal.settings.public_url)
    try:
        portal.channel.send(asker.mobile, text)
    except OSError as error:  # the gateway does not answer: the citizen asks again
        raise Unavailable("sms gateway") from error


@get_page("/sign-in/code", Access.ANYONE)
def show_code(visit: NamedDependency[Visit]) -> Response[bytes]:
    return _code_page(visit)


def _code_page(
    visit: Visit, problems: list[Problem] | None = None, status: int = 200
) -> Response[bytes]:
    portal = visit.portal
    with portal.database.read() as db:
        pending = otp.pending(db, portal.vault, visit.browser, portal.clock.now())
    if pending is None and not problems:
        return redirect(visit, "/sign-in")
    return portal.pages.page(
        visit, "identity/code.html", status, pending=pending, problems=problems or []
    )


@post_form("/sign-in/code", Access.ANYONE)
def check_code(visit: NamedDependency[Visit], form: NamedDependency[PostedForm]) -> Response[bytes]:
    visit.check_form(form)
    portal, now = visit.portal, visit.portal.clock.now()
    typed = compact(form.text("code"))
    if not (typed.isascii() and typed.isdigit() and len(typed) == 6):
        problem = Problem("code", N_("Write the 6 digits of the code from the message"))
        return _code_page(visit, [problem], 422)
    with portal.database.begin() as db:
        verdict, pending = otp.check(db, portal.vault, visit.browser, typed, now)
        if verdict is Verdict.RIGHT and pending is not None:
            fresh, next_path = _begin_session(visit, db, pending)
    if verdict is not Verdict.RIGHT or pending is None:
        return _code_page(visit, [_wrong_code(verdict, pending)], 422)
    visit.give_cookie(fresh)
    return redirect(visit, next_path)


def _begin_session(visit: Visit, db: Connection, pending: Pending) -> tuple[str, str]:
    """The new cookie, and where it leads: first of all to what was typed before."""
    portal, now = visit.portal, visit.portal.clock.now()
    sessions.end(db, visit.browser)  # the one before, if any: its cookie is given up now
    if pending.purpose is Purpose.TRACK:
        request = reading.by_number(db, pending.request_number)
        fresh = sessions.begin_tracking(db, request.citizen_id, request.number, now)
        held.drop(db, visit.browser)
        return fresh, pending.next_path
    citizen_id = otp.citizen_for(db, portal.vault, pending.national_id, pending.mobile, now)
    fresh = sessions.begin_citizen(db, citizen_id, now)
    if held.hand_over(db, visit.browser, fresh, now, citizen_id=citizen_id):
        return fresh, "/sign-in/again"
    return fresh, pending.next_path


def _wrong_code(verdict: Verdict, pending: Pending | None) -> Problem:
    match verdict:
        case Verdict.WRONG if pending is not None:
            left = pending.tries_left - 1
            return Problem("code", N_("The code is not right. Tries left: {n}"), {"n": left})
        case Verdict.EXPIRED:
            return Problem("code", N_("The code has expired. Ask for a new one."))
        case _:
            return Problem("code", N_("This code cannot be tried again. Ask for a new one."))


@post_form("/sign-in/resend", Access.ANYONE)
def resend_code(
    visit: NamedDependency[Visit], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """A new code to the same phone; the last one is void."""
    visit.check_form(form)
    portal = visit.portal
    with portal.database.read() as db:
        last = otp.last(db, portal.vault, visit.browser, portal.clock.now())
    if last is None:
        return redirect(visit, "/sign-in")
    asker = Asker(
        last.purpose,
        visit.browser,
        visit.network,
        last.mobile,
        last.next_path,
        last.national_id,
        last.request_number,
    )
    try:
        send_code(visit, asker)
    except TooMany as error:
        return _code_page(visit, [too_many("code", error)], 429)
    return redirect(visit, "/sign-in/code")


@post_form("/sign-out", Access.ANYONE)
def sign_out(visit: NamedDependency[Visit], form: NamedDependency[PostedForm]) -> Response[bytes]:
    visit.check_form(form)
    with visit.portal.database.begin() as db:
        sessions.end(db, visit.browser)
        held.drop(db, visit.browser)
    visit.give_cookie(visit.fresh_token())
    return redirect(visit, "/")


HANDLERS = [show_sign_in, ask_code, show_code, check_code, resend_code, sign_out]
