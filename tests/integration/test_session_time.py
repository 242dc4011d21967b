"""Time that runs out: told before, made longer by a press, and nothing typed is lost after it."""

from datetime import timedelta
from typing import Any

from lxml import html

from tests.support.drafting import COMPLAINT, begin
from tests.support.local import LocalPortal
from tests.support.looking import (
    fields,
    leads_to,
    on_another_phone,
    page_of,
    raw,
    stranger,
    token,
)
from tests.support.people import Citizen, Employee, Page
from tests.support.refunding import NOTE, Books, fill_in
from tests.support.signing_in import is_signed_in

PART = {"hx-request": "true"}
TYPED = {"description": "حفرة كبيرة أمام المدرسة منذ أسبوع", "subject": "roads"}


def ask(browser: Citizen | Employee, path: str = "/sign-in/time") -> Page:
    """The notice, as the page itself asks for it."""
    answer = raw(browser, "GET", path, headers=PART)
    return Page(answer.status_code, str(answer.url), html.fromstring(answer.text))


def test_a_page_says_until_when_one_stays_signed_in(turning: LocalPortal) -> None:
    speech, hour = turning.portal.languages["ar"], timedelta(hours=1)
    earliest = turning.clock.now() + hour
    citizen = turning.someone()
    page = citizen.get("/requests")
    ends = {speech.time(at) for at in (earliest, turning.clock.now() + hour)}
    (asks,) = page.tree.xpath("//footer//*[@role='status']/*/@hx-trigger")
    # five minutes before the end; on a busy machine the page is some seconds late
    assert asks in {f"load delay:{n}s" for n in range(3270, 3302)}
    assert any(f"تبقى مسجّل الدخول حتى الساعة {end}" in page.text for end in ends)
    assert "مسجّل الدخول حتى" not in turning.citizen().get("/sign-in").text


def test_the_notice_comes_before_the_end_and_looking_at_it_makes_nothing_longer(
    turning: LocalPortal,
) -> None:
    citizen = turning.someone()
    assert not ask(citizen).text
    turning.clock.advance(minutes=55, seconds=10)
    for _ in range(2):
        assert "ينتهي دخولك بعد ٥ دقائق" in ask(citizen).text
    turning.clock.advance(minutes=3)
    assert "ينتهي دخولك بعد دقيقتين" in ask(citizen).text
    turning.clock.advance(minutes=2)
    page = ask(citizen)
    assert "انتهت مدة دخولك" in page.text
    assert not page.tree.xpath("//@hx-get")
    assert leads_to(raw(citizen, "GET", "/requests")) == "/sign-in"


def test_one_press_keeps_a_citizen_signed_in(turning: LocalPortal) -> None:
    citizen = turning.someone()
    turning.clock.advance(minutes=58)
    values = {"_csrf": ask(citizen).tree.xpath("//input[@name='_csrf']/@value")[0]}
    answer = raw(citizen, "POST", "/sign-in/time", data=values, headers=PART)
    assert "تبقى مسجّل الدخول حتى" in answer.text
    turning.clock.advance(minutes=58)
    assert is_signed_in(citizen)


def test_one_press_keeps_an_employee_signed_in(turning: LocalPortal) -> None:
    clerk = turning.employee("front_office")
    turning.clock.advance(minutes=26)
    notice = ask(clerk, "/center/sign-in/time")
    assert "ينتهي دخولك بعد ٤ دقائق" in notice.text
    values = {"_csrf": notice.tree.xpath("//input[@name='_csrf']/@value")[0]}
    assert raw(clerk, "POST", "/center/sign-in/time", data=values, headers=PART).status_code == 200
    turning.clock.advance(minutes=26)
    assert raw(clerk, "GET", "/center/inbox").status_code == 200


def test_the_longest_time_is_not_made_longer_and_says_so(turning: LocalPortal) -> None:
    citizen = turning.someone()
    for _ in range(13):
        turning.clock.advance(minutes=54)
        data = fields(citizen, "/requests")
        assert raw(citizen, "POST", "/sign-in/time", data=data, headers=PART).status_code == 200
    turning.clock.advance(minutes=15)
    notice = ask(citizen)
    assert "لا يمكن تمديد المدة" in notice.text
    assert not notice.tree.xpath("//form")


# --- what was typed when it was over ---


def test_what_a_citizen_sends_too_late_is_there_after_signing_in(turning: LocalPortal) -> None:
    citizen = turning.someone()
    draft = begin(citizen)
    page = citizen.get(f"/drafts/{draft}/details")
    turning.clock.advance(minutes=61)
    sent = citizen.send(page, {"description": TYPED["description"]})
    assert sent.path == "/sign-in"
    assert turning.rows("SELECT answers FROM drafts WHERE id = :d", d=draft)
    again = sign_in_again(citizen, sent)
    assert again.path == "/sign-in/again"
    assert again.values()["description"] == [TYPED["description"]]
    citizen.send(again, {})
    shown = citizen.get(f"/drafts/{draft}/details")
    assert shown.form().fields["description"] == TYPED["description"]


