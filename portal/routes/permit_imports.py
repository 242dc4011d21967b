"""Paper books as files: send one, name its columns, see what is wrong, import it, take it back.

The file belongs to its center. What stands in its cells is shown to who sent it, and to who may see
names; others see what is wrong and where.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from tempfile import TemporaryFile
from typing import BinaryIO

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Stream
from sqlalchemy import Connection

from portal.backoffice.acts import Employee
from portal.bodies.searching import let_go
from portal.clock import cairo_day
from portal.db import LARGEST_ID
from portal.identity.roles import Permission, may
from portal.permits import (
    import_files,
    import_labels,
    import_preview,
    import_words,
    importing,
    labels,
    taking_back,
)
from portal.permits.checking import DIFFERENT
from portal.permits.columns import ASSUMABLE, COLUMNS, LABELS, headings_row, suggest
from portal.permits.import_words import Word
from portal.permits.importing import Head, Import, Reviewed
from portal.permits.model import DEPARTMENT, ImportState
from portal.problems import HIDDEN_CHARACTERS, N_, Lost, Missing, Problem
from portal.requests.uploads import clean_file_name
from portal.sheets import making, opening
from portal.sheets.opening import Reading
from portal.sheets.table import NotATable, Row
from portal.text import fold_digits, is_readable
from portal.vault import SealBroken
from portal.web.http_forms import PostedForm
from portal.web.late import STALE, is_own
from portal.web.pages import redirect
from portal.web.routing import (
    DAY_THREADS,
    UPLOAD_THREADS,
    Access,
    get_page,
    post_files,
    post_form,
)
from portal.web.visit import Visit

_BASE = "/center/permits/imports"
_PAGE = 25
_CELLS = 50
_FIRST_ROWS = 30
_EXAMPLES = 3
_LONGEST_EXAMPLE = 60
_LONGEST_HEADING = 120
_LONGEST_REASON = 1000
_NO_STORE = {"cache-control": "private, no-store"}
_REQUIRED = ("number", "issued_on", "street", *ASSUMABLE)


def _book(visit: Visit, db: Connection, employee: Employee, import_id: int) -> Import:
    if not 0 < import_id <= LARGEST_ID:
        raise Missing("import")
    return importing.find(db, visit.portal.vault, employee.center, import_id)


def _sees_cells(employee: Employee, book: Import) -> bool:
    return employee.username == book.row["uploaded_by"] or may(
        employee.role, Permission.SEE_IDENTITY
    )


# --- the files of a center, and a new one


@get_page(_BASE, Access.STAFF)
def list_imports(visit: NamedDependency[Visit], before: FromQuery[int] = 0) -> Response[bytes]:
    if not 0 <= before <= LARGEST_ID:
        raise Missing("page")
    with visit.portal.database.read() as db:
        return _list_page(visit, db, visit.employee(db, Permission.ENTER_PERMITS), before)


def _list_page(
    visit: Visit,
    db: Connection,
    employee: Employee,
    before: int = 0,
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> Response[bytes]:
    portal = visit.portal
    listed = importing.listed(
        db, portal.vault, employee.center, before=before or None, most=_PAGE + 1
    )
    return portal.pages.page(
        visit,
        "permits/imports.html",
        status,
        listed=listed[:_PAGE],
        more=len(listed) > _PAGE,
        problems=problems,
        center=portal.places.centers[employee.center],
        states=import_labels.STATES,
    )


@get_page(f"{_BASE}/template", Access.STAFF)
def download_template(visit: NamedDependency[Visit], kind: FromQuery[str] = "csv") -> Stream:
    with visit.portal.database.read() as db:
        visit.employee(db, Permission.ENTER_PERMITS)
    rows = import_files.template(visit.speech)
    return _table(visit, kind, iter(rows), len(rows[0]), "permits")


@post_files(_BASE, Access.STAFF)
def upload(
    visit: NamedDependency[Visit], upload_form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Keep a file that can be read as a table; the same one twice is the first one."""
    portal = visit.portal
    with portal.database.read() as db:
        employee = visit.employee(db, Permission.ENTER_PERMITS)
    visit.check_form(upload_form)
    file = next((each for each in upload_form.files if each.name == "file"), None)
    if file is None:
        return _not_taken(visit, employee, N_("Choose a file first"))
    with file.path.open("rb") as source:
        try:
            reading = opening.guess(source)
            rows = opening.first_rows(source, reading, _FIRST_ROWS)
        except NotATable as error:
            return _not_taken(visit, employee, import_labels.REFUSALS[error.why])
        if not rows:
            return _not_taken(visit, employee, N_("The file is empty; choose it again"))
        source.seek(0)
        stored = portal.permit_files.put(source)
        sheets = _sheets(source, reading)
    heading_row = headings_row(rows)
    head = _head(rows, heading_row, sheets)
    try:
        with portal.database.begin() as db:
            known = importing.same_file(db, employee.center, stored.sha256)
            if known is None:
                import_id = importing.keep(
                    db,
                    portal.vault,
                    center=employee.center,
                    file_name=clean_file_name(file.file_name) or "permits",
                    stored=stored,
                    reading=reading,
                    heading_row=heading_row,
                    head=head,
                    mapping=_suggested(db, visit, employee.center, head.headings),
                    actor=employee.username,
                    at=portal.clock.now(),
                )
    except BaseException:
        portal.permit_files.drop(stored.key)
        raise
    if known is not None:
        portal.permit_files.drop(stored.key)
        return redirect(visit, f"{_BASE}/{known}", same="1")
    return redirect(visit, f"{_BASE}/{import_id}")


