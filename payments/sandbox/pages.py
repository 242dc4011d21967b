"""Rendering of the hosted pages and the headers they are sent with."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from payments.sandbox import arabic
from payments.sandbox.cards import CARDS

HERE = Path(__file__).parent
STATIC = HERE / "static"
STATIC_URL = "/c/static"

MEDIA_TYPES = {".css": "text/css", ".svg": "image/svg+xml"}

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "form-action {form_action}; frame-ancestors 'none'; base-uri 'none'"
)


@dataclass(frozen=True, slots=True)
class Page:
    """An answer to a browser: a document, or a way elsewhere."""

    status: int
    content: str = ""
    location: str | None = None
    origins: tuple[str, ...] = ()
    """Where a form of this page may end up. Chromium applies ``form-action`` to the
    redirects after a POST too, so the way back to the shop has to be named."""

    def headers(self) -> dict[str, str]:
        headers = {
            "Cache-Control": "no-store",
            "Content-Security-Policy": POLICY.format(
                form_action=" ".join(("'self'", *self.origins))
            ),
            # The address is a permission to pay; it is told to nobody else.
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }
        if self.location is not None:
            headers["Location"] = self.location
        return headers


@dataclass(frozen=True, slots=True)
class Asset:
    """A file whose name changes with its content, so that it may be kept for ever."""

    url: str
    media_type: str
    content: bytes


class Pages:
    """The templates and assets, read once."""

    def __init__(self) -> None:
        self.assets = {asset.url: asset for asset in _assets()}
        names = {_plain_name(url): url for url in self.assets}
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {"money": arabic.money, "sum": arabic.number}
        self._environment.globals |= {
            "style": names["pay.css"],
            "icon": names["icon.svg"],
            "cards": CARDS,
            "unit": arabic.unit,
            "count": arabic.count,
        }

    def render(
        self, template: str, status: int = 200, origins: Iterable[str] = (), **facts: object
    ) -> Page:
        content = self._environment.get_template(template).render(**facts)
        return Page(status, content, origins=tuple(dict.fromkeys(origins)))


def see_other(address: str) -> Page:
    """303, so that reloading where one arrives pays nothing."""
    # Percent-encoded, because a header is ASCII; what is encoded already stays.
    return Page(303, location=quote(address, safe="%/:?#[]@!$&'()*+,;=~"))


def origin(url: str | None) -> tuple[str, ...]:
    """The origin of an address, as a Content-Security-Policy writes it."""
    if not url:
        return ()
    parts = urlsplit(url)
    return (f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",)


def _assets() -> Iterable[Asset]:
    for path in sorted(STATIC.iterdir()):
        if path.suffix in MEDIA_TYPES:
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:12]
            url = f"{STATIC_URL}/{path.stem}.{digest}{path.suffix}"
            yield Asset(url, MEDIA_TYPES[path.suffix], content)


def _plain_name(url: str) -> str:
    stem, _, suffix = url.rpartition("/")[2].split(".")
    return f"{stem}.{suffix}"