def kept(portal: LocalPortal, draft: str) -> list[Any]:
    """What is held of this draft's pages."""
    return portal.rows("SELECT * FROM held_forms WHERE path LIKE :p", p=f"/drafts/{draft}/%")


def sign_in_again(citizen: Citizen, page: Page) -> Page:
    typed = {"national_id": citizen.national_id, "mobile": citizen.mobile}
    page = citizen.send(page, typed, "/sign-in")
    return citizen.send(page, {"code": citizen.last_code()}, "/sign-in/code")


def too_late(turning: LocalPortal, minutes: int = 61) -> tuple[Citizen, str, Page]:
    """A citizen who has sent a page after the end, and the sign-in page that answered."""
    citizen = turning.someone()
    draft = begin(citizen)
    page = citizen.get(f"/drafts/{draft}/details")
    turning.clock.advance(minutes=minutes)
    return citizen, draft, citizen.send(page, {"description": TYPED["description"]})


def test_even_after_the_longest_session(turning: LocalPortal) -> None:
    citizen, _, sent = too_late(turning, minutes=13 * 60)
    turning.worker.run_once()
    assert sign_in_again(citizen, sent).path == "/sign-in/again"


def test_nobody_else_at_the_same_browser_sees_it(turning: LocalPortal) -> None:
    citizen, draft, sent = too_late(turning)
    other = stranger(turning)
    citizen.mobile = other.mobile
    assert "/again" not in sign_in_again(citizen, sent).path
    assert leads_to(raw(citizen, "GET", "/sign-in/again")) == "/requests"
    assert kept(turning, draft) == []


def test_another_browser_of_the_same_person_does_not_see_it(turning: LocalPortal) -> None:
    citizen, _, _ = too_late(turning)
    elsewhere = on_another_phone(turning, citizen)
    assert leads_to(raw(elsewhere, "GET", "/sign-in/again")) == "/requests"


def test_it_is_kept_sealed_and_for_half_an_hour(turning: LocalPortal) -> None:
    citizen, draft, sent = too_late(turning)
    (row,) = kept(turning, draft)
    assert TYPED["description"].encode() not in bytes(row.form)
    turning.clock.advance(minutes=31)
    assert "/again" not in sign_in_again(citizen, sent).path
    _, draft, _ = too_late(turning)
    turning.clock.advance(minutes=31)
    turning.worker.run_once()
    assert kept(turning, draft) == []


def test_signing_out_forgets_it(turning: LocalPortal) -> None:
    citizen, draft, sent = too_late(turning)
    assert sign_in_again(citizen, sent).path == "/sign-in/again"
    raw(citizen, "POST", "/sign-out", data=fields(citizen, "/requests"))
    assert kept(turning, draft) == []


def test_what_was_sent_after_all_is_not_offered_again(turning: LocalPortal) -> None:
    citizen, draft, sent = too_late(turning)
    citizen.send(sign_in_again(citizen, sent), {})
    assert kept(turning, draft) == []
    assert leads_to(raw(citizen, "GET", "/sign-in/again")) == "/requests"
    assert "/again" not in sign_in_again(citizen, citizen.get("/sign-in")).path


def test_what_another_site_sends_is_not_kept(turning: LocalPortal) -> None:
    citizen = turning.someone()
    draft = begin(citizen)
    proof = token(citizen, "/requests")
    turning.clock.advance(minutes=61)
    for data, headers in (
        ({"_csrf": "forged", **TYPED}, {}),
        ({"_csrf": proof, **TYPED}, {"sec-fetch-site": "cross-site"}),
    ):
        address = f"/drafts/{draft}/details"
        assert leads_to(raw(citizen, "POST", address, data=data, headers=headers)) == "/sign-in"
    assert kept(turning, draft) == []


def test_a_declaration_is_made_anew(turning: LocalPortal) -> None:
    citizen = turning.someone()
    draft = begin(citizen)
    data = {"_csrf": token(citizen, "/requests"), "declaration": "yes"}
    turning.clock.advance(minutes=61)
    assert leads_to(raw(citizen, "POST", f"/drafts/{draft}/check", data=data)) == "/sign-in"
    assert kept(turning, draft) == []


def test_what_was_typed_last_counts(turning: LocalPortal) -> None:
    citizen, draft, sent = too_late(turning)
    proof = {"_csrf": page_of(raw(citizen, "GET", "/sign-in")).tree.xpath("//@value")[0]}
    data = {**proof, "description": "نص أطول", "_autosave": "1"}
    raw(citizen, "POST", f"/drafts/{draft}/details", data=data)
    again = sign_in_again(citizen, sent)
    assert again.values()["description"] == ["نص أطول"]
    assert "_autosave" not in again.values()


