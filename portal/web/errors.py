"""Every failure as an honest page: what happened, what is not lost, what to do."""

import json
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException
from sqlalchemy.exc import DataError, DBAPIError, SQLAlchemyError

from portal.observability import log
from portal.problems import N_, BadInput, DomainError, Lost, TooMany
from portal.web.http_forms import UNREADABLE
from portal.web.pages import redirect
from portal.web.parts import Portal
from portal.web.visit import STAFF_AREA, NotSignedIn, Visit

Handler = Callable[[Request[Any, Any, Any], Any], Response[Any]]
LOST_FILE = N_(
    "This file is lost or damaged on our side. Upload it again; if the request was already sent, "
    "tell the center the reference below."
)


@dataclass(frozen=True)
class _Words:
    title: str
    text: str


_STATUS = {
    "missing": 404,
    "refused": 403,
    "forged": 403,
    "conflict": 409,
    "too_many": 429,
    "unavailable": 503,
}
_AGAIN = N_("Go back, open the page again and send it. What you saved is not lost.")
_SHORTER = N_("Go back and shorten it. What you saved is not lost.")
_WORDS: Mapping[int, _Words] = {
    400: _Words(N_("We could not read what was sent"), _AGAIN),
    401: _Words(
        N_("This page needs you to sign in"), N_("Sign in, then open it again. Nothing is lost.")
    ),
    403: _Words(
        N_("This page cannot be sent from here"),
        N_("The page was open for too long, or this is not yours to do. Open it again."),
    ),
    404: _Words(
        N_("We did not find this page"),
        N_(
            "The address may have changed or be incomplete. "
            "With a request number you can track the request directly."
        ),
    ),
    405: _Words(
        N_("This page is opened in another way"), N_("Go back to the page and use its buttons.")
    ),
    406: _Words(
        N_("We have this page as a web page only"),
        N_("Open it in a browser."),
    ),
    408: _Words(
        N_("It took too long to reach us"),
        N_("Your connection may be weak. Go back and send it again; what you saved is not lost."),
    ),
    409: _Words(
        N_("This has changed meanwhile"),
        N_("Somebody, or another tab of yours, was faster. Open the page again to see it."),
    ),
    410: _Words(
        N_("This page is no longer here"),
        N_("Look for the service by its name, or track your request by its number."),
    ),
    411: _Words(N_("We could not read what was sent"), _AGAIN),
    413: _Words(N_("That is too large"), N_("Send a smaller file, or fewer files at once.")),
    414: _Words(N_("The address is too long"), _SHORTER),
    415: _Words(N_("This is not the page's form"), _AGAIN),
    416: _Words(
        N_("This part of the file is not there"), N_("Go back and open the whole file again.")
    ),
    422: _Words(N_("Something in it has to be mended"), _AGAIN),
    429: _Words(N_("Too many attempts"), N_("Wait a few minutes and try again. Nothing is lost.")),
    431: _Words(
        N_("Your browser sends too much with the page"),
        N_("Delete the cookies of this site in your browser, then open the page again."),
    ),
    500: _Words(
        N_("Something went wrong on our side"),
        N_("It is not your fault, and what you saved is not lost. Try again in a few minutes."),
    ),
    501: _Words(
        N_("This page is opened in another way"), N_("Go back to the page and use its buttons.")
    ),
    502: _Words(
        N_("Another system does not answer us now"),
        N_("Nothing was changed, and what you saved is not lost. Try again in a few minutes."),
    ),
    503: _Words(
        N_("The service is busy now"),
        N_("Nothing was changed, and what you saved is not lost. Try again in a minute."),
    ),
    504: _Words(
        N_("Another system takes too long to answer"),
        N_("What you saved is not lost. Look at the page again before you repeat anything."),
    ),
}
# Read by programs: an answer in one line, as they know it
_INTERFACE = "/api/"  # problems after RFC 9457
_MACHINES = (_INTERFACE, "/webhooks/", "/health/", "/metrics", "/.well-known/")


