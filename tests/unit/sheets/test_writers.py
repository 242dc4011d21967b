"""Workbooks as the libraries write them that programs are made with: read as they were meant."""

import io
from collections.abc import Callable, Sequence
from datetime import date, datetime, time

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.worksheet.formula import ArrayFormula
from openpyxl.worksheet.worksheet import Worksheet

from portal.sheets import opening
from portal.sheets.table import Flaw, Flawed, NotATable, Row, Why

Value = str | int | float | bool | date | None
Write = Callable[[Sequence[Sequence[Value]]], bytes]


def by_openpyxl(rows: Sequence[Sequence[Value]], *, streamed: bool = False) -> bytes:
    book = openpyxl.Workbook(write_only=streamed)
    sheet = book.create_sheet() if streamed else book.worksheets[0]
    for row in rows:
        sheet.append(list(row))
    return saved(book)


def saved(book: openpyxl.Workbook) -> bytes:
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def by_xlsxwriter(rows: Sequence[Sequence[Value]], **options: bool) -> bytes:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True, **options}) as book:
        sheet = book.add_worksheet("البيانات")
        day = book.add_format({"num_format": "[$-,101]dd/mm/yyyy;@"})
        for down, row in enumerate(rows):
            for across, value in enumerate(row):
                if isinstance(value, date):
                    sheet.write_datetime(down, across, value, day)
                elif isinstance(value, str):
                    sheet.write_string(down, across, value)
                else:
                    sheet.write(down, across, value)
    return target.getvalue()


WRITERS: dict[str, Write] = {
    "openpyxl": by_openpyxl,
    "openpyxl streamed": lambda rows: by_openpyxl(rows, streamed=True),
    "xlsxwriter": by_xlsxwriter,
    "xlsxwriter streamed": lambda rows: by_xlsxwriter(rows, constant_memory=True),
    "xlsxwriter zip64": lambda rows: by_xlsxwriter(rows, use_zip64=True),
}


def read(content: bytes) -> list[Row]:
    file = io.BytesIO(content)
    return list(opening.open_table(file, opening.guess(file)).rows())


def meant(value: Value) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else format(value, ".15g")
    return "" if value is None else str(value)


_TEXTS = st.text(
    st.characters(
        codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff\ufffd"
    ),
    max_size=12,
).filter(lambda text: not text.startswith("=") and "_x" not in text)
_VALUES = st.one_of(
    st.none(),
    _TEXTS,
    st.sampled_from(["٥٦/م لسنة ١٩٩٨", "شارع الجيش", " a ", "a & b < c", "\u200f215", "a\nb"]),
    st.integers(-(10**14), 10**14),
    st.decimals(-(10**6), 10**6, places=2).map(float),
    st.booleans(),
    st.dates(date(1900, 3, 1), date(2199, 12, 31)),
)


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_what_a_library_writes_is_read_as_it_was_meant(name: str, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.lists(_VALUES, min_size=1, max_size=6), min_size=1, max_size=12))
    found = dict(read(WRITERS[name](rows)))
    for number, row in enumerate(rows, start=1):
        cells = [meant(value) for value in row]
        shown = found.pop(number, [])
        assert shown[: len(cells)] + [""] * (len(cells) - len(shown)) == cells
    assert not found


@pytest.mark.parametrize("name", WRITERS)
def test_long_runs_of_alike_rows_are_read_to_their_end(name: str) -> None:
    rows: list[list[Value]] = [["رقم", "تاريخ", "شارع", "مساحة"]]
    rows += [[n, date(1998, 1, 1 + n % 28), f"شارع {n % 7}", n + 0.5] for n in range(1, 600)]
    assert [cells for _, cells in read(WRITERS[name](rows))] == [
        [meant(value) for value in row] for row in rows
    ]


