"""What a worker does with paper books, on both databases: the big insert, and its sudden end."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from portal.clock import SettableClock
from portal.db import Database
from portal.files import FileStore
from portal.migrations.running import upgrade
from portal.permits import import_rounds, importing
from portal.permits.columns import suggest
from portal.permits.import_rounds import ImportRounds
from portal.permits.importing import Head, Import, Reviewed
from portal.permits.model import (
    BuildingPermit,
    ImportState,
    PermitAct,
    PermitImport,
    PermitImportProblem,
    PermitImportRow,
    PermitOwner,
)
from portal.places.model import load_places
from portal.rotation import _place
from portal.sheets.opening import Reading
from portal.vault import Vault
from tests.support.answers import NATIONAL_ID
from tests.support.databases import Databases

NOW = datetime(2026, 11, 22, 9, 42, tzinfo=UTC)
CENTER = "KFS-003"
SECRET = "a key for this test, and for nothing else"
HEADS = "number,year,permit_type,legal_regime,issued_on,street,owner,owner_id"


class Office:
    """A register with a worker of its own, and no web page."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.database = Database(url)
        self.vault = Vault([SECRET])
        self.clock = SettableClock(NOW)
        self.files = FileStore(folder / "files", self.vault)
        self.rounds = ImportRounds(self.database, self.vault, self.files, load_places(), self.clock)

    def send(self, *rows: str) -> int:
        """A file, on its way to be checked."""
        path = self.folder / "book.csv"
        path.write_text("\n".join([HEADS, *rows]), encoding="utf-8")
        with path.open("rb") as file:
            stored = self.files.put(file)
        heads = HEADS.split(",")
        with self.database.begin() as db:
            book_id = importing.keep(
                db,
                self.vault,
                center=CENTER,
                file_name="book.csv",
                stored=stored,
                reading=Reading("csv", 0, "utf-8", ","),
                heading_row=1,
                head=Head(heads, []),
                mapping=suggest(heads),
                actor="entry",
                at=NOW,
            )
            book = importing.find(db, self.vault, CENTER, book_id)
            importing.check(db, book, book.mapping, {}, NOW)
        return book_id

    def book(self, book_id: int) -> Import:
        with self.database.read() as db:
            return importing.find(db, self.vault, CENTER, book_id)

    def release(self, book_id: int, *, only_good: bool = False) -> None:
        with self.database.begin() as db:
            book = importing.find(db, self.vault, CENTER, book_id)
            importing.enter(db, book, "head", NOW, only_good=only_good)

    def fates(self, book_id: int) -> tuple[str, int, int, int, int]:
        row = self.book(book_id).row
        return row["state"], row["rows"], row["good"], row["there"], row["bad"]

    def count(self, model: type) -> int:
        with self.database.read() as db:
            return int(db.scalar(select(func.count()).select_from(model)) or 0)

    def entered(self) -> tuple[int, int, int]:
        """Permits, acts on them, owners that can be found."""
        return self.count(BuildingPermit), self.count(PermitAct), self.count(PermitOwner)


@pytest.fixture
def office(database_kind: str, databases: Databases, tmp_path: Path) -> Iterator[Office]:
    url = databases.empty(tmp_path, database_kind)
    made = Office(url, tmp_path)
    upgrade(made.database)
    yield made
    made.database.close()


def good(number: int, street: str = "x") -> str:
    return f"{number},1998,new,106/1976,1998-03-15,{street},Mona,{NATIONAL_ID}"


KILLED = """
import os, signal, sys
from pathlib import Path
from portal.permits import import_rounds
from tests.integration.test_import_rounds import Office

def die(*_):
    copy(*_)
    os.kill(os.getpid(), signal.SIGKILL)

copy, import_rounds._copy = import_rounds._copy, die
Office(sys.argv[1], Path(sys.argv[2])).rounds.run_once()
"""


