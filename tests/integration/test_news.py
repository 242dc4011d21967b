"""Pages that look again by themselves: told when nothing is new, and keeping no session alive."""

from datetime import timedelta

import httpx
import pytest

from tests.support.local import LocalPortal
from tests.support.looking import leads_to, page_of, raw
from tests.support.people import Browser, Citizen, Employee, Page

PART = {"hx-request": "true"}
SERVICE = "address-numbering-certificate"


def part(browser: Browser, path: str, tag: str = "") -> httpx.Response:
    return raw(browser, "GET", path, headers={**PART, **({"if-none-match": tag} if tag else {})})


def filed(portal: LocalPortal) -> tuple[Citizen, str]:
    citizen = portal.someone()
    page = portal.filed(SERVICE, citizen)
    return citizen, page.hook("request-number")


def test_a_request_that_stands_as_it_did_is_answered_with_nothing(still: LocalPortal) -> None:
    citizen, number = filed(still)
    page = citizen.get(f"/requests/{number}")
    seen = page.hook("seen")
    assert page.tree.xpath("//p[@id='news' and @role='status']")[0].text_content() == ""
    response = part(citizen, f"/requests/{number}", seen)
    assert (response.status_code, response.content) == (204, b"")

    clerk = still.employee("front_office")
    clerk.act(number, "register", {})
    still.relay()
    changed = part(citizen, f"/requests/{number}", seen)
    assert changed.status_code == 200
    assert changed.headers["etag"] != seen
    news = page_of(changed)
    assert news.hook("state") == "document_check"
    assert news.hook("center-number")
    assert news.tree.xpath("//*[@id='news' and @role='status']")
    assert "آخر ما تم: القيد بالوارد في المركز" in changed.text
    assert not news.tree.xpath("//main | //header")
    again = part(citizen, f"/requests/{number}", changed.headers["etag"])
    assert again.status_code == 204


def test_a_request_that_is_over_is_not_looked_at_again(still: LocalPortal) -> None:
    citizen, number = filed(still)
    clerk, head = still.employee("front_office"), still.employee("department_head")
    clerk.act(number, "register", {})
    clerk.act(number, "accept", {})
    reason = head.open(number).tree.xpath("//input[@name='reasons']/@value")[0]
    head.act(number, "refuse", {"reasons": reason, "refusal_note": "خارج خط التنظيم"})
    still.relay()
    last = part(citizen, f"/requests/{number}")
    assert "etag" not in last.headers
    page = citizen.get(f"/requests/{number}")
    assert not page.tree.xpath("//*[@id='progress']/@data-watch")


def test_somebody_elses_request_is_as_missing_in_part_as_it_is_whole(still: LocalPortal) -> None:
    _, number = filed(still)
    assert part(still.someone(), f"/requests/{number}").status_code == 404


def test_who_is_not_signed_in_is_led_to_the_sign_in_page(still: LocalPortal) -> None:
    for path in ("/requests/26-1503-00001-1", "/center/inbox/new?after=0"):
        response = part(still.citizen(), path)
        assert "/sign-in" in response.headers["hx-redirect"]


def test_looking_again_keeps_no_session_alive(alone: LocalPortal) -> None:
    citizen, number = filed(alone)
    clerk = alone.employee("front_office")
    for _ in range(40):
        alone.clock.advance(minutes=3)
        part(citizen, f"/requests/{number}")
        part(clerk, "/center/inbox/new?after=0")
    assert leads_to(raw(citizen, "GET", f"/requests/{number}")) == "/sign-in"
    alone.clock.advance(seconds=timedelta(hours=8).total_seconds())
    assert leads_to(raw(clerk, "GET", "/center/inbox")) == "/center/sign-in"


def test_who_waits_for_the_bank_is_led_on_when_it_has_answered(still: LocalPortal) -> None:
    citizen = still.someone()
    page = citizen.submit(citizen.upload_all(citizen.fill(SERVICE, still.answers(SERVICE))))
    number = page.hook("request-number")
    checkout = citizen.send(citizen.get(f"/requests/{number}/pay"), {}, "/pay")
    back = f"/requests/{number}/pay/return?session_id={checkout.url.rsplit('/', 1)[1]}"
    waiting = citizen.get(back)
    assert waiting.tree.xpath("//noscript/meta[@http-equiv='refresh']")
    assert waiting.tree.xpath("//*[@data-watch]/@hx-get")
    assert part(citizen, back).status_code == 204
    citizen.pay(citizen.get(f"/requests/{number}/pay"))
    response = part(citizen, back)
    assert response.headers["hx-redirect"] == f"/requests/{number}"


# --- the inbox ---


@pytest.fixture
def clerk(still: LocalPortal) -> Employee:
    return still.employee("front_office")


def mark_of(page: Page) -> str:
    (address,) = page.tree.xpath("//*[@id='fresh']/@hx-get")
    return str(address)


def test_the_inbox_tells_how_many_requests_have_come_since(
    still: LocalPortal, clerk: Employee
) -> None:
    still.relay()
    address = mark_of(clerk.get("/center/inbox"))
    assert part(clerk, address).status_code == 204
    filed(still)
    first = part(clerk, address)
    assert "طلب جديد واحد" in first.text
    assert page_of(first).tree.xpath("//a/@href") == ["/center/inbox?stage=received"]
    assert part(clerk, address, first.headers["etag"]).status_code == 204
    filed(still)
    assert "طلبان جديدان" in part(clerk, address, first.headers["etag"]).text
    # another center's requests are none of theirs
    other = still.employee("front_office", "KFS-001")
    assert part(other, mark_of(other.get("/center/inbox"))).status_code == 204


def test_the_queue_is_exchanged_in_part_and_says_its_count(
    still: LocalPortal, clerk: Employee
) -> None:
    _, number = filed(still)
    whole = clerk.get(f"/center/inbox?q={number}")
    (count,) = whole.tree.xpath("//*[@id='found' and @role='status']")
    assert "طلب واحد" in count.text_content()
    answer = part(clerk, f"/center/inbox?q={number}")
    piece = page_of(answer)
    assert piece.hooks("request-number") == [number]
    assert not piece.tree.xpath("//main | //form")
    assert piece.tree.xpath("//dl[@id='counts']/@*[name()='hx-swap-oob']")


@pytest.mark.parametrize("after", ["-5", "99999999999999999999", "0"])
def test_any_mark_is_answered(clerk: Employee, after: str) -> None:
    assert part(clerk, f"/center/inbox/new?after={after}").status_code in {200, 204}


def test_the_line_opened_as_a_page_leads_to_the_inbox(clerk: Employee) -> None:
    assert leads_to(raw(clerk, "GET", "/center/inbox/new?after=0")) == "/center/inbox"
