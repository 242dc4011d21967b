"""Which column of a file of paper books is what, and how the file is read."""

from collections.abc import Mapping, Sequence
from typing import BinaryIO

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy import Connection

from portal.backoffice.acts import Employee
from portal.permits import import_labels, importing, labels
from portal.permits.columns import ASSUMABLE, COLUMNS, LABELS, headings_row, suggest
from portal.permits.importing import Head, Import
from portal.permits.model import DEPARTMENT, ImportState
from portal.problems import N_, Problem
from portal.routes.permit_import_books import BASE, find_book, kept_until, opened, sees_cells
from portal.sheets import opening
from portal.sheets.opening import Reading
from portal.sheets.table import NotATable, Row
from portal.text import fold_digits
from portal.web.http_forms import PostedForm
from portal.web.late import STALE, is_own
from portal.web.pages import redirect
from portal.web.routing import UPLOAD_THREADS, Access, get_page, post_form
from portal.web.visit import Visit

FIRST_ROWS = 30
_EXAMPLES = 3
_LONGEST_EXAMPLE = 60
_LONGEST_HEADING = 120
_REQUIRED = ("number", "issued_on", "street", *ASSUMABLE)


def sheets_of(file: BinaryIO, reading: Reading) -> list[str]:
    if reading.kind != "xlsx":
        return []
    return [sheet.name for sheet in opening.sheets_of(file)]


def head_of(rows: Sequence[Row], heading_row: int, sheets: Sequence[str]) -> Head:
    """The headings, as wide as the widest of the first rows, and some values of each column."""
    width = max((len(cells) for _, cells in rows), default=0)
    found = next((list(map(str, cells)) for number, cells in rows if number == heading_row), [])
    examples: list[list[str]] = [[] for _ in range(width)]
    for number, cells in rows:
        if number > heading_row:
            for some, cell in zip(examples, cells, strict=False):
                shown = " ".join(cell.split())[:_LONGEST_EXAMPLE]
                if shown and shown not in some and len(some) < _EXAMPLES:
                    some.append(shown)
    headings = [" ".join(each.split())[:_LONGEST_HEADING] for each in found]
    return Head([*headings, *[""] * (width - len(headings))], examples, sheets)


def suggested(db: Connection, visit: Visit, center: str, headings: Sequence[str]) -> dict[str, int]:
    remembered = importing.remembered(db, visit.portal.vault, center, headings)
    return dict(remembered.mapping) if remembered else suggest(headings)


@get_page(f"{BASE}/{{import_id:int}}/columns", Access.STAFF, threads=UPLOAD_THREADS)
def show_columns(visit: NamedDependency[Visit], import_id: FromPath[int]) -> Response[bytes]:
    """Name the columns anew, of a file that was checked already."""
    with visit.portal.database.read() as db:
        employee, book = find_book(visit, db, import_id)
        if book.state not in {ImportState.MAPPING, ImportState.CHECKED, ImportState.FAILED}:
            return redirect(visit, f"{BASE}/{import_id}")
        return mapping_page(visit, db, employee, book)


