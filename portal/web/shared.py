"""Pages that are the same for everyone: rendered once a language and day, compressed once.

The gate answers them from here before the application is asked. A page is kept under the address
that its route calls its own, so that made-up queries can fill nothing.
"""

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

import brotli

from portal.web.assets import accepts

Header = tuple[bytes, bytes]
Key = tuple[str, str, bytes]
"""Language, path without it, and query."""


@dataclass(frozen=True)
class SharedPage:
    """One page, ready to be sent: its headers and body by content coding."""

    route: str
    """The template of its address, for logs and metrics."""
    codings: Mapping[str, tuple[list[Header], bytes]]
    etags: Mapping[str, bytes]

    def best(self, accept_encoding: str) -> str:
        """The smallest coding that the client takes."""
        for coding in ("br", "gzip"):
            if accepts(accept_encoding, coding):
                return coding
        return ""


def make_page(route: str, html: bytes) -> SharedPage:
    """Compress as well as can be: it is done once a day."""
    digest = sha256(html).hexdigest()[:16]
    bodies = {
        "br": brotli.compress(html, mode=brotli.MODE_TEXT),
        "gzip": gzip.compress(html, 9, mtime=0),
        "": html,
    }
    # a strong tag names the bytes that are sent, so each coding has its own (RFC 9110, 8.8.3.3)
    etags = {coding: f'"{digest}{coding and "-" + coding}"'.encode() for coding in bodies}
    return SharedPage(
        route,
        {
            coding: (list(_headers(coding, etags[coding], len(body))), body)
            for coding, body in bodies.items()
        },
        etags,
    )


def _headers(coding: str, etag: bytes, length: int) -> Iterator[Header]:
    yield b"content-type", b"text/html; charset=utf-8"
    yield b"content-length", str(length).encode()
    yield b"etag", etag
    # asked again each time and then mostly answered 304: fees may change over night
    yield b"cache-control", b"public, no-cache"
    yield b"vary", b"accept-encoding, hx-request"
    if coding:
        yield b"content-encoding", coding.encode()


class SharedPages:
    """The pages of one day."""

    def __init__(self) -> None:
        self._day: date | None = None
        self._pages: dict[Key, SharedPage] = {}

    def find(self, key: Key, day: date) -> SharedPage | None:
        return self._pages.get(key) if day == self._day else None

    def keep(self, key: Key, day: date, page: SharedPage) -> None:
        if day != self._day:
            self._day, self._pages = day, {}
        self._pages[key] = page

    def __len__(self) -> int:
        return len(self._pages)
