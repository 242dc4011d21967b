"""Tokens for bodies (RFC 6749 §4.4 with RFC 7523), and what clients read of this server (RFC 8414).

Errors are those of RFC 6749 §5.2 and not problem documents: OAuth libraries know these.
"""

from collections.abc import Mapping
from typing import Any, cast

from litestar import Request, Response, post
from litestar.di import NamedDependency

from portal.bodies.refusals import Turned
from portal.bodies.tokens import TOKEN_PATH, NoGrant
from portal.observability import log
from portal.problems import BadInput
from portal.routes.bodies.asking import limits, refused, strangers_pace
from portal.web import machines
from portal.web.http_forms import urlencoded
from portal.web.machines import TooLarge, answer
from portal.web.routing import Access, get_page, in_thread
from portal.web.visit import Visit

METADATA_PATH = "/.well-known/oauth-authorization-server"
FORM = "application/x-www-form-urlencoded"
MOST_BYTES = 8_000
_NOT_KEPT = {"cache-control": "no-store", "pragma": "no-cache"}


@post(TOKEN_PATH, opt={"access": Access.SIGNATURE}, status_code=200)
async def give_token(
    request: Request[Any, Any, Any], visit: NamedDependency[Visit]
) -> Response[bytes]:
    """A token for who shows a signed assertion."""
    try:
        await in_thread(strangers_pace)(visit=visit)
        form = await _form(request)
        given = await in_thread(_grant)(visit=visit, form=form)
    except Turned as turned:
        return refused(visit, turned.refusal, limits(visit))
    except NoGrant as refusal:
        return _no_grant(refusal)
    return cast("Response[bytes]", given)


def _grant(visit: Visit, form: Mapping[str, list[str]]) -> Response[bytes]:
    portal = visit.portal
    with portal.database.begin() as db:
        granted = portal.tokens.grant(db, form, portal.clock.now())
    told = {
        "access_token": granted.token,
        "token_type": "Bearer",
        "expires_in": granted.expires_in,
        "scope": " ".join(granted.scopes),
    }
    return answer(told, 200, headers=_NOT_KEPT)


def _no_grant(refusal: NoGrant) -> Response[bytes]:
    log.info("refused", kind=refusal.error, status=refusal.status)
    told = {"error": refusal.error, "error_description": refusal.description}
    # RFC 9110 §15.5.2 asks for a scheme with every 401; the assertion itself has none
    shown = {"www-authenticate": 'Bearer realm="mahalliyat"'} if refusal.status == 401 else {}
    return answer(told, refusal.status, headers={**_NOT_KEPT, **shown})


async def _form(request: Request[Any, Any, Any]) -> Mapping[str, list[str]]:
    if machines.media_type(request) != FORM:
        await machines.read_to_its_end(request)
        raise NoGrant("invalid_request", f"send {FORM}")
    try:
        return urlencoded(await machines.read_body(request, MOST_BYTES))
    except TooLarge as error:
        await machines.read_to_its_end(request)
        raise NoGrant("invalid_request", f"more than {MOST_BYTES} bytes") from error
    except BadInput as error:
        raise NoGrant("invalid_request", "the form is not UTF-8") from error


@get_page(METADATA_PATH, Access.ANYONE)
def show_metadata(visit: NamedDependency[Visit]) -> Response[bytes]:
    """Where tokens are given, and how."""
    return answer(visit.portal.tokens.metadata(), 200, headers=machines.PUBLIC)


HANDLERS = [give_token, show_metadata]
