"""What every answer of the portal must be, and plain requests that follow no redirect."""

import itertools
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import structlog
from lxml import html

from tests.support.local import LocalPortal
from tests.support.people import Browser, Citizen, Page

_ARABIC = re.compile("[\u0621-\u064a]")
_OWN = (
    # what differs from one answer to the next though it says the same
    re.compile(r'name="_csrf" value="[^"]*"'),
    re.compile(r'<bdi class="code code--plain" dir="ltr">[0-9a-z]{12}</bdi>'),
    re.compile(r'<div class="session" .*?</p>', re.DOTALL),  # how long one stays signed in
)
_people = itertools.count(1)


def national_id(serial: int) -> str:
    """A well-formed national ID that no other test uses; its check digit is a guess."""
    return f"290010188{serial:04d}1"


def stranger(portal: LocalPortal) -> Citizen:
    """Somebody whom no test knows, not signed in: codes left unused count against no one else."""
    serial = next(_people)
    return portal.citizen(national_id(serial), f"0115{serial:07d}")


def on_another_phone(portal: LocalPortal, citizen: Citizen) -> Citizen:
    """The same person, signed in a second time."""
    return portal.signed_in(citizen.national_id, citizen.mobile)


def same_browser(citizen: Citizen) -> Citizen:
    """Another connection of the same browser: for two tabs that send at once."""
    other = Citizen(citizen.base_url, citizen.national_id, citizen.mobile)
    other.client.cookies.update(citizen.client.cookies)
    return other


def raw(browser: Browser, method: str, path: str, **more: Any) -> httpx.Response:
    """One request, one answer."""
    address = urljoin(browser.base_url, path)
    return browser.client.request(method, address, follow_redirects=False, **more)


def page_of(response: httpx.Response) -> Page:
    tree = html.fromstring(response.content or b"<html/>")
    return Page(response.status_code, str(response.url), tree)


def token(browser: Browser, path: str = "/sign-in") -> str:
    """A token for the forms of this browser."""
    response = browser.client.get(urljoin(browser.base_url, path))
    found = page_of(response).tree.xpath("//input[@name='_csrf']/@value")
    assert found, f"no form on {response.url}"
    return str(found[0])


def fields(browser: Browser, path: str = "/sign-in", **values: Any) -> dict[str, Any]:
    """A form of this browser with these values."""
    return {"_csrf": token(browser, path), **values}


def leads_to(response: httpx.Response) -> str:
    """The path of a redirect, without its query."""
    assert response.status_code == 303, (response.status_code, response.text[:300])
    return urlsplit(response.headers["location"]).path


def only_the_words(response: httpx.Response, *own: str) -> str:
    """An answer without what is its own: tokens, reference, and the names in its address."""
    text = response.text
    for pattern in _OWN:
        text = pattern.sub("", text)
    for each in own:
        text = text.replace(each, "…")
    return text


# Pages that are the same for everyone: kept by caches, and asked for anew each time
_SHARED = re.compile(
    r"(?:/en)?/?(?:centers(?:/[\w-]+)?|help|privacy|accessibility"
    r"|services(?:/[\w-]+(?:/documents)?)?|guides(?:/[\w-]+){0,3}|api/docs)?"
)


def assert_safe_headers(response: httpx.Response, *, personal: bool = True) -> None:
    """The headers without which no page may leave."""
    headers = response.headers
    where = f"{response.request.method} {response.url.path} {response.status_code}"
    policy = directives(headers["content-security-policy"])
    assert policy["default-src"] == ["'none'"], where
    assert policy["frame-ancestors"] == ["'none'"], where
    for name in ("script-src", "style-src"):
        assert set(policy.get(name, [])) <= {"'self'"}, (where, name)
    assert headers["x-content-type-options"] == "nosniff", where
    assert headers["x-frame-options"] == "DENY", where
    assert headers["referrer-policy"] in {"same-origin", "no-referrer", "strict-origin"}, where
    assert headers["x-request-id"], where
    assert "server" not in headers or not re.search(r"\d", headers["server"]), where
    if response.status_code == 200 and _SHARED.fullmatch(response.url.path):
        assert headers["cache-control"] in {"public, no-cache", "no-store"}, where
        assert "set-cookie" not in headers, where
    elif personal:
        assert "no-store" in headers["cache-control"], where


def directives(policy: str) -> Mapping[str, list[str]]:
    """A content security policy by the names of its directives."""
    return {part.split()[0]: part.split()[1:] for part in policy.split(";") if part.strip()}


def assert_nothing_inline(page: Page) -> None:
    """No script, style or handler that a strict policy would have to allow."""
    tree = page.tree
    assert not tree.xpath("//script[not(@src)]"), page.path
    assert not tree.xpath("//style"), page.path
    assert not tree.xpath("//*[@style]"), page.path
    handlers = tree.xpath("//@*[starts-with(name(), 'on') or starts-with(name(), 'hx-on')]")
    assert not handlers, (page.path, handlers)
    assert not [h for h in tree.xpath("//@href") if h.strip().lower().startswith("javascript:")]


def assert_honest(response: httpx.Response, status: int) -> Page:
    """An error page: in Arabic, with the reference that the log has, and nothing of the inside."""
    assert response.status_code == status, (response.status_code, response.text[:300])
    page = page_of(response)
    assert page.tree.get("lang") == "ar"
    assert page.tree.get("dir") == "rtl"
    title = page.tree.xpath("//main//h1")[0].text_content()
    assert _ARABIC.search(title), title
    assert not re.search("[A-Za-z]{3}", title), title
    main = page.tree.xpath("//main")[0].text_content()
    assert response.headers["x-request-id"] in main
    for inside in ("Traceback", "sqlalchemy", "psycopg", "Exception", 'File "'):
        assert inside not in response.text, inside
    assert_safe_headers(response)
    return page


def assert_links_lead_to_controls(page: Page) -> None:
    """Every link of the summary leads to something that stands on the page."""
    problems = page.errors()
    assert problems, page.text[:400]
    ids = set(page.tree.xpath("//@id"))
    assert {anchor for anchor, _ in problems} <= ids, (
        page.path,
        [anchor for anchor, _ in problems if anchor not in ids],
    )
    for _, words in problems:
        assert _ARABIC.search(words), words


def told(page: Page, field: str) -> str:
    """What the summary and the place beside the field say; both say the same."""
    words = dict(page.errors()).get(field, "")
    assert words, (field, page.errors())
    beside = page.tree.xpath("//*[@id=$id]", id=f"{field}-error")
    assert beside, f"nothing beside {field}"
    assert words in " ".join(beside[0].text_content().split())
    return words


@contextmanager
def quiet_logs() -> Iterator[list[Mapping[str, Any]]]:
    """Log lines as a list: a test that breaks things on purpose prints no pages of traceback."""
    before = structlog.get_config()
    lines: list[Mapping[str, Any]] = []

    def keep(_logger: Any, _method: str, line: Any) -> Any:
        lines.append(dict(line))
        raise structlog.DropEvent

    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, keep],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
    )
    try:
        yield lines
    finally:
        structlog.configure(**before)
