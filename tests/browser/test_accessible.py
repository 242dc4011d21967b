"""axe finds nothing on the pages of the way with their errors shown; the summary has the focus."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.people import Citizen, Employee
from tests.support.phone import Phone, phone
from tests.support.seeing import Look
from tests.support.stack import Stack

SERVICE = "building-permit-new"


@pytest.fixture
def citizen(started: Stack, chromium: Browser, look: Look) -> Iterator[Phone]:
    with phone(chromium, started.url, mobile="01060000200", look=look) as made:
        yield made


def _send_empty(citizen: Phone, look: Look, name: str) -> None:
    """Press the button with nothing filled in: every problem of the page is shown at once."""
    citizen.press_primary()
    page = citizen.page
    assert page.locator(".errors a").count(), name
    targets = page.locator(".errors a").evaluate_all(
        "links => links.map(a => document.getElementById(a.getAttribute('href').slice(1)) !== null)"
    )
    assert all(targets), f"{name}: a link of the summary leads nowhere"
    assert page.title().startswith("خطأ:")
    page.wait_for_function("() => document.activeElement.closest('.errors') !== null")
    look(page, f"{name} with errors")


def test_the_pages_of_the_way_with_errors_shown(started: Stack, citizen: Phone, look: Look) -> None:
    page = citizen.page
    citizen.go("/track")
    _send_empty(citizen, look, "track")
    citizen.go("/sign-in")
    _send_empty(citizen, look, "sign-in")
    page.fill("[name=national_id]", citizen.national_id)
    page.fill("[name=mobile]", citizen.mobile)
    citizen.press_primary()
    _send_empty(citizen, look, "code")
    page.fill("[name=code]", citizen.last_code())
    citizen.press_primary()
    look(page, "no requests yet")

    answers = started.answers(SERVICE)
    citizen.go(f"/services/{SERVICE}/apply")
    for _ in range(40):
        if citizen.path().endswith("/documents"):
            break
        page.locator("main input[type=text], main input:not([type])").evaluate_all(
            "all => all.forEach(e => { e.value = '' })"
        )
        before = citizen.path()
        citizen.press_primary()
        if citizen.path() == before:
            look(page, f"{before} with errors")
            citizen.fill_page(answers)
            citizen.press_primary()
        assert citizen.path() != before, page.locator(".errors").all_text_contents()
    _send_empty(citizen, look, "documents")

    section = page.locator("section.document").first
    section.locator("input[type=file]").set_input_files(
        {"name": "خطاب.pdf", "mimeType": "application/pdf", "buffer": b"not a document"}
    )
    page.locator("section.document .err:visible").first.wait_for()
    look(page, "a refused file")
    citizen.upload_all()
    citizen.press_primary()
    _send_empty(citizen, look, "check")
    page.check("[name=declaration]")
    citizen.press_primary()
    look(page, "pay")
    citizen.pay()
    page.goto(page.locator("a[href*='/receipts/']").first.evaluate("a => a.href"))
    look(page, "receipt")
    citizen.go("/requests")
    look(page, "requests")


def _filed(started: Stack, mobile: str) -> tuple[Citizen, str]:
    citizen = started.citizen(mobile)
    citizen.sign_in()
    service = "address-numbering-certificate"
    return citizen, citizen.file(service, started.answers(service)).hook("request-number")


def _at_the_center(started: Stack, number: str) -> Employee:
    clerk = started.employee("front_office")
    for _ in range(100):
        if clerk.open(number).status == 200:
            return clerk
    raise AssertionError("it did not reach the center")


def test_completion_and_refusal_as_the_citizen_sees_them(
    started: Stack, citizen: Phone, look: Look
) -> None:
    filer, number = _filed(started, "01060000201")
    clerk = _at_the_center(started, number)
    clerk.act(number, "register", {})
    item = clerk.open(number).tree.xpath("//input[@name='items']/@value")[0]
    ask = {"items": item, "completion_note": "الصورة غير واضحة"}
    clerk.act(number, "completion", {**ask, "days": "14"})
    citizen.mobile = filer.mobile
    citizen.go("/sign-in")
    citizen.sign_in()
    citizen.go(f"/requests/{number}")
    citizen.page.locator("[data-state='needs_completion']").wait_for(timeout=20_000)
    look(citizen.page, "completion asked")
    citizen.go(f"/requests/{number}/complete")
    look(citizen.page, "complete")
    _send_empty(citizen, look, "complete")
    citizen.upload(f"document-{item}")
    citizen.press_primary()
    look(citizen.page, "completed")


@pytest.mark.parametrize("width", [360, 1280])
def test_the_pages_of_staff_with_errors_shown(
    started: Stack, chromium: Browser, look: Look, width: int
) -> None:
    _, number = _filed(started, f"0106000{width:04d}")
    clerk = _at_the_center(started, number)
    clerk.act(number, "register", {})
    clerk.act(number, "accept", {})
    with phone(chromium, started.url, width=width) as desk:
        page = desk.page
        desk.go("/center/sign-in")
        page.fill("[name=username]", "department_head@KFS-003")
        page.fill("[name=password]", "wrong")
        desk.press_primary()
        look(page, "staff sign-in with errors")
        page.fill("[name=username]", "department_head@KFS-003")
        page.fill("[name=password]", "demo")
        desk.press_primary()
        look(page, "inbox")
        desk.go("/center/inbox?q=nothing")
        look(page, "empty inbox")
        desk.go(f"/center/requests/{number}")
        look(page, "request at the center")
        for act in ("approve", "completion", "refuse"):
            page.locator(f"form[action$='/{act}'] button").click()
            page.wait_for_load_state()
            assert page.locator(".errors a").count(), act
            look(page, f"{act} with errors")
