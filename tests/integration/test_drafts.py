"""Drafts: begun once, kept as typed, found again, asked only what is needed, dropped."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.drafting import (
    APPLICANT,
    COMPLAINT,
    begin,
    post,
    save,
    upload,
    value,
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
from tests.support.people import Citizen


def open_drafts(citizen: Citizen) -> list[str]:
    """The drafts that the citizen's own list offers to go on with."""
    links = citizen.get("/requests").tree.xpath("//main//a/@href")
    return [link.split("/")[2] for link in links if link.startswith("/drafts/")]


# --- one draft for a service ---


def test_a_draft_is_offered_again_instead_of_a_second_one(shared: LocalPortal) -> None:
    citizen = shared.someone()
    draft = begin(citizen)
    offer = citizen.get(f"/services/{COMPLAINT}/apply")
    assert offer.path == f"/services/{COMPLAINT}/apply"
    assert offer.tree.xpath("//a[@data-primary]/@href") == [f"/drafts/{draft}"]
    assert open_drafts(citizen) == [draft]
    assert begin(citizen, "waste-fee-clearance") != draft


def test_two_taps_at_once_begin_one_draft(shared: LocalPortal) -> None:
    citizen = shared.someone()
    tabs = [same_browser(citizen) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda tab: raw(tab, "GET", f"/services/{COMPLAINT}/apply"), tabs))
    assert {answer.status_code for answer in answers} <= {200, 303}
    assert len(open_drafts(citizen)) == 1


def test_beginning_anew_drops_the_draft_that_was_offered(shared: LocalPortal) -> None:
    citizen = shared.someone()
    draft = begin(citizen)
    upload(citizen, draft, "papers", [pdf()])
    page = citizen.send(citizen.get(f"/services/{COMPLAINT}/apply"), {}, "/apply")
    fresh = page.path.split("/")[2]
    assert fresh != draft
    assert raw(citizen, "GET", f"/drafts/{draft}").status_code == 404
    assert open_drafts(citizen) == [fresh]
    left = "SELECT count(*) AS n FROM attachments WHERE draft_id = :d"
    assert shared.rows(left, d=draft)[0].n == 0


def test_a_draft_is_found_again_on_another_phone(shared: LocalPortal) -> None:
    citizen = shared.someone()
    draft = begin(citizen)
    save(citizen, draft, "applicant", APPLICANT)
    phone = on_another_phone(shared, citizen)
    assert open_drafts(phone) == [draft]
    page = phone.get(f"/drafts/{draft}/applicant")
    assert value(page, "applicant_name") == APPLICANT["applicant_name"]
    assert value(page, "applicant_capacity") == "self"


def test_the_same_national_id_with_another_mobile_sees_nothing(shared: LocalPortal) -> None:
    citizen = shared.someone()
    draft = begin(citizen)
    other = shared.signed_in(citizen.national_id, "01500000001")
    assert raw(other, "GET", f"/drafts/{draft}").status_code == 404
    assert open_drafts(other) == []


# --- what is typed is kept ---


def test_every_page_that_is_sent_is_kept(shared: LocalPortal) -> None:
    citizen = shared.someone()
    draft = begin(citizen)
    page = save(citizen, draft, "applicant", APPLICANT)
    assert page.path == f"/drafts/{draft}/contact"
    assert value(citizen.get(f"/drafts/{draft}/applicant"), "is_foreigner") == "no"
    page = citizen.send(page, {"delivery_method": "post", "_later": "1"})
    assert page.path == f"/drafts/{draft}"
    assert "لم تُرفع بعد" in page.text, "its documents, told in the plural"
    assert value(citizen.get(f"/drafts/{draft}/contact"), "delivery_method") == "post"
    assert value(citizen.get(f"/drafts/{draft}/applicant"), "is_foreigner") == "no"


def test_all_problems_of_a_page_are_told_at_once_and_what_was_typed_stays(
    shared: LocalPortal,
) -> None:
    citizen = shared.someone()
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


def test_an_empty_page_asks_for_everything_that_is_required(shared: LocalPortal) -> None:
    citizen = shared.someone()
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


def test_a_page_is_saved_while_it_is_typed(shared: LocalPortal) -> None:
    citizen = shared.someone()
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


def test_a_page_with_a_stale_token_keeps_what_was_typed(shared: LocalPortal) -> None:
    citizen = shared.someone()
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


def test_a_session_that_ended_leads_back_to_the_page_after_sign_in(shared: LocalPortal) -> None:
    citizen = shared.someone()
    draft = begin(citizen)
    page = citizen.get(f"/drafts/{draft}/applicant")
    other_tab = same_browser(citizen)
    post(other_tab, "/sign-out")
    assert citizen.send(page, APPLICANT).path == "/sign-in"
    page = citizen.get("/requests")
    assert page.path == "/sign-in"


