"""NATS JetStream as the carrier: acknowledged when a stream on disk has the message.

The client is asynchronous and the worker's loops are threads, so a connection lives in a thread
with an event loop of its own, and everyone else asks it to do things. It is made when it is first
needed, and made again for ever.
"""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from typing import Any, TypeVar

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo
from nats.js.errors import APIError, NoStreamResponseError

from portal.handoff.transports import KEPT, AtBroker, Fate, Outcome, Parcel, TransportDown
from portal.handoff.transports.streams import (
    INBOX,
    STREAM,
    consumer_of,
    consumers,
    make_consumers,
    make_stream,
)
from portal.observability import log
from portal.settings import Queue

T = TypeVar("T")

TYPE_HEADER = "Mahalliyat-Type"
SUBJECT_HEADER = "Mahalliyat-Request"
ID_HEADER = "Nats-Msg-Id"
REPLAY_MARK = "~"
_CONNECT_SECONDS = 3.0
_AGAIN_SECONDS = 1.0
_ACK_SECONDS = 4.0
_BATCH_SECONDS = 8.0  # with connecting and making the stream; less than the relay's lease
_SET_UP_SECONDS = 60.0
_CLOSE_SECONDS = 3
_PUT_OFF = "maximum messages per subject exceeded"
_TOO_LARGE = 10054  # the stream's own limit of a message
_FAILURES = (NatsError, OSError, asyncio.TimeoutError)


class Broker:
    """A connection to a NATS server or cluster, used from any thread."""

    def __init__(self, queue: Queue, centers: Sequence[str]) -> None:
        self._queue = queue
        self._centers = centers
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = asyncio.Event()
        self._keeping: Future[None] | None = None
        self._renew()
        self._one_makes = asyncio.Lock()
        self._last_error = "not connected yet"
        self.connections = 0
        """Counted up with every new connection: what was asked for before it is forgotten."""

    # --- from any thread

    def ask(self, work: Callable[[JetStreamContext], Awaitable[T]], seconds: float) -> T:
        """Do ``work`` on the connection and wait for it.

        Raises :class:`TransportDown` when there is none, the stream cannot be made, or the time
        is over.
        """
        future = self._submit(self._with_stream(work))
        try:
            return future.result(seconds)
        except FutureTimeout as error:
            future.cancel()
            raise TransportDown(self._why("no answer in time")) from error
        except _FAILURES as error:
            raise TransportDown(self._why(_said(error))) from error

    def tell(self, work: Callable[[Client], Coroutine[Any, Any, None]]) -> None:
        """Do ``work`` some time soon; what fails is the other side's to notice."""
        self._submit(self._unheard(work))

    def set_up(self) -> tuple[bool, int]:
        """Make stream and consumers now; whether the stream was changed, and how many of these."""

        async def work(js: JetStreamContext) -> tuple[bool, int]:
            changed = await make_stream(js, self._queue.replicas)
            return changed, await make_consumers(js, self._centers)

        return self._asked_bare(work)

    def standing(self) -> Mapping[str, AtBroker]:
        """What waits for each center; raises :class:`TransportDown`."""
        found = {info.name: _standing(info) for info in self._asked_bare(consumers)}
        names = {center: consumer_of(center) for center in self._centers}
        return {center: found[name] for center, name in names.items() if name in found}

    def close(self) -> None:
        """Send what is on its way and end the connection."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is None or thread is None:
            return
        closing = asyncio.run_coroutine_threadsafe(self._close(), loop)
        with suppress(FutureTimeout, *_FAILURES):
            closing.result(_CLOSE_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_CLOSE_SECONDS)

    # --- the thread of the connection

    def _submit(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        return asyncio.run_coroutine_threadsafe(work, self._started())

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._renew()
                self._closed = asyncio.Event()
                self._thread = threading.Thread(target=self._run, args=(self._loop,), daemon=True)
                self._thread.start()
                self._keeping = asyncio.run_coroutine_threadsafe(self._keep_connected(), self._loop)
            return self._loop

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.run_forever()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    async def _keep_connected(self) -> None:
        """Connect, and again when the library has given the connection up for good: a server that
        was told wrong whom to let in says so once, and the client never asks again by itself."""
        while True:
            self._closed.clear()
            if await self._connect():
                await self._on_connected()
                await self._closed.wait()
                log.error("handoff.transport", reason=self._why("given up")[:80])
            await asyncio.sleep(_AGAIN_SECONDS)
            self._renew()

    def _renew(self) -> None:
        self._client = Client()
        self._js = self._client.jetstream(timeout=_ACK_SECONDS)
        self._stream_made = False

    async def _connect(self) -> bool:
        try:
            await self._client.connect(
                servers=list(self._queue.servers),
                tls=_tls(self._queue),
                name="portal",
                inbox_prefix=f"{INBOX}.portal",
                connect_timeout=2,
                reconnect_time_wait=1,
                max_reconnect_attempts=-1,
                ping_interval=5,
                max_outstanding_pings=2,
                pending_size=0,  # what cannot be sent now is the relay's to keep
                error_cb=self._on_error,
                reconnected_cb=self._on_connected,
                closed_cb=self._on_closed,
            )
        except (*_FAILURES, ValueError) as error:  # such as a certificate that does not fit
            self._last_error = _said(error)
            log.error("handoff.transport", reason=self._last_error[:80])
            return False
        return True

    async def _on_closed(self) -> None:
        self._closed.set()

    async def _on_error(self, error: Exception) -> None:
        self._last_error = _said(error)

    async def _on_connected(self) -> None:
        self._last_error = ""
        self._stream_made = False
        self.connections += 1

    async def _close(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
        if self._client.is_connected:
            await self._client.flush(_CLOSE_SECONDS)
        await self._client.close()

    # --- in it

    async def _connected(self) -> Client:
        for _ in range(int(_CONNECT_SECONDS / 0.02)):
            if self._client.is_connected:
                return self._client
            await asyncio.sleep(0.02)
        raise TransportDown(self._why("no server answers"))

    async def _with_stream(self, work: Callable[[JetStreamContext], Awaitable[T]]) -> T:
        await self._connected()
        async with self._one_makes:
            if not self._stream_made:
                await make_stream(self._js, self._queue.replicas)
                self._stream_made = True
                self._making = asyncio.create_task(self._make_consumers(self._js))
        try:
            return await work(self._js)
        except NoStreamResponseError:
            self._stream_made = False
            raise

    async def _make_consumers(self, js: JetStreamContext) -> None:
        """Beside the first messages: a cluster takes half a minute for three hundred."""
        try:
            made = await make_consumers(js, self._centers)
        except _FAILURES as error:
            self._stream_made = False
            self._last_error = _said(error)
            return
        if made:
            log.info("handoff.consumers", count=made)

    def _asked_bare(self, work: Callable[[JetStreamContext], Awaitable[T]]) -> T:
        async def on_it() -> T:
            client = await self._connected()
            return await work(client.jetstream(timeout=_SET_UP_SECONDS))

        future = self._submit(on_it())
        try:
            return future.result(_SET_UP_SECONDS)
        except (FutureTimeout, *_FAILURES) as error:
            raise TransportDown(self._why(_said(error))) from error

    async def _unheard(self, work: Callable[[Client], Coroutine[Any, Any, None]]) -> None:
        with suppress(*_FAILURES):
            await work(self._client)

    def _why(self, otherwise: str) -> str:
        return self._last_error or otherwise


def _standing(info: ConsumerInfo) -> AtBroker:
    waits = (info.num_pending or 0) + (info.num_ack_pending or 0)
    # of acknowledgements, in whatever order: the floor's own number may stand
    last = info.ack_floor.last_active if info.ack_floor is not None else None
    return AtBroker(waits, last)


def _tls(queue: Queue) -> ssl.SSLContext | None:
    """Both ends show a certificate where the portal has one."""
    if not (queue.ca or queue.cert or queue.servers[0].startswith("tls://")):
        return None
    context = ssl.create_default_context(cafile=queue.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if queue.cert is not None:
        context.load_cert_chain(queue.cert, queue.key)
    return context


def _said(error: BaseException) -> str:
    """The broker's words name no person; where it has none, the kind of error."""
    if isinstance(error, APIError):
        return f"{error.description} ({error.err_code})"
    return str(error) or type(error).__name__


