"""Drafts: begun once, kept as typed, found again, checked whole, sent once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from portal.requests import reading
from tests.support.drafting import (
    COMPLAINT,
    answer_all,
    begin,
    declare,
    post,
    ready_to_send,
    save,
    upload,
)
from tests.support.files import pdf, photo
from tests.support.local import LocalPortal
from tests.support.looking import (
    assert_honest,
    assert_links_lead_to_controls,
    leads_to,
    on_another_phone,
    only_the_words,
    page_of,
    raw,
    same_browser,
    token,
    told,
)
from tests.support.people import Citizen, Page

APPLICANT = {
    "applicant_capacity": "self",
    "applicant_name": "منى السيد عبد الرحمن شلبي",
    "is_foreigner": "no",
    "national_id": "29001018800018",
}
LONG_AGO = {"happened_on.day": "1", "happened_on.month": "2", "happened_on.year": "2020"}


def value(page: Page, name: str) -> Any:
    return page.form().fields[name]


def open_drafts(citizen: Citizen) -> list[str]:
    """The drafts that the citizen's own list offers to go on with."""
    links = citizen.get("/requests").tree.xpath("//main//a/@href")
    return [link.split("/")[2] for link in links if link.startswith("/drafts/")]


# --- one draft for a service ---


def test_a_draft_is_offered_again_instead_of_a_second_one(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = begin(citizen)
    offer = citizen.get(f"/services/{COMPLAINT}/apply")
    assert offer.path == f"/services/{COMPLAINT}/apply"
    assert offer.tree.xpath("//a[@data-primary]/@href") == [f"/drafts/{draft}"]
    assert open_drafts(citizen) == [draft]
    assert begin(citizen, "waste-fee-clearance") != draft


def test_two_taps_at_once_begin_one_draft(local: LocalPortal) -> None:
    citizen = local.someone()
    tabs = [same_browser(citizen) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda tab: raw(tab, "GET", f"/services/{COMPLAINT}/apply"), tabs))
    assert {answer.status_code for answer in answers} <= {200, 303}
    assert len(open_drafts(citizen)) == 1


