"""The addresses of the hosted pages and of their pictures."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from litestar import Request, Response
from litestar.handlers import HTTPRouteHandler

from payments.sandbox.api import Workers
from payments.sandbox.asking import Asking
from payments.sandbox.checkout import Checkout
from payments.sandbox.kiosk import Kiosk
from payments.sandbox.pages import Asset, Page

Browser = Request[Any, Any, Any]
Reply = Response[bytes]
Handler = Callable[..., Coroutine[Any, Any, Reply]]

AUTHENTICATE = "/c/authenticate/{intent:str}/{attempt:str}"
KIOSK = "/c/kiosk/{intent:str}/{number:str}"
PAY = "/c/pay/{session:str}"


def page_routes(
    checkout: Checkout, asking: Asking, kiosk: Kiosk, workers: Workers
) -> list[HTTPRouteHandler]:
    async def show_checkout(request: Browser) -> Reply:
        method = request.query_params.get("method", "")
        session_id = request.path_params["session"]
        call = partial(checkout.show, session_id, languages(request), method)
        return html(await workers.run(call))

    async def pay(request: Browser) -> Reply:
        body = await request.body()
        session_id = request.path_params["session"]
        return html(await workers.run(partial(checkout.pay, session_id, languages(request), body)))

    return [
        route("GET", PAY, show_checkout),
        route("POST", PAY, pay),
        *_pair(AUTHENTICATE, ("intent", "attempt"), asking.show, asking.decide, workers),
        *_pair(KIOSK, ("intent", "number"), kiosk.show, kiosk.pay, workers),
    ]


def _pair(
    path: str,
    names: tuple[str, str],
    show: Callable[[str, str, str], Page],
    answer: Callable[[str, str, str, bytes], Page],
    workers: Workers,
) -> list[HTTPRouteHandler]:
    """A page with one form that is sent to its own address."""

    async def get(request: Browser) -> Reply:
        first, second = (request.path_params[name] for name in names)
        return html(await workers.run(partial(show, first, second, languages(request))))

    async def post(request: Browser) -> Reply:
        body = await request.body()
        first, second = (request.path_params[name] for name in names)
        call = partial(answer, first, second, languages(request), body)
        return html(await workers.run(call))

    return [route("GET", path, get), route("POST", path, post)]


def asset_route(asset: Asset) -> HTTPRouteHandler:
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "X-Content-Type-Options": "nosniff",
    }

    async def serve() -> Reply:
        return Response(asset.content, headers=headers, media_type=asset.media_type)

    return route("GET", asset.url, serve)


def route(method: str, path: str, handler: Handler) -> HTTPRouteHandler:
    # One status for all: each Response carries its own.
    return HTTPRouteHandler(path, http_method=method, status_code=200)(handler)  # type: ignore[arg-type]


def languages(request: Browser) -> str:
    """What the payer's browser would like to read."""
    return request.headers.get("accept-language", "")


def html(page: Page) -> Reply:
    return Response(
        page.content.encode(),
        status_code=page.status,
        headers=page.headers(),
        media_type="text/html",
    )