class NatsTransport:
    """Publishes to ``prefix`` and the center's code, a whole batch in flight at once."""

    batch = 256

    def __init__(self, broker: Broker, prefix: str) -> None:
        self._broker = broker
        self._prefix = prefix

    def deliver(self, parcels: Sequence[Parcel]) -> Sequence[Outcome]:
        try:
            return self._broker.ask(lambda js: self._publish(js, parcels), _BATCH_SECONDS)
        except TransportDown as error:
            return [Outcome(Fate.RETURNED, str(error))] * len(parcels)

    async def _publish(self, js: JetStreamContext, parcels: Sequence[Parcel]) -> Sequence[Outcome]:
        sent = [await self._send(js, parcel) for parcel in parcels]
        waiting = [each for each in sent if isinstance(each, asyncio.Future)]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=_ACK_SECONDS)
            for each in late:
                each.cancel()
        return [each if isinstance(each, Outcome) else _outcome(each) for each in sent]

    async def _send(self, js: JetStreamContext, parcel: Parcel) -> "asyncio.Future[Any] | Outcome":
        mark = f"{REPLAY_MARK}{parcel.replay}" if parcel.replay else ""
        headers = {
            ID_HEADER: parcel.id + mark,
            TYPE_HEADER: parcel.type,
            SUBJECT_HEADER: parcel.subject,
        }
        try:
            return await js.publish_async(
                f"{self._prefix}.{parcel.center}", parcel.body, stream=STREAM, headers=headers
            )
        except MaxPayloadError:
            return Outcome(Fate.NEVER, f"{len(parcel.body)} bytes are more than the broker takes")
        except _FAILURES as error:
            return Outcome(Fate.RETURNED, _said(error))


def _outcome(future: "asyncio.Future[Any]") -> Outcome:
    """What the broker said of one message."""
    if future.cancelled():
        return Outcome(Fate.RETURNED, "the broker acknowledges nothing")
    error = future.exception()
    if error is None:
        return KEPT
    if isinstance(error, APIError):
        if error.description == _PUT_OFF:
            return Outcome(Fate.LATER, "the center's queue is full")
        if error.err_code == _TOO_LARGE:
            return Outcome(Fate.NEVER, _said(error))
    return Outcome(Fate.RETURNED, _said(error))
