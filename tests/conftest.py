"""Fixtures that every kind of test may use. What starts a process lives for the whole session."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import stripe
import structlog

from tests.support.databases import BOTH, ONE, Databases
from tests.support.local import LocalPortal
from tests.support.postgres import Postgres
from tests.support.sandbox import Receiver, SandboxProcess, receiving
from tests.support.stack import Stack
from tests.support.workers import ByFile, order_of


def pytest_configure() -> None:
    """A run that is told to end tidies up as after Ctrl-C.

    Logs of a portal inside the test go to the true standard error: what a command prints stays
    the command's own, and an error is told in plain lines, for drawing it takes seconds.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    plain = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    structlog.configure(
        processors=[*structlog.get_config()["processors"][:-1], plain],
        logger_factory=structlog.PrintLoggerFactory(sys.__stderr__),
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browsers come last, and of them first what takes longest."""
    items.sort(key=order_of)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile | None:
    return ByFile(config, log) if config.getvalue("dist") == "load" else None


@pytest.fixture(scope="session")
def payment_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """One payment sandbox for all tests that do not end it; accounts keep them apart."""
    process = SandboxProcess(tmp_path_factory.mktemp("sandbox"))
    yield process
    process.stop()


@pytest.fixture
def api(payment_server: SandboxProcess) -> stripe.StripeClient:
    """A client of a new account of the sandbox."""
    return payment_server.client()


@pytest.fixture
def webhook_receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with Databases(tmp_path_factory) as made:
        yield made


@pytest.fixture(scope="session")
def postgres(databases: Databases) -> Postgres:
    """One PostgreSQL server; every test takes a database of its own."""
    return databases.server


@pytest.fixture(scope="session", params=BOTH)
def database_kind(request: pytest.FixtureRequest) -> str:
    """What is tested on one database is tested on the other."""
    return str(request.param)


@pytest.fixture(scope="module")
def local(
    database_kind: str,
    databases: Databases,
    payment_server: SandboxProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LocalPortal]:
    """A portal for the tests of one module; each of them brings people of its own."""
    yield from _portal(databases, payment_server, tmp_path_factory.mktemp("local"), database_kind)


@pytest.fixture(scope="session")
def shared(
    database_kind: str,
    databases: Databases,
    payment_server: SandboxProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LocalPortal]:
    """The same for all modules whose tests look only at what is their own people's."""
    yield from _portal(databases, payment_server, tmp_path_factory.mktemp("shared"), database_kind)


@pytest.fixture(scope="module")
def apart(
    databases: Databases, payment_server: SandboxProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalPortal]:
    """A portal for the tests of one module, for what is the same on every database."""
    yield from _portal(databases, payment_server, tmp_path_factory.mktemp("apart"))


@pytest.fixture(scope="session")
def still(
    databases: Databases, payment_server: SandboxProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalPortal]:
    """A portal for what is the same on every database."""
    yield from _portal(databases, payment_server, tmp_path_factory.mktemp("still"))


@pytest.fixture(scope="session")
def turning(
    databases: Databases, payment_server: SandboxProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalPortal]:
    """The same with a clock that tests turn: only ahead, and each test brings its own people."""
    yield from _portal(databases, payment_server, tmp_path_factory.mktemp("turning"))


@pytest.fixture
def alone(
    databases: Databases, payment_server: SandboxProcess, tmp_path: Path
) -> Iterator[LocalPortal]:
    """A portal for one test that turns the clock or breaks things."""
    yield from _portal(databases, payment_server, tmp_path / "portal")


def _portal(
    databases: Databases, payment_server: SandboxProcess, var: Path, kind: str = ONE
) -> Iterator[LocalPortal]:
    url = databases.loaded(var, kind)
    portal = LocalPortal(var, url, payment_server)
    yield portal
    portal.close()
    databases.forget(url)


@pytest.fixture(scope="session")
def stack(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The processes of a default start, for tests that end none of them."""
    var = tmp_path_factory.mktemp("stack")
    started = Stack(var, databases.empty(var)).prepare().start()
    yield started
    started.stop()
