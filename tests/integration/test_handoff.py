"""Over the wall and back: each message once, in order, whatever fails on the way."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import select, update

from portal.backoffice.acts import IssuedOutput
from portal.backoffice.model import (
    CenterAct,
    CenterDocument,
    CenterEvent,
    CenterRequest,
    TakenMessage,
)
from portal.db import Base, Database
from portal.handoff import outbox
from portal.handoff.links import DocumentLinks
from portal.handoff.messages import (
    REQUEST_COMPLETED,
    REQUEST_PAID,
    REQUEST_RESCHEDULED,
    REQUEST_SHELVED,
    Message,
)
from portal.handoff.model import OutboxMessage
from portal.handoff.packing import SignedPacking
from portal.handoff.relay import Relay
from portal.handoff.transports import KEPT, Fate, Outcome, Poison
from portal.handoff.transports.embedded import EmbeddedTransport
from tests.support.databases import Databases
from tests.support.wall import (
    CENTER_TABLES,
    CLERK,
    HEAD,
    OPENING,
    PAPER,
    Wall,
    signed,
)

NUMBER = "26-1503-00001-1"


@pytest.fixture
def wall(database_kind: str, databases: Databases, tmp_path: Path) -> Iterator[Wall]:
    portal, center = (databases.empty(tmp_path, database_kind) for _ in range(2))
    made = Wall(tmp_path, portal, center)
    yield made
    made.close()


# --- once


def test_a_message_that_is_delivered_again_is_taken_once(wall: Wall) -> None:
    message = wall.put(NUMBER, wall.store())
    wall.settle()
    for _ in range(2):
        assert wall.replay(message)
        wall.settle()
    assert [each.id for each in wall.receiver.given] == [message.id] * 3
    assert wall.row(message).state == "sent"
    for table in (TakenMessage, CenterRequest, CenterDocument, CenterAct):
        assert wall.count(table) == 1, table
    assert wall.copied() == [PAPER]


def test_one_that_arrives_twice_at_once_is_taken_once(wall: Wall) -> None:
    message = wall.linked(wall.put(NUMBER, wall.store()))
    failed: list[BaseException] = []
    start = threading.Barrier(4)

    def receive() -> None:
        start.wait()
        try:
            wall.inbox.receive(message)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=receive) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert (wall.count(CenterRequest), wall.count(CenterDocument)) == (1, 1)
    assert wall.copied() == [PAPER]


def test_two_relays_at_once_deliver_each_message_once_and_in_order(wall: Wall) -> None:
    numbers = [f"26-1503-{n:05d}-0" for n in range(12)]
    for kind in (REQUEST_PAID, REQUEST_RESCHEDULED, REQUEST_SHELVED):
        for number in numbers:
            wall.put(number, kind=kind, documents=None)
    start = threading.Barrier(2)

    def work(database: Database) -> None:
        relay = wall.another_relay(database)
        start.wait()
        for _ in range(500):
            if not _unsent(database):
                break
            relay.run_once()
        database.close()

    workers = [threading.Thread(target=work, args=(Database(wall.portal_url),)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    given = defaultdict(list)
    for message in wall.receiver.given:
        given[message.subject].append(message.type)
    order = [REQUEST_PAID, REQUEST_RESCHEDULED, REQUEST_SHELVED]
    assert dict(given) == dict.fromkeys(numbers, order)


def _unsent(database: Database) -> list[str]:
    """What is not sent yet."""
    with database.read() as db:
        return list(db.scalars(select(OutboxMessage.id).where(OutboxMessage.state != "sent")))


def test_what_a_dead_relay_had_taken_is_delivered_when_its_lease_is_over(wall: Wall) -> None:
    message = wall.put()
    assert len(wall.relay.claim(wall.clock.now())) == 1
    assert wall.another_relay().run_once() == 0
    wall.clock.at += timedelta(seconds=11)
    assert wall.another_relay().run_once() == 1
    assert wall.row(message).state == "sent"
    assert wall.count(CenterRequest) == 1


def test_a_relay_that_was_too_slow_changes_nothing_of_what_another_has_done(wall: Wall) -> None:
    message = wall.put()
    (late,) = wall.relay.claim(wall.clock.now())
    wall.clock.at += timedelta(seconds=11)
    (current,) = wall.relay.claim(wall.clock.now())
    under_way = wall.row(message)
    for fate in (Fate.LATER, Fate.RETURNED, Fate.NEVER, Fate.KEPT):
        wall.relay.write([(late, Outcome(fate, "too late"))])
        assert wall.row(message) == under_way, "the lease of the other one stands"
    wall.relay.write([(current, KEPT)])
    done = wall.row(message)
    wall.relay.write([(late, Outcome(Fate.NEVER, "too late"))])
    wall.relay.write([(current, Outcome(Fate.NEVER, "too late"))])
    assert wall.row(message) == done
    assert done.state == "sent"


# --- a center that is off


def test_a_message_for_a_center_that_is_off_waits_longer_each_time_and_then_arrives(
    wall: Wall,
) -> None:
    wall.receiver.off.add("KFS-003")
    message, other = wall.put(), wall.put("26-1504-00001-1", center="KFS-004")
    for attempt in range(1, 12):
        assert wall.relay.run_once() >= 1
        row = wall.row(message)
        wait = (row.available_at - wall.clock.now()).total_seconds()
        full = min(2.0 * 2 ** (attempt - 1), 300.0)
        assert full / 2 <= wait <= full
        assert (row.state, row.attempts) == ("waiting", attempt)
        assert "KFS-003 does not answer" in row.last_error
        assert wall.relay.run_once() == 0, "not before its time"
        wall.clock.at = row.available_at
    assert wall.row(other).state == "sent", "others pass"
    wall.receiver.off.clear()
    wall.settle()
    assert (wall.row(message).state, wall.row(message).last_error) == ("sent", "")
    assert wall.count(CenterRequest) == 2


def test_the_messages_of_a_request_keep_their_order_through_a_failure(wall: Wall) -> None:
    wall.receiver.off.add("KFS-003")
    messages = [
        wall.put(documents=None),
        wall.put(kind=REQUEST_RESCHEDULED, clock={"due_on": "2026-12-28"}, documents=None),
        wall.put(kind=REQUEST_SHELVED, documents=None),
    ]
    wall.settle()
    assert [wall.row(message).attempts for message in messages] == [1, 0, 0]
    wall.receiver.off.clear()
    wall.clock.at += timedelta(minutes=5)
    wall.settle()
    assert [each.id for each in wall.receiver.given] == [each.id for each in messages]
    with wall.center.read() as db:
        row = db.execute(select(CenterRequest.state, CenterRequest.due_on)).one()
    assert (row.state, row.due_on.isoformat()) == ("shelved", "2026-12-28")


def test_a_completion_that_comes_before_its_request_waits_and_leaves_no_copy(wall: Wall) -> None:
    early = wall.put(NUMBER, wall.store(), kind=REQUEST_COMPLETED)
    wall.settle()
    assert wall.row(early).state == "waiting"
    assert wall.copied() == []
    assert wall.count(TakenMessage) == 0


def test_an_answer_that_overtakes_the_relays_own_note_counts_as_an_answer(wall: Wall) -> None:
    """The relay died between delivering and writing that down; the center registered."""
    message = wall.put()
    wall.inbox.receive(wall.linked(message))
    with wall.portal.begin() as db:
        outbox.answered(db, NUMBER, wall.clock.now())
    wall.settle()
    with wall.portal.read() as db:
        assert wall.row(message).state == "sent"
        assert outbox.unanswered(db, wall.clock.now()).count == 0


# --- what can never be taken


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": "request.praised.v1"}, "unknown type request.praised.v1"),
        ({"service": None}, "KeyError: 'service'"),
        ({"clock": {"due_on": "منى السيد"}}, "ValueError"),
        ({"documents": ["plan"]}, "documents are a list of objects with an id"),
        ({"documents": [{"id": "x"}]}, "Missing"),
    ],
)
def test_a_poisonous_message_is_parked_with_its_reason_and_holds_back_only_its_request(
    wall: Wall, changes: dict[str, object], reason: str
) -> None:
    poison = wall.put(**changes)  # type: ignore[arg-type]
    behind, other = wall.put(kind=REQUEST_SHELVED), wall.put("26-1503-00002-2")
    wall.settle()
    row = wall.row(poison)
    assert row.state == "parked"
    assert reason in row.last_error
    assert "منى" not in row.last_error, "a reason quotes nothing of the message"
    assert (wall.row(behind).state, wall.row(other).state) == ("waiting", "sent")
    with wall.portal.read() as db:
        assert [each.id for each in outbox.parked(db, OutboxMessage)] == [poison.id]
    wall.clock.at += timedelta(days=1)
    assert wall.relay.run_once() == 0, "parked is parked until somebody replays it"


def test_another_message_about_a_request_that_is_there_is_parked_and_changes_nothing(
    wall: Wall,
) -> None:
    wall.put(NUMBER, wall.store())
    again = wall.put(NUMBER, wall.store(), applicant={"name": "أخرى"})
    wall.settle()
    assert wall.row(again).state == "parked"
    assert (wall.count(CenterRequest), wall.count(TakenMessage)) == (1, 1)
    assert wall.copied() == [PAPER]


# --- documents


def _lose(wall: Wall, path: Path) -> None:
    path.unlink()


def _change(wall: Wall, path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _cut(wall: Wall, path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def _swap(wall: Wall, path: Path) -> None:
    """Another file, sealed as it should be."""
    key = path.parent.name + path.name
    wall.files._write(key, BytesIO(b"%PDF-1.7 another plan"))


@pytest.mark.parametrize("harm", [_lose, _change, _cut, _swap])
def test_a_document_that_is_lost_or_changed_is_told_parked_and_taken_when_it_is_back(
    wall: Wall, harm: object
) -> None:
    right, wrong = wall.store(), wall.store(b"%PDF-1.7 the contract")
    message = wall.put(NUMBER, right, wrong)
    path = wall.path(wrong)
    before = path.read_bytes()
    harm(wall, path)  # type: ignore[operator]
    wall.settle()
    row = wall.row(message)
    assert row.state == "parked"
    assert wrong.key in row.last_error
    assert wall.count(CenterRequest) == 0
    assert wall.copied() == [], "the copy of the other document is not left lying about"

    path.write_bytes(before)
    assert wall.replay(message)
    assert not wall.replay(message), "it is on its way already"
    wall.settle()
    assert wall.row(message).state == "sent"
    assert sorted(wall.copied()) == [b"%PDF-1.7 the contract", PAPER]


def test_a_link_that_is_too_old_is_refused(wall: Wall) -> None:
    message = wall.linked(wall.put(NUMBER, wall.store()))
    wall.clock.at += timedelta(days=15)
    with pytest.raises(Poison, match="Missing: link"):
        wall.inbox.receive(message)
    assert wall.count(CenterRequest) == 0


def test_a_link_of_the_other_side_is_refused(wall: Wall) -> None:
    stored = wall.store()
    message = DocumentLinks(wall.vault, "center").linked(wall.put(NUMBER, stored), wall.clock.at)
    with pytest.raises(Poison, match="Missing: link"):
        wall.inbox.receive(message)


def test_documents_of_a_message_that_waited_longer_than_a_link_lives_are_still_fetched(
    wall: Wall,
) -> None:
    wall.receiver.off.add("KFS-003")
    message = wall.put(NUMBER, wall.store())
    wall.settle()
    wall.clock.at += timedelta(days=60)
    wall.receiver.off.clear()
    wall.settle()
    assert wall.row(message).state == "sent"
    assert wall.copied() == [PAPER]


# --- the wall itself


def test_a_center_with_a_database_of_its_own_takes_registers_and_decides(wall: Wall) -> None:
    """Every statement of the center's side finds its table: none is one of the portal's."""
    wall.put(NUMBER, wall.store())
    wall.settle()
    desk, now = wall.desk, wall.clock.now()
    with wall.center.begin() as db:
        assert desk.register(db, CLERK, NUMBER, now) == (1, 2026)
        desk.accept_documents(db, CLERK, NUMBER, now)
        desk.approve(db, HEAD, NUMBER, IssuedOutput("7/2026", ""), now)
    answers: list[Message] = []
    packing = SignedPacking(DocumentLinks(wall.center_vault, "center"), wall.clock, signed)
    way = EmbeddedTransport(lambda parcel: answers.append(OPENING.unpack(parcel.body)))
    relay = Relay(wall.center, wall.center_vault, CenterEvent, way, packing, wall.clock)
    while relay.run_once():
        pass
    assert [each.type for each in answers] == [
        "request.registered.v1",
        "documents.accepted.v1",
        "request.approved.v1",
        "output.issued.v1",
    ]
    assert {each.subject for each in answers} == {NUMBER}
    assert answers[0].data == {"number": 1, "year": 2026, "actor": CLERK.name}


def test_no_table_of_a_center_points_at_one_of_the_portal(wall: Wall) -> None:
    centers = {model.__tablename__ for model in CENTER_TABLES}
    for table in Base.metadata.sorted_tables:
        for key in table.foreign_keys:
            assert (table.name in centers) == (key.column.table.name in centers), table.name
    named = {t.name for t in Base.metadata.sorted_tables if t.name.startswith("center_")}
    # what the portal knows of centers is the portal's
    assert named - {"center_keys", "center_uploads", "center_watches"} == centers


def test_what_is_sealed_at_rest_tells_nothing_of_a_message(wall: Wall) -> None:
    message = wall.put(NUMBER)
    assert "منى السيد".encode() not in wall.row(message).payload
    with wall.portal.begin() as db:
        db.execute(update(OutboxMessage).values(payload=wall.row(message).payload[:-1]))
    wall.settle()
    assert wall.row(message).state == "waiting", "a key may be missing: it is tried again"
    assert wall.row(message).last_error == "SealBroken: outbox_messages.payload"
