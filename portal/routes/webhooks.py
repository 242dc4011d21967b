"""The provider's events. No session and no form token: the signature over the raw bytes decides."""

from typing import Any, cast

from anyio.to_thread import run_sync
from litestar import Request, Response, post
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency

from payments.provider import BadSignature
from payments.webhooks import Waiting
from portal.observability import log, webhooks_refused
from portal.problems import Conflict
from portal.web.http_forms import MOST_FORM_BYTES, chunks_of
from portal.web.parts import Portal
from portal.web.routing import MOST_WAITING, NEWS_THREADS, Access, in_thread


@post("/webhooks/payments", opt={"access": Access.SIGNATURE}, status_code=200)
async def take_event(
    request: Request[Any, Any, Any], portal: NamedDependency[Portal]
) -> Response[bytes]:
    """200 once the event is stored, before it is worked off; 400 for what was not signed."""
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:20]) > MOST_FORM_BYTES:
        return _refuse("too large", 413)
    body = bytearray()
    async for chunk in chunks_of(request):
        body += chunk
        if len(body) > MOST_FORM_BYTES:
            return _refuse("too large", 413)
    taken = await in_thread(_take)(portal=portal, body=bytes(body), headers=dict(request.headers))
    return cast("Response[bytes]", taken)


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
    work = BackgroundTask(_work_off, portal, waiting) if waiting else None
    return Response(b"ok", media_type="text/plain", background=work)


async def _work_off(portal: Portal, waiting: Waiting) -> None:
    """Look at a kept event at once, unless the provider is so slow that many wait already: each
    of them holds one of the server's connections, and the worker looks at what is left."""
    if NEWS_THREADS.statistics().tasks_waiting < MOST_WAITING:
        await run_sync(portal.payment_news.work_off, waiting, limiter=NEWS_THREADS)


def _refuse(reason: str, status: int) -> Response[bytes]:
    webhooks_refused.inc()
    log.warning("webhook.refused", reason=reason[:80], status=status)
    return Response(b"refused", status_code=status, media_type="text/plain")


HANDLERS = [take_event]
