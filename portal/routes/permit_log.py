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
from portal.vault import Vault

PAGE = 50
_MOST_BEHIND = 10_000


@dataclass(frozen=True)
class AskedPage:
    """Lines, the newest first; ``older`` is where the next page begins, empty on the last."""

    lines: Sequence[Asked | AskedByBody]
    older: str


def who_asked(
    db: Connection, vault: Vault, permit_id: int, reader: str, begins: str = "", most: int = PAGE
) -> AskedPage:
    """People without names and bodies by name and purpose, from ``begins`` on; what ``reader``
    asked, by national ID, is told as his own.

    Two logs make one list. A page begins at a moment, and behind as many lines of that moment as
    the pages before have shown: none is left out, and none is told twice.
    """
    until, shown = _read(begins)
    wanted = shown + most + 1
    found: list[Asked | AskedByBody] = [
        *inquiry.who_asked(db, vault, permit_id, reader, wanted, until),
        *log.who_asked(db, permit_id, wanted, until),
    ]
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
