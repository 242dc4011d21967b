"""Every page in every dress: four widths, two schemes, two languages, text at 200 %, no font."""

import os
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.support.gallery import Gallery, Scene
from tests.support.seeing import STRICTER, complaints, overflow

WIDTHS = (320, 360, 768, 1280)
SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
_WEAR = "css => { document.documentElement.style.cssText = css }"
BIG_TEXT, NO_FONT = "font-size: 212.5%", "--font: sans-serif"


class Visitors:
    """A tab for each person of the gallery, without motion: colours are there at once."""

    def __init__(self, chromium: Browser, gallery: Gallery) -> None:
        self._chromium = chromium
        self._gallery = gallery
        self._contexts: dict[str, BrowserContext] = {}
        self._tabs: dict[str, Page] = {}

    def open(self, scene: Scene, prefix: str) -> Page:
        if scene.who not in self._tabs:
            context = self._chromium.new_context(reduced_motion="reduce")
            context.add_cookies(self._gallery.cookies(scene.who))
            self._contexts[scene.who] = context
            self._tabs[scene.who] = context.new_page()
        page = self._tabs[scene.who]
        page.goto(self._gallery.url + prefix + scene.path)
        if scene.prepare:
            scene.prepare(page)
        return page

    def close(self) -> None:
        for context in self._contexts.values():
            context.close()


@pytest.fixture
def visitors(chromium: Browser, gallery: Gallery) -> Iterator[Visitors]:
    made = Visitors(chromium, gallery)
    yield made
    made.close()


class Dress(NamedTuple):
    """How a page is looked at with axe; ``only`` these rules, or all of them."""

    width: int
    scheme: Literal["light", "dark"]
    css: str = ""
    only: tuple[str, ...] = ()


# Every run looks at these: both schemes and three widths, each language in all rules once.
_EACH_RUN = {
    "": (Dress(1280, "dark", only=STRICTER), Dress(360, "light")),
    "/en": (Dress(320, "dark"),),
}
# ``EVERY_DRESS=1 ./dev test tests/browser/test_look.py`` looks at all of them, all rules each time:
# a quarter of an hour, for a change of the style sheet.
_EVERY = tuple(
    Dress(width, scheme, css)
    for width in WIDTHS
    for scheme in SCHEMES
    for css in ("", BIG_TEXT, f"{BIG_TEXT}; {NO_FONT}")
)


# in parts, so that no worker is left with the longest one at the end
_PARTS = 4


def test_what_axe_shall_find_is_found(chromium: Browser) -> None:
    """Texts of 3:1 and of 5:1 are too faint, whichever rules are asked; one of 7.5:1 is not."""
    with chromium.new_page() as page:
        page.set_content(
            "<html lang=en><title>Contrast</title><main><h1 style='color:#949494'>Title</h1>"
            "<p style='color:#949494'>faint</p><p style='color:#6f6f6f'>still faint</p>"
            "<p style='color:#555'>dark enough</p></main>"
        )
        for only in ((), STRICTER):
            ((rule, places),) = complaints(page, *only)
            assert rule == "color-contrast-enhanced"
            assert [re.sub("<[^>]*>", "", place) for place in places] == [
                "Title",
                "faint",
                "still faint",
            ]


@pytest.mark.timeout(3600 if os.environ.get("EVERY_DRESS") else 300)
@pytest.mark.parametrize("prefix", ["", "/en"], ids=["arabic", "english"])
@pytest.mark.parametrize("part", range(_PARTS))
def test_every_page_in_every_dress(
    gallery: Gallery, visitors: Visitors, prefix: str, part: int
) -> None:
    dresses = _EVERY if os.environ.get("EVERY_DRESS") else _EACH_RUN[prefix]
    found: list[tuple[object, ...]] = []
    for scene in gallery.scenes[part::_PARTS]:
        page = visitors.open(scene, prefix)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 780})
            found += [(scene.name, width, each) for each in overflow(page)]
            for dress in (each for each in dresses if each.width == width):
                page.emulate_media(color_scheme=dress.scheme)
                page.evaluate(_WEAR, dress.css)
                found += [(scene.name, dress, each) for each in complaints(page, *dress.only)]
                page.evaluate(_WEAR, "")
    assert not found, "\n".join(map(str, found))
