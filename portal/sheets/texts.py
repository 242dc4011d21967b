"""The texts that the cells of a workbook share, in a temporary file."""

import mmap
import re
from array import array
from collections.abc import Iterator
from functools import lru_cache
from tempfile import TemporaryFile

from portal.sheets.markup import Attributes, Parser, Run
from portal.sheets.package import Package
from portal.sheets.table import LONGEST_CELL, NotATable, Why, told

_TEXT = r'<si><t(?: xml:space="preserve")?>([^<>&\x00-\x08\x0b-\x1f]*+)</t></si>'
_PLAIN, _PLAINS = re.compile(_TEXT), re.compile(f"(?:{_TEXT})++")
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")


def unescaped(text: str) -> str:
    """A text as it was typed: what XML cannot hold, programs write as ``_x000D_`` (22.9.2.19)."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


class SharedTexts:
    """Every text by its number. Neither they nor where each ends is kept in the memory."""

    def __init__(self, package: Package, part: str) -> None:
        texts, ends = _OnDisk(), _OnDisk()
        ends.write(array("Q", [0]).tobytes())
        if part in package:
            for some in _of_part(package, part):
                places = array("Q")
                for text in some:
                    texts.write(text.encode("utf-8", "replace"))
                    places.append(texts.size)
                ends.write(places.tobytes())
        self._texts, self._ends = texts.whole(), ends.whole().cast("Q")
        self._count = len(self._ends) - 1
        self.get = lru_cache(8192)(self._read)
        """The text of a number as a sheet writes it; raises :class:`NotATable`."""

    def _read(self, number: str) -> str:
        index = int(number) if number.isdecimal() and len(number) < 10 else self._count
        if index >= self._count:
            raise NotATable(Why.BROKEN)
        return told(str(self._texts[self._ends[index] : self._ends[index + 1]], "utf-8"))


def _of_part(package: Package, part: str) -> Iterator[list[str]]:
    pieces = _Pieces()
    for _ in package.parse(part, pieces.parser):
        yield pieces.done
        pieces.done.clear()


class _OnDisk:
    """Octets in a temporary file, written one behind the other and then read anywhere."""

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115 - it lives as long as the book
        self.size = 0

    def write(self, octets: bytes) -> None:
        self.size += self._file.write(octets)

    def whole(self) -> memoryview:
        self._file.flush()
        if not self.size:
            return memoryview(b"")
        return memoryview(mmap.mmap(self._file.fileno(), self.size, access=mmap.ACCESS_READ))


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
