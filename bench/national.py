"""``python -m bench.national``: a working day of every center at ten times today's load.

The outbox, the relays, the transports, the signatures and the inbox are the real ones; so are a
NATS server and PostgreSQL where the day goes through them. Citizens and employees are made up.

The clock is driven. While relay, pickup or inbox work it runs with the machine's own; when nobody
has anything to do it jumps to what comes next. So a night takes no time, and every figure is what
it would be on this machine in a day of 24 hours: nothing is scaled. One thing is harder than in a
worker: its loops take turns here, and none works while another waits for disk or broker.

On a machine that others use at the same time ``--cpu`` lets the clock run by processor seconds, of
this process, the database and the broker together. Waits for the disk are not in those.
"""

import argparse
import heapq
import logging
import math
import os
import random
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, insert, select

from bench.handoff import paid_request
from bench.picture import Line, Panel, picture
from bench.processes import cpu_ns
from portal.backoffice.model import CenterEvent, TakenMessage
from portal.clock import CAIRO, public_id
from portal.db import Database
from portal.handoff import outbox
from portal.handoff.links import DocumentLinks
from portal.handoff.messages import REQUEST_PAID, REQUEST_REGISTERED, Message, source_of
from portal.handoff.model import OutboxColumns, OutboxMessage
from portal.handoff.outbox import place
from portal.handoff.packing import SignedPacking
from portal.handoff.relay import Relay
from portal.handoff.transports import Fate, Outcome, Parcel, Transport, TransportDown
from portal.handoff.transports.embedded import EmbeddedTransport
from portal.handoff.transports.nats import Broker, NatsTransport
from portal.handoff.transports.pickup import Pickup
from portal.handoff.transports.streams import FROM_CENTERS, PORTAL, TO_CENTERS, consumer_of
from portal.observability import configure_logs
from portal.places.model import load_places
from portal.settings import Queue
from portal.vault import Vault
from tests.support.nats import running_nats
from tests.support.postgres import running_postgres
from tests.support.wall import OPENING, Wall, signed

TODAY = 1_250
"""Requests that come over the portal on a working day [G]; docs/handoff.md says from what."""
TIMES = 10
FLOOD = 100_000
_FLOOD_AT = 10.0  # Cairo, in the busiest hour
_OPEN, _CLOSE = 8.0, 14.0
_CUT = (9.5, 11.5)  # the hours in which some are off
_CUT_CENTERS = 12
# Share of a day's requests in each hour, in percent: filed at any hour, most while offices work [G]
_HOURS = (1, 1, 0, 0, 0, 1, 1, 3, 7, 10, 12, 11, 10, 8, 5, 4, 4, 4, 4, 4, 4, 3, 2, 1)
_A_REGISTRATION = 120.0  # seconds of an employee [G]
_BUSY, _IDLE = 0.01, 0.2  # seconds between rounds, as in the worker
_RETRIES = 5.0  # so often is looked after what only waits for another attempt
_CODES = tuple(sorted(load_places().centers))
_FIRST = datetime(2026, 11, 22, tzinfo=CAIRO).astimezone(UTC)
_BIN = 600.0  # seconds of the picture's bins


class DrivenClock:
    """Runs while something real works, and jumps over the time in which nothing does."""

    def __init__(self, servers: Callable[[], float] | None = None) -> None:
        """Runs by the wall; or by processor seconds, of this process and of ``servers``."""
        self._seconds = 0.0
        self._since: float | None = None
        self._own = time.process_time if servers else time.perf_counter
        self._servers = servers or (lambda: 0.0)

    @property
    def seconds(self) -> float:
        """Since midnight in Cairo."""
        running = 0.0 if self._since is None else self._own() - self._since
        return self._seconds + running

    def now(self) -> datetime:
        return _FIRST + timedelta(seconds=self.seconds)

    @contextmanager
    def running(self) -> Iterator[None]:
        others, self._since = self._servers(), self._own()
        try:
            yield
        finally:
            self._seconds, self._since = self.seconds, None
            self._seconds += self._servers() - others

    def jump(self, seconds: float) -> None:
        self._seconds = max(self._seconds, seconds)


