"""Migrations, and what the tables themselves refuse, whoever writes to them."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Executable, delete, func, insert, inspect, select, text, update
from sqlalchemy.exc import IntegrityError

from payments.model import (
    Attempt,
    Entry,
    EntryLine,
    Obligation,
    PaymentCase,
    Receipt,
    SeenEvent,
)
from payments.model import Base as PaymentsBase
from payments.proof import unbalanced_entries
from portal import jws
from portal.backoffice.model import (
    CenterAssessment,
    CenterAssessmentLine,
    CenterDocument,
    CenterRequest,
    TakenMessage,
)
from portal.bodies.model import BodyKey
from portal.db import Base, Database
from portal.handoff.model import InwardEvent, OutboxMessage
from portal.holidays.model import Holiday
from portal.identity.model import Citizen, SignIn, Staff
from portal.migrations import running
from portal.migrations.running import DatabaseNewer, differences, upgrade
from portal.notifications.model import OutgoingMessage
from portal.registers.model import RegisterDue, RegisterRecord
from portal.requests.model import Attachment, Draft, HistoryEntry, ServiceRequest
from tests.support.databases import Databases
from tests.support.rows import AT, DAY, OTHER_SIDE, ROWS


@pytest.fixture
def new_url(database_kind: str, databases: Databases, tmp_path: Path) -> Callable[[], str]:
    """Addresses of empty databases."""
    return lambda: databases.empty(tmp_path, database_kind)


@pytest.fixture
def empty(new_url: Callable[[], str]) -> Iterator[Database]:
    database = Database(new_url())
    yield database
    database.close()


# --- from empty to head


def test_migrations_make_exactly_the_tables_that_the_program_has(
    empty: Database, new_url: Callable[[], str]
) -> None:
    upgrade(empty)
    modelled = Database(new_url())
    with modelled.begin() as db:
        Base.metadata.create_all(db)
        PaymentsBase.metadata.create_all(db)
    with empty.read() as migrated, modelled.read() as meant:
        assert differences(migrated) == []
        here, there = _shape(migrated), _shape(meant)
        assert here.keys() - {"alembic_version"} == there.keys()
        for table in there:
            assert here[table] == there[table], table
    modelled.close()


def _shape(db: Connection) -> dict[str, Any]:
    """Columns, keys, checks and indexes of every table; of conditions the text."""
    seen = inspect(db)
    shapes = {}
    for table in seen.get_table_names():
        shapes[table] = {
            "columns": {
                c["name"]: (str(c["type"]), c["nullable"]) for c in seen.get_columns(table)
            },
            "key": seen.get_pk_constraint(table)["constrained_columns"],
            "uniques": sorted(
                (str(u["name"]), u["column_names"]) for u in seen.get_unique_constraints(table)
            ),
            "checks": sorted(
                (str(c["name"]), re.sub(r"\s+", " ", c["sqltext"]))
                for c in seen.get_check_constraints(table)
            ),
            "foreign": sorted(
                (f["constrained_columns"], f["referred_table"], f["referred_columns"])
                for f in seen.get_foreign_keys(table)
            ),
            "indexes": sorted(
                (
                    str(i["name"]),
                    i["column_names"],
                    bool(i["unique"]),
                    sorted(
                        (k, str(v))
                        for k, v in i.get("dialect_options", {}).items()
                        if v is not None
                    ),
                )
                for i in seen.get_indexes(table)
            ),
        }
    return shapes


def test_migrating_again_changes_nothing(empty: Database) -> None:
    upgrade(empty)
    with empty.begin() as db:
        db.execute(insert(TakenMessage).values(id="m1", taken_at=AT))
    with empty.read() as db:
        before = _shape(db)
    upgrade(empty)
    with empty.read() as db:
        assert _shape(db) == before
        assert db.scalars(select(TakenMessage.id)).all() == ["m1"]
        assert len(db.execute(text("SELECT * FROM alembic_version")).all()) == 1


def test_a_migration_that_fails_in_the_middle_leaves_nothing_and_can_be_repeated(
    empty: Database,
) -> None:
    with empty.begin() as db:
        db.execute(text("CREATE TABLE staff (id INTEGER)"))
    with pytest.raises(Exception, match="staff"):
        upgrade(empty)
    with empty.begin() as db:
        assert set(inspect(db).get_table_names()) <= {"staff"}
        db.execute(text("DROP TABLE staff"))
    upgrade(empty)
    with empty.read() as db:
        assert differences(db) == []


def _start(url: str, var: Path, *command: str) -> subprocess.Popen[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PORTAL_")}
    return subprocess.Popen(
        [sys.executable, "-m", "portal", *command],
        env={**kept, "PORTAL_DATABASE_URL": url, "PORTAL_VAR": str(var)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_starts_at_once_migrate_once_and_none_fails(
    new_url: Callable[[], str], tmp_path: Path
) -> None:
    url = new_url()
    starts = [_start(url, tmp_path, "migrate") for _ in range(3)]
    said = [start.communicate()[0] for start in starts]
    assert [start.returncode for start in starts] == [0, 0, 0], said
    database = Database(url)
    with database.read() as db:
        assert differences(db) == []
        days = select(func.count()).select_from(Holiday)
        filled = db.scalar(days)
        assert filled
        assert filled == db.scalar(select(func.count(Holiday.day.distinct())))
    database.close()


def test_a_database_of_a_newer_version_is_refused_and_left_alone(
    new_url: Callable[[], str], tmp_path: Path
) -> None:
    url = new_url()
    database = Database(url)
    upgrade(database)
    with database.begin() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9042'"))
    with pytest.raises(DatabaseNewer, match="9042"):
        upgrade(database)
    started = _start(url, tmp_path, "migrate")
    said = started.communicate()[0]
    assert started.returncode == 1
    assert "9042, newer than this version of the portal" in said
    assert "Traceback" not in said
    with database.read() as db:
        assert db.scalar(text("SELECT version_num FROM alembic_version")) == "9042"
    database.close()


def test_permits_of_before_are_kept_when_their_table_is_made_anew(empty: Database) -> None:
    """0021 frees the numbers of rejected entries: SQLite has to make the whole table anew."""
    with empty.begin() as db:
        _upgrade_to(db, "0020")
        for permit_id, source, status in (
            (1, "backlog", "valid_not_started"),
            (2, "backlog", "manual_unverified"),
            (3, "manual", "revoked"),
        ):
            db.execute(
                text(
                    "INSERT INTO building_permits (id, serial, center_code, year, number, letter,"
                    " permit_type, legal_regime, base_permit, file_no, source, status, status_on,"
                    " revision, area, street, street_key, building_no, plot_no, building_use,"
                    " details, people, start_disputed, entered_at, entered_by) VALUES (:id,"
                    " :serial, 'KFS-003', 1998, :id, '', 'new', '', '', '', :source, :status,"
                    " '1998-05-12',"
                    " 1, '', '', '', '', '', '', '{}', :people, false, '2026-01-01', 'clerk')"
                ),
                {
                    "id": permit_id,
                    "serial": f"s{permit_id}",
                    "source": source,
                    "status": status,
                    "people": b"sealed",
                },
            )
        db.execute(
            text(
                "INSERT INTO permit_acts (permit_id, revision, act, status, actor, at)"
                " VALUES (1, 1, 'review', '', 'reviewer', '2026-01-01')"
            )
        )
    upgrade(empty)
    with empty.begin() as db:
        kept = db.execute(
            text("SELECT id, entered_by, reviewed_by, review FROM building_permits ORDER BY id")
        ).all()
        assert [tuple(row) for row in kept] == [
            (1, "clerk", "reviewer", ""),
            (2, "clerk", None, ""),
            (3, "clerk", None, ""),
        ]
    said = _refused(empty, text("DELETE FROM building_permits WHERE id = 1")).lower()
    assert "foreign key" in said, "what refers to a permit has found it again"


def test_keys_of_bodies_that_were_entered_before_hold_for_two_years_since(empty: Database) -> None:
    """0027 gives each key its last day and its fingerprint."""
    jwk = jws.new_pair()[1]
    with empty.begin() as db:
        _upgrade_to(db, "0024")
        db.execute(
            text(
                "INSERT INTO outside_bodies (code, kind, name_ar, name_en, governorate_code,"
                " per_minute, webhook_url, revision, created_at)"
                " VALUES ('b', 'bank', 'b', '', 'EG-KFS', 10, '', 0, '2026-01-01')"
            )
        )
        db.execute(
            text(
                "INSERT INTO body_keys (body_code, kid, public_key, created_at)"
                " VALUES ('b', 'k1', :jwk, '2026-02-03 10:00:00')"
            ),
            {"jwk": json.dumps(jwk)},
        )
    upgrade(empty)
    with empty.read() as db:
        row = db.execute(select(BodyKey.thumbprint, BodyKey.valid_until, BodyKey.used_at)).one()
    assert tuple(row) == (jws.thumbprint(jwk), date(2028, 2, 3), None)


def _upgrade_to(db: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(running.__file__).parent))
    config.attributes["connection"] = db
    command.upgrade(config, revision)


# --- what the tables refuse


@pytest.fixture(scope="module")
def migrated(
    database_kind: str, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A database at head, with one right row in each table."""
    database = Database(databases.empty(tmp_path_factory.mktemp("rows"), database_kind))
    upgrade(database)
    with database.begin() as db:
        for model, values in ROWS.items():
            db.execute(insert(model).values(**values))
        db.execute(insert(EntryLine).values(**OTHER_SIDE))
    yield database
    database.close()


