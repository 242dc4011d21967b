"""A file of paper books as the pages about it find it, open it and show it."""

from datetime import date
from tempfile import TemporaryFile
from typing import BinaryIO

from sqlalchemy import Connection

from portal.backoffice.acts import Employee
from portal.clock import cairo_day
from portal.db import LARGEST_ID
from portal.identity.roles import Permission, may
from portal.permits import importing
from portal.permits.importing import Import
from portal.problems import Lost, Missing
from portal.vault import SealBroken
from portal.web.visit import Visit

BASE = "/center/permits/imports"


def find_book(visit: Visit, db: Connection, import_id: int) -> tuple[Employee, Import]:
    """The file, if it is of the center of who asks and may enter permits; and who that is."""
    employee = visit.employee(db, Permission.ENTER_PERMITS)
    if not 0 < import_id <= LARGEST_ID:
        raise Missing("import")
    return employee, importing.find(db, visit.portal.vault, employee.center, import_id)


def sees_cells(employee: Employee, book: Import) -> bool:
    return employee.username == book.row["uploaded_by"] or may(
        employee.role, Permission.SEE_IDENTITY
    )


def kept_until(visit: Visit, book: Import) -> date | None:
    """The day on which the file goes unless somebody does something with it; None once it has."""
    if book.row["file_dropped_at"] is not None:
        return None
    return cairo_day(book.row["touched_at"] + visit.portal.settings.permit_files_kept)


def opened(visit: Visit, book: Import) -> BinaryIO:
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
