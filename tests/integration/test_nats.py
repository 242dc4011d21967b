"""The hand-off through real NATS servers: nothing lost, nothing doubled, nobody reads along."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.errors import TimeoutError as NatsTimeout
from nats.js.errors import Error as JetStreamError
from sqlalchemy import func, select

from portal.backoffice import refusals
from portal.backoffice.model import CenterRequest, TakenMessage
from portal.handoff.messages import REQUEST_COMPLETED, REQUEST_RESCHEDULED, Message
from portal.handoff.model import OutboxMessage
from portal.handoff.relay import Relay
from portal.handoff.transports import AtBroker, Fate, Parcel, TransportDown, pickup
from portal.handoff.transports import nats as carrier
from portal.handoff.transports.nats import Broker, NatsTransport
from portal.handoff.transports.pickup import Pickup
from portal.handoff.transports.streams import (
    STREAM,
    TO_CENTERS,
    consumer_of,
    from_center,
    to_center,
)
from portal.requests.model import ServiceRequest
from portal.settings import Queue, read_settings
from tests.support.certificates import Authority
from tests.support.commands import run_command
from tests.support.databases import Databases
from tests.support.local import LocalPortal
from tests.support.nats import NatsServer, running_as_deployed, running_cluster, running_nats
from tests.support.sandbox import SandboxProcess, eventually
from tests.support.wall import Wall

CENTERS = ("KFS-003", "KFS-004", "KFS-009")
NUMBER = "26-1503-00001-1"
_ACCOUNTS = 12


class Line:
    """A portal's outbox, a broker, and a center's inbox behind it."""

    def __init__(self, folder: Path, databases: Databases, queue: Queue) -> None:
        self.wall = Wall(folder, databases.empty(folder), databases.empty(folder))
        self.queue = queue
        self.broker = Broker(queue, CENTERS)
        self.transport = NatsTransport(self.broker, TO_CENTERS)
        self.relay = self.another_relay()
        self.refused = refusals.Refusals(self.wall.center, self.wall.clock)
        self.pickup = Pickup(
            self.broker,
            lambda: map(consumer_of, CENTERS),
            self.wall.hand_over,
            self.refused.keep,
            8,
        )

    def another_relay(self) -> Relay:
        wall = self.wall
        return Relay(
            wall.portal, wall.vault, OutboxMessage, self.transport, wall.packing, wall.clock
        )

    def put(self, count: int, after: int = 0) -> list[Message]:
        """Paid requests at the three centers in turn."""
        return [
            self.wall.put(f"26-1503-{n:05d}-1", center=CENTERS[n % 3], documents=None)
            for n in range(after, after + count)
        ]

    def settle(self, done: Callable[[], bool], seconds: float = 60.0) -> None:
        """Relay and take until ``done``; the wall's clock goes along with the machine's."""
        began = time.monotonic()
        while not done():
            assert time.monotonic() - began < seconds, "it did not happen in time"
            start = time.monotonic()
            self.relay.run_once()
            self.pickup.run_once()
            self.wall.clock.at += timedelta(seconds=time.monotonic() - start)

    def taken(self, count: int) -> Callable[[], bool]:
        return lambda: self.wall.count(CenterRequest) >= count

    def kept(self) -> int:
        """Messages in the stream."""
        info = self.broker.ask(lambda js: js.stream_info(STREAM), 3)
        return int(info.state.messages)

    def states(self) -> dict[str, int]:
        with self.wall.portal.read() as db:
            rows = db.execute(
                select(OutboxMessage.state, func.count()).group_by(OutboxMessage.state)
            )
            return {row[0]: row[1] for row in rows}

    def close(self) -> None:
        self.broker.close()
        self.wall.close()


@pytest.fixture(scope="session")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Addresses of accounts of one server: each has streams of its own."""
    names = [f"t{n}" for n in range(_ACCOUNTS)]
    users = "\n".join(
        f"{name}: {{ jetstream: enabled, users: [{{ user: {name}, password: pw }}] }}"
        for name in names
    )
    with running_nats(tmp_path_factory.mktemp("nats"), f"accounts {{ {users} }}") as server:
        yield [f"nats://{name}:pw@127.0.0.1:{server.port}" for name in names]


