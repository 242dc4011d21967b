"""XLSX workbooks written by hand, as good or as hostile as a test wants them."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
DAY_STYLE = 1


def column(index: int) -> str:
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(65 + rest) + name
    return name


def sheet_xml(
    rows: Sequence[Sequence[object]],
    formulas: Mapping[str, str] | None = None,
    merged: Sequence[str] = (),
    hidden: Sequence[int] = (),
) -> str:
    lines = []
    for number, cells in enumerate(rows, start=1):
        made = []
        for position, value in enumerate(cells):
            name = f"{column(position)}{number}"
            if formulas and name in formulas:
                made.append(f'<c r="{name}"><f>{formulas[name]}</f><v>2</v></c>')
            elif isinstance(value, Raw):
                made.append(value.xml.format(name=name))
            elif isinstance(value, int | float):
                made.append(f'<c r="{name}"><v>{value}</v></c>')
            elif value not in {None, ""}:
                text = escape(str(value))
                made.append(f'<c r="{name}" t="inlineStr"><is><t>{text}</t></is></c>')
        shut = ' hidden="1"' if number in hidden else ""
        lines.append(f'<row r="{number}"{shut}>{"".join(made)}</row>')
    joined = "".join(f'<mergeCell ref="{each}"/>' for each in merged)
    tail = f"<mergeCells>{joined}</mergeCells>" if merged else ""
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}</sheetData>{tail}</worksheet>'


def _types(sheets: int) -> str:
    """What a spreadsheet wants to be told of each part before it opens any."""
    main = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {"workbook": "sheet.main", "styles": "styles", "sharedStrings": "sharedStrings"}
    parts |= {f"worksheets/sheet{n}": "worksheet" for n in range(1, sheets + 1)}
    overrides = "".join(
        f'<Override PartName="/xl/{name}.xml" ContentType="{main}.{kind}+xml"/>'
        for name, kind in parts.items()
    )
    relations = "application/vnd.openxmlformats-package.relationships+xml"
    return (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        f'<Default Extension="rels" ContentType="{relations}"/>{overrides}</Types>'
    )


class Raw:
    """A cell as XML; ``{name}`` is its place."""

    def __init__(self, xml: str) -> None:
        self.xml = xml


def workbook(
    rows: Sequence[Sequence[object]] = (),
    *,
    formulas: Mapping[str, str] | None = None,
    merged: Sequence[str] = (),
    hidden: Sequence[int] = (),
    shared: Sequence[str] = (),
    names: Sequence[str] = ("Sheet1",),
    epoch_1904: bool = False,
    parts: Mapping[str, bytes] | None = None,
) -> bytes:
    """A workbook; further sheets are empty. ``parts`` are put beside or in place of its own."""
    sheets = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(names, 1)
    )
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{_REL}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n, _ in enumerate(names, 1)
    )
    texts = "".join(f"<si><t>{escape(each)}</t></si>" for each in shared)
    epoch = '<workbookPr date1904="1"/>' if epoch_1904 else ""
    made: dict[str, bytes | str] = {
        "[Content_Types].xml": _types(len(names)),
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="rId1" '
        f'Type="{_REL}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_REL}">{epoch}'
        f"<sheets>{sheets}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}">{links}</Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><numFmts><numFmt numFmtId="170" '
        'formatCode="[$-401]dd/mm/yyyy"/></numFmts><cellXfs><xf numFmtId="0"/>'
        '<xf numFmtId="14"/><xf numFmtId="170"/></cellXfs></styleSheet>',
        "xl/sharedStrings.xml": f'<sst xmlns="{_MAIN}">{texts}</sst>',
    }
    for n, _ in enumerate(names, 1):
        own = sheet_xml(rows, formulas, merged, hidden) if n == 1 else sheet_xml([])
        made[f"xl/worksheets/sheet{n}.xml"] = own
    made.update(parts or {})
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in made.items():
            archive.writestr(name, content)
    return target.getvalue()
