"""What every address of the bodies' interface does alike: who asks, how fast, and how it is
refused."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any
from zlib import crc32

from litestar import Request, Response, route
from litestar.handlers import HTTPRouteHandler

from portal.bodies import pacing
from portal.bodies.pacing import Allowance
from portal.bodies.refusals import Refusal, Turned, problem
from portal.bodies.tokens import Bearer
from portal.observability import log
from portal.violations import NotJson, read_json
from portal.web import machines
from portal.web.machines import PROBLEM, TooLarge, answer, speech_of
from portal.web.routing import Access
from portal.web.visit import Visit

BODY: Mapping[str, Any] = {"access": Access.BODY}
_NETWORKS = 1024
_CHALLENGES = {
    "no_token": 'Bearer realm="mahalliyat"',
    "bad_token": 'Bearer realm="mahalliyat", error="invalid_token"',
    "not_agreed": 'Bearer realm="mahalliyat", error="insufficient_scope"',
}


def refused(
    visit: Visit, refusal: Refusal, headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    """The problem document, in the language that is preferred."""
    log.info("refused", kind=refusal.kind, status=refusal.status)
    speech, site = speech_of(visit), visit.portal.settings.public_url
    told = {"content-language": speech.locale, "vary": "accept-language", **(headers or {})}
    if refusal.kind in _CHALLENGES:
        told["www-authenticate"] = _CHALLENGES[refusal.kind]
    if refusal.kind == "too_many":
        left = _left(visit)
        told["retry-after"] = str(left.wait if left else 1)
    if refusal.kind == "content_coding":
        told["accept-encoding"] = "identity"
    if refusal.kind == "too_many_jobs":
        told["retry-after"] = "60"
    return answer(problem(refusal, speech, site), refusal.status, PROBLEM, told)


def turning(function: Callable[..., Response[bytes]]) -> Callable[..., Response[bytes]]:
    """The function with every :class:`Turned` answered; once somebody is known, with what is left
    to ask."""

    @wraps(function)
    def run(visit: Visit, **arguments: Any) -> Response[bytes]:
        try:
            return function(visit=visit, **arguments)
        except Turned as turned:
            return refused(visit, turned.refusal, limits(visit))

    return run


def limits(visit: Visit) -> dict[str, str]:
    """The headers that tell what is left; none before it is known who asks."""
    left = _left(visit)
    return left.headers if left else {}


def _left(visit: Visit) -> Allowance | None:
    found: Allowance | None = visit.request.scope["state"].get("allowance")
    return found


def remember_limits(visit: Visit, left: Allowance) -> None:
    """What :func:`limits` tells from now on."""
    visit.request.scope["state"]["allowance"] = left


def shown(visit: Visit) -> Mapping[str, Any]:
    """The claims of the token that is shown; raises :class:`Turned`, also for a body that comes too
    fast, whatever it asks. The caller holds no transaction yet."""
    claims = visit.portal.tokens.read(machines.bearer(visit.request), visit.portal.clock.now())
    if not visit.portal.body_buckets.allows(f"body {claims['client_id']}"):
        remember_limits(visit, pacing.AT_ALL)
        raise Turned("too_many")
    return claims


def bearer_of(visit: Visit, db: Any, claims: Mapping[str, Any]) -> Bearer:
    """Who asks, as everything stands now. Raises :class:`Turned`."""
    now = visit.portal.clock.now()
    bearer = visit.portal.tokens.bearer(db, claims, now)
    remember_limits(visit, pacing.allowance(db, bearer.body, now))
    return bearer


def strangers_pace(visit: Visit) -> None:
    """Before it is known who asks: networks are counted in some buckets, so that nobody can make
    up as many as he likes. Raises :class:`Turned`."""
    bucket = crc32(visit.network.encode()) % _NETWORKS
    if not visit.portal.body_buckets.allows(f"network {bucket}"):
        remember_limits(visit, pacing.AT_ALL)
        raise Turned("too_many")


async def read_object(request: Request[Any, Any, Any], most: int) -> Any:
    """The JSON that was sent; raises :class:`Turned`."""
    if machines.media_type(request) != machines.JSON:
        await machines.read_to_its_end(request)
        raise Turned("media_type")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        await machines.read_to_its_end(request)
        raise Turned("content_coding")
    try:
        body = await machines.read_body(request, most)
    except TooLarge as error:
        await machines.read_to_its_end(request)
        raise Turned("too_large") from error
    try:
        return read_json(body.decode())
    except (NotJson, UnicodeDecodeError) as error:
        raise Turned("not_json") from error


def allowing(path: str, methods: str) -> HTTPRouteHandler:
    """The answer to OPTIONS at an address with several handlers, of which Litestar's own answer
    knows only the first (2.25). It must be registered before them."""

    @route(path, http_method="OPTIONS", opt={"access": Access.ANYONE}, status_code=204)
    async def allowed() -> Response[None]:
        return Response(None, headers={"allow": f"{methods}, HEAD, OPTIONS"})

    return allowed