class Round:
    """A loop of the worker, with the time at which it has something to do."""

    def __init__(self, once: Callable[[], int], idle: float = _IDLE) -> None:
        self._once = once
        self._idle = idle
        self._next = 0.0
        self.due = math.inf
        self.work_s = 0.0

    def wanted(self, second: float) -> None:
        self.due = min(self.due, second)

    @property
    def at(self) -> float:
        """Its first look then: those before, which find nothing, are left out."""
        if self.due == math.inf or self._next >= self.due:
            return max(self._next, self.due)
        looks = math.ceil((self.due - self._next) / self._idle) if self._idle else 0
        return max(self._next + self._idle * looks, self.due)

    def run(self, clock: DrivenClock) -> None:
        self.due = math.inf
        began = clock.seconds
        with clock.running():
            done = self._once()
        self.work_s += clock.seconds - began
        self._next = clock.seconds + (_BUSY if done else self._idle)


@dataclass
class Seen:
    """What a day has shown; seconds are since midnight."""

    depths: list[tuple[float, int, int, int]] = field(default_factory=list)
    """Each minute: waiting in the outbox, at the broker, in inboxes without a number."""
    ways: list[tuple[float, float]] = field(default_factory=list)
    """When a message was settled, and how long it took to the inbox of a center that was there."""
    answers: list[float] = field(default_factory=list)
    """How long a center's number took to the portal."""
    back: list[float] = field(default_factory=list)
    """How long after it was back a center that had been off had what was waiting."""
    work_s: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


