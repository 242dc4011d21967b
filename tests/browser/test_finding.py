"""Finding a service: while it is typed, with the keyboard alone, and without a script."""

import re
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import Look
from tests.support.phone import phone
from tests.support.stack import Stack

KIOSK = "ترخيص كشك"


def _first(page: Page) -> str:
    return page.locator("#result ol a").first.inner_text()


@pytest.mark.parametrize("path", ["/", "/services"])
def test_results_come_while_one_types_and_back_leads_to_them(
    started: Stack, chromium: Browser, look: Look, path: str
) -> None:
    with phone(chromium, started.url) as citizen:
        citizen.go(path)
        page = citizen.page
        page.evaluate("() => { window.stayed = true }")
        page.evaluate("() => { document.getElementById('found').known = true }")
        field = page.get_by_role("searchbox")
        field.focus()
        page.keyboard.type("عايز كشك", delay=20)
        expect(page.locator("#result ol a").first).to_have_text(KIOSK)
        expect(page.locator("#found")).to_have_text(re.compile("خدم"))
        # a live region speaks only if it was there before its text changed
        assert page.evaluate("() => document.getElementById('found').known && window.stayed")
        assert page.evaluate("() => document.activeElement.id") == "q"
        assert field.input_value() == "عايز كشك"
        assert unquote(page.url) == f"{started.url}/services?q=عايز كشك"
        assert "عايز كشك" in page.title()
        look(page, "found")
        page.reload()
        expect(page.get_by_role("searchbox")).to_have_value("عايز كشك")
        page.locator("#result ol a").first.click()
        page.wait_for_url("**/services/kiosk-licence")
        page.go_back()
        expect(page.locator("#result ol a").first).to_have_text(KIOSK)
        expect(page.get_by_role("searchbox")).to_have_value("عايز كشك")
        assert not citizen.complaints


def test_the_other_language_of_what_was_typed_is_one_link_away(
    started: Stack, chromium: Browser
) -> None:
    with phone(chromium, started.url) as citizen:
        citizen.go("/")
        page, other = citizen.page, citizen.page.locator("footer a[hreflang]")
        page.get_by_role("searchbox").fill("كشك")
        expect(page.locator("#result ol a").first).to_have_text(KIOSK)
        expect(page).to_have_url(re.compile("/services"))
        other.click()
        page.wait_for_url("**/en/services?q=*")
        expect(page.get_by_role("searchbox")).to_have_value("كشك")
        page.get_by_role("searchbox").fill("lift")
        expect(page).to_have_url(re.compile("q=lift"))
        expect(other).to_have_attribute("href", "/services?q=lift")
        page.get_by_role("searchbox").fill("")
        expect(other).to_have_attribute("href", "/services")
        assert not citizen.complaints


@pytest.mark.parametrize("path", ["/", "/services", "/services?family=shops"])
def test_what_is_cleared_brings_the_page_back(started: Stack, chromium: Browser, path: str) -> None:
    with phone(chromium, started.url) as citizen:
        citizen.go(path)
        page = citizen.page
        before, title = page.locator("#result").inner_text(), page.title()
        page.get_by_role("searchbox").fill("بدل فاقد")
        expect(page.locator("#result ol li").first).to_be_visible()
        page.get_by_role("searchbox").press("Escape")
        expect(page.locator("#result ol")).to_have_count(0)
        expect(page.get_by_role("searchbox")).to_have_value("")
        assert page.locator("#result").inner_text() == before
        assert page.title() == title
        assert page.url == started.url + path


def test_a_late_answer_never_stands_over_a_newer_one(started: Stack, chromium: Browser) -> None:
    with phone(chromium, started.url) as citizen:
        citizen.go("/services")
        page = citizen.page
        held: list[Route] = []

        def hold_the_first(route: Route) -> None:
            if held:
                route.continue_()
            else:
                held.append(route)

        page.route("**/services?q=*", hold_the_first)
        field = page.get_by_role("searchbox")
        field.fill("مصعد")
        expect(page.locator("form.htmx-request")).to_have_count(1)  # which shows that one waits
        field.fill("كشك")
        expect(page.locator("#result ol a").first).to_have_text(KIOSK)
        held[0].abort()
        expect(page.locator("form.htmx-request")).to_have_count(0)
        assert _first(page) == KIOSK


def test_a_slip_and_nothing_at_all_are_told(started: Stack, chromium: Browser, look: Look) -> None:
    with phone(chromium, started.url) as citizen:
        citizen.go("/services")
        page = citizen.page
        field = page.get_by_role("searchbox")
        field.fill("رخضة محل")
        expect(page.locator("#found")).to_contain_text("أظهرنا نتائج «رخصة محل»")
        field.fill("ظظظظظظ")
        expect(page.locator("#found")).to_have_text("لم نجد خدمة لعبارة «ظظظظظظ»")
        expect(page.get_by_role("heading", name="كل الأقسام")).to_be_visible()
        look(page, "nothing")
        page.get_by_role("link", name="قدّم شكوى أو بلاغًا").click()
        page.wait_for_url("**/services/municipal-complaint")


def test_the_keyboard_alone_leads_from_the_front_page_to_a_service(
    started: Stack, chromium: Browser
) -> None:
    with phone(chromium, started.url, width=1280) as citizen:
        citizen.go("/")
        page = citizen.page
        page.get_by_role("searchbox").focus()
        page.keyboard.type("يافطة")
        expect(page.locator("#result ol a").first).to_have_text("ترخيص إعلان أو لافتة")
        page.keyboard.press("Enter")  # the search is sent like any form
        page.wait_for_load_state()
        expect(page.get_by_role("heading", level=1)).to_have_text("ابحث عن خدمة")
        expect(page.get_by_role("searchbox")).to_have_value("يافطة")
        page.get_by_role("searchbox").focus()
        for _ in range(8):
            page.keyboard.press("Tab")
            if "/services/" in str(page.evaluate("() => document.activeElement.href || ''")):
                break
        page.keyboard.press("Enter")
        page.wait_for_url("**/services/advertisement-licence-new")


def test_without_scripts_the_form_leads_to_the_same_page(started: Stack, chromium: Browser) -> None:
    with phone(chromium, started.url, scripts=False) as citizen:
        citizen.go("/")
        page = citizen.page
        page.get_by_role("searchbox").fill("توصيل كهربا")
        page.keyboard.press("Enter")
        page.wait_for_url("**/services?q=*")
        assert _first(page) == "خطاب توصيل المرافق"
        expect(page.get_by_role("searchbox")).to_have_value("توصيل كهربا")
        citizen.go("/?q=كشك")
        assert _first(page) == KIOSK
        citizen.go("/en/services?q=kiosk")
        assert _first(page) == "Kiosk licence"
