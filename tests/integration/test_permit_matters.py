"""What is recorded beside a permit: who writes it down, who sees it, what bodies are told of it."""

from datetime import date

import pytest

from portal.bodies import purposes
from portal.bodies.purposes import Sight
from portal.permits import matters
from portal.permits import reading as register
from portal.permits.model import MatterKind
from portal.permits.reading import Owner, People
from tests.support.answers import NATIONAL_ID
from tests.support.local import LocalPortal
from tests.support.people import Browser, Employee, Page
from tests.support.permits import NAME, put

_DAY = {"matter_on": "2026-11-01"}
_ASKED = ("form_8", "dues_block", "violations_count", "reconciliation_status")


@pytest.fixture
def officer(still: LocalPortal) -> Employee:
    return still.employee("department_officer")


def _record(officer: Employee, permit_id: int, kind: str, reference: str) -> Page:
    page = officer.get(f"/center/permits/{permit_id}")
    typed = {"matter_kind": kind, "matter_reference": reference, **_DAY}
    return officer.send(page, typed, f"{page.path}/matters")


def _end(officer: Employee, page: Page, kind: str, outcome: str, on: str = "2026-11-10") -> Page:
    where = f"//li[@data-matter='{kind}'][@data-open]//form/@action"
    [action] = page.tree.xpath(where)
    return officer.send(page, {"outcome": outcome, "closed_on": on}, str(action))


def _token(page: Page) -> str:
    return str(page.tree.xpath("//input[@name='_csrf']/@value")[0])


def _told(local: LocalPortal, permit_id: int) -> dict[str, object]:
    with local.portal.database.read() as db:
        permit = register.by_id(db, local.portal.vault, permit_id)
        recorded = matters.of_permit(db, permit_id)
    return purposes.told(_ASKED, Sight(permit, date(2026, 11, 20), recorded))[0]


def test_a_violation_is_recorded_and_ended_and_both_stand_in_the_permit_s_history(
    still: LocalPortal, officer: Employee
) -> None:
    permit_id, _ = put(still)
    page = _record(officer, permit_id, "violation", "محضر ١٢ لسنة ٢٠٢٦")
    assert page.status == 200, page.errors()
    assert page.tree.xpath("//li[@data-matter='violation'][@data-open]")
    again = _record(officer, permit_id, "violation", "محضر ١٢ لسنة ٢٠٢٦")
    assert (again.status, [field for field, _ in again.errors()]) == (409, ["matter_reference"])
    ended = _end(officer, page, "violation", "removed")
    assert ended.status == 200, ended.errors()
    assert not ended.tree.xpath("//li[@data-open]")
    with still.portal.database.read() as db:
        acts = [act.act for act in register.history(db, still.portal.vault, permit_id)]
    assert acts == ["enter", "open_matter", "close_matter"]


def test_wrong_input_is_told_all_at_once_and_records_nothing(
    still: LocalPortal, officer: Employee
) -> None:
    permit_id, _ = put(still)
    page = officer.get(f"/center/permits/{permit_id}")
    typed = {"matter_kind": "rumour", "matter_reference": " ", "matter_on": "2026-11-31"}
    refused = officer.send(page, typed, f"{page.path}/matters")
    told = [field for field, _ in refused.errors()]
    assert (refused.status, told) == (422, ["matter_kind", "matter_reference", "matter_on"])
    page = _record(officer, permit_id, "stop_work", "44")
    early = _end(officer, page, "stop_work", "paid", "2026-10-31")
    assert early.status == 422
    assert [field.split("-")[0] for field, _ in early.errors()] == ["outcome", "closed_on"]
    with still.portal.database.read() as db:
        [matter] = matters.of_permit(db, permit_id)
    assert matter.closed_on is None


def test_only_who_keeps_the_register_of_this_center_records_anything(still: LocalPortal) -> None:
    permit_id, _ = put(still)
    path = f"/center/permits/{permit_id}"
    typed = {"matter_kind": "dues", "matter_reference": "9", **_DAY}
    inspector = still.employee("inspector")
    page = inspector.get(path)
    assert page.status == 200
    assert not page.tree.xpath("//form[contains(@action, '/matters')]")
    elsewhere = still.employee("department_officer", "KFS-004")
    for employee, status in ((inspector, 403), (elsewhere, 404)):
        form = {**typed, "_csrf": _token(employee.get("/center/permits"))}
        assert employee.post(f"{path}/matters", form).status == status
    with still.portal.database.read() as db:
        assert matters.of_permit(db, permit_id) == []


def test_the_owner_sees_what_is_recorded_and_nobody_else_does(
    still: LocalPortal, officer: Employee
) -> None:
    permit_id, address = put(still, people=People([Owner(NAME, NATIONAL_ID)]))
    _record(officer, permit_id, "court_case", "دعوى ٧٧١")
    assert "دعوى ٧٧١" in still.someone().get(address).text
    stranger = Browser(still.url).get(address)
    assert stranger.hook("answer") == "found"
    assert "٧٧١" not in stranger.text
    assert "دعوى" not in stranger.text


def test_bodies_are_told_what_is_recorded_and_never_that_paper_books_are_clean(
    still: LocalPortal, officer: Employee
) -> None:
    issued, _ = put(still, source="system")
    assert _told(still, issued) == {
        "form_8": False,
        "dues_block": False,
        "violations_count": 0,
        "reconciliation_status": "none",
    }
    paper, _ = put(still, source="manual")
    assert _told(still, paper) == {}, "it came into the register late"
    for kind in MatterKind:
        page = _record(officer, paper, kind, "5")
    assert _told(still, paper) == {
        "form_8": True,
        "dues_block": True,
        "violations_count": 1,
        "reconciliation_status": "requested",
    }
    page = _end(officer, page, "violation", "cancelled")
    page = _end(officer, page, "reconciliation", "refused")
    page = _end(officer, page, "dues", "paid")
    assert _told(still, paper) == {"form_8": True, "reconciliation_status": "refused"}