def _refused(database: Database, statement: Executable) -> str:
    """What the database says to a statement that it must not take."""
    with pytest.raises(IntegrityError) as told, database.begin() as db:
        db.execute(statement)
    return str(told.value.orig)


OTHER_KEY: Mapping[type[Any], Mapping[str, Any]] = {
    # what makes a second row of a table another one
    Citizen: {"id": 2, "mobile_index": b"o" * 32},
    Draft: {"id": "d2", "service_code": "another"},
    ServiceRequest: {"id": 2, "number": "26-1503-00002-2", "draft_id": "d2"},
    HistoryEntry: {"id": 2, "position": 2},
    Attachment: {"id": "a2", "storage_key": "k2"},
    OutboxMessage: {"id": "m2"},
    InwardEvent: {"id": "e2"},
    CenterRequest: {"id": 2, "request_number": "26-1503-00002-2", "incoming_number": 2},
    CenterDocument: {"id": "c2", "storage_key": "k2"},
    CenterAssessment: {"id": 2, "stage": "after_prelim"},
    CenterAssessmentLine: {"position": 1},
    Staff: {"id": 2, "username": "other@KFS-003"},
    SignIn: {"token_hash": b"u" * 32},
    OutgoingMessage: {"id": 2},
    Holiday: {"id": 2, "day": DAY.replace(day=2)},
    RegisterRecord: {"id": 2, "number": "2/2026"},
    RegisterDue: {"id": 2, "position": 2},
    Obligation: {"id": "o2", "stage": "after_approval"},
    Attempt: {"id": "t2", "number": 2, "session": "cs_2", "state": "failed"},
    Receipt: {"number": "R2", "obligation_id": "o2"},
    SeenEvent: {"event_id": "evt_2"},
    Entry: {"id": 2, "object_id": "pi_2"},
    EntryLine: {"position": 2},
    PaymentCase: {"id": 2, "object_id": "pi_2"},
}


