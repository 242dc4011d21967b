"""What anyone who holds an answer's number may know of it: that the portal gave it, and to whom.

The number cannot be guessed. What the body was told of the permit is not shown: that stands in the
signed answer, which the body has.
"""

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath
from markupsafe import Markup

from portal.bodies import labels, log
from portal.receipts.codes import drawn
from portal.web.routing import Access, get_page
from portal.web.visit import Visit

_LONGEST = 26


@get_page("/verify/permits/{answer_id:str}", Access.ANYONE)
def verify_answer(visit: NamedDependency[Visit], answer_id: FromPath[str]) -> Response[bytes]:
    """The answer's number, time, body, purpose and class, with a code that leads here."""
    portal = visit.portal
    with portal.database.read() as db:
        given = log.given(db, answer_id) if len(answer_id) <= _LONGEST else None
    address = f"{portal.settings.public_url}/verify/permits/{given.id}" if given else ""
    response = portal.pages.page(
        visit,
        "verify/answer.html",
        200 if given else 404,
        given=given,
        center=portal.places.centers.get(given.center_code) if given else None,
        qr=Markup(drawn(address)) if given else "",  # noqa: S704 - made here
        labels=labels,
    )
    response.headers["x-robots-tag"] = "noindex"
    return response


HANDLERS = [verify_answer]