def test_a_worker_that_is_killed_in_the_middle_of_entering_has_entered_nothing(
    office: Office,
) -> None:
    book_id = office.send(*map(good, range(1, 301)))
    assert office.rounds.run_once() == 1
    assert office.fates(book_id) == ("checked", 300, 300, 0, 0)
    office.release(book_id)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, office.url, str(office.folder)], check=False
    )
    assert killed.returncode == -9
    assert office.entered() == (0, 0, 0)
    assert office.rounds.run_once() == 0, "it is in hand until its minute is over"
    office.clock.at = NOW + timedelta(minutes=2)
    assert office.rounds.run_once() == 1
    assert office.entered() == (300, 300, 300)
    assert office.rounds.run_once() == 0
    assert office.count(PermitImportRow) == 0
    with office.database.read() as db:
        kept = db.execute(
            select(BuildingPermit.entered_by, BuildingPermit.entered_at, BuildingPermit.status)
        ).first()
    assert tuple(kept or ()) == ("head", NOW, "manual_unverified")


def test_a_check_that_was_killed_begins_again_and_counts_nothing_twice(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_rounds, "_BATCH", 100)
    book_id = office.send(*map(good, range(1, 151)), good(7), "x,1998,,,,,,")
    find, batches = office.rounds._check_batch, list[int]()

    def die(*given: object) -> None:
        if batches:
            raise KeyboardInterrupt
        batches.append(1)
        find(*given)  # type: ignore[arg-type]

    office.rounds._check_batch = die  # type: ignore[method-assign,assignment]
    with pytest.raises(KeyboardInterrupt):
        office.rounds.run_once()
    assert office.fates(book_id)[:2] == ("checking", 100)
    office.rounds._check_batch = find  # type: ignore[method-assign]
    office.clock.at = NOW + timedelta(minutes=2)
    office.rounds.run_once()
    assert office.fates(book_id) == ("checked", 152, 150, 0, 2)
    assert office.book(book_id).row["problems"] == office.count(PermitImportProblem)


def test_a_permit_that_came_meanwhile_stops_the_whole_import(office: Office) -> None:
    first, second = office.send(good(1), good(2)), office.send(good(2, "other"))
    for _ in range(2):
        office.rounds.run_once()
    office.release(second)
    office.rounds.run_once()
    office.release(first)
    office.rounds.run_once()
    assert office.entered() == (1, 1, 1)
    assert office.fates(first)[0] == "checking"
    office.rounds.run_once()
    assert office.fates(first) == ("checked", 2, 1, 0, 1)
    office.release(first, only_good=True)
    office.rounds.run_once()
    assert office.entered() == (2, 2, 2)


def test_an_import_that_is_taken_back_leaves_nothing_and_one_that_was_touched_stays(
    office: Office,
) -> None:
    book_id = office.send(good(1), good(2))
    office.rounds.run_once()
    office.release(book_id)
    office.rounds.run_once()

    def take_back() -> None:
        with office.database.begin() as db:
            importing.withdraw(db, office.vault, office.book(book_id), "head", "why", NOW)

    with office.database.begin() as db:
        db.execute(update(BuildingPermit).values(revision=1))
    with pytest.raises(Reviewed):
        take_back()
    assert office.fates(book_id)[0] == ImportState.IMPORTED
    with office.database.begin() as db:
        db.execute(update(BuildingPermit).values(revision=0))
    take_back()
    assert office.entered() == (0, 0, 0)
    again = office.send(good(1), good(2))
    office.rounds.run_once()
    assert office.fates(again) == ("checked", 2, 2, 0, 0)


def _lose(office: Office, book_id: int) -> None:
    office.files.drop(office.book(book_id).row["storage_key"])


def _change_letters(office: Office, book_id: int) -> None:
    book = office.book(book_id)
    with office.database.begin() as db:
        reading = {**book.row["reading"], "encoding": "utf-16"}
        db.execute(update(PermitImport).values(reading=reading))


