"""CSV as people send it: letters, separators, quotes, and what is no table at all."""

import codecs
import csv
import io
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.sheets import comma, opening
from portal.sheets.opening import Reading
from portal.sheets.table import (
    LONGEST_CELL,
    MOST_COLUMNS,
    Flaw,
    Flawed,
    NotATable,
    Row,
    Why,
)
from portal.sheets.writing import line

LINES = "رقم الترخيص;الشارع\r\n215;شارع الجيش\r\n"
ROWS = [(1, ["رقم الترخيص", "الشارع"]), (2, ["215", "شارع الجيش"])]


def read(content: bytes, reading: Reading | None = None) -> list[Row]:
    file = io.BytesIO(content)
    return list(opening.open_table(file, reading or opening.guess(file)).rows())


def refused(content: bytes, reading: Reading | None = None) -> Why:
    with pytest.raises(NotATable) as told:
        read(content, reading)
    return told.value.why


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (LINES.encode(), "utf-8"),
        (codecs.BOM_UTF8 + LINES.encode(), "utf-8"),
        (LINES.encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_BE + LINES.encode("utf-16-be"), "utf-16"),
        (LINES.encode("utf-16-le"), "utf-16"),
        (LINES.encode("utf-16-be"), "utf-16"),
        (LINES.encode("windows-1256"), "windows-1256"),
        (LINES.encode("iso-8859-6"), "iso-8859-6"),
        (LINES.encode("cp720"), "cp720"),
    ],
    ids=[
        *("utf-8", "with a mark", "utf-16", "big end", "le unmarked", "be unmarked"),
        *("windows", "iso", "dos"),
    ],
)
def test_the_letters_are_found_out(content: bytes, encoding: str) -> None:
    assert opening.guess(io.BytesIO(content)) == Reading("csv", 0, encoding, ";")
    assert read(content) == ROWS


@pytest.mark.parametrize("separator", comma.SEPARATORS)
def test_the_separator_is_found_out_though_others_stand_in_quotes(separator: str) -> None:
    made = io.StringIO(newline="")
    rows = [["a", "b", "c"], ["1,2;3\t4", "x", "y"], ["5,6,7,8", "x", "y"]]
    csv.writer(made, delimiter=separator).writerows(rows)
    assert [cells for _, cells in read(made.getvalue().encode())] == rows


@pytest.mark.parametrize("said", [b"sep=;", b"SEP=;", b'"sep=;"', b"\xef\xbb\xbfsep=;"])
def test_a_line_that_names_the_separator_is_no_row_and_keeps_its_number(said: bytes) -> None:
    assert read(said + b"\r\na,b;c\r\n1;2\r\n") == [(2, ["a,b", "c"]), (3, ["1", "2"])]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_in_every_way_and_a_file_as_dos_ended_it(end: str) -> None:
    rows = [(1, ["a", "b"]), (2, ["1", "x"])]
    assert read(f"a;b{end}1;x{end}".encode()) == rows
    assert read(f"a;b{end}1;x{end}\x1a".encode()) == rows


def test_a_quotation_mark_that_takes_in_rows_is_told_and_a_line_within_a_cell_is_not() -> None:
    rows = read(
        b'number,year,street,owner\r\n1,1998,"first, second\r\nthird, fourth",x\r\n'
        b'2,1998,"street,x\r\n3,1998,street,x\r\n4,1998,other",x\r\n5,1998,s,x\r\n'
    )
    assert [(number, flaws(cells)) for number, cells in rows] == [
        (1, [None] * 4),
        (2, [None] * 4),
        (3, [Flaw.SWALLOWED] * 4),
        (4, [None] * 4),
    ]


def test_a_quotation_mark_that_nobody_closes_takes_in_the_rest_and_is_told() -> None:
    rows = read(b'a,b,c\r\n1,"x,y\r\n2,x,y\r\n3,x,y\r\n')
    assert [flaws(cells) for _, cells in rows] == [[None] * 3, [Flaw.SWALLOWED] * 2]


def test_letters_that_were_lost_are_told_by_cell_and_the_others_are_read() -> None:
    broken = LINES.encode() + "216;شارع النيل\r\n217;".encode() + b"\xd8 \xff\r\n"
    rows = read(broken)
    assert rows[:3] == [*ROWS, (3, ["216", "شارع النيل"])]
    assert flaws(rows[3][1]) == [None, Flaw.DAMAGED]
    assert flaws(read(LINES.replace("ش", "\ufffd", 1).encode())[0][1]) == [None, Flaw.DAMAGED]


def test_what_the_portal_wrote_against_formulas_is_taken_back() -> None:
    """Rows that were left out are handed out as a file, to be mended and sent again."""
    cells = ["-شارع", "+cmd|x", "=1+1", "'215", "215", "@x"]
    ((_, found),) = read(line(cells))
    assert found == cells
    assert flaws(found) == [None, None, Flaw.FORMULA, None, None, None]


def flaws(cells: list[str]) -> list[Flaw | None]:
    return [getattr(cell, "flaw", None) for cell in cells]


