"""The building-permit inquiry: anyone asks, and the owner sees all.

Not found and not to be told look the same. Every question is written down with its answer's class
(:mod:`portal.permits.inquiry`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from markupsafe import Markup
from sqlalchemy import Connection

from portal.bodies import labels as bodies
from portal.bodies.log import AskedByBody
from portal.identity import otp
from portal.identity.sessions import CitizenSession
from portal.permits import inquiry, labels, matters, owning, particulars, reading
from portal.permits.inquiry import Answer, AnswerClass, Asked, Asker, TooSoon
from portal.permits.matters import Matter
from portal.permits.numbers import PermitNumber, of_address, problem_of, read_parts
from portal.permits.validity import Verdict
from portal.places.finder import LONGEST_QUERY
from portal.places.model import Center
from portal.problems import N_, Missing, Problem
from portal.routes.permit_blanks import AnswerForm
from portal.routes.permit_log import who_asked
from portal.text import compact, without_hidden
from portal.web import on_phone
from portal.web.gate import content_policy, permissions_policy
from portal.web.pages import redirect
from portal.web.routing import Access, get_page
from portal.web.site_code import site_code
from portal.web.visit import NotSignedIn, Visit

_BASE = on_phone.BASE
_ANSWER = "permits/answer.html"
REPORT = "/report"
_LONGEST = 60
_LONGEST_STREET = 120
_MOST_PLACES = 40
_OF_ADDRESS = frozenset({"street", "building_no"})
# What the sign's code holds: the alphabet of :func:`portal.clock.public_id`
_SERIAL = re.compile(r"[0-9a-hjkmnp-tv-z]{20,26}")


@dataclass(frozen=True)
class _Typed:
    """What stands in the form."""

    place: str = ""
    """The city or district as its name was typed, instead of a governorate."""
    governorate: str = ""
    center: str = ""
    number: str = ""
    year: str = ""
    street: str = ""
    building_no: str = ""
    by_address: bool = False
    """Whether the form for the address was sent."""


@get_page(_BASE, Access.ANYONE)
def ask(
    visit: NamedDependency[Visit],
    place: FromQuery[str] = "",
    governorate: FromQuery[str] = "",
    center: FromQuery[str] = "",
    number: FromQuery[str] = "",
    year: FromQuery[str] = "",
    street: FromQuery[str] = "",
    building_no: FromQuery[str] = "",
) -> Response[bytes]:
    """The form; what was asked for by number leads to the permit's own address."""
    places, sent = visit.portal.places, visit.request.query_params.keys()
    known = places.centers.get(center)
    typed = _Typed(
        without_hidden(place)[:LONGEST_QUERY],
        known.governorate if known else governorate,
        center,
        without_hidden(number)[:_LONGEST],
        without_hidden(year)[:_LONGEST],
        without_hidden(street)[:_LONGEST_STREET],
        without_hidden(building_no)[:_LONGEST],
        bool(_OF_ADDRESS & sent),
    )
    if typed.governorate and typed.governorate not in places.governorates:
        raise Missing("governorate")
    if not sent & {"number", *_OF_ADDRESS}:  # neither of the forms was sent, not even empty
        problems = _problems_of_place(visit, typed) if "place" in sent else []
        return _form(visit, typed, problems, 422 if problems else 200)
    problems = [] if known else [Problem("center", N_("Choose the city or district"))]
    if typed.by_address:
        problems += _problems_of_address(typed)
        if known is None or problems:
            return _form(visit, typed, problems, 422)
        return _at_address(visit, typed, known)
    found = read_parts(typed.number, typed.year, visit.today.year)
    if found is None:
        problems.append(problem_of(typed.number, typed.year, visit.today.year))
    if known is None or found is None:
        return _form(visit, typed, problems, 422)
    return redirect(visit, _address(known.code, found))


def _problems_of_place(visit: Visit, typed: _Typed) -> list[Problem]:
    if _centers(visit, typed):
        return []
    if typed.place:
        text = N_(
            "No city or district has this name. Write it another way, or choose the governorate"
        )
        return [Problem("place", text)]
    return [Problem("place", N_("Write the city or district, or choose the governorate"))]


def _centers(visit: Visit, typed: _Typed) -> Sequence[Center]:
    """Those to choose from: what the typed name means, or all of the governorate."""
    portal = visit.portal
    if typed.place:
        # a center that was chosen has brought its own governorate along
        found = portal.finder.by_name(typed.place, "" if typed.center else typed.governorate)
        return [each for each in found if each.takes_sites][:_MOST_PLACES]
    return portal.places.centers_of(typed.governorate) if typed.governorate else ()


