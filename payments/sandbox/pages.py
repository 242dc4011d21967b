"""Rendering of the hosted pages and the headers they are sent with."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from payments.sandbox.cards import CARDS
from payments.sandbox.methods import BRANDS
from payments.sandbox.payers import ACCOUNTS, EMAILS_DO, WALLETS
from payments.sandbox.speech import Speech, languages

HERE = Path(__file__).parent
STATIC = HERE / "static"
STATIC_URL = "/c/static"

# Styles last: they name the others
MEDIA_TYPES = {".svg": "image/svg+xml", ".woff2": "font/woff2", ".css": "text/css"}

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_BLANKS = re.compile(r";?\s*(\})\s*|\s*([{;])\s*|([:,])\s+")

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
        self.languages = languages()
        names = _assets()
        self.assets = {asset.url: asset for asset in names.values()}
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals |= {
            "style": names["pay.css"].url,
            "emblem": names["icon.svg"].url,
            "icons": names["icons.svg"].url,
            "cards": CARDS,
            "wallets": WALLETS,
            "accounts": ACCOUNTS,
            "brands": BRANDS,
            "emails": EMAILS_DO,
        }

    def render(
        self,
        template: str,
        speech: Speech,
        status: int = 200,
        origins: Iterable[str] = (),
        **facts: object,
    ) -> Page:
        content = self._environment.get_template(template).render(
            speech=speech, _=speech.gettext, **facts
        )
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


def _assets() -> dict[str, Asset]:
    """Every file by its plain name; where a style names another, it names its address."""
    assets: dict[str, Asset] = {}
    for suffix, media_type in MEDIA_TYPES.items():
        for path in sorted(STATIC.glob(f"*{suffix}")):
            content = path.read_bytes()
            if suffix == ".css":
                content = _style(content.decode(), assets).encode()
            digest = hashlib.sha256(content).hexdigest()[:12]
            url = f"{STATIC_URL}/{path.stem}.{digest}{path.suffix}"
            assets[path.name] = Asset(url, media_type, content)
    return assets


def _style(text: str, assets: Mapping[str, Asset]) -> str:
    """A style as it is sent: with the addresses of the files it names, without idle blanks."""
    for name, known in assets.items():
        text = text.replace(f'url("{name}")', f'url("{known.url}")')
    return _BLANKS.sub(r"\1\2\3", _COMMENT.sub("", text))
