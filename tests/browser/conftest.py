"""A start as a newcomer makes it, and a real browser in front of it."""

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.phone import launch
from tests.support.stack import EVERYTHING, Stack

Look = Callable[[Page, str], None]


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """``./dev run``, moved aside so that it meets nobody."""
    stack = Stack(tmp_path_factory.mktemp("run")).start(EVERYTHING)
    yield stack
    stack.stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def look() -> Look:
    """What every page of every walk must stand: axe finds nothing, nothing hangs over the edge."""
    axe = Axe()

    def at(page: Page, name: str) -> None:
        found = axe.run(page, options={"resultTypes": ["violations"]}).response["violations"]
        told = [(v["id"], [n["html"][:160] for n in v["nodes"]][:3]) for v in found]
        assert not told, f"{name} ({page.url}): {told}"
        wide = page.evaluate(
            "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, f"{name} ({page.url}) is {wide} px too wide"

    return at
