"""The outermost layer: static files, language prefix, security headers, request ids, logs, metrics.

One plain ASGI wrapper instead of a stack of middlewares: every answer passes here, errors of the
framework among them, so no page can leave without its headers.
"""

from collections.abc import Mapping
from typing import Any

import structlog
from anyio.to_thread import run_sync
from litestar.types import ASGIApp, Message, Receive, Send

from portal.clock import Clock, cairo_day, public_id, stopwatch
from portal.observability import http_requests, http_seconds, log
from portal.settings import Settings
from portal.web.assets import Asset, Assets
from portal.web.shared import SharedPage, SharedPages

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_ENGLISH = "/en"


class Gate:
    """Wraps the application; see the module's text."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        assets: Assets,
        shared: SharedPages,
        clock: Clock,
        last_words: Mapping[str, bytes],
    ) -> None:
        """``last_words``: by language, the page for when even a page of an error cannot be made."""
        self._app = app
        self._last_words = last_words
        self._assets = assets
        self._shared = shared
        self._clock = clock
        self._alias = _alias_of(settings.public_url)
        self._public_url = settings.public_url
        self._headers = _security_headers(settings)
        self._shared_headers = [(n, v) for n, v in self._headers if n != b"cache-control"]

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        asset = self._assets.find(path)
        if asset is not None and scope["method"] in {"GET", "HEAD"}:
            await self._send_asset(scope, send, asset)
            return
        if self._alias and _host(scope) in self._alias and scope["method"] in {"GET", "HEAD"}:
            await self._redirect(scope, send)
            return
        await self._pass(scope, receive, send, path)

    async def _pass(self, scope: Any, receive: Receive, send: Send, path: str) -> None:
        request_id = public_id(12)
        locale = "ar"
        if path == _ENGLISH or path.startswith(f"{_ENGLISH}/"):
            locale, path = "en", path[len(_ENGLISH) :] or "/"
            scope["path"] = path
            scope["raw_path"] = path.encode()
        method = scope["method"]
        if method in {"GET", "HEAD"} and not _is_fragment(scope):
            key = (locale, path, scope["query_string"])
            page = self._shared.find(key, cairo_day(self._clock.now()))
            if page is not None:
                await self._send_shared(scope, send, page, request_id)
                return
        scope.setdefault("state", {})
        scope["state"].update(locale=locale, request_id=request_id)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        began, status, answered = stopwatch(), 500, False
        if method == "HEAD":  # the page's own handler answers, and its headers alone are sent
            scope["method"] = "GET"

        async def send_with_headers(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status, answered = message["status"], True
                headers = list(message["headers"])
                names = {name.lower() for name, _ in headers}
                headers += [(n, v) for n, v in self._headers if n not in names]
                headers.append((b"x-request-id", request_id.encode()))
                message["headers"] = headers
            elif method == "HEAD" and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            log.error("failed", error=type(error).__name__, exc_info=error)
            if answered:
                raise  # the server cuts the answer off, so that it is not taken for a whole one
            words = self._last_words[locale]
            headers = [
                (b"content-type", b"text/html; charset=utf-8"),
                (b"content-length", str(len(words)).encode()),
            ]
            await send_with_headers(
                {"type": "http.response.start", "status": 500, "headers": headers}
            )
            await send_with_headers(
                {"type": "http.response.body", "body": words, "more_body": False}
            )
        finally:
            touch = scope["state"].get("touch")
            if touch is not None:
                await run_sync(touch)
            # the template of the path, never the path: it may hold a request's number
            route = str(scope.get("path_template") or "unknown")
            _observe(route, method, status, stopwatch() - began)
            structlog.contextvars.unbind_contextvars("request_id")

    async def _send_shared(self, scope: Any, send: Send, page: SharedPage, request_id: str) -> None:
        began, status = stopwatch(), 200
        accepted = unchanged = b""
        for name, value in scope["headers"]:
            if name == b"accept-encoding":
                accepted = value
            elif name == b"if-none-match":
                unchanged = value
        coding = page.best(accepted.decode("latin-1"))
        if page.etag(coding) in unchanged:
            status, headers, body = 304, page.constant(coding), b""
        else:
            headers, body = page.answer(coding)
        headers = [*headers, *self._shared_headers, (b"x-request-id", request_id.encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        content = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": content, "more_body": False})
        _observe(page.route, scope["method"], status, stopwatch() - began, request_id)

    async def _send_asset(self, scope: Any, send: Send, asset: Asset) -> None:
        headers = dict(scope["headers"])
        common = [
            (b"etag", asset.etag.encode()),
            (b"cache-control", asset.cache_control.encode()),
            (b"vary", b"accept-encoding"),
            (b"x-content-type-options", b"nosniff"),
        ]
        if asset.etag.encode() in headers.get(b"if-none-match", b""):
            await send({"type": "http.response.start", "status": 304, "headers": common})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        coding, body = asset.best(headers.get(b"accept-encoding", b"").decode("latin-1"))
        if coding:
            common.append((b"content-encoding", coding.encode()))
        common += [
            (b"content-type", asset.media_type.encode()),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": common})
        content = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": content, "more_body": False})

    async def _redirect(self, scope: Any, send: Send) -> None:
        """``localhost`` to ``127.0.0.1``: else cookie and return from payment miss each other."""
        query = scope["query_string"]
        target = self._public_url.encode() + (scope.get("raw_path") or scope["path"].encode())
        headers = [(b"location", target + (b"?" + query if query else b"")), *self._headers]
        await send({"type": "http.response.start", "status": 307, "headers": headers})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _observe(
    route: str, method: str, status: int, seconds: float, request_id: str | None = None
) -> None:
    http_requests.labels(route, str(status)).inc()
    http_seconds.labels(route).observe(seconds)
    log.info(
        "http",
        method=method,
        route=route,
        status=status,
        duration_ms=round(seconds * 1000, 1),
        **({"request_id": request_id} if request_id else {}),
    )


def _is_fragment(scope: Any) -> bool:
    """Whether htmx asks: it may get a part of the page."""
    return any(name == b"hx-request" for name, _ in scope["headers"])


def _host(scope: Any) -> str:
    return next((v.decode("latin-1") for n, v in scope["headers"] if n == b"host"), "")


def _alias_of(public_url: str) -> frozenset[str]:
    """Other loopback names of a public address on this machine."""
    host, _, port = public_url.partition("://")[2].rpartition(":")
    if host not in _LOOPBACK:
        return frozenset()
    return frozenset(f"{name}:{port}" for name in _LOOPBACK - {host})


def _security_headers(settings: Settings) -> list[tuple[bytes, bytes]]:
    headers = {
        "content-security-policy": content_policy(),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": permissions_policy(),
        "cache-control": "no-store",
    }
    if settings.secure:
        headers["strict-transport-security"] = "max-age=63072000; includeSubDomains"
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def permissions_policy(*, camera: bool = False) -> str:
    """What pages may ask the phone for; ``camera`` on the one page that scans."""
    lens = "(self)" if camera else "()"
    return f"camera={lens}, microphone=(), geolocation=(self), payment=()"


def content_policy(form_target: str = "", *, installable: bool = False) -> str:
    """The content security policy; ``form_target`` is one more origin that a form may lead to.

    ``installable`` pages have a manifest and a service worker.
    """
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "font-src 'self'",
            "connect-src 'self'",
            f"form-action 'self' {form_target}".strip(),
            "frame-ancestors 'none'",
            "base-uri 'none'",
            *(("manifest-src 'self'", "worker-src 'self'") if installable else ()),
        )
    )