class Day:
    """Citizens, employees, and between them the hand-off."""

    def __init__(
        self, wall: Wall, clock: DrivenClock, requests: int, flood: int, *, broker: bool
    ) -> None:
        self._wall, self._clock, self._flood = wall, clock, flood
        self._random = random.Random(20261122)
        weights = [1 / (n + 10) ** 0.7 for n in range(len(_CODES))]
        codes = self._random.sample(_CODES, len(_CODES))
        self._flooded, self._absent, *rest = codes[20:]
        self._cut = frozenset(rest[:_CUT_CENTERS])
        # with a broker the flood waits there for a center's own system, which takes nothing today;
        # without one the own back office takes all of it
        self._foreign = self._flooded if broker else ""
        hours = self._random.choices(range(24), _HOURS, k=requests)
        centers = self._random.choices(codes, weights, k=requests)
        seconds = [(hour + self._random.random()) * 3600 for hour in hours]
        self._coming = deque(sorted(zip(seconds, centers, strict=True)))
        of_center = Counter(centers)
        # enough employees for their day, with a fifth to spare
        day = (_CLOSE - _OPEN) * 3600 / _A_REGISTRATION
        self._idle = {code: math.ceil(of_center[code] * 1.2 / day) or 1 for code in codes}
        self._desks: list[tuple[float, str]] = []
        self._inboxes: dict[str, deque[str]] = {code: deque() for code in codes}
        self._settled: dict[str, tuple[float, str]] = {}
        self._asked: dict[str, float] = {}
        self._numbers: Counter[str] = Counter()
        self._waiting = self._answers = 0
        self._answers_at_broker: set[str] = set()
        self._put_off: set[str] = set()
        self._at_broker: dict[str, set[str]] = {code: set() for code in codes}
        self._sampled = 0.0
        self.seen = Seen()
        self._data = paid_request() | {"documents": []}
        self.rounds: dict[str, Round] = {}

    def off(self, center: str, second: float) -> bool:
        if center in {self._absent, self._foreign}:
            return True
        return center in self._cut and _CUT[0] * 3600 <= second < _CUT[1] * 3600

    @property
    def on(self) -> list[str]:
        """The centers that are there and for which the broker has something: to ask for the others
        in vain is what idle loops do, and is left out with them."""
        second = self._clock.seconds
        return [c for c, there in self._at_broker.items() if there and not self.off(c, second)]

    # --- the day

    def run(self) -> Seen:
        clock, day = self._clock, 86400.0
        flood_at = _FLOOD_AT * 3600 if self._flood else math.inf
        ends = [_CUT[1] * 3600, math.inf]
        while True:
            times = {name: each.at for name, each in self.rounds.items()}
            coming = self._coming[0][0] if self._coming else math.inf
            desk = self._desks[0][0] if self._desks else math.inf
            then = min(coming, desk, flood_at, ends[0], *times.values())
            if then > day and clock.seconds < day:
                then = day
            if then == math.inf or (then > day and self._only_absent):
                break
            clock.jump(then)
            self._sample()
            second = clock.seconds
            if flood_at <= second:
                self._pour()
                flood_at = math.inf
            if ends[0] <= second:
                ends.pop(0)
                self._look()
            self._file(second)
            self._register(second)
            for each in self.rounds.values():
                if each.at <= clock.seconds:
                    each.run(clock)
                    self._look()
        self._sample()
        self.seen.work_s = {name: each.work_s for name, each in self.rounds.items()}
        return self.seen

    @property
    def _only_absent(self) -> bool:
        there = self._waiting + sum(map(len, self._at_broker.values())) - self._left
        return not (there or self._answers or self._answers_at_broker or self._coming)

    @property
    def _left(self) -> int:
        """Messages to centers that take nothing all day."""
        away = {self._absent, self._foreign}
        return sum(center in away for _, center in self._settled.values())

    def _look(self) -> None:
        """Tell each loop whether there is something for it."""
        now = self._clock.seconds
        if self._waiting > len(self._put_off):
            self.rounds["outward"].wanted(now)
        elif self._put_off:
            self.rounds["outward"].wanted(now + _RETRIES)
        if self._answers:
            self.rounds["inward"].wanted(now)
        if "centers" in self.rounds and any(
            there and not self.off(code, now) for code, there in self._at_broker.items()
        ):
            self.rounds["centers"].wanted(now)
        if "answers" in self.rounds and self._answers_at_broker:
            self.rounds["answers"].wanted(now)

    def _sample(self) -> None:
        while self._sampled <= self._clock.seconds:
            unregistered = sum(map(len, self._inboxes.values()))
            at_broker = sum(map(len, self._at_broker.values()))
            self.seen.depths.append((self._sampled, self._waiting, at_broker, unregistered))
            self._sampled += 60

    # --- citizens

    def _file(self, second: float) -> None:
        rows = []
        while self._coming and self._coming[0][0] <= second:
            at, center = self._coming.popleft()
            rows.append(self._row(center, at))
        self._insert(rows)

    def _pour(self) -> None:
        for begin in range(0, self._flood, 1000):
            count = min(1000, self._flood - begin)
            rows = [self._row(self._flooded, _FLOOD_AT * 3600) for _ in range(count)]
            if not self._foreign:  # an operator sends once more what the center has taken already
                for row in rows:
                    self._settled.pop(str(row["id"]))
                taken = [{"id": row["id"], "taken_at": row["created_at"]} for row in rows]
                with self._wall.center.begin() as db:
                    db.execute(insert(TakenMessage), taken)
            self._insert(rows)

    def _row(self, center: str, second: float) -> dict[str, object]:
        at = _FIRST + timedelta(seconds=second)
        number = public_id(16)
        told = Message(public_id(), REQUEST_PAID, center, number, "portal", at, self._data)
        self._settled[told.id] = (second, center)
        return {
            "id": told.id,
            "type": told.type,
            "center_code": center,
            "subject": number,
            "payload": self._wall.vault.seal(place(OutboxMessage), told.to_json()),
            "state": "waiting",
            "attempts": 0,
            "last_error": "",
            "created_at": at,
            "available_at": at,
        }

    def _insert(self, rows: list[dict[str, object]]) -> None:
        if rows:
            with self._wall.portal.begin() as db:
                db.execute(insert(OutboxMessage), rows)
            self._waiting += len(rows)
            self._look()

    # --- between

    def carried(
        self, parcels: Sequence[Parcel], outcomes: Sequence[Outcome], *, there: bool
    ) -> None:
        """What a transport said of messages to centers; ``there``: no broker is between."""
        for parcel, outcome in zip(parcels, outcomes, strict=True):
            if outcome.fate is Fate.KEPT:
                self._waiting -= 1
                self._put_off.discard(parcel.id)
                if (
                    not there and parcel.id in self._settled
                ):  # else it was taken before that was said
                    self._at_broker[parcel.center].add(parcel.id)
            elif outcome.fate is Fate.LATER:
                self._put_off.add(parcel.id)

    def answers_carried(
        self, parcels: Sequence[Parcel], outcomes: Sequence[Outcome], *, there: bool
    ) -> None:
        for parcel, outcome in zip(parcels, outcomes, strict=True):
            if outcome.fate is Fate.KEPT:
                self._answers -= 1
                if not there and parcel.id in self._asked:
                    self._answers_at_broker.add(parcel.id)

    # --- centers

    def hand_over(self, parcel: Parcel) -> None:
        """To a center without a broker between: one that is off takes nothing."""
        if self.off(parcel.center, self._clock.seconds):
            raise TransportDown(f"{parcel.center} does not answer")
        self.take(parcel)

    def take(self, parcel: Parcel) -> None:
        self._wall.inbox.receive(OPENING.unpack(parcel.body))
        second = self._clock.seconds
        self._at_broker[parcel.center].discard(parcel.id)
        settled = self._settled.pop(parcel.id, None)
        if settled is None:
            return  # a repetition
        at, center = settled
        if self.off(center, at):
            self.seen.back.append(second - _CUT[1] * 3600)
        elif center != self._flooded:
            self.seen.ways.append((at, second - at))
        self._inboxes[center].append(parcel.subject)
        self._sit_down(center, second)

    def _sit_down(self, center: str, second: float) -> None:
        if self._idle[center] and second < _CLOSE * 3600:
            self._idle[center] -= 1
            heapq.heappush(self._desks, (max(second, _OPEN * 3600) + self._takes(), center))

    def _takes(self) -> float:
        return _A_REGISTRATION * self._random.uniform(0.5, 1.5)

    def _register(self, second: float) -> None:
        """Employees give numbers, each one at a time, while their center is open."""
        while self._desks and self._desks[0][0] <= second:
            at, center = heapq.heappop(self._desks)
            if self.off(center, at):
                heapq.heappush(self._desks, (_CUT[1] * 3600 + self._takes(), center))
                continue
            if not self._inboxes[center] or at > _CLOSE * 3600:
                self._idle[center] += 1
                continue
            self._answer(center, self._inboxes[center].popleft(), at)
            heapq.heappush(self._desks, (at + self._takes(), center))

    def _answer(self, center: str, subject: str, second: float) -> None:
        self._numbers[center] += 1
        data = {"number": self._numbers[center], "year": 2026}
        at = _FIRST + timedelta(seconds=second)
        told = Message(
            public_id(), REQUEST_REGISTERED, center, subject, source_of(center), at, data
        )
        with self._wall.center.begin() as db:
            outbox.put(db, self._wall.center_vault, CenterEvent, told)
        self._asked[told.id] = second
        self._answers += 1
        self._look()

    # --- and back

    def answered(self, parcel: Parcel) -> None:
        """The portal's door, without the table of steps: the number has come."""
        told = OPENING.unpack(parcel.body)
        with self._wall.portal.begin() as db:
            outbox.answered(db, told.subject, self._clock.now())
        self._answers_at_broker.discard(parcel.id)
        asked = self._asked.pop(parcel.id, None)
        if asked is not None:  # else a repetition
            self.seen.answers.append(self._clock.seconds - asked)

    def count(self) -> None:
        """What the tables say at the end, and whether anything is missing there."""
        with self._wall.portal.read() as db:
            box = OutboxMessage
            total = db.scalar(select(func.count()).select_from(box)) or 0
            numbered = db.scalar(select(func.count()).where(box.answered_at.is_not(None))) or 0
        with self._wall.center.read() as db:
            taken = db.scalar(select(func.count()).select_from(TakenMessage)) or 0
        left = len(self._settled)
        if total != taken + left or numbered != sum(self._numbers.values()):
            raise AssertionError((total, taken, left, numbered, self._numbers.total()))
        self.seen.counts = {
            "requests": total - self._flood,
            "flood": self._flood,
            "taken": taken,
            "left for centers that were off all day": left,
            "numbers back": numbered,
        }


