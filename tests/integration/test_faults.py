"""Whatever dies between a payment and its center's number: each request once, and none lost.

Real processes carry paid requests from the portal's settling through outbox, relay and broker to
the programs of centers and back; see :mod:`tests.support.flow`. While it flows they are killed, cut
off, and get no room. Afterwards the lists of both sides are held against each other.

``HEAVY_WEATHER=1 ./dev test -s tests/integration/test_faults.py`` sends five hundred requests
through each of the cases and tells what befell them; the ordinary run sends a few through some.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from payments.proof import prove
from portal.backoffice.model import CenterEvent, CenterRequest, TakenMessage
from portal.handoff.messages import (
    DOCUMENTS_ACCEPTED,
    REQUEST_APPROVED,
    REQUEST_PAID,
    REQUEST_REGISTERED,
)
from portal.handoff.model import InwardEvent, OutboxMessage
from portal.requests.model import HistoryEntry, ServiceRequest
from tests.support.cable import Cable
from tests.support.databases import SQLITE, Databases, share_key
from tests.support.disk import Disk, small_disk
from tests.support.flow import EXAMPLE, LATE, OWN, Flow
from tests.support.nats import NatsServer, running_cluster
from tests.support.postgres import Postgres, running_postgres
from tests.support.sandbox import SandboxProcess
from tests.support.stack import Stack

HEAVY = bool(os.environ.get("HEAVY_WEATHER"))
COUNT = 500 if HEAVY else 25
SECONDS = 600.0 if HEAVY else 120.0
"""After which somebody has waited too long; nobody should have to."""
CUT_SECONDS = 60.0 if HEAVY else 3.0
_DISK_MB = 32
_ANSWERS = (REQUEST_REGISTERED, DOCUMENTS_ACCEPTED, REQUEST_APPROVED)  # of the example
_HISTORY = ("submit", "pay_filing", "register_incoming", "accept_documents", "approve")


@dataclass
class World:
    """A flow, and what it runs on."""

    flow: Flow
    brokers: Sequence[NatsServer]
    postgres: Postgres | None
    cable: Cable | None
    disk: Disk | None

    @property
    def broker(self) -> NatsServer:
        return self.brokers[0]

    def pause(self, most: float = 1.0) -> None:
        """Long enough for the others to notice, or not."""
        time.sleep(self.flow.dice.uniform(0, most if HEAVY else 1.0))


Trouble = Callable[[World], None]


def portal_killed(world: World) -> None:
    world.flow.stack.kill("serve")
    world.flow.stack.start("serve")


def relay_killed(world: World) -> None:
    world.flow.stack.kill("worker")
    world.pause()
    world.flow.stack.start("worker")


def relays_killed(world: World) -> None:
    """One of two, or both."""
    which = world.flow.dice.choice((("worker",), ("worker-2",), ("worker", "worker-2")))
    world.flow.stack.kill(*which)
    world.pause()
    world.flow.stack.start(*which)


def consumer_killed(world: World) -> None:
    world.flow.offices[EXAMPLE].kill()
    world.pause(0.3)
    world.flow.offices[EXAMPLE].start()


def database_killed(world: World) -> None:
    assert world.postgres is not None
    world.postgres.kill()
    world.pause(3)
    world.postgres.start()


def broker_killed(world: World) -> None:
    world.broker.kill()
    world.pause(3)
    world.broker.start()


def broker_held(world: World) -> None:
    world.broker.hold()
    world.flow.until(lambda: _stuck(world.flow), "stuck")
    time.sleep(CUT_SECONDS)
    world.broker.release()


def one_node_killed(world: World) -> None:
    node = world.flow.dice.choice(world.brokers)
    node.kill()
    world.pause(10)
    node.start()


def two_nodes_killed(world: World) -> None:
    """Those that are left are no majority: nothing is taken until there is one again."""
    nodes = world.flow.dice.sample(list(world.brokers), 2)
    for node in nodes:
        node.kill()
    world.pause(10)
    for node in nodes:
        node.start()


def relay_cut_off(world: World) -> None:
    """First it is heard and hears nothing, then neither."""
    assert world.cable is not None
    world.cable.cut(only_back=True)
    world.flow.until(lambda: _stuck(world.flow), "stuck")
    time.sleep(CUT_SECONDS / 2)
    world.cable.cut()
    time.sleep(CUT_SECONDS / 2)
    world.cable.mend()


def disk_full(world: World) -> None:
    """The broker's disk. Then the operator makes room and starts the broker again, which takes
    nothing more until that is done."""
    assert world.disk is not None
    world.disk.fill()
    world.flow.until(lambda: _stuck(world.flow), "stuck")
    time.sleep(CUT_SECONDS / 4)
    world.disk.make_room()
    world.broker.kill()
    world.broker.start()


def store_full(world: World) -> None:
    """A center takes nothing until the broker's store is full; then it takes again."""
    world.flow.offices[EXAMPLE].kill()
    world.flow.until(lambda: _stuck(world.flow), "stuck")
    time.sleep(CUT_SECONDS / 4)
    world.flow.offices[EXAMPLE].start()


