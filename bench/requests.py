"""CPU per request of the pages, as a ratio to the baseline; wall-clock beside it."""

import http.client
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from bench.processes import cpu_ns
from tests.support.people import Citizen, Page
from tests.support.sandbox import eventually, free_port
from tests.support.stack import Stack

# Five pages of questions: a get, then five times save and next page, make eleven requests
SERVICE = "advertisement-licence-new"
PAGES = 5


@dataclass(frozen=True)
class Figure:
    """One row: what, CPU in microseconds, wall clock in milliseconds, per round.

    ``ratio`` compares the CPU with the baseline's, taken turn by turn with it: what else the
    machine does then slows down both.
    """

    name: str
    cpu_us: float
    wall_ms: float
    ratio: float


Act = Callable[[], None]
_TURNS = 10


def measure(name: str, pid: int, rounds: int, act: Act, baseline: "Baseline") -> Figure:
    for _ in range(max(3, rounds // 10)):
        act()  # what is made once is made now
    each = max(1, rounds // _TURNS)
    cpu = wall = hello = 0.0
    for _ in range(_TURNS):
        hello += baseline.turn()
        before, began = cpu_ns([pid]), time.perf_counter()
        for _ in range(each):
            act()
        wall += time.perf_counter() - began
        cpu += (cpu_ns([pid]) - before) / 1000
    done = each * _TURNS
    return Figure(name, cpu / done, wall / done * 1000, cpu / done / (hello / _TURNS))


class Client:
    """One kept-alive connection that costs as little as can be."""

    def __init__(self, url: str, cookie: str = "") -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        self._headers = {"Accept-Encoding": "br", "Cookie": cookie}

    def get(self, path: str) -> bytes:
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (path, answer.status)
        return body

    def post(self, path: str, body: bytes) -> str:
        headers = {**self._headers, "Content-Type": "application/x-www-form-urlencoded"}
        self._connection.request("POST", path, body, headers)
        answer = self._connection.getresponse()
        answer.read()
        assert answer.status == 303, (path, answer.status)
        return answer.headers["Location"]


class Baseline:
    """The bare application, asked now and then."""

    _ROUNDS = 200

    def __init__(self, url: str, pid: int) -> None:
        self._client = Client(url)
        self._pid = pid

    def turn(self) -> float:
        """CPU microseconds of one request, now."""
        before = cpu_ns([self._pid])
        for _ in range(self._ROUNDS):
            self._client.get("/")
        return (cpu_ns([self._pid]) - before) / self._ROUNDS / 1000


@contextmanager
def _baseline() -> Iterator[Baseline]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.hello", str(port)])
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: _answers(url), 10)
        yield Baseline(url, process.pid)
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        Client(url).get("/")
    except OSError:
        return False
    return True


def figures(rounds: int) -> Iterator[Figure]:
    """The portal's pages, each beside the baseline."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, _baseline() as baseline:
        # alone: the worker's own work is no part of a page
        stack = Stack(Path(folder)).prepare().start("sandbox", "serve")
        try:
            yield from _pages(stack, rounds, baseline)
        finally:
            stack.stop()


def _get(client: Client, path: str) -> None:
    client.get(path)


def _pages(stack: Stack, rounds: int, baseline: Baseline) -> Iterator[Figure]:
    pid = stack.pid("serve")
    anyone = Client(stack.url)
    for name, path in (
        ("home", "/"),
        ("service page", f"/services/{SERVICE}"),
        ("centers", "/centers"),
        ("search", "/services?q=%D8%A8%D9%86%D8%A7%D8%A1"),
    ):
        yield measure(name, pid, rounds, lambda p=path: _get(anyone, p), baseline)  # type: ignore[misc]
    citizen = stack.citizen()
    citizen.sign_in()
    walk = _walk(stack, citizen)
    cookie = "; ".join(f"{name}={value}" for name, value in citizen.client.cookies.items())
    client = Client(stack.url, cookie)
    path, body = walk[PAGES - 1]
    yield measure("form step", pid, rounds, lambda: _get(client, path), baseline)
    yield measure("step saved", pid, rounds, lambda: _post(client, path, body), baseline)

    def journey() -> None:
        client.get(walk[0][0])
        for step, answers in walk:
            client.get(client.post(step, answers))

    yield measure(
        f"journey of {2 * PAGES + 1} requests", pid, max(10, rounds // 10), journey, baseline
    )


def _post(client: Client, path: str, body: bytes) -> None:
    client.post(path, body)


def _walk(stack: Stack, citizen: Citizen) -> list[tuple[str, bytes]]:
    """The first pages of the form, each with what its browser sends."""
    raw = stack.answers(SERVICE)
    page = citizen.get(f"/services/{SERVICE}/apply")
    found: list[tuple[str, bytes]] = []
    while len(found) < PAGES:
        answers = {**page.values(), **citizen.answers_of(page, raw)}
        found.append((page.path, urlencode(answers, doseq=True).encode()))
        page = _next(citizen, page, answers)
    return found


def _next(citizen: Citizen, page: Page, answers: dict[str, object]) -> Page:
    following = citizen.post(page.url, answers)
    assert following.status == 200, following.errors()
    return following
