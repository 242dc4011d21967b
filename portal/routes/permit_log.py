"""Who asked about a permit, page by page: for its owner alone, people without names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter

from sqlalchemy import Connection

from portal.bodies import log
from portal.bodies.log import AskedByBody
from portal.permits import inquiry
from portal.permits.inquiry import Asked

PAGE = 50
_MOST_BEHIND = 10_000


@dataclass(frozen=True)
class AskedPage:
    """Lines, the newest first; ``older`` is where the next page begins, empty on the last."""

    lines: Sequence[Asked | AskedByBody]
    older: str


def who_asked(db: Connection, permit_id: int, begins: str = "", most: int = PAGE) -> AskedPage:
    """People without names and bodies by name and purpose, from ``begins`` on.

    Two logs make one list. A page begins at a moment, and behind as many lines of that moment as
    the pages before have shown: none is left out, and none is told twice.
    """
    until, shown = _read(begins)
    found: list[Asked | AskedByBody] = []
    for each in (inquiry.who_asked, log.who_asked):
        found += each(db, permit_id, shown + most + 1, until)
    found.sort(key=attrgetter("at"), reverse=True)
    lines = found[shown : shown + most]
    if len(found) <= shown + most:
        return AskedPage(lines, "")
    last = lines[-1].at
    of_that = sum(line.at == last for line in found[: shown + most])
    return AskedPage(lines, f"{last.isoformat()}~{of_that}")


def _read(begins: str) -> tuple[datetime | None, int]:
    """The moment of a page and how many lines of it lie behind; the first page if unreadable."""
    moment, _, shown = begins.partition("~")
    try:
        at, behind = datetime.fromisoformat(moment).astimezone(UTC), int(shown)
    except (ValueError, OverflowError):
        return None, 0
    return (at, behind) if 0 < behind <= _MOST_BEHIND else (None, 0)
