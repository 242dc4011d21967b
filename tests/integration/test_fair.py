"""A relay is fair to centers, whatever waits, and finds what is due on indexes alone."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, TypeAlias

import pytest
from sqlalchemy import Connection, text

from portal.handoff import inward, outbox
from portal.handoff.model import OutboxMessage
from portal.handoff.outbox import Range
from portal.handoff.relay import Relay
from portal.handoff.transports import KEPT, Fate, Outcome, Parcel
from tests.support.databases import Databases
from tests.support.plans import claiming, plans_of
from tests.support.wall import AT, Wall

_Asked: TypeAlias = Callable[[Connection], object]

FLOOD = 100_000
_ROWS = {
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count})"
    " {insert} FROM s",
    "postgresql": "{insert} FROM generate_series(1, {count}) AS s(n)",
}
_INSERT = (
    "INSERT INTO outbox_messages (id, type, center_code, subject, payload, state, attempts,"
    " last_error, created_at, available_at) SELECT '{name}' || n, 'request.paid.v1', '{center}',"
    " '{name}' || n, CAST('' AS {blob}), '{state}', 0, '', '{at}', '{at}'"
)


class _Street:
    """A transport that keeps everything and remembers it."""

    batch = 100

    def __init__(self) -> None:
        self.batches: list[Sequence[Parcel]] = []

    def deliver(self, parcels: Sequence[Parcel]) -> Sequence[Outcome]:
        self.batches.append(parcels)
        return [KEPT] * len(parcels)


@pytest.fixture(scope="module")
def flooded(
    database_kind: str, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Wall]:
    """A center with a hundred thousand waiting, beside some that are sent."""
    folder = tmp_path_factory.mktemp("flooded")
    wall = Wall(folder, databases.empty(folder, database_kind), databases.empty(folder))
    with wall.portal.begin() as db:
        kind = db.dialect.name
        rows = (("w", "KFS-003", "waiting", FLOOD), ("s", "KFS-009", "sent", FLOOD // 10))
        for name, center, state, count in rows:
            blob = "BYTEA" if kind == "postgresql" else "BLOB"
            at = f"{AT - timedelta(hours=1):%Y-%m-%d %H:%M:%S.%f}"
            at += "+00:00" if kind == "postgresql" else ""
            insert = _INSERT.format(name=name, center=center, state=state, blob=blob, at=at)
            db.execute(text(_ROWS[kind].format(count=count, insert=insert)))
    with wall.portal.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(text("ANALYZE outbox_messages"))
    yield wall
    wall.close()


def _relay(wall: Wall, transport: _Street) -> Relay:
    return Relay(wall.portal, wall.vault, OutboxMessage, transport, wall.packing, wall.clock)


def test_a_message_to_another_center_is_in_the_very_next_batch(flooded: Wall) -> None:
    relay = _relay(flooded, _Street())
    at = flooded.clock.now()
    assert Counter(each.center for each in relay.claim(at)) == {"KFS-003": 100}
    for n in range(3):
        late = flooded.put(f"26-1504-0000{n}-1", center="KFS-004")
        claimed = relay.claim(at)
        assert late.id in [each.id for each in claimed]
        assert Counter(each.center for each in claimed) == {"KFS-003": 99, "KFS-004": 1}


def test_centers_share_a_batch_and_who_has_little_leaves_room(flooded: Wall) -> None:
    centers = [f"KFS-{n:03d}" for n in range(100, 150)]
    for center in centers:
        for n in range(2):
            flooded.put(f"26-{center[4:]}-0000{n}-1", center=center)
    relay, at = _relay(flooded, _Street()), flooded.clock.now()
    first = relay.claim(at)
    shares = Counter(each.center for each in first)
    assert len(first) == 100
    assert all(shares[center] >= 1 for center in centers)
    turn = [each.center for each in first[: len(shares)]]
    assert len(set(turn)) == len(turn), "one of each before a second of any"
    seen = Counter(shares)
    for _ in range(2):
        seen += Counter(each.center for each in relay.claim(at))
    assert all(seen[center] == 2 for center in centers)


def test_more_centers_than_fit_into_a_batch_have_their_turn_in_the_next(flooded: Wall) -> None:
    transport = _Street()
    transport.batch = 20
    centers = [f"KFS-{n:03d}" for n in range(200, 250)]
    for center in centers:
        flooded.put(f"26-{center[4:]}-00001-1", center=center)
    relay, at = _relay(flooded, transport), flooded.clock.now()
    seen = [each.center for _ in range(3) for each in relay.claim(at)]
    assert set(centers) <= set(seen)
    assert seen.count("KFS-003") <= 12


def test_subjects_that_stand_behind_a_parked_one_do_not_hold_up_their_center(
    flooded: Wall,
) -> None:
    center = "KFS-300"
    for n in range(150):
        for kind in ("request.paid.v1", "request.shelved.v1"):
            flooded.put(f"26-{n:04d}-00001-3", center=center, kind=kind)
    free = flooded.put("26-9999-00001-3", center=center)
    with flooded.portal.begin() as db:
        parked = "UPDATE outbox_messages SET state = 'parked' WHERE center_code = 'KFS-300'"
        db.execute(text(f"{parked} AND type = 'request.paid.v1' AND subject LIKE '26-0%'"))
        everyone_else = "UPDATE outbox_messages SET state = 'sent' WHERE center_code <> 'KFS-300'"
        before = db.begin_nested()
        db.execute(text(everyone_else + " AND state = 'waiting' AND center_code > 'KFS-003'"))
        before.commit()
    relay = _relay(flooded, _Street())
    taken = [each for _ in range(4) for each in relay.claim(flooded.clock.now())]
    assert free.id in [each.id for each in taken]
    assert not [each for each in taken if each.center == center and each.id != free.id]


def test_a_batch_is_chosen_on_indexes_alone(flooded: Wall) -> None:
    relay = _relay(flooded, _Street())
    centers, due, *others = plans_of(flooded.portal, claiming(relay, flooded.clock.now()))
    for plan in (centers, due):
        assert "ix_outbox_messages_due" in plan.text, plan.text
        assert not plan.sorts, plan.text
    assert not centers.reads, centers.text
    on_disk = frozenset({"pk_outbox_messages"})
    if flooded.portal.engine.dialect.name == "postgresql":
        on_disk |= {"ix_outbox_messages_due"}  # those of the batch, which are locked
    assert frozenset().union(*(each.reads for each in (due, *others))) == on_disk


def _written(wall: Wall) -> _Asked:
    relay, now = _relay(wall, _Street()), wall.clock.now()
    claimed = relay.claim(now)
    return lambda db: relay._write_sent(db, claimed, now)


def _metrics(db: Connection) -> None:
    outbox.backlog(db, OutboxMessage)
    outbox.unanswered(db, AT)
    inward.shut_out(db)


def _status(db: Connection) -> None:
    outbox.by_center(db)
    outbox.parked(db, OutboxMessage)
    inward.stuck(db)


def _count(**asked: Any) -> _Asked:
    return lambda db: outbox.count(db, OutboxMessage, Range(**asked))


def _replay(**asked: Any) -> _Asked:
    return lambda db: outbox.replay(db, OutboxMessage, Range(**asked), AT)


@pytest.mark.parametrize(
    ("made", "rows_of"),
    [
        (_written, {"pk_outbox_messages", "ix_outbox_messages_subject"}),
        (lambda _: _metrics, set()),
        (
            lambda _: _status,  # an error for each center, and what stands still
            {"ix_outbox_messages_due", "ix_outbox_messages_parked", "ix_inward_events_stuck"},
        ),
        (
            lambda _: lambda db: outbox.answered(db, "w1", AT),
            {"ix_outbox_messages_unanswered_subject"},
        ),
        (lambda _: _count(since=AT, until=AT + timedelta(hours=1)), set()),
        (lambda _: _count(center="KFS-004"), set()),
        (lambda _: _replay(since=AT), {"ix_outbox_messages_over", "pk_outbox_messages"}),
        (
            lambda _: _replay(center="KFS-004"),
            {"ix_outbox_messages_over_center", "pk_outbox_messages"},
        ),
        (lambda _: _replay(ids=["s1"]), {"uq_outbox_messages_id", "pk_outbox_messages"}),
    ],
    ids=["written", "metrics", "status", "answered", "time", "center", "again", "its", "one"],
)
def test_what_is_sent_is_never_read_through(
    flooded: Wall, made: Callable[[Wall], _Asked], rows_of: set[str]
) -> None:
    """Rows are read by the named indexes, of what is asked for; all else is on indexes alone."""
    plans = plans_of(flooded.portal, made(flooded), small=True)
    assert plans
    read = frozenset().union(*(each.reads for each in plans))
    assert read <= rows_of, "\n".join(each.text for each in plans)


def test_a_round_that_takes_long_is_followed_by_a_smaller_one(
    flooded: Wall,
) -> None:
    relay = _relay(flooded, _Street())
    sizes = []
    for seconds in (0.5, 0.5, 0.2, 0.05, 0.05, 0.05):
        sizes.append(len(relay.claim(flooded.clock.now())))
        relay._fit(sizes[-1], seconds)
    assert sizes == [100, 50, 25, 25, 50, 100]


def test_a_batch_that_the_transport_had_no_time_for_goes_back_without_blame(
    flooded: Wall,
) -> None:
    relay = _relay(flooded, _Street())
    claimed = relay.claim(flooded.clock.now())
    relay.write([(each, Outcome(Fate.RETURNED)) for each in claimed])
    again = relay.claim(flooded.clock.now())
    assert [each.attempts for each in again] == [1] * len(claimed)
    assert {each.id for each in again} & {each.id for each in claimed}
