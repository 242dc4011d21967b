"""A citizen at a page of a form who types anything at all."""

from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.drafting import (
    COMPLAINT,
    begin,
    save,
)
from tests.support.local import LocalPortal
from tests.support.looking import (
    fields,
    raw,
)
from tests.support.people import Citizen, Page

NUL, OVERRIDE, ISOLATE = "\x00", "\u202e", "\u2066"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Typist:
    """A citizen at a page of a form."""

    citizen: Citizen
    draft: str
    step: str

    @property
    def path(self) -> str:
        return f"/drafts/{self.draft}/{self.step}"

    def type(self, **values: str) -> Page:
        return save(self.citizen, self.draft, self.step, values)

    def send(self, body: bytes, kind: str = FORM, **headers: str) -> httpx.Response:
        """A body as it is."""
        sent = {"content-type": kind, **headers} if kind else headers
        return raw(self.citizen, "POST", self.path, content=body, headers=sent)

    def shown(self, field: str) -> Any:
        return self.citizen.get(self.path).form().fields[field]


def at_page(portal: LocalPortal, step: str, service: str = COMPLAINT) -> Typist:
    citizen = portal.someone()
    return Typist(citizen, begin(citizen, service), step)


def encoded(typist: Typist, **values: str) -> bytes:
    pairs = fields(typist.citizen, "/requests", **values)
    return str(httpx.QueryParams(pairs)).encode()


_regulars: dict[str, Citizen] = {}


def regular(portal: LocalPortal) -> Citizen:
    """One signed-in citizen of a portal, for tests that only look."""
    if portal.url not in _regulars:
        _regulars[portal.url] = portal.someone()
    return _regulars[portal.url]
