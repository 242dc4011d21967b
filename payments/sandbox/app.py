"""The composition root: ``create_app(config)`` builds the whole sandbox."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from litestar import Litestar, Response
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.types import Message, Scope

from payments.sandbox import housekeeping
from payments.sandbox.accounts import account_of_key
from payments.sandbox.api import Api, Incoming, Workers
from payments.sandbox.asking import Asking
from payments.sandbox.checkout import Checkout
from payments.sandbox.clock import Clock, token
from payments.sandbox.config import SandboxConfig
from payments.sandbox.control import Control
from payments.sandbox.errors import ApiError, unavailable, unrecognized
from payments.sandbox.faults import Faults
from payments.sandbox.forms import MAX_BODY_BYTES
from payments.sandbox.kiosk import Kiosk
from payments.sandbox.logs import log_crash
from payments.sandbox.objects import API_VERSION, Answer, Operation
from payments.sandbox.page_routes import (
    Browser,
    Reply,
    asset_route,
    html,
    languages,
    page_routes,
    route,
)
from payments.sandbox.pages import Pages
from payments.sandbox.resources import (
    attachments,
    balance,
    balance_transactions,
    charges,
    customers,
    disputes,
    endpoints,
    events,
    intents,
    payment_methods,
    payouts,
    refunds,
    sessions,
)
from payments.sandbox.sender import Sender
from payments.sandbox.store import Store

OPERATIONS = (
    *sessions.OPERATIONS,
    *intents.OPERATIONS,
    *charges.OPERATIONS,
    *refunds.OPERATIONS,
    *disputes.OPERATIONS,
    *balance.OPERATIONS,
    *payouts.OPERATIONS,
    *balance_transactions.OPERATIONS,
    *payment_methods.OPERATIONS,
    *attachments.OPERATIONS,
    *customers.OPERATIONS,
    *events.OPERATIONS,
    *endpoints.OPERATIONS,
)

CONTROL = "/sandbox/control"
JSON_TYPE = "application/json"
TICK_SECONDS = 1.0


def create_app(config: SandboxConfig) -> Litestar:
    """Opens the state of ``config.data``; raises :class:`DataInUseError` if it is taken."""
    clock = Clock()
    store = Store(config.data, clock)
    if config.webhook_url:
        with store.transaction() as tx:
            endpoints.ensure(
                tx,
                account_of_key(config.account_key),
                config.webhook_url,
                config.webhook_secret,
            )
    faults, workers, pages = Faults(), Workers(), Pages()
    api = Api(config, store, faults, workers)
    control = Control(store, clock, faults)
    checkout = Checkout(config, store, pages)
    asking, kiosk = Asking(config, store, pages), Kiosk(config, store, pages)
    sender = Sender(store, config.retry_seconds)
    store.committed = sender.wake

    @asynccontextmanager
    async def running(_app: Litestar) -> AsyncIterator[None]:
        sender.start()
        ticking = asyncio.create_task(_tick(store, workers))
        try:
            yield
        finally:
            ticking.cancel()
            await workers.run(sender.stop)
            workers.close()
            store.close()

    return Litestar(
        [
            *(_api_route(api, operation) for operation in OPERATIONS),
            *(_control_route(config, control, workers, *call) for call in control.calls),
            *page_routes(checkout, asking, kiosk, workers),
            *(asset_route(asset) for asset in pages.assets.values()),
        ],
        lifespan=[running],
        exception_handlers={Exception: partial(_failed, checkout)},
        before_send=[_with_request_id],
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=None,
        logging_config=None,
    )


async def _tick(store: Store, workers: Workers) -> None:
    """Expire and settle on time even if nobody asks for anything."""

    def work() -> None:
        with store.connected() as tx:
            idle = not housekeeping.anything_due(tx)
        if not idle:
            with store.transaction() as tx:
                housekeeping.run_due(tx)

    while True:
        await asyncio.sleep(TICK_SECONDS)
        try:
            await workers.run(work)
        except Exception as error:
            log_crash(error)


def _api_route(api: Api, operation: Operation) -> HTTPRouteHandler:
    async def handle(request: Browser) -> Reply:
        asked = request.scope["raw_path"].partition(b"?")[0]
        if asked.endswith(b"/") or b"//" in asked:
            # An id that turned out empty must not become the list of all objects.
            raise NotFoundException
        request_id = _request_id(request.scope)
        incoming = Incoming(
            method=request.method,
            path=request.scope["path"],
            headers={name.lower(): value for name, value in request.headers.items()},
            query=request.scope["query_string"],
            body=await request.body(),
            ids={name: str(value) for name, value in request.path_params.items()},
            request_id=request_id,
        )
        outgoing = await api.answer(operation, incoming)
        headers = {"Stripe-Version": API_VERSION, "Cache-Control": "no-store"}
        if outgoing.key is not None:
            headers["Idempotency-Key"] = outgoing.key
        if outgoing.original is not None:
            headers |= {"Idempotent-Replayed": "true", "Original-Request": outgoing.original}
        if outgoing.status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="Stripe"'
        return Response(
            outgoing.body, status_code=outgoing.status, headers=headers, media_type=JSON_TYPE
        )

    return route(operation.method, operation.path, handle)


def _control_route(
    config: SandboxConfig, control: Control, workers: Workers, method: str, path: str
) -> HTTPRouteHandler:
    async def handle(request: Browser) -> Reply:
        origin = request.headers.get("origin")
        if origin is not None and origin != config.base_url:
            # Programs name no origin. A page whose name was made to mean this machine
            # (DNS rebinding) is of our origin to its browser, but says its own name.
            return _json(Answer(ApiError("Not for other web pages.", status=403).body(), 403))
        body = await request.body()
        content_type = request.headers.get("content-type", "")
        try:
            answer = await workers.run(partial(control.answer, method, path, content_type, body))
        except ApiError as error:
            return _json(Answer(error.body(), error.status))
        return _json(Answer(answer))

    return route(method, CONTROL + path, handle)


def _failed(checkout: Checkout, request: Browser, error: Exception) -> Reply:
    """For what no handler answers: unknown addresses, huge bodies, and defects."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status >= 500:
        log_crash(error)
    path = request.scope["path"]
    if path.startswith("/c/"):
        kind = {404: "unknown", 405: "unknown"}.get(status, "broken")
        kind = "crash" if status >= 500 else kind
        return html(checkout.problem(kind, status, languages(request)))
    if status >= 500:
        return _json(Answer(unavailable("Internal error.", 500).body(), 500))
    if status in {404, 405}:
        return _json(Answer(unrecognized(request.method, path).body(), 404))
    message = "The request is too large." if status == 413 else "The request cannot be read."
    return _json(Answer(ApiError(message).body(), status))


def _json(answer: Answer) -> Reply:
    return Response(
        answer.encoded(),
        status_code=answer.status,
        headers={"Cache-Control": "no-store"},
        media_type=JSON_TYPE,
    )


def _request_id(scope: Scope) -> str:
    """The same for all of one request, whoever asks first."""
    return str(scope["state"].setdefault("sandbox_request_id", f"req_{token(14)}"))


async def _with_request_id(message: Message, scope: Scope) -> None:
    if message["type"] == "http.response.start":
        header = (b"request-id", _request_id(scope).encode())
        message["headers"] = [*message.get("headers", []), header]
