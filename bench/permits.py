"""``python -m bench.permits``: what an inquiry costs, with few permits and with two million.

The real application answers over HTTP, behind a proxy that tells the asker's address; each address
asks a few questions and each center is asked less than its limit, so that the register answers and
not its pace. The bare application of the same server is asked in the same run, turn by turn. All
permits share one sealed value with their owner's name, and so do all owners' national IDs: how long
it is opened and how much room it takes is as in life.
"""

import argparse
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median
from urllib.parse import quote

from sqlalchemy import text

from bench.processes import cpu_ns
from portal.db import Database
from portal.settings import read_settings
from portal.vault import Vault
from tests.support.postgres import running_postgres
from tests.support.register import fill_log, fill_permits
from tests.support.sandbox import eventually, free_port
from tests.support.stack import Stack

FEW, MANY, LOG = 10_000, 2_000_000, 1_000_000
_ALONE = 500  # of one client alone, each turn: six turns are 3,000, and thirty are above the p99
_A_TURN = 100
_TURNS = 6
_AT_ONCE = 8
_ADDRESS_ASKS = 4  # of the questions that each address has an hour
_LONGEST_HEAD = 4096
_asker = count(1)


@dataclass
class Told:
    """What one register said to one kind of question, turn by turn with the bare application."""

    shares: list[float] = field(default_factory=list)
    """Requests a second of clients at once, as shares of the bare application's."""
    cpu_shares: list[float] = field(default_factory=list)
    """The bare application's CPU of a request, as shares of the server's."""
    ms: list[float] = field(default_factory=list)
    """Milliseconds of one client alone."""

    def __str__(self) -> str:
        slowest = sorted(self.ms)[len(self.ms) * 99 // 100]
        return (
            f"{median(self.shares):9.4f}{median(self.cpu_shares):9.4f}"
            f"{median(self.ms):9.2f}{slowest:9.2f}"
        )


class Client:
    """A kept-alive connection that costs next to nothing."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, path: str, address: str) -> int:
        """The status of the answer, which is read whole."""
        head = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: br\r\n"
            f"X-Forwarded-For: {address}\r\n\r\n"
        )
        self._socket.sendall(head.encode())
        told = b""
        while (end := told.find(b"\r\n\r\n")) < 0:
            told += self._more()
        fields = told[:end].lower()
        length = int(fields.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        missing = length - (len(told) - end - 4)
        while missing > 0:
            missing -= len(self._more())
        return int(told[9:12])

    def _more(self) -> bytes:
        more = self._socket.recv(65536)
        assert more, "the server closed the connection"
        return more


@dataclass
class Server:
    """A port, and the process whose work is counted."""

    port: int
    pid: int

    def alone(self, ask: Callable[[Client], None]) -> list[float]:
        """Milliseconds of one client alone."""
        client, told = Client(self.port), []
        for _ in range(_ALONE):
            began = time.perf_counter()
            ask(client)
            told.append((time.perf_counter() - began) * 1000)
        return told

    def turn(self, ask: Callable[[Client], None]) -> tuple[float, float]:
        """Requests a second of several clients, and CPU of one in µs."""
        clients = [Client(self.port) for _ in range(_AT_ONCE)]

        def many(client: Client) -> None:
            for _ in range(_A_TURN // _AT_ONCE * 2):
                ask(client)

        threads = [threading.Thread(target=many, args=(client,)) for client in clients]
        before, began = cpu_ns([self.pid]), time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - began
        asked = _A_TURN // _AT_ONCE * 2 * _AT_ONCE
        return asked / seconds, (cpu_ns([self.pid]) - before) / 1000 / asked


@contextmanager
def bare_server() -> Iterator[Server]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.hello", str(port)])

    def answers() -> bool:
        try:
            Client(port).get("/", "")
        except OSError:
            return False
        return True

    try:
        eventually(answers, 10)
        yield Server(port, process.pid)
    finally:
        process.terminate()
        process.wait()


# --- the questions


class Questions:
    """Paths that each ask for something new, spread over all centers alike."""

    def __init__(self, database: Database) -> None:
        self._random = random.Random(3)
        with database.read() as db:
            most = db.execute(text("SELECT max(id) FROM building_permits")).scalar_one()
            self._known = [
                db.execute(text("SELECT * FROM building_permits WHERE id = :id"), {"id": n})
                .mappings()
                .one()
                for n in self._random.sample(range(1, most + 1), 6000)
            ]
        by_center: dict[str, list[int]] = {}
        for position, row in enumerate(self._known):
            by_center.setdefault(row["center_code"], []).append(position)
        turns = max(map(len, by_center.values()))
        self._order = [
            each[turn] for turn in range(turns) for each in by_center.values() if turn < len(each)
        ]
        self._next = {name: count() for name in ("number", "none", "code", "address")}

    def path(self, kind: str) -> str:
        if kind in _WITHOUT_REGISTER:
            return _WITHOUT_REGISTER[kind]
        step = next(self._next[kind])
        row = self._known[self._order[step % len(self._order)]]
        if kind == "code":
            return f"/permits/{row['serial']}"
        if kind == "address":
            street, house = quote(row["street"]), row["building_no"]
            return f"/permits?center={row['center_code']}&street={street}&building_no={house}"
        number = row["number"] if kind == "number" else 500_000 + step
        return f"/permits/{row['center_code']}/{row['year']}/{number}"


_WITHOUT_REGISTER = {"live": "/health/live", "page": "/permits/none/2025/1"}


def stranger() -> str:
    n = next(_asker) // _ADDRESS_ASKS
    return f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"


_KINDS = {
    "live": ("the framework alone", 200),
    "page": ("a page without a register", 404),
    "number": ("by number", 200),
    "none": ("by number, not there", 404),
    "code": ("by the code on the sign", 200),
    "address": ("by address", 200),
}


@dataclass
class Portal:
    """A portal with a register of so many permits, and of so many questions asked before."""

    permits: int
    logged: int
    stack: Stack
    server: Server
    questions: Questions
    told: dict[str, Told] = field(default_factory=dict)

    def turn(self, kind: str, bare: Server) -> None:
        _, status = _KINDS[kind]

        def ask(client: Client) -> None:
            path = self.questions.path(kind)
            answered = client.get(path, stranger())
            assert answered == status, (path, answered)

        rate, cpu = bare.turn(lambda client: _ok(client.get("/", "")))
        own_rate, own_cpu = self.server.turn(ask)
        told = self.told.setdefault(kind, Told())
        told.shares.append(own_rate / rate)
        told.cpu_shares.append(cpu / own_cpu)
        told.ms += self.server.alone(ask)


def _ok(status: int) -> None:
    assert status == 200


def prepare(url: str, folder: Path, permits: int, logged: int) -> Portal:
    stack = Stack(folder, url, {"PORTAL_TRUSTED_PROXIES": "1"}).prepare()
    vault = Vault(read_settings(stack.environment).secret_keys)
    fill_permits(stack.database, vault, permits)
    if logged:
        fill_log(stack.database, logged)
    stack.start("sandbox", "serve")
    server = Server(stack.port, stack.pid("serve"))
    return Portal(permits, logged, stack, server, Questions(stack.database))


def print_permits(many: int, log: int, kinds: Sequence[str]) -> None:
    for kind in kinds:
        with ExitStack() as ending:
            bare = ending.enter_context(bare_server())
            urls = ["", ""]
            if kind == "postgresql":
                server = ending.enter_context(running_postgres(durable=True))
                urls = [server.fresh_database() for _ in urls]
            portals = []
            for url, permits, logged in zip(urls, (FEW, many), (0, log), strict=True):
                folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
                portals.append(prepare(url, folder, permits, logged))
                ending.callback(portals[-1].stack.stop)
            for number in range(_TURNS):
                for each in _KINDS:
                    for portal in portals if number % 2 else reversed(portals):
                        portal.turn(each, bare)
            print(f"{kind:36}{'of bare':>9}{'CPU':>9}{'p50 ms':>9}{'p99 ms':>9}")
            for each, (name, _) in _KINDS.items():
                for portal in portals:
                    print(f"{name:26}{portal.permits:10,}{portal.told[each]}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench.permits", description=__doc__)
    parser.add_argument("--permits", type=int, default=MANY, help=f"default {MANY:,}")
    parser.add_argument("--log", type=int, default=LOG, help=f"questions kept (default {LOG:,})")
    parser.add_argument("--only", choices=("sqlite", "postgresql"), help="one database")
    chosen = parser.parse_args()
    databases = (chosen.only,) if chosen.only else ("sqlite", "postgresql")
    print_permits(chosen.permits, chosen.log, databases)
