"""The ZIP file that an XLSX workbook is: bounded before anything in it is unpacked."""

import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import BinaryIO
from xml.parsers import expat

from portal.sheets.table import NotATable, Why

_MOST_ENTRIES = 2000
_MOST_DIRECTORY = 1 << 20
_MOST_UNPACKED = 700_000_000  # 200,000 rows of 30 cells, as Excel writes them, are a third of it
_MOST_RATIO = 150
_RATIO_FROM = 1 << 20  # a small part may be packed as tightly as it likes
_MOST_DEPTH = 64
_MOST_NAMES = 1000
_MOST_ELEMENTS = 100_000
_CHUNK = 1 << 16
_MOST_SILENT = 1 << 21
_MOST_SMALL = 1 << 23
_END = b"PK\x05\x06"
_END_64 = b"PK\x06\x07"
_END_BYTES = 22
_LONGEST_COMMENT = 1 << 16

Attributes = dict[str, str]
Element = tuple[str, Attributes, str]
"""Name, attributes, and the wanted element round it; names without their prefix."""


class Package:
    """The parts of a workbook, by their names in small letters."""

    def __init__(self, file: BinaryIO) -> None:
        """Raises :class:`NotATable`."""
        _check_end(file)
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
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

    def parse(self, name: str, parser: "Parser") -> Iterator[None]:
        """Feed a part to the parser, chunk by chunk; raises :class:`NotATable`."""
        for chunk in self._chunks(name):
            parser.feed(chunk)
            yield
        parser.feed(b"", last=True)
        yield

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
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
            raise NotATable(Why.BROKEN) from error
        except Exception as error:
            if type(error).__module__ == "zlib":
                raise NotATable(Why.BROKEN) from error
            raise


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


class Parser:
    """Expat without what a table does not need: no document type, hence no entity; no depth.

    ``begins`` and ``ends`` are what to call for elements, by their names without a prefix; others
    are passed over. ``text`` is called with every text.
    """

    def __init__(
        self,
        begins: Mapping[str, Callable[[Attributes], None]],
        ends: Mapping[str, Callable[[], object]],
        text: Callable[[str], None],
    ) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        self._parser, self._silent, self._last = parser, 0, 0
        self._opened: Callable[[], int] = lambda: count
        depth = count = 0
        known: dict[
            str, tuple[Callable[[Attributes], None] | None, Callable[[], object] | None]
        ] = {}

        def opened(name: str, attributes: Attributes) -> None:
            nonlocal depth, count
            depth += 1
            count += 1
            found = known.get(name)
            if found is None:
                if len(known) >= _MOST_NAMES:
                    raise NotATable(Why.BROKEN)
                local = name.rpartition(":")[2]
                found = begins.get(local), ends.get(local)
                known[name] = found
            if depth > _MOST_DEPTH:
                raise NotATable(Why.BROKEN)
            if found[0] is not None:
                found[0](attributes)

        def closed(name: str) -> None:
            nonlocal depth
            depth -= 1
            act = known[name][1]
            if act is not None:
                act()

        parser.StartElementHandler = opened
        parser.EndElementHandler = closed
        parser.CharacterDataHandler = text
        parser.StartDoctypeDeclHandler = _refuse
        parser.XmlDeclHandler = _only_utf8

    def feed(self, chunk: bytes, *, last: bool = False) -> None:
        try:
            self._parser.Parse(chunk, last)
        except expat.ExpatError as error:
            raise NotATable(Why.BROKEN) from error
        opened = self._opened()
        self._silent = self._silent + len(chunk) if opened == self._last else 0
        self._last = opened
        if self._silent > _MOST_SILENT:  # one tag, comment or text of megabytes
            raise NotATable(Why.BROKEN)


def _refuse(*_: object) -> None:
    raise NotATable(Why.BROKEN)


def _only_utf8(_version: str, encoding: str | None, _alone: int) -> None:
    if encoding is not None and encoding.lower() not in {"utf-8", "us-ascii"}:
        raise NotATable(Why.BROKEN)
