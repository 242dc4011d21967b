"""Connections of the pool: one that died while it lay idle is noticed before anybody needs it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from portal import db as lending
from portal.db import Database
from tests.support.postgres import Postgres


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Database]:
    url = postgres.fresh_database()
    database = Database(url)
    yield database
    database.close()
    postgres.drop(url)


def _pids(database: Database, at_once: int) -> list[int]:
    """The processes that serve so many transactions at once."""
    if not at_once:
        return []
    with database.begin() as db:
        pid = db.execute(text("SELECT pg_backend_pid()")).scalar_one()
        return [pid, *_pids(database, at_once - 1)]


def _end(database: Database, pids: list[int]) -> None:
    """As a restart of the server does."""
    with database.engine.connect() as db:
        for pid in pids:
            db.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    database.engine.pool.dispose()


def test_connections_that_were_cut_while_idle_are_made_anew(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lending, "_SURELY_THERE_SECONDS", 0.0)
    old = _pids(database, 3)
    other = Database(str(database.engine.url.render_as_string(hide_password=False)))
    _end(other, old)
    new = _pids(database, 3)
    assert not set(old) & set(new)


def test_one_that_has_just_worked_is_lent_as_it_is_and_fails_once_at_most(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lending, "_SURELY_THERE_SECONDS", 3600.0)
    old = _pids(database, 2)
    other = Database(str(database.engine.url.render_as_string(hide_password=False)))
    _end(other, old)
    with pytest.raises(OperationalError):
        _pids(database, 1)
    assert not set(old) & set(_pids(database, 2)), "all of that time are made anew"
    assert _pids(database, 1) == _pids(database, 1), "and the same one serves again"
