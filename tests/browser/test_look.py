"""Every page in every dress: four widths, two schemes, two languages, text at 200 %, no font."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.support.gallery import Gallery, Scene
from tests.support.seeing import STRICTER, complaints, overflow

WIDTHS = (320, 360, 768, 1280)


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


# each language in a worker of its own; both schemes and the outer widths meet both
@pytest.mark.parametrize(
    ("prefix", "first", "second"),
    [("", (360, "light"), (1280, "dark")), ("/en", (320, "dark"), (1280, "light"))],
    ids=["arabic", "english"],
)
def test_every_page_in_every_dress(
    gallery: Gallery,
    visitors: Visitors,
    prefix: str,
    first: tuple[int, str],
    second: tuple[int, str],
) -> None:
    found: list[tuple[object, ...]] = []
    for scene in gallery.scenes:
        page = visitors.open(scene, prefix)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 780})
            found += [(scene.name, width, each) for each in overflow(page)]
        for (width, scheme), only in ((second, STRICTER), (first, ())):
            page.set_viewport_size({"width": width, "height": 780})
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            found += [(scene.name, width, scheme, each) for each in complaints(page, *only)]
    assert not found, "\n".join(map(str, found))
