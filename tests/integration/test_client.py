"""The reference client and its example, with nothing of the project but what is told to copy."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.clock import public_id
from portal.handoff import keys
from portal.handoff.client import Client, Message, Paper, Refused, Settings, Turn, program
from portal.handoff.client.keys import OwnKey, make_key
from portal.handoff.messages import Message as PortalMessage
from portal.handoff.messages import read_message
from portal.handoff.model import InwardEvent, OutboxMessage
from portal.handoff.transports import Parcel, streams
from portal.handoff.transports.nats import Broker, NatsTransport
from portal.handoff.transports.streams import STREAM, TO_CENTERS
from portal.requests.model import Attachment, HistoryEntry, ServiceRequest
from portal.settings import Queue, read_settings
from tests.support.certificates import Authority
from tests.support.commands import run_command
from tests.support.databases import Databases
from tests.support.files import pdf
from tests.support.local import LocalPortal
from tests.support.nats import running_as_deployed, running_nats
from tests.support.office import Office
from tests.support.sandbox import SandboxProcess, eventually

SERVICE = "address-numbering-certificate"
CENTER, OTHER = "KFS-003", "KFS-011"
NUMBER, SECOND = "26-1503-00001-1", "26-1503-00002-2"


@pytest.fixture(scope="module")
def portal(
    databases: Databases, payment_server: SandboxProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalPortal]:
    """A portal whose broker gives again after two seconds what nobody acknowledged."""
    var = tmp_path_factory.mktemp("client")
    with pytest.MonkeyPatch.context() as patch, running_nats(var) as server:
        patch.setattr(streams, "ACK_WAIT_SECONDS", 2)
        setting = {"PORTAL_QUEUE_URL": server.url}
        made = LocalPortal(var, databases.loaded(var), payment_server, setting)
        yield made
        made.close()


@pytest.fixture
def office(portal: LocalPortal, tmp_path: Path) -> Iterator[Office]:
    settings = portal.portal.settings
    made = Office(tmp_path / "office", CENTER, portal.url, settings.queue.servers)
    code, said = run_command(settings, "handoff", "connect", CENTER, "--key", str(made.jwk))
    assert code == 0, said
    yield made
    made.kill()


# --- the whole way


def test_the_example_registers_each_paid_request_once_though_it_is_killed(
    portal: LocalPortal, office: Office
) -> None:
    citizen = portal.someone()
    answers = portal.answers(SERVICE)
    numbers = {citizen.file(SERVICE, answers).hook("request-number") for _ in range(5)}
    junk = Parcel("junk", "request.paid.v1", CENTER, NUMBER, b"no message")
    portal.loops.ways.outward.deliver([junk])
    printed = office.folder / "handoff" / "printed"
    printed.mkdir(parents=True)
    issued = min(numbers)
    (printed / f"{issued}.pdf").write_bytes(pdf()[1])

    portal.relay()  # the broker has them all
    for state in ("registered", "approved"):
        office.start()
        eventually(lambda s=state: office.in_state(s) > 0, 20)  # type: ignore[misc]
        office.kill()
    office.start()

    states = select(ServiceRequest.state).where(ServiceRequest.number.in_(numbers))
    done = ["approved"] * 4 + ["issued"]
    portal.soon(lambda: sorted(row[0] for row in portal.rows(states)) == done, 20)
    portal.soon(lambda: kept(portal) == 0)
    assert office.end() == 0, office.log

    register = dict(office.rows("SELECT request, number FROM register"))
    assert set(register) == numbers
    assert sorted(register.values()) == [1, 2, 3, 4, 5]
    told = select(ServiceRequest.number, ServiceRequest.center_number)
    told = told.where(ServiceRequest.number.in_(numbers))
    assert {row[0]: row[1] for row in portal.rows(told)} == register
    entered = select(HistoryEntry.event, func.count()).join(ServiceRequest)
    entered = entered.where(ServiceRequest.number.in_(numbers)).group_by(HistoryEntry.event)
    assert {row[0]: row[1] for row in portal.rows(entered)}["register_incoming"] == 5
    given = select(Attachment.sha256).join(ServiceRequest)
    given = given.where(ServiceRequest.number == issued, Attachment.purpose == "output")
    assert len(portal.rows(given)) == 1
    assert {row[0] for row in portal.rows(select(InwardEvent.state))} == {"applied"}
    assert [row[0] for row in office.rows("SELECT body FROM handoff_refused")] == [b"no message"]
    copies = {path.name for path in (office.folder / "handoff" / "documents").iterdir()}
    assert len(copies) >= 2, "the citizen's documents and the issued one"


def kept(portal: LocalPortal) -> int:
    """Messages in the stream."""
    broker: Broker = portal.loops.ways.outward._broker  # type: ignore[attr-defined]
    return int(broker.ask(lambda js: js.stream_info(STREAM), 3).state.messages)


# --- one message at a time


class Bench:
    """A client without a broker, and messages that the portal signs for it."""

    def __init__(self, portal: LocalPortal, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.portal = portal
        key = folder / "key.pem"
        make_key(key)
        self.settings = Settings(OTHER, portal.url, key, folder)
        self.given: list[Message] = []
        self.faults = 0
        self.answers: list[tuple[str, dict[str, Any], list[Paper]]] = []
        self.client = Client(self.settings, self.take)

    def take(self, turn: Turn, message: Message) -> None:
        turn.db.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY)")
        turn.db.execute("INSERT INTO seen VALUES (?)", (message.id,))
        if self.faults:
            self.faults -= 1
            raise OSError("the register is closed")
        self.given.append(message)
        for kind, data, papers in self.answers:
            turn.answer(message.subject, kind, data, papers)

    def signed(self, **changes: Any) -> bytes:
        return self.portal.portal.signatures.sign_bytes(
            "handoff+jws", json.dumps(self.envelope(**changes)).encode()
        )

    def envelope(self, **changes: Any) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": public_id(),
            "source": "portal",
            "type": "eg.mahalliyat.request.withdrawn.v1",
            "subject": NUMBER,
            "center": OTHER,
            "time": "2026-11-19T09:02:23.488497+00:00",
            "data": {"note": "no longer needed"},
            **changes,
        }

    def rows(self, asked: str) -> list[Any]:
        with self.client.turn() as turn:
            return turn.db.execute(asked).fetchall()


@pytest.fixture
def bench(portal: LocalPortal, tmp_path: Path) -> Bench:
    return Bench(portal, tmp_path / "bench")


def _cut(body: bytes) -> bytes:
    return body[:-5] + b"AAAAA" if not body.endswith(b"AAAAA") else body[:-5] + b"BBBBB"


BAD: dict[str, tuple[Callable[[Bench], bytes], str]] = {
    "nothing": (lambda b: b"", "no compact JWS"),
    "not signed": (lambda b: json.dumps(b.envelope()).encode(), "no compact JWS"),
    "a wrong signature": (lambda b: _cut(b.signed()), "the signature is wrong"),
    "signed by the center": (
        lambda b: OwnKey(b.settings.signing_key).sign("handoff+jws", b.envelope()),
        "no key of this name",
    ),
    "signed for something else": (
        lambda b: b.portal.portal.signatures.sign_bytes("JWT", json.dumps(b.envelope()).encode()),
        "the header",
    ),
    "another center's": (lambda b: b.signed(center="KFS-004"), "to this center"),
    "not from the portal": (lambda b: b.signed(source="center/KFS-011"), "to this center"),
    "an unknown type": (
        lambda b: b.signed(type="eg.mahalliyat.request.praised.v1"),
        "no type",
    ),
    "against the envelope": (lambda b: b.signed(time="soon"), "envelope.v1"),
    "no time": (lambda b: b.signed(time="the day before yesterday"), "the time"),
    "a document that is none": (
        lambda b: b.signed(data={"note": "", "documents": ["x"]}),
        "a document",
    ),
    "a document that is a path": (
        lambda b: b.signed(data={"note": "", "documents": [{"sha256": "../../key.pem"}]}),
        "a document",
    ),
    "against its schema": (lambda b: b.signed(data={"note": 5}), "$.note (type)"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_not_the_portals_word_to_this_center_is_refused_and_kept(
    bench: Bench, case: str
) -> None:
    make, reason = BAD[case]
    body = make(bench)
    with pytest.raises(Refused):
        bench.client.receive(body)
    ((kept_body, why),) = bench.rows("SELECT body, reason FROM handoff_refused")
    assert kept_body == body
    assert reason in why
    assert bench.given == []


def test_a_message_is_taken_once_and_a_fault_of_the_program_leaves_nothing(bench: Bench) -> None:
    body = bench.signed()
    bench.faults = 1
    with pytest.raises(OSError, match="closed"):
        bench.client.receive(body)
    for _ in range(2):
        bench.client.receive(body)
    assert [each.subject for each in bench.given] == [NUMBER]
    assert bench.rows("SELECT COUNT(*) FROM seen") == [(1,)]


def paid(portal: LocalPortal) -> PortalMessage:
    """What the portal says of a request that was just paid, with links."""
    page = portal.someone().file(SERVICE, portal.answers(SERVICE, center=OTHER))
    number = page.hook("request-number")
    asked = select(OutboxMessage.payload).where(OutboxMessage.subject == number)
    core = portal.portal
    message = read_message(core.vault.open("outbox_messages.payload", portal.rows(asked)[0][0]))
    return core.links.linked(message, core.clock.now())


def test_a_document_that_is_not_the_one_told_of_is_refused(
    portal: LocalPortal, bench: Bench
) -> None:
    core, linked = portal.portal, paid(portal)
    first, *others = linked.data["documents"]

    def packed(document: dict[str, Any]) -> bytes:
        changed = replace(linked, data={**linked.data, "documents": [document, *others]})
        return core.signatures.sign_bytes("handoff+jws", changed.to_json().encode())

    for wrong in ({"sha256": "0" * 64}, {"size": first["size"] - 1}, {"href": first["href"] + "x"}):
        with pytest.raises(Refused):
            bench.client.receive(packed({**first, **wrong}))
    assert bench.given == []
    bench.client.receive(packed(first))
    (taken,) = bench.given
    assert taken.documents[0].path.stat().st_size == first["size"]


def test_answers_go_over_http_where_no_broker_is_and_go_again_when_they_must(
    portal: LocalPortal, bench: Bench
) -> None:
    public = OwnKey(bench.settings.signing_key).public
    with portal.portal.database.begin() as db:
        keys.register(db, OTHER, public.pop("kid"), public, "test", portal.clock.now())
    linked = paid(portal)
    number = linked.subject
    body = portal.portal.signatures.sign_bytes("handoff+jws", linked.to_json().encode())
    bench.answers = [("request.registered.v1", {"number": 7, "year": 2026}, [])]
    bench.client.receive(body)
    with pytest.raises(ValueError, match="number"), bench.client.turn() as turn:
        turn.answer(number, "request.registered.v1", {"number": "seven", "year": 2026})
    with bench.client.turn() as turn:
        event = turn.answer("26-1503-99999-9", "documents.accepted.v1")
    asyncio.run(bench.client._send_due())
    states = dict(bench.rows("SELECT type, state FROM handoff_answers"))
    assert states == {"request.registered.v1": "sent", "documents.accepted.v1": "rejected"}
    asked = select(ServiceRequest.center_number).where(ServiceRequest.number == number)
    assert portal.rows(asked)[0][0] == 7
    with bench.client.turn() as turn:
        turn.mend(event, {"actor": "the desk"})
    # nobody has seen the number: the portal's operator sends the request again
    bench.client.receive(body, replayed=True)
    again = "SELECT type, again FROM handoff_answers WHERE state = 'waiting' ORDER BY type"
    assert bench.rows(again) == [("documents.accepted.v1", 1), ("request.registered.v1", 1)]
    asyncio.run(bench.client._send_due())
    assert dict(bench.rows("SELECT type, state FROM handoff_answers")) == states
    assert len(bench.given) == 1


# --- from the broker


class _Arriving:
    """A message as the broker's library gives it, often delivered already; what is said of it."""

    def __init__(self, bench: Bench, request: int) -> None:
        subject, event = f"26-1503-{request:05d}-1", public_id()
        self.headers = {"Nats-Msg-Id": event, "Mahalliyat-Request": subject}
        self.data = bench.signed(id=event, subject=subject)
        self.metadata = SimpleNamespace(num_delivered=9)
        self.put_off: list[float] = []
        self.taken = 0

    async def nak(self, delay: float) -> None:
        self.put_off.append(delay)

    async def ack(self) -> None:
        self.taken += 1


