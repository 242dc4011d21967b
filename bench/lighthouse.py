"""Lighthouse's four scores of key pages: ``python -m bench.lighthouse [PATH…]``.

The form's page is visited with the cookie of somebody who has signed in. The tests look at the
permit inquiry by themselves (``tests/browser/test_lighthouse.py``).
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.phone import chromium_path
from tests.support.stack import Stack
from tools.lighthouse import VERSION, audit

CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
LEAST = (95, 100, 100, 100)
PAGES = (
    "/",
    "/services?q=%D8%A8%D9%86%D8%A7%D8%A1",
    "/services/building-permit-new",
    "/centers?governorate=EG-KFS",
    "/help",
    "/sign-in",
    "/en",
)
# Pages that robots.txt keeps from search engines on purpose, and the rule that scores just that
_PRIVATE = ("/sign-in", "/drafts/")
_NOT_FOR_SEARCH = "is-crawlable"


@dataclass(frozen=True)
class Scores:
    """One page: its four scores of 100, and the rules that cost something."""

    path: str
    scores: tuple[int, ...]
    lost: tuple[str, ...]

    @property
    def enough(self) -> bool:
        return all(had >= least for had, least in zip(self.scores, LEAST, strict=True))


def lighthouse_scores(paths: Sequence[str] = PAGES) -> Iterator[Scores]:
    """Every page of ``paths``, and a page of a form."""
    with tempfile.TemporaryDirectory(prefix="lighthouse-") as folder:
        stack = Stack(Path(folder)).prepare().start("sandbox", "serve")
        try:
            for path in paths:
                yield _scores(stack.url, path)
            citizen = stack.citizen()
            citizen.sign_in()
            step = citizen.get("/services/building-permit-new/apply").path
            cookie = "; ".join(f"{n}={v}" for n, v in citizen.client.cookies.items())
            yield _scores(stack.url, step, cookie)
        finally:
            stack.stop()


def _scores(url: str, path: str, cookie: str = "") -> Scores:
    options = []
    if cookie:
        options.append(f"--extra-headers={json.dumps({'Cookie': cookie})}")
    if path.startswith(_PRIVATE):
        options.append(f"--skip-audits={_NOT_FOR_SEARCH}")
    found = audit(url + path, chromium_path(), CATEGORIES, *options)
    return Scores("/drafts/…" if cookie else path, tuple(found.of.values()), found.lost)


def print_scores(paths: Sequence[str] = PAGES) -> int:
    """A line for each page; how many of them fall short of :data:`LEAST`."""
    print(f"{'lighthouse ' + VERSION + ', mobile':44}" + "".join(f"{c:>16}" for c in CATEGORIES))
    short = 0
    for each in lighthouse_scores(paths):
        row = "".join(f"{score:16}" for score in each.scores)
        print(f"{each.path:44}{row}  {' '.join(each.lost)}".rstrip(), flush=True)
        short += not each.enough
    return short


if __name__ == "__main__":
    sys.exit(1 if print_scores(sys.argv[1:] or PAGES) else 0)
