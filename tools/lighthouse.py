"""Lighthouse as the project runs it: brought by npm at its first use, pinned by version and hash.

``tools/npm`` names it and all that it needs; npm knows where its registry is. It stays under
``var/tools`` and plays a cheap phone on a slow network (its own mobile settings). The last version
that judges whether a page can be installed is pinned: the next one gave up that category.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.chromium import bring_node, npm, run, say

_PINNED = Path(__file__).parent / "npm"
_TOOLS = Path(__file__).parents[1] / "var" / "tools"
_FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage"
_NODE = (18, 16)
_SECONDS = 150
# Lighthouse's own table: a machine with this index plays its phone at a quarter of the speed
_SLOWDOWN, _FULL_INDEX = 4.0, 1500.0
# Others may work beside it: where it is allowed (for root), it goes first; else nice warns and runs
_FIRST = ("nice", "-n", "-10")
VERSION: str = json.loads((_PINNED / "package.json").read_text())["dependencies"]["lighthouse"]


@dataclass(frozen=True)
class Scores:
    """One page: its scores of 100 by category, and the rules that cost something."""

    of: dict[str, int]
    lost: tuple[str, ...]
    machine: float
    """How fast this machine was meanwhile (Lighthouse's benchmark index; quiet ones have 1500)."""

    @property
    def slowdown(self) -> str:
        """The option with which a machine that was as busy as this plays the same phone."""
        times = max(1.0, _SLOWDOWN * min(1.0, self.machine / _FULL_INDEX))
        return f"--throttling.cpuSlowdownMultiplier={times:.2f}"


def audit(url: str, chromium: str, categories: Sequence[str], *options: str) -> Scores:
    """Look at one address with the browser at ``chromium``."""
    done = subprocess.run(  # noqa: S603
        [
            *(_FIRST if shutil.which(_FIRST[0]) else ()),
            *_command(),
            url,
            "--output=json",
            "--quiet",
            f"--chrome-flags={_FLAGS}",
            f"--only-categories={','.join(categories)}",
            "--disable-full-page-screenshot",
            "--skip-audits=bf-cache",  # opens the page again and is no part of a score
            *options,
        ],
        check=True,
        capture_output=True,
        timeout=_SECONDS,
        env={**os.environ, "CHROME_PATH": chromium},
    )
    report = json.loads(done.stdout)
    found = report["categories"]
    weighty = {
        rule["id"] for name in categories for rule in found[name]["auditRefs"] if rule["weight"]
    }
    lost = sorted(
        name
        for name, each in report["audits"].items()
        if name in weighty and each["score"] is not None and each["score"] < 0.9
    )
    scores = {name: round(100 * (found[name]["score"] or 0)) for name in categories}
    return Scores(scores, tuple(lost), report["environment"]["benchmarkIndex"])


def _command() -> list[str]:
    return [_node(), str(_installed() / "node_modules" / "lighthouse" / "cli" / "index.js")]


def _node() -> str:
    """The machine's, or one from a wheel where that is missing or too old."""
    if own := shutil.which("node"):
        told = subprocess.run([own, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
        version = re.match(r"v(\d+)\.(\d+)", told.stdout)
        if version and (int(version[1]), int(version[2])) >= _NODE:
            return own
    return str(bring_node())


def _installed() -> Path:
    """Where it is; brought when it is not there yet."""
    names = ("package.json", "package-lock.json")
    digest = hashlib.sha256(b"".join((_PINNED / name).read_bytes() for name in names)).hexdigest()
    folder = _TOOLS / f"lighthouse-{digest[:12]}"
    if not folder.exists():
        say(f"bringing Lighthouse {VERSION}")
        _TOOLS.mkdir(parents=True, exist_ok=True)
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        with tempfile.TemporaryDirectory(dir=_TOOLS) as aside:
            made = Path(aside) / "made"
            made.mkdir()
            for name in names:
                shutil.copy(_PINNED / name, made)
            run([*npm(), "ci", f"--prefix={made}", *options])
            made.rename(folder)
    return folder
