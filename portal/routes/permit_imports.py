"""Paper books as files: send one, name its columns, see what is wrong, import it, take it back.

The file belongs to its center. What stands in its cells is shown to who sent it, and to who may see
names; others see what is wrong and where.
"""

from collections.abc import Sequence

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from sqlalchemy import Connection

from portal import notes
from portal.backoffice.acts import Employee
from portal.bodies.searching import let_go
from portal.db import LARGEST_ID
from portal.identity.roles import Permission
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
from portal.permits.columns import COLUMNS, LABELS, headings_row
from portal.permits.import_words import Word
from portal.permits.importing import Import, Reviewed
from portal.permits.model import ImportState
from portal.problems import N_, Missing, Problem
from portal.requests.uploads import clean_file_name
from portal.routes.permit_import_books import BASE, find_book, kept_until, sees_cells
from portal.routes.permit_import_columns import (
    FIRST_ROWS,
    head_of,
    mapping_page,
    sheets_of,
    suggested,
)
from portal.sheets import opening
from portal.sheets.table import NotATable
from portal.web.http_forms import PostedForm
from portal.web.late import STALE, is_own
from portal.web.pages import redirect
from portal.web.routing import DAY_THREADS, UPLOAD_THREADS, Access, get_page, post_files, post_form
from portal.web.visit import Visit

_PAGE = 25
_CELLS = 50
_LONGEST_REASON = 1000


# --- the files of a center, and a new one


@get_page(BASE, Access.STAFF)
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


@post_files(BASE, Access.STAFF)
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
            rows = opening.first_rows(source, reading, FIRST_ROWS)
        except NotATable as error:
            return _not_taken(visit, employee, import_labels.REFUSALS[error.why])
        if not rows:
            return _not_taken(visit, employee, N_("The file is empty; choose it again"))
        source.seek(0)
        stored = portal.permit_files.put(source)
        sheets = sheets_of(source, reading)
    heading_row = headings_row(rows)
    head = head_of(rows, heading_row, sheets)
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
                    mapping=suggested(db, visit, employee.center, head.headings),
                    actor=employee.username,
                    at=portal.clock.now(),
                )
    except BaseException:
        portal.permit_files.drop(stored.key)
        raise
    if known is not None:
        portal.permit_files.drop(stored.key)
        return redirect(visit, f"{BASE}/{known}", same="1")
    return redirect(visit, f"{BASE}/{import_id}")


def _not_taken(visit: Visit, employee: Employee, why: str) -> Response[bytes]:
    with visit.portal.database.read() as db:
        return _list_page(visit, db, employee, 0, [Problem("file", why)], 422)


# --- one file


@get_page(f"{BASE}/{{import_id:int}}", Access.STAFF)
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
        employee, book = find_book(visit, db, import_id)
        if book.state in {ImportState.CHECKING, ImportState.IMPORTING}:
            return _progress(visit, book)
        if visit.is_fragment:
            return redirect(visit, f"{BASE}/{import_id}")
        if book.state is ImportState.MAPPING:
            return mapping_page(visit, db, employee, book)
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
        sees_cells=sees_cells(employee, book),
        in_the_way=taking_back.in_the_way(db, book.id) if imported else None,
        kept_until=kept_until(visit, book),
        ready=import_preview.first(db, portal.vault, book.id) if is_checked else (),
        contradicting=import_preview.contradicting(db, book.id) if is_checked else 0,
        in_register=import_preview.in_register(db, book, different) if different else {},
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


def _unknown(visit: Visit, db: Connection, employee: Employee, book: Import) -> list[Word]:
    if book.state is not ImportState.CHECKED or not sees_cells(employee, book):
        return []
    return import_words.unknown(db, visit.portal.vault, book)


