"""An XLSX workbook of one sheet that the portal hands out, to be mended and sent again.

Every cell is text, also what is typed later: a program of tables makes no day of «5/98», drops no
leading nought, and takes nothing for a formula (ECMA-376, part 1, chapter 18).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from tempfile import TemporaryFile
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_DOCUMENT = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_LONGEST = 32_767  # characters that a cell may hold
_CHUNK = 1 << 16
# what XML 1.0 cannot say
_UNSAYABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_DOCUMENT}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_DOCUMENT}.styles+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_DOCUMENT}.worksheet+xml"/>'
    "</Types>",
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="1" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
    # 49 is text
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><fonts count="2"><font><sz val="11"/></font>'
    '<font><b/><sz val="11"/></font></fonts><fills count="2">'
    '<fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="2"><xf numFmtId="49" applyNumberFormat="1"/>'
    '<xf numFmtId="49" fontId="1" applyNumberFormat="1" applyFont="1"/></cellXfs></styleSheet>',
}


def workbook(rows: Iterable[Sequence[str]], *, width: int, right_to_left: bool) -> Iterator[bytes]:
    """The file, some at a time; the first row are headings, and ``width`` columns are text."""
    with TemporaryFile() as file:
        with ZipFile(file, "w", ZIP_DEFLATED) as archive:
            for name, part in _PARTS.items():
                archive.writestr(name, part)
            with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
                side = ' rightToLeft="1"' if right_to_left else ""
                sheet.write(
                    f'<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0"{side}>'
                    '<pane ySplit="1" topLeftCell="A2" state="frozen"/></sheetView></sheetViews>'
                    f'<cols><col min="1" max="{max(width, 1)}" width="20" style="0" '
                    'customWidth="1"/></cols><sheetData>'.encode()
                )
                for number, row in enumerate(rows, 1):
                    sheet.write(_row(row, style=int(number == 1)))
                sheet.write(b"</sheetData></worksheet>")
        file.seek(0)
        while some := file.read(_CHUNK):
            yield some


def _row(cells: Sequence[str], style: int) -> bytes:
    made = "".join(
        f'<c s="{style}" t="inlineStr"><is><t xml:space="preserve">'
        f"{escape(_UNSAYABLE.sub('', cell)[:_LONGEST])}</t></is></c>"
        for cell in cells
    )
    return f"<row>{made}</row>".encode()
