"""A difference between a permit and its site is reported: service 42 with the site filled in."""

from dataclasses import dataclass

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy import Connection

from portal.catalogue.fields import Raw, show_permit_number
from portal.catalogue.identity import local_mobile
from portal.clock import public_id
from portal.identity.sessions import CitizenSession
from portal.permits import inquiry, reading
from portal.permits.inquiry import TooSoon
from portal.permits.numbers import of_address
from portal.problems import N_, Missing
from portal.requests import drafts, uploads
from portal.requests.drafts import OpenDraft
from portal.routes.permits import REPORT, asker_of, too_soon
from portal.web.http_forms import PostedForm
from portal.web.pages import redirect
from portal.web.routing import Access, post_form
from portal.web.visit import Visit

_COMPLAINT = "municipal-complaint"


@dataclass(frozen=True)
class _Begun:
    """Where the complaint is written, or another one that the citizen has not sent yet."""

    path: str = ""
    other: OpenDraft | None = None


@post_form(
    f"/permits/{{permit_center:str}}/{{permit_year:str}}/{{permit_number:str}}{REPORT}",
    Access.CITIZEN,
)
def report(
    visit: NamedDependency[Visit],
    permit_center: FromPath[str],
    permit_year: FromPath[str],
    permit_number: FromPath[str],
    form: NamedDependency[PostedForm],
) -> Response[bytes]:
    """Begin a complaint about a difference between the permit and the site, with the site known."""
    portal, now = visit.portal, visit.portal.clock.now()
    named = of_address(permit_year, permit_number, visit.today.year)
    begun, files = None, []
    try:
        with portal.database.begin() as db:
            citizen = visit.citizen(db)
            visit.check_form(form)
            if named is None or permit_center not in portal.places.centers:
                raise Missing("permit")
            answer = inquiry.by_number(
                db, portal.vault, permit_center, named, asker_of(visit, db), now, visit.today
            )
            if answer.permit is not None:
                if form.text("anew"):
                    files = _drop(visit, db, citizen)
                begun = _begin(visit, db, answer.permit, citizen)
    except TooSoon as error:
        return too_soon(visit, error)
    for key in files:
        portal.files.drop(key)
    if begun is None:  # told only now: the question itself is kept and counted
        raise Missing("permit")
    if begun.other is None:
        return redirect(visit, begun.path)
    return portal.pages.page(
        visit,
        "drafts/offer.html",
        service=portal.catalogue.services[_COMPLAINT],
        draft=begun.other,
        about=show_permit_number(named.canonical, visit.speech),
        anew=visit.here,
    )


def _drop(visit: Visit, db: Connection, citizen: CitizenSession) -> list[str]:
    """The complaint that the citizen would not go on with is wiped; its files are still to be."""
    known = drafts.open_of(db, visit.portal.vault, citizen.citizen_id, _COMPLAINT)
    if known is None:
        return []
    drafts.discard(db, citizen.citizen_id, known.id)
    return uploads.forget(db, [known.id])


def _begin(visit: Visit, db: Connection, permit: reading.Permit, citizen: CitizenSession) -> _Begun:
    """A draft with the site filled in; the one that is begun already if it is about this permit."""
    portal = visit.portal
    service, answers = portal.catalogue.services[_COMPLAINT], _complaint(visit, permit, citizen)
    known = drafts.open_of(db, portal.vault, citizen.citizen_id, _COMPLAINT)
    if known is not None:
        about = str(known.raw.get("description", ""))
        same = known.raw.get("site.center") == permit.center_code
        if same and about.startswith(str(answers["description"])):
            return _Begun(f"/drafts/{known.id}")
        return _Begun(other=known)
    draft_id = drafts.begin(
        db,
        portal.vault,
        citizen.citizen_id,
        service,
        public_id(),
        answers,
        portal.clock.now(),
    )
    return _Begun(f"/drafts/{draft_id}/{service.steps[0].code}")


def _complaint(visit: Visit, permit: reading.Permit, citizen: CitizenSession) -> dict[str, Raw]:
    places, row = visit.portal.places, permit.row
    return {
        "national_id": citizen.national_id,
        "mobile": local_mobile(citizen.mobile),
        "category": "building_violation",
        "site.governorate": places.centers[permit.center_code].governorate,
        "site.center": permit.center_code,
        "site.shiakha_or_village": row["area"],
        "site.street": row["street"],
        "site.building_no": row["building_no"],
        "site.plot_no": row["plot_no"],
        "description": visit.speech.gettext(
            N_("About building permit {number}:"),
            number=show_permit_number(permit.number.canonical, visit.speech),
        ),
    }


HANDLERS = [report]
