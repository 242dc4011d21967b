"""How the tests of a run are dealt to its workers: a file at a time.

What a file sets up for itself, a portal or a world of requests, is then made by one worker and not
by each of them.
"""

import re

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

_DATABASE = re.compile(r"\[(sqlite|postgresql)\b")
# the longest of all is dealt in pieces: each of its parts is for whoever is free
_IN_PIECES = re.compile(r"test_look\.py::.*\[(\d+)-")


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """A worker takes a file, on one of the databases; the others go on with the next ones."""

    def __init__(self, config: pytest.Config, log: object) -> None:
        config.option.loadscopereorder = False  # in the order in which they were collected
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return piece_of(nodeid)


def piece_of(nodeid: str) -> str:
    """What one worker does at a time."""
    found = _DATABASE.search(nodeid) or _IN_PIECES.search(nodeid)
    return f"{nodeid.partition('::')[0]} {found[1] if found else ''}"


def order_of(item: pytest.Item) -> tuple[bool, int]:
    """Browsers come last: under Playwright's running event loop no test can begin its own.

    Of them come first what needs the long first start, which one worker makes, and what the others
    can do meanwhile without it.
    """
    if "browser" not in item.path.parts:
        return (False, 0)
    early = {"test_main_way": 0, "test_look": 1}
    return (True, early.get(item.path.stem, 2))