def sheet_of(fill: Callable[[Worksheet], None]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for n in range(1, 10):
        sheet.append([n, n, n])
    fill(sheet)
    return saved(book)


def flaws(content: bytes) -> dict[str, Flaw]:
    return {
        f"{'ABC'[position]}{number}": cell.flaw
        for number, cells in read(content)
        for position, cell in enumerate(cells)
        if isinstance(cell, Flawed)
    }


def test_formulas_of_one_cell_and_of_many_are_told_with_and_without_their_results() -> None:
    def fill(sheet: Worksheet) -> None:
        sheet["A2"] = "=1+1"  # the library works nothing out: there is no result
        sheet["B4"] = ArrayFormula("B4:B6", "=A4:A6*2")
        sheet["C9"].value, sheet["C9"].data_type = "#REF!", "e"

    assert flaws(sheet_of(fill)) == {
        "A2": Flaw.FORMULA,
        **dict.fromkeys(("B4", "B5", "B6"), Flaw.FORMULA),
        "C9": Flaw.ERROR,
    }
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        sheet = book.add_worksheet()
        for n in range(9):
            sheet.write_row(n, 0, [n, n, n])
        sheet.write_formula("A2", '=IF(A1>1,"<&>","")', None, 7)
        sheet.write_array_formula("B4:B5", "{=A4:A5}", None, 3)
        sheet.write_dynamic_array_formula("C7:C8", "=SEQUENCE(2)", None, 1)
    assert set(flaws(target.getvalue())) == {"A2", "B4", "B5", "C7", "C8"}


def test_pieces_lines_and_hours_in_a_cell_are_read_and_nothing_of_its_looks() -> None:
    def fill(sheet: Worksheet) -> None:
        sheet["A1"] = CellRichText("شارع ", TextBlock(InlineFont(b=True), "الجيش"))
        sheet["A2"] = "سطر\nثان"
        sheet["A3"] = datetime(1998, 3, 15, 13, 30)  # noqa: DTZ001 - a sheet knows no zone
        sheet["A4"] = time(13, 30)
        sheet["A5"] = date(2999, 1, 1)
        sheet["A6"].hyperlink = "https://example.org"

    found = [cells[0] for _, cells in read(sheet_of(fill))]
    assert found[:6] == ["شارع الجيش", "سطر\nثان", "1998-03-15", "0.5625", "2999-01-01", "6"]


def test_days_of_the_other_epoch_are_the_same_days() -> None:
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    book.worksheets[0].append([date(1998, 3, 15)])
    assert read(saved(book)) == [(1, ["1998-03-15"])]


def test_a_hidden_sheet_is_not_read_first_and_a_chart_is_no_sheet() -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["hidden"])
    book.worksheets[0].sheet_state = "hidden"
    book.create_chartsheet("chart")
    book.create_sheet("shown").append(["shown"])
    content = saved(book)
    assert read(content) == [(1, ["shown"])]
    assert [sheet.name for sheet in opening.sheets_of(io.BytesIO(content))] == ["Sheet", "shown"]


def test_empty_cells_with_a_style_are_no_columns() -> None:
    def fill(sheet: Worksheet) -> None:
        for across in range(1, 16_385):
            sheet.cell(2, across).number_format = "0.00"

    assert [len(cells) for _, cells in read(sheet_of(fill))] == [3] * 9


def test_a_value_in_a_far_column_is_refused() -> None:
    def fill(sheet: Worksheet) -> None:
        sheet["XFD5"] = 1

    with pytest.raises(NotATable) as told:
        read(sheet_of(fill))
    assert told.value.why is Why.COLUMNS


def test_a_workbook_with_macros_is_refused_under_any_name() -> None:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        book.add_worksheet().write(0, 0, "a")
        book.add_vba_project(io.BytesIO(b"\xd0\xcf\x11\xe0" + bytes(500)), is_stream=True)
    with pytest.raises(NotATable) as told:
        read(target.getvalue())
    assert told.value.why is Why.MACROS
