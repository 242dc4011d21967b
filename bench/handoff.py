"""The hand-off: how fast the relay is, how long a request is on its way, and who waits for whom.

The relay opens, links, signs and publishes what stands sealed in an outbox, and writes down what
the broker has acknowledged. Its yardstick is the bare client that publishes the same number of
bytes to the same broker, as many in flight, taken turn by turn with it. Broker and database are on
this machine's disk, beside the relay on its two cores.
"""

import asyncio
import logging
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
from sqlalchemy import insert

from portal.clock import SystemClock, public_id
from portal.handoff.messages import REQUEST_PAID, Message
from portal.handoff.model import OutboxMessage
from portal.handoff.outbox import place
from portal.handoff.relay import Relay
from portal.handoff.transports import Fate, Outcome, Parcel, Transport
from portal.handoff.transports.embedded import EmbeddedTransport
from portal.handoff.transports.nats import Broker, NatsTransport
from portal.handoff.transports.pickup import Pickup
from portal.handoff.transports.streams import FROM_CENTERS, TO_CENTERS, consumer_of
from portal.observability import configure_logs
from portal.places.model import load_places
from portal.settings import Queue
from tests.support.nats import NatsServer, running_nats
from tests.support.postgres import running_postgres
from tests.support.wall import Wall, paid

WANTED = 1000
"""Messages a second from outbox to acknowledged, or :data:`RATIO` of the bare client's."""
RATIO = 0.4
WANTED_SECONDS = 1.0
"""On the way for 99 of 100, and behind a flood."""
_MESSAGES = 6000
_TURNS = 6
_ON_THE_WAY = 300
_FLOOD = 100_000
_CENTERS = tuple(sorted(load_places().centers))[:311]


@dataclass(frozen=True)
class Rate:
    """Messages a second of the bare client and of the relay, and what one costs the latter."""

    database: str
    bare: float
    relay: float
    cpu_us: float
    """Of the relay's process, the client's thread included; it does not depend on neighbours."""

    @property
    def ratio(self) -> float:
        return self.relay / self.bare


@dataclass(frozen=True)
class Waits:
    """How long messages took, in seconds, sorted."""

    name: str
    seconds: Sequence[float]

    def part(self, share: float) -> float:
        return self.seconds[min(int(len(self.seconds) * share), len(self.seconds) - 1)]


def _wall(folder: Path, url: str = "") -> Wall:
    portal_url, center_url = (f"sqlite:///{folder / public_id()}.sqlite3" for _ in range(2))
    wall = Wall(folder, url or portal_url, center_url)
    wall.clock = SystemClock()  # type: ignore[assignment]
    wall.relay = wall.another_relay()
    return wall


def paid_request() -> dict[str, Any]:
    """What a paid request carries: three documents, thirty answers, some 9 kB."""
    center = load_places().centers[_CENTERS[0]]
    named = {"ar": center.ar, "en": center.en}
    answers = [
        {"code": f"question_{n}", "kind": "text", "label": named, "shown": named} for n in range(30)
    ]
    document = {
        "code": "plan",
        "title": named,
        "name": "plan.pdf",
        "media_type": "application/pdf",
        "size": 48213,
        "pages": 1,
        "sha256": "0" * 64,
    }
    documents = [{**document, "id": public_id()} for _ in range(3)]
    return {**paid(), "sections": [{"code": "plot", "answers": answers}], "documents": documents}


def _fill(wall: Wall, count: int, center: Callable[[int], str], **changes: object) -> None:
    """Messages in the outbox, a thousand in a transaction."""
    data, now = paid_request() | changes, wall.clock.now()
    for begin in range(0, count, 1000):
        rows = []
        for n in range(begin, min(begin + 1000, count)):
            number = f"{public_id(16)}"
            message = Message(public_id(), REQUEST_PAID, center(n), number, "portal", now, data)
            rows.append(
                {
                    "id": message.id,
                    "type": message.type,
                    "center_code": message.center,
                    "subject": number,
                    "payload": wall.vault.seal(place(OutboxMessage), message.to_json()),
                    "state": "waiting",
                    "attempts": 0,
                    "last_error": "",
                    "created_at": now,
                    "available_at": now,
                }
            )
        with wall.portal.begin() as db:
            db.execute(insert(OutboxMessage), rows)


