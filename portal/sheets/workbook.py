"""XLSX, read as a stream: cells as text, days by their style, formulas and joined cells told.

ECMA-376, part 1, chapter 18. Texts that many cells share stand in a part of their own; they are
put into a temporary file, so that a book of any size takes the same memory.
"""

import mmap
import re
from array import array
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, lru_cache
from posixpath import join, normpath
from tempfile import TemporaryFile
from typing import BinaryIO

from portal.sheets.package import Attributes, Package, Parser
from portal.sheets.table import (
    LONGEST_CELL,
    MOST_COLUMNS,
    MOST_ROWS,
    Flaw,
    Flawed,
    Merge,
    NotATable,
    Row,
    Why,
)

_WORKBOOK = "xl/workbook.xml"
_LONGEST_SHEET_NAME = 31
_MOST_SHEETS = 200
_MOST_MERGED = 20_000
_LAST_ROW = 1_048_576
# Formats of days that every program knows by their number (18.8.30)
_DAYS = frozenset({*range(14, 18), 22, *range(27, 37), *range(50, 59)})
# in a format: what is quoted, escaped or in brackets is no part of a day
_NOT_FORMAT = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_RANGE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})(?::([A-Z]{1,3})([1-9][0-9]{0,6}))?", re.ASCII)
_DIGITS = "0123456789"
_OF_STYLES = ("numFmts", "numFmt", "cellXfs", "xf")


@dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook."""

    name: str
    hidden: bool
    part: str


class Workbook:
    """A workbook that may be read; raises :class:`NotATable` for one that may not."""

    def __init__(self, file: BinaryIO) -> None:
        self._package = Package(file)
        names = self._package.names
        kind = self._package.head("mimetype", 60)
        if kind.startswith(b"application/vnd.oasis"):
            raise NotATable(Why.OPEN_DOCUMENT)
        if "xl/workbook.bin" in names:
            raise NotATable(Why.OLD)
        types = self._package.elements("[Content_Types].xml", "Default", "Override")
        if any("macroenabled" in a.get("ContentType", "").lower() for _, a, _ in types) or any(
            name.rpartition("/")[2].startswith("vba") or "macrosheets/" in name for name in names
        ):
            raise NotATable(Why.MACROS)
        if _WORKBOOK not in self._package:
            raise NotATable(Why.BROKEN)
        elements = self._package.elements(_WORKBOOK, "workbookPr", "sheet")
        self.epoch_1904 = any(
            name == "workbookPr" and attributes.get("date1904") in {"1", "true", "on"}
            for name, attributes, _ in elements
        )
        self.sheets = self._sheets(elements)
        if not self.sheets:
            raise NotATable(Why.NO_SHEET)

    def _sheets(self, elements: list[tuple[str, Attributes, str]]) -> list[Sheet]:
        targets = {
            a.get("Id", ""): normpath(join("xl", a.get("Target", ""))).lstrip("/")
            for _, a, _ in self._package.elements("xl/_rels/workbook.xml.rels", "Relationship")
            if a.get("Type", "").endswith("/worksheet") and a.get("TargetMode") != "External"
        }
        found: list[Sheet] = []
        for name, attributes, _ in elements:
            if name != "sheet":
                continue
            key = next((v for k, v in attributes.items() if k.rpartition(":")[2] == "id"), "")
            part = targets.get(key, "")
            if part in self._package and len(found) < _MOST_SHEETS:
                title = attributes.get("name", "")[:_LONGEST_SHEET_NAME]
                found.append(Sheet(title, attributes.get("state", "visible") != "visible", part))
        return found

    def table(self, index: int) -> "SheetTable":
        if not 0 <= index < len(self.sheets):
            raise NotATable(Why.NO_SHEET)
        return SheetTable(self, self._package, self.sheets[index])

    @cached_property
    def day_styles(self) -> frozenset[str]:
        """The numbers of the styles in which a number is a day."""
        formats, styles, position = dict[str, str](), set[str](), 0
        for name, attributes, around in self._package.elements("xl/styles.xml", *_OF_STYLES):
            if name == "numFmt" and around == "numFmts":
                formats[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
            elif name == "xf" and around == "cellXfs":
                number = attributes.get("numFmtId", "0")
                known = number.isascii() and number.isdigit() and int(number[:6]) in _DAYS
                if known or _is_day(formats.get(number, "")):
                    styles.add(str(position))
                position += 1
        return frozenset(styles)

    @cached_property
    def shared(self) -> "SharedTexts":
        return SharedTexts(self._package)


def _is_day(code: str) -> bool:
    plain = _NOT_FORMAT.sub("", code).lower()
    return "y" in plain or ("d" in plain and "m" in plain)


class SharedTexts:
    """The texts that cells share, in a temporary file."""

    def __init__(self, package: Package) -> None:
        self._ends = array("Q", [0])
        self._file = TemporaryFile()  # noqa: SIM115 - it lives as long as the book
        self._map: mmap.mmap | None = None
        self._few = lru_cache(4096)(self._read)
        if "xl/sharedStrings.xml" in package:
            self._fill(package)

    def _fill(self, package: Package) -> None:
        position = 0
        pieces = _Pieces()
        for _ in package.parse("xl/sharedStrings.xml", pieces.parser):
            for text in pieces.done:
                position += self._file.write(text.encode("utf-8", "replace"))
                self._ends.append(position)
            pieces.done.clear()
        self._file.flush()
        if position:
            self._map = mmap.mmap(self._file.fileno(), position, access=mmap.ACCESS_READ)

    def __getitem__(self, number: str) -> str:
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise NotATable(Why.BROKEN)
        return self._few(number)

    def _read(self, number: str) -> str:
        index = int(number)
        if index + 1 >= len(self._ends):
            raise NotATable(Why.BROKEN)
        first, last = self._ends[index], self._ends[index + 1]
        return self._map[first:last].decode() if self._map is not None else ""


class _Pieces:
    """Puts the texts together: one may come in pieces of different letters, with how to say it."""

    def __init__(self) -> None:
        begins = {"si": self._begin, "t": self._begin_text, "rPh": self._begin_saying}
        ends = {"si": self._end, "t": self._end_text, "rPh": self._end_saying}
        self.parser = Parser(begins, ends, self._said)
        self.done: list[str] = []
        self._pieces: list[str] = []
        self._length = 0
        self._taking = self._saying = False

    def _begin(self, _attributes: Attributes) -> None:
        self._pieces, self._length = [], 0

    def _end(self) -> None:
        self.done.append("".join(self._pieces))

    def _begin_text(self, _attributes: Attributes) -> None:
        self._taking = not self._saying

    def _end_text(self) -> None:
        self._taking = False

    def _begin_saying(self, _attributes: Attributes) -> None:
        self._saying = True

    def _end_saying(self) -> None:
        self._saying = False

    def _said(self, data: str) -> None:
        if self._taking and self._length <= LONGEST_CELL:
            self._pieces.append(data)
            self._length += len(data)


class SheetTable:
    """One sheet."""

    def __init__(self, book: Workbook, package: Package, sheet: Sheet) -> None:
        self._package = package
        self._sheet = sheet
        self._book = book
        self.epoch_1904: bool | None = book.epoch_1904
        self.hidden = 0
        self.merged: Sequence[Merge] = ()
        self._joined: list[Merge] = []

    def rows(self) -> Generator[Row]:
        cells = _Cells(self._book, self)
        count = 0
        for _ in self._package.parse(self._sheet.part, cells.parser):
            for row in cells.done:
                count += 1
                if count > MOST_ROWS + 1:  # and one of headings
                    raise NotATable(Why.ROWS)
                yield row
            cells.done.clear()
        self.merged = self._joined

    def join(self, name: str) -> None:
        """Take down cells that were joined."""
        found = _RANGE.fullmatch(name)
        if found is None or len(self._joined) >= _MOST_MERGED:
            raise NotATable(Why.BROKEN)
        column, row, last_column, last_row = found.groups()
        self._joined.append(
            Merge(
                int(row),
                _column(column),
                int(last_row or row),
                _column(last_column or column),
                name,
            )
        )


class _Cells:
    """Makes rows of what the parser finds."""

    def __init__(self, book: Workbook, table: SheetTable) -> None:
        begins = {
            "c": self._begin_cell,
            "v": self._begin_text,
            "t": self._begin_text,
            "row": self._begin_row,
            "f": self._begin_formula,
            "rPh": self._begin_saying,
            "mergeCell": self._join,
        }
        ends = {
            "c": self._end_cell,
            "v": self._end_text,
            "t": self._end_text,
            "row": self._end_row,
            "rPh": self._end_saying,
        }
        self.parser = Parser(begins, ends, self._said)
        self.done: list[Row] = []
        self._book, self._table = book, table
        self._shared = book.shared
        self._days = book.day_styles
        self._row: list[str] = []
        self._number = 0
        self._column = -1
        self._kind = ""
        self._style = ""
        self._formula = False
        self._taking = False
        self._saying = False
        self._text = ""

    def _begin_cell(self, attributes: Attributes) -> None:
        name = attributes.get("r")
        self._column = _column(name.rstrip(_DIGITS)) if name else self._column + 1
        self._kind = attributes.get("t", "n")
        self._style = attributes.get("s", "0")
        self._text, self._formula = "", False

    def _begin_row(self, attributes: Attributes) -> None:
        name = attributes.get("r", str(self._number + 1))
        number = int(name) if name.isascii() and name.isdigit() and len(name) < 9 else 0
        if not self._number < number <= _LAST_ROW:
            raise NotATable(Why.BROKEN)
        self._number, self._row, self._column = number, [], -1
        if attributes.get("hidden") in {"1", "true"}:
            self._table.hidden += 1

    def _end_row(self) -> None:
        if self._row:
            self.done.append((self._number, self._row))

    def _begin_text(self, _attributes: Attributes) -> None:
        self._taking = not self._saying

    def _end_text(self) -> None:
        self._taking = False

    def _begin_formula(self, _attributes: Attributes) -> None:
        self._formula = True

    def _begin_saying(self, _attributes: Attributes) -> None:
        self._saying = True

    def _end_saying(self) -> None:
        self._saying = False

    def _join(self, attributes: Attributes) -> None:
        self._table.join(attributes.get("ref", ""))

    def _said(self, data: str) -> None:
        if self._taking and len(self._text) <= LONGEST_CELL:
            self._text += data

    def _end_cell(self) -> None:
        value = self._value()
        if not value:
            return
        row, column = self._row, self._column
        if column == len(row) and column < MOST_COLUMNS:  # nearly always
            row.append(value)
        else:
            self._put(value)

    def _put(self, value: str) -> None:
        row, column = self._row, self._column
        if column >= MOST_COLUMNS:
            raise NotATable(Why.COLUMNS)
        if column == len(row):
            row.append(value)
            return
        if column < len(row):
            raise NotATable(Why.BROKEN)  # cells stand in their order
        row.extend([""] * (column - len(row)))
        row.append(value)

    def _value(self) -> str:
        text, kind = self._text, self._kind
        if self._formula:
            return Flawed(text[:LONGEST_CELL] or "=", Flaw.FORMULA)
        if kind == "s":
            text = self._shared[text] if text else ""
        elif kind == "e":
            return Flawed(text[:LONGEST_CELL] or "#", Flaw.ERROR)
        elif kind == "n":
            text = _number(text)
            if self._style in self._days:
                text = day_of(text, epoch_1904=self._book.epoch_1904) or text
        elif kind == "d":
            text = text[:10]
        return text if len(text) <= LONGEST_CELL else Flawed(text[:LONGEST_CELL], Flaw.LONG)


@lru_cache(1024)
def _column(letters: str) -> int:
    """``A`` is 0; raises :class:`NotATable`."""
    if not 0 < len(letters) <= 3 or not (letters.isascii() and letters.isupper()):
        raise NotATable(Why.BROKEN)
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _number(text: str) -> str:
    """A number as people would write it: 215 for 215.0, 15 digits as a spreadsheet shows them."""
    if len(text) < 16 and text.isascii() and text.isdigit():
        return text
    try:
        value = float(text)
    except ValueError:
        return text
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return format(value, ".15g")


def day_of(text: str, *, epoch_1904: bool) -> str | None:
    """The day that a spreadsheet counts as so many, as ``1998-03-15``; None when it is none.

    In the system of 1900 there is a 29th of February 1900, which never was (18.17.4).
    """
    whole = text.partition(".")[0]
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 7):
        return None
    count = int(whole)
    if epoch_1904:
        first = date(1904, 1, 1)
    elif count in {0, 60}:
        return None
    else:
        first = date(1899, 12, 31) if count < 60 else date(1899, 12, 30)
    try:
        return (first + timedelta(days=count)).isoformat()
    except OverflowError:
        return None
