"""What a first visit costs on the wire, and when a cheap phone on slow 3G first paints.

Chromium by its own protocol: 400 kbit/s both ways, 400 ms of latency, a processor four times as
slow, nothing in the cache. Bytes are those that crossed the wire, headers included.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tests.support.phone import launch
from tests.support.stack import Stack

_BITS_A_SECOND, _LATENCY_MS, _SLOWER = 400_000, 400, 4
_VISITS = 3
_WIDTH, _HEIGHT = 360, 740
PAGES = (
    "/",
    "/services?q=%D8%B1%D8%AE%D8%B5%D8%A9%20%D9%85%D8%AD%D9%84",
    "/services/building-permit-new",
    "/services/advertisement-licence-new",
    "/centers?governorate=EG-KFS",
    "/track",
    "/sign-in",
    "/help",
    "/center/sign-in",
)


@dataclass(frozen=True)
class FirstVisit:
    """One page: requests, kilobytes in all, of HTML and CSS, and the first paint in seconds."""

    path: str
    requests: int
    all_kb: float
    text_kb: float
    paint_s: float


def first_visits() -> Iterator[FirstVisit]:
    """Every page of :data:`PAGES`, and a page of a form."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, sync_playwright() as playwright:
        stack = Stack(Path(folder)).prepare().start("sandbox", "serve")
        browser = launch(playwright)
        try:
            for path in PAGES:
                yield _first_visit(browser, stack.url, path, {})
            citizen = stack.citizen()
            citizen.sign_in()
            step = citizen.get("/services/building-permit-new/apply").path
            yield _first_visit(browser, stack.url, step, dict(citizen.client.cookies.items()))
        finally:
            browser.close()
            stack.stop()


def _first_visit(browser: Browser, url: str, path: str, cookies: dict[str, str]) -> FirstVisit:
    """The median of some visits, each with an empty cache."""
    seen = [_visit(browser, url, path, cookies) for _ in range(_VISITS)]
    paint = median(each.paint_s for each in seen)
    return FirstVisit(
        path.rsplit("/", maxsplit=1)[-1] if cookies else path,
        seen[0].requests,
        seen[0].all_kb,
        seen[0].text_kb,
        paint,
    )


def _visit(browser: Browser, url: str, path: str, cookies: dict[str, str]) -> FirstVisit:
    context = browser.new_context(
        viewport={"width": _WIDTH, "height": _HEIGHT}, device_scale_factor=2, is_mobile=True
    )
    context.add_cookies([{"name": n, "value": v, "url": url} for n, v in cookies.items()])
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    kinds: dict[str, str] = {}
    octets: dict[str, float] = {}

    def answered(event: dict[str, Any]) -> None:
        kinds[event["requestId"]] = event["type"]

    def finished(event: dict[str, Any]) -> None:
        octets[event["requestId"]] = event["encodedDataLength"]

    devtools.on("Network.responseReceived", answered)
    devtools.on("Network.loadingFinished", finished)
    devtools.send("Network.enable")
    devtools.send("Network.setCacheDisabled", {"cacheDisabled": True})
    bytes_a_second = _BITS_A_SECOND / 8
    devtools.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": _LATENCY_MS,
            "downloadThroughput": bytes_a_second,
            "uploadThroughput": bytes_a_second,
        },
    )
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": _SLOWER})
    page.goto(url + path, wait_until="load")
    page.wait_for_load_state("networkidle")
    paint_ms = page.evaluate(
        "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"
    )
    context.close()
    text = sum(octets.get(key, 0) for key, kind in kinds.items() if kind in _TEXTS)
    return FirstVisit(path, len(kinds), sum(octets.values()) / 1000, text / 1000, paint_ms / 1000)


_TEXTS = frozenset({"Document", "Stylesheet"})