def test_when_one_after_another_fails_the_program_rests_and_no_message_is_blamed(
    bench: Bench,
) -> None:
    """The portal is away, say, and no message can be taken with its documents."""
    bench.faults = 5
    arriving = [_Arriving(bench, request) for request in range(5)]
    coming = iter(arriving + arriving)

    class Way:
        async def fetch(self) -> _Arriving:
            return next(coming)

    bench.client._broker = Way()  # type: ignore[assignment]
    rests = [asyncio.run(bench.client._take_next()) for _ in range(10)]
    assert rests[:2] == [0, 0]
    assert 0 < rests[2] < rests[3] < rests[4]
    assert rests[5:] == [0] * 5
    assert {len(each.put_off) for each in arriving} == {1}
    assert max(each.put_off[0] for each in arriving) <= program._FIRST_DELAY_SECONDS
    assert [each.taken for each in arriving] == [1] * 5


def test_what_is_put_off_holds_up_its_own_request_and_no_other(
    portal: LocalPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the servers' configuration as it is delivered, and a certificate of the center."""
    monkeypatch.setattr(program, "_FIRST_DELAY_SECONDS", 0.4)
    authority = Authority(tmp_path)
    authority.issue("server")
    said = run_command(
        read_settings({"PORTAL_VAR": str(tmp_path)}), "handoff", "credentials", OTHER
    )
    (tmp_path / "users.conf").write_text(said[1])
    (tmp_path / "cluster.conf").touch()
    bench = Bench(portal, tmp_path / "bench")
    bench.faults = 1
    sent = [(NUMBER, public_id()), (NUMBER, public_id()), (SECOND, public_id())]
    parcels = [
        Parcel(each, "t", OTHER, subject, bench.signed(id=each, subject=subject))
        for subject, each in sent
    ]
    with running_as_deployed(tmp_path) as server:
        broker = Broker(Queue((server.url,), authority.path, *authority.issue("portal")), [OTHER])
        broker.set_up()
        NatsTransport(broker, TO_CENTERS).deliver(parcels)
        certificate, key = authority.issue(OTHER)
        settings = replace(
            bench.settings,
            servers=(server.url,),
            ca=authority.path,
            certificate=certificate,
            certificate_key=key,
        )
        bench.client = Client(settings, bench.take)
        running = threading.Thread(target=bench.client.run)
        running.start()
        try:
            eventually(lambda: len(bench.given) == 3)
            with bench.client.turn() as turn:
                turn.answer(NUMBER, "documents.accepted.v1")
            eventually(lambda: bench.rows("SELECT state FROM handoff_answers") == [("sent",)])
        finally:
            bench.client.stop()
            running.join(10)
        left = int(broker.ask(lambda js: js.stream_info(STREAM), 3).state.messages)
        broker.close()
    assert not running.is_alive()
    assert [(each.subject, each.id) for each in bench.given] == [sent[2], sent[0], sent[1]]
    assert left == 1, "the answer"
