"""One request as routes see it: who asks, in which language, with which cookie.

The session is looked up in the transaction that the route opens, so that session and what is
shown come from one state; a route without :meth:`Visit.citizen` or :meth:`Visit.employee` is open
to anyone.
"""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cached_property, partial
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from litestar import Request
from litestar.datastructures import Cookie
from sqlalchemy import Connection

from portal.backoffice.acts import Employee
from portal.clock import cairo_day, token
from portal.i18n import Speech
from portal.identity import sessions
from portal.identity.roles import Permission
from portal.identity.sessions import CitizenSession, StaffSession
from portal.problems import DomainError, Missing
from portal.requests import drafts
from portal.requests.drafts import OpenDraft
from portal.web import csrf
from portal.web.blanks import Blank
from portal.web.http_forms import PostedForm
from portal.web.parts import Portal

STAFF_AREA = "/center"
SESSION_WARNING = timedelta(minutes=5)  # time enough to come back (WCAG 2.2.1)
# What may stand in an address as it is. Escapes and the marks of query and fragment are among it:
# a redirect may lead to an address that is whole already.
_SAFE = "/?#%&=:@!$'()*+,;"
_SAFE_IN_PATH = "/:@!$&'()*+,;="
_PLAIN_QUERY = re.compile(r"[A-Za-z0-9._~%!$&'()*+,;=:@/?-]{1,1000}")
# Some proxies write the port behind the address: 192.0.2.7:5123, [2001:db8::1]:5123
_WITH_PORT = re.compile(r"^(?:\[([0-9A-Fa-f:.]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+)$")
# Names of a query that are a permission and no place: no link of a page repeats them
_PERMISSIONS = frozenset({"session_id", "token", "code"})


class NotSignedIn(DomainError):
    """The page needs a session; ``area`` says whose."""

    kind = "not_signed_in"

    def __init__(self, area: str) -> None:
        super().__init__(f"no {area} session")
        self.area = area


class Forged(DomainError):
    """A form without the token of this browser's page."""

    kind = "forged"


