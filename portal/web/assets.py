"""Static files: named by their content, packed and compressed once, immutable in every cache.

The whole set is small (a stylesheet, a sprite, a font, two scripts, some pictures), so it lives in
memory and is answered before the application is asked.
"""

import gzip
import re
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import brotli
from rcssmin import cssmin
from rjsmin import jsmin

STATIC_DIR = Path(__file__).resolve().parent.parent / "static"
PREFIX = "/static/"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
_COMPRESSED = frozenset({".css", ".js", ".svg"})
_FOR_EVER = "public, max-age=31536000, immutable"
_FOR_A_DAY = "public, max-age=86400"
_PACKERS: Mapping[str, Callable[[str], str]] = {".css": cssmin, ".js": jsmin}
_URL = re.compile(r'url\("([^")]+)"\)')


@dataclass(frozen=True)
class Asset:
    """One file, ready to be sent; ``bodies`` by content coding."""

    path: str
    media_type: str
    etag: str
    bodies: Mapping[str, bytes]
    cache_control: str = _FOR_EVER

    def best(self, accept_encoding: str) -> tuple[str, bytes]:
        """The smallest body that the client takes, and its coding."""
        for coding in ("br", "gzip"):
            if coding in self.bodies and accepts(accept_encoding, coding):
                return coding, self.bodies[coding]
        return "", self.bodies[""]


def accepts(accept_encoding: str, coding: str) -> bool:
    """Whether an Accept-Encoding header takes ``coding``: ``q=0`` is a no, ``*`` all the others."""
    taken: dict[str, bool] = {}
    for part in accept_encoding.lower().split(","):
        name, _, parameters = part.strip().partition(";")
        quality = parameters.replace(" ", "")
        taken[name.strip()] = quality not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return taken.get(coding, taken.get("*", False))


@dataclass(frozen=True)
class WellKnown:
    """A file that browsers and search engines look for at an address of their own choice."""

    path: str
    media_type: str
    content: bytes

    @property
    def text(self) -> bool:
        return self.media_type.startswith(("text/", "application/xml", "application/manifest"))


def _codings(content: bytes) -> dict[str, bytes]:
    return {
        "": content,
        "br": brotli.compress(content),
        "gzip": gzip.compress(content, 9, mtime=0),
    }


class Assets:
    """Every static file by its hashed address, and the address of each by its name."""

    def __init__(self, directory: Path = STATIC_DIR) -> None:
        self._by_path: dict[str, Asset] = {}
        self._addresses: dict[str, str] = {}
        # style sheets last: they name the others by their hashed addresses
        files = [p for p in sorted(directory.rglob("*")) if p.suffix in _TYPES]
        for path in sorted(files, key=lambda p: p.suffix == ".css"):
            self._add(directory, path)

    def _add(self, directory: Path, path: Path) -> None:
        name = path.relative_to(directory).as_posix()
        content = path.read_bytes()
        pack = _PACKERS.get(path.suffix)
        if path.suffix == ".css":
            text = _URL.sub(lambda m: f'url("{self.address(m[1])}")', content.decode())
            content = text.encode()
        if pack is not None and ".min." not in name:
            content = pack(content.decode()).encode()
        digest = sha256(content).hexdigest()[:12]
        stem, _, extension = name.rpartition(".")
        address = f"{PREFIX}{stem}.{digest}.{extension}"
        bodies = _codings(content) if path.suffix in _COMPRESSED else {"": content}
        self._by_path[address] = Asset(address, _TYPES[path.suffix], f'"{digest}"', bodies)
        self._addresses[name] = address

    def also(self, files: Iterable[WellKnown]) -> "Assets":
        """These, and files whose addresses others have chosen, so that they may change."""
        more = copy(self)
        more._by_path = dict(self._by_path)  # noqa: SLF001 - a copy of its own
        for file in files:
            digest = sha256(file.content).hexdigest()[:12]
            bodies = _codings(file.content) if file.text else {"": file.content}
            more._by_path[file.path] = Asset(  # noqa: SLF001
                file.path, file.media_type, f'"{digest}"', bodies, _FOR_A_DAY
            )
        return more

    def address(self, name: str) -> str:
        """The address under which pages name a file; a KeyError is a mistake of the program."""
        return self._addresses[name]

    def find(self, path: str) -> Asset | None:
        return self._by_path.get(path)
