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
from dataclasses import dataclass
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
_A_TURN = 150
_TURNS = 6
_AT_ONCE = 8
_ADDRESS_ASKS = 4  # of the questions that each address has an hour
_LONGEST_HEAD = 4096
_asker = count(1)


@dataclass(frozen=True)
class Row:
    """One kind of question: requests a second of 8 clients at once, as a share of the baseline's;
    the server's CPU likewise; milliseconds of one client, the median and the slowest of a hundred.
    """

    name: str
    share: float
    cpu_share: float
    p50: float
    p99: float


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

    def turn(self, ask: Callable[[Client], None]) -> tuple[float, float, list[float]]:
        """Requests a second of several clients, CPU of one in µs, and milliseconds of one client
        alone."""
        clients = [Client(self.port) for _ in range(_AT_ONCE)]
        alone: list[float] = []
        for _ in range(_A_TURN):
            began = time.perf_counter()
            ask(clients[0])
            alone.append((time.perf_counter() - began) * 1000)

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
        return asked / seconds, (cpu_ns([self.pid]) - before) / 1000 / asked, alone


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
        step = next(self._next[kind])
        row = self._known[self._order[step % len(self._order)]]
        if kind == "code":
            return f"/permits/{row['serial']}"
        if kind == "address":
            street, house = quote(row["street"]), row["building_no"]
            return f"/permits?center={row['center_code']}&street={street}&building_no={house}"
        number = row["number"] if kind == "number" else 500_000 + step
        return f"/permits/{row['center_code']}/{row['year']}/{number}"


def stranger() -> str:
    n = next(_asker) // _ADDRESS_ASKS
    return f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"


_KINDS = {
    "number": ("by number", 200),
    "none": ("by number, not there", 404),
    "code": ("by the code on the sign", 200),
    "address": ("by address", 200),
}


def measure(portal: Server, bare: Server, database: Database) -> Iterator[Row]:
    questions = Questions(database)
    for kind, (name, status) in _KINDS.items():

        def ask(client: Client, kind: str = kind, status: int = status) -> None:
            path = questions.path(kind)
            told = client.get(path, stranger())
            assert told == status, (path, told)

        shares, cpus, alone = [], [], []
        for _ in range(_TURNS):
            rate, cpu, _ = bare.turn(lambda client: _ok(client.get("/", "")))
            own_rate, own_cpu, ms = portal.turn(ask)
            shares.append(own_rate / rate)
            cpus.append(cpu / own_cpu)
            alone += ms
        alone.sort()
        yield Row(name, median(shares), median(cpus), median(alone), alone[len(alone) * 99 // 100])


def _ok(status: int) -> None:
    assert status == 200


def print_permits(many: int, log: int, kinds: Sequence[str]) -> None:
    for kind in kinds:
        with ExitStack() as stack:
            bare = stack.enter_context(bare_server())
            server = (
                stack.enter_context(running_postgres(durable=True)) if kind != "sqlite" else None
            )
            print(f"{kind:28}{'of bare':>9}{'CPU':>9}{'p50 ms':>9}{'p99 ms':>9}")
            for permits, rows in ((FEW, 0), (many, 0), (many, log)):
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
                url = server.fresh_database() if server else ""
                portal = Stack(folder, url, {"PORTAL_TRUSTED_PROXIES": "1"}).prepare()
                vault = Vault(read_settings(portal.environment).secret_keys)
                began = time.perf_counter()
                fill_permits(portal.database, vault, permits)
                if rows:
                    fill_log(portal.database, rows)
                seconds = time.perf_counter() - began
                print(f"{permits:,} permits, {rows:,} logged, filled in {seconds:.0f} s")
                portal.start("sandbox", "serve")
                try:
                    told = Server(portal.port, portal.pid("serve"))
                    for row in measure(told, bare, portal.database):
                        print(
                            f"  {row.name:26}{row.share:9.3f}{row.cpu_share:9.3f}"
                            f"{row.p50:9.2f}{row.p99:9.2f}",
                            flush=True,
                        )
                finally:
                    portal.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench.permits", description=__doc__)
    parser.add_argument("--permits", type=int, default=MANY, help=f"default {MANY:,}")
    parser.add_argument("--log", type=int, default=LOG, help=f"questions kept (default {LOG:,})")
    parser.add_argument("--only", choices=("sqlite", "postgresql"), help="one database")
    chosen = parser.parse_args()
    databases = (chosen.only,) if chosen.only else ("sqlite", "postgresql")
    print_permits(chosen.permits, chosen.log, databases)