class _Told:
    """A transport that tells what became of each parcel."""

    def __init__(
        self, transport: Transport, tell: Callable[[Sequence[Parcel], Sequence[Outcome]], None]
    ) -> None:
        self._transport, self._tell = transport, tell
        self.batch = transport.batch

    def deliver(self, parcels: Sequence[Parcel]) -> Sequence[Outcome]:
        outcomes = self._transport.deliver(parcels)
        self._tell(parcels, outcomes)
        return outcomes


def a_day(kind: str, requests: int, flood: int, *, cpu: bool) -> Seen:
    """``embedded`` with SQLite, or ``nats`` with PostgreSQL, both on disks that are waited for."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        urls = tuple(f"sqlite:///{folder / name}.sqlite3" for name in ("portal", "centers"))
        pids: list[int] = []
        if kind == "nats":
            server = stack.enter_context(running_postgres(durable=True))
            urls = (server.fresh_database(), server.fresh_database())
        wall = Wall(folder, *urls)
        clock = DrivenClock((lambda: cpu_ns(pids) / 1e9) if cpu else None)
        stack.callback(wall.close)
        wall.packing = SignedPacking(wall.links, clock, signed)
        day = Day(wall, clock, requests, flood, broker=kind == "nats")
        there = kind == "embedded"
        outward: Transport = EmbeddedTransport(day.hand_over)
        inward: Transport = EmbeddedTransport(day.answered)
        pickups: dict[str, Round] = {}
        if not there:
            nats = stack.enter_context(running_nats(folder))
            broker = Broker(Queue((nats.url,)), _CODES)
            stack.callback(broker.close)
            broker.set_up()
            outward = NatsTransport(broker, TO_CENTERS)
            inward = NatsTransport(broker, FROM_CENTERS)
            centers = Pickup(broker, lambda: map(consumer_of, day.on), day.take, _lost, 8)
            portal = Pickup(broker, lambda: (PORTAL,), day.answered, _lost, 64)
            pids += [nats.pid, _backend(wall.portal), _backend(wall.center)]
            pickups = {"centers": Round(centers.run_once, 0), "answers": Round(portal.run_once, 0)}

        def relay(
            box: type[OutboxColumns], way: Transport, packing: SignedPacking, vault: Vault
        ) -> Round:
            database = wall.portal if box is OutboxMessage else wall.center
            return Round(Relay(database, vault, box, way, packing, clock).run_once)

        back = SignedPacking(DocumentLinks(wall.center_vault, "center"), clock, signed)
        to_centers = _Told(outward, lambda p, o: day.carried(p, o, there=there))
        to_portal = _Told(inward, lambda p, o: day.answers_carried(p, o, there=there))
        day.rounds = {
            "outward": relay(OutboxMessage, to_centers, wall.packing, wall.vault),
            **pickups,
            "inward": relay(CenterEvent, to_portal, back, wall.center_vault),
        }
        seen = day.run()
        day.count()
        return seen


def _backend(database: Database) -> int:
    """The process of PostgreSQL that serves us: one connection is enough for loops in turn."""
    with database.read() as db:
        return int(db.scalar(select(func.pg_backend_pid())) or 0)


def _lost(parcel: Parcel, reason: str) -> None:
    raise AssertionError((parcel.id, reason))


# --- told


def part(seconds: Sequence[float], share: float) -> float:
    """The given percentile."""
    ordered = sorted(seconds)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def draw(seen: Seen, title: str) -> str:
    """The day as a picture."""
    shares = ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
    lines = {name: Line(name, []) for _, name in shares}
    bins: dict[float, list[float]] = {}
    for at, seconds in seen.ways:
        bins.setdefault(at // _BIN * _BIN, []).append(seconds)
    for at, took in sorted(bins.items()):
        for share, name in shares:
            lines[name].points.append(((at + _BIN / 2) / 3600, part(took, share) * 1000))
    depths = [
        Line(name, [(row[0] / 3600, row[n]) for row in seen.depths])
        for n, name in ((1, "in the outbox"), (2, "at the broker"), (3, "in inboxes, no number"))
        if any(row[n] for row in seen.depths)
    ]
    return picture(
        title,
        [
            Panel("Messages that wait (logarithmic)", depths, least=1),
            Panel(
                "Settled until in the center's inbox, ms (logarithmic)",
                list(lines.values()),
                least=10,
                mark=1000,
            ),
        ],
        shaded=(_OPEN, _CLOSE),
    )


def tell(kind: str, seen: Seen) -> None:
    ways = [took for _, took in seen.ways]
    late = [took for at, took in seen.ways if _FLOOD_AT * 3600 <= at < (_FLOOD_AT + 0.25) * 3600]
    print(f"{kind}: {seen.counts}")
    for name, took in (
        ("settled until in the inbox", ways),
        ("the same in the quarter with the flood", late),
        ("a number until at the portal", seen.answers),
    ):
        parts = "".join(f"{part(took, share) * 1000:9.0f}" for share in (0.5, 0.95, 0.99, 1.0))
        print(f"  {name:42}{parts}   ms: p50 p95 p99 worst")
    print(f"  back after hours: the last had its last after {max(seen.back, default=0):.1f} s")
    print(
        f"  work: { {name: round(each) for name, each in seen.work_s.items()} } s of a day's 86,400"
    )
    print(f"  most in the outbox {max(row[1] for row in seen.depths):,}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.national", description=__doc__)
    parser.add_argument("--today", type=int, default=TODAY, help=f"a day's requests ({TODAY:,})")
    parser.add_argument("--times", type=float, default=TIMES, help=f"so often ({TIMES})")
    parser.add_argument("--flood", type=int, default=FLOOD, help=f"of one center ({FLOOD:,})")
    parser.add_argument("--only", choices=("embedded", "nats"))
    parser.add_argument("--cpu", action="store_true", help="the clock runs by processor seconds")
    parser.add_argument("--pictures", type=Path, help="a folder for day-embedded.svg and so on")
    chosen = parser.parse_args()
    configure_logs(logging.ERROR)
    requests = round(chosen.today * chosen.times)
    for kind in (chosen.only,) if chosen.only else ("embedded", "nats"):
        seen = a_day(kind, requests, chosen.flood, cpu=chosen.cpu)
        tell(kind, seen)
        if chosen.pictures:
            database = "SQLite" if kind == "embedded" else "PostgreSQL"
            title = f"{requests:,} requests of a day to {len(_CODES)} centers: {kind}, {database}"
            (chosen.pictures / f"day-{kind}.svg").write_text(draw(seen, title), "utf-8")
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
