"""A refusal is challenged within its time: what is written and added reaches the center once."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from portal.backoffice.model import CenterDocument, CenterRequest
from portal.clock import cairo_day
from portal.notifications.model import OutgoingMessage
from portal.requests.model import ServiceRequest
from tests.support.deciding import refused
from tests.support.files import pdf
from tests.support.local import LocalPortal
from tests.support.paying import SERVICE, state_of
from tests.support.people import Citizen, Page

WHY = "العنوان يقع داخل حدود المركز، وهذا ما يثبته كشف المرافق"


def sheet(citizen: Citizen, number: str) -> Page:
    """From the refused request to the page of the grievance."""
    link = citizen.get(f"/requests/{number}").tree.xpath("//a[contains(@href, '/grievance')]/@href")
    assert link, "no way to appeal"
    return citizen.get(link[0])


def last_day(local: LocalPortal, number: str, days: int) -> None:
    """The last day of the grievance is so many days from today."""
    until = cairo_day(local.clock.now()) + timedelta(days=days)
    with local.portal.database.begin() as db:
        of = ServiceRequest.number == number
        db.execute(update(ServiceRequest).where(of).values(grievance_until=until))


def test_a_refusal_is_challenged_with_words_and_documents_and_the_center_has_both_once(
    still: LocalPortal,
) -> None:
    citizen = still.someone()
    number = refused(still, citizen)
    page = sheet(citizen, number)
    assert "قانون مجلس الدولة" in page.text, "who decides"
    assert citizen.send(page, {"note": "لا"}, "/grievance").errors()[0][0] == "note"
    for _ in range(2):
        page = citizen.send(page, {}, "/grievance/files", files={"file": pdf()})
    page = citizen.send(page, {}, "/remove")
    filed = citizen.send(page, {"note": WHY}, "/grievance")
    again = citizen.send(page, {"note": WHY}, "/grievance")
    assert (filed.hook("state"), again.hook("state")) == ("grievance_filed", "grievance_filed")
    assert WHY in filed.text
    still.relay()

    there = still.employee("department_head").open(number)
    assert there.hook("state") == "grievance_filed"
    assert there.text.count(WHY) == 1
    added = (
        select(CenterDocument.code)
        .join(CenterRequest, CenterRequest.id == CenterDocument.center_request_id)
        .where(CenterRequest.request_number == number, CenterDocument.code == "grievance")
    )
    assert len(still.rows(added)) == 1
    rows = still.rows(select(OutgoingMessage.kind, OutgoingMessage.params))
    told = [row.kind for row in rows if row.params.get("number") == number]
    assert told.count("grievance_filed") == 1


@pytest.mark.parametrize("outcome", ["upheld", "rejected"])
def test_what_the_body_decides_is_written_down_and_told(still: LocalPortal, outcome: str) -> None:
    citizen = still.someone()
    number = refused(still, citizen)
    citizen.send(sheet(citizen, number), {"note": WHY}, "/grievance")
    still.relay()
    head = still.employee("department_head")
    wrong = head.act(number, "grievance", {})
    assert [field for field, _ in wrong.errors()] == ["outcome", "grounds"]
    grounds = "ثبت للجنة أن العنوان يقع داخل الحدود"
    page = head.send(wrong, {"outcome": outcome, "grounds": grounds}, "/grievance")
    still.relay()
    upheld = outcome == "upheld"
    assert page.hook("state") == ("referred" if upheld else "grievance_rejected")
    seen = citizen.get(f"/requests/{number}")
    assert seen.hook("state") == ("under_study" if upheld else "grievance_rejected")
    assert grounds in seen.text
    if upheld:  # and the center decides anew, in a period of its own
        due = select(ServiceRequest.due_on).where(ServiceRequest.number == number)
        there = select(CenterRequest.due_on).where(CenterRequest.request_number == number)
        assert still.rows(due) == still.rows(there)
        assert head.approve(number).status == 200
        still.relay()
        assert state_of(still, number) == "issued"


@pytest.mark.parametrize(("days", "open_"), [(0, True), (-1, False)])
def test_it_is_filed_to_the_end_of_the_last_day(still: LocalPortal, days: int, open_: bool) -> None:
    citizen = still.someone()
    number = refused(still, citizen)
    page = sheet(citizen, number)
    last_day(still, number, days)
    filed = citizen.send(page, {"note": WHY}, "/grievance")
    assert filed.hook("state") == ("grievance_filed" if open_ else "refused")
    if not open_:
        assert not filed.tree.xpath("//a[contains(@href, '/grievance')]")
        assert citizen.get(f"/requests/{number}/grievance").path == f"/requests/{number}"
        late = citizen.send(page, {}, "/grievance/files", files={"file": pdf()})
        assert late.status == 404


def test_nobody_challenges_the_refusal_of_another_or_what_is_not_refused(
    still: LocalPortal,
) -> None:
    owner, other = still.someone(), still.someone()
    number = refused(still, owner)
    own = refused(still, other)
    form = {**sheet(other, own).values("/grievance"), "note": WHY}
    assert other.get(f"/requests/{number}/grievance").status == 404
    assert other.post(f"/requests/{number}/grievance", form).status == 404
    assert state_of(still, number) == "refused"
    filed = still.filed(SERVICE, other).hook("request-number")
    assert other.post(f"/requests/{filed}/grievance", form).hook("state") == "received"