@pytest.fixture
def queue(accounts: list[str]) -> Queue:
    """An account that no test has used."""
    return Queue((accounts.pop(),))


@contextmanager
def a_line(folder: Path, databases: Databases, queue: Queue) -> Iterator[Line]:
    made = Line(folder, databases, queue)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def line(tmp_path: Path, databases: Databases, queue: Queue) -> Iterator[Line]:
    with a_line(tmp_path, databases, queue) as made:
        yield made


# --- the whole way


def test_a_paid_request_goes_through_the_broker_and_its_number_comes_back(
    queue: Queue, databases: Databases, payment_server: SandboxProcess, tmp_path: Path
) -> None:
    url = databases.loaded(tmp_path)
    setting = {"PORTAL_QUEUE_URL": queue.servers[0]}
    portal = LocalPortal(tmp_path, url, payment_server, setting)
    try:
        page = portal.filed("address-numbering-certificate")
        portal.soon(lambda: bool(portal.rows(select(CenterRequest.id))))
        number = portal.rows(select(CenterRequest.request_number))[0][0]
        portal.employee("front_office").act(number, "register", {})
        registered = select(ServiceRequest.center_number).where(ServiceRequest.number == number)
        portal.soon(lambda: portal.rows(registered)[0][0] is not None)
        assert page.status == 200
        assert portal.rows(select(OutboxMessage.answered_at))[0][0] is not None
        settings = portal.portal.settings
        said = run_command(settings, "handoff", "setup", **setting)
        assert said == (0, "the stream stands as it should\n0 consumers were made or changed\n")
    finally:
        portal.close()


# --- once


def test_what_is_published_twice_is_in_the_stream_once_and_a_replay_goes_out_again(
    line: Line,
) -> None:
    message = line.wall.put(NUMBER)
    (claimed,) = line.relay.claim(line.wall.clock.now())
    parcel = line.relay._pack(claimed)
    for _ in range(2):  # a relay that was killed before it could write that it had published
        assert [each.fate for each in line.transport.deliver([parcel])] == [Fate.KEPT]
    assert line.kept() == 1
    line.wall.clock.at += timedelta(seconds=11)
    assert line.another_relay().run_once() == 1
    assert (line.kept(), line.states()) == (1, {"sent": 1})
    # what the portal knows of a center that does not fetch, and of one that has
    eventually(lambda: line.broker.standing().get("KFS-003") == AtBroker(1, None), 10)
    line.settle(line.taken(1))
    eventually(lambda: line.broker.standing()["KFS-003"].waits == 0, 10)
    assert line.broker.standing()["KFS-003"].acknowledged_at is not None
    assert line.broker.standing()["KFS-004"] == AtBroker(0, None)
    assert line.wall.replay(message)
    line.settle(lambda: len(line.wall.receiver.given) == 2)
    assert [each.id for each in line.wall.receiver.given] == [message.id] * 2
    assert line.wall.count(TakenMessage) == 1


def test_a_server_that_was_told_wrong_whom_to_let_in_is_asked_again(
    databases: Databases, tmp_path: Path
) -> None:
    with (
        running_nats(tmp_path) as server,
        a_line(tmp_path, databases, Queue((server.url,))) as line,
    ):
        line.put(3)
        line.settle(line.taken(3))
        server.let_in("somebody-else")
        line.put(3, after=3)
        first = line.broker._client

        def is_asked_again() -> bool:
            line.relay.run_once()
            return line.broker._client is not first

        eventually(is_asked_again, 20)
        assert line.states() == {"sent": 3, "waiting": 3}
        server.let_in("")
        line.settle(line.taken(6))


def test_a_server_that_is_killed_is_noticed_once_and_no_message_is_blamed(
    databases: Databases, tmp_path: Path
) -> None:
    with (
        running_nats(tmp_path) as server,
        a_line(tmp_path, databases, Queue((server.url,))) as line,
    ):
        line.put(30)
        line.relay.run_once()
        assert line.states() == {"sent": 30}
        line.settle(line.taken(5))
        server.kill()
        late = line.put(30, after=30)
        assert line.relay.run_once() > 0
        assert line.states() == {"sent": 30, "waiting": 30}
        rows = [line.wall.row(message) for message in late]
        assert {(row.attempts, row.leased_until) for row in rows} == {(0, None)}
        assert "Connect call failed" in "".join(row.last_error for row in rows)
        assert line.relay.run_once() == 0, "it waits before it looks again"
        server.start()
        line.settle(lambda: line.taken(60)() and not line.kept())
        assert line.states() == {"sent": 60}
        assert line.wall.count(TakenMessage) == 60