def mapping_page(
    visit: Visit,
    db: Connection,
    employee: Employee,
    book: Import,
    typed: Mapping[str, str] | None = None,
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> Response[bytes]:
    portal = visit.portal
    remembered = importing.remembered(db, portal.vault, book.center_code, book.headings)
    if typed is None:
        assumed = book.assumed or (remembered.assumed if remembered else {})
        chosen = {f"column-{at}": field for field, at in book.mapping.items()}
        typed = {**chosen, **{f"assumed-{name}": value for name, value in assumed.items()}}
        typed["department"] = book.row["department"]
        if book.row["checked_at"] is None and remembered is not None:
            typed["department"] = remembered.department
    return portal.pages.page(
        visit,
        "permits/import_columns.html",
        status,
        book=book,
        typed=typed,
        sees_cells=sees_cells(employee, book),
        remembered=remembered is not None,
        kept_until=kept_until(visit, book),
        departments=portal.catalogue.departments,
        problems=problems,
        columns=LABELS,
        labels=labels,
        encodings=import_labels.ENCODINGS,
        separators=import_labels.SEPARATORS,
        refusals=import_labels.REFUSALS,
        center=portal.places.centers[book.center_code],
    )


@post_form(f"{BASE}/{{import_id:int}}/reading", Access.STAFF, threads=UPLOAD_THREADS)
def read_anew(
    visit: NamedDependency[Visit], import_id: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Another sheet, encoding, separator or row of headings."""
    portal = visit.portal
    with portal.database.read() as db:
        employee, book = find_book(visit, db, import_id)
    visit.check_form(form)
    reading, problems = _read_reading(form, book.reading)
    row = fold_digits(form.text("heading_row"))
    if not (row.isascii() and row.isdigit() and len(row) <= 3 and int(row) <= FIRST_ROWS):
        text = N_("Write a number from 0 to {n}")
        problems.append(Problem("heading_row", text, {"n": FIRST_ROWS}))
    rows: list[Row] = []
    if not problems:
        try:
            with opened(visit, book) as file:
                rows = opening.first_rows(file, reading, FIRST_ROWS)
        except NotATable as error:
            problems.append(Problem("", import_labels.REFUSALS[error.why]))
    if problems:
        with portal.database.read() as db:
            return mapping_page(visit, db, employee, book, None, problems, 422)
    heading_row = int(row)
    if reading != book.reading and heading_row == book.heading_row:
        heading_row = headings_row(rows)
    head = head_of(rows, heading_row, book.head.sheets)
    with portal.database.begin() as db:
        mapping = suggested(db, visit, book.center_code, head.headings)
        now = portal.clock.now()
        importing.read_anew(db, portal.vault, book, reading, heading_row, head, mapping, now)
    return redirect(visit, f"{BASE}/{import_id}")


def _read_reading(form: PostedForm, before: Reading) -> tuple[Reading, list[Problem]]:
    problems: list[Problem] = []
    if before.kind == "xlsx":
        sheet = form.text("sheet")
        if not (sheet.isascii() and sheet.isdigit() and len(sheet) <= 3):
            problems.append(Problem("sheet", N_("Choose one of the sheets")))
            return before, problems
        return Reading("xlsx", sheet=int(sheet)), problems
    encoding = form.text("encoding")
    separator = import_labels.SEPARATORS.get(form.text("separator"))
    if encoding not in import_labels.ENCODINGS:
        problems.append(Problem("encoding", N_("Choose an encoding of the list")))
    if separator is None:
        problems.append(Problem("separator", N_("Choose what stands between the columns")))
        return before, problems
    return Reading("csv", encoding=encoding, separator=separator[0]), problems


@post_form(f"{BASE}/{{import_id:int}}/columns", Access.STAFF, threads=UPLOAD_THREADS)
def name_columns(
    visit: NamedDependency[Visit], import_id: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """The columns are named: on to the check."""
    portal = visit.portal
    with portal.database.begin() as db:
        employee, book = find_book(visit, db, import_id)
        names = [f"column-{position}" for position in range(len(book.headings))]
        typed = {name: form.text(name) for name in names}
        typed |= {f"assumed-{name}": form.text(f"assumed-{name}") for name in ASSUMABLE}
        mapping, assumed, problems = _read_columns(typed, len(book.headings))
        typed["department"] = form.text("department") or DEPARTMENT
        if typed["department"] not in portal.catalogue.departments:
            problems.append(Problem("department", N_("Choose the department whose file it is")))
        if not is_own(visit, form):
            problems = [Problem("", STALE)]
        if problems:
            return mapping_page(visit, db, employee, book, typed, problems, 422)
        known = importing.remembered(db, portal.vault, book.center_code, book.headings)
        importing.check(
            db,
            book,
            mapping,
            assumed,
            portal.clock.now(),
            department=typed["department"],
            meanings=book.meanings or (known.meanings if known else {}),
        )
    return redirect(visit, f"{BASE}/{import_id}")


def _read_columns(
    typed: Mapping[str, str], width: int
) -> tuple[dict[str, int], dict[str, str], list[Problem]]:
    mapping: dict[str, int] = {}
    problems: list[Problem] = []
    for position in range(width):
        name = f"column-{position}"
        field = typed[name]
        if field in mapping:
            problems.append(Problem(name, N_("Another column is named so already")))
        elif field in COLUMNS:
            mapping[field] = position
        elif field:
            problems.append(Problem(name, N_("Choose one of the list")))
    allowed = {"permit_type": labels.TYPES, "legal_regime": labels.REGIMES}
    assumed: dict[str, str] = {}
    for field in ASSUMABLE:
        value = typed[f"assumed-{field}"]
        if value in allowed[field]:
            assumed[field] = value
        elif value:
            problems.append(Problem(f"assumed-{field}", N_("Choose one of the list")))
    for field in _REQUIRED:
        if field in mapping or field in assumed:
            continue
        text = N_("Say which column is this, or choose what holds for all rows: {field}")
        if field not in ASSUMABLE:
            text = N_("Say which column is this: {field}")
        where = f"assumed-{field}" if field in ASSUMABLE else "column-0"
        problems.append(Problem(where, text, {"field": Problem("", LABELS[field])}))
    return mapping, assumed, problems


HANDLERS = [show_columns, name_columns, read_anew]