def _not_taken(visit: Visit, employee: Employee, why: str) -> Response[bytes]:
    with visit.portal.database.read() as db:
        return _list_page(visit, db, employee, 0, [Problem("file", why)], 422)


def _sheets(file: BinaryIO, reading: Reading) -> list[str]:
    if reading.kind != "xlsx":
        return []
    return [sheet.name for sheet in opening.sheets_of(file)]


def _head(rows: Sequence[Row], heading_row: int, sheets: Sequence[str]) -> Head:
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


def _suggested(
    db: Connection, visit: Visit, center: str, headings: Sequence[str]
) -> dict[str, int]:
    remembered = importing.remembered(db, visit.portal.vault, center, headings)
    return dict(remembered.mapping) if remembered else suggest(headings)


# --- one file


@get_page(f"{_BASE}/{{import_id:int}}", Access.STAFF)
def show_import(
    visit: NamedDependency[Visit],
    import_id: FromPath[int],
    field: FromQuery[str] = "",
    row: FromQuery[int] = 0,
    after: FromQuery[int] = 0,
    same: FromQuery[str] = "",
) -> Response[bytes]:
    """Where the file is: its columns, its check, what is wrong with it, what became of it."""
    if field and field not in COLUMNS:
        raise Missing("filter")
    if not (0 <= row <= LARGEST_ID and 0 <= after <= LARGEST_ID):
        raise Missing("page")
    with visit.portal.database.read() as db:
        employee = visit.employee(db, Permission.ENTER_PERMITS)
        book = _book(visit, db, employee, import_id)
        if book.state in {ImportState.CHECKING, ImportState.IMPORTING}:
            return _progress(visit, book)
        if visit.is_fragment:
            return redirect(visit, f"{_BASE}/{import_id}")
        if book.state is ImportState.MAPPING:
            return _mapping_page(visit, db, employee, book)
        return _result_page(visit, db, employee, book, field=field, after=(row, after), same=same)


def _progress(visit: Visit, book: Import) -> Response[bytes]:
    mark = f'"{book.state}-{book.row["rows"]}"'
    if visit.is_fragment:
        visit.only_looks()
    response = visit.portal.pages.page(
        visit,
        "permits/_import_progress.html" if visit.is_fragment else "permits/import_wait.html",
        book=book,
        mark=mark,
        center=visit.portal.places.centers[book.center_code],
        states=import_labels.STATES,
    )
    if visit.is_fragment:
        response.headers["etag"] = mark
    return response


