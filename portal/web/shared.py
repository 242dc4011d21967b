"""Pages that are the same for everyone: rendered once a language and day, compressed once.

The gate answers them from here before the application is asked. A page is kept under the address
that its route calls its own, so that made-up queries can fill nothing.
"""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

import brotli

from portal.web.assets import accepts

MOST = 1500
"""Every address that is shared, in both languages; some 14 kB each."""
Header = tuple[bytes, bytes]
Key = tuple[str, str, bytes]
"""Language, path without it, and query."""


@dataclass(frozen=True)
class SharedPage:
    """One page as it is sent in either content coding; unpacked for the few who take none."""

    route: str
    """The template of its address, for logs and metrics."""
    digest: str
    bodies: Mapping[str, bytes]

    def best(self, accept_encoding: str) -> str:
        """The smallest coding that the client takes."""
        for coding in ("br", "gzip"):
            if accepts(accept_encoding, coding):
                return coding
        return ""

    def etag(self, coding: str) -> bytes:
        """A strong tag names the bytes sent, so each coding has its own (RFC 9110, 8.8.3.3)."""
        return f'"{self.digest}{coding and "-" + coding}"'.encode()

    def answer(self, coding: str) -> tuple[list[Header], bytes]:
        """Headers and body."""
        body = self.bodies[coding] if coding else gzip.decompress(self.bodies["gzip"])
        headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            *self.constant(coding),
        ]
        if coding:
            headers.append((b"content-encoding", coding.encode()))
        return headers, body

    def constant(self, coding: str) -> list[Header]:
        """The headers that are said without the body as well."""
        return [
            (b"etag", self.etag(coding)),
            # asked again each time and then mostly answered 304: fees may change over night
            (b"cache-control", b"public, no-cache"),
            (b"vary", b"accept-encoding, hx-request"),
        ]


def make_page(route: str, html: bytes) -> SharedPage:
    """Compress as well as can be: it is done once a day."""
    bodies = {
        "br": brotli.compress(html, mode=brotli.MODE_TEXT),
        "gzip": gzip.compress(html, 9, mtime=0),
    }
    return SharedPage(route, sha256(html).hexdigest()[:16], bodies)


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
        if len(self._pages) >= MOST:
            self._pages = {}  # they are made again as they are asked for
        self._pages[key] = page

    def __len__(self) -> int:
        return len(self._pages)
