"""Makes the pictures of the README: ``.venv/bin/python -m tools.pictures``, after ``./dev test``.

Walks a start of its own, so that the pictures show what is there and nothing else.
"""

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Geolocation, Page, sync_playwright

from portal.catalogue.loader import load_catalogue
from portal.clock import SystemClock, cairo_day
from portal.demo.permits import FIRST_NUMBER, issued_on
from tests.support.people import CARD
from tests.support.phone import Phone, launch, phone
from tests.support.stack import EVERYTHING, Stack

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
SERVICE = "building-permit-new"
CHEAP = "address-numbering-certificate"
DESOUK: Geolocation = {"latitude": 31.131, "longitude": 30.645}
WIDTH, HEIGHT, GAP = 360, 740, 24
BACKGROUND = (226, 230, 235)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        stack = Stack(Path(folder)).start(EVERYTHING)
        try:
            with sync_playwright() as playwright:
                chromium = launch(playwright)
                seen: dict[str, bytes] = {}

                def keep(page: Page, name: str) -> None:
                    page.evaluate("() => scrollTo(0, 0)")
                    seen[name] = page.screenshot()

                with phone(chromium, stack.url, look=keep) as citizen:
                    citizen.go("/")
                    keep(citizen.page, "home")
                    citizen.apply(SERVICE)
                    citizen.fill_form(stack.answers(SERVICE))
                    citizen.upload_all()
                    citizen.submit()
                    citizen.pay()
                    keep(citizen.page, "request")
                    number = citizen.number()
                names = ["home", "service", "step-building", "documents", "checkout", "request"]
                chosen = [seen[n] for n in names if n in seen]
                _strip(chosen).save(FOLDER / "way.png", optimize=True)
                with phone(chromium, stack.url, mobile="01030000002") as payer:
                    _strip(list(_paying(payer, stack))).save(FOLDER / "money.png", optimize=True)
                with phone(chromium, stack.url) as visitor:
                    _strip(list(_finding(visitor))).save(FOLDER / "finding.png", optimize=True)
                with phone(chromium, stack.url) as visitor:
                    _strip(list(_asking(visitor))).save(FOLDER / "permits.png", optimize=True)
                with phone(chromium, stack.url, width=1280) as desk:
                    desk.go("/center/sign-in")
                    desk.page.fill("[name=username]", "front_office@KFS-003")
                    desk.page.fill("[name=password]", "demo")
                    desk.press_primary()
                    desk.page.locator(f"[data-request-number='{number}']").first.wait_for()
                    for _ in range(60):  # the demo's year comes in behind the start
                        if desk.page.locator("tbody tr").count() > 5:
                            break
                        desk.page.wait_for_timeout(1000)
                        desk.page.reload()
                    desk.page.screenshot(path=FOLDER / "inbox.png")
        finally:
            stack.stop()


def _finding(visitor: Phone) -> Iterator[bytes]:
    """Found by everyday words, told from its like, its fees tried, the nearest center."""
    page = visitor.page
    words = load_catalogue().services[SERVICE].title.ar.split()[1]
    visitor.go("/")
    page.locator("#q").press_sequentially(words[:4])
    page.locator("#result mark").first.wait_for()
    yield page.screenshot()
    visitor.go("/guides/building-works")
    yield page.screenshot()
    visitor.go("/services/shop-licence-new/fees?shop_area=45")
    page.locator("[data-amount]").first.scroll_into_view_if_needed()
    yield page.screenshot()
    visitor.go("/services/shop-licence-new/documents")
    yield page.screenshot()
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation(DESOUK)
    visitor.go("/centers")
    page.locator("[data-near] button").click()
    page.locator("[data-near] li").first.wait_for()
    yield page.screenshot()
    page.emulate_media(color_scheme="dark")
    visitor.go(f"/services/{SERVICE}")
    yield page.screenshot()


def _asking(visitor: Phone) -> Iterator[bytes]:
    """A building permit: asked for by its number, one whose works have begun, one in doubt."""
    page, today = visitor.page, cairo_day(SystemClock().now())
    for index in (1, 4):
        visitor.go("/permits?governorate=EG-KFS")
        page.select_option("#center", "KFS-003")
        page.fill("#number", str(FIRST_NUMBER + index))
        page.fill("#year", str(issued_on(index, today).year))
        if index == 1:
            page.evaluate("() => scrollTo(0, 0)")
            yield page.screenshot()
        page.locator("main form button").first.click()
        page.locator("[data-verdict]").wait_for()
        yield page.screenshot()


def _paying(payer: Phone, stack: Stack) -> Iterator[bytes]:
    """What is owed, a number for kiosks, the provider's page, the receipt and its code."""
    page = payer.page
    payer.apply(CHEAP)
    payer.fill_form(stack.answers(CHEAP))
    payer.upload_all()
    payer.submit()
    address = payer.path()
    yield page.screenshot()
    page.locator("form:has([value=kiosk]) button").click()
    page.locator("[data-voucher]").wait_for()
    yield page.screenshot()
    payer.go(address)
    payer.press_primary()
    yield page.screenshot()
    payer.pay_with(CARD)
    page.locator("a[href*='/receipts/']").first.click()
    page.locator("a[href*='/verify/']").wait_for()
    yield page.screenshot()
    page.locator(".qr").scroll_into_view_if_needed()
    yield page.screenshot()
    page.goto(page.locator("a[href*='/verify/']").get_attribute("href") or "")
    yield page.screenshot()


def _strip(pictures: list[bytes]) -> Image.Image:
    """Phones side by side; the way goes from right to left, as Arabic does."""
    width = len(pictures) * (WIDTH + GAP) + GAP
    strip = Image.new("RGB", (width, HEIGHT + 2 * GAP), BACKGROUND)
    for index, picture in enumerate(reversed(pictures)):
        phone_screen = Image.open(io.BytesIO(picture)).convert("RGB").crop((0, 0, WIDTH, HEIGHT))
        strip.paste(phone_screen, (GAP + index * (WIDTH + GAP), GAP))
    return strip.quantize(128).convert("P")


if __name__ == "__main__":
    main()