def test_rows_count_as_a_sheet_counts_them_with_breaks_in_quotes_and_empty_ones() -> None:
    content = b'a,b\r\n"x\r\ny",1\r\n\r\n,\r\nlast\r\nmore,than,asked\r\n'
    assert read(content) == [
        (1, ["a", "b"]),
        (2, ["x\r\ny", "1"]),
        (5, ["last"]),
        (6, ["more", "than", "asked"]),
    ]


def test_a_formula_is_told_and_a_text_in_its_guise_is_the_text() -> None:
    ((_, cells),) = read(b'=1+1,="00215",a=b\r\n')
    assert cells == ["=1+1", "00215", "a=b"]
    assert isinstance(cells[0], Flawed)
    assert cells[0].flaw is Flaw.FORMULA
    assert [type(cell) for cell in cells[1:]] == [str, str]


def test_a_cell_that_is_too_long_is_cut_and_told() -> None:
    ((_, cells),) = read(b"a," + b"x" * (LONGEST_CELL + 1) + b"," + b"y" * LONGEST_CELL)
    assert [len(cell) for cell in cells] == [1, LONGEST_CELL, LONGEST_CELL]
    assert isinstance(cells[1], Flawed)
    assert not isinstance(cells[2], Flawed)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", Why.EMPTY),
        (b" \r\n\t", Why.EMPTY),
        (b"%PDF-1.4\n" + b"stream of letters\n" * 50, Why.UNKNOWN),
        (b"GIF89a" + b"picture" * 50, Why.UNKNOWN),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"picture" * 50, Why.UNKNOWN),
        (b'{"permits": [1, 2]}', Why.UNKNOWN),
        ("رقم;شارع".encode("utf-32"), Why.UNKNOWN),
        (b"<html><table><tr><td>1</td></tr></table></html>", Why.WEB_PAGE),
        (b'\xef\xbb\xbf\r\n<?xml version="1.0"?><Workbook/>', Why.WEB_PAGE),
        (b"%PDF-1.7\n" + bytes(range(32)) * 40, Why.UNKNOWN),
        (b'a,b\n1,"never closed\n' + b"x,y\n" * 60_000, Why.QUOTE),
        (b"a,b\n" + b"x" * 3_000_000, Why.QUOTE),
        (b",".join([b"x"] * (MOST_COLUMNS + 1)), Why.COLUMNS),
    ],
    ids=[
        *("nothing", "blank", "pdf", "gif", "jpeg", "json", "utf-32", "html", "xml"),
        *("binary", "quote", "line", "columns"),
    ],
)
def test_what_is_no_table_is_refused_with_its_reason(content: bytes, why: Why) -> None:
    assert refused(content) == why


def test_as_many_rows_and_columns_as_are_allowed_are_read_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(comma, "MOST_ROWS", 20)
    assert len(read(b"a,b\n" * 21)) == 21, "and one of headings"
    assert refused(b"a,b\n" * 22) == Why.ROWS
    assert len(read(b",".join([b"x"] * MOST_COLUMNS) + b",,,,\n")[0][1]) == MOST_COLUMNS


def test_letters_of_another_encoding_than_was_chosen_are_told_not_guessed() -> None:
    reading = Reading("csv", 0, "utf-8", ";")
    assert refused(LINES.encode("windows-1256"), reading) == Why.ENCODING
    assert refused(b"a;b", Reading("csv", 0, "utf-16", ";")) == Why.ENCODING


def test_a_nought_byte_is_a_cell_to_be_mended_not_the_end_of_the_file() -> None:
    many = b"number,street\n" + b"1,x\n" * 50
    rows = read(many + b"2,a\x00b\n3,c\n")
    assert rows[-2:] == [(52, ["2", "a\x00b"]), (53, ["3", "c"])]


# no line ends: how many separators stand behind one decides what it is
CELLS = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n\x00\x1a\ufffd"), max_size=8
).filter(lambda text: not text.lower().startswith(("=", "'", "sep=")))


@settings(max_examples=40)
@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=5), st.booleans())
def test_what_a_program_writes_is_read_as_it_was(rows: list[list[str]], marked: bool) -> None:
    made = io.StringIO(newline="")
    csv.writer(made).writerows(rows)
    content = made.getvalue().encode("utf-8-sig" if marked else "utf-8")
    found = read(content, Reading("csv", 0, "utf-8", ","))
    meant = [(n, cells) for n, cells in enumerate(rows, 1) if any(cells)]
    if not marked and meant and made.getvalue().startswith("\ufeff"):
        meant[0][1][0] = meant[0][1][0].removeprefix("\ufeff")
    assert found == meant


@given(st.binary(max_size=400))
def test_whatever_the_bytes_are_the_answer_is_rows_or_a_reason(content: bytes) -> None:
    file = io.BytesIO(content)
    with suppress(NotATable):
        rows = opening.open_table(file, opening.guess(file)).rows()
        assert all(any(cells) for _, cells in rows)
