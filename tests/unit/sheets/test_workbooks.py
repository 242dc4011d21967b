"""XLSX workbooks, good ones and those that are made to do harm."""

import io
import struct
import tracemalloc
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, timedelta
from hashlib import shake_256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.sheets import opening
from portal.sheets.cells import SheetTable
from portal.sheets.opening import Reading
from portal.sheets.table import MOST_BYTES, MOST_COLUMNS, Flaw, Flawed, NotATable, Row, Why
from portal.sheets.values import day_of
from portal.sheets.workbook import Workbook
from tests.support.sheets import Raw, sheet_xml, workbook

SHEET = "xl/worksheets/sheet1.xml"
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def read(content: bytes, sheet: int = 0) -> list[Row]:
    return list(opening.open_table(io.BytesIO(content), Reading("xlsx", sheet)).rows())


def refused(content: bytes) -> Why:
    file = io.BytesIO(content)
    try:
        list(opening.open_table(file, opening.guess(file)).rows())
    except NotATable as told:
        return told.why
    raise AssertionError("it was read to its end")


def sheet_of(xml: str) -> bytes:
    """A workbook whose sheet is this XML."""
    return workbook(parts={SHEET: xml.encode()})


def cell(xml: str, **more: Any) -> str:
    (_, cells) = read(workbook([[Raw(xml)]], **more))[0]
    return cells[0]


# --- what stands in cells


def test_texts_numbers_and_gaps_are_read_as_they_stand() -> None:
    rows = read(workbook([["رقم", "", "شارع"], [], [215, 175.5, None, "x"]]))
    assert rows == [(1, ["رقم", "", "شارع"]), (3, ["215", "175.5", "", "x"])]


@pytest.mark.parametrize(
    ("xml", "text"),
    [
        ('<c r="{name}"><v>215.0</v></c>', "215"),
        ('<c r="{name}"><v>2.9001011234567E13</v></c>', "29001011234567"),
        ('<c r="{name}"><v>0.30000000000000004</v></c>', "0.3"),
        ('<c r="{name}"><v>1E999999999</v></c>', "inf"),
        ('<c r="{name}" t="s"><v>1</v></c>', "second"),
        ('<c r="{name}" t="b"><v>1</v></c>', "TRUE"),
        ('<c r="{name}" t="b"><v>0</v></c>', "FALSE"),
        ('<c r="{name}" t="str"><v>a_x000D__x005F_x000A_b</v></c>', "a\r_x000A_b"),
        ('<c r="{name}" t="d"><v>1998-03-15T00:00:00</v></c>', "1998-03-15"),
        ('<c r="{name}" s="1"><v>35869</v></c>', "1998-03-15"),
        ('<c r="{name}" s="2"><v>35869.75</v></c>', "1998-03-15"),
        ('<c r="{name}" s="0"><v>35869</v></c>', "35869"),
        (
            '<c r="{name}" t="inlineStr"><is><r><t>a</t></r><rPh><t>say</t></rPh></is></c>',
            "a",
        ),
    ],
)
def test_a_cell_is_what_its_kind_and_style_say(xml: str, text: str) -> None:
    assert cell(xml, shared=["first", "second"]) == text


def test_days_are_counted_from_1904_where_the_book_says_so() -> None:
    assert cell('<c r="{name}" s="1"><v>34407</v></c>', epoch_1904=True) == "1998-03-15"


@given(st.dates(date(1900, 3, 1), date(2200, 1, 1)))
def test_a_day_is_the_same_in_both_ways_of_counting(day: date) -> None:
    since = (day - date(1899, 12, 30)).days
    assert day_of(str(since), epoch_1904=False) == day.isoformat()
    if day > date(1904, 1, 1):
        assert day_of(str((day - date(1904, 1, 1)).days), epoch_1904=True) == day.isoformat()


def test_the_day_that_never_was_is_none_and_those_before_it_are_right() -> None:
    assert day_of("60", epoch_1904=False) is None
    assert day_of("59", epoch_1904=False) == "1900-02-28"
    assert day_of("1", epoch_1904=False) == (date(1899, 12, 31) + timedelta(days=1)).isoformat()
    assert day_of("9999999", epoch_1904=False) is None


