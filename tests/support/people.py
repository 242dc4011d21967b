"""A citizen and an employee over HTTP: they read the portal's pages and send its forms.

They know the machine-readable hooks of the contract (control names, ``data-…``) and nothing else of
the markup; JavaScript is never run.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
from lxml import html

from tests.support.answers import MOBILE, NATIONAL_ID
from tests.support.files import pdf, photo
from tests.support.plain import PLAIN

CARD = {"card_number": "4242 4242 4242 4242", "exp": "12/34", "cvc": "123", "name": "MONA"}
DECLINED = {**CARD, "card_number": "4000 0000 0000 0002"}


@dataclass
class Page:
    """An answer that was read."""

    status: int
    url: str
    tree: Any

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def text(self) -> str:
        return " ".join(self.tree.text_content().split())

    def hook(self, name: str) -> str:
        """The value of a ``data-…`` hook of the page."""
        found = self.tree.xpath(f"//@data-{name}")
        assert found, f"no data-{name} on {self.path}: {self.text[:400]}"
        return str(found[0])

    def hooks(self, name: str) -> list[str]:
        return [str(value) for value in self.tree.xpath(f"//@data-{name}")]

    def errors(self) -> list[tuple[str, str]]:
        """The summary's links: the id that each leads to, and its words."""
        return [
            (str(a.get("href")).lstrip("#"), a.text_content())
            for a in self.tree.xpath("//*[contains(@class, 'errors')]//a")
        ]

    def form(self, action: str = "") -> Any:
        """The first form whose action ends like ``action``."""
        for form in self.tree.xpath("//main//form[@method='post']"):
            if str(form.get("action") or "").endswith(action):
                return form
        raise AssertionError(f"no form {action!r} on {self.path}: {self.text[:300]}")

    def values(self, action: str = "") -> dict[str, list[str] | str]:
        """What the browser would send of a form that nobody touched."""
        found: dict[str, list[str] | str] = {}
        for name, value in self.form(action).form_values():
            found.setdefault(name, [])
            known = found[name]
            assert isinstance(known, list)
            known.append(value)
        return found


class Browser:
    """A browser without scripts."""

    def __init__(self, base_url: str, prefix: str = "") -> None:
        self.base_url = base_url
        self.prefix = prefix
        self.client = httpx.Client(follow_redirects=True, timeout=30, trust_env=False, verify=PLAIN)

    def get(self, path: str) -> Page:
        return self._page(self.client.get(urljoin(self.base_url, path)))

    def post(self, path: str, data: Mapping[str, Any], **more: Any) -> Page:
        return self._page(self.client.post(urljoin(self.base_url, path), data=data, **more))

    def send(self, page: Page, changes: Mapping[str, Any], action: str = "", **more: Any) -> Page:
        """Send a form of ``page`` with some of its values changed."""
        form = page.form(action)
        target = urljoin(page.url, form.get("action") or page.url)
        return self.post(target, {**page.values(action), **changes}, **more)

    @staticmethod
    def _page(response: httpx.Response) -> Page:
        tree = html.fromstring(response.content or b"<html/>")
        return Page(response.status_code, str(response.url), tree)