class Visit:
    """A request to the portal."""

    def __init__(self, request: Request[Any, Any, Any], portal: Portal) -> None:
        self.request = request
        self.portal = portal
        self.speech: Speech = portal.languages[request.scope["state"]["locale"]]
        self.new_cookies: list[Cookie] = []
        self.without_provider = False
        """Too many wait for the payment provider already: it is not asked, and the page says so."""

    @property
    def other_speech(self) -> Speech:
        """The language that the page is not in."""
        return self.portal.languages["en" if self.speech.arabic else "ar"]

    @property
    def path(self) -> str:
        """The path without its language."""
        return self.request.scope["path"]

    @property
    def request_id(self) -> str:
        return str(self.request.scope["state"]["request_id"])

    @property
    def is_fragment(self) -> bool:
        """Whether htmx asks for a part of the page."""
        return self.request.headers.get("hx-request") == "true"

    @property
    def staff_area(self) -> bool:
        return self.path == STAFF_AREA or self.path.startswith(f"{STAFF_AREA}/")

    @property
    def address(self) -> str:
        """The visitor's network address, as far as the proxies before us are trusted."""
        proxies = self.portal.settings.trusted_proxies
        if proxies:
            # the header may stand there twice: the visitor's own, then the proxy's
            given = self.request.headers.getall("x-forwarded-for", [])
            forwarded = ",".join(given).split(",")
            if len(forwarded) >= proxies and forwarded[-proxies].strip():
                return forwarded[-proxies].strip()
        return self.request.client.host if self.request.client else ""

    @property
    def network(self) -> str:
        """Whom limits count: an address, or the 64 bits of IPv6 that one customer may choose in."""
        try:
            address = ip_address(_WITH_PORT.sub(r"\1\2", self.address))
        except ValueError:
            return self.address
        if isinstance(address, IPv4Address):
            return str(address)
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else str(ip_network((address, 64), strict=False))

    def url(self, path: str, **query: str) -> str:
        """A path of the portal in the visitor's language."""
        pairs = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        address = quote(f"{self.speech.prefix}{path}", safe=_SAFE)
        return f"{address}{'?' + pairs if pairs else ''}"

    @property
    def here(self) -> str:
        """The path without its language, as a link may hold it.

        Anyone may have written it: ``//host`` and ``/\\host`` would lead off the site.
        """
        return _as_link(self.path)

    @property
    def place(self) -> str:
        """The page that the visitor is on, without its language: where the language link leads.

        What was searched or filtered for goes along. A page that answers a form may stand at an
        address that cannot be opened, so the page of the form is meant then.
        """
        if self.request.method != "GET":
            return self._place_of_form
        query = self.request.scope["query_string"].decode("latin-1")
        names = {pair.partition("=")[0] for pair in query.split("&")}
        if not _PLAIN_QUERY.fullmatch(query) or names & _PERMISSIONS:
            return self.here
        return f"{self.here}?{query}"

    @property
    def _place_of_form(self) -> str:
        try:
            came_from = urlsplit(self.request.headers.get("referer", ""))
        except ValueError:  # it is no address
            return self.here
        if came_from.netloc != self.request.headers.get("host"):
            return self.here
        path = unquote(came_from.path)
        return _as_link(path.removeprefix("/en") if path.startswith("/en/") else path)

    @property
    def _cookie_name(self) -> str:
        name = "staff" if self.staff_area else "sid"
        return f"__Host-{name}" if self.portal.settings.secure else name

    @property
    def has_cookie(self) -> bool:
        return self._cookie_name in self.request.cookies

    @cached_property
    def browser(self) -> str:
        """The token in this browser's cookie; one is given to a browser that has none."""
        known = self.request.cookies.get(self._cookie_name, "")
        return known if len(known) >= 32 else self.give_cookie(token())

    def give_cookie(self, value: str) -> str:
        """Give the browser a new token: at its first form and at every sign-in and sign-out."""
        self.__dict__["browser"] = value
        cookie = Cookie(
            key=self._cookie_name,
            value=value,
            path="/",
            httponly=True,
            secure=self.portal.settings.secure,
            # Lax, not Strict: the payment page leads back here by a plain link
            samesite="strict" if self.staff_area else "lax",
        )
        self.new_cookies = [cookie]
        return value

    @staticmethod
    def fresh_token() -> str:
        """A token that names nothing yet: for a browser that has signed out."""
        return token()

    @cached_property
    def today(self) -> date:
        """The day in Cairo; the same for all of a page that is made over midnight."""
        return cairo_day(self.portal.clock.now())

    @property
    def csrf_token(self) -> str:
        return csrf.make_token(self.portal.vault, self.browser)

    def check_form(self, form: PostedForm) -> None:
        """Raises :class:`Forged` when the form is not from a page of this browser."""
        given = form.text(csrf.FIELD) or self.request.headers.get(csrf.HEADER, "")
        elsewhere = self.request.headers.get("sec-fetch-site", "") == "cross-site"
        if elsewhere or not csrf.is_valid(self.portal.vault, self.browser, given):
            raise Forged("no token of this browser")

    def citizen(self, db: Connection) -> CitizenSession:
        """The signed-in citizen; raises :class:`NotSignedIn`."""
        session = self.follower(db)
        if session.only_request is not None:
            raise NotSignedIn("citizen")
        return session

    def own_draft(self, db: Connection, draft_id: str, *, hold: bool = False) -> OpenDraft:
        """The signed-in citizen's open draft; ``hold`` takes its row for this transaction.

        Raises :class:`NotSignedIn`, :class:`Missing` for an unknown draft and anyone else's alike,
        and :class:`~portal.requests.drafts.AlreadySubmitted`.
        """
        if self.has_cookie:
            token_hash, now = sessions.hash_token(self.browser), self.portal.clock.now()
            found = drafts.of_session(db, self.portal.vault, token_hash, draft_id, now, hold=hold)
            if found is not None:
                session, draft = found
                self._remember(session)
                return draft
        self.citizen(db)
        raise Missing(f"draft {draft_id}")

    def follower(self, db: Connection) -> CitizenSession:
        """A signed-in citizen, or one who may follow a single request."""
        if self.has_cookie:
            now = self.portal.clock.now()
            session = sessions.citizen_of(db, self.portal.vault, self.browser, now)
            if session is not None:
                self._remember(session)
                return session
        raise NotSignedIn("citizen")

    def employee(self, db: Connection, permission: Permission | None = None) -> Employee:
        """The signed-in employee of a center, who may do this; raises :class:`NotSignedIn`."""
        session = self.staff(db)
        if session.scope not in self.portal.places.centers:
            raise Missing("this account is of no center")
        employee = Employee(session.username, session.display_name, session.role, session.scope)
        if permission is not None:
            employee.must(permission)
        return employee

    def staff(self, db: Connection) -> StaffSession:
        """Any signed-in employee."""
        if self.has_cookie:
            session = sessions.staff_of(db, self.browser, self.portal.clock.now())
            if session is not None:
                self._remember(session)
                return session
        raise NotSignedIn("staff")

    def must_be_signed_in(self) -> None:
        """Raises :class:`NotSignedIn`; for what is dear before the route itself asks."""
        with self.portal.database.read() as db:
            if self.staff_area:
                self.staff(db)
            else:
                self.citizen(db)

    def _remember(self, session: CitizenSession | StaffSession) -> None:
        state = self.request.scope["state"]
        state["session"] = session
        if session.stale:  # marked as seen after the answer: this transaction may only read
            state["touch"] = lambda: self._touch(session.token_hash)

    def only_looks(self) -> None:
        """The page asks by itself whether there is news: that keeps no session alive."""
        self.request.scope["state"].pop("touch", None)

    def _touch(self, token_hash: bytes) -> None:
        with self.portal.database.begin() as db:
            sessions.seen(db, token_hash, self.portal.clock.now())

    @property
    def session(self) -> CitizenSession | StaffSession | None:
        """The session that this request has shown, if any."""
        found: CitizenSession | StaffSession | None = self.request.scope["state"].get("session")
        return found

    @property
    def signed_in_until(self) -> str:
        """The hour at which the session ends if no other page is opened."""
        return self.speech.time(self.session.ends_at) if self.session else ""

    @property
    def warned_in(self) -> str:
        """Seconds until the end of the session is near enough to be told."""
        left = self.session.ends_at - self.portal.clock.now() if self.session else timedelta(0)
        return str(max(1, int((left - SESSION_WARNING).total_seconds()) + 1))


def _as_link(path: str) -> str:
    return "/" + quote(path.lstrip("/\\"), safe=_SAFE_IN_PATH)


class BlankVisit(Visit):
    """A visit as a page with blanks sees it: see :mod:`portal.web.blanks`."""

    def __init__(self, visit: Visit, path: str, texts: Mapping[str, str]) -> None:
        super().__init__(visit.request, visit.portal)
        self._path = path
        self._texts = texts

    @property
    def path(self) -> str:
        return self._path

    def url(self, path: str, **query: str) -> str:
        if isinstance(path, Blank):
            return path.through(partial(super().url, **query))
        whole = partial(quote, safe="")
        given = {n: v.through(whole) if isinstance(v, Blank) else v for n, v in query.items()}
        return super().url(path, **given)

    @property
    def csrf_token(self) -> str:
        return self._texts["csrf"]

    @property
    def signed_in_until(self) -> str:
        return self._texts["until"]

    @property
    def warned_in(self) -> str:
        return self._texts["warned_in"]
