"""The operator's way out: a proxy that opens a tunnel to one numeric address (RFC 9110 §9.3.6).

It is told the address that was looked at and never a name: a proxy that resolves could be led
elsewhere. TLS is spoken through the tunnel, so the proxy sees neither news nor certificates.
"""

import re
from base64 import b64encode
from collections.abc import Iterable

import httpcore

from portal.settings import Proxy

_LONGEST_HEAD = 8192
_OPENED = re.compile(rb"HTTP/1\.[01] 2[0-9][0-9][ \r]")


class Tunnels(httpcore.AsyncNetworkBackend):
    """Connects through the proxy wherever a direct connection would be made."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._direct = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            stream = await self._direct.connect_tcp(
                self._proxy.host, self._proxy.port, timeout, local_address, socket_options
            )
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            raise httpcore.ProxyError("the proxy does not listen") from error
        try:
            await self._open(stream, f"[{host}]" if ":" in host else host, port, timeout)
        except BaseException:
            await stream.aclose()
            raise
        return stream

    async def _open(
        self,
        stream: httpcore.AsyncNetworkStream,
        host: str,
        port: int,
        seconds: float | None,
    ) -> None:
        target = f"{host}:{port}".encode()
        asked = b"CONNECT " + target + b" HTTP/1.1\r\nHost: " + target + b"\r\n"
        await stream.write(asked + _shown(self._proxy) + b"\r\n", seconds)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            # nothing of the other end comes behind the head: in TLS it is we who speak first
            part = await stream.read(_LONGEST_HEAD, seconds)
            head += part
            if not part or len(head) > _LONGEST_HEAD:
                raise httpcore.ProxyError("the proxy speaks no HTTP")
        if not _OPENED.match(head):
            raise httpcore.ProxyError("the proxy refuses")


def _shown(proxy: Proxy) -> bytes:
    """The header that names the user, with its line's end; nothing where there is none."""
    if not proxy.user:
        return b""
    known = b64encode(f"{proxy.user}:{proxy.password}".encode())
    return b"Proxy-Authorization: Basic " + known + b"\r\n"
