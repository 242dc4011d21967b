"""Something of everything that belongs to somebody, and every address that leads to it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import insert, select

from payments import attempts, obligations
from payments.cases import open_case
from payments.model import Refund
from portal.bodies.model import BodyInquiry
from portal.clock import public_id
from portal.permits.model import BuildingPermit
from portal.requests import pay_links
from portal.routes import HANDLERS
from portal.web.routing import Access
from tests.support.drafting import COMPLAINT, answer_all, begin, upload
from tests.support.files import pdf, photo
from tests.support.local import LocalPortal
from tests.support.looking import (
    raw,
)
from tests.support.people import Browser, Citizen, Employee

PAID = "shop-licence-replacement"
Route = tuple[str, str, Access]
ROUTES: list[Route] = sorted(
    (method, path, handler.opt["access"])
    for handler in HANDLERS
    for path in handler.paths
    for method in handler.http_methods
)
GUIDE = {"guide_code": "shop-licence", "question_code": "risk", "answer_code": "harmless"}
MARKED = re.compile(r"\{(\w+):(?:str|int)\}")
VALID = {
    # what would be done, were it allowed
    "completion": {"items": "national_id_card", "completion_note": "ناقص", "days": "14"},
    "refuse": {"reasons": "incomplete", "refusal_note": "سبب واضح للرفض"},
    "accept-prelim": {"conditions": "تركيب طفاية حريق"},
    "assess": {"seen": ""},
    "confirm-fees": {"assessment": "1"},
    "return-fees": {"assessment": "1", "return_note": "راجع المساحة من فضلك"},
    "complete": {"note": "الرد على المركز"},
    "check": {"declaration": "yes"},
}


def of(*access: Access) -> list[Route]:
    return [route for route in ROUTES if route[2] in access]


def named(routes: list[Route]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("route", routes, ids=[f"{m} {p}" for m, p, _ in routes])


@dataclass(frozen=True)
class World:
    """Something of everything that belongs to somebody."""

    portal: LocalPortal
    owner: Citizen
    other: Citizen
    clerk: Employee
    ids: Mapping[str, str]
    file_of_request: str

    def address(self, path: str, ids: Mapping[str, str] | None = None) -> str:
        """The address of a route, for what is really there or for other ids."""
        known = {
            "center_code": "KFS-003",
            "day": "2026-11-20",
            "case": "1",
            "name": "request.paid.v1.json",
            "outage": "1",
            "inquiry_id": "0" * 20,
            "job_id": "0" * 20,
            "lot": "1",
            "file_no": "1",
            "scan_id": "1",
            "import_id": "1",
            "matter_id": "1",
            "left_id": "1",
            **GUIDE,
            **(ids or self.ids),
        }
        if path.endswith("/fees"):
            known["slug"] = "kiosk-licence"  # one whose fees depend on answers
        if "{number:str}/files" in path and ids is None:
            known["file_id"] = self.file_of_request
        filled = MARKED.sub(lambda mark: known[mark[1]], path)
        assert "{" not in filled, f"this test does not know what stands in {path}"
        return filled

    def state(self) -> list[list[Any]]:
        """Everything that an act could have changed."""
        return [
            [tuple(row) for row in self.portal.rows(statement)]
            for statement in (
                "SELECT id, state, revision FROM drafts ORDER BY id",
                "SELECT id, request_id, purpose FROM attachments ORDER BY id",
                "SELECT number, state, revision FROM service_requests ORDER BY id",
                "SELECT request_number, state, incoming_number FROM center_requests ORDER BY id",
                "SELECT id, state, decided_by FROM payment_refunds ORDER BY id",
                "SELECT id, closed_at FROM payment_cases ORDER BY id",
                "SELECT code, revision, revoked_at FROM outside_bodies ORDER BY code",
                "SELECT id, searched_at FROM body_inquiries ORDER BY id",
                "SELECT id, status, review, revision FROM building_permits ORDER BY id",
                "SELECT id FROM backlog_files ORDER BY id",
                "SELECT id FROM manual_cutoffs ORDER BY id",
                "SELECT id FROM permit_scans ORDER BY id",
                "SELECT id, state FROM permit_imports ORDER BY id",
                "SELECT id, closed_on FROM permit_matters ORDER BY id",
            )
        ]


def make_world(local: LocalPortal) -> World:
    """A paid request in its inbox, and a draft with a file."""
    owner, other = local.someone(), local.someone()
    paid = begin(owner, PAID)
    answer_all(local, owner, paid, PAID, local.answers(PAID))
    page = owner.upload_all(owner.get(f"/drafts/{paid}/documents"))
    page = owner.pay(owner.submit(page))
    number = page.hook("request-number")
    (receipt,) = page.tree.xpath("//a[contains(@href, '/receipts/')]/@href")
    (code,) = owner.get(receipt).tree.xpath("//a[contains(@href, '/verify/')]/@href")
    local.soon(lambda: bool(local.rows("SELECT id FROM center_requests")))
    (of_request, *_) = local.rows("SELECT id FROM attachments WHERE draft_id = :d", d=paid)
    draft = begin(owner)
    upload(owner, draft, "papers", [pdf()])
    (of_draft,) = local.rows("SELECT id FROM attachments WHERE draft_id = :d", d=draft)
    (document, *_) = local.rows("SELECT id FROM center_documents")
    ids = {
        **_money(local, number),
        "slug": COMPLAINT,
        "draft_id": draft,
        "step_code": "applicant",
        "code": "papers",
        "file_id": of_draft.id,
        "number": number,
        "receipt_number": receipt.split("/")[-1],
        "receipt_code": code.split("/")[-1],
        "document_id": document.id,
        **_permit(local),
        **_body(local),
    }
    _paper_book(local)
    clerk = local.employee("front_office")
    return World(local, owner, other, clerk, ids, of_request.id)


def _permit(local: LocalPortal) -> dict[str, str]:
    """A building permit that the demo brings."""
    ((permit_id, serial, year, number),) = local.rows(
        select(BuildingPermit.id, BuildingPermit.serial, BuildingPermit.year, BuildingPermit.number)
        .where(BuildingPermit.center_code == "KFS-003", BuildingPermit.source == "manual")
        .order_by(BuildingPermit.id)
        .limit(1)
    )
    return {
        "permit_id": str(permit_id),
        "serial": serial,
        "permit_center": "KFS-003",
        "permit_year": str(year),
        "permit_number": str(number),
    }


def _body(local: LocalPortal) -> dict[str, str]:
    """An outside body that the demo brings, its purpose, and a search that waits for the center."""
    ((body, purpose, answer),) = local.rows(
        select(BodyInquiry.body_code, BodyInquiry.purpose, BodyInquiry.id)
        .where(BodyInquiry.search_due.is_not(None), BodyInquiry.center_code == "KFS-003")
        .order_by(BodyInquiry.at)
        .limit(1)
    )
    return {"body_code": body, "purpose_code": purpose, "answer_id": answer}


def _paper_book(local: LocalPortal) -> None:
    """A file of old permits that was sent, the first one."""
    entry, base = local.employee("backlog_entry"), "/center/permits/imports"
    file = ("book.csv", b"number,year\n1,1998\n", "text/csv")
    assert entry.send(entry.get(base), {}, base, files={"file": file}).path == f"{base}/1"


def _money(local: LocalPortal, number: str) -> dict[str, str]:
    """A payment, a refund of it that somebody asked for, a case, and the link that was paid."""
    now = local.clock.now()
    with local.portal.database.begin() as db:
        (owed,) = obligations.of_reference(db, number)
        (paid,) = attempts.with_money(db, owed.id)
        refund = public_id()
        db.execute(
            insert(Refund).values(
                id=refund,
                attempt_id=paid.id,
                reference=number,
                origin="staff",
                reason="surplus",
                currency="EGP",
                amount=100,
                state="requested",
                requested_by="cashier@KFS-003",
                requested_at=now,
                decided_note="",
                look_again_at=now,
            )
        )
        open_case(db, "surplus", paid.id, number, "100", now)
    return {
        "link": pay_links.token(local.portal.vault, owed.id),
        "payment": paid.id,
        "refund_id": refund,
    }


def attempt(
    browser: Browser, route: Route, address: str, proof: str = "", **more: Any
) -> httpx.Response:
    """The request of a route with everything that would make it work."""
    method, _, _ = route
    if method == "GET":
        return raw(browser, "GET", address, **more)
    last = address.rsplit("/", 1)[-1]
    values = {**VALID.get(last, {}), "_csrf": proof}
    if last == "approve":
        values["output_number"] = "1/2026"
        more["files"] = {"output": pdf()}
    elif "/documents/" in address or last == "scans" or re.search(r"/complete/\w+$", address):
        more["files"] = {} if last == "remove" else {"file": photo()}
    return raw(browser, method, address, data=values, **more)


def of_nobody(ids: Mapping[str, str]) -> dict[str, str]:
    """Ids of the same shape that nobody has."""
    codes = {"slug", "step_code", "code"}
    return {n: re.sub("[0-9a-z]", "0", value) for n, value in ids.items() if n not in codes}
