"""What staff do with a paper book that came as a file: send, map, import, give up, take back.

A worker reads and checks (:mod:`portal.permits.import_rounds`). Every act is one guarded change of
the file's state: pressed twice, or by two at once, it happens once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from portal.files import Stored
from portal.permits.model import (
    CELL,
    DEPARTMENT,
    FILE_NAME,
    HEADINGS,
    WITHDRAWN_WHY,
    BuildingPermit,
    ImportState,
    PermitAct,
    PermitImport,
    PermitImportProblem,
    PermitInquiry,
    PermitOwner,
)
from portal.permits.taking_back import in_the_way
from portal.problems import Conflict, Missing, Problem
from portal.sheets.opening import Reading
from portal.vault import Vault

MOST_PROBLEMS = 50_000
_S = ImportState
_READABLE = (_S.MAPPING, _S.CHECKED, _S.FAILED)
"""When it may be mapped, and mapped anew."""
DISCARDABLE = (*_READABLE, _S.CHECKING)


class Reviewed(Conflict):
    """Somebody has looked at, or worked on, a permit of the file: it is taken back no more."""


@dataclass(frozen=True)
class Head:
    """What is seen of a file before it is checked; it may hold names of people."""

    headings: Sequence[str]
    examples: Sequence[Sequence[str]]
    """Some values of each column."""
    sheets: Sequence[str] = ()
    """Of a workbook, by name."""


@dataclass(frozen=True)
class Import:
    """A file as pages show it."""

    id: int
    center_code: str
    file_name: str
    state: ImportState
    reading: Reading
    heading_row: int
    hidden: int
    head: Head
    mapping: Mapping[str, int]
    assumed: Mapping[str, str]
    meanings: Mapping[str, Mapping[str, str]]
    """By field, by a folded word of the file, the code that it stands for."""
    row: Mapping[str, Any]
    """Every column that is not sealed."""

    @property
    def headings(self) -> Sequence[str]:
        return self.head.headings

    @property
    def importable(self) -> bool:
        """Whether something in it may be entered."""
        return self.state is _S.CHECKED and self.row["good"] > 0


@dataclass(frozen=True)
class Cell:
    """A cell that cannot be taken as it is."""

    id: int
    row_no: int
    position: int | None
    field: str
    value: str
    problem: Problem


def keep(
    db: Connection,
    vault: Vault,
    *,
    center: str,
    file_name: str,
    stored: Stored,
    reading: Reading,
    heading_row: int,
    head: Head,
    mapping: Mapping[str, int],
    actor: str,
    at: datetime,
) -> int:
    """A file that was sent, ready to be mapped; its id."""
    made = db.execute(
        insert(PermitImport)
        .values(
            center_code=center,
            department=DEPARTMENT,
            touched_at=at,
            file_name=vault.seal(FILE_NAME, file_name),
            storage_key=stored.key,
            sha256=stored.sha256,
            size_bytes=stored.size_bytes,
            kind=reading.kind,
            assumed={},
            mapping=dict(mapping),
            state=_S.MAPPING,
            uploaded_by=actor,
            uploaded_at=at,
            **_read_as(vault, center, reading, heading_row, head),
        )
        .returning(PermitImport.id)
    )
    return made.scalar_one()


def _read_as(
    vault: Vault, center: str, reading: Reading, heading_row: int, head: Head
) -> dict[str, Any]:
    return {
        "reading": {**asdict(reading), "heading_row": heading_row, "hidden": 0},
        "headings": vault.seal_json(HEADINGS, asdict(head)),
        "headings_key": _headings_key(vault, center, head.headings),
    }


def _headings_key(vault: Vault, center: str, headings: Sequence[str]) -> bytes:
    return vault.index("headings", "\0".join((center, *headings)))


@dataclass(frozen=True)
class Remembered:
    """How the center named the same headings the last time."""

    mapping: Mapping[str, int]
    assumed: Mapping[str, str]
    department: str
    meanings: Mapping[str, Mapping[str, str]]


def remembered(
    db: Connection, vault: Vault, center: str, headings: Sequence[str]
) -> Remembered | None:
    """How the center mapped the same headings the last time, and what it said besides."""
    row = db.execute(
        select(
            PermitImport.mapping,
            PermitImport.assumed,
            PermitImport.department,
            PermitImport.meanings,
        )
        .where(
            PermitImport.center_code == center,
            PermitImport.headings_key == _headings_key(vault, center, headings),
            PermitImport.checked_at.is_not(None),
        )
        .order_by(PermitImport.id.desc())
        .limit(1)
    ).one_or_none()
    return Remembered(*row) if row else None


def same_file(db: Connection, center: str, sha256: str) -> int | None:
    """The newest import of the very same file that is not over."""
    return db.scalar(
        select(PermitImport.id)
        .where(
            PermitImport.center_code == center,
            PermitImport.sha256 == sha256,
            PermitImport.state.not_in([_S.DISCARDED, _S.WITHDRAWN]),
        )
        .order_by(PermitImport.id.desc())
        .limit(1)
    )


def read_anew(
    db: Connection,
    vault: Vault,
    book: Import,
    reading: Reading,
    heading_row: int,
    head: Head,
    mapping: Mapping[str, int],
    at: datetime,
) -> None:
    """Another sheet, encoding, separator or row of headings was chosen."""
    values = _read_as(vault, book.center_code, reading, heading_row, head)
    values |= {"mapping": dict(mapping), "failure": "", "touched_at": at}
    _move(db, book.id, _READABLE, state=_S.MAPPING, **values)


def check(
    db: Connection,
    book: Import,
    mapping: Mapping[str, int],
    assumed: Mapping[str, str],
    at: datetime,
    *,
    department: str = DEPARTMENT,
    meanings: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Its columns are known: the worker may check it. ``department`` is that whose paper it is;
    ``meanings`` are words whose code somebody has said, or None to leave them as they are."""
    zero = dict.fromkeys(("rows", "good", "there", "bad", "problems"), 0)
    _move(
        db,
        book.id,
        _READABLE,
        state=_S.CHECKING,
        mapping=dict(mapping),
        assumed=dict(assumed),
        department=department,
        meanings=book.meanings if meanings is None else meanings,
        touched_at=at,
        failure="",
        claim="",
        claimed_until=None,
        checked_at=None,
        **zero,
    )