@pytest.mark.parametrize(
    ("harm", "why"), [(_lose, "lost"), (_change_letters, "encoding")], ids=["lost", "letters"]
)
def test_a_file_that_cannot_be_read_to_its_end_is_told_so(
    office: Office, harm: Callable[[Office, int], None], why: str
) -> None:
    book_id = office.send(good(1), "x")
    harm(office, book_id)
    office.rounds.run_once()
    book = office.book(book_id)
    assert (book.state, book.row["failure"]) == (ImportState.FAILED, why)
    assert not book.importable


def test_a_check_of_wrongly_named_columns_stops_and_says_so(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_rounds, "MOST_PROBLEMS", 10)
    monkeypatch.setattr(import_rounds, "_BATCH", 100)
    book_id = office.send(*["x"] * 150)
    office.rounds.run_once()
    book = office.book(book_id)
    assert (book.state, book.row["failure"]) == (ImportState.FAILED, "problems")
    assert (book.row["rows"], book.row["problems"]) == (100, office.count(PermitImportProblem))


def test_what_waits_sealed_is_opened_in_the_place_that_a_rotation_knows(office: Office) -> None:
    office.send(good(1))
    office.rounds.run_once()
    table = PermitImportRow.__table__
    with office.database.read() as db:
        row = db.execute(select(table)).mappings().one()
    for name in ("people", "national_id"):
        assert NATIONAL_ID in office.vault.open(_place(table.c[name]), row[name])


def test_a_double_is_told_in_time_though_every_row_is_the_same(office: Office) -> None:
    book_id = office.send(*[good(5)] * 300)
    office.rounds.run_once()
    assert office.fates(book_id) == ("checked", 300, 1, 0, 299)


def test_a_file_goes_when_its_time_is_over_with_what_stood_in_its_cells(office: Office) -> None:
    kept = timedelta(days=90)
    ended, waits = office.send(good(1), "x"), office.send(good(2), "x")
    office.rounds.run_once()
    office.rounds.run_once()
    office.release(ended, only_good=True)
    office.rounds.run_once()
    office.clock.at = NOW + kept - timedelta(hours=1)
    assert office.rounds.let_go(kept) == 0
    assert office.count(PermitImportProblem) > 0
    office.clock.at = NOW + kept + timedelta(hours=1)
    assert office.rounds.let_go(kept) == 2
    assert office.fates(ended) == ("imported", 2, 1, 0, 1), "that it was imported stays"
    assert office.fates(waits)[0] == ImportState.DISCARDED, "nobody did anything with it"
    assert office.book(waits).row["discarded_by"] == ""
    assert office.count(PermitImportProblem) == 0
    assert list(office.files.keys()) == []
    for book_id in (ended, waits):
        book = office.book(book_id)
        assert book.row["file_dropped_at"] == office.clock.now()
        assert list(book.headings) == HEADS.split(",")
        assert not any(book.head.examples)
    assert office.rounds.let_go(kept) == 0
    with office.database.begin() as db:  # what it brought can still be taken back
        importing.withdraw(db, office.vault, office.book(ended), "head", "why", NOW)
    assert office.entered() == (0, 0, 0)


def test_a_round_that_was_killed_while_a_file_went_is_followed_by_one_that_ends_it(
    office: Office,
) -> None:
    book_id = office.send(good(1))
    office.rounds.run_once()
    with office.database.begin() as db:
        importing.discard(db, office.book(book_id), "entry", NOW)
    office.files.drop(office.book(book_id).row["storage_key"])
    office.clock.at = NOW + timedelta(days=15)
    assert office.rounds.let_go(timedelta(days=14)) == 1
    assert office.book(book_id).row["file_dropped_at"] is not None


def test_the_database_keeps_no_file_gone_of_which_something_may_still_be_entered(
    office: Office,
) -> None:
    book_id = office.send(good(1))
    office.rounds.run_once()
    change = update(PermitImport).where(PermitImport.id == book_id)
    with pytest.raises(IntegrityError), office.database.begin() as db:
        db.execute(change.values(file_dropped_at=NOW))
    with pytest.raises(IntegrityError), office.database.begin() as db:
        db.execute(change.values(discarded_by="somebody"))
