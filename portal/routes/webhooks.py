"""The provider's events. No session and no form token: the signature over the raw bytes decides."""

from typing import Any

from anyio.to_thread import run_sync
from litestar import Request, Response, post
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency

from payments.provider import BadSignature
from portal.observability import log, webhooks_refused
from portal.problems import Conflict
from portal.web.http_forms import chunks_of
from portal.web.parts import Portal
from portal.web.routing import Access

_MOST_BYTES = 1_000_000


@post("/webhooks/payments", opt={"access": Access.SIGNATURE}, status_code=200)
async def take_event(
    request: Request[Any, Any, Any], portal: NamedDependency[Portal]
) -> Response[bytes]:
    """200 once the event is stored, before it is worked off; 400 for what was not signed."""
    body = bytearray()
    async for chunk in chunks_of(request):
        body += chunk
        if len(body) > _MOST_BYTES:
            return _refuse("too large", 413)
    return await run_sync(_take, portal, bytes(body), dict(request.headers))


def _take(portal: Portal, body: bytes, headers: dict[str, str]) -> Response[bytes]:
    try:
        event = portal.provider.read_event(body, headers, portal.clock.now())
    except BadSignature as error:
        return _refuse(str(error), 400)
    try:
        waiting = portal.payment_news.keep(event)
    except Conflict:
        log.warning("webhook.early", type=event.type, request=event.reference)
        return Response(b"not yet", status_code=409, media_type="text/plain")
    work = BackgroundTask(run_sync, portal.payment_news.work_off, waiting) if waiting else None
    return Response(b"ok", media_type="text/plain", background=work)


def _refuse(reason: str, status: int) -> Response[bytes]:
    webhooks_refused.inc()
    log.warning("webhook.refused", reason=reason[:80], status=status)
    return Response(b"refused", status_code=status, media_type="text/plain")


HANDLERS = [take_event]
