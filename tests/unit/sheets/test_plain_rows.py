"""Rows that are read by patterns: as the parser would have read them, and never where it is not
sure that they are rows."""

import io
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.sheets.found import Found
from portal.sheets.plain import PlainRows
from portal.sheets.table import Flaw, Flawed, NotATable, Row, Why
from portal.sheets.workbook import Workbook
from tests.support.sheets import column, workbook
from tests.unit.sheets.test_workbooks import SHEET, broken_sheet, read, refused

_SHARED = ["first", "شارع الجيش", "x" * 2001, ""]
Told = list[tuple[int, list[tuple[str, Flaw | None]]]] | Why


def told(content: bytes) -> Told:
    """All that is known of every row, or why there is none."""
    try:
        rows = read(content)
    except NotATable as error:
        return error.why
    return [
        (number, [(str(c), getattr(c, "flaw", None)) for c in trimmed(row)]) for number, row in rows
    ]


def trimmed(row: list[str]) -> list[str]:
    while row and not row[-1]:
        row = row[:-1]
    return row


def by_the_parser_alone(content: bytes, patch: pytest.MonkeyPatch) -> Told:
    with patch.context() as patched:
        patched.setattr(PlainRows, "take", lambda _self, _text, at: at)
        return told(content)


# --- what programs write

_TEXTS = st.text(
    st.characters(
        codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"
    ),
    max_size=5,
)
_CELLS = st.one_of(
    st.just(""),
    st.integers(-5, 99_999).map(lambda n: f"<v>{n}</v>"),
    st.sampled_from(["<v>215.0</v>", "<v>1E3</v>", "<v/>", "<v></v>", "<f>A1&amp;B1</f><v>3</v>"]),
    st.just('<f t="shared" si="0"/><v>7</v>'),
    st.just('<f t="array" ref="B2:C9">A1</f><v>7</v>'),
)


@st.composite
def cells(draw: st.DrawFn, number: int, alike: bool) -> str:
    made = []
    for position in range(5):
        if not alike and draw(st.booleans()):
            continue
        place = f'<c r="{column(position)}{number}"'
        style = draw(st.sampled_from(["", ' s="1"', ' s="0"']))
        kind = draw(st.sampled_from(["n", "s", "i", "t", "e", "b"] if not alike else ["n", "s"]))
        if kind == "s":
            made.append(f'{place}{style} t="s"><v>{draw(st.integers(0, 3))}</v></c>')
        elif kind == "i":
            text = escape(draw(_TEXTS))
            made.append(f'{place}{style} t="inlineStr"><is><t>{text}</t></is></c>')
        elif kind == "t":
            made.append(f'{place} t="str"{style}><v>{escape(draw(_TEXTS))}</v></c>')
        elif kind == "e":
            made.append(f'{place} t="e"><v>#REF!</v></c>')
        elif kind == "b":
            made.append(f'{place} t="b"><v>1</v></c>')
        else:
            inside = draw(_CELLS)
            made.append(f"{place}{style}>{inside}</c>" if inside else f"{place}{style}/>")
    return "".join(made)


@st.composite
def sheets(draw: st.DrawFn) -> str:
    """Rows in runs that are alike, and others between them."""
    lines, number = [], 0
    for _ in range(draw(st.integers(1, 4))):
        alike = draw(st.booleans())
        more = draw(st.sampled_from(["", ' spans="1:5" ht="15"', ' hidden="1"', ' hidden="false"']))
        for _ in range(draw(st.integers(1, 9))):
            number += draw(st.integers(1, 2))
            inside = draw(cells(number, alike))
            lines.append(
                f'<row r="{number}"{more}>{inside}</row>'
                if inside
                else f'<row r="{number}"{more}/>'
            )
    return "".join(lines)


def of(rows: str) -> bytes:
    return workbook(shared=_SHARED, parts={SHEET: _xml(rows).encode()})


def _xml(rows: str) -> str:
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    return f"<worksheet {main}><sheetData>{rows}</sheetData></worksheet>"


