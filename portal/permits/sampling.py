"""How many entries of a lot are looked at, which ones, and how many of them may be wrong.

The plan is that of ISO 2859-1 and stands in ``sampling.toml``. Which entries are drawn follows from
the seed alone: each id gets the SHA-256 of seed and id, and the smallest ones are the sample. So
anyone can draw the same sample again, in any language, and nobody can choose it.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from heapq import nsmallest
from importlib.resources import files


@dataclass(frozen=True)
class Plan:
    """``sample`` entries are judged; with more than ``accept`` wrong ones the lot has failed."""

    sample: int
    accept: int
    aql: str


@cache
def _table() -> tuple[str, tuple[tuple[int, int, int], ...]]:
    known = tomllib.loads((files("portal.permits") / "sampling.toml").read_text("utf-8"))
    return known["aql"], tuple((up_to, n, accept) for up_to, n, accept in known["plans"])


def plan_of(size: int) -> Plan:
    """The plan of a lot of ``size`` entries, 1 or more."""
    aql, plans = _table()
    sample, accept = next((n, ac) for up_to, n, ac in plans if size <= up_to or not up_to)
    return Plan(min(sample, size), accept, aql)


def draw(ids: Iterable[int], count: int, seed: str) -> list[int]:
    """``count`` of the ids, in the order in which they are to be looked at."""
    return nsmallest(count, ids, key=lambda each: sha256(f"{seed}:{each}".encode()).digest())
