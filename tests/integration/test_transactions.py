"""What a transaction that only reads sees, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import DBAPIError

from portal.clock import SystemClock
from portal.db import Base, Database
from portal.outages.model import Heartbeat
from tests.support.postgres import Postgres


@pytest.fixture
def database(
    database_kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'read.sqlite3'}"
    if database_kind == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.fresh_database()
    made = Database(url)
    with made.begin() as db:
        Base.metadata.create_all(db, tables=[Base.metadata.tables["heartbeats"]])
    yield made
    made.close()


def test_who_only_reads_sees_one_state_whatever_others_write_meanwhile(database: Database) -> None:
    one = insert(Heartbeat).values(ok_at=SystemClock().now())
    count = select(func.count()).select_from(Heartbeat)
    with database.read() as reading:
        assert reading.scalar(count) == 0
        with database.begin() as db:
            db.execute(one.values(part="pages"))
        assert reading.scalar(count) == 0
    with database.read() as later:
        assert later.scalar(count) == 1
    if database.engine.dialect.name == "postgresql":
        with database.read() as reading, pytest.raises(DBAPIError, match="read-only"):
            reading.execute(one.values(part="provider"))
    with database.begin() as db:  # the same connection writes again
        db.execute(one.values(part="provider"))
