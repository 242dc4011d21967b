"""Rows as nearly every program writes them, read by patterns.

What is read here the parser is not told of, so nothing is in the patterns that it would refuse: no
control, no bare sign of XML. A row that is written in any other way is left to it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import lt

from portal.sheets.found import Found
from portal.sheets.readers import TRUE, Reader, Readers, computed
from portal.sheets.table import MOST_COLUMNS
from portal.sheets.values import column_of

_VALUE = r"[^<>&\x00-\x08\x0b-\x1f]*+"
_FORMULA = (
    r'<f(?: [\w:]++="[^"<>&\x00-\x1f]*+")*+'
    r"(?:/>|>(?:[^<>&\x00-\x08\x0b-\x1f]|&(?:amp|lt|gt|quot|apos);)*+</f>)"
)
_PLACE = r"[0-9]{1,7}"
_ROW = re.compile(r'<row r="([1-9][0-9]{0,6})"([^<>&]*+)>')
_CELL = re.compile(
    rf'<c r="([A-Z]{{1,3}}){_PLACE}"([^<>&/]*+)(?:/>|>({_FORMULA})?'
    rf'(?:(?:<v>|(<is><t(?: xml:space="preserve")?>))({_VALUE})(?(4)</t></is>|</v>)|<v ?/>)?</c>)',
    re.ASCII,
)
_OF_CELL = 6  # its groups, and what stands before it
_ATTRIBUTES = re.compile(r'(?: ([A-Za-z][\w:]*+)="([^"<&\x00-\x1f]*+)")', re.ASCII)
_END = "</row>"
_ALIKE = 4
_MOST_SHAPES = 4
_MOST_MADE = 40


@dataclass(frozen=True)
class _Cells:
    """Which cells a row has: their letters, what is said of each, how each is read."""

    letters: Sequence[str]
    more: Sequence[str]
    places: Sequence[int]
    readers: Sequence[Reader]

    @property
    def gaps(self) -> bool:
        return bool(self.places) and self.places[-1] >= len(self.places)


@dataclass(frozen=True)
class _Shape:
    """Rows that differ in nothing but their values: one pattern for all of such a row."""

    pattern: re.Pattern[str]
    cells: _Cells
    hidden: bool


class PlainRows:
    """Reads runs of plain rows."""

    def __init__(self, found: Found, readers: Readers) -> None:
        self._found, self._readers = found, readers
        self._cells = _Cells([], [], [], [])
        self._parts: list[str] = []
        self._head = ""
        self._alike = self._made = 0
        self._shapes: list[_Shape] = []

    def take(self, text: str, at: int) -> int:
        """Read plain rows from a place on; where it stopped."""
        found = self._found
        while not found.computed:
            for position, shape in enumerate(self._shapes):
                match = shape.pattern.match(text, at)
                if match:
                    number, *texts = match.groups()
                    if not found.may_begin(int(number)):
                        return at
                    found.begin(int(number), hidden=shape.hidden)
                    found.add(_values(shape.cells, texts))
                    at = match.end()
                    if position:
                        self._shapes.insert(0, self._shapes.pop(position))
                    break
            else:
                end = self._take_any(text, at)
                if end == at:
                    return at
                at = end
        return at

    def _take_any(self, text: str, at: int) -> int:
        match = _ROW.match(text, at)
        if match is None:
            return at
        number, head = int(match[1]), match[2]
        said = _attributes(head)
        if said is None or not self._found.may_begin(number):
            return at
        hidden = said.get("hidden") in TRUE
        if head.endswith("/"):
            self._found.begin(number, hidden=hidden)
            return match.end()
        end = text.find(_END, match.end())
        row = self._row(text[match.end() : end]) if end >= 0 else None
        if row is None:
            return at
        self._found.begin(number, hidden=hidden)
        self._found.add(row)
        self._learn(head, hidden=hidden)
        return end + len(_END)

    def _row(self, text: str) -> list[str] | None:
        """None where a cell is not plain."""
        parts = _CELL.split(text)
        if any(parts[::_OF_CELL]):
            return None
        letters, more = parts[1::_OF_CELL], parts[2::_OF_CELL]
        cells = self._cells
        if more != cells.more or letters != cells.letters:
            places = [column_of(each) for each in letters]
            said = [_attributes(each) for each in more]
            readers = [self._readers.of(s.get("t"), s.get("s")) for s in said if s is not None]
            if len(readers) != len(places) or not _in_order(places):
                return None
            self._cells, self._alike = _Cells(letters, more, places, readers), 0
        self._parts = parts
        values = [each or "" for each in parts[5::_OF_CELL]]
        formulas = parts[3::_OF_CELL] if "<f" in text else ()
        if any(f and ' t="' in f and ' t="shared"' not in f for f in formulas):
            return None  # one formula for many cells
        row = _values(self._cells, values)
        for place, formula, value in zip(self._cells.places, formulas, values, strict=False):
            if formula:
                row[place] = computed(value)
        return row

    def _learn(self, head: str, *, hidden: bool) -> None:
        """Make a pattern of a row after some that were alike."""
        self._alike = self._alike + 1 if head == self._head else 0
        self._head = head
        parts = self._parts
        if self._alike < _ALIKE or self._made >= _MOST_MADE or any(parts[3::_OF_CELL]):
            return
        self._alike, self._made = 0, self._made + 1
        cells = [
            f'<c r="{letters}{_PLACE}"{re.escape(more)}' + _inside(inline, value)
            for letters, more, inline, value in zip(
                parts[1::_OF_CELL],
                parts[2::_OF_CELL],
                parts[4::_OF_CELL],
                parts[5::_OF_CELL],
                strict=True,
            )
        ]
        pattern = f'<row r="([1-9][0-9]{{0,6}})"{re.escape(head)}>{"".join(cells)}{_END}'
        self._shapes.insert(0, _Shape(re.compile(pattern), self._cells, hidden))
        del self._shapes[_MOST_SHAPES:]


def _inside(inline: str | None, value: str | None) -> str:
    if value is None:
        return "(?:/>|></c>)()"
    if inline:
        return f">{re.escape(inline)}({_VALUE})</t></is></c>"
    return f"><v>({_VALUE})</v></c>"


def _values(cells: _Cells, texts: Sequence[str]) -> list[str]:
    values = [read(text) if text else "" for read, text in zip(cells.readers, texts, strict=True)]
    if not cells.gaps:
        return values
    row = [""] * (cells.places[-1] + 1)
    for place, value in zip(cells.places, values, strict=True):
        row[place] = value
    return row


@lru_cache(1024)
def _attributes(text: str) -> Mapping[str, str] | None:
    """What is said behind the place of a row or a cell; None where it is not said plainly."""
    found = _ATTRIBUTES.findall(text)
    names = [name for name, _ in found]
    plain = _ATTRIBUTES.sub("", text) in {"", " ", "/", " /"}
    return dict(found) if plain and "r" not in names and len({*names}) == len(names) else None


def _in_order(places: Sequence[int]) -> bool:
    return all(map(lt, places, places[1:])) and (not places or places[-1] < MOST_COLUMNS)
