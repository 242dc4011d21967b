"""The payment provider's pages: axe finds nothing, nothing is too wide, errors are met first."""

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import Look
from tests.support.sandbox import SandboxProcess, line, session_params

LONG = {
    None: "رسم ترخيص البناء للدور الأرضي والأدوار المتكررة والبدروم بالمساحة المبينة بالطلب",
    "en": "Licence fee of the ground floor, the repeated floors and the basement as in the request",
}
KEY = "sk_test_looked_at"
ENTERED = {"exp": "12/34", "cvc": "123", "name": "MONA"}


def _pay(page: Page, number: str) -> None:
    for name, value in {**ENTERED, "card_number": number}.items():
        page.fill(f"[name={name}]", value)
    page.locator("[data-primary]").click()
    page.wait_for_load_state()


@pytest.mark.parametrize(
    ("width", "scheme", "locale"),
    [(320, "dark", "en"), (360, "light", None), (1280, "dark", None)],
)
def test_every_page_of_the_checkout(
    payment_server: SandboxProcess,
    chromium: Browser,
    look: Look,
    width: int,
    scheme: str,
    locale: str | None,
) -> None:
    sessions = payment_server.client(KEY).v1.checkout.sessions
    items = [line(LONG[locale], 123_456_750)]
    asked = {"locale": locale} if locale else {}
    session = sessions.create(session_params(line_items=items, **asked))
    context = chromium.new_context(viewport={"width": width, "height": 780})
    page = context.new_page()
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(str(session.url))
    look(page, "checkout")
    page.locator("[data-primary]").click()
    # the browser moves the focus a moment after the page is there
    page.wait_for_function("() => document.activeElement.closest('.errors') !== null")
    look(page, "checkout with errors")
    page.locator(".errors a").first.click()
    assert page.evaluate("document.activeElement.name") == "card_number"
    _pay(page, "4000000000009995")
    page.wait_for_function("() => document.activeElement.closest('.errors') !== null")
    look(page, "a declined card")
    page.locator(".ways a").nth(1).click()
    look(page, "a wallet")
    page.locator("[data-primary]").click()
    page.wait_for_function("() => document.activeElement.closest('.errors') !== null")
    look(page, "a wallet with errors")
    page.fill("[name=phone]", "01000000001")
    page.locator("[data-primary]").click()
    page.wait_for_load_state()
    look(page, "the phone's question")
    page.goto(f"{session.url}?method=card")
    _pay(page, "4000000000003220")
    look(page, "the bank's question")
    page.goto(str(session.url))
    look(page, "waiting for the bank")
    sessions.expire(session.id)
    page.reload()
    look(page, "an expired checkout")
    cash = sessions.create(session_params(line_items=items, **asked))
    page.goto(f"{cash.url}?method=kiosk")
    look(page, "cash at a kiosk")
    page.locator("[data-primary]").click()
    page.wait_for_load_state()
    look(page, "a number to pay in cash")
    page.emulate_media(media="print")
    assert page.locator("[data-reference]").is_visible()
    assert not page.locator("form").is_visible()
    page.emulate_media(media="screen", color_scheme=scheme)  # type: ignore[arg-type]
    page.locator("[name=paid]").click()
    page.wait_for_load_state()
    look(page, "a number that was paid")
    late = sessions.create(session_params(line_items=items, **asked))
    page.goto(f"{late.url}?method=kiosk")
    page.locator("[data-primary]").click()
    page.wait_for_load_state()
    intent = sessions.retrieve(late.id).payment_intent
    payment_server.client(KEY).v1.payment_intents.cancel(str(intent))
    page.reload()
    look(page, "a number that has ended")
    page.goto(f"{payment_server.url}/c/pay/none")
    look(page, "an unknown checkout")
    context.close()
