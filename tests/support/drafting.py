"""A draft's way in few requests: each page sent as its form would send it, no page looked at."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from portal.catalogue.fields import Raw
from portal.catalogue.forms import evaluate
from portal.requests.lookups import FormLookups, PlaceLists
from tests.support.answers import as_form
from tests.support.files import File, photo
from tests.support.local import LocalPortal
from tests.support.looking import leads_to, raw, token
from tests.support.people import Citizen, Page

COMPLAINT = "municipal-complaint"
"""The shortest form of a free service: every document but the identity card is optional."""

APPLICANT = {
    "applicant_capacity": "self",
    "applicant_name": "منى السيد عبد الرحمن شلبي",
    "is_foreigner": "no",
    "national_id": "29001018800018",
}


def begin(citizen: Citizen, service: str = COMPLAINT) -> str:
    """A new draft; its id."""
    path = citizen.get(f"/services/{service}/apply").path
    assert path.startswith("/drafts/"), path
    return path.split("/")[2]


def save(citizen: Citizen, draft: str, step: str, values: Mapping[str, Any]) -> Page:
    """One page opened, filled in and sent; the page that follows."""
    return citizen.send(citizen.get(f"/drafts/{draft}/{step}"), values)


def post(citizen: Citizen, path: str, values: Mapping[str, Any] | None = None) -> httpx.Response:
    """A form of this browser sent without being looked at."""
    return raw(citizen, "POST", path, data={"_csrf": token(citizen, "/requests"), **(values or {})})


def answer_all(
    portal: LocalPortal, citizen: Citizen, draft: str, service: str, answers: Mapping[str, Raw]
) -> None:
    """Every page that these answers open, in order."""
    parts = portal.portal
    found = parts.catalogue.services[service]
    with parts.database.read() as db:
        lookups = FormLookups(PlaceLists(parts.places), db, parts.languages.pair)
        evaluation = evaluate(found, answers, portal.clock.now().date(), lookups)
    proof = token(citizen, "/requests")
    for state in evaluation.steps:
        values = {"_csrf": proof, **as_form(state.asked, answers)}
        response = raw(citizen, "POST", f"/drafts/{draft}/{state.step.code}", data=values)
        assert leads_to(response).startswith(f"/drafts/{draft}/"), state.step.code


def upload(
    citizen: Citizen, draft: str, document: str, files: Sequence[File], **more: Any
) -> httpx.Response:
    """Files sent from the page of documents."""
    return raw(
        citizen,
        "POST",
        f"/drafts/{draft}/documents/{document}",
        data={"_csrf": token(citizen, "/requests")},
        files=[("file", file) for file in files],
        **more,
    )


def ready_to_send(
    portal: LocalPortal, citizen: Citizen, answers: Mapping[str, Raw] | None = None
) -> str:
    """A complaint of which only the declaration is missing; the draft's id."""
    draft = begin(citizen)
    answer_all(portal, citizen, draft, COMPLAINT, answers or portal.answers(COMPLAINT))
    assert upload(citizen, draft, "national_id_card", [photo()]).status_code == 303
    return draft


def declaration(citizen: Citizen, draft: str) -> dict[str, Any]:
    """The form of the check as it is shown now, with the declaration confirmed."""
    return {**citizen.get(f"/drafts/{draft}/check").values("/check"), "declaration": "yes"}


def declare(citizen: Citizen, draft: str) -> httpx.Response:
    return raw(citizen, "POST", f"/drafts/{draft}/check", data=declaration(citizen, draft))


def send(portal: LocalPortal, citizen: Citizen) -> str:
    """A complaint filed; its number."""
    return leads_to(declare(citizen, ready_to_send(portal, citizen))).split("/")[2]


def value(page: Page, name: str) -> Any:
    return page.form().fields[name]
