"""Fixtures that every kind of test may use. What starts a process lives for the whole session."""

import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import stripe
import structlog

from portal.clock import SystemClock
from portal.core import build_core
from portal.demo.loading import load_demo
from portal.migrations.running import upgrade
from portal.settings import read_settings
from tests.support.local import LocalPortal
from tests.support.once import once
from tests.support.postgres import Postgres, running_postgres
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
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL server; every test takes a database of its own."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """What is tested on one database is tested on the other."""
    return str(request.param)


@pytest.fixture(scope="module")
def local(
    database_kind: str,
    payment_server: SandboxProcess,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[LocalPortal]:
    """A portal for the tests of one module; each of them brings people of its own."""
    yield from _on(database_kind, payment_server, tmp_path_factory, request)


@pytest.fixture(scope="session")
def shared(
    database_kind: str,
    payment_server: SandboxProcess,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[LocalPortal]:
    """The same for all modules whose tests look only at what is their own people's."""
    yield from _on(database_kind, payment_server, tmp_path_factory, request)


def _on(
    kind: str,
    payment_server: SandboxProcess,
    folders: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[LocalPortal]:
    var = folders.mktemp("portal")
    if kind == "sqlite":
        yield from _on_sqlite(payment_server, request.getfixturevalue("loaded"), var)
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.copy_of(request.getfixturevalue("loaded_postgres"))
    portal = LocalPortal(var, url, payment_server)
    yield portal
    portal.close()


@pytest.fixture(scope="session")
def still(
    payment_server: SandboxProcess, loaded: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalPortal]:
    """A portal for what is the same on every database; on SQLite."""
    yield from _on_sqlite(payment_server, loaded, tmp_path_factory.mktemp("still"))


@pytest.fixture(scope="session")
def turning(
    payment_server: SandboxProcess, loaded: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalPortal]:
    """The same with a clock that tests turn: only ahead, and each test brings its own people."""
    yield from _on_sqlite(payment_server, loaded, tmp_path_factory.mktemp("turning"))


@pytest.fixture
def alone(payment_server: SandboxProcess, loaded: Path, tmp_path: Path) -> Iterator[LocalPortal]:
    """A portal for one test that turns the clock or breaks things; on SQLite."""
    yield from _on_sqlite(payment_server, loaded, tmp_path / "portal")


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with tables and demo accounts, to be copied: making it takes a second."""
    return once(tmp_path_factory, "loaded", _load) / "portal.sqlite3"


@pytest.fixture(scope="session")
def loaded_postgres(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> str:
    """The address of the same in PostgreSQL."""
    url = postgres.fresh_database()
    _load(tmp_path_factory.mktemp("loaded-postgres"), PORTAL_DATABASE_URL=url)
    return url


def _load(var: Path, **environment: str) -> None:
    core = build_core(read_settings({"PORTAL_VAR": str(var), **environment}), SystemClock())
    upgrade(core.database)
    load_demo(core)
    core.database.close()


def _on_sqlite(payment_server: SandboxProcess, loaded: Path, var: Path) -> Iterator[LocalPortal]:
    var.mkdir(exist_ok=True)
    shutil.copy(loaded, var)
    portal = LocalPortal(var, f"sqlite:///{var / 'portal.sqlite3'}", payment_server)
    yield portal
    portal.close()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The processes of a default start, for tests that end none of them."""
    started = Stack(tmp_path_factory.mktemp("stack")).prepare().start()
    yield started
    started.stop()
