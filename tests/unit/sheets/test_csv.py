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
    ],
    ids=["utf-8", "with a mark", "utf-16", "big end", "le unmarked", "be unmarked", "windows"],
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


def test_a_line_that_names_the_separator_is_no_row_and_keeps_its_number() -> None:
    assert read(b"sep=;\r\na,b;c\r\n1;2\r\n") == [(2, ["a,b", "c"]), (3, ["1", "2"])]


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
        (b"%PDF-1.7\n" + bytes(range(32)) * 40, Why.UNKNOWN),
        (b'a,b\n1,"never closed\n' + b"x,y\n" * 60_000, Why.QUOTE),
        (b"a,b\n" + b"x" * 3_000_000, Why.QUOTE),
        (b",".join([b"x"] * (MOST_COLUMNS + 1)), Why.COLUMNS),
    ],
    ids=["nothing", "blank", "binary", "quote", "line", "columns"],
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


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=8).filter(
    lambda text: not text.startswith(("=", "sep="))
)


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
