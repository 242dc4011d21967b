"""Questions that open, rows that come and go: with scripts and without them."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.phone import Phone, phone
from tests.support.stack import Stack

SERVICE = "excavation-permit"
MOBILES = {True: "01040000001", False: "01040000002"}


@pytest.fixture(params=[True, False], ids=["scripts", "no-scripts"])
def citizen(started: Stack, chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Phone]:
    scripts = bool(request.param)
    with phone(chromium, started.url, scripts=scripts, mobile=MOBILES[scripts]) as made:
        yield made


def test_questions_open_under_their_answer_and_rows_come_and_go(
    started: Stack, citizen: Phone
) -> None:
    page, answers = citizen.page, started.answers(SERVICE)
    citizen.apply(SERVICE)
    _answers_open_their_questions(citizen)
    while not citizen.path().endswith("/segments"):
        citizen.fill_page(answers)
        citizen.press_primary()

    streets = page.locator("input[name$='.street']")
    expect(streets).to_have_count(1)
    streets.first.fill("شارع الجيش")
    page.locator("button[name=_add]").click()
    expect(streets).to_have_count(2)
    expect(streets.first).to_have_value("شارع الجيش")
    streets.nth(1).fill("شارع البحر")
    page.locator("button[name=_add]").click()
    expect(streets).to_have_count(3)
    page.locator("button[name=_remove]").first.click()
    expect(streets).to_have_count(2)
    assert [each.input_value() for each in streets.all()] == ["شارع البحر", ""]

    # nothing of it is lost, and the page that is not complete says so
    citizen.press_primary()
    expect(page.locator(".errors")).to_be_visible()
    assert [each.input_value() for each in streets.all()] == ["شارع البحر", ""]
    page.locator("button[name=_remove]").nth(1).click()
    expect(streets).to_have_count(1)
    citizen.fill_page(answers)
    citizen.press_primary()
    assert not citizen.path().endswith("/segments")


def _answers_open_their_questions(citizen: Phone) -> None:
    page = citizen.page
    passport, card = page.locator("#passport_number"), page.locator("#national_id")
    expect(passport).to_be_hidden()
    page.check("[name=is_foreigner][value=yes]")
    expect(passport).to_be_visible()
    expect(card).to_be_hidden()
    page.check("[name=is_foreigner][value=no]")
    expect(passport).to_be_hidden()
    expect(card).to_be_visible()
