"""What routes for machines share: bounded bodies, JSON answers, the reader's language."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from litestar import Request, Response

from portal.i18n import Speech
from portal.problems import BadInput
from portal.web.http_forms import chunks_of, swallow
from portal.web.visit import Visit

JSON, PROBLEM = "application/json", "application/problem+json"
PUBLIC: Mapping[str, str] = {
    "cache-control": "public, max-age=300",
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
}
"""Headers of what any site may read."""


class TooLarge(Exception):
    """The body is longer than its bound."""


def media_type(request: Request[Any, Any, Any]) -> str:
    """The content type without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def bearer(request: Request[Any, Any, Any]) -> str:
    """The token that is shown (RFC 6750 §2.1); empty when there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def read_body(request: Request[Any, Any, Any], most: int) -> bytes:
    """The body; raises :class:`TooLarge`."""
    body = bytearray()
    await pass_body(request, most, body.extend)
    return bytes(body)


async def pass_body(
    request: Request[Any, Any, Any], most: int, take: Callable[[bytes], object]
) -> None:
    """Give the body on as it comes; raises :class:`TooLarge`."""
    total = 0
    async for chunk in chunks_of(request):
        total += len(chunk)
        if total > most:
            raise TooLarge
        take(chunk)


async def read_to_its_end(request: Request[Any, Any, Any]) -> None:
    """The rest of a body that is refused: who is still sending would not read the answer."""
    with suppress(BadInput):
        await swallow(request)


def speech_of(visit: Visit) -> Speech:
    """The language of who reads the answer: Arabic unless English is preferred."""
    return visit.portal.languages["en" if _prefers_english(visit) else "ar"]


def _prefers_english(visit: Visit) -> bool:
    if not visit.speech.arabic:
        return True
    best: dict[str, float] = {}
    for part in visit.request.headers.get("accept-language", "").lower().split(","):
        name, _, weight = part.strip().partition(";q=")
        try:
            best.setdefault(name.partition("-")[0], float(weight or 1))
        except ValueError:
            continue
    return best.get("en", 0.0) > best.get("ar", 0.0)


def answer(
    told: Mapping[str, Any],
    status: int,
    kind: str = JSON,
    headers: Mapping[str, str] | None = None,
) -> Response[bytes]:
    """An answer in JSON."""
    body = json.dumps(told, ensure_ascii=False).encode()
    return Response(body, status_code=status, media_type=kind, headers=headers)
