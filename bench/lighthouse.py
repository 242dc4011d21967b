"""Lighthouse's four scores of key pages: ``python -m bench.lighthouse [PATH…]``.

Lighthouse comes by npm at the first run, pinned, into ``var/tools``; no test needs it. It plays a
cheap phone on a slow network (its mobile settings). The form's page is visited with the cookie of
somebody who has signed in.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.phone import chromium_path
from tests.support.stack import Stack
from tools.chromium import bring_node, npm

_VERSION = "12.8.2"
_FOLDER = Path(__file__).parents[1] / "var" / "tools" / f"lighthouse-{_VERSION}"
_FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage"
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
    command = _command()
    with tempfile.TemporaryDirectory(prefix="lighthouse-") as folder:
        stack = Stack(Path(folder)).prepare().start("sandbox", "serve")
        try:
            for path in paths:
                yield _scores(command, stack.url, path)
            citizen = stack.citizen()
            citizen.sign_in()
            step = citizen.get("/services/building-permit-new/apply").path
            cookie = "; ".join(f"{n}={v}" for n, v in citizen.client.cookies.items())
            yield _scores(command, stack.url, step, cookie)
        finally:
            stack.stop()


def _command() -> list[str]:
    """Lighthouse, brought when it is not there yet."""
    start = _FOLDER / "node_modules" / "lighthouse" / "cli" / "index.js"
    if not start.exists():
        _FOLDER.mkdir(parents=True, exist_ok=True)
        options = ["--prefix", str(_FOLDER), "--no-audit", "--no-fund", "--silent"]
        subprocess.run([*npm(), "install", *options, f"lighthouse@{_VERSION}"], check=True)
    return [shutil.which("node") or str(bring_node()), str(start)]


def _scores(command: list[str], url: str, path: str, cookie: str = "") -> Scores:
    options = [
        "--output=json",
        "--quiet",
        f"--chrome-flags={_FLAGS}",
        f"--only-categories={','.join(CATEGORIES)}",
    ]
    if cookie:
        options.append(f"--extra-headers={json.dumps({'Cookie': cookie})}")
    if path.startswith(_PRIVATE):
        options.append(f"--skip-audits={_NOT_FOR_SEARCH}")
    done = subprocess.run(
        [*command, url + path, *options],
        check=True,
        capture_output=True,
        env={**os.environ, "CHROME_PATH": chromium_path()},
    )
    report = json.loads(done.stdout)
    scores = tuple(round(100 * (report["categories"][c]["score"] or 0)) for c in CATEGORIES)
    weighty = {
        r["id"] for c in CATEGORIES for r in report["categories"][c]["auditRefs"] if r["weight"]
    }
    lost = sorted(
        name
        for name, audit in report["audits"].items()
        if name in weighty and audit["score"] is not None and audit["score"] < 0.9
    )
    return Scores("/drafts/…" if cookie else path, scores, tuple(lost))


def print_scores(paths: Sequence[str] = PAGES) -> int:
    """A line for each page; how many of them fall short of :data:`LEAST`."""
    print(f"{'lighthouse ' + _VERSION + ', mobile':44}" + "".join(f"{c:>16}" for c in CATEGORIES))
    short = 0
    for each in lighthouse_scores(paths):
        row = "".join(f"{score:16}" for score in each.scores)
        print(f"{each.path:44}{row}  {' '.join(each.lost)}".rstrip(), flush=True)
        short += not each.enough
    return short


if __name__ == "__main__":
    sys.exit(1 if print_scores(sys.argv[1:] or PAGES) else 0)
