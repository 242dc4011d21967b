"""Serves an ASGI application in this very process.

Granian's usual server keeps a second process that only watches the first one: 30 MB and a second
start-up for nothing, because whoever runs the portal (a container, systemd, ``portal run``) watches
it already. Embedded, the server shares the process; another core is another process.
"""

import asyncio
import gc
import signal

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from litestar.types import ASGIApp

# Idle ones and slow ones among them; below the 1024 files that a process may usually open
_MOST_CONNECTIONS = 768


def serve_app(app: ASGIApp, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are finished."""
    gc.freeze()  # what was made at the start stays: looking through it would hold up all answers
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
