"""What scripts add on a phone: questions that open, saving while typing, upload with progress."""

from collections.abc import Iterator
from zlib import crc32

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.support.files import photo
from tests.support.phone import Phone, phone
from tests.support.stack import Stack

SERVICE = "address-numbering-certificate"


@pytest.fixture
def citizen(started: Stack, chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Phone]:
    mobile = f"0105{crc32(request.node.name.encode()) % 10**7:07d}"
    with phone(chromium, started.url, mobile=mobile) as made:
        yield made


def _at_documents(citizen: Phone, started: Stack) -> None:
    citizen.apply(SERVICE)
    citizen.fill_form(started.answers(SERVICE))


def test_what_is_typed_is_kept_without_a_press(started: Stack, citizen: Phone) -> None:
    citizen.apply(SERVICE)
    page = citizen.page
    name = page.locator("main form input:not([type=hidden]):not([type=radio])").first
    code = name.get_attribute("name")
    with page.expect_response(lambda answer: "/drafts/" in answer.url):
        name.fill("هدى")
    page.goto("about:blank")
    citizen.go(f"/services/{SERVICE}/apply")
    citizen.press_primary()
    citizen.press_primary()
    assert page.locator(f"[name='{code}']").input_value() == "هدى"


def test_an_interrupted_upload_is_told_and_one_press_repeats_it(
    started: Stack, citizen: Phone
) -> None:
    _at_documents(citizen, started)
    page = citizen.page
    section = page.locator("section.document").first
    name, content, kind = photo()

    def cut(route: Route) -> None:
        route.abort("connectionreset")

    page.route("**/documents/**", cut)
    section.locator("input[type=file]").set_input_files(
        {"name": name, "mimeType": kind, "buffer": content}
    )
    expect(section.locator(".upload--failed .err")).to_be_visible()
    page.unroute("**/documents/**", cut)
    section.locator("form[data-upload] button").click()
    expect(page.locator("section.document").first.locator("li.file")).to_have_count(1)
    expect(page.locator("section.document .err:visible")).to_have_count(0)


def test_a_refused_file_is_told_in_its_place_and_the_rest_of_the_page_stays(
    started: Stack, citizen: Phone
) -> None:
    _at_documents(citizen, started)
    page = citizen.page
    page.evaluate("() => { window.stayed = true }")
    section = page.locator("section.document").first
    section.locator("input[type=file]").set_input_files(
        {"name": "صورة.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff not a photo"}
    )
    expect(page.locator("section.document").first.locator(".err").first).to_be_visible()
    assert page.evaluate("() => window.stayed")


def test_a_button_that_is_tapped_twice_sends_once(started: Stack, citizen: Phone) -> None:
    _at_documents(citizen, started)
    citizen.upload_all()
    citizen.press_primary()
    page = citizen.page
    page.check("[name=declaration]")
    sent: list[str] = []
    page.on("request", lambda r: sent.append(r.url) if r.method == "POST" else None)
    page.locator("[data-primary]").first.dblclick()
    page.wait_for_url("**/pay")
    assert len([url for url in sent if url.endswith("/check")]) == 1
    citizen.go("/requests")
    assert page.locator("[data-request-number]").count() == 1


def test_the_keyboard_alone_is_enough_to_sign_in(started: Stack, citizen: Phone) -> None:
    citizen.go("/sign-in")
    page = citizen.page
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.getAttribute('href')") == "#main"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type(citizen.national_id)
    page.keyboard.press("Tab")
    page.keyboard.type(citizen.mobile)
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-in/code")
    code = citizen.last_code()
    page.locator("[name=code]").focus()
    page.keyboard.type(code)
    page.keyboard.press("Enter")
    page.wait_for_url("**/requests")