def test_beginning_anew_drops_the_draft_that_was_offered(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = begin(citizen)
    upload(citizen, draft, "papers", [pdf()])
    page = citizen.send(citizen.get(f"/services/{COMPLAINT}/apply"), {}, "/apply")
    fresh = page.path.split("/")[2]
    assert fresh != draft
    assert raw(citizen, "GET", f"/drafts/{draft}").status_code == 404
    assert open_drafts(citizen) == [fresh]
    left = "SELECT count(*) AS n FROM attachments WHERE draft_id = :d"
    assert local.rows(left, d=draft)[0].n == 0


def test_a_draft_is_found_again_on_another_phone(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = begin(citizen)
    save(citizen, draft, "applicant", APPLICANT)
    phone = on_another_phone(local, citizen)
    assert open_drafts(phone) == [draft]
    page = phone.get(f"/drafts/{draft}/applicant")
    assert value(page, "applicant_name") == APPLICANT["applicant_name"]
    assert value(page, "applicant_capacity") == "self"


def test_the_same_national_id_with_another_mobile_sees_nothing(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = begin(citizen)
    other = local.signed_in(citizen.national_id, "01500000001")
    assert raw(other, "GET", f"/drafts/{draft}").status_code == 404
    assert open_drafts(other) == []


# --- what is typed is kept ---


def test_every_page_that_is_sent_is_kept(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = begin(citizen)
    page = save(citizen, draft, "applicant", APPLICANT)
    assert page.path == f"/drafts/{draft}/contact"
    assert value(citizen.get(f"/drafts/{draft}/applicant"), "is_foreigner") == "no"
    page = citizen.send(page, {"delivery_method": "post", "_later": "1"})
    assert page.path == f"/drafts/{draft}"
    assert value(citizen.get(f"/drafts/{draft}/contact"), "delivery_method") == "post"
    assert value(citizen.get(f"/drafts/{draft}/applicant"), "is_foreigner") == "no"


def test_all_problems_of_a_page_are_told_at_once_and_what_was_typed_stays(
    local: LocalPortal,
) -> None:
    citizen = local.someone()
    draft = begin(citizen)
    typed = {
        "mobile": "12345",
        "email": "منى@",
        "delivery_method": "pigeon",
        "applicant_address.governorate": "",
    }
    page = save(citizen, draft, "contact", typed)
    assert page.status == 422
    assert {field for field, _ in page.errors()} == set(typed)
    assert_links_lead_to_controls(page)
    for field in typed:
        assert told(page, field)
    assert page.tree.xpath("//title")[0].text.startswith("خطأ")
    for shown in (page, citizen.get(f"/drafts/{draft}/contact")):
        assert value(shown, "mobile") == "12345"
        assert value(shown, "email") == "منى@"
    control = page.tree.get_element_by_id("mobile")
    assert control.get("aria-invalid") == "true"
    assert "mobile-error" in control.get("aria-describedby")


def test_an_empty_page_asks_for_everything_that_is_required(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = begin(citizen)
    empty = {"applicant_name": "", "national_id": ""}
    page = save(citizen, draft, "applicant", empty)
    assert page.status == 422
    assert {"applicant_capacity", "applicant_name", "is_foreigner"} <= {
        field for field, _ in page.errors()
    }
    assert_links_lead_to_controls(page)


def test_every_page_of_every_form_names_its_problems_beside_its_controls(
    alone: LocalPortal,
) -> None:
    """An empty page of each kind of page there is: the summary leads to every control."""
    citizen, seen = alone.someone(), set()
    proof = token(citizen, "/requests")
    dead = []
    for service in alone.portal.catalogue.services.values():
        pages = [s for s in service.steps if (tuple(s.fields), s.rules) not in seen]
        if not pages or service.window is not None:  # a window may be closed today
            continue
        draft = begin(citizen, service.code)
        for step in pages:
            response = raw(citizen, "POST", f"/drafts/{draft}/{step.code}", data={"_csrf": proof})
            if response.status_code != 422:
                assert response.status_code == 303, (service.code, step.code)
                continue
            seen.add((tuple(step.fields), step.rules))
            page = page_of(response)
            ids = set(page.tree.xpath("//@id"))
            dead += [f"{service.code}/{step.code}#{a}" for a, _ in page.errors() if a not in ids]
    assert len(seen) > 50
    assert dead == []


def test_a_page_is_saved_while_it_is_typed(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = begin(citizen)
    typed = {"applicant_name": "من", "_autosave": "1"}
    response = post(citizen, f"/drafts/{draft}/applicant", typed)
    assert response.status_code == 204
    assert response.content == b""
    page = citizen.get(f"/drafts/{draft}/applicant")
    assert value(page, "applicant_name") == "من"
    forged = raw(
        citizen, "POST", f"/drafts/{draft}/applicant", data={**typed, "applicant_name": "x"}
    )
    assert forged.status_code == 403
    assert value(citizen.get(f"/drafts/{draft}/applicant"), "applicant_name") == "من"


def test_a_page_with_a_stale_token_keeps_what_was_typed(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = begin(citizen)
    page = citizen.get(f"/drafts/{draft}/applicant")
    # the citizen signed in again in another tab: the token of this page is of the old session
    citizen.sign_in()
    stale = citizen.send(page, {**APPLICANT, "applicant_name": "سعاد أحمد علي حسن"})
    assert stale.status == 403
    assert value(stale, "applicant_name") == "سعاد أحمد علي حسن"
    assert value(stale, "applicant_capacity") == "self"
    assert "ما كتبته ما زال هنا" in stale.text
    assert value(citizen.get(f"/drafts/{draft}/applicant"), "applicant_name") != (
        "سعاد أحمد علي حسن"
    )
    assert citizen.send(stale, {}).path == f"/drafts/{draft}/contact"
    assert value(citizen.get(f"/drafts/{draft}/applicant"), "applicant_name") == (
        "سعاد أحمد علي حسن"
    )


def test_a_session_that_ended_leads_back_to_the_page_after_sign_in(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = begin(citizen)
    page = citizen.get(f"/drafts/{draft}/applicant")
    other_tab = same_browser(citizen)
    post(other_tab, "/sign-out")
    assert citizen.send(page, APPLICANT).path == "/sign-in"
    page = citizen.get("/requests")
    assert page.path == "/sign-in"


def test_two_tabs_do_not_undo_each_other(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = begin(citizen)
    first, second = (citizen.get(f"/drafts/{draft}/{s}") for s in ("applicant", "category"))
    citizen.send(second, {"category": "noise", "urgent": "no"})
    citizen.send(first, APPLICANT)
    assert value(citizen.get(f"/drafts/{draft}/category"), "category") == "noise"
    assert value(citizen.get(f"/drafts/{draft}/applicant"), "applicant_capacity") == "self"


def test_two_tabs_that_save_at_once_keep_both(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = begin(citizen)
    proof = token(citizen, "/requests")
    pages = {
        "applicant": APPLICANT,
        "contact": {"mobile": "01012345678", "delivery_method": "post"},
        "category": {"category": "trees", "urgent": "yes"},
        "details": {"description": "شجرة مائلة على الطريق منذ أسبوع كامل"},
    }
    tabs = {step: same_browser(citizen) for step in pages}
    for _ in range(3):
        with ThreadPoolExecutor(4) as pool:
            answers = list(
                pool.map(
                    lambda step: raw(
                        tabs[step],
                        "POST",
                        f"/drafts/{draft}/{step}",
                        data={"_csrf": proof, **pages[step]},
                    ),
                    pages,
                )
            )
        assert {answer.status_code for answer in answers} <= {303, 422}
    for step, values in pages.items():
        page = citizen.get(f"/drafts/{draft}/{step}")
        assert {name: value(page, name) for name in values} == values


# --- conditions ---


def test_a_question_is_asked_only_where_another_answer_opens_it(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = begin(citizen)
    foreign = {**APPLICANT, "is_foreigner": "yes", "passport_number": "", "nationality": ""}
    page = save(citizen, draft, "applicant", foreign)
    assert page.status == 422
    assert {field for field, _ in page.errors()} == {"passport_number", "nationality"}
    assert_links_lead_to_controls(page)
    # the other way: what stands in the passport's box counts for nothing, however wrong
    egyptian = {**APPLICANT, "passport_number": "؟؟", "nationality": "atlantis"}
    assert save(citizen, draft, "applicant", egyptian).path == f"/drafts/{draft}/contact"
    # and nothing of it was lost
    page = save(citizen, draft, "applicant", {"is_foreigner": "yes"})
    assert value(page, "passport_number") == "؟؟"


def test_a_page_is_asked_only_where_another_page_opens_it(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = begin(citizen)
    post(citizen, f"/drafts/{draft}/category", {"category": "staff", "urgent": "no"})
    assert raw(citizen, "GET", f"/drafts/{draft}/place-governorate").status_code == 200
    assert leads_to(raw(citizen, "GET", f"/drafts/{draft}/site-place")) == f"/drafts/{draft}"
    post(citizen, f"/drafts/{draft}/category", {"category": "waste", "urgent": "no"})
    assert raw(citizen, "GET", f"/drafts/{draft}/site-place").status_code == 200
    assert leads_to(raw(citizen, "GET", f"/drafts/{draft}/place-center")) == f"/drafts/{draft}"


def test_hidden_answers_are_no_part_of_the_request(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = begin(citizen)
    secret = "88/1999"
    post(citizen, f"/drafts/{draft}/category", {"category": "delay", "urgent": "no"})
    post(citizen, f"/drafts/{draft}/details", {"related_request": secret, "description": ""})
    post(citizen, f"/drafts/{draft}/place-governorate", {"place.governorate": "EG-ALX"})
    passport = {**APPLICANT, "is_foreigner": "no", "passport_number": "HIDDEN123"}
    answer_all(local, citizen, draft, COMPLAINT, local.answers(COMPLAINT))
    post(citizen, f"/drafts/{draft}/applicant", passport)
    upload(citizen, draft, "national_id_card", [photo()])
    number = leads_to(declare(citizen, draft)).split("/")[2]
    kept = _filed(local, number)
    for hidden in (secret, "HIDDEN123", "EG-ALX"):
        assert hidden not in str(kept)
    assert "related_request" not in kept["values"]
    local.relay()
    opened = local.employee("front_office").open(number)
    assert "HIDDEN123" not in opened.text


def test_a_document_that_is_not_asked_any_more_is_no_part_of_the_request(
    local: LocalPortal,
) -> None:
    citizen = local.someone()
    draft = begin(citizen)
    answer_all(local, citizen, draft, COMPLAINT, local.answers(COMPLAINT))
    foreign = {**APPLICANT, "is_foreigner": "yes", "passport_number": "A12345678"}
    post(citizen, f"/drafts/{draft}/applicant", {**foreign, "nationality": "SD"})
    assert upload(citizen, draft, "passport", [pdf()]).status_code == 303
    post(citizen, f"/drafts/{draft}/applicant", APPLICANT)
    assert upload(citizen, draft, "national_id_card", [photo()]).status_code == 303
    number = leads_to(declare(citizen, draft)).split("/")[2]
    sent = local.rows(
        "SELECT a.document_code FROM attachments a JOIN service_requests r ON r.id = a.request_id"
        " WHERE r.number = :n",
        n=number,
    )
    assert [row.document_code for row in sent] == ["national_id_card"]


def _filed(portal: LocalPortal, number: str) -> dict[str, Any]:
    parts = portal.portal
    with parts.database.read() as db:
        request = reading.by_number(db, number)
        return reading.answers(db, parts.vault, request.id)


# --- repeating groups ---


def frontage(row: int, **cells: str) -> dict[str, str]:
    return {f"frontages.{row}.{column}": text for column, text in cells.items()}


def test_rows_are_added_and_removed_without_scripts(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = begin(citizen, "building-line-statement")
    page = save(
        citizen,
        draft,
        "frontages",
        {**frontage(0, street_name="شارع البحر", frontage_m="ليس رقمًا"), "_add": "frontages"},
    )
    assert page.path == f"/drafts/{draft}/frontages"
    assert value(page, "frontages.0.frontage_m") == "ليس رقمًا"
    assert value(page, "frontages.1.street_name") == ""
    page = citizen.send(page, {**frontage(1, street_name="شارع النيل"), "_add": "frontages"})
    page = citizen.send(page, {**frontage(2, street_name="شارع السوق")})
    assert page.status == 422
    assert "frontages.0.frontage_m" in dict(page.errors())
    assert_links_lead_to_controls(page)
    page = citizen.send(page, {"_remove": "frontages.1"})
    assert value(page, "frontages.0.street_name") == "شارع البحر"
    assert value(page, "frontages.1.street_name") == "شارع السوق"
    assert "frontages.2.street_name" not in page.form().fields


def test_an_empty_row_more_is_no_problem(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = begin(citizen, "building-line-statement")
    good = {"street_name": "شارع البحر", "frontage_m": "١٢٫٥", "current_street_width_m": "8"}
    page = save(citizen, draft, "frontages", {**frontage(0, **good), "_add": "frontages"})
    page = citizen.send(page, {})
    assert page.status == 200
    assert page.path != f"/drafts/{draft}/frontages"


def test_a_button_for_a_row_that_is_not_there_changes_nothing(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = begin(citizen, "building-line-statement")
    save(citizen, draft, "frontages", frontage(0, street_name="شارع البحر"))
    for button in ("frontages.7", "frontages.-1", "frontages.x", "frontages", "nothing.0"):
        page = save(citizen, draft, "frontages", {"_remove": button})
        assert page.status == 200, button
        assert value(page, "frontages.0.street_name") == "شارع البحر"


# --- ahead of the order ---


def test_going_ahead_leads_back_to_what_is_missing(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = begin(citizen)
    save(citizen, draft, "applicant", APPLICANT)
    check = citizen.get(f"/drafts/{draft}/check")
    first_incomplete = f"/drafts/{draft}/contact"
    led_back = check.path == first_incomplete
    assert led_back or any(
        href.split("?")[0] == first_incomplete for href in check.tree.xpath("//main//a/@href")
    )
    sent = declare(citizen, draft)
    if sent.status_code == 303:
        assert leads_to(sent) == first_incomplete
    else:
        assert sent.status_code == 422
        page = page_of(sent)
        anchors = page.tree.xpath("//*[contains(@class, 'errors')]//a/@href")
        assert anchors, "nothing says what is missing"
        ids = set(page.tree.xpath("//@id"))
        dead = [a for a in anchors if a.startswith("#") and a[1:] not in ids]
        assert not dead
    assert not local.rows("SELECT id FROM service_requests WHERE draft_id = :d", d=draft)


def test_documents_may_be_uploaded_before_the_form_is_complete(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = begin(citizen)
    assert upload(citizen, draft, "papers", [pdf()]).status_code == 303
    assert "paper.pdf" in citizen.get(f"/drafts/{draft}/documents").text
    assert raw(citizen, "GET", f"/drafts/{draft}/nonsense").status_code == 404


def test_nothing_is_sent_without_the_required_document(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = begin(citizen)
    answer_all(local, citizen, draft, COMPLAINT, local.answers(COMPLAINT))
    page = page_of(declare(citizen, draft))
    assert page.status == 422
    assert [field for field, _ in page.errors()] == ["document-national_id_card"]
    assert_links_lead_to_controls(page)


def test_nothing_is_sent_without_the_declaration(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = ready_to_send(local, citizen)
    for values in ({}, {"declaration": ""}, {"declaration": "no"}):
        page = page_of(post(citizen, f"/drafts/{draft}/check", values))
        assert page.status == 422
        assert told(page, "declaration")
        assert_links_lead_to_controls(page)
    assert not local.rows("SELECT id FROM service_requests WHERE draft_id = :d", d=draft)


def test_a_change_from_the_check_leads_back_to_it(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = ready_to_send(local, citizen)
    check = citizen.get(f"/drafts/{draft}/check")
    (change,) = [h for h in check.tree.xpath("//main//a/@href") if "/category" in h]
    page = citizen.send(citizen.get(change), {"category": "noise", **LONG_AGO})
    assert page.path == f"/drafts/{draft}/check"
    assert "ضوضاء" in page.text


def test_what_is_sent_is_what_was_shown(local: LocalPortal) -> None:
    """The declaration is for the answers on the page; another tab may have changed them since."""
    citizen = local.someone()
    draft = ready_to_send(local, citizen)
    check = citizen.get(f"/drafts/{draft}/check")
    assert "شجر" not in check.text
    other_tab = same_browser(citizen)
    post(other_tab, f"/drafts/{draft}/category", {"category": "trees", "urgent": "no"})
    answer = citizen.send(check, {"declaration": "yes"}, "/check")
    filed = local.rows("SELECT number FROM service_requests WHERE draft_id = :d", d=draft)
    assert not filed, f"sent with answers that the page did not show: {answer.path}"
    # the page comes again with the answers as they are, and can be sent
    again = citizen.get(f"/drafts/{draft}/check")
    assert "أشجار" in again.text
    assert citizen.send(again, {"declaration": "yes"}, "/check").hook("state") == "received"


# --- sent once ---


def test_sending_twice_makes_one_request(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = ready_to_send(local, citizen)
    check = citizen.get(f"/drafts/{draft}/check")
    first = citizen.send(check, {"declaration": "yes"}, "/check")
    second = citizen.send(check, {"declaration": "yes"}, "/check")
    assert first.path == second.path == f"/requests/{first.hook('request-number')}"
    _assert_filed_once(local, draft)
    # the back button, every page of the draft and a late save lead to the request as well
    for path in ("", "/applicant", "/documents", "/check"):
        assert citizen.get(f"/drafts/{draft}{path}").path == first.path
    assert leads_to(post(citizen, f"/drafts/{draft}/applicant", APPLICANT)) == first.path
    assert upload(citizen, draft, "papers", [pdf()]).status_code in {303, 404, 409}
    assert post(citizen, f"/drafts/{draft}/discard").status_code in {303, 404, 409}
    assert citizen.get(first.path).hook("state") == "received"


def test_sending_in_four_tabs_at_once_makes_one_request(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = ready_to_send(local, citizen)
    proof = token(citizen, "/requests")
    tabs = [same_browser(citizen) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(
                lambda tab: raw(
                    tab,
                    "POST",
                    f"/drafts/{draft}/check",
                    data={"_csrf": proof, "declaration": "yes"},
                ),
                tabs,
            )
        )
    (number,) = local.rows("SELECT number FROM service_requests WHERE draft_id = :d", d=draft)
    assert {leads_to(answer) for answer in answers} == {f"/requests/{number.number}"}
    _assert_filed_once(local, draft)


def _assert_filed_once(portal: LocalPortal, draft: str) -> None:
    (request,) = portal.rows("SELECT id, number FROM service_requests WHERE draft_id = :d", d=draft)
    acts = portal.rows("SELECT event FROM request_history WHERE request_id = :r", r=request.id)
    assert [act.event for act in acts].count("submit") == 1
    portal.relay()
    inbox = portal.rows(
        "SELECT id FROM center_requests WHERE request_number = :n", n=request.number
    )
    assert len(inbox) == 1


# --- dropped ---


def test_a_discarded_draft_is_gone(local: LocalPortal) -> None:
    citizen = local.someone()
    draft = begin(citizen)
    save(citizen, draft, "applicant", APPLICANT)
    page = citizen.get(f"/drafts/{draft}")
    other_tab = citizen.get(f"/drafts/{draft}/applicant")
    assert citizen.send(page, {}, "/discard").path == "/requests"
    assert_honest(raw(citizen, "GET", f"/drafts/{draft}"), 404)
    assert citizen.send(other_tab, APPLICANT).status == 404
    assert post(citizen, f"/drafts/{draft}/discard").status_code == 404
    assert open_drafts(citizen) == []
    kept = local.rows("SELECT answers FROM drafts WHERE id = :d", d=draft)[0].answers
    assert bytes(kept) == b""


def test_a_draft_that_nobody_touches_for_a_month_is_dropped_with_its_files(
    alone: LocalPortal,
) -> None:
    citizen = alone.someone()
    draft = begin(citizen)
    assert upload(citizen, draft, "papers", [photo()]).status_code == 303
    stored = alone.portal.settings.files_dir / "portal"
    alone.clock.advance(days=29)
    alone.worker.run_once()
    assert on_another_phone(alone, citizen).get(f"/drafts/{draft}").status == 200
    alone.clock.advance(days=2)
    alone.worker.run_once()
    again = on_another_phone(alone, citizen)
    assert raw(again, "GET", f"/drafts/{draft}").status_code == 404
    assert bytes(alone.rows("SELECT answers FROM drafts")[0].answers) == b""
    # a paper with personal data does not outlive the draft it was for
    assert not alone.rows("SELECT id FROM attachments")
    assert not [path for path in stored.rglob("*") if path.is_file()]


# --- of others ---

PATHS = (
    ("GET", ""),
    ("GET", "/applicant"),
    ("GET", "/documents"),
    ("GET", "/check"),
    ("GET", "/files/{file}"),
    ("POST", "/applicant"),
    ("POST", "/check"),
    ("POST", "/discard"),
    ("POST", "/documents/papers"),
    ("POST", "/documents/papers/{file}/remove"),
)


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_a_draft_of_another_person_is_as_missing_as_an_unknown_one(
    local: LocalPortal, method: str, path: str
) -> None:
    owner, other = local.someone(), local.someone()
    draft = begin(owner)
    upload(owner, draft, "papers", [pdf()])
    (file,) = local.rows("SELECT id FROM attachments WHERE draft_id = :d", d=draft)
    proof = token(other, "/requests")

    def tried(draft_id: str, file_id: str) -> str:
        address = f"/drafts/{draft_id}{path.format(file=file_id)}"
        more: dict[str, Any] = {"data": {"_csrf": proof}} if method == "POST" else {}
        response = raw(other, method, address, **more)
        assert_honest(response, 404)
        return only_the_words(response, draft_id, file_id)

    assert tried(draft, file.id) == tried("0" * len(draft), "0" * len(file.id))
    assert value(owner.get(f"/drafts/{draft}/applicant"), "national_id") == owner.national_id
    assert local.rows("SELECT id FROM attachments WHERE draft_id = :d", d=draft)
