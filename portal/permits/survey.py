"""The survey (حصر): which paper files there are, counted before anything of them is entered.

A file is named by center, department, year and number. A permit names the file that it lies in, so
whether a file is entered is looked up, never kept: it holds for what was entered before the survey,
by hand or from a file, too.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Exists,
    and_,
    delete,
    exists,
    func,
    insert,
    select,
)

from payments.storage import UnlessThere
from portal.permits.backlog_model import BacklogFile
from portal.permits.entering import FILE_NUMBER, LONGEST_FILE_NUMBER, file_number, read_year
from portal.permits.model import BuildingPermit
from portal.permits.reading import IN_REGISTER
from portal.problems import HIDDEN_CHARACTERS, N_, Missing, Problem
from portal.text import Unreadable, clean, fold_digits

FIELDS = ("department", "shelf", "file_year", "first", "last")
MOST_AT_ONCE = 2000
_LONGEST_SHELF = 40
_BATCH = 500


@dataclass(frozen=True)
class Counted:
    """Files that somebody counted on one shelf."""

    department: str
    shelf: str
    year: int
    numbers: Sequence[str]


@dataclass(frozen=True)
class Surveyed:
    """A file of the survey; ``entered`` is how many permits of it the register has."""

    id: int
    department: str
    shelf: str
    year: int
    file_no: str
    entered: int


def read_counted(
    typed: Mapping[str, str], departments: Collection[str], today: date
) -> tuple[Counted | None, list[Problem]]:
    """One file, or those from ``first`` to ``last``; everything that is wrong at once."""
    problems: list[Problem] = []
    if typed["department"] not in departments:
        problems.append(Problem("department", N_("Choose the department whose file it is")))
    shelf = _shelf(typed["shelf"], problems)
    year = read_year(typed["file_year"], today.year)
    if year is None:
        problems.append(Problem("file_year", N_("Write the year in four digits, such as 1998")))
    numbers = _numbers(typed["first"], typed["last"], problems)
    if problems or year is None:
        return None, problems
    return Counted(typed["department"], shelf, year, numbers), []


def _shelf(text: str, problems: list[Problem]) -> str:
    try:
        shelf = clean(text)
    except Unreadable:
        problems.append(Problem("shelf", HIDDEN_CHARACTERS))
        return ""
    if not shelf:
        problems.append(Problem("shelf", N_("Write the shelf on which it stands")))
    elif len(shelf) > _LONGEST_SHELF:
        problems.append(Problem("shelf", N_("Write at most {n} characters"), {"n": _LONGEST_SHELF}))
    return shelf


def _numbers(first: str, last: str, problems: list[Problem]) -> Sequence[str]:
    begin = file_number(first)
    if not begin:
        problems.append(Problem("first", FILE_NUMBER, {"n": LONGEST_FILE_NUMBER}))
        return ()
    if not last.strip():
        return (begin,)
    end = fold_digits(last.strip())
    if not (begin.isdecimal() and end.isascii() and end.isdigit() and len(end) < 10):
        text = N_("A range goes from one number in digits to another, such as 1 to 250")
        problems.append(Problem("last", text))
        return ()
    if int(end) < int(begin):
        problems.append(Problem("last", N_("The last number is not before the first one")))
        return ()
    if int(end) - int(begin) >= MOST_AT_ONCE:
        text = N_("Enter at most {n} files at once")
        problems.append(Problem("last", text, {"n": MOST_AT_ONCE}))
        return ()
    return [str(number) for number in range(int(begin), int(end) + 1)]


def count(db: Connection, center: str, counted: Counted, by: str, at: datetime) -> int:
    """Add the files; how many were new. Those that were counted before stay as they are."""
    added = 0
    for start in range(0, len(counted.numbers), _BATCH):
        rows = [
            {
                "center_code": center,
                "department": counted.department,
                "shelf": counted.shelf,
                "year": counted.year,
                "file_no": number,
                "surveyed_by": by,
                "surveyed_at": at,
            }
            for number in counted.numbers[start : start + _BATCH]
        ]
        careful = insert(BacklogFile).values(rows).returning(BacklogFile.id).ext(UnlessThere())
        added += len(db.scalars(careful).all())
    return added


def of_file() -> tuple[ColumnElement[bool], ...]:
    """Conditions: the permit lies in the file, and the register has it."""
    return (
        BuildingPermit.center_code == BacklogFile.center_code,
        BuildingPermit.file_department == BacklogFile.department,
        BuildingPermit.file_no == BacklogFile.file_no,
        func.coalesce(BuildingPermit.file_year, BuildingPermit.year) == BacklogFile.year,
        IN_REGISTER,
    )


def is_entered(before: datetime | None = None) -> Exists:
    """Whether something of a file is entered, or was before then."""
    when = () if before is None else (BuildingPermit.entered_at < before,)
    return exists().where(*of_file(), *when)


def listed(
    db: Connection,
    center: str,
    *,
    department: str = "",
    entered: bool | None = None,
    year: int | None = None,
    number: str = "",
    after: int = 0,
    most: int = 50,
) -> list[Surveyed]:
    """Files of the survey in the order in which they were counted, those after id ``after``."""
    conditions: list[Any] = [BacklogFile.center_code == center, BacklogFile.id > after]
    if department:
        conditions.append(BacklogFile.department == department)
    if entered is not None:
        conditions.append(is_entered() if entered else ~is_entered())
    if year is not None:
        conditions.append(BacklogFile.year == year)
    if number:
        conditions.append(BacklogFile.file_no == number)
    permits = select(func.count()).select_from(BuildingPermit).where(*of_file()).scalar_subquery()
    rows = db.execute(
        select(
            BacklogFile.id,
            BacklogFile.department,
            BacklogFile.shelf,
            BacklogFile.year,
            BacklogFile.file_no,
            permits,
        )
        .where(*conditions)
        .order_by(BacklogFile.id)
        .limit(most)
    )
    return [Surveyed(*row) for row in rows]


def size(db: Connection, center: str) -> int:
    """How many files were counted at a center."""
    files = select(func.count()).where(BacklogFile.center_code == center)
    return db.scalar(files) or 0


def shelf_of(db: Connection, permit_id: int) -> str | None:
    """The shelf of the file that a permit lies in; None when the survey does not know it."""
    found: str | None = db.scalar(
        select(BacklogFile.shelf)
        .join(BuildingPermit, and_(*of_file()))
        .where(BuildingPermit.id == permit_id)
    )
    return found


def remove(db: Connection, center: str, file_id: int) -> bool:
    """Take a file out of the survey; False when something of it is entered already.

    Raises :class:`Missing` for a file of another center, or none.
    """
    mine = (BacklogFile.id == file_id, BacklogFile.center_code == center)
    if db.scalar(select(BacklogFile.id).where(*mine)) is None:
        raise Missing("file of the survey")
    return bool(db.execute(delete(BacklogFile).where(*mine, ~is_entered())).rowcount)