@post_form(f"{BASE}/{{import_id:int}}/words", Access.STAFF, threads=UPLOAD_THREADS)
def say_words(
    visit: NamedDependency[Visit], import_id: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """What words of the file mean, for all rows: it is checked anew with them."""
    portal = visit.portal
    with portal.database.begin() as db:
        employee, book = find_book(visit, db, import_id)
        visit.check_form(form)
        if book.state is not ImportState.CHECKED:  # somebody has gone on with it
            return redirect(visit, f"{BASE}/{import_id}")
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
    return redirect(visit, f"{BASE}/{import_id}")


# --- its columns


# --- what becomes of it


@post_form(f"{BASE}/{{import_id:int}}/import", Access.STAFF)
def import_it(
    visit: NamedDependency[Visit], import_id: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Enter all of it, or what is good of it where that was chosen."""
    portal = visit.portal
    with portal.database.begin() as db:
        employee, book = find_book(visit, db, import_id)
        visit.check_form(form)
        if book.state in {ImportState.IMPORTING, ImportState.IMPORTED}:  # pressed twice
            return redirect(visit, f"{BASE}/{import_id}")
        if book.row["bad"] and form.text("only_good") != "yes":
            text = N_("Say that only the good rows shall be imported, or mend the file first")
            problem = Problem("only_good", text)
            return _result_page(visit, db, employee, book, problems=[problem], status=422)
        importing.enter(
            db, book, employee.username, portal.clock.now(), only_good=bool(book.row["bad"])
        )
    return redirect(visit, f"{BASE}/{import_id}")


@get_page(f"{BASE}/{{import_id:int}}/discard", Access.STAFF)
def ask_discard(visit: NamedDependency[Visit], import_id: FromPath[int]) -> Response[bytes]:
    """What is lost when the file is given up, before it is."""
    portal = visit.portal
    with portal.database.read() as db:
        _, book = find_book(visit, db, import_id)
    if book.state not in importing.DISCARDABLE:
        return redirect(visit, f"{BASE}/{import_id}")
    return portal.pages.page(
        visit,
        "permits/import_discard.html",
        book=book,
        center=portal.places.centers[book.center_code],
        kept_days=portal.settings.permit_files_kept.days,
    )


@post_form(f"{BASE}/{{import_id:int}}/discard", Access.STAFF)
def discard(
    visit: NamedDependency[Visit], import_id: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    with visit.portal.database.begin() as db:
        employee, book = find_book(visit, db, import_id)
        visit.check_form(form)
        if book.state is not ImportState.DISCARDED:
            importing.discard(db, book, employee.username, visit.portal.clock.now())
    return redirect(visit, BASE)


@post_form(f"{BASE}/{{import_id:int}}/withdraw", Access.STAFF, threads=DAY_THREADS)
def withdraw(
    visit: NamedDependency[Visit], import_id: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Take back what nobody has reviewed."""
    portal, reason = visit.portal, form.text("reason")
    try:
        with portal.database.begin() as db:
            employee, book = find_book(visit, db, import_id)
            missing = N_("Write the reason; it stays with the file")
            problems = notes.problems_of_reason("reason", reason, _LONGEST_REASON, missing)
            if not is_own(visit, form):
                problems = [Problem("reason", STALE)]
            if problems:
                return _result_page(
                    visit, db, employee, book, reason=reason, problems=problems, status=422
                )
            if book.state is ImportState.WITHDRAWN:  # pressed twice
                return redirect(visit, f"{BASE}/{import_id}")
            let_go(db, importing.permits_of(book.id))
            importing.withdraw(
                db, portal.vault, book, employee.username, reason, portal.clock.now()
            )
    except Reviewed:
        with portal.database.read() as db:
            text = N_("It cannot be taken back any more: see below what is in the way")
            employee, book = find_book(visit, db, import_id)
            return _result_page(visit, db, employee, book, problems=[Problem("", text)], status=409)
    return redirect(visit, f"{BASE}/{import_id}")


HANDLERS = [
    list_imports,
    upload,
    show_import,
    import_it,
    say_words,
    ask_discard,
    discard,
    withdraw,
]
