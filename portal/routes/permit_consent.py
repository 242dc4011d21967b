"""The owner lets a bank know the estimated value of his building: a code that he hands over, and
takes back when he likes (:mod:`portal.bodies.consents`)."""

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from portal.bodies import consents
from portal.permits import inquiry, reading
from portal.permits.numbers import of_address
from portal.permits.owning import Standing
from portal.problems import Missing
from portal.routes.permits import asker_of, inquiry_page
from portal.web.http_forms import PostedForm
from portal.web.routing import Access, post_form
from portal.web.visit import Visit


@post_form(
    "/permits/{permit_center:str}/{permit_year:str}/{permit_number:str}/consent", Access.CITIZEN
)
def consent(
    visit: NamedDependency[Visit],
    permit_center: FromPath[str],
    permit_year: FromPath[str],
    permit_number: FromPath[str],
    form: NamedDependency[PostedForm],
) -> Response[bytes]:
    """Give a new code, or take back the one that counts: for the owner alone."""
    portal, today = visit.portal, visit.today
    named = of_address(permit_year, permit_number, today.year)
    code = ""
    with portal.database.begin() as db:
        visit.citizen(db)
        visit.check_form(form)
        asker = asker_of(visit, db)
        # who has not yet opened it asks for it first, and waits there like anybody
        if named is None or Standing.PROVEN is not inquiry.standing(
            db, portal.vault, permit_center, named, asker
        ):
            raise Missing("permit")
        permit = reading.find(db, portal.vault, permit_center, named)
        if permit is None:
            raise Missing("permit")
        if form.text("withdraw"):
            consents.withdraw(db, permit.id, portal.clock.now())
        else:
            code = consents.give(db, portal.vault, permit.id, portal.clock.now(), today)
    return inquiry_page(
        visit,
        "permits/consent.html",
        number=permit.number,
        center=portal.places.centers[permit.center_code],
        address=f"/permits/{permit_center}/{permit_year}/{permit_number}",
        code=code,
        until=today + consents.LIFE,
    )


HANDLERS = [consent]