def _second(model: type[Any], **changes: Any) -> Executable:
    return insert(model).values({**ROWS[model], **OTHER_KEY[model], **changes})


def test_a_second_right_row_of_each_table_is_taken(migrated: Database) -> None:
    """So that what is refused below is refused for the one thing that is wrong with it."""
    with migrated.engine.connect() as db:
        transaction = db.begin()
        for model in OTHER_KEY:
            db.execute(_second(model))
        transaction.rollback()


@pytest.mark.parametrize(
    ("model", "wrong"),
    [
        (Draft, {"state": "lost"}),
        (OutboxMessage, {"state": "lost"}),
        (InwardEvent, {"state": "lost"}),
        (OutgoingMessage, {"state": "lost"}),
        (Obligation, {"state": "lost"}),
        (Attempt, {"state": "lost"}),
        (SeenEvent, {"state": "lost"}),
        (Obligation, {"amount": 0}),
        (Obligation, {"amount": -5000}),
        (CenterAssessment, {"state": "lost"}),
        (CenterAssessment, {"total": -1}),
        (CenterAssessment, {"approved_by": None}),
        (CenterAssessment, {"approved_by": "department_officer@KFS-003"}),
        (CenterAssessmentLine, {"amount": -1}),
        (RegisterDue, {"amount": 0}),
        (RegisterDue, {"amount": -1}),
        (EntryLine, {"amount": 0}),
    ],
)
def test_an_unknown_state_and_a_sum_that_is_none_are_refused(
    migrated: Database, model: type[Any], wrong: dict[str, Any]
) -> None:
    said = _refused(migrated, _second(model, **wrong))
    assert f"ck_{model.__tablename__}" in said


