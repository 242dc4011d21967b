"""Running the sandbox as a process of its own: one process, which serves itself."""

import asyncio
import errno
import logging
import signal
import socket
import sys
import time

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from payments.sandbox.config import SandboxConfig

PORT_WAIT_SECONDS = 2.0


def serve(config: SandboxConfig) -> None:
    """Serves until SIGINT or SIGTERM; exits with 1 if it cannot start."""
    from payments.sandbox.app import create_app  # noqa: PLC0415
    from payments.sandbox.store import DataInUseError  # noqa: PLC0415

    _wait_for_port(config)
    logging.basicConfig(format="%(name)s %(levelname)s %(message)s")
    try:
        app = create_app(config)
    except (DataInUseError, OSError) as error:
        sys.exit(f"payment sandbox: {error}")
    sys.stderr.write(f"payment sandbox: {config.base_url}\n")
    asyncio.run(_serve(app, config))


async def _serve(app: object, config: SandboxConfig) -> None:
    server = Server(
        app,
        address=config.host,
        port=config.port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_level=LogLevels.error,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    await server.serve()


def _wait_for_port(config: SandboxConfig) -> None:
    """Granian shares a port with whoever listens there, and requests would go to one
    or the other; so the port is tried without sharing first. It waits a little for
    a sandbox that was just killed."""
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