def _relay(wall: Wall, transport: Transport) -> Relay:
    return Relay(wall.portal, wall.vault, OutboxMessage, transport, wall.packing, wall.clock)


# --- how fast


def rates(count: int = _MESSAGES) -> Iterator[Rate]:
    """SQLite in its safest mode, then PostgreSQL with a disk that is waited for."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        yield _rate("sqlite", Path(folder), "", count)
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        running_postgres(durable=True) as server,
    ):
        yield _rate("postgresql", Path(folder), server.fresh_database(), count)


def _rate(name: str, folder: Path, url: str, count: int) -> Rate:
    wall = _wall(folder, url)
    _fill(wall, count, lambda n: _CENTERS[n % len(_CENTERS)])
    with running_nats(folder) as server:
        broker = Broker(Queue((server.url,)), _CENTERS)
        transport = NatsTransport(broker, TO_CENTERS)
        relay = _relay(wall, transport)
        broker.set_up()
        relay.run_once()  # warm
        body = _sample(wall)
        bare = seconds = cpu = 0.0
        sent = 0
        for _ in range(_TURNS):
            bare += asyncio.run(_publish(server, body, count // _TURNS))
            began, used, done = time.perf_counter(), time.process_time(), 0
            while done < count // _TURNS and (took := relay.run_once()):
                done += took
            seconds += time.perf_counter() - began
            cpu += time.process_time() - used
            sent += done
        broker.close()
    wall.close()
    return Rate(name, count // _TURNS * _TURNS / bare, sent / seconds, cpu / sent * 1e6)


def _sample(wall: Wall) -> bytes:
    """As many bytes as a message has when it is packed."""
    message = Message(
        public_id(),
        REQUEST_PAID,
        _CENTERS[0],
        public_id(16),
        "portal",
        wall.clock.now(),
        paid_request(),
    )
    return bytes(len(wall.packing.pack(message)))


async def _publish(server: NatsServer, body: bytes, count: int) -> float:
    """Seconds in which the bare client publishes ``count`` bodies and hears that they are kept."""
    client = await nats.connect(server.url)
    js = client.jetstream()
    began = time.perf_counter()
    for begin in range(0, count, NatsTransport.batch):
        futures = [
            await js.publish_async(f"{FROM_CENTERS}.{_CENTERS[0]}", body)
            for _ in range(min(NatsTransport.batch, count - begin))
        ]
        await asyncio.gather(*futures)
    seconds = time.perf_counter() - began
    await js.purge_stream("HANDOFF", subject=f"{FROM_CENTERS}.{_CENTERS[0]}")
    await client.close()
    return seconds


# --- how long


def on_the_way(count: int = _ON_THE_WAY) -> Iterator[Waits]:
    """From the commit that pays a request until the center's inbox has it, 30 a second."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        wall = _wall(Path(folder))
        arrived = _Arrivals(wall)
        relay = _relay(wall, EmbeddedTransport(arrived.take))
        yield Waits("embedded", _send(wall, arrived, {0.2: relay.run_once}, count))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, running_nats(Path(folder)) as up:
        wall = _wall(Path(folder))
        arrived = _Arrivals(wall)
        broker = Broker(Queue((up.url,)), _CENTERS)
        broker.set_up()
        pickup = Pickup(
            broker, lambda: map(consumer_of, _CENTERS), arrived.take, lambda *_: None, 8
        )
        relay = _relay(wall, NatsTransport(broker, TO_CENTERS))
        rounds = {0.2: relay.run_once, 0.1: pickup.run_once}
        yield Waits("nats", _send(wall, arrived, rounds, count))
        broker.close()


class _Arrivals:
    """When each message was in the center's inbox."""

    def __init__(self, wall: Wall) -> None:
        self._wall = wall
        self.at: dict[str, float] = {}

    def take(self, parcel: Parcel) -> None:
        self._wall.hand_over(parcel)
        self.at[parcel.id] = time.perf_counter()