@pytest.mark.parametrize(
    ("xml", "flaw"),
    [
        ('<c r="{name}"><f>SUM(B1:B9)</f><v>3</v></c>', Flaw.FORMULA),
        ('<c r="{name}"><f t="shared" si="0"/><v>3</v></c>', Flaw.FORMULA),
        ('<c r="{name}"><f>[1]Other!A1</f></c>', Flaw.FORMULA),
        ('<c r="{name}" t="e"><v>#REF!</v></c>', Flaw.ERROR),
        ('<c r="{name}" t="inlineStr"><is><t>' + "x" * 5000 + "</t></is></c>", Flaw.LONG),
    ],
)
def test_what_cannot_be_taken_is_told_cell_by_cell(xml: str, flaw: Flaw) -> None:
    found = cell(xml)
    assert isinstance(found, Flawed)
    assert found.flaw is flaw
    assert len(found) <= 2000


def test_joined_cells_and_hidden_rows_are_told_when_the_sheet_was_read() -> None:
    content = workbook([["a"], ["b"], ["c"]], merged=["A2:B3", "D4"], hidden=[2])
    table = Workbook(io.BytesIO(content)).table(0)
    assert isinstance(table, SheetTable)
    assert len(list(table.rows())) == 3
    assert table.hidden == 1
    assert [(m.first_row, m.first_column, m.last_row, m.last_column) for m in table.merged] == [
        (2, 0, 3, 1),
        (4, 3, 4, 3),
    ]
    assert table.merged[0].name == "A2:B3"


def test_sheets_are_named_and_the_first_that_is_seen_is_read_first() -> None:
    content = workbook([["a"]], names=["البيانات", "Other"])
    assert [sheet.name for sheet in opening.sheets_of(io.BytesIO(content))] == ["البيانات", "Other"]
    assert read(content, 1) == []
    with pytest.raises(NotATable):
        read(content, 2)


def test_a_strict_workbook_is_read_as_any_other() -> None:
    strict = "http://purl.oclc.org/ooxml/officeDocument/relationships"
    links = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{strict}/worksheet" Target="/xl/worksheets/sheet1.xml"/>'
        "</Relationships>"
    )
    xml = sheet_xml([[Raw('<c r="{name}" t="d"><v>1998-03-15</v></c>'), 1]])
    xml = xml.replace(
        "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        "http://purl.oclc.org/ooxml/spreadsheetml/main",
    )
    parts = {"xl/_rels/workbook.xml.rels": links.encode(), SHEET: xml.encode()}
    assert read(workbook(parts=parts)) == [(1, ["1998-03-15", "1"])]


def test_parts_are_found_where_the_archive_says_that_they_are() -> None:
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

    def links(**targets: str) -> bytes:
        made = "".join(
            f'<Relationship Id="{kind}" Type="{relation}/{kind}" Target="{target}"/>'
            for kind, target in targets.items()
        )
        return f"<Relationships>{made}</Relationships>".encode()

    parts = {
        "_rels/.rels": links(officeDocument="book/main.xml"),
        "book/main.xml": b'<workbook xmlns:r="r"><sheets><sheet name="A" r:id="worksheet"/>'
        b"</sheets></workbook>",
        "book/_rels/main.xml.rels": links(worksheet="one.xml", sharedStrings="/t/texts.xml"),
        "book/one.xml": sheet_xml([[Raw('<c r="{name}" t="s"><v>0</v></c>')]]).encode(),
        "t/texts.xml": b"<sst><si><t>found</t></si></sst>",
    }
    assert read(workbook(parts=parts)) == [(1, ["found"])]


def test_letters_that_were_lost_are_told_by_cell() -> None:
    found = cell('<c r="{name}" t="inlineStr"><is><t>a\ufffdb</t></is></c>')
    assert isinstance(found, Flawed)
    assert found.flaw is Flaw.DAMAGED


