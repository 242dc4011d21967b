"""Serves an ASGI application in this very process.

Granian's usual server keeps a second process that only watches the first one: 30 MB and a second
start-up for nothing, because whoever runs the portal (a container, systemd, ``portal run``) watches
it already. Embedded, the server shares the process; another core is another process.
"""

import asyncio
import signal
import socket

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from litestar.types import ASGIApp

# Idle ones and slow ones among them; below the 1024 files that a process may usually open
_MOST_CONNECTIONS = 768


class PortTaken(Exception):
    """Something else listens there; the server itself would share the port without a word."""


def check_port(host: str, port: int) -> None:
    """Raises :class:`PortTaken`."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(f"{host}:{port}: {error.strerror}") from error


def serve_app(app: ASGIApp, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are finished."""
    asyncio.run(_serve(app, host, port))


async def _serve(app: ASGIApp, host: str, port: int) -> None:
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        backlog=1024,
        backpressure=_MOST_CONNECTIONS,
        websockets=False,
        log_level=LogLevels.error,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    await server.serve()
