"""The background thread that sends what :mod:`payments.sandbox.deliveries` holds."""

import http.client
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from payments.sandbox import deliveries
from payments.sandbox.clock import wall
from payments.sandbox.deliveries import Delivery
from payments.sandbox.logs import log_crash
from payments.sandbox.presenting import present
from payments.sandbox.store import Store, dump

TIMEOUT_SECONDS = 10.0
IDLE_SECONDS = 5.0
AT_ONCE = 8


class Sender:
    """Claims due deliveries, sends a few at a time, notes what came of each.

    What is being sent is remembered in memory only: after a crash the row is still
    pending, and the event is sent again rather than lost.
    """

    def __init__(self, store: Store, schedule: tuple[float, ...]) -> None:
        self._store = store
        self._schedule = schedule
        self._wake = threading.Event()
        self._stopping = False
        self._lock = threading.Lock()
        self._in_flight: set[int] = set()
        self._pool = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="webhook")
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        """Waits for the attempts under way; the others are on disk."""
        self._stopping = True
        self._wake.set()
        self._thread.join()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self) -> None:
        while not self._stopping:
            wait = IDLE_SECONDS
            try:
                wait = self._claim()
            except Exception as error:
                log_crash(error)
            self._wake.wait(wait)
            self._wake.clear()

    def _claim(self) -> float:
        """Hands out what is due; gives the seconds until there may be more."""
        at = wall()
        with self._lock:
            busy = set(self._in_flight)
        with self._store.connected() as tx:
            # What is in flight is still pending, so as many more have to be looked at.
            now, next_at = deliveries.due(tx, at, len(busy) + AT_ONCE)
        waiting = [delivery for delivery in now if delivery.seq not in busy]
        for delivery in waiting[: AT_ONCE - len(busy)]:
            with self._lock:
                self._in_flight.add(delivery.seq)
            self._pool.submit(self._deliver, delivery)
        # Whatever was left over is taken up when one in flight ends, which wakes.
        return IDLE_SECONDS if next_at is None else min(max(next_at - at, 0.0), IDLE_SECONDS)

    def _deliver(self, delivery: Delivery) -> None:
        try:
            self._attempt(delivery)
        except Exception as error:
            log_crash(error)
        finally:
            with self._lock:
                self._in_flight.discard(delivery.seq)
            self._wake.set()

    def _attempt(self, delivery: Delivery) -> None:
        with self._store.connected() as tx:
            event = tx.find("event", delivery.event)
            endpoint = tx.find("webhook_endpoint", delivery.endpoint)
            payload = dump(present(tx, event)).encode() if event else b""
        if event is None or endpoint is None:
            return
        secret = deliveries.WRONG_SECRET if delivery.forged else endpoint.private["secret"]
        header = deliveries.signature(secret, payload, int(wall()))
        arrived, outcome = post(endpoint.body["url"], payload, header)
        with self._store.transaction() as tx:
            if arrived:
                deliveries.arrived(tx, delivery, outcome)
            else:
                deliveries.failed(tx, delivery, outcome, self._schedule)


def post(url: str, payload: bytes, signature: str | None) -> tuple[bool, str]:
    """Whether the endpoint answered 2xx, and what happened, for people.

    The bytes that are signed are the bytes that are sent. Redirects are not followed
    (https://docs.stripe.com/webhooks: a 3xx counts as a failure).
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(
            host, port, timeout=TIMEOUT_SECONDS, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (payments sandbox)",
    }
    if signature is not None:
        headers["Stripe-Signature"] = signature
    try:
        connection.request("POST", target, payload, headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException, ValueError) as error:
        return False, type(error).__name__
    finally:
        connection.close()
    return 200 <= status < 300, str(status)
