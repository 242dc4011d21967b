"""Pages: templates with the language's words, answered whole and compressed.

A page that htmx asks for in part is the same template; it renders its fragment then. Templates are
given plain values: nothing is read from the database while a page is made.
"""

import gzip
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import brotli
from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
from litestar import Response
from markupsafe import Markup

from portal import words
from portal.catalogue.identity import local_mobile, mask_mobile, mask_national_id
from portal.i18n import Speech
from portal.settings import Settings
from portal.web.assets import Assets, accepts
from portal.web.blanks import TEMPLATE_FUNCTIONS, BlankPage, Filling, Sheet
from portal.web.gate import content_policy
from portal.web.shared import SharedPage, SharedPages, make_page

if TYPE_CHECKING:
    from portal.web.visit import Visit

TEMPLATES_DIR = Path(__file__).resolve().parent.parent / "templates"
_VARY = {"vary": "accept-encoding, hx-request"}
_FRAMED = frozenset({b"content-type", b"content-length"})  # the response says them itself
_WORTH_COMPRESSING = 1000
_MOST_BLANKS = 400
_BROTLI_QUALITY = 4  # a page is made once: the quality at which time and size meet


class Pages:
    """Renders the templates of the portal."""

    def __init__(self, settings: Settings, assets: Assets) -> None:
        self._settings = settings
        self.shared = SharedPages()
        cache = settings.var / "templates"
        cache.mkdir(parents=True, exist_ok=True)
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES_DIR),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            bytecode_cache=FileSystemBytecodeCache(str(cache)),
        )
        self._environment.globals.update(
            asset=assets.address,
            icon=lambda name, kind="": _icon(assets.address("icons.svg"), name, kind),
            emblem=lambda kind, size: _emblem(assets.address("icons.svg"), kind, size),
            words=words,
            mask_mobile=mask_mobile,
            mask_national_id=mask_national_id,
            local_mobile=local_mobile,
            code=_code,
            **TEMPLATE_FUNCTIONS,
        )
        self._blanks: dict[tuple[object, ...], BlankPage] = {}

    def page(
        self,
        visit: "Visit",
        template: str,
        status: int = 200,
        *,
        form_target: str = "",
        **context: Any,
    ) -> Response[bytes]:
        """An HTML answer. ``form_target`` is an origin that a form of the page may lead to."""
        html = self._environment.get_template(template).render(**self._common(visit), **context)
        headers = dict(_VARY)
        if form_target:
            headers["content-security-policy"] = content_policy(form_target)
        return self.answer(visit, html.encode(), "text/html", status, headers)

    def shared_page(
        self,
        visit: "Visit",
        template: str,
        *,
        query: Mapping[str, str] | None = None,
        **context: Any,
    ) -> Response[bytes]:
        """A page that is the same for everyone on this day, made once: see :mod:`shared`.

        ``query`` is all of the address's query that the page depends on; an address that says more
        is answered like any page. Nothing of the visitor but the language may be in ``context``.
        """
        scope = visit.request.scope
        asked, known = scope["query_string"], urlencode(query or {})
        address = f"{visit.here}?{known}" if known else visit.here
        constant = not visit.is_fragment and asked == known.encode()
        key = (visit.speech.locale, visit.path, asked)
        if constant:  # the gate knows no other spellings of an address, such as with «/» behind it
            page = self.shared.find(key, visit.today)
            if page is not None:
                return _shared(visit, page)
        html = self._environment.get_template(template).render(
            **self._common(visit), public_address=address, **context
        )
        if not constant:
            return self.answer(visit, html.encode(), "text/html", 200, dict(_VARY))
        page = make_page(scope["path_template"], html.encode())
        self.shared.keep(key, visit.today, page)
        return _shared(visit, page)

    def filled_page(
        self,
        visit: "Visit",
        template: str,
        form: tuple[object, ...],
        context: Callable[[Sheet], Mapping[str, Any]],
        filling: Filling,
        status: int = 200,
    ) -> Response[bytes]:
        """A page whose constant part is made once: see :mod:`blanks`.

        ``form`` names the page with everything that its constant part depends on; ``context`` are
        the values of the template with the visitor's own left blank.
        """
        key = (template, visit.speech.locale, *form)
        page = self._blanks.get(key)
        if page is None:
            sheet = Sheet()
            values = {**self._common(visit), **context(sheet)}
            page = sheet.cut(self._environment.get_template(template).render(values))
            if len(self._blanks) >= _MOST_BLANKS:
                self._blanks.clear()  # they are made again as they are needed
            self._blanks[key] = page
        return self.answer(visit, page.fill(filling).encode(), "text/html", status, _VARY)

    def page_of_nobody(self, template: str, speech: Speech, **context: Any) -> bytes:
        """A page that stands for itself, made without anybody's visit."""
        page = self._environment.get_template(template)
        return page.render(speech=speech, _=speech.gettext, **context).encode()

    def _common(self, visit: "Visit") -> dict[str, Any]:
        speech = visit.speech
        return {
            "visit": visit,
            "speech": speech,
            "_": speech.gettext,
            "ngettext": speech.ngettext,
            "show": speech.show,
            "url": visit.url,
            "demo": self._settings.demo,
            "site": self._settings.public_url,
            "session": visit.session,
            "today": visit.today,
        }

    def answer(
        self,
        visit: "Visit",
        body: bytes,
        media_type: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response[bytes]:
        """An answer, compressed as the client takes it, with the visit's new cookies."""
        sent = dict(headers or {})
        accepted = visit.request.headers.get("accept-encoding", "")
        if len(body) >= _WORTH_COMPRESSING:
            if accepts(accepted, "br"):
                body = brotli.compress(body, mode=brotli.MODE_TEXT, quality=_BROTLI_QUALITY)
                sent["content-encoding"] = "br"
            elif accepts(accepted, "gzip"):
                body = gzip.compress(body, 5, mtime=0)
                sent["content-encoding"] = "gzip"
        return Response(
            body,
            status_code=status,
            media_type=media_type,
            headers=sent,
            cookies=visit.new_cookies,
        )


def _shared(visit: "Visit", page: SharedPage) -> Response[bytes]:
    headers, body = page.answer(page.best(visit.request.headers.get("accept-encoding", "")))
    return Response(
        body,
        media_type="text/html",
        headers={n.decode(): v.decode() for n, v in headers if n not in _FRAMED},
    )


def no_news(visit: "Visit") -> Response[bytes]:
    """What was asked for is as it was: htmx leaves the page alone."""
    return Response(b"", status_code=204, cookies=visit.new_cookies)


def redirect(visit: "Visit", path: str, **query: str) -> Response[bytes]:
    """See another page of the portal; with htmx the browser goes there as well."""
    return leave(visit, visit.url(path, **query))


def leave(visit: "Visit", address: str) -> Response[bytes]:
    """See another address."""
    if visit.is_fragment:
        headers = {"hx-redirect": address}
        return Response(b"", status_code=200, headers=headers, cookies=visit.new_cookies)
    return Response(b"", status_code=303, headers={"location": address}, cookies=visit.new_cookies)


def _icon(sprite: str, name: str, kind: str) -> Markup:
    extra = f" {kind}" if kind else ""
    return Markup(  # noqa: S704 - both parts are names in templates
        f'<svg class="icon{extra}" width="24" height="24" aria-hidden="true">'
        f'<use href="{sprite}#{name}"/></svg>'
    )


def _emblem(sprite: str, kind: str, size: int) -> Markup:
    """The emblem at ``size`` pixels, from the sprite that every page loads anyway."""
    return Markup(  # noqa: S704 - both parts are names in templates
        f'<svg class="{kind}" width="{size}" height="{size}" aria-hidden="true">'
        f'<use href="{sprite}#emblem"/></svg>'
    )


def _code(value: object, plain: bool = False) -> Markup:
    """A number to type or dictate: Latin, left to right, isolated in any line."""
    kind = "code code--plain" if plain else "code"
    return Markup('<bdi class="{}" dir="ltr">{}</bdi>').format(kind, value)
