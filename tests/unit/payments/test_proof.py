"""That every payment which was taken stands in the ledger: what breaks it, and at what expense."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event, text, update

from payments.model import Attempt, Base, EntryLine
from payments.proof import unbooked_payments
from portal.db import Database
from tests.support.desk import DEPOSIT, FEE, Desk, undone
from tests.support.postgres import Postgres

WHOLE = FEE + DEPOSIT
HERE = "26-1503-00001-1"


@pytest.fixture
def desk(empty: Connection) -> Iterator[Desk]:
    with undone(empty):
        yield Desk(empty)


def test_every_payment_that_is_not_booked_with_its_sum_is_named(desk: Desk) -> None:
    stage = desk.owe(HERE)
    desk.pay(stage, WHOLE)
    desk.pay(stage, WHOLE)
    desk.pay(stage, 70_000, reference="another")
    desk.begin(stage, WHOLE)
    assert unbooked_payments(desk.db) == []
    more, nameless, unknown = (desk.pay(stage, WHOLE) for _ in range(3))
    for attempt, wrong in (
        (more, {"amount": WHOLE + 1}),
        (nameless, {"payment": None}),
        (unknown, {"payment": "pi_unknown"}),
    ):
        desk.db.execute(update(Attempt).where(Attempt.id == attempt.id).values(**wrong))
    wanted = {f"attempt {each.id}" for each in (more, nameless, unknown)}
    assert set(unbooked_payments(desk.db)) == wanted
    desk.db.execute(update(EntryLine).where(EntryLine.account == "clearing").values(account="x"))
    assert len(unbooked_payments(desk.db)) == len(wanted) + 2


_MANY = """
INSERT INTO payment_obligations
 (id, reference, stage, currency, amount, credited, state, revision, created_at)
 SELECT 'o' || i, '26-' || i, 'submission', 'EGP', 500, 500, 'paid', 1, now()
 FROM generate_series(1, 3000) i;
INSERT INTO payment_attempts
 (id, obligation_id, number, provider, payment, amount, state, method,
  created_at, expires_at, look_again_at)
 SELECT 'a' || i, 'o' || i, 1, 'stripe', 'pi_' || i, 500, 'paid', '', now(), now(), now()
 FROM generate_series(1, 3000) i;
INSERT INTO ledger_entries (id, provider, object_id, effect, reference, currency, booked_at)
 SELECT i, 'provider', 'pi_' || i, 'payment', '26-' || i, 'EGP', now()
 FROM generate_series(1, 3000) i;
INSERT INTO ledger_lines (entry_id, position, account, entity, item, amount)
 SELECT i, 0, 'clearing', '', '', 500 FROM generate_series(1, 3000) i
 UNION ALL SELECT i, 1, 'receivable', '', '', -500 FROM generate_series(1, 3000) i
"""


def test_a_database_that_knows_nothing_of_its_tables_goes_through_each_of_them_once(
    postgres: Postgres,
) -> None:
    """Never analysed, it takes all of them for a few rows: no row may lead to all of another."""
    database = Database(postgres.fresh_database())
    with database.begin() as db:
        Base.metadata.create_all(db)
        for statement in _MANY.split(";"):
            db.execute(text(statement))
    with database.read() as db:
        asked: list[tuple[str, Any]] = []
        event.listen(
            db,
            "before_cursor_execute",
            lambda _db, _cursor, statement, values, *_: asked.append((statement, values)),
        )
        assert unbooked_payments(db) == []
        ((statement, values),) = asked
        plan: Any = db.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar()
    database.close()
    nodes = list(_nodes((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]))
    inner = [each["Plans"][1] for each in nodes if each["Node Type"] == "Nested Loop"]
    assert [each for each in inner if not _is_by_key(each)] == []


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _nodes(each)


def _is_by_key(inner: dict[str, Any]) -> bool:
    """Whether a row of the other table leads to its own rows here, and to no others."""
    found = [each["Index Cond"] for each in _nodes(inner) if "Index Cond" in each]
    return bool(found) and all("entry_id" in each or "(id =" in each for each in found)
