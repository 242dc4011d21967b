"""Carries one signed notice to a webhook: to the address that was looked at, and nowhere else.

Of the answer only the status is read: what a receiver writes is nobody's concern here, cannot fill
the memory and never reaches a log.
"""

import asyncio
import re
import ssl
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType

import httpcore

from portal.bodies import addresses
from portal.bodies.addresses import BadAddress, Target
from portal.bodies.tunnels import Tunnels
from portal.settings import Proxy

MEDIA_TYPE = "application/jose"
"""Of a compact JSON Web Signature (RFC 7515 §9.2.1)."""
TOTAL_SECONDS = 10.0
"""For one notice: name, connection, answer. A receiver that drips cannot stretch it."""
_CONNECT_SECONDS = 4.0
_TIMEOUTS = {
    "connect": _CONNECT_SECONDS,
    "read": TOTAL_SECONDS,
    "write": TOTAL_SECONDS,
    "pool": TOTAL_SECONDS,
}
_MOST_ADDRESSES = 3
_LONGEST_WAIT = timedelta(hours=1)
_SECONDS = re.compile(rb"[0-9]{1,6}")


class NotReached(Exception):
    """No answer came; ``reason`` is a code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Reply:
    """What is read of an answer."""

    status: int
    wait: timedelta | None = None
    """What it asks for (``Retry-After``), an hour at the most."""


def trust(authority: Path | None) -> ssl.SSLContext:
    """Whom webhooks are believed to be: the machine's authorities and one of the operator's."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if authority is not None:
        context.load_verify_locations(authority)
    return context


class Post:
    """A way to one webhook for a few notices in a row; connections are kept between them."""

    def __init__(
        self, context: ssl.SSLContext, *, proxy: Proxy | None = None, loopback: bool = False
    ) -> None:
        """``proxy`` is the operator's way out; it is told a numeric address and resolves none."""
        self._loopback = loopback
        self._runner = asyncio.Runner()
        backend = Tunnels(proxy) if proxy else None
        self._pool = httpcore.AsyncConnectionPool(context, network_backend=backend)

    def __enter__(self) -> "Post":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runner.run(self._pool.aclose())
        self._runner.close()

    def send(self, url: str, body: bytes) -> Reply:
        """Post ``body``; raises :class:`NotReached`."""
        try:
            target = addresses.read(url, loopback=self._loopback)
            found = addresses.resolve(target, loopback=self._loopback)
        except BadAddress as error:
            raise NotReached(error.reason) from error
        except (OSError, UnicodeError) as error:
            raise NotReached("no_such_name") from error
        return self._runner.run(self._within(target, found[:_MOST_ADDRESSES], body))

    async def _within(self, target: Target, found: list[str], body: bytes) -> Reply:
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                return await self._first(target, found, body)
        except TimeoutError as error:
            raise NotReached("too_slow") from error

    async def _first(self, target: Target, found: list[str], body: bytes) -> Reply:
        """From the first address that can be connected to."""
        *others, last = found
        for address in others:
            try:
                return await self._post(target, address, body)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        try:
            return await self._post(target, last, body)
        except httpcore.TimeoutException as error:
            raise NotReached("too_slow") from error
        except httpcore.ProxyError as error:
            raise NotReached("proxy") from error
        except httpcore.ConnectError as error:
            raise NotReached("certificate" if _is_of_tls(error) else "no_connection") from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise NotReached("broken_answer") from error

    async def _post(self, target: Target, address: str, body: bytes) -> Reply:
        numeric = f"[{address}]" if ":" in address else address
        named = target.host if target.port == 443 else f"{target.host}:{target.port}"
        async with self._pool.stream(
            "POST",
            f"https://{numeric}:{target.port}{target.path}",
            content=body,
            headers={
                "Host": named,
                "Content-Type": MEDIA_TYPE,
                "Content-Length": str(len(body)),
                "User-Agent": "mahalliyat",
                "Accept-Encoding": "identity",
            },
            extensions={
                "sni_hostname": target.host,  # the certificate is the name's
                "timeout": _TIMEOUTS,
            },
        ) as answer:
            told = {name.lower(): value for name, value in answer.headers}
            if answer.status == 204 or told.get(b"content-length") == b"0":
                await answer.aread()  # there is nothing to read, and the connection is kept
            return Reply(answer.status, _wait(told.get(b"retry-after", b"")))


def _is_of_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _wait(told: bytes) -> timedelta | None:
    if not _SECONDS.fullmatch(told):
        return None
    return min(timedelta(seconds=int(told)), _LONGEST_WAIT)
