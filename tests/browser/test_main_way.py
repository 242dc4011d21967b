"""The main way on a phone, from the service's page to the center's number, in real Chromium."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.people import CARD, DECLINED
from tests.support.phone import Phone, phone
from tests.support.stack import Stack

Look = Callable[[Page, str], None]

BY_PAYMENT_MODE = {
    "UPFRONT": "address-numbering-certificate",
    "TWO_STAGE": "building-permit-new",
    "THREE_STAGE": "shop-licence-new",
    "UPFRONT_DIFF": "property-data-certificate",
    "DUES": "state-property-dues-payment",
    "REFUND": "security-deposit-refund",
    "FREE": "municipal-complaint",
}
WITHOUT_PAYMENT = {"REFUND", "FREE"}
# axe takes a second a page, and the pages of the others are made of the same parts
LOOKED_AT = {"TWO_STAGE", "UPFRONT_DIFF"}


def _as_far_as_the_payment(citizen: Phone, started: Stack, service: str) -> None:
    citizen.apply(service)
    citizen.fill_form(started.answers(service))
    citizen.upload_all()
    citizen.submit()


def _is_in_the_inbox(started: Stack, number: str) -> bool:
    return started.employee("front_office").open(number).status == 200


@pytest.mark.parametrize("mode", BY_PAYMENT_MODE)
def test_a_citizen_files_pays_and_sees_the_number_of_the_center(
    started: Stack, chromium: Browser, look: Look, fits: Look, mode: str
) -> None:
    look = look if mode in LOOKED_AT else fits
    mobile = f"0106{list(BY_PAYMENT_MODE).index(mode):07d}"
    with phone(chromium, started.url, mobile=mobile, look=look) as citizen:
        _as_far_as_the_payment(citizen, started, BY_PAYMENT_MODE[mode])
        if mode not in WITHOUT_PAYMENT:
            citizen.pay()
        page = citizen.page
        expect(page.locator("[data-state='received']")).to_be_visible()
        look(page, "received")
        number = citizen.number()
        clerk = started.employee("front_office")
        _soon(page, lambda: _is_in_the_inbox(started, number))
        registered = clerk.act(number, "register", {}).hook("center-number")
        # the open page finds out by itself
        expect(page.locator("[data-state='document_check']")).to_be_visible(timeout=20_000)
        page.reload()
        shown = page.locator("[data-center-number]").first.get_attribute("data-center-number")
        assert shown == registered
        look(page, "registered")
        assert citizen.complaints == []


def _soon(page: Page, check: Callable[[], bool]) -> None:
    for _ in range(60):
        if check():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it did not happen in time")


def test_without_scripts_the_whole_way_works(started: Stack, chromium: Browser) -> None:
    with phone(chromium, started.url, scripts=False, mobile="01060000100") as citizen:
        _as_far_as_the_payment(citizen, started, "building-permit-new")
        citizen.pay()
        expect(citizen.page.locator("[data-state='received']")).to_be_visible()
        _soon(citizen.page, lambda: _is_in_the_inbox(started, citizen.number()))


def test_a_declined_card_is_told_and_another_one_pays(
    started: Stack, chromium: Browser, look: Look
) -> None:
    with phone(chromium, started.url, mobile="01060000101", look=look) as citizen:
        _as_far_as_the_payment(citizen, started, "address-numbering-certificate")
        citizen.pay(DECLINED)
        expect(citizen.page.locator("[role=alert]").first).to_be_visible()
        look(citizen.page, "declined")
        citizen.pay_with(CARD)
        expect(citizen.page.locator("[data-state='received']")).to_be_visible()


def test_a_browser_closed_in_the_middle_costs_nothing(started: Stack, chromium: Browser) -> None:
    service, mobile = "address-numbering-certificate", "01060000102"
    answers = started.answers(service)
    with phone(chromium, started.url, mobile=mobile) as first:
        first.apply(service)
        first.fill_page(answers)
        first.press_primary()
        second_page = first.path()
    with phone(chromium, started.url, mobile=mobile) as other:
        other.apply(service)
        assert not other.page.locator("[name='applicant_name']").count()
        other.press_primary()  # go on with the one that is saved
        other.press_primary()
        assert other.path() == second_page
        other.fill_form(answers)
