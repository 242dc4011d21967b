"""CSV as programs of many years write it: UTF-8, UTF-16, Windows-1256; comma, semicolon, tab."""

import codecs
import csv
import io
import re
from collections.abc import Generator, Iterator, Sequence
from typing import BinaryIO

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

ENCODINGS = ("utf-8", "windows-1256", "utf-16")
SEPARATORS = (",", ";", "\t")
_CHUNK = 1 << 20
_HEAD = 1 << 16
_LONGEST_LINE = 1 << 20
_SAMPLE_ROWS = 20
_SAYS_SEPARATOR = re.compile(r"sep=([,;\t])[\r\n]*")
# what programs write so that a spreadsheet leaves leading noughts alone: ="00215"
_QUOTED = re.compile(r'="([^"]*)"')
# no letter of any alphabet, and nothing that a table has
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f]")


def detect_encoding(file: BinaryIO) -> str:
    """One of :data:`ENCODINGS`; raises :class:`NotATable` for what is no text at all."""
    file.seek(0)
    head = file.read(_HEAD)
    if not head.strip():
        raise NotATable(Why.EMPTY)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or _order(head):
        return "utf-16"
    if len(_BINARY.findall(head)) > len(head) // 100:
        raise NotATable(Why.UNKNOWN)
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "windows-1256"
    return "utf-8"


def _order(head: bytes) -> str:
    """Which UTF-16 it is without a mark at its beginning; empty when it is none.

    Separators, digits and line ends are Latin in every table: half of their bytes are zero.
    """
    if len(head) < 4 or head.startswith(codecs.BOM_UTF8):
        return ""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    least = len(head) // 10
    if odd > least and even * 10 < odd:
        return "utf-16-le"
    return "utf-16-be" if even > least and odd * 10 < even else ""


def detect_separator(file: BinaryIO, encoding: str) -> str:
    """The one that gives the first rows the most columns, alike in most of them."""
    file.seek(0)
    sample = _text(io.BytesIO(file.read(_HEAD)), encoding, errors="replace").read()
    said = _SAYS_SEPARATOR.match(sample)
    if said:
        return said[1]

    def fit(separator: str) -> tuple[int, int]:
        reader = csv.reader(io.StringIO(sample, newline=""), delimiter=separator)
        widths: list[int] = []
        try:
            for row in reader:
                widths.append(len(row))
                if len(widths) > _SAMPLE_ROWS:
                    break
        except csv.Error:
            pass
        usual = max(widths, key=widths.count, default=0)
        return (usual * widths.count(usual) if usual > 1 else 0, usual)

    return max(SEPARATORS, key=fit)


def _text(file: BinaryIO, encoding: str, errors: str = "strict") -> io.TextIOWrapper:
    file.seek(0)
    name = {"utf-8": "utf-8-sig"}.get(encoding, encoding)
    if encoding == "utf-16":
        head = file.read(_HEAD)
        file.seek(0)
        if not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            name = _order(head) or "utf-16-le"
    return io.TextIOWrapper(file, name, errors=errors, newline="")


class CommaTable:
    """One CSV file."""

    merged: Sequence[Merge] = ()
    hidden = 0
    epoch_1904: bool | None = None

    def __init__(self, file: BinaryIO, encoding: str, separator: str) -> None:
        self._file = file
        self._encoding = encoding
        self._separator = separator
        self._odd = False

    def rows(self) -> Generator[Row]:
        text = _text(self._file, self._encoding)
        try:
            yield from self._rows(text)
        except UnicodeError as error:
            raise NotATable(Why.ENCODING) from error
        except csv.Error as error:
            raise NotATable(Why.QUOTE) from error
        finally:
            text.detach()

    def _rows(self, text: io.TextIOWrapper) -> Iterator[Row]:
        count, longest = 0, LONGEST_CELL
        for number, cells in enumerate(
            csv.reader(self._lines(text), delimiter=self._separator), start=1
        ):
            if self._odd:
                self._odd = False
                cells = [_read_equals(cell) for cell in cells]  # noqa: PLW2901
            if not any(cells):
                continue
            if len(cells) > MOST_COLUMNS:
                while cells and not cells[-1]:
                    cells.pop()
                if len(cells) > MOST_COLUMNS:
                    raise NotATable(Why.COLUMNS)
            if max(map(len, cells)) > longest:
                cells = [  # noqa: PLW2901
                    Flawed(cell[:longest], Flaw.LONG) if len(cell) > longest else cell
                    for cell in cells
                ]
            count += 1
            if count > MOST_ROWS + 1:  # and one of headings
                raise NotATable(Why.ROWS)
            yield number, cells

    def _lines(self, text: io.TextIOWrapper) -> Iterator[str]:
        first = True
        while line := text.readline(_LONGEST_LINE):
            if len(line) >= _LONGEST_LINE:
                raise NotATable(Why.QUOTE)
            if first:
                first = False
                if _SAYS_SEPARATOR.fullmatch(line):
                    line = "\n"  # it keeps its number, as a spreadsheet that opens it again counts
            if "=" in line:
                self._odd = True
            yield line


def _read_equals(cell: str) -> str:
    """A formula is told, never computed; a text in the guise of one is the text."""
    if not cell.startswith("="):
        return cell
    quoted = _QUOTED.fullmatch(cell)
    return quoted[1] if quoted else Flawed(cell, Flaw.FORMULA)