@pytest.mark.parametrize(
    ("model", "same", "meaning"),
    [
        (Draft, {"service_code": "service"}, "a second open draft of a person for a service"),
        (Citizen, {"mobile_index": b"m" * 32}, "a second account of a person and a phone"),
        (ServiceRequest, {"draft_id": "d1"}, "a second request of one draft"),
        (ServiceRequest, {"number": "26-1503-00001-1"}, "a number that is taken"),
        (HistoryEntry, {"position": 1}, "two acts in one place of the history"),
        (Attachment, {"storage_key": "k1"}, "two documents in one file"),
        (OutboxMessage, {"id": "m1"}, "a message twice"),
        (InwardEvent, {"id": "e1"}, "an answer twice"),
        (CenterRequest, {"incoming_number": 1}, "an incoming number of a center and year twice"),
        (CenterRequest, {"request_number": "26-1503-00001-1"}, "a request twice in the inboxes"),
        (CenterAssessment, {"stage": "after_approval"}, "fees of a stage assessed twice"),
        (Staff, {"username": "clerk@KFS-003"}, "an account's name twice"),
        (SignIn, {"token_hash": b"t" * 32}, "a session twice"),
        (Holiday, {"day": DAY}, "a holiday in force twice"),
        (RegisterRecord, {"number": "1/2026"}, "a record twice"),
        (RegisterDue, {"position": 1}, "an instalment twice"),
        (Obligation, {"stage": "submission"}, "a second sum for one stage"),
        (Attempt, {"state": "open"}, "a second open try to pay one sum"),
        (Attempt, {"session": "cs_1"}, "one payment page for two tries"),
        (Receipt, {"obligation_id": "o1"}, "a second receipt of one sum"),
        (SeenEvent, {"event_id": "evt_1"}, "a provider's event twice"),
        (Entry, {"object_id": "pi_1"}, "a payment booked twice"),
        (PaymentCase, {"object_id": "pi_1"}, "a case twice"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_may_be_there_once_is_refused_a_second_time(
    migrated: Database, model: type[Any], same: dict[str, Any], meaning: str
) -> None:
    with migrated.begin() as db:
        for parent in (Draft, Obligation):  # what the second row needs beside itself
            if model in {ServiceRequest, Receipt}:
                db.execute(_second(parent))
    try:
        said = _refused(migrated, _second(model, **same)).lower()
        assert "unique" in said, meaning
    finally:
        with migrated.begin() as db:
            db.execute(delete(Draft).where(Draft.id == "d2"))
            db.execute(delete(Obligation).where(Obligation.id == "o2"))


@pytest.mark.parametrize(
    ("model", "nobody"),
    [
        (Draft, {"citizen_id": 99}),
        (ServiceRequest, {"draft_id": "d1", "citizen_id": 99}),
        (HistoryEntry, {"request_id": 99}),
        (Attachment, {"request_id": 99}),
        (CenterDocument, {"center_request_id": 99}),
        (CenterAssessment, {"center_request_id": 99}),
        (SignIn, {"citizen_id": 99}),
        (RegisterDue, {"record_id": 99}),
        (Attempt, {"obligation_id": "nothing"}),
        (EntryLine, {"entry_id": 99}),
    ],
)
def test_a_row_of_nobody_is_refused(
    migrated: Database, model: type[Any], nobody: dict[str, Any]
) -> None:
    if model is ServiceRequest:
        with migrated.begin() as db:
            db.execute(_second(Draft))
        nobody = {**nobody, "draft_id": "d2"}
    said = _refused(migrated, _second(model, **nobody)).lower()
    assert "foreign key" in said
    with migrated.begin() as db:
        db.execute(delete(Draft).where(Draft.id == "d2"))


def test_what_is_over_makes_room_for_the_next(migrated: Database) -> None:
    """A discarded draft, a cancelled holiday and a try that failed are no hindrance."""
    with migrated.engine.connect() as db:
        transaction = db.begin()
        db.execute(update(Draft).values(state="submitted"))
        db.execute(_second(Draft, service_code="service"))
        db.execute(update(Holiday).values(removed_at=AT))
        db.execute(_second(Holiday, day=DAY))
        db.execute(update(Attempt).values(state="expired"))
        db.execute(_second(Attempt, state="open"))
        transaction.rollback()


@pytest.mark.parametrize("model", [Entry, EntryLine])
def test_a_booking_is_never_changed_and_never_deleted(migrated: Database, model: type[Any]) -> None:
    column = "currency" if model is Entry else "amount"
    for statement in (
        update(model).values({column: "USD" if model is Entry else 1}),
        delete(model),
    ):
        assert "the ledger is append-only" in _refused(migrated, statement)
    with migrated.read() as db:
        assert sorted(db.scalars(select(EntryLine.amount))) == [-5000, 5000]
        assert db.scalars(select(Entry.currency)).all() == ["EGP"]


def test_an_entry_that_does_not_sum_to_zero_is_refused_or_found(migrated: Database) -> None:
    """PostgreSQL sees it when the transaction ends; on SQLite the operator's check does."""
    one_more = _second(EntryLine, account="receivable", amount=-5000)
    if migrated.engine.dialect.name == "postgresql":
        assert "an entry does not sum to zero" in _refused(migrated, one_more)
        return
    with migrated.engine.connect() as db:
        transaction = db.begin()
        assert unbalanced_entries(db) == []
        db.execute(one_more)
        assert unbalanced_entries(db) == ["entry 1"]
        transaction.rollback()