def test_rows_far_below_are_not_waited_for_when_the_first_are_looked_at() -> None:
    rows = "".join(f'<row r="{n}" s="1" customFormat="1"/>' for n in range(2, 50_000))
    last = '<row r="50000"><c r="A50000"><v>7</v></c></row>'
    first = '<row r="1"><c r="A1"><v>1</v></c></row>'
    content = io.BytesIO(broken_sheet(first + rows + last))
    reading = Reading("xlsx", 0)
    assert opening.first_rows(content, reading, 30) == [(1, ["1"])]
    assert len(list(opening.open_table(content, reading).rows())) == 2


def test_many_texts_take_no_memory_to_speak_of() -> None:
    texts = "".join(f"<si><t>{n}</t></si>" for n in range(400_000))
    content = workbook(
        [[Raw('<c r="{name}" t="s"><v>399999</v></c>')]],
        parts={"xl/sharedStrings.xml": f"<sst {_MAIN}>{texts}</sst>".encode()},
    )
    del texts
    tracemalloc.start()
    try:
        assert read(content) == [(1, ["399999"])]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3_000_000


def test_prefixes_of_names_make_no_difference() -> None:
    xml = (
        sheet_xml([[1, 2]])
        .replace("<", "<x:")
        .replace("<x:/", "</x:")
        .replace("xmlns=", "xmlns:x=")
    )
    assert read(sheet_of(xml)) == [(1, ["1", "2"])]


# --- what is refused


def broken_sheet(inside: str) -> bytes:
    return sheet_of(f"<worksheet {_MAIN}><sheetData>{inside}</sheetData></worksheet>")


ENTITIES = (
    '<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    f'<worksheet {_MAIN}><sheetData><row r="1"><c r="A1" t="str"><v>&b;</v></c></row></sheetData>'
    "</worksheet>"
)
OUTSIDE = (
    '<!DOCTYPE w [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    f'<worksheet {_MAIN}><sheetData><row r="1"><c r="A1" t="str"><v>&a;</v></c></row></sheetData>'
    "</worksheet>"
)
MACRO_TYPE = (
    '<Types><Override PartName="/xl/workbook.xml" ContentType="application/vnd.ms-excel.sheet.'
    'macroEnabled.main+xml"/></Types>'
)
WAYS: Mapping[str, tuple[bytes, Why]] = {
    "macros": (workbook(parts={"xl/vbaProject.bin": b"x"}), Why.MACROS),
    "macro type": (workbook(parts={"[Content_Types].xml": MACRO_TYPE.encode()}), Why.MACROS),
    "old macros": (workbook(parts={"xl/macrosheets/sheet1.xml": b"<x/>"}), Why.MACROS),
    "binary": (workbook(parts={"xl/workbook.bin": b"x"}), Why.OLD),
    "old": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000), Why.OLD),
    "password": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + bytes(65_500)
        + "EncryptedPackage".encode("utf-16-le"),
        Why.LOCKED,
    ),
    "calc": (
        workbook(parts={"mimetype": b"application/vnd.oasis.opendocument.spreadsheet"}),
        Why.OPEN_DOCUMENT,
    ),
    "entities": (sheet_of(ENTITIES), Why.BROKEN),
    "outside entity": (sheet_of(OUTSIDE), Why.BROKEN),
    "utf-16": (
        workbook(parts={SHEET: '<?xml version="1.0" encoding="utf-16"?><w/>'.encode("utf-16")}),
        Why.BROKEN,
    ),
    "deep": (broken_sheet("<a>" * 500 + "</a>" * 500), Why.BROKEN),
    "one long tag": (
        broken_sheet(f'<row x="{shake_256(b"x").hexdigest(2_500_000)}"/>'),
        Why.BROKEN,
    ),
    "many names": (broken_sheet("".join(f"<n{i}/>" for i in range(5000))), Why.BROKEN),
    "cut off": (sheet_of(sheet_xml([[1]])[:-20]), Why.BROKEN),
    "rows in disorder": (broken_sheet('<row r="5"/><row r="4"/>'), Why.BROKEN),
    "cells in disorder": (
        broken_sheet('<row r="1"><c r="B1"><v>1</v></c><c r="A1"><v>1</v></c></row>'),
        Why.BROKEN,
    ),
    "a cell nowhere": (broken_sheet('<row r="1"><c r="?1"><v>1</v></c></row>'), Why.BROKEN),
    "far right": (broken_sheet('<row r="1"><c r="XFD1"><v>1</v></c></row>'), Why.COLUMNS),
    "no such text": (broken_sheet('<row r="1"><c r="A1" t="s"><v>7</v></c></row>'), Why.BROKEN),
    "no sheet": (workbook(parts={"xl/workbook.xml": b"<workbook/>"}), Why.NO_SHEET),
    "no workbook": (workbook(parts={"xl/workbook.xml": b""}), Why.BROKEN),
    "cut archive": (workbook([[1]])[:-30], Why.BROKEN),
    "ratio": (workbook(parts={"xl/media/x": bytes(9_000_000)}), Why.BOMB),
}