def test_two_tabs_do_not_undo_each_other(shared: LocalPortal) -> None:
    citizen = shared.someone()
    draft = begin(citizen)
    first, second = (citizen.get(f"/drafts/{draft}/{s}") for s in ("applicant", "category"))
    citizen.send(second, {"category": "noise", "urgent": "no"})
    citizen.send(first, APPLICANT)
    assert value(citizen.get(f"/drafts/{draft}/category"), "category") == "noise"
    assert value(citizen.get(f"/drafts/{draft}/applicant"), "applicant_capacity") == "self"


def test_two_tabs_that_save_at_once_keep_both(shared: LocalPortal) -> None:
    citizen = shared.someone()
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


def test_a_question_is_asked_only_where_another_answer_opens_it(shared: LocalPortal) -> None:
    citizen = shared.someone()
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


def test_a_page_is_asked_only_where_another_page_opens_it(shared: LocalPortal) -> None:
    citizen = shared.someone()
    draft = begin(citizen)
    post(citizen, f"/drafts/{draft}/category", {"category": "staff", "urgent": "no"})
    assert raw(citizen, "GET", f"/drafts/{draft}/place-governorate").status_code == 200
    assert leads_to(raw(citizen, "GET", f"/drafts/{draft}/site-place")) == f"/drafts/{draft}"
    post(citizen, f"/drafts/{draft}/category", {"category": "waste", "urgent": "no"})
    assert raw(citizen, "GET", f"/drafts/{draft}/site-place").status_code == 200
    assert leads_to(raw(citizen, "GET", f"/drafts/{draft}/place-center")) == f"/drafts/{draft}"


# --- repeating groups ---


def frontage(row: int, **cells: str) -> dict[str, str]:
    return {f"frontages.{row}.{column}": text for column, text in cells.items()}


def test_rows_are_added_and_removed_without_scripts(shared: LocalPortal) -> None:
    citizen = shared.someone()
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


def test_an_empty_row_more_is_no_problem(shared: LocalPortal) -> None:
    citizen = shared.someone()
    draft = begin(citizen, "building-line-statement")
    good = {"street_name": "شارع البحر", "frontage_m": "١٢٫٥", "current_street_width_m": "8"}
    page = save(citizen, draft, "frontages", {**frontage(0, **good), "_add": "frontages"})
    page = citizen.send(page, {})
    assert page.status == 200
    assert page.path != f"/drafts/{draft}/frontages"


def test_a_button_for_a_row_that_is_not_there_changes_nothing(shared: LocalPortal) -> None:
    citizen = shared.someone()
    draft = begin(citizen, "building-line-statement")
    save(citizen, draft, "frontages", frontage(0, street_name="شارع البحر"))
    for button in ("frontages.7", "frontages.-1", "frontages.x", "frontages", "nothing.0"):
        page = save(citizen, draft, "frontages", {"_remove": button})
        assert page.status == 200, button
        assert value(page, "frontages.0.street_name") == "شارع البحر"


# --- dropped ---


def test_a_discarded_draft_is_gone(shared: LocalPortal) -> None:
    citizen = shared.someone()
    draft = begin(citizen)
    save(citizen, draft, "applicant", APPLICANT)
    page = citizen.get(f"/drafts/{draft}")
    other_tab = citizen.get(f"/drafts/{draft}/applicant")
    assert citizen.send(page, {}, "/discard").path == "/requests"
    assert_honest(raw(citizen, "GET", f"/drafts/{draft}"), 404)
    assert citizen.send(other_tab, APPLICANT).status == 404
    assert post(citizen, f"/drafts/{draft}/discard").status_code == 404
    assert open_drafts(citizen) == []
    kept = shared.rows("SELECT answers FROM drafts WHERE id = :d", d=draft)[0].answers
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
    shared: LocalPortal, method: str, path: str
) -> None:
    owner, other = shared.someone(), shared.someone()
    draft = begin(owner)
    upload(owner, draft, "papers", [pdf()])
    (file,) = shared.rows("SELECT id FROM attachments WHERE draft_id = :d", d=draft)
    proof = token(other, "/requests")

    def tried(draft_id: str, file_id: str) -> str:
        address = f"/drafts/{draft_id}{path.format(file=file_id)}"
        more: dict[str, Any] = {"data": {"_csrf": proof}} if method == "POST" else {}
        response = raw(other, method, address, **more)
        assert_honest(response, 404)
        return only_the_words(response, draft_id, file_id)

    assert tried(draft, file.id) == tried("0" * len(draft), "0" * len(file.id))
    assert value(owner.get(f"/drafts/{draft}/applicant"), "national_id") == owner.national_id
    assert shared.rows("SELECT id FROM attachments WHERE draft_id = :d", d=draft)
