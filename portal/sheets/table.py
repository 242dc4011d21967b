"""What a table is, whatever it came in: rows of cells as text, with what is odd about a cell."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

MOST_BYTES = 60_000_000
MOST_ROWS = 200_000
MOST_COLUMNS = 100
LONGEST_CELL = 2000  # characters


class Why(StrEnum):
    """Why a file cannot be read as a table."""

    EMPTY = "empty"
    UNKNOWN = "unknown"
    """Neither text nor a workbook."""
    OLD = "old"
    """A workbook of Excel before 2007, or in Excel's binary form."""
    LOCKED = "locked"
    MACROS = "macros"
    OPEN_DOCUMENT = "open_document"
    BROKEN = "broken"
    BOMB = "bomb"
    """It unpacks to far more than a table needs."""
    TOO_LARGE = "too_large"
    ROWS = "rows"
    COLUMNS = "columns"
    QUOTE = "quote"
    """A quotation mark that is never closed, or a line without an end."""
    ENCODING = "encoding"
    NO_SHEET = "no_sheet"
    NO_ROWS = "no_rows"
    """Headings, and nothing under them."""
    WEB_PAGE = "web_page"
    """A page of a browser, or XML, under the name of a workbook."""


class NotATable(Exception):
    """The file cannot be read, or not to its end."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


class Flaw(StrEnum):
    """What is odd about a cell."""

    FORMULA = "formula"
    ERROR = "error"
    """What a program writes where it could not compute: ``#REF!``."""
    LONG = "long"
    DAMAGED = "damaged"
    """Some letters were lost before the file came: �."""
    SWALLOWED = "swallowed"
    """A quotation mark was opened and closed rows later: they are in this cell."""


class Flawed(str):
    """A cell whose value is not to be taken; the text is what stands in it."""

    __slots__ = ("flaw",)

    def __new__(cls, text: str, flaw: Flaw) -> "Flawed":
        made = super().__new__(cls, text)
        made.flaw = flaw
        return made

    flaw: Flaw


def told(text: str) -> str:
    """The text, with what is odd about it."""
    if len(text) > LONGEST_CELL:
        return Flawed(text[:LONGEST_CELL], Flaw.LONG)
    return Flawed(text, Flaw.DAMAGED) if "\ufffd" in text else text


@dataclass(frozen=True)
class Merge:
    """Cells that were joined; rows from 1, columns from 0, the last ones included."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int
    name: str
    """As the sheet names it: ``C5:C9``."""


Row = tuple[int, list[str]]
"""The number of a row as its sheet counts, from 1, and its cells; empty ones at the end may be
missing."""


class Table(Protocol):
    """A sheet that is read once, from its beginning."""

    merged: Sequence[Merge]
    """Known when the last row was read, where a file tells of it only behind its rows."""
    hidden: int
    """So many rows did the sheet hide; they are read like all others."""
    epoch_1904: bool | None
    """Whether days are counted from 1904; None where a number is never a day."""

    def rows(self, until: int | None = None) -> Generator[Row]:
        """Rows with something in them, perhaps only those up to a number; raises
        :class:`NotATable`, also in the middle."""
