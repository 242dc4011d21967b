"""A real sandbox process, a client of it, and a receiver of its webhooks."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import stripe

from tests.support.plain import PLAIN

CARD = {"card_number": "4242424242424242", "exp": "12/34", "cvc": "123", "name": "منى السيد"}
SUCCESS_URL = "http://127.0.0.1:9/paid?session={CHECKOUT_SESSION_ID}"
CANCEL_URL = "http://127.0.0.1:9/canceled"
SECRET = "whsec_test"

Json = dict[str, Any]

web = httpx.Client(timeout=20, verify=PLAIN)
"""A browser without JavaScript; shared, because making one takes longer than a request."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(check: Callable[[], bool], seconds: float = 10.0) -> None:
    """Waits for something another process does by itself."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


class SandboxProcess:
    """``python -m payments.sandbox`` on a free port; may be killed and started again."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "payments.sandbox", "--data", str(self.data)]
        self._process = subprocess.Popen(
            [*command, "--port", str(self.port), *self._options], start_new_session=True
        )
        try:
            eventually(self._answers, 20)
        except BaseException:
            self.kill()
            raise

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the sandbox ended instead of answering"
        try:
            return web.get(f"{self.url}/sandbox/control").status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """What a power cut does: no process gets to tidy up."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(10)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def client(self, key: str = "", *, retries: int = 0) -> stripe.StripeClient:
        """For an account of its own unless ``key`` names one."""
        return stripe.StripeClient(
            key or f"sk_test_{uuid.uuid4().hex}",
            base_addresses={"api": self.url},
            max_network_retries=retries,
        )

    def control(self, path: str, body: Json | None = None, method: str = "POST") -> Json:
        url = f"{self.url}/sandbox/control{path}"
        answer = web.request(method, url, json=body if method == "POST" else None)
        assert answer.status_code == 200, answer.text
        decoded: Json = answer.json()
        return decoded


@dataclass
class Received:
    """One webhook as it arrived."""

    body: bytes
    signature: str
    at: float

    def event(self, secret: str = SECRET) -> stripe.Event:
        event: stripe.Event = stripe.Webhook.construct_event(self.body, self.signature, secret)
        return event


@dataclass
class Receiver:
    """An endpoint that answers ``statuses`` one after the other, then 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)

    def events(self, secret: str = SECRET) -> list[stripe.Event]:
        return [one.event(secret) for one in list(self.received)]

    def types(self, secret: str = SECRET) -> list[str]:
        return [event.type for event in self.events(secret)]

    def count(self, event_type: str, secret: str = SECRET) -> int:
        return self.types(secret).count(event_type)


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            signature = self.headers["Stripe-Signature"]
            receiver.received.append(Received(body, signature, time.monotonic()))
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            return

    return Handler


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that listens while the block runs."""
    receiver = Receiver()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver))
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


def session_params(**changes: Any) -> Any:
    """Parameters of a session of EGP 1,535.50, as the SDK takes them."""
    params: Json = {
        "mode": "payment",
        "success_url": SUCCESS_URL,
        "cancel_url": CANCEL_URL,
        "line_items": [line("رسم المعاينة", 50000), line("رسم الترخيص", 103550)],
    }
    return {**params, **changes}


def line(name: str, unit_amount: int, quantity: int = 1, currency: str = "egp") -> Json:
    return {
        "quantity": quantity,
        "price_data": {
            "currency": currency,
            "unit_amount": unit_amount,
            "product_data": {"name": name},
        },
    }


def open_session(client: stripe.StripeClient, **changes: Any) -> stripe.checkout.Session:
    return client.v1.checkout.sessions.create(session_params(**changes))


def pay_page(url: str | None, **changes: str) -> httpx.Response:
    """Sends the card form of a hosted page."""
    assert url is not None
    return web.post(url, data={**CARD, **changes})


def event_types(client: stripe.StripeClient) -> list[str]:
    """Of an account, in the order they happened."""
    return [event.type for event in reversed(client.v1.events.list({"limit": 100}).data)]
