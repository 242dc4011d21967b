"""One sheet of a workbook, read row by row."""

import re
from collections.abc import Generator, Sequence

from portal.sheets.found import Found, Range
from portal.sheets.markup import Attributes, Parser, Run
from portal.sheets.package import Package
from portal.sheets.plain import PlainRows
from portal.sheets.readers import TRUE, Readers, computed
from portal.sheets.table import (
    LONGEST_CELL,
    MOST_COLUMNS,
    MOST_ROWS,
    Merge,
    NotATable,
    Row,
    Why,
)
from portal.sheets.values import column_of

_MOST_MERGED = 20_000
_RANGE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})(?::([A-Z]{1,3})([1-9][0-9]{0,6}))?", re.ASCII)
_DIGITS = "0123456789"


class SheetTable:
    """One sheet."""

    def __init__(self, package: Package, part: str, readers: Readers, *, epoch_1904: bool) -> None:
        self._package, self._part, self._readers = package, part, readers
        self.epoch_1904: bool | None = epoch_1904
        self.hidden = 0
        self.merged: Sequence[Merge] = ()

    def rows(self, until: int | None = None) -> Generator[Row]:
        cells = _Cells(self._readers)
        found, count = cells.found, 0
        for _ in self._package.parse(self._part, cells.parser):
            count += len(found.done)
            if count > MOST_ROWS + 1:  # and one of headings
                raise NotATable(Why.ROWS)
            yield from (row for row in found.done if until is None or row[0] <= until)
            found.done.clear()
            if until is not None and found.number > until:
                return
        self.merged, self.hidden = cells.merged, found.hidden


class _Cells:
    """What the parser finds; runs of plain rows are read without it."""

    def __init__(self, readers: Readers) -> None:
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
        self.found = Found()
        self.merged: list[Merge] = []
        run = Run("row", PlainRows(self.found, readers).take)
        self.parser = Parser(begins, ends, self._said, run)
        self._readers = readers
        self._row: list[str] = []
        self._column = -1
        self._kind: str | None = None
        self._style: str | None = None
        self._formula = False
        self._taking = False
        self._saying = False
        self._text = ""

    def _begin_cell(self, attributes: Attributes) -> None:
        name = attributes.get("r")
        self._column = column_of(name.rstrip(_DIGITS)) if name else self._column + 1
        self._kind = attributes.get("t")
        self._style = attributes.get("s")
        self._text, self._formula = "", False

    def _begin_row(self, attributes: Attributes) -> None:
        name = attributes.get("r", str(self.found.number + 1))
        number = int(name) if name.isascii() and name.isdigit() and len(name) < 9 else 0
        self.found.begin(number, hidden=attributes.get("hidden") in TRUE)
        self._row, self._column = [], -1

    def _end_row(self) -> None:
        self.found.add(self._row)

    def _begin_text(self, _attributes: Attributes) -> None:
        self._taking = not self._saying

    def _end_text(self) -> None:
        self._taking = False

    def _begin_formula(self, attributes: Attributes) -> None:
        self._formula = True
        if attributes.get("t") in {"array", "dataTable"} and "ref" in attributes:
            self.found.compute(_range(attributes["ref"]))

    def _begin_saying(self, _attributes: Attributes) -> None:
        self._saying = True

    def _end_saying(self) -> None:
        self._saying = False

    def _join(self, attributes: Attributes) -> None:
        if len(self.merged) >= _MOST_MERGED:
            raise NotATable(Why.BROKEN)
        name = attributes.get("ref", "")
        first_column, first_row, last_column, last_row = _range(name)
        self.merged.append(Merge(first_row, first_column, last_row, last_column, name))

    def _said(self, data: str) -> None:
        if self._taking and len(self._text) <= LONGEST_CELL:
            self._text += data

    def _end_cell(self) -> None:
        text, column, row = self._text, self._column, self._row
        if self._formula or (text and self.found.is_computed(column)):
            value = computed(text)
        elif text:
            value = self._readers.of(self._kind, self._style)(text)
        else:
            return
        if column >= MOST_COLUMNS:
            raise NotATable(Why.COLUMNS)
        if column < len(row):
            raise NotATable(Why.BROKEN)  # cells stand in their order
        row.extend([""] * (column - len(row)))
        row.append(value)


def _range(name: str) -> Range:
    """Raises :class:`NotATable`."""
    found = _RANGE.fullmatch(name)
    if found is None:
        raise NotATable(Why.BROKEN)
    column, row, last_column, last_row = found.groups()
    return column_of(column), int(row), column_of(last_column or column), int(last_row or row)