def test_the_reasons_of_a_refusal_are_there_as_well(turning: LocalPortal) -> None:
    number = turning.filed(COMPLAINT).hook("request-number")
    clerk = turning.employee("front_office")
    clerk.act(number, "register", {})
    page = clerk.open(number)
    turning.clock.advance(minutes=31)
    written = {"completion_note": "أرسل صورة أوضح للمكان", "days": "14"}
    sent = clerk.send(page, written, "/completion")
    assert sent.path == "/center/sign-in"
    login = {"username": clerk.username, "password": "demo"}
    again = clerk.send(sent, login, "/sign-in")
    assert again.path == "/center/sign-in/again"
    assert again.values()["completion_note"] == [written["completion_note"]]
    assert clerk.send(again, {}).hook("state") == "needs_completion"


def test_what_a_clerk_said_of_columns_and_typed_of_a_permit_is_there_as_well(
    turning: LocalPortal,
) -> None:
    clerk = turning.employee("backlog_entry")
    login = {"username": clerk.username, "password": "demo"}
    content = "رقم,تاريخ\n5/1998,1/2/1998\n".encode()
    files = {"file": ("a.csv", content, "text/csv")}
    base = "/center/permits/imports"
    page = clerk.send(clerk.get(base), {}, base, files=files)
    turning.clock.advance(minutes=31)
    sent = clerk.send(page, {"assumed-permit_type": "demolition"}, "/columns")
    again = clerk.send(sent, login, "/sign-in")
    assert again.values()["assumed-permit_type"] == ["demolition"]
    shown = clerk.send(again, {})
    assert (shown.status, shown.path) == (422, f"{page.path}/columns"), "the street is missing"
    assert shown.values("/columns")["assumed-permit_type"] == ["demolition"]

    form = clerk.get("/center/permits/new")
    turning.clock.advance(minutes=31)
    sent = clerk.send(form, {"number": "4711", "street": "شارع الجيش"}, "/permits/new")
    again = clerk.send(sent, login, "/sign-in")
    assert again.values()["street"] == ["شارع الجيش"]


def test_what_an_employee_typed_about_money_is_there_and_is_asked_once_more(
    turning: LocalPortal,
) -> None:
    """Held on the page that asks for confirmation: nothing is asked for unseen."""
    books = Books(turning, turning.filed(COMPLAINT).hook("request-number"))
    paid = books.surplus()
    cashier = turning.employee("cashier")
    confirm = fill_in(cashier, paid, aside="300", reason="surplus")
    turning.clock.advance(minutes=31)
    sent = cashier.send(confirm, {}, paid.attempt)
    login = {"username": cashier.username, "password": "demo"}
    again = cashier.send(sent, login, "/sign-in")
    assert again.values()["note"] == [NOTE]
    shown = cashier.send(again, {})
    assert shown.hook("amount") == "30000"
    assert books.reserved(paid) == 0
    cashier.send(shown, {}, paid.attempt)
    assert books.reserved(paid) == 30_000


# --- a page of an older session ---


def test_a_page_from_before_a_new_sign_in_still_shows_what_was_typed(shared: LocalPortal) -> None:
    number = shared.filed(COMPLAINT).hook("request-number")
    clerk = shared.employee("front_office")
    clerk.act(number, "register", {})
    page = clerk.open(number)
    clerk.sign_in()
    shown = clerk.send(page, {"completion_note": "أرسل صورة أوضح", "days": "7"}, "/completion")
    assert shown.status == 403
    assert "ظلت الصفحة مفتوحة مدة طويلة" in shown.text
    assert shown.values("/completion")["completion_note"] == ["أرسل صورة أوضح"]
    assert clerk.send(shown, {}, "/completion").hook("state") == "needs_completion"


def test_an_answer_to_the_center_from_an_older_page_is_not_lost(shared: LocalPortal) -> None:
    citizen = shared.someone()
    number = shared.filed(COMPLAINT, citizen).hook("request-number")
    clerk = shared.employee("front_office")
    clerk.act(number, "register", {})
    clerk.act(number, "completion", {"completion_note": "أين المكان بالضبط؟", "days": "7"})
    shared.relay()
    page = citizen.get(f"/requests/{number}/complete")
    citizen.sign_in()
    shown = citizen.send(page, {"note": "أمام المدرسة"}, "/complete")
    assert shown.status == 403
    assert shown.values("/complete")["note"] == ["أمام المدرسة"]
    assert citizen.send(shown, {}, "/complete").path == f"/requests/{number}"


def test_a_form_far_too_long_is_not_kept(turning: LocalPortal) -> None:
    citizen = turning.someone()
    draft = begin(citizen)
    proof = {"_csrf": token(citizen, "/requests")}
    turning.clock.advance(minutes=61)
    for page, description in (("details", "a" * 120_000), ("d" * 400, "a")):
        data = {**proof, "description": description}
        assert leads_to(raw(citizen, "POST", f"/drafts/{draft}/{page}", data=data)) == "/sign-in"
    assert kept(turning, draft) == []
