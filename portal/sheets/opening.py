"""A file that somebody sent: what it is, and how it is to be read."""

from codecs import BOM_UTF8
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

from portal.sheets import comma
from portal.sheets.comma import CommaTable
from portal.sheets.table import MOST_BYTES, NotATable, Row, Table, Why
from portal.sheets.workbook import Sheet, Workbook

_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LOCKED = "EncryptedPackage".encode("utf-16-le")
_HEAD = 1 << 16
_LOOKED_AT = 2000
# what is no table though its octets could be letters: pictures, documents, archives, data
_OTHERS = (b"%PDF", b"GIF8", b"\x89PNG", b"\xff\xd8\xff", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b")
_PAGES = (b"<!doctype", b"<html", b"<table", b"<?xml", b"<workbook", b"mime-version")


@dataclass(frozen=True)
class Reading:
    """How a file is read: a sheet of a workbook, or a text by its encoding and separator."""

    kind: str
    sheet: int = 0
    encoding: str = ""
    separator: str = ""

    @classmethod
    def of(cls, kind: str, values: dict[str, Any]) -> "Reading":
        return cls(kind, values["sheet"], values["encoding"], values["separator"])


def kind_of(file: BinaryIO) -> str:
    """``xlsx`` or ``csv``, by what is in it; raises :class:`NotATable`."""
    size = file.seek(0, 2)
    if not size:
        raise NotATable(Why.EMPTY)
    if size > MOST_BYTES:
        raise NotATable(Why.TOO_LARGE)
    file.seek(0)
    head = file.read(_HEAD)
    if head.startswith(_COMPOUND):  # a workbook with a password is wrapped like an old one
        raise NotATable(Why.LOCKED if _holds(file, _LOCKED) else Why.OLD)
    if head.startswith(b"PK\x03\x04"):
        return "xlsx"
    begin = head[:64].removeprefix(BOM_UTF8).lstrip().lower()
    if begin.startswith(_PAGES):
        raise NotATable(Why.WEB_PAGE)
    if head.startswith(_OTHERS) or begin.startswith((b"{", b"[{")):
        raise NotATable(Why.UNKNOWN)
    return "csv"


def _holds(file: BinaryIO, wanted: bytes) -> bool:
    file.seek(0)
    before = b""
    while chunk := file.read(_HEAD):
        if wanted in before + chunk:
            return True
        before = chunk[-len(wanted) :]
    return False


def guess(file: BinaryIO) -> Reading:
    """How the file is most likely read; raises :class:`NotATable`."""
    if kind_of(file) == "xlsx":
        shown = [i for i, sheet in enumerate(Workbook(file).sheets) if not sheet.hidden]
        return Reading("xlsx", sheet=shown[0] if shown else 0)
    encoding = comma.detect_encoding(file)
    return Reading("csv", encoding=encoding, separator=comma.detect_separator(file, encoding))


def sheets_of(file: BinaryIO) -> list[Sheet]:
    """The sheets of a workbook; raises :class:`NotATable`."""
    return Workbook(file).sheets


def open_table(file: BinaryIO, reading: Reading) -> Table:
    """The table; raises :class:`NotATable`."""
    if reading.kind == "xlsx":
        return Workbook(file).table(reading.sheet)
    return CommaTable(file, reading.encoding, reading.separator)


def first_rows(file: BinaryIO, reading: Reading, count: int) -> list[Row]:
    """The first rows that hold something, none further down than anybody would look; raises
    :class:`NotATable`."""
    with closing(open_table(file, reading).rows(until=_LOOKED_AT)) as rows:
        return list(islice(rows, count))