def enter(db: Connection, book: Import, actor: str, at: datetime, *, only_good: bool) -> None:
    """All of it is to be entered, or only what is good where the reader says so."""
    if not book.importable or (book.row["bad"] and not only_good):
        raise Conflict("this file cannot be imported as it is")
    _move(
        db,
        book.id,
        (_S.CHECKED,),
        state=_S.IMPORTING,
        only_good=only_good,
        imported_by=actor,
        imported_at=at,
        touched_at=at,
        claim="",
        claimed_until=None,
    )


def discard(db: Connection, book: Import, actor: str, at: datetime) -> None:
    """Give it up before anything of it was entered."""
    _move(db, book.id, DISCARDABLE, state=_S.DISCARDED, discarded_by=actor, touched_at=at)


def withdraw(
    db: Connection, vault: Vault, book: Import, actor: str, reason: str, at: datetime
) -> None:
    """Take back what nobody has reviewed; raises :class:`Reviewed`.

    Nobody outside was told anything of these permits, so they may go without a trace in the
    register; the trace is the import.
    """
    values = {
        "withdrawn_by": actor,
        "withdrawn_at": at,
        "touched_at": at,
        "reason": vault.seal(WITHDRAWN_WHY, reason),
    }
    _move(db, book.id, (_S.IMPORTED,), state=_S.WITHDRAWN, **values)
    if in_the_way(db, book.id):
        raise Reviewed("somebody has reviewed permits of this file")
    ids = permits_of(book.id)
    try:
        with db.begin_nested():
            db.execute(
                update(PermitInquiry).where(PermitInquiry.permit_id.in_(ids)).values(permit_id=None)
            )
            db.execute(delete(PermitAct).where(PermitAct.permit_id.in_(ids)))
            db.execute(delete(PermitOwner).where(PermitOwner.permit_id.in_(ids)))
            db.execute(delete(BuildingPermit).where(BuildingPermit.import_id == book.id))
    except IntegrityError as error:  # something hangs on one of them
        raise Reviewed("somebody has worked on permits of this file") from error


