"""A citizen at a phone: real Chromium, 360 pixels wide."""

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lxml import html
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, Playwright

from tests.support.answers import MOBILE, NATIONAL_ID
from tests.support.files import pdf, photo
from tests.support.people import CARD

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--disable-sync",
    "--disable-quic",
]


# Asked at once: most answers of a form have no control on this page of it
_KIND_OF_CONTROL = """name => {
  const of = name => document.querySelector(`[name="${name}"]`);
  const seen = e => e && e.getBoundingClientRect().width > 0
    && getComputedStyle(e).visibility === "visible";
  if (seen(of(`${name}.day`))) return "date";
  const first = of(name);
  if (!first) return "none";
  if (first.type === "radio" || first.type === "checkbox") return "boxes";
  if (!seen(first)) return "hidden";
  return first.tagName === "SELECT" ? "list" : "text";
}"""


def chromium_path() -> str:
    """The browser that ``./dev test`` found or brought."""
    named = os.environ.get("CHROMIUM")
    found = named or shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "no Chromium: ./dev test brings one, or set CHROMIUM"
    return found


def launch_flags() -> list[str]:
    """How tests start Chromium; a test with a camera adds its own."""
    return list(_FLAGS)


def launch(playwright: Playwright) -> Chromium:
    return playwright.chromium.launch(executable_path=chromium_path(), args=_FLAGS)