@pytest.mark.parametrize("name", WAYS)
def test_a_workbook_that_is_made_to_do_harm_is_refused(name: str) -> None:
    content, why = WAYS[name]
    assert refused(content) == why


def test_as_many_columns_as_are_allowed_are_read() -> None:
    assert len(read(workbook([[1] * MOST_COLUMNS]))[0][1]) == MOST_COLUMNS


def _end(content: bytes, entries: int, directory: int) -> bytes:
    at = content.rindex(b"PK\x05\x06")
    return content[: at + 8] + struct.pack("<HHI", entries, entries, directory) + content[at + 16 :]


def test_a_directory_of_many_entries_is_refused_before_it_is_read() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for n in range(2100):
            archive.writestr(f"n{n}", b"")
    assert refused(target.getvalue()) == Why.BOMB
    assert refused(_end(workbook([[1]]), 3, 2_000_000)) == Why.BOMB


def test_a_directory_that_lies_about_its_place_is_told_not_followed() -> None:
    content = bytearray(workbook([[1]]))
    at = content.rindex(b"PK\x05\x06") + 16
    (place,) = struct.unpack_from("<I", content, at)
    struct.pack_into("<I", content, at, place + 29)
    assert refused(bytes(content)) == Why.BROKEN


def test_two_parts_of_one_name_are_refused() -> None:
    target = io.BytesIO(workbook([[1]]))
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(SHEET.upper(), sheet_xml([[2]]))
    assert refused(target.getvalue()) == Why.BROKEN


def test_a_part_that_says_it_is_locked_is_told_so() -> None:
    content = bytearray(workbook([[1]]))
    at = content.index(b"PK\x01\x02")
    content[at + 8] |= 1
    assert refused(bytes(content)) == Why.LOCKED


def test_a_file_that_is_too_large_is_refused_by_its_size_alone(tmp_path: Any) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with path.open("rb") as file, pytest.raises(NotATable) as told:
        opening.guess(file)
    assert told.value.why == Why.TOO_LARGE


def test_a_packed_bomb_of_texts_takes_no_memory_to_speak_of() -> None:
    """90 MB of texts in one cell's place, packed as tightly as the bounds let through."""
    noise = "".join(chr(0x30 + (i * i) % 75) for i in range(4096))
    xml = f"<sst {_MAIN}><si><t>{noise * 5000}</t></si></sst>"
    content = workbook([["a"]], parts={"xl/sharedStrings.xml": xml.encode()})
    del xml
    tracemalloc.start()
    try:
        found = None
        try:
            read(content)
        except NotATable as told:
            found = told.why
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found in {None, Why.BOMB}
    assert peak < 10_000_000


_SOME = workbook([["a", 1], ["b", 2.5]], shared=["x"], formulas={"B2": "1+1"})


@given(st.binary(max_size=300), st.integers(0, len(_SOME) - 1))
def test_bytes_that_were_changed_give_rows_or_a_reason(noise: bytes, at: int) -> None:
    content = bytearray(_SOME)
    content[at : at + len(noise)] = noise
    with suppress(NotATable):
        assert all(any(cells) for _, cells in read(bytes(content)))
