"""The webhook of a body: a real https server on this machine, which does as a test says."""

import json
import ssl
import threading
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Webhook:
    """Answers ``statuses`` one after the other, then 204; waits before that while it is held."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    taken: list[bytes] = field(default_factory=list)
    media_types: list[str] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)

    @property
    def events(self) -> list[dict[str, Any]]:
        """What was signed, in the order in which it came; nobody has verified it."""
        return [payload_of(each) for each in list(self.taken)]

    @property
    def subjects(self) -> list[str]:
        return [event["subject"] for event in self.events]


def payload_of(body: bytes) -> dict[str, Any]:
    part = body.split(b".")[1]
    read: dict[str, Any] = json.loads(urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
    return read


@contextmanager
def webhook(certificate: tuple[Path, Path]) -> Iterator[Webhook]:
    """One that listens while the block runs."""
    made = Webhook()
    made.open.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.media_types.append(self.headers["Content-Type"])
            made.taken.append(body)
            made.open.wait(30)
            self.send_response(made.statuses.pop(0) if made.statuses else 204)
            for name, value in made.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in made.headers:
                self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_arguments: object) -> None:  # who does not like our certificate
            return

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    made.url = f"https://127.0.0.1:{server.server_port}/notices"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield made
    finally:
        made.open.set()
        server.shutdown()
        server.server_close()
