"""What htmx shortens: a request's page, the wait for the bank, the staff's inbox."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import insert, select

from portal.backoffice.model import CenterRequest
from tests.browser.conftest import Look
from tests.support.people import Employee
from tests.support.phone import Phone, phone
from tests.support.stack import Stack

SERVICE = "address-numbering-certificate"
_HEAR = """() => {
  window.heard = [];
  new MutationObserver(() => {
    const text = document.getElementById('%s').textContent.trim();
    if (text) window.heard.push(text);
  }).observe(document.getElementById('%s'), {
    childList: true, characterData: true, subtree: true,
  });
}"""


def _hear(page: Page, line: str) -> None:
    """Note what the live region says, as a screen reader would read it out."""
    page.evaluate(_HEAR % (line, line))


def _heard(page: Page) -> list[str]:
    return list(page.evaluate("() => window.heard"))


def _until(page: Page, check: Callable[[], object]) -> None:
    for _ in range(60):
        if check():
            return
        page.wait_for_timeout(250)
    raise AssertionError("it did not come about")


def _file(started: Stack, mobile: str) -> str:
    citizen = started.citizen(mobile)
    citizen.sign_in()
    return citizen.file(SERVICE, started.answers(SERVICE)).hook("request-number")


@pytest.fixture
def follower(started: Stack, chromium: Browser) -> Iterator[Phone]:
    """Somebody on the open page of a request that is at its center."""
    mobile = "01070000300"
    number = _file(started, mobile)
    with phone(chromium, started.url, mobile=mobile) as citizen:
        clerk = started.employee("front_office")
        _until(citizen.page, lambda: clerk.open(number).status == 200)
        citizen.go("/sign-in")
        citizen.sign_in()
        citizen.go(f"/requests/{number}")
        yield citizen


def test_a_request_moves_on_its_open_page_and_says_so_once(
    started: Stack, follower: Phone, look: Look
) -> None:
    page, number = follower.page, follower.number()
    _hear(page, "news")
    filed = page.get_by_text("ما قدمته في الطلب")
    filed.click()
    started.employee("front_office").act(number, "register", {})
    expect(page.locator("[data-state='document_check']")).to_be_visible(timeout=20_000)
    assert _heard(page) == ["آخر ما تم: القيد بالوارد في المركز"]
    # the number beside it came as well; nothing that was being done is disturbed
    expect(page.locator("#facts [data-center-number]")).to_be_visible()
    assert filed.evaluate("e => e === document.activeElement")
    assert page.locator("details[open]").count() == 1
    look(page, "moved")
    assert not follower.complaints


def test_a_page_that_nobody_sees_does_not_ask(started: Stack, follower: Phone) -> None:
    page = follower.page
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if r.resource_type == "fetch" else None)
    page.evaluate(
        """() => {
          Object.defineProperty(document, 'hidden', { get: () => window.away, configurable: true });
          window.away = true;
        }"""
    )
    page.wait_for_timeout(6000)
    assert not asked
    page.evaluate(
        "() => { window.away = false; document.dispatchEvent(new Event('visibilitychange')) }"
    )
    _until(page, lambda: asked)


def test_a_server_that_fails_leaves_the_page_as_it_is(started: Stack, follower: Phone) -> None:
    page = follower.page
    before = page.locator("#progress").inner_text()
    page.route("**/requests/*", lambda route: route.fulfill(status=503, body="<h1>no</h1>"))
    with page.expect_response(lambda r: r.status == 503, timeout=15_000):
        pass
    page.wait_for_timeout(200)
    assert page.locator("#progress").inner_text() == before


def test_the_wait_for_the_bank_ends_by_itself(started: Stack, chromium: Browser) -> None:
    mobile = "01070000301"
    payer = started.citizen(mobile)
    payer.sign_in()
    page = payer.submit(payer.upload_all(payer.fill(SERVICE, started.answers(SERVICE))))
    number = page.hook("request-number")
    with phone(chromium, started.url, mobile=mobile) as citizen:
        citizen.go("/sign-in")
        citizen.sign_in()
        checkout = payer.send(payer.get(f"/requests/{number}/pay"), {}, "/pay")
        session = checkout.url.rsplit("/", 1)[1]
        citizen.go(f"/requests/{number}/pay/return?session_id={session}")
        expect(citizen.page.locator("main [role=status]")).to_be_visible()
        payer.pay(payer.get(f"/requests/{number}/pay"))
        citizen.page.wait_for_url(f"**/requests/{number}", timeout=20_000)
        assert not citizen.complaints


def test_what_came_of_an_upload_is_read_out_and_takes_the_keyboard_from_nowhere_else(
    started: Stack, chromium: Browser
) -> None:
    with phone(chromium, started.url, mobile="01070000303") as citizen:
        citizen.apply("municipal-complaint")
        citizen.fill_form(started.answers("municipal-complaint"))
        page = citizen.page
        section = page.locator("section.document").first
        said = page.locator("main > p.vh[role=status]")
        anchor = section.get_attribute("id") or ""
        citizen.upload(anchor)
        expect(said).to_contain_text("تم الرفع")
        assert page.evaluate("() => document.activeElement.id") == anchor
        other = page.get_by_role("link", name="المساعدة")
        other.focus()
        section.locator("input[type=file]").set_input_files(
            {"name": "خطاب.pdf", "mimeType": "application/pdf", "buffer": b"not a document"}
        )
        problem = section.locator(".err:visible").first
        expect(problem).to_be_visible()
        expect(said).to_have_text(" ".join(problem.inner_text().split()))
        assert other.evaluate("e => e === document.activeElement")


# --- the inbox ---


@pytest.fixture(params=[360, 1280])
def desk(started: Stack, chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Phone]:
    with phone(chromium, started.url, width=request.param) as clerk:
        _enter(clerk)
        yield clerk


def _enter(clerk: Phone, username: str = "front_office@KFS-003") -> None:
    clerk.go("/center/sign-in")
    clerk.page.fill("[name=username]", username)
    clerk.page.fill("[name=password]", "demo")
    clerk.press_primary()
    clerk.page.wait_for_url("**/center/inbox")


def test_the_queue_is_filtered_in_place_and_back_undoes_it(desk: Phone, look: Look) -> None:
    page = desk.page
    page.evaluate("() => { window.stayed = true }")
    _hear(page, "found")
    stage = page.locator("[name=stage]")
    before = page.locator("#found").inner_text()
    stage.focus()
    stage.select_option("refused")
    page.wait_for_url("**/center/inbox?*stage=refused*")
    _until(page, lambda: _heard(page))
    assert stage.evaluate("e => e === document.activeElement")
    assert page.evaluate("() => window.stayed")
    look(page, "filtered")
    page.go_back()
    expect(page.locator("#found")).to_have_text(before)
    expect(stage).to_have_value("")
    assert not desk.complaints


@pytest.fixture
def long_queue(started: Stack) -> str:
    """A center with more open requests than a page holds."""
    columns = [c for c in CenterRequest.__table__.columns if not c.primary_key]
    (row,) = started.rows(
        select(*columns).where(CenterRequest.center_code == "KFS-007", CenterRequest.open).limit(1)
    )
    copies = [
        {
            **row._mapping,
            "request_number": f"26-1507-{n:05d}-0",
            "incoming_number": None,
            "incoming_year": None,
        }
        for n in range(90_000, 90_030)
    ]
    with started.database.begin() as db:
        db.execute(insert(CenterRequest), copies)
    return "front_office@KFS-007"


def test_turning_the_page_takes_the_keyboard_along(
    started: Stack, chromium: Browser, long_queue: str
) -> None:
    with phone(chromium, started.url) as desk:
        _enter(desk, long_queue)
        page = desk.page
        first = page.locator("tbody tr").first
        known = first.get_attribute("data-request-number") or ""
        page.locator(".pager a").last.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**page=2*")
        expect(first).not_to_have_attribute("data-request-number", known)
        _until(page, lambda: page.evaluate("() => document.activeElement.id === 'queue'"))
        page.go_back()
        expect(first).to_have_attribute("data-request-number", known)
        assert not desk.complaints
    with phone(chromium, started.url, scripts=False) as desk:
        _enter(desk, long_queue)
        desk.page.locator(".pager a").last.click()
        desk.page.wait_for_url("**page=2*")


def test_new_requests_are_told_of_and_move_no_row(
    started: Stack, chromium: Browser, look: Look
) -> None:
    with phone(chromium, started.url) as desk:
        _enter(desk)
        page = desk.page
        page.evaluate("() => { window.stayed = true }")
        rows = page.locator("tbody tr").evaluate_all("all => all.map(e => e.dataset.requestNumber)")
        number = _file(started, "01070000302")
        clerk: Employee = started.employee("front_office")
        _until(page, lambda: clerk.open(number).status == 200)
        page.locator("#fresh").evaluate("e => e.dispatchEvent(new Event('look'))")
        told = page.locator("#fresh a")
        expect(told).to_be_visible()
        assert page.evaluate("() => window.stayed")
        same = page.locator("tbody tr").evaluate_all("all => all.map(e => e.dataset.requestNumber)")
        assert same == rows
        look(page, "new requests")
        told.click()
        page.wait_for_url("**stage=received*")
        expect(page.locator(f"tr[data-request-number='{number}']")).to_be_visible()
        expect(page.locator("#fresh a")).to_have_count(0)
        assert not desk.complaints


def test_without_scripts_the_filter_is_a_plain_form(started: Stack, chromium: Browser) -> None:
    with phone(chromium, started.url, scripts=False) as desk:
        _enter(desk)
        page = desk.page
        page.locator("[name=stage]").select_option("issued")
        page.get_by_role("button", name="اعرض", exact=True).click()
        page.wait_for_url("**stage=issued*")
        expect(page.locator("#found")).to_be_visible()
