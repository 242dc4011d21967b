"""Signing in by hand, step by step: what is typed, the code, the cookie, time that passes."""

import httpx

from tests.support.local import LocalPortal
from tests.support.looking import fields, raw
from tests.support.people import Browser, Citizen, Employee, Page
from tests.support.sandbox import eventually


def ask(citizen: Citizen, next_path: str = "") -> Page:
    """National ID and mobile, as they are typed on the page."""
    page = citizen.get("/sign-in")
    typed = {"national_id": citizen.national_id, "mobile": citizen.mobile}
    if next_path:
        typed["next"] = next_path
    return citizen.send(page, typed, "/sign-in")


def enter(citizen: Citizen, code: str) -> httpx.Response:
    """The code, without going where it leads."""
    values = fields(citizen, "/sign-in/code", code=code)
    return raw(citizen, "POST", "/sign-in/code", data=values)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def cookie_of(browser: Browser, name: str = "sid") -> str:
    return str(browser.client.cookies[name])


def plant(browser: Browser, value: str, name: str = "sid") -> None:
    """A cookie as the portal would have set it."""
    browser.client.cookies.set(name, value, domain="127.0.0.1", path="/")


def is_signed_in(citizen: Citizen) -> bool:
    return raw(citizen, "GET", "/requests").status_code == 200


def set_cookie(response: httpx.Response) -> tuple[str, str, set[str]]:
    (header,) = response.headers.get_list("set-cookie")
    pair, *attributes = header.split(";")
    name, _, value = pair.partition("=")
    return name, value.strip('"'), {each.strip().lower() for each in attributes}


def pass_minutes(
    portal: LocalPortal, browser: Browser, minutes: int, path: str = "/requests"
) -> None:
    """Some time later a page is opened; that the session was seen is written after the answer."""
    before = _last_seen(portal)
    portal.clock.advance(minutes=minutes)
    assert raw(browser, "GET", path).status_code == 200
    eventually(lambda: _last_seen(portal) > before)


def _last_seen(portal: LocalPortal) -> str:
    return str(portal.rows("SELECT max(seen_at) AS at FROM sign_ins")[0].at)


def staff_page(employee: Employee, password: str) -> httpx.Response:
    values = fields(employee, "/center/sign-in", username=employee.username, password=password)
    return raw(employee, "POST", "/center/sign-in", data=values)


def clerk(portal: LocalPortal, username: str = "front_office@KFS-003") -> Employee:
    return Employee(portal.url, username)
