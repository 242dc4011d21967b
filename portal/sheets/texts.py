"""The texts that the cells of a workbook share, in a temporary file."""

import mmap
import re
from array import array
from functools import lru_cache
from tempfile import TemporaryFile

from portal.sheets.markup import Attributes, Parser, Run
from portal.sheets.package import Package
from portal.sheets.table import LONGEST_CELL, NotATable, Why, bounded

_PART = "xl/sharedStrings.xml"
_TEXT = r'<si><t(?: xml:space="preserve")?>([^<>&\x00-\x08\x0b-\x1f]*+)</t></si>'
_PLAIN, _PLAINS = re.compile(_TEXT), re.compile(f"(?:{_TEXT})++")
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")


def unescaped(text: str) -> str:
    """A text as it was typed: what XML cannot hold, programs write as ``_x000D_`` (22.9.2.19)."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


class SharedTexts:
    """Every text by its number."""

    def __init__(self, package: Package) -> None:
        self._ends = array("Q", [0])
        self._file = TemporaryFile()  # noqa: SIM115 - it lives as long as the book
        self._map: mmap.mmap | None = None
        if _PART in package:
            self._fill(package)
        self.get = lru_cache(4096)(self._read)
        """The text of a number as a sheet writes it; raises :class:`NotATable`."""

    def _fill(self, package: Package) -> None:
        position = 0
        pieces = _Pieces()
        for _ in package.parse(_PART, pieces.parser):
            for text in pieces.done:
                position += self._file.write(text.encode("utf-8", "replace"))
                self._ends.append(position)
            pieces.done.clear()
        self._file.flush()
        if position:
            self._map = mmap.mmap(self._file.fileno(), position, access=mmap.ACCESS_READ)

    def _read(self, number: str) -> str:
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise NotATable(Why.BROKEN)
        index = int(number)
        if index + 1 >= len(self._ends):
            raise NotATable(Why.BROKEN)
        first, last = self._ends[index], self._ends[index + 1]
        return bounded(self._map[first:last].decode()) if self._map is not None else ""


class _Pieces:
    """Puts the texts together: one may come in pieces of different letters, with how to say it."""

    def __init__(self) -> None:
        begins = {"si": self._begin, "t": self._begin_text, "rPh": self._begin_saying}
        ends = {"si": self._end, "t": self._end_text, "rPh": self._end_saying}
        self.parser = Parser(begins, ends, self._said, Run("si", self._take))
        self.done: list[str] = []
        self._pieces: list[str] = []
        self._length = 0
        self._taking = self._saying = False

    def _take(self, text: str, at: int) -> int:
        found = _PLAINS.match(text, at)
        if found is None:
            return at
        self.done += [
            unescaped(each[: LONGEST_CELL + 1])
            for each in _PLAIN.findall(text, found.start(), found.end())
        ]
        return found.end()

    def _begin(self, _attributes: Attributes) -> None:
        self._pieces, self._length = [], 0

    def _end(self) -> None:
        self.done.append(unescaped("".join(self._pieces)))

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