def _problems_of_address(typed: _Typed) -> list[Problem]:
    return [
        Problem(name, text)
        for name, value, text in (
            ("street", typed.street, N_("Write the name of the street")),
            ("building_no", typed.building_no, N_("Write the number of the building")),
        )
        if not value
    ]


def _address(center: str, number: PermitNumber) -> str:
    return f"{_BASE}/{center}/{number.year}/{number.in_address}"


def _form(
    visit: Visit,
    typed: _Typed,
    problems: Sequence[Problem] = (),
    status: int = 200,
    recorded: bool | None = None,
) -> Response[bytes]:
    portal = visit.portal
    centers = _centers(visit, typed)
    own: Sequence[reading.Permit] = ()
    doubtful = False
    with portal.database.read() as db:
        citizen = _citizen(visit, db)
        if citizen is not None:
            doubtful = _doubtful(visit, db, citizen)
            account = 0 if doubtful else citizen.citizen_id
            own = owning.of_citizen(db, portal.vault, citizen.national_id, citizen.mobile, account)
    return inquiry_page(
        visit,
        "permits/ask.html",
        status,
        typed=typed,
        problems=problems,
        recorded=recorded,
        governorates=portal.places.governorates.values(),
        centers=centers,
        own=own,
        doubtful=doubtful,
        address=_address,
        places=portal.places,
        labels=labels,
    )


def inquiry_page(visit: Visit, template: str, status: int = 200, **context: Any) -> Response[bytes]:
    """A page of the inquiry: it can be put on the home screen."""
    return _installable(visit.portal.pages.page(visit, template, status, **context))


def _installable(response: Response[bytes]) -> Response[bytes]:
    response.headers["content-security-policy"] = content_policy(installable=True)
    return response


def _citizen(visit: Visit, db: Connection) -> CitizenSession | None:
    """Who has signed in, if anybody has: a page for all asks for no session."""
    if not visit.has_cookie:
        return None
    try:
        return visit.citizen(db)
    except NotSignedIn:
        return None


def asker_of(visit: Visit, db: Connection) -> Asker:
    """Who asks, as the register counts and answers."""
    citizen = _citizen(visit, db)
    if citizen is None:
        return Asker(visit.network)
    doubtful = _doubtful(visit, db, citizen)
    return Asker(visit.network, citizen.national_id, citizen.mobile, citizen.citizen_id, doubtful)


def _doubtful(visit: Visit, db: Connection, citizen: CitizenSession) -> bool:
    claimed = otp.claimed_with(db, visit.portal.vault, citizen.mobile)
    return claimed > inquiry.MOST_CLAIMED


def _at_address(visit: Visit, typed: _Typed, center: Center) -> Response[bytes]:
    portal, now = visit.portal, visit.portal.clock.now()
    try:
        with portal.database.begin() as db:
            asker = asker_of(visit, db)
            recorded = inquiry.at_address(
                db, portal.vault, center.code, typed.street, typed.building_no, asker, now
            )
    except TooSoon as error:
        return too_soon(visit, error)
    return _form(visit, typed, recorded=recorded)


@get_page(f"{_BASE}/{{permit_center:str}}/{{permit_year:str}}/{{permit_number:str}}", Access.ANYONE)
def show(
    visit: NamedDependency[Visit],
    permit_center: FromPath[str],
    permit_year: FromPath[str],
    permit_number: FromPath[str],
) -> Response[bytes]:
    """One permit by its name."""
    portal = visit.portal
    named = of_address(permit_year, permit_number, visit.today.year)
    if named is None or permit_center not in portal.places.centers:
        raise Missing("permit")
    try:
        with portal.database.begin() as db:
            answer = inquiry.by_number(
                db,
                portal.vault,
                permit_center,
                named,
                asker_of(visit, db),
                portal.clock.now(),
                visit.today,
            )
            past = _past(visit, db, answer)
    except TooSoon as error:
        return too_soon(visit, error)
    return _answer(visit, answer, past, permit_center, named)


@get_page(on_phone.KEPT, Access.ANYONE)
def on_this_phone(visit: NamedDependency[Visit]) -> Response[bytes]:
    """What is kept on the phone: the phone alone knows."""
    pages = visit.portal.pages
    headers = {"content-security-policy": content_policy(installable=True)}
    return pages.answer(visit, on_phone.page(pages, visit.speech), "text/html", 200, headers)


@get_page(on_phone.SCAN, Access.ANYONE)
def scan(visit: NamedDependency[Visit], code: FromQuery[str] = "") -> Response[bytes]:
    """The code of a sign: by the camera where the browser can, or typed."""
    problems: list[Problem] = []
    typed = without_hidden(code)[:_LONGEST_STREET]
    if "code" in visit.request.query_params:
        path = _of_code(typed, visit.portal.settings.public_url)
        if path:
            return redirect(visit, path)
        problems.append(Problem("code", N_("Write the code as it stands under the square")))
    status = 422 if problems else 200
    response = inquiry_page(visit, "permits/scan.html", status, typed=typed, problems=problems)
    response.headers["permissions-policy"] = permissions_policy(camera=True)
    return response