def test_a_server_that_answers_nothing_leaves_all_where_it_was(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrier, "_ACK_SECONDS", 0.3)
    with (
        running_nats(tmp_path) as server,
        a_line(tmp_path, databases, Queue((server.url,))) as line,
    ):
        line.put(1)
        line.settle(line.taken(1))
        server.hold()
        line.put(8, after=1)
        assert line.relay.run_once() > 0, (
            "some of them: a round that took long makes the next short"
        )
        assert line.states() == {"sent": 1, "waiting": 8}
        server.release()
        line.settle(lambda: line.taken(9)() and not line.kept())
        assert line.wall.count(TakenMessage) == 9


# --- what is not taken


def test_a_receiver_that_takes_nothing_is_left_in_peace_and_the_messages_are_not_blamed(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its database is away, say: whoever comes next would fail as well."""
    now = 1000.0
    monkeypatch.setattr(pickup, "stopwatch", lambda: now)
    away, tried = True, []

    def take(parcel: Parcel) -> None:
        tried.append(parcel.id)
        if away:
            raise OSError("no room")
        line.wall.hand_over(parcel)

    messages = line.put(24)
    line.relay.run_once()
    office = Pickup(
        line.broker, lambda: map(consumer_of, CENTERS), take, line.refused.keep, len(messages)
    )
    eventually(lambda: office.run_once() > 0)
    for _ in range(3):
        office.run_once()
    assert len(tried) == len(set(tried)) == pickup._IN_A_ROW
    now += 1
    office.run_once()
    assert len(tried) == pickup._IN_A_ROW + 1, "one tries for all"
    away = False

    def all_taken() -> bool:
        nonlocal now
        now += 1
        office.run_once()
        return line.taken(len(messages))()

    eventually(all_taken, 30)
    assert len(tried) == len(messages) + pickup._IN_A_ROW + 1


def test_what_a_center_can_never_take_is_shown_and_taken_when_it_is_mended(line: Line) -> None:
    wall, stored = line.wall, line.wall.store()
    path = wall.path(stored)
    content = path.read_bytes()
    path.unlink()
    message, other = wall.put(NUMBER, stored), wall.put("26-1503-00002-2")
    line.settle(line.taken(1))
    line.settle(lambda: line.kept() == 0)
    with wall.center.read() as db:
        (shown,) = refusals.standing(db)
        assert db.scalar(select(CenterRequest.request_number)) == other.subject
    assert (shown.id, shown.type, shown.subject) == (message.id, message.type, NUMBER)
    assert shown.center == "KFS-003"
    assert stored.key in shown.reason
    path.write_bytes(content)
    assert wall.replay(message)
    line.settle(line.taken(2))
    with wall.center.read() as db:
        assert refusals.standing(db) == []


def test_what_comes_too_early_is_put_off_and_those_behind_it_wait(line: Line) -> None:
    wall = line.wall
    early = wall.put(NUMBER, kind=REQUEST_COMPLETED, clock={"due_on": "2026-12-24"})
    behind = wall.put(NUMBER, kind=REQUEST_RESCHEDULED, clock={"due_on": "2026-12-28"})
    line.relay.run_once()
    line.relay.run_once()
    line.pickup.run_once()
    given = [each.id for each in wall.receiver.given]
    assert given == [early.id]
    assert behind.id not in given
    assert (line.kept(), wall.count(TakenMessage)) == (2, 0)


def test_a_body_that_no_one_signed_is_refused_and_what_is_too_large_is_parked(line: Line) -> None:
    bad = Parcel("x1", "request.paid.v1", "KFS-003", NUMBER, b"no message")
    large = replace(bad, id="x2", body=b" " * 2_000_000)
    assert [each.fate for each in line.transport.deliver([bad, large])] == [Fate.KEPT, Fate.NEVER]
    line.settle(lambda: line.kept() == 0)
    with line.wall.center.read() as db:
        assert [each.id for each in refusals.standing(db)] == ["x1"]


# --- who may what


def test_a_center_reads_its_own_messages_only_and_speaks_for_itself_only(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.issue("server")
    code, users = _credentials(tmp_path, "KFS-003", "KFS-004")
    assert code == 0
    (tmp_path / "users.conf").write_text(users)
    (tmp_path / "cluster.conf").touch()
    with running_as_deployed(tmp_path) as server:
        queue = Queue((server.url,), authority.path, *authority.issue("portal"))
        broker = Broker(queue, CENTERS)
        out = NatsTransport(broker, TO_CENTERS)
        try:
            parcels = [Parcel(c, "t", c, NUMBER, c.encode()) for c in ("KFS-003", "KFS-004")]
            assert [each.fate for each in out.deliver(parcels)] == [Fate.KEPT, Fate.KEPT]
            broker.set_up()
            asyncio.run(_try_everything(server, authority))
            nobody = Broker(Queue((server.url,), authority.path), CENTERS)
            with pytest.raises(TransportDown):
                nobody.ask(_nothing, 1)
            nobody.close()
            assert int(broker.ask(lambda js: js.stream_info(STREAM), 3).state.messages) == 2
        finally:
            broker.close()


def _credentials(var: Path, *centers: str) -> tuple[int, str]:
    settings = read_settings({"PORTAL_VAR": str(var)})
    return run_command(settings, "handoff", "credentials", *centers)


async def _nothing(_js: Any) -> None:
    return


async def _try_everything(server: NatsServer, authority: Authority) -> None:
    """As KFS-003: what is its own works, what is KFS-004's or everybody's does not."""
    errors: list[str] = []

    async def note(error: Exception) -> None:
        errors.append(str(error))

    cert, key = authority.issue("KFS-003")
    queue = Queue((server.url,), authority.path, cert, key)
    client = await nats.connect(
        server.url, tls=carrier._tls(queue), inbox_prefix="_INBOX.KFS-003", error_cb=note
    )
    js = client.jetstream(timeout=1)
    own = await js.pull_subscribe_bind(durable=consumer_of("KFS-003"), stream=STREAM)
    (message,) = await own.fetch(1, timeout=2)
    assert message.data == b"KFS-003"
    await message.ack_sync()
    assert (await js.publish(from_center("KFS-003"), b"answer")).stream == STREAM
    assert errors == []

    other = await js.pull_subscribe_bind(durable=consumer_of("KFS-004"), stream=STREAM)
    with pytest.raises((NatsTimeout, JetStreamError)):
        await other.fetch(1, timeout=0.3)
    for forbidden in (from_center("KFS-004"), to_center("KFS-003"), "handoff.in"):
        with pytest.raises((NatsTimeout, JetStreamError)):
            await js.publish(forbidden, b"forged", timeout=0.2)
    with pytest.raises((NatsTimeout, JetStreamError)):
        await client.jetstream(timeout=0.2).purge_stream(STREAM)
    subjects = (to_center("KFS-004"), "handoff.>", ">", "_INBOX.>", "_INBOX.KFS-004.>", "$JS.>")
    for subject in subjects:
        await client.subscribe(subject)
    await client.flush()
    await asyncio.sleep(0.1)
    denied = [each for each in errors if "ermissions violation" in each]
    assert len(denied) == 5 + len(subjects), errors
    await client.close()


# --- a cluster


def test_a_cluster_of_three_loses_nothing_with_one_of_its_nodes(
    databases: Databases, tmp_path: Path
) -> None:
    with running_cluster(tmp_path) as servers:
        queue = Queue(tuple(server.url for server in servers), replicas=3)
        with a_line(tmp_path, databases, queue) as line:
            line.put(40)
            line.settle(line.taken(1), 30)
            info = line.broker.ask(lambda js: js.stream_info(STREAM), 3)
            assert info.config.num_replicas == 3
            assert info.cluster is not None
            leader = int(str(info.cluster.leader)[1:])
            servers[leader - 1].kill()
            line.put(40, after=40)
            line.settle(line.taken(80), 60)
            assert line.states() == {"sent": 80}
            assert line.wall.count(TakenMessage) == 80