def permits_of(import_id: int) -> Select[int]:
    """The ids of what came in a file."""
    return select(BuildingPermit.id).where(BuildingPermit.import_id == import_id)


def _move(db: Connection, import_id: int, states: Sequence[ImportState], **values: Any) -> None:
    moved = db.execute(
        update(PermitImport)
        .where(PermitImport.id == import_id, PermitImport.state.in_(states))
        .values(**values)
    )
    if not moved.rowcount:
        raise Conflict("this file is no longer where it was")


# --- reading

_SEALED = {"file_name", "headings", "reason"}
_COLUMNS = [c for c in PermitImport.__table__.columns if c.name not in {"reason", "headings_key"}]


def by_id(db: Connection, vault: Vault, import_id: int) -> Import:
    """A file of any center, for the worker."""
    row = db.execute(select(*_COLUMNS).where(PermitImport.id == import_id)).mappings().one()
    return _import(vault, row)


def find(db: Connection, vault: Vault, center: str, import_id: int) -> Import:
    """A file of this center; any other is as missing as none."""
    statement = select(*_COLUMNS).where(
        PermitImport.id == import_id, PermitImport.center_code == center
    )
    row = db.execute(statement).mappings().one_or_none()
    if row is None:
        raise Missing("import")
    return _import(vault, row)


def listed(
    db: Connection, vault: Vault, center: str, *, before: int | None, most: int
) -> list[Import]:
    """The newest files of a center, those before id ``before``."""
    statement: Select[Any] = select(*_COLUMNS).where(PermitImport.center_code == center)
    if before is not None:
        statement = statement.where(PermitImport.id < before)
    rows = db.execute(statement.order_by(PermitImport.id.desc()).limit(most)).mappings()
    return [_import(vault, row) for row in rows]


def why_withdrawn(db: Connection, vault: Vault, import_id: int) -> str:
    sealed = db.scalar(select(PermitImport.reason).where(PermitImport.id == import_id))
    return vault.open(WITHDRAWN_WHY, sealed) if sealed else ""


def _import(vault: Vault, row: RowMapping) -> Import:
    reading = row["reading"]
    return Import(
        id=row["id"],
        center_code=row["center_code"],
        file_name=vault.open(FILE_NAME, row["file_name"]),
        state=ImportState(row["state"]),
        reading=Reading.of(row["kind"], reading),
        heading_row=reading["heading_row"],
        hidden=reading["hidden"],
        head=Head(**vault.open_json(HEADINGS, row["headings"])),
        mapping=row["mapping"],
        assumed=row["assumed"],
        meanings=row["meanings"],
        row={name: value for name, value in row.items() if name not in _SEALED},
    )


def problems(
    db: Connection,
    vault: Vault,
    import_id: int,
    *,
    field: str = "",
    after: tuple[int, int] = (0, 0),
    most: int,
) -> list[Cell]:
    """Problems in the order of their rows, those behind ``after`` (row and id)."""
    row_no, last_id = after
    statement = select(
        PermitImportProblem.id,
        PermitImportProblem.row_no,
        PermitImportProblem.position,
        PermitImportProblem.field,
        PermitImportProblem.value,
        PermitImportProblem.msgid,
        PermitImportProblem.params,
    ).where(
        PermitImportProblem.import_id == import_id,
        (PermitImportProblem.row_no > row_no)
        | ((PermitImportProblem.row_no == row_no) & (PermitImportProblem.id > last_id)),
    )
    if field:
        statement = statement.where(PermitImportProblem.field == field)
    rows = db.execute(
        statement.order_by(PermitImportProblem.row_no, PermitImportProblem.id).limit(most)
    )
    return [
        Cell(
            r.id,
            r.row_no,
            r.position,
            r.field,
            vault.open(CELL, r.value),
            Problem(r.field, r.msgid, r.params),
        )
        for r in rows
    ]


def problems_by_field(db: Connection, import_id: int) -> dict[str, int]:
    """How many problems each field has, the most first."""
    rows = db.execute(
        select(PermitImportProblem.field, func.count())
        .where(PermitImportProblem.import_id == import_id)
        .group_by(PermitImportProblem.field)
        .order_by(func.count().desc(), PermitImportProblem.field)
    )
    return {row[0]: row[1] for row in rows}