def error_handlers(portal: Portal) -> MutableMapping[int | type[Exception], Handler]:
    """The exception handlers of the application."""

    def page(
        request: Request[Any, Any, Any], status: int, headers: Mapping[str, str], reason: str = ""
    ) -> Response[Any]:
        visit = Visit(request, portal)
        if visit.path.startswith(_MACHINES):
            return _for_machines(visit.path, status, headers)
        words = _WORDS.get(status) or _WORDS[500 if status >= 500 else 400]
        response = portal.pages.page(
            visit,
            "error.html",
            status,
            words_of=words,
            reason=reason,
            code_of=status,
            minutes=_minutes(headers),
        )
        response.headers.update(headers)
        return response

    def domain(request: Request[Any, Any, Any], error: DomainError) -> Response[Any]:
        if isinstance(error, NotSignedIn):
            return _to_sign_in(Visit(request, portal), error)
        if isinstance(error, BadInput):
            return page(request, error.status, {}, error.reason)
        if isinstance(error, Lost):
            log.error("file.lost", error=str(error))
            return page(request, 500, {}, LOST_FILE)
        status = _STATUS[error.kind]
        log.info("refused", kind=error.kind, status=status)
        wait = {"retry-after": str(error.minutes * 60)} if isinstance(error, TooMany) else {}
        return page(request, status, wait)

    def http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
        return page(request, error.status_code, dict(error.headers or {}))

    def database(request: Request[Any, Any, Any], error: SQLAlchemyError) -> Response[Any]:
        cause = type(error.orig).__name__ if isinstance(error, DBAPIError) else ""
        log.error("database", error=type(error).__name__, reason=cause)
        if isinstance(error, DataError):  # PostgreSQL takes no NUL: waiting would not help
            return page(request, 400, {}, UNREADABLE)
        return page(request, 503, {"retry-after": "60"})

    def anything(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        if isinstance(error, OSError):  # a full disk, above all
            log.error("storage", error=type(error).__name__, exc_info=error)
            return page(request, 503, {"retry-after": "60"})
        log.error("failed", error=type(error).__name__, exc_info=error)
        return page(request, 500, {})

    return {
        DomainError: domain,
        HTTPException: http,
        SQLAlchemyError: database,
        Exception: anything,
    }


def _for_machines(path: str, status: int, headers: Mapping[str, str]) -> Response[Any]:
    phrase = HTTPStatus(status).phrase
    line, kind = f"{phrase.lower()}\n", "text/plain"
    if path.startswith(_INTERFACE):
        line = json.dumps({"type": "about:blank", "status": status, "title": phrase})
        kind = "application/problem+json"
    return Response(line.encode(), status_code=status, media_type=kind, headers=headers)


def last_words(portal: Portal) -> Mapping[str, bytes]:
    """By language, the page for when none can be made: made at the start, of words alone."""
    return {
        speech.locale: portal.pages.page_of_nobody("last_words.html", speech, words_of=_WORDS[500])
        for speech in portal.languages.pair
    }


def _minutes(headers: Mapping[str, str]) -> int:
    """What a Retry-After says, for people; none below two minutes: «a minute» is said already."""
    seconds = int(headers.get("retry-after", "0"))
    return -(-seconds // 60) if seconds >= 120 else 0


def _to_sign_in(visit: Visit, error: NotSignedIn) -> Response[Any]:
    """The sign-in page, which leads back to where the visitor wanted to go."""
    if error.area == "staff":
        return redirect(visit, f"{STAFF_AREA}/sign-in")
    if visit.request.method != "GET":  # a form's own address may not be one to open
        return redirect(visit, "/sign-in", next="/".join(visit.here.split("/")[:4]))
    query = visit.request.scope["query_string"].decode("latin-1")
    return redirect(visit, "/sign-in", next=visit.here + (f"?{query}" if query else ""))
