"""What can be had of files of paper books: one to begin with, what is wrong, the rows to mend."""

from collections.abc import Iterator

from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from portal.identity.roles import Permission
from portal.permits import import_files
from portal.problems import Missing
from portal.routes.permit_import_books import BASE, find_book, opened, sees_cells
from portal.sheets import making
from portal.web.routing import UPLOAD_THREADS, Access, get_page
from portal.web.visit import Visit

_NO_STORE = {"cache-control": "private, no-store"}


@get_page(f"{BASE}/template", Access.STAFF)
def download_template(visit: NamedDependency[Visit], kind: FromQuery[str] = "csv") -> Stream:
    with visit.portal.database.read() as db:
        visit.employee(db, Permission.ENTER_PERMITS)
    rows = import_files.template(visit.speech)
    return _table(visit, kind, iter(rows), len(rows[0]), "permits")


@get_page(f"{BASE}/{{import_id:int}}/problems", Access.STAFF, threads=UPLOAD_THREADS)
def download_problems(visit: NamedDependency[Visit], import_id: FromPath[int]) -> Stream:
    """Every cell that cannot be taken, as CSV."""
    portal = visit.portal
    with portal.database.read() as db:
        employee, book = find_book(visit, db, import_id)
        shown = sees_cells(employee, book)

    def parts() -> Iterator[bytes]:
        with portal.database.read() as db:
            cells = import_files.all_problems(db, portal.vault, book)
            yield from import_files.problems_file(cells, book, visit.speech, shown=shown)

    return _csv(parts(), f"problems-{import_id}")


@get_page(f"{BASE}/{{import_id:int}}/rows", Access.STAFF, threads=UPLOAD_THREADS)
def download_rows(
    visit: NamedDependency[Visit], import_id: FromPath[int], kind: FromQuery[str] = "csv"
) -> Stream:
    """The rows that cannot be taken, to be mended and sent again."""
    portal = visit.portal
    with portal.database.read() as db:
        employee, book = find_book(visit, db, import_id)
        if not sees_cells(employee, book) or book.row["file_dropped_at"] is not None:
            raise Missing("rows")

    def rows() -> Iterator[list[str]]:
        with opened(visit, book) as file, portal.database.read() as db:
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


HANDLERS = [download_template, download_problems, download_rows]
