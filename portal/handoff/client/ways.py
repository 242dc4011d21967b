"""How answers leave and messages come: NATS JetStream, or HTTP for the answers alone."""

import asyncio
import json
import logging
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError
from nats.errors import TimeoutError as NatsTimeout

from .settings import Settings
from .troubles import NotNow, Refused
from .web import Web

logger = logging.getLogger(__name__)
_STREAM = "HANDOFF"
# A request for a message stands so long at the broker; it is gone when the node that leads the
# consumer dies, and nobody tells
_STANDS_SECONDS = 5.0
_REQUEST_ENDED = "408"
_WAIT_SECONDS = 0.5  # for a message; a stop waits no longer
_AGAIN_SECONDS = 1.0
_ACK_SECONDS = 5.0
_CLOSE_SECONDS = 3


class Way(Protocol):
    """Where answers go."""

    @property
    def open(self) -> bool:
        """Whether trying makes sense now."""

    async def send(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Come back when the portal or its broker keeps the event; raises ``Refused`` or
        ``NotNow``. ``headers`` are those of NATS: id, type and request."""


class Door:
    """``POST /api/v1/centers/{code}/events``."""

    open = True

    def __init__(self, web: Web, center: str) -> None:
        self._web = web
        self._path = f"/api/v1/centers/{center}/events"

    async def send(self, body: bytes, _headers: Mapping[str, str]) -> None:
        given = {"Content-Type": "application/jose"}
        answer = json.loads(await asyncio.to_thread(self._web.post, self._path, body, given))
        if answer["state"] == "parked":
            fields = [f"{each['pointer']} {each['detail']}" for each in answer["errors"]]
            raise Refused("; ".join([str(answer["reason"]), *fields]))


class Broker:
    """One connection to NATS for both directions, made again for ever."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._subject = f"handoff.in.{settings.center}"
        self._client = NatsClient()
        self._closed = asyncio.Event()
        self._inbox: Subscription | None = None
        self._asked_until = float("-inf")
        self._connecting: asyncio.Task[None] | None = None

    @property
    def open(self) -> bool:
        return self._client.is_connected

    def start(self) -> None:
        """Begin to connect; nobody waits for it. Raises :class:`OSError` for certificates that
        cannot be read."""
        self._connecting = asyncio.create_task(self._keep_connected(_tls(self._settings)))

    async def fetch(self) -> Msg | None:
        """The next message, or None when there was none for a moment."""
        if not self.open:
            await asyncio.sleep(_WAIT_SECONDS)
            return None
        try:
            if self._inbox is None:
                self._inbox = await self._client.subscribe(self._client.new_inbox())
            if time.monotonic() > self._asked_until:
                await self._ask(self._inbox.subject)
            message = await self._inbox.next_msg(_WAIT_SECONDS)
        except NatsTimeout:
            return None
        except NatsError as error:
            logger.warning("the broker gives nothing: %s", error)
            await asyncio.sleep(_AGAIN_SECONDS)
            return None
        self._asked_until = float("-inf")
        if message.reply:
            return message
        # the request has ended, or the consumer is not there yet
        status = (message.headers or {}).get("Status", "")
        if status != _REQUEST_ENDED:
            logger.warning("the broker gives nothing: %s", status)
            await asyncio.sleep(_AGAIN_SECONDS)
        return None

    async def _ask(self, inbox: str) -> None:
        """For one message: no other waits here while that is worked on."""
        wish = json.dumps({"batch": 1, "expires": int(_STANDS_SECONDS * 1e9)}).encode()
        address = f"$JS.API.CONSUMER.MSG.NEXT.{_STREAM}.center-{self._settings.center}"
        await self._client.publish(address, wish, reply=inbox)
        self._asked_until = time.monotonic() + _STANDS_SECONDS + _AGAIN_SECONDS

    async def send(self, body: bytes, headers: Mapping[str, str]) -> None:
        js = self._client.jetstream(timeout=_ACK_SECONDS)
        try:
            await js.publish(self._subject, body, stream=_STREAM, headers=dict(headers))
        except MaxPayloadError as error:
            raise Refused("larger than the broker takes") from error
        except (TimeoutError, NatsError, OSError) as error:
            raise NotNow(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        """Send what is on its way, the last acknowledgements above all."""
        if self._connecting is not None:
            self._connecting.cancel()
        with suppress(NatsError, OSError, asyncio.TimeoutError):
            if self.open:
                await self._client.flush(_CLOSE_SECONDS)
            await self._client.close()

    async def _keep_connected(self, tls: ssl.SSLContext | None) -> None:
        """Connect, and again when the library has given the connection up for good: a server that
        was told wrong whom to let in says so once, and the library never asks again by itself."""
        while True:
            self._closed.clear()
            try:
                await self._connect(tls)
                await self._closed.wait()
                logger.warning("the broker: the connection was given up")
            except (TimeoutError, NatsError, OSError) as error:
                logger.warning("the broker: %s", str(error) or type(error).__name__)
            await asyncio.sleep(_AGAIN_SECONDS)
            self._client, self._inbox = NatsClient(), None

    async def _connect(self, tls: ssl.SSLContext | None) -> None:
        center = self._settings.center
        await self._client.connect(
            servers=list(self._settings.servers),
            tls=tls,
            name=center,
            inbox_prefix=f"_INBOX.{center}",  # others' inboxes are closed to us
            connect_timeout=2,
            reconnect_time_wait=1,
            max_reconnect_attempts=-1,
            ping_interval=10,
            max_outstanding_pings=2,
            error_cb=self._on_error,
            reconnected_cb=self._on_reconnected,
            closed_cb=self._on_closed,
        )
        await self._on_reconnected()

    async def _on_closed(self) -> None:
        self._closed.set()

    async def _on_reconnected(self) -> None:
        self._asked_until = float("-inf")  # what stood at the broker went with the connection

    async def _on_error(self, error: Exception) -> None:
        logger.warning("the broker: %s", str(error) or type(error).__name__)


def _tls(settings: Settings) -> ssl.SSLContext | None:
    """Both ends show a certificate; the name in ours is the user."""
    if settings.ca is None and settings.certificate is None:
        return None
    context = ssl.create_default_context(cafile=settings.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if settings.certificate is not None:
        context.load_cert_chain(settings.certificate, settings.certificate_key)
    return context
