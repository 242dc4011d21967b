"""Fees tried while typing, documents ticked and printed, a guide walked by keyboard alone."""

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Browser, Error, Page, Route, expect

from tests.support.phone import Phone, phone
from tests.support.stack import Stack

Look = Callable[[Page, str], None]
TRIED = "/services/building-permit-new/fees"
PAGES = [
    "/services/excavation-permit",
    "/services/excavation-permit/documents",
    f"{TRIED}?building_use=residential&total_built_area=450&estimated_value=900000",
    f"{TRIED}?building_use=residential",
    "/services/road-occupation-permit/fees?area=2&months=3",
    "/guides/building-works",
    "/guides/building-works/works/change",
    "/guides/building-works/unsure",
    "/en/services/building-permit-alteration",
]


@pytest.fixture
def visitor(started: Stack, chromium: Browser) -> Iterator[Phone]:
    with phone(chromium, started.url) as made:
        yield made


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_axe_finds_nothing_before_applying(
    started: Stack, chromium: Browser, look: Look, width: int, scheme: str
) -> None:
    with phone(chromium, started.url, width=width) as visitor:
        visitor.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for path in PAGES:
            visitor.go(path)
            visitor.page.locator("details").evaluate_all("all => all.forEach(d => d.open = true)")
            look(visitor.page, path)


def test_the_sum_follows_the_typing_and_the_focus_stays(visitor: Phone, look: Look) -> None:
    page = visitor.page
    visitor.go("/services/site-validity-statement")
    entries = page.evaluate("history.length")
    page.focus("#plot_area")
    page.keyboard.type("1200")
    total = page.locator("#fees-result [data-amount]")
    expect(total).to_have_attribute("data-amount", "275000")
    # a reader hears the sums, not the table
    expect(page.locator("#fees-said")).to_contain_text("٢٬٧٥٠ جنيهًا")
    assert page.evaluate("document.activeElement.id") == "plot_area"
    assert page.evaluate("history.length") == entries
    assert visitor.path() == "/services/site-validity-statement"
    look(page, "a result under the form")
    # what cannot be read is listed where the sum was, and leads to its control
    page.keyboard.type("x")
    expect(total).to_have_count(0)
    page.locator("#fees-result a").click()
    assert page.evaluate("document.activeElement.id") == "plot_area"
    page.keyboard.press("Backspace")
    expect(total).to_have_attribute("data-amount", "275000")
    # Enter leads to the address of the sum
    page.keyboard.press("Enter")
    page.wait_for_url("**/fees?plot_area=1200#fees-sum")
    expect(total).to_have_attribute("data-amount", "275000")


def test_a_slow_network_is_told_and_the_last_numbers_win(visitor: Phone) -> None:
    page = visitor.page
    visitor.go("/services/site-validity-statement")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/fees?*", hold)
    page.locator("#plot_area").press_sequentially("300")
    expect(page.locator("#fees-wait")).to_be_visible()
    page.locator("#plot_area").press_sequentially("0")
    page.unroute("**/fees?*")
    for route in held:
        with suppress(Error):  # the page itself gave up an older one
            route.continue_()
    total = page.locator("#fees-result [data-amount]")
    expect(total).to_have_attribute("data-amount", "635000")  # 50 + 300 + 3,000 × 2
    expect(page.locator("#fees-wait")).not_to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_rows_are_added_and_the_sum_has_its_own_address(
    started: Stack, chromium: Browser, scripts: bool
) -> None:
    with phone(chromium, started.url, scripts=scripts) as visitor:
        page = visitor.page
        visitor.go("/en/services/excavation-permit")
        page.locator("summary").click()
        page.fill("[name='segments.0.length_m']", "10")
        page.fill("[name='segments.0.width_m']", "0.8")
        page.check("[name='segments.0.surface'][value=asphalt]")
        page.locator("button[name=_add]").click()
        lengths = page.locator("[name$='.length_m']")
        expect(lengths).to_have_count(2)
        expect(lengths.first).to_have_value("10")
        page.reload()
        expect(lengths).to_have_count(2)
        page.locator("button[name=_remove]").nth(1).click()
        expect(lengths).to_have_count(1)
        page.fill("[name=duration_days]", "3")
        page.check("[name=reinstatement_by][value=local_unit]")
        page.locator("main .btns button").click()
        page.wait_for_url("**#fees-sum")
        assert page.locator("[data-amount]").evaluate_all(
            "all => all.map(e => e.dataset.amount)"
        ) == [
            "25000",
            "923000",
        ]


def test_a_guide_is_walked_by_keyboard_and_back(visitor: Phone) -> None:
    page = visitor.page
    visitor.go("/en/guides/shop-licence")
    page.get_by_role("link", name="Yes", exact=True).focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/guides/shop-licence/change")
    page.get_by_role("link", name="Replace it").press("Enter")
    page.wait_for_url("**/change/copy")
    expect(page.get_by_role("heading", level=1)).to_have_text("Replacement of a shop licence")
    page.get_by_role("link", name="Back to the question before").press("Enter")
    page.wait_for_url("**/guides/shop-licence/change")
    page.get_by_role("link", name="I do not know").press("Enter")
    page.wait_for_url("**/unsure")
    expect(page.get_by_role("link", name="Find a center")).to_be_visible()


def test_the_list_is_ticked_and_printed(visitor: Phone) -> None:
    page = visitor.page
    visitor.go("/services/building-permit-new/documents")
    page.get_by_label("سند الملكية").check()
    page.evaluate("window.print = () => { document.body.dataset.printed = 'yes' }")
    page.get_by_role("button", name="اطبع").click()
    expect(page.locator("body")).to_have_attribute("data-printed", "yes")
    page.emulate_media(media="print")
    expect(page.locator(".print-only")).to_be_visible()
    expect(page.locator("nav").first).to_be_hidden()
    assert len(page.pdf(format="A4")) > 1000
