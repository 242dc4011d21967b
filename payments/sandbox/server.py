"""Running the sandbox as a process of its own."""

import errno
import logging
import multiprocessing
import os
import socket
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from payments.sandbox.config import SandboxConfig

if TYPE_CHECKING:
    from litestar import Litestar

KILL_TIMEOUT_SECONDS = 3
PORT_WAIT_SECONDS = 2.0


def serve(config: SandboxConfig) -> None:
    """Serves until SIGINT or SIGTERM; exits with 1 if it cannot start."""
    _wait_for_port(config)
    server = Granian(
        "payments.sandbox",
        address=config.host,
        port=config.port,
        interface=Interfaces.ASGI,
        workers=1,
        workers_kill_timeout=KILL_TIMEOUT_SECONDS,
        websockets=False,
        log_level=LogLevels.warning,
    )
    sys.stderr.write(f"payment sandbox: {config.base_url}\n")
    server.serve(target_loader=partial(load, config), wrap_loader=False)


def _wait_for_port(config: SandboxConfig) -> None:
    """Granian shares a port with whoever listens there, and requests would go to one
    or the other; so the port is tried without sharing first. It waits a little for
    the worker of a sandbox that was just killed."""
    try:
        found = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)
    except OSError as error:
        sys.exit(f"payment sandbox: {config.host}: {error.strerror}")
    family, kind, protocol, _, address = found[0]
    deadline = time.monotonic() + PORT_WAIT_SECONDS
    while True:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
                    sys.exit(f"payment sandbox: {config.host}:{config.port}: {error.strerror}")
                time.sleep(0.05)
            else:
                return


def load(config: SandboxConfig) -> "Litestar":
    """The application, in the worker; the parent never imports the framework, which
    keeps it small."""
    from payments.sandbox.app import create_app  # noqa: PLC0415
    from payments.sandbox.store import DataInUseError  # noqa: PLC0415

    logging.basicConfig(format="%(name)s %(levelname)s %(message)s")
    _end_with_parent()
    try:
        return create_app(config)
    except (DataInUseError, OSError) as error:
        sys.exit(f"payment sandbox: {error}")


def _end_with_parent() -> None:
    """A killed parent must not leave a worker behind that holds the port and the data."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, name="parent", daemon=True).start()
