"""CSV as programs of many years write it: in four families of letters, with four separators."""

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
    told,
)
from portal.sheets.writing import safe

ENCODINGS = ("utf-8", "windows-1256", "utf-16", "iso-8859-6", "cp720")
SEPARATORS = (",", ";", "\t", "|")
_OF_ONE_BYTE = ("windows-1256", "iso-8859-6", "cp720")
_CHUNK = 1 << 20
_HEAD = 1 << 16
_LONGEST_LINE = 1 << 20
_SAMPLE_ROWS = 20
_SAYS_SEPARATOR = re.compile(r'"?sep=([,;\t|])"?[\r\n]*', re.IGNORECASE)
_LINE_END = re.compile(r"[\r\n]")
_END_OF_FILE = ["\x1a"]  # as DOS wrote it
# letters of two and three octets; letters of one octet stand so only by chance
_WIDE = re.compile(rb"[\xc3-\xdf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}")
# what programs write so that a spreadsheet leaves leading noughts alone: ="00215"
_QUOTED = re.compile(r'="([^"]*)"')
# no letter of any alphabet, and nothing that a table has
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x19\x1b-\x1f]")


def detect_encoding(file: BinaryIO) -> str:
    """One of :data:`ENCODINGS`; raises :class:`NotATable` for what is no text at all."""
    file.seek(0)
    head = file.read(_HEAD)
    if not head.strip():
        raise NotATable(Why.EMPTY)
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise NotATable(Why.UNKNOWN)
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
        if not _is_wide(head):
            return max(_OF_ONE_BYTE, key=lambda name: _likely(head, name))
    return "utf-8"


def _is_wide(head: bytes) -> bool:
    """Whether it is UTF-8 but for some letters that were damaged."""
    high = sum(1 for octet in head if octet > 127)
    wide = sum(map(len, _WIDE.findall(head)))
    return high > 0 and wide > high * 0.9


def _likely(head: bytes, encoding: str) -> int:
    """How often the article stands in what is read so: in Arabic more than anything by chance."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(head).count("ال")
    except UnicodeDecodeError:
        return -1


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

    def rows(self, until: int | None = None) -> Generator[Row]:
        self._file.seek(0)
        wide = self._encoding == "utf-8" and _is_wide(self._file.read(_HEAD))
        text = _text(self._file, self._encoding, "replace" if wide else "strict")
        try:
            for row in self._rows(text):
                if until is not None and row[0] > until:
                    return
                yield row
        except UnicodeError as error:
            raise NotATable(Why.ENCODING) from error
        except csv.Error as error:
            raise NotATable(Why.QUOTE) from error
        finally:
            text.detach()

    def _rows(self, text: io.TextIOWrapper) -> Iterator[Row]:
        count, longest, width, line = 0, LONGEST_CELL, 0, 0
        reader = csv.reader(self._lines(text), delimiter=self._separator)
        for number, cells in enumerate(reader, start=1):
            lines, line = reader.line_num - line, reader.line_num
            if self._odd:
                self._odd = False
                cells = [_read_odd(cell) for cell in cells]  # noqa: PLW2901
            if not any(cells) or cells == _END_OF_FILE:
                continue
            width = max(width, len(cells))
            if lines > 1 and self._swallowed(cells, width):
                cells = [Flawed(cell[:longest], Flaw.SWALLOWED) for cell in cells]  # noqa: PLW2901
            if len(cells) > MOST_COLUMNS:
                while cells and not cells[-1]:
                    cells.pop()
                if len(cells) > MOST_COLUMNS:
                    raise NotATable(Why.COLUMNS)
            if max(map(len, cells)) > longest:
                cells = list(map(told, cells))  # noqa: PLW2901
            count += 1
            if count > MOST_ROWS + 1:  # and one of headings
                raise NotATable(Why.ROWS)
            yield number, cells

    def _swallowed(self, cells: list[str], width: int) -> bool:
        """Whether whole rows stand in one cell."""
        most = max(2, width // 2)
        return any(
            line.count(self._separator) >= most
            for cell in cells
            for line in _LINE_END.split(cell)[1:]
        )

    def _lines(self, text: io.TextIOWrapper) -> Iterator[str]:
        first = True
        while line := text.readline(_LONGEST_LINE):
            if len(line) >= _LONGEST_LINE:
                raise NotATable(Why.QUOTE)
            if first:
                first = False
                if _SAYS_SEPARATOR.fullmatch(line):
                    line = "\n"  # it keeps its number, as a spreadsheet that opens it again counts
            if "=" in line or "'" in line or "\ufffd" in line:
                self._odd = True
            yield line


def _read_odd(cell: str) -> str:
    """A formula is told, never computed; a text in the guise of one is the text."""
    if cell.startswith("'") and cell != safe(cell[1:]):
        return told(cell)
    plain = cell.removeprefix("'") if cell.startswith("'") else cell
    if not plain.startswith("="):
        return told(plain)
    quoted = _QUOTED.fullmatch(plain)
    return quoted[1] if quoted else Flawed(plain, Flaw.FORMULA)
