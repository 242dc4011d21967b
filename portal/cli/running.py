"""Commands that start things: serve, worker, sandbox, and run for all of them at once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from types import FrameType

import click

from portal.cli import main, settings
from portal.settings import BadSetting, Settings
from portal.web.ports import PortTaken, check_port

_READY_SECONDS = 30.0
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


@main.command()
def serve() -> None:
    """Serve the portal's pages."""
    from portal.app import create  # noqa: PLC0415
    from portal.web.serving import serve_app  # noqa: PLC0415

    chosen = settings()
    try:
        check_port(chosen.host, chosen.port)
    except PortTaken as error:
        raise click.ClickException(str(error)) from None
    serve_app(create(), chosen.host, chosen.port)


@main.command()
def worker() -> None:
    """Relay requests to centers, send messages, settle payments, keep deadlines."""
    from portal.observability import configure_logs  # noqa: PLC0415
    from portal.worker import run_worker  # noqa: PLC0415

    configure_logs()
    run_worker(settings())


@main.command()
def sandbox() -> None:
    """Serve the payment sandbox: a Stripe-compatible server that moves no money."""
    from payments.sandbox.config import SandboxConfig  # noqa: PLC0415
    from payments.sandbox.server import serve as serve_sandbox  # noqa: PLC0415

    chosen = settings()
    if not chosen.demo:
        raise click.ClickException("the sandbox is for demo mode")
    serve_sandbox(
        SandboxConfig(
            data=chosen.var / "sandbox",
            host=chosen.host,
            port=chosen.sandbox_port,
            public_url=chosen.payments_checkout_origin,
            webhook_url=f"http://127.0.0.1:{chosen.port}/webhooks/payments",
            webhook_secret=chosen.payments_webhook_secret,
            account_key=chosen.payments_api_key,
        )
    )


@main.command()
def run() -> None:
    """Start everything in the foreground: migrate, demo data, sandbox, worker, pages."""
    chosen = settings()
    _make_sure(chosen)
    prepare(chosen)
    supervisor = _Supervisor()
    if chosen.demo:
        supervisor.start("sandbox")
    supervisor.start("serve")
    if _answers(chosen, supervisor):
        # the pages have the processor for themselves until they are there
        supervisor.start("worker")
        _greet(chosen)
    sys.exit(supervisor.wait())


def _make_sure(chosen: Settings) -> None:
    """What would stop the parts is said before the first start's long preparation."""
    try:
        chosen.var.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadSetting("PORTAL_VAR", f"{str(chosen.var)!r}: {error.strerror}") from None
    try:
        for port in (chosen.port, *([chosen.sandbox_port] if chosen.demo else [])):
            check_port(chosen.host, port)
    except PortTaken as error:
        raise click.ClickException(str(error)) from None


def prepare(chosen: Settings) -> None:
    """Migrate and load demo data, unless this database has seen this version of both."""
    stamp = chosen.var / "prepared"
    # hashed: the address of a database may hold a password
    wanted = sha256(f"{chosen.database_url} {_version()}".encode()).hexdigest()
    known = stamp.read_text() if stamp.exists() else ""
    exists = (
        not chosen.database_url.startswith("sqlite:///")
        or Path(chosen.database_url.removeprefix("sqlite:///")).exists()
    )
    if known == wanted and exists:
        return
    # in a process of its own: what it needs to import need not stay in memory
    if chosen.demo:
        click.echo("portal: the first start loads a year of demo requests; a few seconds", err=True)
    for command in ["migrate", *(["demo"] if chosen.demo else [])]:
        done = subprocess.run([sys.executable, "-m", "portal", command], check=False)  # noqa: S603
        if done.returncode:
            sys.exit(done.returncode)
    stamp.write_text(wanted)


def _version() -> str:
    """Changes whenever a migration or the demo's data does."""
    package = Path(__file__).resolve().parent.parent
    files = [*(package / "migrations" / "versions").glob("*.py"), *(package / "demo").glob("*.py")]
    return " ".join(f"{f.name}:{f.stat().st_size}" for f in sorted(files))


class _Supervisor:
    """Child processes that live and end together."""

    def __init__(self) -> None:
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._stopping = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._asked_to_stop)

    def start(self, command: str) -> None:
        # a session of its own: Ctrl-C reaches the children once, through here, not twice
        # ended by the kernel when this process is killed: else they would go on and hold the ports
        # few arenas: glibc would give each thread its own, and keep what it once held
        self._children[command] = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "portal", command],
            start_new_session=True,
            preexec_fn=_end_with_parent(),  # noqa: PLW1509 - this process has one thread
            env={"MALLOC_ARENA_MAX": "2", **os.environ},
        )

    @property
    def healthy(self) -> bool:
        return not self._stopping and all(c.poll() is None for c in self._children.values())

    def wait(self) -> int:
        """Until a child ends or a signal comes; then stop the others."""
        while self.healthy:
            time.sleep(0.2)
        ended = [n for n, c in self._children.items() if c.poll() is not None]
        if ended and not self._stopping:
            click.echo(f"portal: {ended[0]} ended; stopping the others", err=True)
        for child in self._children.values():
            if child.poll() is None:
                child.terminate()
        for child in self._children.values():
            _end(child)
        return 0 if self._stopping else 1

    def _asked_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True


def _end_with_parent() -> Callable[[], None]:
    """What a child does first: ask the kernel for SIGTERM when its parent is gone."""
    import ctypes  # noqa: PLC0415

    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask


def _end(child: subprocess.Popen[bytes]) -> None:
    """Wait for a child that was told to end; its whole group goes if it does not."""
    with suppress(subprocess.TimeoutExpired):
        child.wait(timeout=8)
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _answers(chosen: Settings, supervisor: _Supervisor) -> bool:
    """Whether the pages are there, and the sandbox with them."""
    import socket  # noqa: PLC0415

    ports = [chosen.port, *([chosen.sandbox_port] if chosen.demo else [])]
    deadline = time.monotonic() + _READY_SECONDS
    while ports and supervisor.healthy and time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", ports[0])) == 0:
                ports.pop(0)
                continue
        time.sleep(0.05)
    return not ports


def _greet(chosen: Settings) -> None:
    click.echo(f"\n  the portal            {chosen.public_url}")
    if chosen.demo:
        click.echo(f"  messages to phones    {chosen.public_url}/sandbox/messages")
        click.echo(
            f"  a technology center   {chosen.public_url}/center/sign-in"
            "   front_office@KFS-003 / demo"
        )
        click.echo(f"  trial payments        {chosen.payments_base_url}")
    click.echo("  Ctrl-C stops everything.\n")
