"""Lists in pages: how many, and behind which one, by a cursor that nobody can make up."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode

from portal.bodies.refusals import Turned
from portal.problems import N_
from portal.vault import SealBroken
from portal.violations import Violation
from portal.web.visit import Visit

MOST_LISTED, LISTED = 100, 20


def page_of(visit: Visit, place: str, owner: str) -> tuple[int, Sequence[str] | None]:
    """How many, and what the cursor holds, None without one; raises :class:`Turned`.

    A cursor is sealed to its ``place`` and begins with its ``owner``: another's is none.
    """
    query, wrong = visit.request.query_params, []
    given = query.getall("limit", [])
    plain = given[-1] if len(given) == 1 else ""
    right = plain.isascii() and plain.isdigit() and len(plain) <= 4
    limit = int(plain) if right else LISTED
    if given and not (right and 1 <= limit <= MOST_LISTED):
        told = N_("Write a number from 1 to {n}")
        params = (("n", MOST_LISTED),)
        wrong.append(Violation("limit", told, params, place="parameter"))
    held = None
    cursors = query.getall("cursor", [])
    if cursors:
        held = _open(visit, place, owner, cursors[-1]) if len(cursors) == 1 else None
        if held is None:
            told = N_("Take the cursor from the page before, as it is")
            wrong.append(Violation("cursor", told, place="parameter"))
    if wrong:
        raise Turned("wrong", *wrong)
    return limit, held


def cursor(visit: Visit, place: str, owner: str, *parts: str) -> str:
    """The cursor behind what ``parts`` name; none of them holds a space."""
    sealed = visit.portal.vault.seal(place, " ".join((owner, *parts)))
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _open(visit: Visit, place: str, owner: str, text: str) -> Sequence[str] | None:
    try:
        sealed = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        whose, *parts = visit.portal.vault.open(place, sealed).split(" ")
    except (ValueError, SealBroken):
        return None
    return parts if whose == owner else None


def behind(held: Sequence[str] | None) -> tuple[datetime, str] | None:
    """Time and number of the last one of the page before."""
    return (datetime.fromisoformat(held[0]), held[1]) if held else None


def link(visit: Visit, path: str, found: str, limit: int, **more: str) -> str:
    """The header ``Link`` to the next page (RFC 8288); ``more`` is asked for there again."""
    site = visit.portal.settings.public_url
    asked = {"cursor": found, "limit": limit, **{k: v for k, v in more.items() if v}}
    return f'<{site}{path}?{urlencode(asked)}>; rel="next"'