def _result_page(
    visit: Visit,
    db: Connection,
    employee: Employee,
    book: Import,
    *,
    field: str = "",
    after: tuple[int, int] = (0, 0),
    same: str = "",
    reason: str = "",
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> Response[bytes]:
    portal = visit.portal
    cells = importing.problems(db, portal.vault, book.id, field=field, after=after, most=_CELLS + 1)
    different = [each.row_no for each in cells if each.problem.msgid == DIFFERENT]
    is_checked, imported = (
        book.state is state for state in (ImportState.CHECKED, ImportState.IMPORTED)
    )
    return portal.pages.page(
        visit,
        "permits/import.html",
        status,
        book=book,
        cells=cells[:_CELLS],
        more=len(cells) > _CELLS,
        by_field=importing.problems_by_field(db, book.id),
        field=field,
        same=bool(same),
        reason=reason,
        problems=problems,
        why=importing.why_withdrawn(db, portal.vault, book.id),
        sees_cells=_sees_cells(employee, book),
        in_the_way=taking_back.in_the_way(db, book.id) if imported else None,
        kept_until=_kept_until(visit, book),
        ready=import_preview.first(db, portal.vault, book.id) if is_checked else (),
        contradicting=import_preview.contradicting(db, book.id) if is_checked else 0,
        in_register=import_preview.in_register(db, book.id, different) if different else {},
        unknown=_unknown(visit, db, employee, book),
        meanings=import_words.CODES,
        labels=labels,
        departments=portal.catalogue.departments,
        heading=import_files.heading,
        center=portal.places.centers[book.center_code],
        states=import_labels.STATES,
        refusals=import_labels.REFUSALS,
        columns=LABELS,
    )


def _kept_until(visit: Visit, book: Import) -> date | None:
    """The day on which the file goes unless somebody does something with it; None once it has."""
    if book.row["file_dropped_at"] is not None:
        return None
    return cairo_day(book.row["touched_at"] + visit.portal.settings.permit_files_kept)


def _unknown(visit: Visit, db: Connection, employee: Employee, book: Import) -> list[Word]:
    if book.state is not ImportState.CHECKED or not _sees_cells(employee, book):
        return []
    return import_words.unknown(db, visit.portal.vault, book)


@post_form(f"{_BASE}/{{import_id:int}}/words", Access.STAFF, threads=UPLOAD_THREADS)
def say_words(
    visit: NamedDependency[Visit], import_id: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """What words of the file mean, for all rows: it is checked anew with them."""
    portal = visit.portal
    with portal.database.begin() as db:
        employee = visit.employee(db, Permission.ENTER_PERMITS)
        book = _book(visit, db, employee, import_id)
        visit.check_form(form)
        if book.state is not ImportState.CHECKED:  # somebody has gone on with it
            return redirect(visit, f"{_BASE}/{import_id}")
        words = _unknown(visit, db, employee, book)
        said = {form.text(f"of-{n}"): form.text(f"word-{n}") for n in range(import_words.MOST)}
        chosen = {
            place: said.get(f"{word.field} {word.folded}", "") for place, word in enumerate(words)
        }
        if not any(chosen.values()):
            problem = Problem("word-0", N_("Say what at least one of these words means"))
            return _result_page(visit, db, employee, book, problems=[problem], status=422)
        meanings = import_words.with_meanings(book, words, chosen)
        importing.check(
            db,
            book,
            book.mapping,
            book.assumed,
            portal.clock.now(),
            department=book.row["department"],
            meanings=meanings,
        )
    return redirect(visit, f"{_BASE}/{import_id}")


# --- its columns


@get_page(f"{_BASE}/{{import_id:int}}/columns", Access.STAFF, threads=UPLOAD_THREADS)
def show_columns(visit: NamedDependency[Visit], import_id: FromPath[int]) -> Response[bytes]:
    """Name the columns anew, of a file that was checked already."""
    with visit.portal.database.read() as db:
        employee = visit.employee(db, Permission.ENTER_PERMITS)
        book = _book(visit, db, employee, import_id)
        if book.state not in {ImportState.MAPPING, ImportState.CHECKED, ImportState.FAILED}:
            return redirect(visit, f"{_BASE}/{import_id}")
        return _mapping_page(visit, db, employee, book)


def _mapping_page(
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
        sees_cells=_sees_cells(employee, book),
        remembered=remembered is not None,
        kept_until=_kept_until(visit, book),
        departments=portal.catalogue.departments,
        problems=problems,
        columns=LABELS,
        labels=labels,
        encodings=import_labels.ENCODINGS,
        separators=import_labels.SEPARATORS,
        refusals=import_labels.REFUSALS,
        center=portal.places.centers[book.center_code],
    )


def _opened(visit: Visit, book: Import) -> BinaryIO:
    """The stored file where it can be read from any place; raises :class:`Lost`."""
    file = TemporaryFile()  # noqa: SIM115 - the caller closes it
    try:
        for part in visit.portal.permit_files.parts(book.row["storage_key"]):
            file.write(part)
    except (Missing, SealBroken) as error:
        file.close()
        raise Lost(f"import {book.id}: {type(error).__name__}") from error
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


@post_form(f"{_BASE}/{{import_id:int}}/reading", Access.STAFF, threads=UPLOAD_THREADS)
def read_anew(
    visit: NamedDependency[Visit], import_id: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Another sheet, encoding, separator or row of headings."""
    portal = visit.portal
    with portal.database.read() as db:
        employee = visit.employee(db, Permission.ENTER_PERMITS)
        book = _book(visit, db, employee, import_id)
    visit.check_form(form)
    reading, problems = _read_reading(form, book.reading)
    row = fold_digits(form.text("heading_row"))
    if not (row.isascii() and row.isdigit() and len(row) <= 3 and int(row) <= _FIRST_ROWS):
        text = N_("Write a number from 0 to {n}")
        problems.append(Problem("heading_row", text, {"n": _FIRST_ROWS}))
    rows: list[Row] = []
    if not problems:
        try:
            with _opened(visit, book) as file:
                rows = opening.first_rows(file, reading, _FIRST_ROWS)
        except NotATable as error:
            problems.append(Problem("", import_labels.REFUSALS[error.why]))
    if problems:
        with portal.database.read() as db:
            return _mapping_page(visit, db, employee, book, None, problems, 422)
    heading_row = int(row)
    if reading != book.reading and heading_row == book.heading_row:
        heading_row = headings_row(rows)
    head = _head(rows, heading_row, book.head.sheets)
    with portal.database.begin() as db:
        mapping = _suggested(db, visit, book.center_code, head.headings)
        now = portal.clock.now()
        importing.read_anew(db, portal.vault, book, reading, heading_row, head, mapping, now)
    return redirect(visit, f"{_BASE}/{import_id}")


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


@post_form(f"{_BASE}/{{import_id:int}}/columns", Access.STAFF, threads=UPLOAD_THREADS)
def name_columns(
    visit: NamedDependency[Visit], import_id: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """The columns are named: on to the check."""
    portal = visit.portal
    with portal.database.begin() as db:
        employee = visit.employee(db, Permission.ENTER_PERMITS)
        book = _book(visit, db, employee, import_id)
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
            return _mapping_page(visit, db, employee, book, typed, problems, 422)
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
    return redirect(visit, f"{_BASE}/{import_id}")


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


# --- what becomes of it


@post_form(f"{_BASE}/{{import_id:int}}/import", Access.STAFF)
def import_it(
    visit: NamedDependency[Visit], import_id: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Enter all of it, or what is good of it where that was chosen."""
    portal = visit.portal
    with portal.database.begin() as db:
        employee = visit.employee(db, Permission.ENTER_PERMITS)
        book = _book(visit, db, employee, import_id)
        visit.check_form(form)
        if book.state in {ImportState.IMPORTING, ImportState.IMPORTED}:  # pressed twice
            return redirect(visit, f"{_BASE}/{import_id}")
        if book.row["bad"] and form.text("only_good") != "yes":
            text = N_("Say that only the good rows shall be imported, or mend the file first")
            problem = Problem("only_good", text)
            return _result_page(visit, db, employee, book, problems=[problem], status=422)
        importing.enter(
            db, book, employee.username, portal.clock.now(), only_good=bool(book.row["bad"])
        )
    return redirect(visit, f"{_BASE}/{import_id}")


@get_page(f"{_BASE}/{{import_id:int}}/discard", Access.STAFF)
def ask_discard(visit: NamedDependency[Visit], import_id: FromPath[int]) -> Response[bytes]:
    """What is lost when the file is given up, before it is."""
    portal = visit.portal
    with portal.database.read() as db:
        employee = visit.employee(db, Permission.ENTER_PERMITS)
        book = _book(visit, db, employee, import_id)
    if book.state not in importing.DISCARDABLE:
        return redirect(visit, f"{_BASE}/{import_id}")
    return portal.pages.page(
        visit,
        "permits/import_discard.html",
        book=book,
        center=portal.places.centers[book.center_code],
        kept_days=portal.settings.permit_files_kept.days,
    )


@post_form(f"{_BASE}/{{import_id:int}}/discard", Access.STAFF)
def discard(
    visit: NamedDependency[Visit], import_id: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    with visit.portal.database.begin() as db:
        employee = visit.employee(db, Permission.ENTER_PERMITS)
        book = _book(visit, db, employee, import_id)
        visit.check_form(form)
        if book.state is not ImportState.DISCARDED:
            importing.discard(db, book, employee.username, visit.portal.clock.now())
    return redirect(visit, _BASE)


@post_form(f"{_BASE}/{{import_id:int}}/withdraw", Access.STAFF, threads=DAY_THREADS)
def withdraw(
    visit: NamedDependency[Visit], import_id: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Take back what nobody has reviewed."""
    portal, reason = visit.portal, form.text("reason")
    try:
        with portal.database.begin() as db:
            employee = visit.employee(db, Permission.ENTER_PERMITS)
            book = _book(visit, db, employee, import_id)
            problem = _problem_of(reason)
            if not is_own(visit, form):
                problem = Problem("reason", STALE)
            if problem is not None:
                return _result_page(
                    visit, db, employee, book, reason=reason, problems=[problem], status=422
                )
            if book.state is ImportState.WITHDRAWN:  # pressed twice
                return redirect(visit, f"{_BASE}/{import_id}")
            let_go(db, importing.permits_of(book.id))
            importing.withdraw(
                db, portal.vault, book, employee.username, reason, portal.clock.now()
            )
    except Reviewed:
        with portal.database.read() as db:
            text = N_("It cannot be taken back any more: see below what is in the way")
            book = _book(visit, db, employee, import_id)
            return _result_page(visit, db, employee, book, problems=[Problem("", text)], status=409)
    return redirect(visit, f"{_BASE}/{import_id}")


def _problem_of(reason: str) -> Problem | None:
    if not reason:
        return Problem("reason", N_("Write the reason; it stays with the file"))
    if len(reason) > _LONGEST_REASON:
        return Problem("reason", N_("Write at most {n} characters"), {"n": _LONGEST_REASON})
    if not is_readable(reason, lines=True):
        return Problem("reason", HIDDEN_CHARACTERS)
    return None


# --- downloads


@get_page(f"{_BASE}/{{import_id:int}}/problems", Access.STAFF, threads=UPLOAD_THREADS)
def download_problems(visit: NamedDependency[Visit], import_id: FromPath[int]) -> Stream:
    """Every cell that cannot be taken, as CSV."""
    portal = visit.portal
    with portal.database.read() as db:
        employee = visit.employee(db, Permission.ENTER_PERMITS)
        book = _book(visit, db, employee, import_id)
        shown = _sees_cells(employee, book)

    def parts() -> Iterator[bytes]:
        with portal.database.read() as db:
            cells = import_files.all_problems(db, portal.vault, book)
            yield from import_files.problems_file(cells, book, visit.speech, shown=shown)

    return _csv(parts(), f"problems-{import_id}")


@get_page(f"{_BASE}/{{import_id:int}}/rows", Access.STAFF, threads=UPLOAD_THREADS)
def download_rows(
    visit: NamedDependency[Visit], import_id: FromPath[int], kind: FromQuery[str] = "csv"
) -> Stream:
    """The rows that cannot be taken, to be mended and sent again."""
    portal = visit.portal
    with portal.database.read() as db:
        employee = visit.employee(db, Permission.ENTER_PERMITS)
        book = _book(visit, db, employee, import_id)
        if not _sees_cells(employee, book) or book.row["file_dropped_at"] is not None:
            raise Missing("rows")

    def rows() -> Iterator[list[str]]:
        with _opened(visit, book) as file, portal.database.read() as db:
            cells = import_files.all_problems(db, portal.vault, book)
            yield from import_files.rows_to_mend(file, cells, book, visit.speech)

    return _table(visit, kind, rows(), len(book.headings) + 1, f"rows-{import_id}")


def _table(visit: Visit, kind: str, rows: Iterator[list[str]], width: int, name: str) -> Stream:
    """Rows as CSV, or as a workbook whose cells stay what they are."""
    if kind == "xlsx":
        parts = making.workbook(rows, width=width, right_to_left=visit.speech.arabic)
        return _attachment(parts, making.MEDIA_TYPE, f"{name}.xlsx")
    if kind != "csv":
        raise Missing("kind")
    return _csv(import_files.as_csv(rows), name)


def _csv(parts: Iterator[bytes], name: str) -> Stream:
    return _attachment(parts, "text/csv", f"{name}.csv")


def _attachment(parts: Iterator[bytes], media_type: str, name: str) -> Stream:
    return Stream(
        parts,
        media_type=media_type,
        headers={"content-disposition": f'attachment; filename="{name}"', **_NO_STORE},
    )


HANDLERS = [
    list_imports,
    download_template,
    upload,
    show_import,
    show_columns,
    name_columns,
    read_anew,
    import_it,
    say_words,
    ask_discard,
    discard,
    withdraw,
    download_problems,
    download_rows,
]