def _stuck(flow: Flow) -> bool:
    """Whether something was refused that waits, on one side or the other."""
    refused = [
        select(box.id).where(box.state == "waiting", box.last_error != "").limit(1)
        for box in (OutboxMessage, CenterEvent)
    ]
    unsaid = "SELECT 1 FROM handoff_answers WHERE state = 'waiting' AND reason <> '' LIMIT 1"
    return any(map(flow.rows, refused)) or bool(flow.offices[EXAMPLE].rows(unsaid))


def replayed(world: World) -> None:
    """An operator sends everything once more, in both directions."""
    for more in ((), ("--answers",)):
        world.flow.command("handoff", "replay", "--since", "2020-01-01", "--yes", *more)


@dataclass(frozen=True)
class Case:
    """What the requests flow through, and what befalls it how often."""

    troubles: Sequence[Trouble]
    times: int = 1
    postgresql: bool = False
    cluster: bool = False
    small_disk: bool = False
    store: str = "1GB"
    ahead: int = max(COUNT // 6, 3)
    workers: Sequence[str] = ("worker",)


EVERYTHING = Case(
    (
        relay_killed,
        replayed,
        consumer_killed,
        broker_killed,
        portal_killed,
        relay_cut_off,
        database_killed,
        disk_full,
        replayed,
    ),
    postgresql=True,
    small_disk=True,
)
HEAVY_CASES = {
    "portal": Case([portal_killed], 12),
    "relay": Case([relay_killed], 20),
    "two relays": Case([relays_killed], 20, postgresql=True, workers=("worker", "worker-2")),
    "consumer": Case([consumer_killed], 30),
    "database": Case([database_killed], 10, postgresql=True),
    "broker": Case([broker_killed], 12),
    "one node of three": Case([one_node_killed], 6, cluster=True),
    "two nodes of three": Case([two_nodes_killed], 4, cluster=True),
    "full disk": Case([disk_full], 3, small_disk=True),
    "full store": Case([store_full], 3, store="1100KB", ahead=COUNT // 2),
    "cut off": Case([relay_cut_off], 2),
    "held": Case([broker_held], 2),
    "replay": Case([relay_killed, replayed, broker_killed, replayed, consumer_killed], 3),
    "everything": EVERYTHING,
}
CASES = HEAVY_CASES if HEAVY else {"everything": EVERYTHING}


@pytest.fixture
def world(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    databases: Databases,
    payment_server: SandboxProcess,
) -> Iterator[World]:
    case = CASES[request.getfixturevalue("case")]
    with ExitStack() as opened:
        postgres = opened.enter_context(running_postgres(durable=True)) if case.postgresql else None
        disk, cable = None, None
        if case.small_disk:
            disk = opened.enter_context(small_disk(tmp_path / "n1", _DISK_MB))
        if case.cluster:
            brokers: Sequence[NatsServer] = opened.enter_context(running_cluster(tmp_path))
        else:
            broker = NatsServer(tmp_path, most=case.store, disk=disk)
            opened.callback(broker.kill)
            brokers = [broker.start()]
            cable = Cable(broker.port)
            opened.callback(cable.close)
        urls = [broker.url for broker in brokers]
        account = f"sk_test_faults_{tmp_path.name}"
        settings = {
            "PORTAL_PAYMENTS_BASE_URL": payment_server.url,
            "PORTAL_PAYMENTS_API_KEY": account,
            "PORTAL_QUEUE_URL": ",".join(urls)
            if cable is None
            else f"nats://127.0.0.1:{cable.port}",
            "PORTAL_QUEUE_REPLICAS": str(len(brokers)),
        }
        share_key(tmp_path)
        ready = databases.loaded(tmp_path, SQLITE).removeprefix("sqlite:///")
        shutil.move(ready, tmp_path / "portal.sqlite3")
        stack = Stack(tmp_path, postgres.fresh_database() if postgres else "", settings)
        endpoint = payment_server.client(account).v1.webhook_endpoints.create(
            {"url": f"{stack.url}/webhooks/payments", "enabled_events": ["*"]}
        )
        stack.environment["PORTAL_PAYMENTS_WEBHOOK_SECRET"] = str(endpoint.secret)
        flow = Flow.prepared(stack, payment_server, COUNT, SECONDS, case.ahead, urls)
        opened.callback(flow.close)
        made = World(flow, brokers, postgres, cable, disk)
        stack.start("serve", *case.workers)
        flow.offices[EXAMPLE].start()
        yield made


@pytest.mark.timeout(3600 if HEAVY else 300)
@pytest.mark.parametrize("case", CASES)
def test_every_request_is_at_its_center_once_and_its_number_is_back(
    case: str, world: World
) -> None:
    flow, told = world.flow, CASES[case]
    troubles = [
        (trouble.__name__, partial(trouble, world))
        for trouble in told.troubles
        if trouble is not disk_full or world.disk is not None
    ]
    if not troubles:
        pytest.skip("this machine does not let a program have a disk of its own")
    took = flow.run(troubles * told.times)

    # who has not answered is listed, and what it has not answered stands in its queue
    assert sorted(flow.unanswered()) == sorted(flow.numbers(LATE) | flow.left_lying)
    queue = flow.in_the_queue(world.broker.url, LATE)
    assert {number for _, number in queue} == flow.numbers(LATE)
    flow.offices[LATE].start()
    flow.late_is_on = True
    flow.until(lambda: not flow.open_ends() and flow.is_empty(world.broker.url), "late")
    assert sorted(flow.unanswered()) == sorted(flow.left_lying)

    for center in (EXAMPLE, LATE):
        _assert_registered_once(flow, center)
    _assert_at_the_own_back_office_once(flow)
    _assert_the_portal_knows_it(flow)
    befell = ", ".join(f"{count} {name}" for name, count in flow.told.items())
    sys.stdout.write(
        f"\n{case}: {len(flow.paid)} paid, {befell}; all answered {took:.0f} s after the last\n"
    )


def _assert_registered_once(flow: Flow, center: str) -> None:
    """The program's own file: what it took, how it numbered that, what it answered."""
    office, wanted = flow.offices[center], flow.numbers(center)
    taken = office.rows("SELECT id, subject FROM handoff_taken WHERE type = 'request.paid.v1'")
    assert sorted(taken) == _sent(flow, center)
    register = office.rows("SELECT request, number FROM register ORDER BY number")
    assert sorted(number for number, _ in register) == sorted(wanted)
    assert [incoming for _, incoming in register] == list(range(1, len(wanted) + 1))
    assert {row[0]: row[1] for row in _numbers(flow, center)} == dict(register)
    answers = office.rows("SELECT subject, type, state FROM handoff_answers")
    assert sorted(answers) == sorted((n, kind, "sent") for n in wanted for kind in _ANSWERS)
    assert office.rows("SELECT reason FROM handoff_refused") == []


def _assert_at_the_own_back_office_once(flow: Flow) -> None:
    there = flow.rows(
        select(CenterRequest.request_number, CenterRequest.incoming_number).order_by(
            CenterRequest.incoming_number
        )
    )
    assert sorted(row[0] for row in there) == sorted(flow.numbers(OWN))
    taken = flow.rows(select(TakenMessage.id))
    assert sorted(row[0] for row in taken) == [each for each, _ in _sent(flow, OWN)]
    registered = {row[0]: row[1] for row in there if row[1] is not None}
    assert list(registered.values()) == list(range(1, len(registered) + 1))
    assert registered.keys() == flow.numbers(OWN) - flow.left_lying
    assert {row[0]: row[1] for row in _numbers(flow, OWN) if row[1] is not None} == registered


def _assert_the_portal_knows_it(flow: Flow) -> None:
    """One message to a center and one of each answer, all applied, and one history."""
    everything = flow.numbers(EXAMPLE, LATE, OWN)
    sent = flow.rows(select(OutboxMessage.subject, OutboxMessage.type, OutboxMessage.state))
    assert sorted(map(tuple, sent)) == [(n, REQUEST_PAID, "sent") for n in sorted(everything)]
    come = flow.rows(select(InwardEvent.subject, InwardEvent.type, InwardEvent.state))
    of_programs = {(n, kind) for n in flow.numbers(EXAMPLE, LATE) for kind in _ANSWERS}
    of_clerk = {(n, REQUEST_REGISTERED) for n in flow.numbers(OWN) - flow.left_lying}
    wanted = sorted((*each, "applied") for each in of_programs | of_clerk)
    assert sorted(map(tuple, come)) == wanted
    history = flow.rows(
        select(ServiceRequest.number, HistoryEntry.event)
        .join(ServiceRequest, ServiceRequest.id == HistoryEntry.request_id)
        .where(HistoryEntry.event.in_(_HISTORY))
    )
    moved = {(n, event) for n in flow.numbers(EXAMPLE, LATE) for event in _HISTORY}
    moved |= {(n, "register_incoming") for n, _ in of_clerk}
    moved |= {(n, event) for n in everything for event in _HISTORY[:2]}
    assert sorted(map(tuple, history)) == sorted(moved)
    with flow.core.database.read() as db:
        assert {name: found for name, found in prove(db).items() if found} == {}
    status = flow.command("handoff", "status")
    for line in ("waiting  0", "parked  0"):
        assert status.count(line) == 2, status
    for line in ("at centers, refused  0", "from centers, not applied  0"):
        assert line in status, status


def _sent(flow: Flow, center: str) -> list[tuple[str, str]]:
    """What the portal says that it sent to a center: message and request."""
    asked = select(OutboxMessage.id, OutboxMessage.subject)
    return sorted(map(tuple, flow.rows(asked.where(OutboxMessage.center_code == center))))


def _numbers(flow: Flow, center: str) -> list[tuple[str, int | None]]:
    """The centers' numbers as the citizens see them."""
    asked = select(ServiceRequest.number, ServiceRequest.center_number)
    return [tuple(row) for row in flow.rows(asked.where(ServiceRequest.center_code == center))]
