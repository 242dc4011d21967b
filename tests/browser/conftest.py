"""A start as a newcomer makes it, and a real browser in front of it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.gallery import Gallery, make_gallery
from tests.support.local import LocalPortal
from tests.support.once import once
from tests.support.phone import launch
from tests.support.seeing import Look, complaints, overflow
from tests.support.stack import EVERYTHING, Stack

__all__ = ["Look"]


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """``./dev run``, moved aside so that it meets nobody.

    The first start loads the demo's year, which takes half a minute: one worker makes it.
    """
    var = tmp_path_factory.mktemp("run")
    shutil.copytree(once(tmp_path_factory, "first-start", _start_first), var, dirs_exist_ok=True)
    stack = Stack(var).start(EVERYTHING)
    yield stack
    stack.stop()


def _start_first(var: Path) -> None:
    Stack(var).start(EVERYTHING).stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def gallery(still: LocalPortal) -> Gallery:
    """Every page in the states that look different."""
    return make_gallery(still)


@pytest.fixture(scope="session")
def fits() -> Look:
    """What every page of every walk must stand: nothing hangs over the edge."""

    def at(page: Page, name: str) -> None:
        wide = overflow(page)
        assert not wide, f"{name} ({page.url}): {wide}"

    return at


@pytest.fixture(scope="session")
def look(fits: Look) -> Look:
    """The same, and axe finds nothing."""

    def at(page: Page, name: str) -> None:
        found = complaints(page)
        assert not found, f"{name} ({page.url}): {found}"
        fits(page, name)

    return at