@dataclass
class Citizen(Browser):
    """Someone who files a request."""

    base_url: str
    national_id: str = NATIONAL_ID
    mobile: str = MOBILE
    prefix: str = ""
    client: httpx.Client = field(
        default_factory=lambda: httpx.Client(
            follow_redirects=True, timeout=30, trust_env=False, verify=PLAIN
        )
    )

    def last_code(self) -> str:
        page = self.get("/sandbox/messages")
        for article in page.tree.xpath("//article"):
            text = article.text_content()
            if self.mobile in text and (found := re.search(r"\b[0-9]{6}\b", text)):
                return found[0]
        raise AssertionError("no code was sent")

    def sign_in(self) -> Page:
        page = self.get(f"{self.prefix}/sign-in")
        page = self.send(page, {"national_id": self.national_id, "mobile": self.mobile}, "/sign-in")
        assert page.path.endswith("/sign-in/code"), page.text
        return self.send(page, {"code": self.last_code()}, "/sign-in/code")

    def fill(self, service: str, raw: Mapping[str, Any]) -> Page:
        """Answer page after page until the documents; what is not asked is not sent."""
        page = self.get(f"{self.prefix}/services/{service}/apply")
        for _ in range(40):
            if page.path.endswith("/documents"):
                return page
            assert page.status == 200, (page.path, page.errors())
            page = self.send(page, self.answers_of(page, raw))
        raise AssertionError(f"the form of {service} does not end")

    @staticmethod
    def answers_of(page: Page, raw: Mapping[str, Any]) -> dict[str, Any]:
        """The answers that the controls of this page ask for, by the names of the controls."""
        names = {str(name) for name in page.form().xpath(".//@name")}
        flat: dict[str, Any] = {}
        for code, value in raw.items():
            if isinstance(value, list) and value and isinstance(value[0], dict):
                for index, row in enumerate(value):
                    for column, cell in row.items():
                        _flatten(flat, f"{code}.{index}.{column}", cell, names)
            else:
                _flatten(flat, code, value, names)
        rows = {name.split(".")[0] for name in names if re.fullmatch(r"[a-z_]+\.\d+\..+", name)}
        return {n: v for n, v in flat.items() if n in names or n.split(".")[0] in rows}

    def upload_all(self, page: Page) -> Page:
        """A file, or as many as are needed, for every document of the page."""
        for section in page.tree.xpath("//section[contains(@id, 'document-')]"):
            code = str(section.get("id")).removeprefix("document-")
            accept = str(section.xpath(".//input[@type='file']/@accept")[0])
            many = 4 if section.xpath(".//input[@multiple]") and "صورتان" not in accept else 1
            name, content, kind = photo() if "image/jpeg" in accept else pdf()
            least = _least(section)
            files = [("file", (f"{n}-{name}", content, kind)) for n in range(min(many, least))]
            page = self.send(page, {}, f"/documents/{code}", files=files)
            assert page.status == 200, (code, page.errors())
        return page

    def check(self, page: Page) -> Page:
        """From the documents to the page that shows everything once more."""
        draft = page.path.split("/drafts/")[1].split("/")[0]
        page = self.get(f"{self.prefix}/drafts/{draft}/check")
        assert page.status == 200, page.text[:500]
        return page

    def submit(self, page: Page) -> Page:
        """From the documents to the sent request."""
        return self.declare(self.check(page))

    def declare(self, page: Page) -> Page:
        page = self.send(page, {"declaration": "yes"}, "/check")
        assert page.status == 200, (page.path, page.errors())
        return page

    def pay(self, page: Page, card: Mapping[str, str] = CARD) -> Page:
        """On the payment page: to the provider, and with a card back."""
        page = self.send(page, {}, "/pay")
        return self.send(page, card)

    def file(self, service: str, raw: Mapping[str, Any]) -> Page:
        """The whole way: the page of the request that the center has now."""
        page = self.submit(self.upload_all(self.fill(service, raw)))
        return self.pay(page) if page.path.endswith("/pay") else page


def _least(section: Any) -> int:
    found = section.xpath(".//*[@data-least]/@data-least")
    return int(found[0]) if found else 1


def _flatten(flat: dict[str, Any], name: str, value: Any, names: set[str]) -> None:
    if f"{name}.day" in names and isinstance(value, str):
        for part, text in zip(("day", "month", "year"), value.split("/"), strict=True):
            flat[f"{name}.{part}"] = text
    else:
        flat[name] = value


@dataclass
class Employee(Browser):
    """Someone who works on requests in a center."""

    base_url: str
    username: str
    prefix: str = ""
    client: httpx.Client = field(
        default_factory=lambda: httpx.Client(
            follow_redirects=True, timeout=30, trust_env=False, verify=PLAIN
        )
    )

    def sign_in(self, password: str = "demo") -> Page:
        page = self.get("/center/sign-in")
        return self.send(page, {"username": self.username, "password": password}, "/sign-in")

    def open(self, number: str) -> Page:
        return self.get(f"/center/requests/{number}")

    def act(self, number: str, act: str, values: Mapping[str, Any], **more: Any) -> Page:
        return self.send(self.open(number), values, f"/{act}", **more)

    def approve(self, number: str, output_number: str = "77/2026", **typed: str) -> Page:
        name, content, kind = pdf()
        files = {"output": (name, content, kind)}
        return self.act(number, "approve", {"output_number": output_number, **typed}, files=files)


__all__ = ["CARD", "DECLINED", "Browser", "Citizen", "Employee", "Page", "Path"]
