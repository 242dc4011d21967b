"""From draft to request: complete, as it was shown, without what was not asked, and once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from portal.requests import reading
from tests.support.drafting import (
    APPLICANT,
    COMPLAINT,
    answer_all,
    begin,
    declaration,
    declare,
    post,
    ready_to_send,
    save,
    upload,
)
from tests.support.files import pdf, photo
from tests.support.local import LocalPortal
from tests.support.looking import (
    assert_links_lead_to_controls,
    leads_to,
    page_of,
    raw,
    same_browser,
    told,
)

LONG_AGO = {"happened_on.day": "1", "happened_on.month": "2", "happened_on.year": "2020"}


# --- what the request holds ---


def test_hidden_answers_are_no_part_of_the_request(shared: LocalPortal) -> None:
    citizen = shared.someone()
    draft = begin(citizen)
    secret = "88/1999"
    post(citizen, f"/drafts/{draft}/category", {"category": "delay", "urgent": "no"})
    post(citizen, f"/drafts/{draft}/details", {"related_request": secret, "description": ""})
    post(citizen, f"/drafts/{draft}/place-governorate", {"place.governorate": "EG-ALX"})
    passport = {**APPLICANT, "is_foreigner": "no", "passport_number": "HIDDEN123"}
    answer_all(shared, citizen, draft, COMPLAINT, shared.answers(COMPLAINT))
    post(citizen, f"/drafts/{draft}/applicant", passport)
    upload(citizen, draft, "national_id_card", [photo()])
    number = leads_to(declare(citizen, draft)).split("/")[2]
    kept = _filed(shared, number)
    for hidden in (secret, "HIDDEN123", "EG-ALX"):
        assert hidden not in str(kept)
    assert "related_request" not in kept["values"]
    shared.relay()
    opened = shared.employee("front_office").open(number)
    assert "HIDDEN123" not in opened.text


def test_a_document_that_is_not_asked_any_more_is_no_part_of_the_request(
    shared: LocalPortal,
) -> None:
    citizen = shared.someone()
    draft = begin(citizen)
    files_before = len(list((shared.portal.settings.files_dir / "portal").glob("??/*")))
    answer_all(shared, citizen, draft, COMPLAINT, shared.answers(COMPLAINT))
    foreign = {**APPLICANT, "is_foreigner": "yes", "passport_number": "A12345678"}
    post(citizen, f"/drafts/{draft}/applicant", {**foreign, "nationality": "SD"})
    assert upload(citizen, draft, "passport", [pdf()]).status_code == 303
    post(citizen, f"/drafts/{draft}/applicant", APPLICANT)
    assert upload(citizen, draft, "national_id_card", [photo()]).status_code == 303
    number = leads_to(declare(citizen, draft)).split("/")[2]
    sent = shared.rows(
        "SELECT a.document_code FROM attachments a JOIN service_requests r ON r.id = a.request_id"
        " WHERE r.number = :n",
        n=number,
    )
    assert [row.document_code for row in sent] == ["national_id_card"]
    kept = shared.rows("SELECT storage_key FROM attachments WHERE draft_id = :d", d=draft)
    folder = shared.portal.settings.files_dir / "portal"
    stored = {path.parent.name + path.name for path in folder.glob("??/*")}
    assert [row.storage_key in stored for row in kept] == [True]
    assert len(stored) == files_before + 1


def _filed(portal: LocalPortal, number: str) -> dict[str, Any]:
    parts = portal.portal
    with parts.database.read() as db:
        request = reading.by_number(db, number)
        return reading.answers(db, parts.vault, request.id)


# --- ahead of the order ---


def test_going_ahead_leads_back_to_what_is_missing(shared: LocalPortal) -> None:
    citizen = shared.someone()
    draft = begin(citizen)
    save(citizen, draft, "applicant", APPLICANT)
    page = page_of(declare(citizen, draft))
    assert page.status == 422
    told_of = dict(page.errors())
    # every page that is not complete and every paper that is missing, at once
    assert "part-applicant" not in told_of
    assert {"part-contact", "part-category", "document-national_id_card"} <= set(told_of)
    assert "التواصل والاستلام" in told_of["part-contact"]
    assert_links_lead_to_controls(page)
    # and what the summary leads to is the way there
    (way,) = page.tree.xpath("//a[@id='part-contact']/@href")
    assert citizen.get(way).path == f"/drafts/{draft}/contact"
    assert not shared.rows("SELECT id FROM service_requests WHERE draft_id = :d", d=draft)


def test_documents_may_be_uploaded_before_the_form_is_complete(shared: LocalPortal) -> None:
    citizen = shared.someone()
    draft = begin(citizen)
    assert upload(citizen, draft, "papers", [pdf()]).status_code == 303
    assert "paper.pdf" in citizen.get(f"/drafts/{draft}/documents").text
    assert raw(citizen, "GET", f"/drafts/{draft}/nonsense").status_code == 404


def test_nothing_is_sent_without_the_required_document(shared: LocalPortal) -> None:
    citizen = shared.someone()
    draft = begin(citizen)
    answer_all(shared, citizen, draft, COMPLAINT, shared.answers(COMPLAINT))
    page = page_of(declare(citizen, draft))
    assert page.status == 422
    assert [field for field, _ in page.errors()] == ["document-national_id_card"]
    assert_links_lead_to_controls(page)


def test_nothing_is_sent_without_the_declaration(shared: LocalPortal) -> None:
    citizen = shared.someone()
    draft = ready_to_send(shared, citizen)
    for values in ({}, {"declaration": ""}, {"declaration": "no"}):
        page = page_of(post(citizen, f"/drafts/{draft}/check", values))
        assert page.status == 422
        assert told(page, "declaration")
        assert_links_lead_to_controls(page)
    assert not shared.rows("SELECT id FROM service_requests WHERE draft_id = :d", d=draft)


def test_a_change_from_the_check_leads_back_to_it(shared: LocalPortal) -> None:
    citizen = shared.someone()
    draft = ready_to_send(shared, citizen)
    check = citizen.get(f"/drafts/{draft}/check")
    (change,) = [h for h in check.tree.xpath("//main//a/@href") if "/category" in h]
    page = citizen.send(citizen.get(change), {"category": "noise", **LONG_AGO})
    assert page.path == f"/drafts/{draft}/check"
    assert "ضوضاء" in page.text


def test_what_is_sent_is_what_was_shown(shared: LocalPortal) -> None:
    """The declaration is for the answers on the page; another tab may have changed them since."""
    citizen = shared.someone()
    draft = ready_to_send(shared, citizen)
    check = citizen.get(f"/drafts/{draft}/check")
    assert "شجر" not in check.text
    other_tab = same_browser(citizen)
    post(other_tab, f"/drafts/{draft}/category", {"category": "trees", "urgent": "no"})
    answer = citizen.send(check, {"declaration": "yes"}, "/check")
    filed = shared.rows("SELECT number FROM service_requests WHERE draft_id = :d", d=draft)
    assert not filed, f"sent with answers that the page did not show: {answer.path}"
    # the page comes again with the answers as they are, says so, and can be sent
    assert answer.status == 422
    assert "راجع بياناتك كما هي الآن" in told(answer, "declaration")
    assert "أشجار" in answer.text
    assert citizen.send(answer, {"declaration": "yes"}, "/check").hook("state") == "received"


def test_saving_a_page_as_it_was_asks_for_no_second_look(shared: LocalPortal) -> None:
    """A page saves itself when it is left: that may come in after the check was shown."""
    citizen = shared.someone()
    draft = ready_to_send(shared, citizen)
    check = citizen.get(f"/drafts/{draft}/check")
    late = citizen.get(f"/drafts/{draft}/category").values("/category")
    post(same_browser(citizen), f"/drafts/{draft}/category", {**late, "_autosave": "1"})
    assert citizen.send(check, {"declaration": "yes"}, "/check").hook("state") == "received"


# --- sent once ---


def test_sending_twice_makes_one_request(shared: LocalPortal) -> None:
    citizen = shared.someone()
    draft = ready_to_send(shared, citizen)
    check = citizen.get(f"/drafts/{draft}/check")
    first = citizen.send(check, {"declaration": "yes"}, "/check")
    second = citizen.send(check, {"declaration": "yes"}, "/check")
    assert first.path == second.path == f"/requests/{first.hook('request-number')}"
    _assert_filed_once(shared, draft)
    # the back button, every page of the draft and a late save lead to the request as well
    for path in ("", "/applicant", "/documents", "/check"):
        assert citizen.get(f"/drafts/{draft}{path}").path == first.path
    assert leads_to(post(citizen, f"/drafts/{draft}/applicant", APPLICANT)) == first.path
    assert upload(citizen, draft, "papers", [pdf()]).status_code in {303, 404, 409}
    assert post(citizen, f"/drafts/{draft}/discard").status_code in {303, 404, 409}
    assert citizen.get(first.path).hook("state") == "received"


def test_sending_in_four_tabs_at_once_makes_one_request(shared: LocalPortal) -> None:
    citizen = shared.someone()
    draft = ready_to_send(shared, citizen)
    form = declaration(citizen, draft)
    tabs = [same_browser(citizen) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda tab: raw(tab, "POST", f"/drafts/{draft}/check", data=form), tabs)
        )
    (number,) = shared.rows("SELECT number FROM service_requests WHERE draft_id = :d", d=draft)
    assert {leads_to(answer) for answer in answers} == {f"/requests/{number.number}"}
    _assert_filed_once(shared, draft)


def _assert_filed_once(portal: LocalPortal, draft: str) -> None:
    (request,) = portal.rows("SELECT id, number FROM service_requests WHERE draft_id = :d", d=draft)
    acts = portal.rows("SELECT event FROM request_history WHERE request_id = :r", r=request.id)
    assert [act.event for act in acts].count("submit") == 1
    portal.relay()
    inbox = portal.rows(
        "SELECT id FROM center_requests WHERE request_number = :n", n=request.number
    )
    assert len(inbox) == 1
