"""The ZIP file that an XLSX workbook is: bounded before anything in it is unpacked."""

import struct
import zipfile
import zlib
from codecs import getincrementaldecoder
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

from portal.sheets.markup import Attributes, Parser
from portal.sheets.table import NotATable, Why

_MOST_ENTRIES = 2000
_MOST_DIRECTORY = 1 << 20
_MOST_UNPACKED = 700_000_000  # 200,000 rows of 30 cells, as Excel writes them, are a third of it
_MOST_RATIO = 150
_RATIO_FROM = 1 << 20  # a small part may be packed as tightly as it likes
_MOST_ELEMENTS = 100_000
_CHUNK = 1 << 16
_MOST_SMALL = 1 << 23
_END = b"PK\x05\x06"
_END_64 = b"PK\x06\x07"
_END_BYTES = 22
_LONGEST_COMMENT = 1 << 16
# what the library raises for archives that were cut, changed or written by nobody's rule
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)

Element = tuple[str, Attributes, str]
"""Name, attributes, and the wanted element round it; names without their prefix."""


class Package:
    """The parts of a workbook, by their names in small letters."""

    def __init__(self, file: BinaryIO) -> None:
        """Raises :class:`NotATable`."""
        _check_end(file)
        try:
            self._zip = zipfile.ZipFile(file)
        except _UNREADABLE as error:
            raise NotATable(Why.BROKEN) from error
        entries = self._zip.infolist()
        self._parts = {each.filename.lower().lstrip("/"): each for each in entries}
        if len(self._parts) != len(entries):
            raise NotATable(Why.BROKEN)  # which of two would another program read?
        if any(each.flag_bits & 1 for each in entries):
            raise NotATable(Why.LOCKED)
        if sum(each.file_size for each in entries) > _MOST_UNPACKED:
            raise NotATable(Why.BOMB)
        for each in entries:
            if each.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise NotATable(Why.BROKEN)
            if each.file_size > max(_RATIO_FROM, each.compress_size * _MOST_RATIO):
                raise NotATable(Why.BOMB)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._parts

    @property
    def names(self) -> list[str]:
        return list(self._parts)

    def head(self, name: str, count: int) -> bytes:
        """The first bytes of a small part; none where there is no such part."""
        if name not in self:
            return b""
        return b"".join(self._chunks(name, count))[:count]

    def parse(self, name: str, parser: Parser) -> Iterator[None]:
        """Read a part by the parser, chunk by chunk; raises :class:`NotATable`."""
        return parser.read(self._texts(name))

    def elements(self, name: str, *wanted: str) -> list[Element]:
        """The wanted elements of a small part; none where there is no such part."""
        part = self._parts.get(name.lower())
        if part is None:
            return []
        if part.file_size > _MOST_SMALL:
            raise NotATable(Why.BOMB)
        found: list[Element] = []
        around = [""]

        def start(local: str, attributes: Attributes) -> None:
            if len(found) >= _MOST_ELEMENTS:
                raise NotATable(Why.BOMB)
            found.append((local, attributes, around[-1]))
            around.append(local)

        begins = {local: partial(start, local) for local in wanted}
        ends = dict.fromkeys(wanted, around.pop)
        for _ in self.parse(name, Parser(begins, ends, lambda _text: None)):
            pass
        return found

    def _texts(self, name: str) -> Iterator[str]:
        decode = getincrementaldecoder("utf-8")().decode
        try:
            for chunk in self._chunks(name):
                text = decode(chunk)
                if "\ufffe" in text or "\uffff" in text:  # no letters of XML
                    raise NotATable(Why.BROKEN)
                yield text
            yield decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise NotATable(Why.BROKEN) from error

    def _chunks(self, name: str, most: int | None = None) -> Iterator[bytes]:
        part = self._parts.get(name.lower())
        if part is None:
            raise NotATable(Why.BROKEN)
        read = 0
        try:
            with self._zip.open(part) as source:
                while chunk := source.read(_CHUNK):
                    yield chunk
                    read += len(chunk)
                    if most is not None and read >= most:
                        return
        except _UNREADABLE as error:
            raise NotATable(Why.BROKEN) from error


def _check_end(file: BinaryIO) -> None:
    """How many entries there are, before a table of a million of them is read into the memory."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END_BYTES - _LONGEST_COMMENT))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_BYTES:
        raise NotATable(Why.BROKEN)
    entries, directory = struct.unpack("<HI", tail[at + 10 : at + 16])
    if tail[max(0, at - 20) : at].startswith(_END_64):
        raise NotATable(Why.BOMB)
    if entries > _MOST_ENTRIES or directory > _MOST_DIRECTORY:
        raise NotATable(Why.BOMB)