@settings(max_examples=150, deadline=None)
@given(rows=sheets())
def test_rows_are_read_as_the_parser_reads_them(rows: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        assert told(of(rows)) == by_the_parser_alone(of(rows), patch)


_PIECES = [
    *("<!--", "-->", "<![CDATA[", "]]>", "<?x", "?>", "<", ">", "&", '"', " ", "/", "\r", "\n"),
    *("<row/>", "</row>", "<row>", "<c/>", "</c>", "<v>", "</v>", "<x:row/>", "r=", ' t="s"'),
    *("&amp;", "é", "\x01", "\ufffe"),
]


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_what_is_put_between_makes_no_difference_between_the_two(data: st.DataObject) -> None:
    """Neither reads what the other would not: comments and quotations with rows in them above
    all, by which another file would be shown to who looks than the one that is imported."""
    rows = data.draw(sheets())
    for _ in range(data.draw(st.integers(1, 3))):
        at, cut = data.draw(st.integers(0, len(rows))), data.draw(st.integers(0, 3))
        rows = rows[:at] + data.draw(st.sampled_from(_PIECES)) + rows[at + cut :]
    with pytest.MonkeyPatch.context() as patch:
        assert told(of(rows)) == by_the_parser_alone(of(rows), patch)


@pytest.mark.parametrize(
    "rows",
    [
        (
            '<row r="2" spans="1:3" x14ac:dyDescent="0.25"><c r="A2" s="1" t="s"><v>0</v></c>'
            '<c r="B2" s="2"/><c r="C2"><v>175.5</v></c></row>'
            '<row r="3" spans="1:3" ht="15.75" customHeight="1" hidden="1" x14ac:dyDescent="0.25">'
            '<c r="A3" t="str"><f>B2&amp;"x"</f><v>x</v></c></row><row r="9" spans="1:3"/>'
        ),
        (
            '<row r="2" customFormat="false" ht="12.8" hidden="false" customHeight="false" '
            'outlineLevel="0" collapsed="false"><c r="A2" s="0" t="s"><v>0</v></c>'
            '<c r="B2" s="0" t="n"><f aca="false">1+1</f><v>2</v></c></row>'
        ),
        (
            '<row r="2" ht="15.75" customHeight="1"><c r="A2" s="1" t="s"><v>0</v></c>'
            '<c r="B2" s="1"/><c r="C2" s="3"><v>35869.0</v></c></row>'
        ),
        (
            '<row r="2"><c r="A2" t="inlineStr"><is><t>x</t></is></c><c r="B2" t="n"><v>1</v></c>'
            '<c r="C2" s="1" t="n"><v></v></c><c r="D2" s="1" /></row>'
        ),
        (
            '<row r="2"><c r="A2" t="inlineStr"><is><t xml:space="preserve"> </t></is></c>'
            '<c r="B2" s="1"><v>35869</v></c></row>'
        ),
        '<row r="2"><c r="A2" t="s" s="1"><v>0</v></c><c r="B2" t="b" s="1"><v>1</v></c></row>',
    ],
    ids=["Excel", "LibreOffice", "Google Sheets", "openpyxl", "xlsxwriter", "POI"],
)
def test_what_programs_write_is_plain_and_costs_no_parser(rows: str) -> None:
    readers = Workbook(io.BytesIO(workbook(shared=["first"]))).readers
    assert PlainRows(Found(), readers).take(rows, 0) == len(rows)


def line(number: int, value: str = "1") -> str:
    return f'<row r="{number}"><c r="A{number}"><v>{value}</v></c></row>'


@pytest.mark.parametrize(
    ("between", "rows"),
    [
        (f"<!--{line(7)}-->", [1, 2, 9]),
        (f"<row r='3'/><!--</row>{line(7)}-->", [1, 2, 9]),
        (f"<x><![CDATA[{line(7)}]]></x>", [1, 2, 9]),
        (f"<?x {line(7)}?>", [1, 2, 9]),
        (f"<x y='{line(7).replace('<', '&lt;')}'/>", [1, 2, 9]),
        (f"<row r='7'><c r='A7'><v><!-- </v></c></row>{line(8)} -->5</v></c></row>", [1, 2, 7, 9]),
        (line(7), [1, 2, 7, 9]),
    ],
)
def test_a_row_in_a_comment_or_a_quotation_is_no_row(between: str, rows: list[int]) -> None:
    found = read(broken_sheet(line(1) + line(2) + between + line(9)))
    assert [number for number, _ in found] == rows


@pytest.mark.parametrize("size", [63_000, 65_000, 140_000, 200_000])
def test_a_row_is_read_whole_wherever_the_file_is_cut_to_be_read(size: int) -> None:
    lines = [line(n) for n in range(1, 6)]
    cells_of_long = "".join(
        f'<c r="{column(n)}6" t="inlineStr"><is><t>{"x" * (size // 90)}</t></is></c>'
        for n in range(90)
    )
    found = read(broken_sheet("".join([*lines, f'<row r="6">{cells_of_long}</row>', line(7)])))
    assert [number for number, _ in found] == [1, 2, 3, 4, 5, 6, 7]
    assert len(found[5][1]) == 90


def formulas(row: Row) -> list[bool]:
    return [isinstance(cell, Flawed) and cell.flaw is Flaw.FORMULA for cell in row[1]]


def test_every_result_of_a_formula_of_many_cells_is_one() -> None:
    array = '<f t="array" ref="B2:C4">A1:A3</f>'
    rows = f'<row r="2"><c r="A2"><v>1</v></c><c r="B2">{array}<v>1</v></c></row>'
    for n in (3, 4, 5):
        made = "".join(f'<c r="{letter}{n}"><v>1</v></c>' for letter in "ABC")
        rows += f'<row r="{n}">{made}</row>'
    found = read(broken_sheet(line(1) + rows))
    assert [formulas(row) for row in found] == [
        [False],
        [False, True],
        [False, True, True],
        [False, True, True],
        [False, False, False],
    ]


def test_a_formula_in_a_long_run_of_rows_is_told_where_it_stands() -> None:
    rows = [line(n) for n in range(1, 40)]
    rows[30] = '<row r="31"><c r="A31"><f>A1&amp;"x"</f><v>5</v></c></row>'
    rows[35] = '<row r="36"><c r="A36"><f ca="1">NOW()</f></c></row>'
    found = read(broken_sheet("".join(rows)))
    assert [row[0] for row in found if any(formulas(row))] == [31, 36]
    assert len(found) == 39


@pytest.mark.parametrize(
    "rows",
    [
        line(1) + line(1),
        line(9) + line(8),
        line(1_048_577),
        line(1) + '<row r="2"><c r="A2"><v>1</v></c><c r="A2"><v>1</v></c></row>',
        line(1) + '<row r="2"><c r="ABCD2"><v>1</v></c></row>',
        line(1) + '<row r="2" ht="\x01"><c r="A2"><v>1</v></c></row>',
        line(1) + '<row r="2"><c r="A2" s="\x01"><v>1</v></c></row>',
        line(1) + '<row r="2"><c r="A2" s="1" s="1"><v>1</v></c></row>',
    ],
    ids=[
        *("twice", "back", "too far", "a cell twice", "no such column"),
        *("a control", "a control in a cell", "said twice"),
    ],
)
def test_rows_and_cells_out_of_their_order_are_refused_in_a_run_as_well(rows: str) -> None:
    assert refused(broken_sheet(rows)) == Why.BROKEN


def test_shapes_that_change_from_row_to_row_are_all_read() -> None:
    rows = []
    for n in range(1, 2000):
        some = [p for p in range(8) if (n * 2654435761 >> p) & 1] or [0]
        rows.append(
            f'<row r="{n}">'
            + "".join(f'<c r="{column(p)}{n}"><v>{n}</v></c>' for p in some)
            + "</row>"
        )
    found = read(broken_sheet("".join(rows)))
    assert len(found) == 1999
    assert all({cell for cell in row if cell} == {str(n)} for n, row in found)


def test_hidden_rows_are_counted_in_runs_too() -> None:
    rows = "".join(
        f'<row r="{n}" hidden="{n % 2}"><c r="A{n}"><v>1</v></c></row>' for n in range(1, 21)
    )
    table: Any = Workbook(io.BytesIO(broken_sheet(rows))).table(0)
    assert len(list(table.rows())) == 20
    assert table.hidden == 10
