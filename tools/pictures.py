"""Makes the pictures of the README and of docs: ``.venv/bin/python -m tools.pictures``, after
``./dev test``; with names (``way money finding permits bodies import backlog``) only those.

Walks a start of its own, so that the pictures show what is there and nothing else.
"""

import csv
import io
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, FilePayload, Geolocation, Page, sync_playwright

from portal.catalogue.loader import load_catalogue
from portal.clock import SystemClock, cairo_day
from portal.demo.permits import FIRST_NUMBER, issued_on
from portal.i18n import Languages
from portal.permits import labels
from portal.permits.spellings import spellings
from tests.support.people import CARD
from tests.support.phone import Phone, launch, phone
from tests.support.stack import EVERYTHING, Stack

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
SERVICE = "building-permit-new"
CHEAP = "address-numbering-certificate"
DESOUK: Geolocation = {"latitude": 31.131, "longitude": 30.645}
WIDTH, HEIGHT, GAP = 360, 740, 24
DESK = 1280
# what people have written into books: no such day, letters where a number stands, a bad digit
_WRONG = {"number": "4216", "issued_on": "31/2/2009", "floors_above": "x", "owner_id": "123"}
BACKGROUND = (226, 230, 235)


def main(names: Sequence[str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    unknown = set(names) - _MAKERS.keys()
    if unknown:
        raise SystemExit(f"no such pictures: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        stack = Stack(Path(folder)).start(EVERYTHING)
        try:
            with sync_playwright() as playwright:
                chromium = launch(playwright)
                for name in names or _MAKERS:
                    _MAKERS[name](chromium, stack)
        finally:
            stack.stop()


def _way(chromium: Browser, stack: Stack) -> None:
    """A request from the front page to its number, and how the center sees it."""
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
    _strip([seen[n] for n in names if n in seen]).save(FOLDER / "way.png", optimize=True)
    with _desk(chromium, stack, "front_office@KFS-003") as page:
        page.locator(f"[data-request-number='{number}']").first.wait_for()
        for _ in range(60):  # the demo's year comes in behind the start
            if page.locator("tbody tr").count() > 5:
                break
            page.wait_for_timeout(1000)
            page.reload()
        page.screenshot(path=FOLDER / "inbox.png")


def _money(chromium: Browser, stack: Stack) -> None:
    with phone(chromium, stack.url, mobile="01030000002") as payer:
        _strip(list(_paying(payer, stack))).save(FOLDER / "money.png", optimize=True)


def _found(chromium: Browser, stack: Stack) -> None:
    with phone(chromium, stack.url) as visitor:
        _strip(list(_finding(visitor))).save(FOLDER / "finding.png", optimize=True)


def _permits(chromium: Browser, stack: Stack) -> None:
    with phone(chromium, stack.url) as visitor:
        _strip(list(_asking(visitor))).save(FOLDER / "permits.png", optimize=True)


@contextmanager
def _desk(chromium: Browser, stack: Stack, username: str) -> Iterator[Page]:
    """An employee of the demo who has signed in."""
    with phone(chromium, stack.url, width=DESK) as desk:
        desk.go("/center/sign-in")
        desk.page.fill("[name=username]", username)
        desk.page.fill("[name=password]", "demo")
        desk.press_primary()
        yield desk.page


def _bodies(chromium: Browser, stack: Stack) -> None:
    """What a body may ask, with which key, and what it has asked."""
    with _desk(chromium, stack, "governorate_admin@EG-KFS") as page:
        page.goto(f"{stack.url}/center/admin/bodies/kfs-notary")
        seen = [page.screenshot()]
        page.goto(f"{stack.url}/center/admin/bodies/log")
        seen.append(page.screenshot())
    _pair(seen).save(FOLDER / "bodies.png", optimize=True)


def _import(chromium: Browser, stack: Stack) -> None:
    """A file of a paper book: which column is what, and what is wrong in which cell."""
    told, say = spellings().template, Languages().pair[0].gettext
    rows = [[say(labels.FIELDS[field]) for field in told]]
    rows += [
        [(_WRONG if n == 2 else {}).get(field, told[field][n % 2]) for field in told]
        for n in range(3)
    ]
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    with _desk(chromium, stack, "department_head@KFS-003") as page:
        page.goto(f"{stack.url}/center/permits/imports")
        content = out.getvalue().encode()
        file: FilePayload = {"name": "1998.csv", "mimeType": "text/csv", "buffer": content}
        page.set_input_files("#file", file)
        page.locator("main [data-primary]").click()
        page.locator("[data-import-state]").wait_for()
        seen = [page.screenshot()]
        page.locator("form[action$='/columns'] button").last.click()
        page.locator("[data-import-state='checked']").wait_for()
        page.locator("main table tbody tr").last.scroll_into_view_if_needed()
        seen.append(page.screenshot())
    _pair(seen).save(FOLDER / "import.png", optimize=True)


def _backlog(chromium: Browser, stack: Stack) -> None:
    """The paper files of a center by department: counted, entered, accepted, scanned."""
    with _desk(chromium, stack, "department_head@KFS-003") as page:
        page.goto(f"{stack.url}/center/permits/backlog")
        page.screenshot(path=FOLDER / "backlog.png")


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


def _pair(pictures: list[bytes]) -> Image.Image:
    """Two screens of a desk, the first on the right, smaller than they are."""
    half = [Image.open(io.BytesIO(each)).convert("RGB") for each in reversed(pictures)]
    half = [each.resize((each.width * 3 // 4, each.height * 3 // 4)) for each in half]
    width = sum(each.width + GAP for each in half) + GAP
    pair = Image.new("RGB", (width, half[0].height + 2 * GAP), BACKGROUND)
    for index, each in enumerate(half):
        pair.paste(each, (GAP + index * (each.width + GAP), GAP))
    return pair.quantize(128).convert("P")


def _strip(pictures: list[bytes]) -> Image.Image:
    """Phones side by side; the way goes from right to left, as Arabic does."""
    width = len(pictures) * (WIDTH + GAP) + GAP
    strip = Image.new("RGB", (width, HEIGHT + 2 * GAP), BACKGROUND)
    for index, picture in enumerate(reversed(pictures)):
        phone_screen = Image.open(io.BytesIO(picture)).convert("RGB").crop((0, 0, WIDTH, HEIGHT))
        strip.paste(phone_screen, (GAP + index * (WIDTH + GAP), GAP))
    return strip.quantize(128).convert("P")


_MAKERS: Mapping[str, Callable[[Browser, Stack], None]] = {
    "way": _way,
    "money": _money,
    "finding": _found,
    "permits": _permits,
    "bodies": _bodies,
    "import": _import,
    "backlog": _backlog,
}

if __name__ == "__main__":
    main(sys.argv[1:])
