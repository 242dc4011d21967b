"""What a worker does with files of paper books: check every row, then enter all of them at once.

A round takes a file in hand for a minute, and longer with every batch that it finishes. One that
was killed is followed by another, which begins the check again; entering is one transaction, so it
is whole or has not happened.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from tempfile import TemporaryFile
from typing import Any, BinaryIO, TypeAlias

from sqlalchemy import (
    JSON,
    Connection,
    Date,
    String,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from portal.clock import Clock, cairo_day, public_id
from portal.db import Database, UtcDateTime
from portal.files import FileStore
from portal.observability import log
from portal.permits import cutoffs, import_files_kept, import_preview, importing, reading
from portal.permits.checking import (
    CONTRARY,
    DIFFERENT,
    JOINED,
    TWICE,
    Checked,
    RowCheck,
    differences,
    staged,
)
from portal.permits.importing import MOST_PROBLEMS, Import
from portal.permits.model import (
    CELL,
    BuildingPermit,
    ImportState,
    PermitAct,
    PermitImport,
    PermitImportProblem,
    PermitImportRow,
    PermitOwner,
)
from portal.permits.reading import Permit
from portal.permits.registry import PermitAction
from portal.permits.validity import Status
from portal.places.model import Places
from portal.problems import Missing, Problem
from portal.sheets.opening import open_table
from portal.sheets.table import Merge, NotATable, Row, Why
from portal.vault import SealBroken, Vault

_BATCH = 1000
_IN_HAND = timedelta(seconds=60)
_WORKING = (ImportState.CHECKING, ImportState.IMPORTING)
_OVER = (ImportState.IMPORTED, ImportState.DISCARDED, ImportState.WITHDRAWN)
_LONGEST_SHOWN = 200
LOST = "lost"
TOO_MANY_PROBLEMS = "problems"
_R, _P = PermitImportRow, PermitImportProblem
_Left: TypeAlias = type[PermitImportRow] | type[PermitImportProblem]
# What a row waiting for the register and the register itself call alike
_ALIKE = (
    "serial",
    "year",
    "number",
    "letter",
    "permit_type",
    "legal_regime",
    "base_permit",
    "file_no",
    "area",
    "street",
    "street_key",
    "building_no",
    "plot_no",
    "building_use",
    "plot_area",
    "footprint_area",
    "height_cm",
    "total_built_area",
    "floors_above",
    "basements",
    "units_count",
    "issued_on",
    "must_start_by",
    "people",
)


class _TakenAway(Exception):
    """Somebody gave the file up, or another round has it in hand."""


class _TooManyProblems(Exception):
    """Nobody mends so many cells one by one: the columns are mapped wrong."""


@dataclass
class _InHand:
    """A file that this round has in hand."""

    book: Import
    claim: str
    problems: int = 0
    """So many were found."""


class ImportRounds:
    """Checks and enters files, one after the other."""

    def __init__(
        self, database: Database, vault: Vault, files: FileStore, places: Places, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._files = files
        self._places = places
        self._clock = clock

    def run_once(self) -> int:
        """Work on the file that waits longest; how many were worked on."""
        taken = self._take()
        if taken is None:
            return 0
        if taken.book.state is ImportState.IMPORTING:
            self._enter(taken)
        else:
            self._check(taken)
        return 1

    def tidy(self) -> int:
        """Drop rows that wait for nothing any more; how many files had some."""
        with self._database.read() as db:
            over = db.scalars(
                select(PermitImport.id)
                .where(
                    PermitImport.state.in_(_OVER),
                    select(_R.row_no).where(_R.import_id == PermitImport.id).exists(),
                )
                .limit(20)
            ).all()
        for import_id in over:
            self._clear(import_id, _R)
        return len(over)

    def let_go(self, kept: timedelta) -> int:
        """Give up files that nobody has touched for so long, and delete those whose time is over
        with what stood in their cells; how many were deleted.

        The file goes first: a round that is killed is followed by one that finds it gone.
        """
        before = self._clock.now() - kept
        with self._database.begin() as db:
            import_files_kept.give_up_idle(db, before)
        with self._database.read() as db:
            over = import_files_kept.to_drop(db, before)
        for import_id, key in over:
            self._files.drop(key)
            self._clear(import_id, _P)
            with self._database.begin() as db:
                book = importing.by_id(db, self._vault, import_id)
                import_files_kept.dropped(db, self._vault, book, self._clock.now())
        return len(over)

    def _take(self) -> _InHand | None:
        now = self._clock.now()
        free = or_(PermitImport.claimed_until.is_(None), PermitImport.claimed_until < now)
        waiting = (
            select(PermitImport.id, PermitImport.center_code)
            .where(PermitImport.state.in_(_WORKING), free)
            .order_by(PermitImport.uploaded_at)
            .limit(1)
        )
        with self._database.read() as db:
            if db.execute(waiting).one_or_none() is None:
                return None
        with self._database.begin() as db:
            row = db.execute(waiting.with_for_update(skip_locked=True)).one_or_none()
            if row is None:
                return None
            claim = public_id()
            db.execute(
                update(PermitImport)
                .where(PermitImport.id == row.id)
                .values(claim=claim, claimed_until=now + _IN_HAND)
            )
            return _InHand(importing.find(db, self._vault, row.center_code, row.id), claim)

    # --- checking

    def _check(self, taken: _InHand) -> None:
        book = taken.book
        self._clear(book.id, _R)
        self._clear(book.id, _P)
        try:
            with self._database.begin() as db:  # what a round counted that was killed
                self._go_on(db, taken, rows=0, problems=0)
            with self._opened(book) as file:
                self._check_rows(taken, file)
        except _TakenAway:
            self._clear(book.id, _R)
            self._clear(book.id, _P)
        except _TooManyProblems:
            self._fail(taken, TOO_MANY_PROBLEMS)
        except NotATable as error:
            self._fail(taken, error.why)
        except (Missing, SealBroken) as error:
            log.error("permits.import_lost", object_id=book.id, error=type(error).__name__)
            self._fail(taken, LOST)

    @contextmanager
    def _opened(self, book: Import) -> Iterator[BinaryIO]:
        """The file, on the disk under no name: a workbook is read from its end."""
        with TemporaryFile() as file:
            for part in self._files.parts(book.row["storage_key"]):
                file.write(part)
            file.seek(0)
            yield file

    def _last_days(self, center: str) -> Mapping[str, date]:
        """Up to which day papers count that no system wrote."""
        with self._database.read() as db:
            return cutoffs.in_force(db, center)

    def _check_rows(self, taken: _InHand, file: BinaryIO) -> None:
        book, today = taken.book, cairo_day(self._clock.now())
        table = open_table(file, book.reading)
        checker = RowCheck(
            book.mapping,
            book.assumed,
            self._places.centers[book.center_code],
            today,
            table.epoch_1904,
            self._last_days(book.center_code),
            book.meanings,
        )
        with closing(table.rows()) as all_rows:  # it lets go of the file before that is closed
            rows = (row for row in all_rows if row[0] > book.heading_row)
            filled = (row for row in rows if any(map(str.strip, row[1])))
            count = 0
            while batch := list(islice(filled, _BATCH)):
                self._check_batch(taken, checker, batch)
                count += len(batch)
        if not count:
            raise NotATable(Why.NO_ROWS)
        self._finish(taken, table.merged, table.hidden)

    def _check_batch(self, taken: _InHand, checker: RowCheck, rows: Sequence[Row]) -> None:
        checked = {row_no: checker.check(row_no, cells) for row_no, cells in rows}
        import_id = taken.book.id
        values = [
            {"import_id": import_id, **staged(each, self._vault)} for each in checked.values()
        ]
        with self._database.begin() as db:
            self._go_on(db, taken, rows=PermitImport.rows + len(values))
            db.execute(insert(_R), values)
            first, last = rows[0][0], rows[-1][0]
            self._find_twice(db, taken, checked, first, last)
            there, different = self._compare(db, taken.book, checked, first, last)
            found = [each for each in checked.values() if each.problems]
            self._write_problems(db, taken, found)
            self._mark(db, import_id, there, "there")
            self._mark(db, import_id, different, "bad")
        if taken.problems > MOST_PROBLEMS:
            raise _TooManyProblems

    def _go_on(self, db: Connection, taken: _InHand, **values: Any) -> None:
        """Keep the file in hand; raises :class:`_TakenAway`."""
        kept = db.execute(
            update(PermitImport)
            .where(
                PermitImport.id == taken.book.id,
                PermitImport.claim == taken.claim,
                PermitImport.state == taken.book.state,
            )
            .values(**{"claimed_until": self._clock.now() + _IN_HAND, **values})
        )
        if not kept.rowcount:
            raise _TakenAway

    def _find_twice(
        self,
        db: Connection,
        taken: _InHand,
        checked: Mapping[int, Checked],
        first: int,
        last: int,
    ) -> None:
        """Tell every row whose permit stands further up already. Where the two say different
        things nobody knows which is right: then both are told."""
        import_id, earlier = taken.book.id, aliased(_R)
        before = (
            select(earlier.row_no)
            .where(
                earlier.import_id == import_id,
                earlier.year == _R.year,
                earlier.number == _R.number,
                earlier.letter == _R.letter,
            )
            .order_by(earlier.row_no)
            .limit(1)
            .scalar_subquery()
            .correlate(_R)
        )
        rows = db.execute(
            select(_R.row_no, before.label("before")).where(
                _R.import_id == import_id, _R.row_no.between(first, last), _R.year > 0
            )
        )
        twice = [(row_no, other) for row_no, other in rows if other < row_no]
        if not twice:
            return
        known = self._waiting(db, taken.book, {other for _, other in twice})
        bad, before_these = set[int](), list[dict[str, Any]]()
        for row_no, other in twice:
            row, there = checked[row_no], known.get(other)
            fields = differences(row.permit, there) if row.permit and there else []
            told = [Problem(field, CONTRARY, {"row": other}) for field in fields]
            row.problems += told or [Problem("number", TWICE, {"row": other})]
            bad |= {row_no, other} if told else {row_no}
            for field in fields:
                problem = Problem(field, CONTRARY, {"row": row_no})
                if other in checked:
                    checked[other].problems.append(problem)
                else:
                    place = taken.book.mapping.get(field)
                    before_these.append(self._problem(import_id, other, place, "", problem))
        for row_no in bad & checked.keys():
            checked[row_no].permit = None
        self._insert_problems(db, taken, before_these)
        self._mark(db, import_id, sorted(bad), "bad")

    def _waiting(self, db: Connection, book: Import, row_nos: Set[int]) -> dict[int, Permit]:
        """Good rows as the register would have them."""
        columns = [getattr(_R, name) for name in _ALIKE]
        rows = db.execute(
            select(_R.row_no, *columns).where(
                _R.import_id == book.id, _R.row_no.in_(row_nos), _R.fate == "good"
            )
        ).mappings()
        return {
            row["row_no"]: reading.of_waiting(
                self._vault,
                {
                    **row,
                    "id": 0,
                    "center_code": book.center_code,
                    "status": Status.MANUAL_UNVERIFIED,
                },
            )
            for row in rows
        }

    def _compare(
        self,
        db: Connection,
        book: Import,
        checked: Mapping[int, Checked],
        first: int,
        last: int,
    ) -> tuple[list[int], list[int]]:
        """The rows that the register has already, and those that contradict it."""
        known = import_preview.in_register(db, book, range(first, last + 1))
        permits = reading.by_ids(db, self._vault, list(known.values()))
        there: list[int] = []
        different: list[int] = []
        for row_no, permit_id in known.items():
            row = checked[row_no]
            if row.permit is None:
                continue
            fields = differences(row.permit, permits[permit_id])
            (different if fields else there).append(row_no)
            row.problems = [Problem(field, DIFFERENT) for field in fields]
        return there, different

    @staticmethod
    def _mark(db: Connection, import_id: int, row_nos: Sequence[int], fate: str) -> None:
        if row_nos:
            db.execute(
                update(_R)
                .where(_R.import_id == import_id, _R.row_no.in_(row_nos))
                .values(fate=fate)
            )

    def _write_problems(self, db: Connection, taken: _InHand, rows: Sequence[Checked]) -> None:
        mapping, values = taken.book.mapping, []
        for row in rows:
            for problem in row.problems:
                position = mapping.get(problem.field)
                cell = (
                    row.cells[position]
                    if position is not None and position < len(row.cells)
                    else ""
                )
                values.append(
                    self._problem(taken.book.id, row.row_no, position, str(cell), problem)
                )
        self._insert_problems(db, taken, values)

    def _problem(
        self, import_id: int, row_no: int, position: int | None, cell: str, problem: Problem
    ) -> dict[str, Any]:
        return {
            "import_id": import_id,
            "row_no": row_no,
            "position": position,
            "field": problem.field,
            "value": self._vault.seal(CELL, cell[:_LONGEST_SHOWN]),
            "msgid": problem.msgid,
            "params": dict(problem.params),
        }

    @staticmethod
    def _insert_problems(db: Connection, taken: _InHand, values: list[dict[str, Any]]) -> None:
        if values:
            taken.problems += len(values)
            db.execute(insert(_P), values)
            db.execute(
                update(PermitImport)
                .where(PermitImport.id == taken.book.id)
                .values(problems=taken.problems)
            )

    def _finish(self, taken: _InHand, merged: Sequence[Merge], hidden: int) -> None:
        book = taken.book
        fields = {position: field for field, position in book.mapping.items()}
        with self._database.begin() as db:
            self._go_on(db, taken)
            for merge in merged:
                self._tell_joined(db, taken, merge, fields)
                if taken.problems > MOST_PROBLEMS:
                    raise _TooManyProblems
            counted = select(_R.fate, func.count()).where(_R.import_id == book.id)
            fates = {row[0]: row[1] for row in db.execute(counted.group_by(_R.fate))}
            db.execute(
                update(PermitImport)
                .where(PermitImport.id == book.id)
                .values(
                    state=ImportState.CHECKED,
                    checked_at=self._clock.now(),
                    reading={**book.row["reading"], "hidden": hidden},
                    claimed_until=None,
                    **{fate: fates.get(fate, 0) for fate in ("good", "there", "bad")},
                )
            )

    def _tell_joined(
        self, db: Connection, taken: _InHand, merge: Merge, fields: Mapping[int, str]
    ) -> None:
        """Joined cells are one value and many empty ones: nobody knows for which row."""
        book = taken.book
        touched = [
            position
            for position in range(merge.first_column, merge.last_column + 1)
            if position in fields
        ]
        if not touched:
            return
        rows = db.scalars(
            select(_R.row_no)
            .where(_R.import_id == book.id, _R.row_no.between(merge.first_row, merge.last_row))
            .order_by(_R.row_no)
            .limit(MOST_PROBLEMS + 1 - taken.problems)  # with one more the check stops
        ).all()
        if not rows:
            return
        problem = Problem(fields[touched[0]], JOINED, {"cells": merge.name})
        values = [self._problem(book.id, row_no, touched[0], "", problem) for row_no in rows]
        self._insert_problems(db, taken, values)
        db.execute(
            update(_R)
            .where(_R.import_id == book.id, _R.row_no.between(merge.first_row, merge.last_row))
            .values(fate="bad")
        )

    def _fail(self, taken: _InHand, why: str) -> None:
        self._clear(taken.book.id, _R)
        with self._database.begin() as db:
            try:
                self._go_on(db, taken, state=ImportState.FAILED, failure=why)
            except _TakenAway:
                return

    def _clear(self, import_id: int, model: _Left) -> None:
        """Drop what a check left, some at a time: nobody else waits long for the database."""
        key = _R.row_no if model is PermitImportRow else _P.id
        while True:
            with self._database.begin() as db:
                some = db.scalars(
                    select(key).where(model.import_id == import_id).order_by(key).limit(5 * _BATCH)
                ).all()
                if not some:
                    return
                db.execute(
                    delete(model).where(
                        model.import_id == import_id, key.between(some[0], some[-1])
                    )
                )

    # --- entering

    def _enter(self, taken: _InHand) -> None:
        book = taken.book
        try:
            with self._database.begin() as db:
                if (
                    db.dialect.name == "postgresql"
                ):  # one statement for 200,000 rows may take longer
                    db.execute(text("SET LOCAL statement_timeout = '10min'"))
                self._go_on(db, taken, state=ImportState.IMPORTED, claimed_until=None)
                _copy(db, book, cairo_day(self._clock.now()))
        except _TakenAway:
            return
        except IntegrityError:
            # somebody has entered one of them since: what is good is to be found out anew
            with self._database.begin() as db:
                self._go_on(
                    db,
                    taken,
                    state=ImportState.CHECKING,
                    claimed_until=None,
                    imported_by=None,
                    imported_at=None,
                    **dict.fromkeys(("rows", "good", "there", "bad", "problems"), 0),
                )
            log.warning("permits.import_again", object_id=book.id)
            return
        self._clear(book.id, _R)


def _copy(db: Connection, book: Import, today: date) -> None:
    """Enter every good row, its act and its owner, by the database's own hand."""
    actor, at = book.row["imported_by"], book.row["imported_at"]
    constant: dict[str, Any] = {
        "center_code": literal(book.center_code),
        "source": literal("backlog"),
        "status": literal(Status.MANUAL_UNVERIFIED, String()),
        "status_on": func.coalesce(_R.issued_on, literal(today, Date())),
        "revision": literal(0),
        "details": literal({}, JSON()),
        "start_disputed": literal(False),
        "entered_at": literal(at, UtcDateTime()),
        "entered_by": literal(actor),
        "import_id": literal(book.id),
        "file_department": literal(book.row["department"]),
    }
    columns = {**{name: getattr(_R, name) for name in _ALIKE}, **constant}
    good = select(*columns.values()).where(_R.import_id == book.id, _R.fate == "good")
    db.execute(insert(BuildingPermit).from_select(list(columns), good.order_by(_R.row_no)))
    entered = select(
        BuildingPermit.id,
        literal(0),
        literal(PermitAction.ENTER, String()),
        BuildingPermit.status,
        BuildingPermit.issued_on,
        literal(actor),
        literal(at, UtcDateTime()),
        true(),  # nobody can have asked about it yet
    ).where(BuildingPermit.import_id == book.id)
    acts = PermitAct
    names = [acts.permit_id, acts.revision, acts.act, acts.status, acts.on, acts.actor, acts.at]
    names.append(acts.announced)
    db.execute(insert(acts).from_select(names, entered.order_by(BuildingPermit.id)))
    owners = (
        select(
            BuildingPermit.id,
            literal(0),
            _R.national_id,
            _R.national_id_index,
            _R.mobile,
            _R.mobile_index,
        )
        .join(_R, _R.serial == BuildingPermit.serial)
        .where(_R.import_id == book.id, _R.fate == "good", _R.national_id.is_not(None))
    )
    sealed = ["permit_id", "position", "national_id", "national_id_index"]
    sealed += ["mobile", "mobile_index"]
    db.execute(insert(PermitOwner).from_select(sealed, owners))
