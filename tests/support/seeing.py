"""What a page must stand: axe's rules, AAA contrast among them, and the edges of the screen."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

Look = Callable[[Page, str], None]

# Rules that axe leaves out when nobody asks: contrast 7:1 and targets of 24 px
STRICTER = ("color-contrast-enhanced", "target-size")
# and one that then finds nothing more: contrast 4.5:1 of the same texts
_WEAKER = ("color-contrast",)
# As axe has it, its rule of 7:1 leaves what is below 4.5:1 to the other one; here it takes all. The
# other options are axe's own.
_ALL_CONTRAST = """axe.configure({checks: [{
  id: "color-contrast-enhanced",
  options: {
    ignoreUnicode: true, ignoreLength: false, ignorePseudo: false, boldValue: 700, boldTextPt: 14,
    largeTextPt: 18, contrastRatio: {normal: {expected: 7}, large: {expected: 4.5}},
    pseudoSizeThreshold: 0.25, shadowOutlineEmMax: 0.1, textStrokeEmMin: 0.03,
  },
}]})"""

_RUN = """([only, stricter, weaker]) => axe.run(document, {
  resultTypes: ["violations"],
  ...(only.length ? {runOnly: only} : {}),
  rules: only.length ? {} : Object.fromEntries([
    ...stricter.map(rule => [rule, {enabled: true}]),
    ...weaker.map(rule => [rule, {enabled: false}]),
  ]),
}).then(found => found.violations.map(
  each => [each.id, each.nodes.slice(0, 3).map(node => node.html.slice(0, 160))]
))"""

# The font is a token of the style sheet: without it, the page is as on a phone that never got it
_MEASURE = """() => {
  const root = document.documentElement;
  const found = [];
  const wide = (how) => {
    const over = root.scrollWidth - root.clientWidth;
    if (over <= 0) return;
    const edge = root.clientWidth;
    const what = [...document.body.querySelectorAll("*")].filter(e => {
      const box = e.getBoundingClientRect();
      return box.width && (box.right > edge + 1 || box.left < -1);
    }).map(e => e.outerHTML.slice(0, 120));
    found.push([how, over, what.slice(-3)]);
  };
  wide("as it is");
  root.style.setProperty("--font", "sans-serif");
  wide("without the font");
  root.style.fontSize = "212.5%";
  wide("text at 200 %, without the font");
  root.style.removeProperty("--font");
  wide("text at 200 %");
  root.style.removeProperty("font-size");
  return found;
}"""


@cache
def _script() -> str:
    return str(Axe().axe_script)


def complaints(page: Page, *only: str) -> Sequence[Any]:
    """What axe finds: rule and places; of all rules, or of ``only`` these."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(f"{_script()}; {_ALL_CONTRAST}")
    found: Sequence[Any] = page.evaluate(_RUN, [list(only), STRICTER, _WEAKER])
    return found


def overflow(page: Page) -> Sequence[Any]:
    """What hangs over the edge of the screen: in which dress, by how many pixels, and what."""
    found: Sequence[Any] = page.evaluate(_MEASURE)
    return found
