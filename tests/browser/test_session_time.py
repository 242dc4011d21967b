"""A session's end as somebody at a phone meets it: told in time, and nothing typed is lost."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.local import LocalPortal
from tests.support.phone import Phone, phone

Look = Callable[[Page, str], None]
TYPED = "حفرة كبيرة أمام المدرسة منذ أسبوع"


def at_details(citizen: Phone) -> None:
    """Signed in, at the page of a complaint that takes a long text."""
    citizen.apply("municipal-complaint")
    citizen.go(citizen.path().rsplit("/", 1)[0] + "/details")


def pass_time(turning: LocalPortal, citizen: Phone, minutes: int) -> None:
    """On the server's clock, and on the phone's timers."""
    turning.clock.advance(minutes=minutes)
    citizen.page.clock.fast_forward(minutes * 60_000)


def test_the_end_is_told_in_time_and_one_press_puts_it_off(
    turning: LocalPortal, chromium: Browser, look: Look
) -> None:
    with phone(chromium, turning.url, mobile="01060000301") as citizen:
        page = citizen.page
        page.clock.install()
        at_details(citizen)
        notice = page.get_by_role("status").filter(has_text="ينتهي دخولك بعد")
        expect(notice).to_have_count(0)
        pass_time(turning, citizen, 56)
        expect(notice).to_contain_text("٤ دقائق")
        look(page, "the end is near")
        pass_time(turning, citizen, 2)
        expect(notice).to_contain_text("دقيقتين")
        page.get_by_role("button", name="ابقَ مسجّل الدخول").click()
        said = page.get_by_role("status").get_by_text("تبقى مسجّل الدخول حتى")
        expect(said).to_be_focused()
        pass_time(turning, citizen, 50)
        page.reload()
        assert citizen.path().endswith("/details")
        assert not citizen.complaints


@pytest.mark.parametrize("scripts", [True, False])
def test_what_is_typed_after_the_end_is_there_after_signing_in(
    turning: LocalPortal, chromium: Browser, look: Look, scripts: bool
) -> None:
    mobile = f"010600003{10 + scripts}"
    with phone(chromium, turning.url, scripts=scripts, mobile=mobile) as citizen:
        page = citizen.page
        if scripts:
            page.clock.install()
        at_details(citizen)
        draft = citizen.path()
        turning.clock.advance(minutes=61)
        if scripts:
            page.clock.fast_forward(61 * 60_000)
            expect(page.locator("#session")).to_contain_text("انتهت مدة دخولك")
            look(page, "the end has come")
        page.fill("[name=description]", TYPED)
        citizen.press_primary()
        assert citizen.path() == "/sign-in"
        citizen.sign_in()
        assert citizen.path() == "/sign-in/again"
        if scripts:
            look(page, "what was typed is here")
        citizen.press_primary()
        citizen.go(draft)
        expect(page.locator("[name=description]")).to_have_value(TYPED)


def test_the_skip_link_leads_past_the_masthead(turning: LocalPortal, chromium: Browser) -> None:
    with phone(chromium, turning.url) as visitor:
        for path in ("/", "/help", "/center/sign-in", "/nothing"):
            visitor.go(path)
            visitor.page.keyboard.press("Tab")
            expect(visitor.page.locator("a.skip")).to_be_focused()
            visitor.page.keyboard.press("Enter")
            visitor.page.keyboard.press("Tab")
            inside = "() => document.activeElement.closest('main') !== null"
            assert visitor.page.evaluate(inside), path
