"""What anyone may know of a receipt: they scan its code, or check its signature themselves.

Nothing here needs a session or tells a name. No limit counts visitors: a code cannot be guessed,
and a wrong one costs a comparison.
"""

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from portal.amount_in_words import in_words
from portal.receipts import codes, printing
from portal.receipts.codes import Verified
from portal.signatures import NotSigned, Purpose, jwk_set
from portal.web.machines import PUBLIC
from portal.web.routing import Access, get_page
from portal.web.visit import Visit


@get_page("/verify/{receipt_code:str}", Access.ANYONE)
def verify(visit: NamedDependency[Visit], receipt_code: FromPath[str]) -> Response[bytes]:
    """A receipt's number, sum, date, service and what it is worth now; or that it is none."""
    portal = visit.portal
    try:
        claims = portal.signatures.read(Purpose.RECEIPT, receipt_code)
    except NotSigned:
        return _page(visit, None, 404)
    with portal.database.read() as db:
        verified = codes.verify(db, portal.catalogue.services, claims)
    return _page(visit, verified, 200 if verified.state else 404)


def _page(visit: Visit, verified: Verified | None, status: int) -> Response[bytes]:
    arabic = visit.speech.arabic
    response = visit.portal.pages.page(
        visit,
        "verify/receipt.html",
        status,
        verified=verified,
        words_of_sum=in_words(verified.amount, arabic=arabic) if verified else "",
        states=printing.STATES,
        at=visit.portal.clock.now(),
    )
    response.headers["x-robots-tag"] = "noindex"
    return response


@get_page("/.well-known/jwks.json", Access.ANYONE)
def show_keys(visit: NamedDependency[Visit]) -> Response[bytes]:
    """The public keys, for any JOSE library and from any site."""
    return Response(
        jwk_set(visit.portal.signatures.published()),
        media_type="application/jwk-set+json",
        headers=PUBLIC,
    )


HANDLERS = [verify, show_keys]
