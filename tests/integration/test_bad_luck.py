"""Bad luck is told honestly, and leaves nothing half-written: locks, full disks, no room."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import event, text

from tests.support.databases import POSTGRESQL, SQLITE, Databases
from tests.support.drafting import (
    COMPLAINT,
    begin,
    declaration,
    declare,
    post,
    ready_to_send,
    upload,
)
from tests.support.files import pdf, photo
from tests.support.local import LocalPortal
from tests.support.looking import (
    assert_honest,
    fields,
    leads_to,
    quiet_logs,
    raw,
    token,
)
from tests.support.sandbox import SandboxProcess


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet_logs():
        yield


@pytest.fixture
def alone(
    databases: Databases, payment_server: SandboxProcess, tmp_path: Path
) -> Iterator[LocalPortal]:
    """On SQLite, whose locks and limits are tried here; PostgreSQL's have tests of their own."""
    var = tmp_path / "portal"
    portal = LocalPortal(var, databases.loaded(var, SQLITE), payment_server)
    yield portal
    portal.close()


@contextmanager
def impatient(portal: LocalPortal, *pragmas: str) -> Iterator[None]:
    """SQLite as it is set for this portal, but with these settings on every connection."""

    def prepare(connection: Any, _record: Any, _proxy: Any) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    engine = portal.portal.database.engine
    event.listen(engine, "checkout", prepare)
    try:
        yield
    finally:
        event.remove(engine, "checkout", prepare)
        engine.dispose()


def _file_of(portal: LocalPortal) -> Path:
    return Path(portal.portal.settings.database_url.removeprefix("sqlite:///"))


