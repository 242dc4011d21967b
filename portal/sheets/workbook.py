"""XLSX workbooks: their sheets, and in which styles a number is a day."""

import re
from dataclasses import dataclass
from functools import cached_property
from posixpath import basename, dirname, join, normpath
from typing import BinaryIO

from portal.sheets.cells import SheetTable
from portal.sheets.package import Element, Package
from portal.sheets.readers import Readers
from portal.sheets.table import NotATable, Why
from portal.sheets.texts import SharedTexts

_WORKBOOK = "xl/workbook.xml"
_LONGEST_SHEET_NAME = 31
_MOST_SHEETS = 200
# Formats of days that every program knows by their number (18.8.30)
_DAYS = frozenset({*range(14, 18), 22, *range(27, 37), *range(50, 59)})
# in a format: what is quoted, escaped or in brackets is no part of a day
_NOT_FORMAT = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
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
        self._part = self._workbook()
        if self._part not in self._package:
            raise NotATable(Why.BROKEN)
        self._links = self._package.elements(
            join(dirname(self._part), "_rels", f"{basename(self._part)}.rels"), "Relationship"
        )
        elements = self._package.elements(self._part, "workbookPr", "sheet")
        self.epoch_1904 = any(
            name == "workbookPr" and attributes.get("date1904") in {"1", "true", "on"}
            for name, attributes, _ in elements
        )
        self.sheets = self._sheets(elements)
        if not self.sheets:
            raise NotATable(Why.NO_SHEET)

    def _workbook(self) -> str:
        """Nearly all programs put it into the same place; the archive says where it is."""
        for _, said, _ in self._package.elements("_rels/.rels", "Relationship"):
            if said.get("Type", "").endswith("/officeDocument"):
                return normpath(join("/", said.get("Target", ""))).lstrip("/")
        return _WORKBOOK

    def _linked(self, kind: str) -> dict[str, str]:
        """The parts of a kind, by the names of their links."""
        folder = join("/", dirname(self._part))
        return {
            said.get("Id", ""): normpath(join(folder, said.get("Target", ""))).lstrip("/")
            for _, said, _ in self._links
            if said.get("Type", "").endswith(f"/{kind}") and said.get("TargetMode") != "External"
        }

    def _sheets(self, elements: list[Element]) -> list[Sheet]:
        parts = self._linked("worksheet")
        found: list[Sheet] = []
        for name, attributes, _ in elements:
            if name != "sheet":
                continue
            key = next((v for k, v in attributes.items() if k.rpartition(":")[2] == "id"), "")
            part = parts.get(key, "")
            if part in self._package and len(found) < _MOST_SHEETS:
                title = attributes.get("name", "")[:_LONGEST_SHEET_NAME]
                found.append(Sheet(title, attributes.get("state", "visible") != "visible", part))
        return found

    def _one(self, kind: str, usual: str) -> str:
        """A part that there is once, where it lies in nearly all workbooks if nothing is said."""
        return next(iter(self._linked(kind).values()), join(dirname(self._part), usual))

    def table(self, index: int) -> SheetTable:
        if not 0 <= index < len(self.sheets):
            raise NotATable(Why.NO_SHEET)
        return SheetTable(
            self._package, self.sheets[index].part, self.readers, epoch_1904=self.epoch_1904
        )

    @cached_property
    def day_styles(self) -> frozenset[str]:
        """The numbers of the styles in which a number is a day."""
        styles_part = self._one("styles", "styles.xml")
        formats, styles, position = dict[str, str](), set[str](), 0
        for name, attributes, around in self._package.elements(styles_part, *_OF_STYLES):
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
    def readers(self) -> Readers:
        texts = SharedTexts(self._package, self._one("sharedStrings", "sharedStrings.xml"))
        return Readers(texts, self.day_styles, epoch_1904=self.epoch_1904)


def _is_day(code: str) -> bool:
    plain = _NOT_FORMAT.sub("", code).lower()
    return "y" in plain or ("d" in plain and "m" in plain)
