"""The center finder in a browser: nearest by the phone's position, names as they are typed."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from tests.browser.conftest import Look
from tests.support.phone import Phone, phone
from tests.support.stack import Stack

DESOUK = {"latitude": 31.131, "longitude": 30.645}


def _at(page: Page, base_url: str, position: dict[str, Any] | None) -> None:
    """Let the phone be somewhere, and allow the page to know it."""
    page.context.grant_permissions(["geolocation"], origin=base_url)
    page.context.set_geolocation(position)  # type: ignore[arg-type]


def _ask(citizen: Phone) -> None:
    citizen.go("/centers")
    citizen.page.get_by_role("button", name="اعرض أقرب المراكز إليّ").click()


def _said(citizen: Phone, text: str) -> None:
    status = citizen.page.locator("[data-near] [role=status]")
    expect(status.get_by_text(text)).to_be_visible()
    assert status.locator("p:visible").count() == 1


def test_the_phone_finds_the_nearest_centers_and_sends_its_position_nowhere(
    started: Stack, chromium: Browser, look: Look
) -> None:
    with phone(chromium, started.url) as citizen:
        page = citizen.page
        _at(page, started.url, DESOUK)
        sent: list[Request] = []

        def note(request: Request) -> None:
            sent.append(request)

        page.on("request", note)
        _ask(citizen)
        _said(citizen, "أقرب المراكز")
        rows = page.locator("[data-near] ol li")
        expect(rows).to_have_count(8)
        expect(rows.first).to_contain_text("دسوق")
        expect(rows.first).to_contain_text("كفر الشيخ")
        expect(rows.first).to_contain_text("أقل من ١ كم")
        expect(rows.nth(1)).to_contain_text("نحو ٣ كم")
        assert page.evaluate("() => document.activeElement.tagName") == "BUTTON"
        look(page, "nearest")
        for request in sent:
            assert "31.1" not in request.url, request.url
            assert request.method == "GET"
            assert not request.post_data
        rows.first.get_by_role("link").click()
        page.wait_for_url("**/centers/KFS-003")
        look(page, "center")
        assert not citizen.complaints


@pytest.mark.parametrize(
    ("position", "said"),
    [
        ({"latitude": 48.85, "longitude": 2.35}, "خارج مصر"),
        (None, "لم يتمكن هاتفك من معرفة موقعه"),
    ],
)
def test_a_position_that_is_of_no_use_is_told(
    started: Stack, chromium: Browser, position: dict[str, Any] | None, said: str
) -> None:
    with phone(chromium, started.url) as citizen:
        _at(citizen.page, started.url, position)
        _ask(citizen)
        _said(citizen, said)
        expect(citizen.page.locator("[data-near] ol")).to_be_hidden()


def test_who_refuses_is_told_how_to_go_on(started: Stack, chromium: Browser, look: Look) -> None:
    with phone(chromium, started.url) as citizen:
        _ask(citizen)  # a browser without permission refuses
        _said(citizen, "لا يسمح هاتفك")
        look(citizen.page, "refused")
        _at(citizen.page, started.url, {**DESOUK, "accuracy": 20_000})
        citizen.page.locator("[data-near] button").click()
        expect(citizen.page.get_by_text("يعرف هاتفك موقعه تقريبًا")).to_be_visible()


def test_without_a_connection_the_list_cannot_be_had(started: Stack, chromium: Browser) -> None:
    with phone(chromium, started.url) as citizen:
        _at(citizen.page, started.url, DESOUK)
        citizen.page.route("**/centers/all", lambda route: route.abort())
        _ask(citizen)
        _said(citizen, "لم نتمكن من تحميل قائمة المراكز")


def test_results_come_while_a_name_is_typed_and_back_leads_to_them(
    started: Stack, chromium: Browser, look: Look
) -> None:
    with phone(chromium, started.url) as citizen:
        citizen.go("/centers")
        page = citizen.page
        page.evaluate("() => { window.stayed = true }")
        field = page.get_by_role("searchbox")
        field.focus()
        page.keyboard.type("المطريه", delay=20)
        expect(page.locator("#found")).to_have_text("مركزان")
        expect(page.locator("#result li")).to_have_count(2)
        assert page.evaluate("() => document.activeElement.id") == "q"
        assert field.input_value() == "المطريه"
        assert page.evaluate("() => window.stayed")
        look(page, "found")
        page.locator("#result a").first.click()
        page.wait_for_url("**/centers/C-009")
        page.go_back()
        expect(page.locator("#found")).to_have_text("مركزان")
        expect(page.get_by_role("searchbox")).to_have_value("المطريه")
        assert not citizen.complaints


def test_the_count_is_said_by_one_and_the_same_line(started: Stack, chromium: Browser) -> None:
    """A live region speaks only if it was there before its text changed."""
    with phone(chromium, started.url) as citizen:
        citizen.go("/centers")
        page = citizen.page
        page.evaluate("() => { document.getElementById('found').known = true }")
        page.get_by_role("searchbox").fill("دسوق")
        expect(page.locator("#found")).to_have_text("مركز واحد")
        page.get_by_role("searchbox").fill("الفسطاط")
        expect(page.locator("#found")).to_have_text("لم نجد مركزًا")
        assert page.evaluate("() => document.getElementById('found').known")
        page.get_by_role("searchbox").fill("")
        expect(page.locator("#governorates")).to_be_visible()


def test_without_scripts_name_and_governorate_lead_there(
    started: Stack, chromium: Browser, look: Look
) -> None:
    with phone(chromium, started.url, scripts=False) as citizen:
        citizen.go("/centers")
        page = citizen.page
        expect(page.get_by_role("button", name="اعرض أقرب المراكز إليّ")).to_be_hidden()
        page.get_by_role("searchbox").fill("دسووق")
        page.keyboard.press("Enter")
        page.wait_for_url("**/centers?q=*")
        expect(page.locator("#found")).to_have_text("مركز واحد")
        page.get_by_role("link", name="اختر محافظة بدلًا من الاسم").click()
        page.get_by_role("link", name="كفر الشيخ").click()
        expect(page.get_by_role("heading", level=2, name="كفر الشيخ")).to_be_visible()
        page.get_by_role("link", name="المركز التكنولوجي بمدينة دسوق").click()
        page.wait_for_url("**/centers/KFS-003")