def _of_code(typed: str, site: str) -> str:
    """Where a code leads: its letters alone, or the portal's address with them; else nothing."""
    if "/" in typed:
        ours = typed.strip().removeprefix(site).removeprefix("/en")
        serial = ours.removeprefix(f"{_BASE}/")
    else:
        serial = compact(typed).lower()
    return f"{_BASE}/{serial}" if _SERIAL.fullmatch(serial) else ""


@get_page(f"{_BASE}/{{serial:str}}", Access.ANYONE)
def by_sign(visit: NamedDependency[Visit], serial: FromPath[str]) -> Response[bytes]:
    """One permit by the code on the sign of its site."""
    portal = visit.portal
    try:
        with portal.database.begin() as db:
            answer = inquiry.by_serial(
                db,
                portal.vault,
                serial[:_LONGEST],
                asker_of(visit, db),
                portal.clock.now(),
                visit.today,
            )
            past = _past(visit, db, answer)
    except TooSoon as error:
        return too_soon(visit, error)
    permit = answer.permit
    if permit is None:
        return _answer(visit, answer, past, "", None)
    return _answer(visit, answer, past, permit.center_code, permit.number)


@dataclass(frozen=True)
class _Past:
    """What an owner sees beside the permit."""

    acts: Sequence[reading.PastAct] = ()
    beside: Sequence[Matter] = ()
    asked: Sequence[Asked | AskedByBody] = ()
    later: Sequence[PermitNumber] = ()
    """For everyone: what has taken its place."""


def _past(visit: Visit, db: Connection, answer: Answer) -> _Past:
    if answer.permit is None or not answer.own:
        replaced = answer.permit is not None and answer.verdict is Verdict.REPLACED
        return _Past(later=_later(db, answer) if replaced else ())
    permit_id = answer.permit.id
    acts = reading.history(db, visit.portal.vault, permit_id)
    beside = matters.of_permit(db, permit_id)
    asked = who_asked(db, visit.portal.vault, permit_id, asker_of(visit, db).national_id)
    return _Past(acts, beside, asked.lines, _later(db, answer))


def _later(db: Connection, answer: Answer) -> list[PermitNumber]:
    return reading.later(db, answer.permit) if answer.permit is not None else []


def _answer(
    visit: Visit, answer: Answer, past: _Past, center: str, number: PermitNumber | None
) -> Response[bytes]:
    """The page is made when the question is kept: nobody waits for it with a lock."""
    portal, status = visit.portal, 404 if answer.kind is AnswerClass.NOT_FOUND else 200
    address = _address(center, number) if number else ""
    form = AnswerForm(
        visit,
        answer,
        portal.places.centers.get(center),
        number,
        address,
        portal.clock.now(),
        _code_of(visit, address) if answer.permit else Markup(),
    )
    context = {
        "labels": labels,
        "history": past.acts,
        "asked": past.asked,
        "later": past.later,
        "told": particulars.told(answer.permit) if answer.permit is not None and answer.own else (),
        "matters": past.beside,
        "matter_labels": matters,
        "purposes": bodies.PURPOSES,
        "signed_in": visit.session is not None,
    }
    shared = visit.session is None and not past.later
    if shared and not visit.request.scope["query_string"]:
        response = _installable(
            portal.pages.filled_page(
                visit,
                _ANSWER,
                form.name,
                lambda sheet: {**context, **form.context(sheet)},
                form.filling,
                status,
            )
        )
    else:
        response = inquiry_page(visit, _ANSWER, status, **form.whole, **context)
    response.headers["x-robots-tag"] = "noindex"
    return response


def _code_of(visit: Visit, address: str) -> Markup:
    """The code on the printed sheet, which leads to the answer of then."""
    return site_code(f"{visit.portal.settings.public_url}{visit.url(address)}")


def too_soon(visit: Visit, error: TooSoon) -> Response[bytes]:
    """The wait, after which the browser asks the same again by itself, with scripts or without."""
    by_itself = visit.request.method == "GET"
    again = visit.here if by_itself else visit.here.removesuffix(REPORT)
    query = visit.request.scope["query_string"].decode("latin-1")
    if by_itself and query:
        again = f"{again}?{query}"
    response = inquiry_page(
        visit, "permits/too_soon.html", 429, error=error, again=again, by_itself=by_itself
    )
    response.headers["retry-after"] = str(error.seconds)
    if by_itself:
        response.headers["refresh"] = str(error.seconds)
    return response


HANDLERS = [ask, show, on_this_phone, scan, by_sign]