def _send(
    wall: Wall, arrived: _Arrivals, rounds: dict[float, Callable[[], int]], count: int
) -> list[float]:
    """Put messages one by one while the rounds run as the worker runs them."""
    stop = threading.Event()

    def loop(pause: float, once: Callable[[], int]) -> None:
        while not stop.is_set():
            stop.wait(0.01 if once() else pause)

    threads = [threading.Thread(target=loop, args=each) for each in rounds.items()]
    for thread in threads:
        thread.start()
    put = {}
    for n in range(count):
        number = f"26-1503-{n:05d}-1"
        message = wall.put(number, wall.store(), center=_CENTERS[n % len(_CENTERS)])
        put[message.id] = time.perf_counter()
        time.sleep(1 / 30)
    deadline = time.monotonic() + 20
    while len(arrived.at) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    wall.close()
    return sorted(arrived.at[each] - put[each] for each in put)


# --- who waits for whom


def behind_a_flood(kind: str, flood: int = _FLOOD, count: int = 60) -> Waits:
    """One center has a hundred thousand waiting; how long another's next takes to the center's
    inbox (``embedded``) or to the broker (``nats``)."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        wall = _wall(folder)
        stack.callback(wall.close)
        _fill(wall, flood, lambda _n: _CENTERS[0], documents=[])  # nobody has their files
        kept: dict[str, float] = {}
        transport: Transport = _Noting(EmbeddedTransport(wall.hand_over), kept)
        if kind == "nats":
            server = stack.enter_context(running_nats(folder))
            broker = Broker(Queue((server.url,)), _CENTERS)
            stack.callback(broker.close)
            broker.set_up()
            transport = _Noting(NatsTransport(broker, TO_CENTERS), kept)
        relay, stop = _relay(wall, transport), threading.Event()

        def loop() -> None:
            while not stop.is_set():
                stop.wait(0.01 if relay.run_once() else 0.2)

        thread = threading.Thread(target=loop)
        thread.start()
        put = {}
        for n in range(count):
            message = wall.put(f"26-1504-{n:05d}-1", center=_CENTERS[1], documents=None)
            put[message.id] = time.perf_counter()
            time.sleep(0.1)
        deadline = time.monotonic() + 10
        while not put.keys() <= kept.keys() and time.monotonic() < deadline:
            time.sleep(0.05)
        stop.set()
        thread.join()
    name = f"{kind}, beside {flood:,}"
    return Waits(name, sorted(kept[each] - put[each] for each in put))


class _Noting:
    """Notes when the receiver had acknowledged what."""

    def __init__(self, transport: Transport, kept: dict[str, float]) -> None:
        self._transport = transport
        self.batch = transport.batch
        self._kept = kept

    def deliver(self, parcels: Sequence[Parcel]) -> Sequence[Outcome]:
        outcomes = self._transport.deliver(parcels)
        now = time.perf_counter()
        for parcel, outcome in zip(parcels, outcomes, strict=True):
            if outcome.fate is Fate.KEPT:
                self._kept[parcel.id] = now
        return outcomes


def print_hand_off() -> None:
    configure_logs(logging.ERROR)
    print(f"{'from outbox to broker':28}{'bare/s':>10}{'relay/s':>10}{'ratio':>8}{'CPU µs':>8}")
    for rate in rates():
        print(
            f"{rate.database:28}{rate.bare:10.0f}{rate.relay:10.0f}{rate.ratio:8.2f}{rate.cpu_us:8.0f}"
            f"  (at least {WANTED}/s or {RATIO})",
            flush=True,
        )
    print(f"\n{'on the way':28}{'p50 ms':>10}{'p99 ms':>10}{'worst ms':>10}")
    for waits in (*on_the_way(), *map(behind_a_flood, ("embedded", "nats"))):
        parts = [waits.part(share) * 1000 for share in (0.5, 0.99, 1.0)]
        print(
            f"{waits.name:28}{parts[0]:10.0f}{parts[1]:10.0f}{parts[2]:10.0f}"
            f"  (at most {WANTED_SECONDS * 1000:.0f})",
            flush=True,
        )


if __name__ == "__main__":
    print_hand_off()