@dataclass
class Phone:
    """A page at a phone's width, with everything that its console said."""

    page: Page
    base_url: str
    mobile: str = MOBILE
    national_id: str = NATIONAL_ID
    complaints: list[str] = field(default_factory=list)
    look: Callable[[Page, str], None] = lambda _page, _name: None

    def go(self, path: str) -> None:
        self.page.goto(self.base_url + path)

    def path(self) -> str:
        return str(self.page.evaluate("() => location.pathname"))

    def press_primary(self) -> None:
        self.page.locator("[data-primary]").first.click()
        self.page.wait_for_load_state()

    def sign_in(self) -> None:
        """From the sign-in page to where it leads."""
        page = self.page
        page.fill("[name=national_id]", self.national_id)
        page.fill("[name=mobile]", self.mobile)
        self.look(page, "sign-in")
        self.press_primary()
        page.fill("[name=code]", self.last_code())
        self.look(page, "code")
        self.press_primary()

    def last_code(self) -> str:
        """What was sent to this phone last; no page of the browser's is opened for it."""
        answer = self.page.context.request.get(f"{self.base_url}/sandbox/messages")
        for article in html.fromstring(answer.body()).xpath("//article"):
            text = article.text_content()
            if self.mobile in text and (code := re.search(r"\b[0-9]{6}\b", text)):
                return code[0]
        raise AssertionError("no code was sent")

    def apply(self, service: str) -> None:
        """From the service's page to its form, signing in on the way."""
        self.go(f"/services/{service}")
        self.look(self.page, "service")
        self.press_primary()
        if self.path().endswith("/sign-in"):
            self.sign_in()

    def fill_form(self, raw: Mapping[str, Any]) -> None:
        """Page after page, until the documents."""
        for _ in range(40):
            if self.path().endswith("/documents"):
                return
            self.fill_page(raw)
            self.look(self.page, "step-" + self.path().rsplit("/", 1)[1])
            before = self.path()
            self.press_primary()
            assert self.path() != before, self.page.locator(".errors").all_text_contents()
        raise AssertionError("the form does not end")

    def fill_page(self, raw: Mapping[str, Any]) -> None:
        """Every visible control of this page whose answer is known, top to bottom."""
        for code, value in raw.items():
            if isinstance(value, list) and value and isinstance(value[0], dict):
                self._fill_group(code, value)
            else:
                self._fill(code, value)

    def _fill_group(self, code: str, rows: list[Mapping[str, Any]]) -> None:
        page = self.page
        if not page.locator(f"[id='{code}']").count():
            return
        for index, row in enumerate(rows):
            add = page.locator(f"button[name=_add][value='{code}']")
            if not page.locator(f"[name^='{code}.{index}.']").count() and add.count():
                add.click()
                page.wait_for_load_state()
            for column, cell in row.items():
                self._fill(f"{code}.{index}.{column}", cell)

    def _fill(self, name: str, value: Any) -> None:
        page = self.page
        kind = page.evaluate(_KIND_OF_CONTROL, name)
        controls = page.locator(f"[name='{name}']")
        if kind == "date":
            for part, text in zip(("day", "month", "year"), value.split("/"), strict=True):
                page.fill(f"[name='{name}.{part}']", text)
        elif kind == "boxes":
            for each in value if isinstance(value, list) else [value]:
                box = page.locator(f"[name='{name}'][value='{each}']")
                if box.is_visible():
                    box.check()
        elif kind == "list":
            controls.first.select_option(value)
        elif kind == "text":
            controls.first.fill(value)

    def upload_all(self) -> None:
        """What every required document needs; with or without scripts."""
        page = self.page
        codes = page.locator("section.document").evaluate_all("all => all.map(e => e.id)")
        for code in codes:
            section = page.locator(f"[id='{code}']")
            if section.locator(".opt").count():
                continue
            least = section.locator("[data-least]")
            count = int(least.get_attribute("data-least") or 1) if least.count() else 1
            for _ in range(count):
                self.upload(code)
        self.look(page, "documents")

    def upload(self, section_id: str) -> None:
        page = self.page
        section = page.locator(f"[id='{section_id}']")
        before = section.locator("li.file").count()
        control = section.locator("input[type=file]")
        accept = control.get_attribute("accept") or ""
        name, content, kind = photo() if "image/jpeg" in accept else pdf()
        control.set_input_files({"name": name, "mimeType": kind, "buffer": content})
        button = section.locator("form[data-upload] button")
        if not page.evaluate("() => document.documentElement.classList.contains('js')"):
            button.click()
            page.wait_for_load_state()
        page.locator(f"[id='{section_id}'] li.file").nth(before).wait_for()

    def submit(self) -> None:
        """From the documents over the check to the sent request."""
        self.press_primary()
        self.look(self.page, "check")
        self.page.check("[name=declaration]")
        self.press_primary()

    def pay(self, card: Mapping[str, str] = CARD) -> None:
        """On the portal's payment page: to the provider, and pay there."""
        self.look(self.page, "pay")
        self.press_primary()
        self.pay_with(card)

    def pay_with(self, card: Mapping[str, str]) -> None:
        for name, value in card.items():
            self.page.fill(f"[name={name}]", value)
        self.look(self.page, "checkout")
        self.press_primary()

    def number(self) -> str:
        found = self.page.locator("[data-request-number]").first
        return found.get_attribute("data-request-number") or ""


@contextmanager
def phone(
    chromium: Chromium, base_url: str, *, scripts: bool = True, width: int = 360, **more: Any
) -> Iterator[Phone]:
    """A fresh phone: no cookie, no memory of anything."""
    context = chromium.new_context(
        viewport={"width": width, "height": 780},
        locale="ar-EG",
        java_script_enabled=scripts,
        has_touch=width < 800,
    )
    page = context.new_page()
    made = Phone(page, base_url, **more)
    page.on("pageerror", lambda error: made.complaints.append(str(error)))
    page.on(
        "console",
        lambda message: made.complaints.append(message.text) if message.type == "error" else None,
    )
    try:
        yield made
    finally:
        context.close()


def keep_pictures(folder: Path) -> Callable[[Page, str], None]:
    """A ``look`` that keeps a screenshot of every page."""
    folder.mkdir(parents=True, exist_ok=True)
    return lambda page, name: (
        page.screenshot(  # type: ignore[return-value]
            path=folder / f"{name}.png", full_page=True
        )
        and None
    )