@contextmanager
def locked(portal: LocalPortal) -> Iterator[None]:
    """Somebody else writes and does not come to an end."""
    with closing(sqlite3.connect(_file_of(portal), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with impatient(portal, "busy_timeout=50"):
            yield
        other.execute("ROLLBACK")


def state_of(portal: LocalPortal) -> list[list[Any]]:
    tables = (
        *("drafts", "attachments", "service_requests", "request_history", "outbox"),
        *("obligations", "notifications", "one_time_codes", "sign_ins", "request_serials"),
    )
    known = {row[0] for row in portal.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {"drafts", "attachments", "service_requests", "request_history"} <= known
    return [
        [tuple(row) for row in portal.rows(f"SELECT * FROM {table}")]
        for table in tables
        if table in known
    ]


def files_of(portal: LocalPortal) -> list[Path]:
    return [p for p in portal.portal.settings.files_dir.rglob("*") if p.is_file()]


def test_a_locked_database_is_an_honest_page_and_nothing_is_half_written(
    alone: LocalPortal,
) -> None:
    citizen = alone.someone()
    draft = ready_to_send(alone, citizen)
    proof, sending = {"_csrf": token(citizen, "/requests")}, declaration(citizen, draft)
    before, kept = state_of(alone), files_of(alone)
    send = partial(raw, citizen, "POST")
    with locked(alone):
        attempts = [
            send(f"/drafts/{draft}/category", data={**proof, "category": "noise", "urgent": "no"}),
            send(f"/drafts/{draft}/category", data={**proof, "_autosave": "1", "category": "x"}),
            send(f"/drafts/{draft}/documents/papers", data=proof, files={"file": pdf()}),
            send(f"/drafts/{draft}/check", data=sending),
            send(f"/drafts/{draft}/discard", data=proof),
            raw(citizen, "GET", "/services/waste-fee-clearance/apply"),
            _ask_for_a_code(alone),
        ]
        # what only reads goes on
        assert raw(citizen, "GET", f"/drafts/{draft}/check").status_code == 200
        assert raw(citizen, "GET", "/requests").status_code == 200
    for response in attempts:
        page = assert_honest(response, 503)
        assert "البوابة مشغولة الآن" in page.text
        assert response.headers["retry-after"].isdigit()
    assert state_of(alone) == before
    assert files_of(alone) == kept
    # and the same again, once it is free
    assert leads_to(declare(citizen, draft)).startswith("/requests/")


def _ask_for_a_code(portal: LocalPortal) -> httpx.Response:
    nobody = portal.citizen("29001018800026", "01222222222")
    typed = {"national_id": nobody.national_id, "mobile": nobody.mobile}
    return raw(nobody, "POST", "/sign-in", data=fields(nobody, **typed))


def test_a_page_is_shown_though_that_it_was_seen_cannot_be_written(alone: LocalPortal) -> None:
    citizen = alone.someone()
    alone.clock.advance(minutes=10)
    with locked(alone):
        for _ in range(3):
            assert raw(citizen, "GET", "/requests").status_code == 200
    assert raw(citizen, "GET", "/requests").status_code == 200


def test_staff_are_told_as_honestly(alone: LocalPortal) -> None:
    number = alone.filed(COMPLAINT).hook("request-number")
    clerk = alone.employee("front_office")
    proof = {"_csrf": token(clerk, "/center/inbox")}
    with locked(alone):
        response = raw(clerk, "POST", f"/center/requests/{number}/register", data=proof)
        assert_honest(response, 503)
        assert raw(clerk, "GET", f"/center/requests/{number}").status_code == 200
    (row,) = alone.rows("SELECT state, incoming_number FROM center_requests")
    assert (row.state, row.incoming_number) == ("received", None)
    assert clerk.act(number, "register", {}).status == 200
    (row,) = alone.rows("SELECT incoming_number FROM center_requests")
    assert row.incoming_number == 1


@pytest.fixture
def on_postgresql(
    databases: Databases, payment_server: SandboxProcess, tmp_path: Path
) -> Iterator[LocalPortal]:
    portal = LocalPortal(tmp_path, databases.loaded(tmp_path, POSTGRESQL), payment_server)
    yield portal
    portal.close()


def test_no_database_is_waited_for_without_end(
    alone: LocalPortal, on_postgresql: LocalPortal
) -> None:
    """What is set on the connections: to wait for it would take as long as a visitor's patience."""
    assert alone.rows("PRAGMA busy_timeout")[0][0] == 10_000
    limits = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
    assert [on_postgresql.rows(f"SHOW {name}")[0][0] for name in limits] == ["10s", "30s", "1min"]


def test_a_row_that_somebody_holds_is_an_honest_page_and_nothing_is_half_written(
    on_postgresql: LocalPortal,
) -> None:
    citizen = on_postgresql.someone()
    draft = begin(citizen)
    noise = {"category": "noise", "urgent": "no"}
    engine = on_postgresql.portal.database.engine

    def hurry(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.execute("SET lock_timeout = '50ms'")

    with engine.begin() as other:
        other.execute(text("SELECT id FROM drafts WHERE id = :d FOR UPDATE"), {"d": draft})
        event.listen(engine, "checkout", hurry)
        response = post(citizen, f"/drafts/{draft}/category", noise)
    event.remove(engine, "checkout", hurry)
    assert_honest(response, 503)
    page = citizen.get(f"/drafts/{draft}/category")
    assert not page.form().fields["category"]
    citizen.send(page, noise)
    assert citizen.get(f"/drafts/{draft}/category").form().fields["category"] == "noise"


def test_a_full_disk_under_the_database_is_told_and_nothing_is_half_written(
    alone: LocalPortal,
) -> None:
    citizen = alone.someone()
    draft = ready_to_send(alone, citizen)
    before = state_of(alone)
    long = {"description": "ن" * 60_000}
    # no page more than there is: what SQLite says then is what it says of a full disk
    with impatient(alone, "max_page_count=1"):
        response = post(citizen, f"/drafts/{draft}/details", long)
        assert_honest(response, 503)
        assert raw(citizen, "GET", f"/drafts/{draft}/details").status_code == 200
    assert state_of(alone) == before
    assert post(citizen, f"/drafts/{draft}/details", long).status_code == 422


def test_no_room_for_files_is_told_and_nothing_is_half_written(
    alone: LocalPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen = alone.someone()
    draft = begin(citizen)
    folder = alone.portal.settings.files_dir
    folder.mkdir(parents=True, exist_ok=True)
    in_the_way = folder / "portal"
    in_the_way.write_text("a file where the folder should be")
    for file in (pdf(), photo()):
        assert_honest(upload(citizen, draft, "papers", [file]), 503)
    assert not alone.rows("SELECT id FROM attachments")
    in_the_way.unlink()
    # nor when there is none for what is still under way
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    assert_honest(upload(citizen, draft, "papers", [pdf()]), 503)
    assert not alone.rows("SELECT id FROM attachments")
    assert files_of(alone) == []
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert upload(citizen, draft, "papers", [pdf()]).status_code == 303
    assert len(files_of(alone)) == 1


def test_a_failure_is_logged_under_the_reference_that_the_page_shows(alone: LocalPortal) -> None:
    citizen = alone.someone()
    draft = begin(citizen)
    secret = "سر لا يعرفه أحد"
    with quiet_logs() as lines, locked(alone):
        typed = {"description": secret, "_csrf": token(citizen, "/requests")}
        response = raw(citizen, "POST", f"/drafts/{draft}/details", data=typed)
    assert_honest(response, 503)
    reference = response.headers["x-request-id"]
    mine = [line for line in lines if line.get("request_id") == reference]
    assert any(line["event"] == "database" for line in mine)
    for line in lines:
        for each in (secret, citizen.mobile, citizen.national_id, draft):
            assert each not in str({k: v for k, v in line.items() if k != "exc_info"})
