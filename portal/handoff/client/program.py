"""The client itself: gives each message to your function once, and sends what that answers."""

import asyncio
import json
import logging
import random
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Any

from nats.aio.msg import Msg

from .contract import Contract
from .journal import Answer, Journal, Turn
from .keys import MESSAGE, TOKEN, OwnKey, PortalKeys
from .messages import PREFIX, Message, Reader
from .settings import Settings
from .troubles import NotNow, Refused
from .ways import Broker, Door, Way
from .web import Web

logger = logging.getLogger(__name__)
Take = Callable[[Turn, Message], None]
Work = Callable[[Turn], None]
_HELD_SECONDS = 10.0  # a third of what the broker waits for an acknowledgement
_FIRST_DELAY_SECONDS = 1.0
_LONGEST_DELAY_SECONDS = 300.0
_IN_A_ROW = 3  # failures with nothing taken between them: it is not the messages
_FIRST_REST_SECONDS = 0.5
_LONGEST_REST_SECONDS = 10.0
_BEHIND_SECONDS = 1.0  # those behind a message that was put off come after it
_LOOK_SECONDS = 0.3  # for answers that wait
_AFTER_FAULT_SECONDS = 5.0
_ANSWERS_AT_ONCE = 50
_TOKEN_SECONDS = 240


@dataclass(frozen=True)
class _PutOff:
    """Of a request: the message that was put off, how often it was tried, and until when those
    behind it wait too."""

    name: str
    attempts: int
    until: float


class Client:
    """One center's connection to the portal.

    ``take`` is given each message once; what it raises puts the message off, :class:`Refused` for
    good. ``work`` is called every ``every`` seconds, for acts that no message causes. Both run in
    threads, one at a time, and in a transaction.
    """

    def __init__(
        self, settings: Settings, take: Take, work: Work | None = None, *, every: float = 0.5
    ) -> None:
        files = settings.folder / "documents"
        files.mkdir(parents=True, exist_ok=True)
        self._center = settings.center
        self._files = files
        self._take, self._work, self._every = take, work, every
        self._web = Web(settings.portal)
        self._key = OwnKey(settings.signing_key, settings.kid)
        contract = Contract(settings.schemas)
        keys = PortalKeys(lambda: self._web.get("/.well-known/jwks.json"))
        self._reader = Reader(settings.center, keys, contract, files)
        self._journal = Journal(settings.folder / "journal.sqlite3", contract, files)
        self._broker = Broker(settings) if settings.servers else None
        self._way: Way = self._broker or Door(self._web, settings.center)
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._put_off: dict[str, _PutOff] = {}
        self._failed_in_a_row = 0

    def turn(self) -> AbstractContextManager[Turn]:
        """A transaction for acts at any other moment, from any thread."""
        return self._journal.turn()

    def run(self) -> None:
        """Work until SIGTERM, Ctrl-C or :meth:`stop`; what is being done is finished first."""
        asyncio.run(self._run())
        self._journal.close()

    def stop(self) -> None:
        """End :meth:`run`, from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)

    def receive(self, body: bytes, *, replayed: bool = False) -> None:
        """Take one message, whatever carried it; once this comes back it may be acknowledged.

        Raises :class:`Refused` for what can never be taken, which is kept and shown, and
        :class:`NotNow`, or what your function raised, for what is to be tried again.
        """
        try:
            message = self._reader.read(body)
            if self._journal.has_taken(message):
                if replayed and message.type == "request.paid.v1":
                    self._journal.say_again(message.subject)
                return
            for document in message.documents:
                self._web.fetch(document)
            with self._journal.turn() as turn:
                if self._journal.take(turn, message):
                    self._take(turn, message)
        except Refused as error:
            self._journal.refuse(body, str(error))
            raise
        logger.info("taken %s %s", message.type, message.subject)

    # --- the loops

    async def _run(self) -> None:
        self._loop = loop = asyncio.get_running_loop()
        if threading.current_thread() is threading.main_thread():
            with suppress(NotImplementedError):  # Windows: Ctrl-C ends it as any program
                for number in (signal.SIGTERM, signal.SIGINT):
                    loop.add_signal_handler(number, self._stop.set)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._rounds(self._send_due))
            if self._work is not None:
                tasks.create_task(self._rounds(self._work_once))
            if self._broker is not None:
                self._broker.start()
                tasks.create_task(self._rounds(self._take_next))
        if self._broker is not None:
            await self._broker.close()

    async def _rounds(self, once: Callable[[], Awaitable[float]]) -> None:
        """``once`` again and again; it says how long to rest. A full disk ends nothing."""
        while not self._stop.is_set():
            try:
                rest = await once()
            except Exception:
                logger.exception("a round failed and is tried again")
                rest = _AFTER_FAULT_SECONDS
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stop.wait(), rest)

    async def _work_once(self) -> float:
        await asyncio.to_thread(self._in_a_turn)
        return self._every

    def _in_a_turn(self) -> None:
        with self._journal.turn() as turn:
            if self._work is not None:
                self._work(turn)

    # --- messages

    async def _take_next(self) -> float:
        message = await self._broker.fetch() if self._broker is not None else None
        if message is not None:
            await self._handle(message)
        # such as when the portal is away: whoever comes next would fail as well
        more = self._failed_in_a_row - _IN_A_ROW
        if more < 0:
            return 0.0
        return min(_FIRST_REST_SECONDS * 2.0 ** min(more, 12), _LONGEST_REST_SECONDS)

    async def _handle(self, message: Msg) -> None:
        headers = message.headers or {}
        name = headers.get("Nats-Msg-Id", "").partition("~")[0]
        request = headers.get("Mahalliyat-Request", "")
        before = self._put_off.get(request)
        wait = before.until - time.monotonic() if before and before.name != name else 0.0
        if wait > 0:
            await message.nak(wait)
            return
        delivered = message.metadata.num_delivered
        holding = asyncio.create_task(_hold(message))
        try:
            await asyncio.to_thread(self.receive, message.data, replayed=delivered == 1)
        except Refused as error:
            logger.error("refused a message about %s: %s", request, error)  # noqa: TRY400
            self._put_off.pop(request, None)
            self._failed_in_a_row = 0
            await message.term()
        except Exception as error:
            # not the broker's count, which counts those that only waited behind another
            attempts = before.attempts + 1 if before and before.name == name else 1
            delay = _delay(attempts)
            until = time.monotonic() + delay + _BEHIND_SECONDS
            self._put_off[request] = _PutOff(name, attempts, until)
            self._failed_in_a_row += 1
            expected = isinstance(error, NotNow)
            told = str(error) if expected else type(error).__name__
            trace = None if expected else error
            logger.warning("put off a message about %s: %s", request, told, exc_info=trace)
            await message.nak(delay)
        else:
            self._put_off.pop(request, None)
            self._failed_in_a_row = 0
            await message.ack()
        finally:
            holding.cancel()

    # --- answers

    async def _send_due(self) -> float:
        if not self._way.open:
            return _LOOK_SECONDS
        due = await asyncio.to_thread(self._journal.due, _ANSWERS_AT_ONCE)
        for answer in due:
            if self._stop.is_set():
                break
            await self._send(answer)
        return 0.0 if due else _LOOK_SECONDS

    async def _send(self, answer: Answer) -> None:
        headers = {
            "Nats-Msg-Id": answer.id + (f"~{answer.again}" if answer.again else ""),
            "Mahalliyat-Type": answer.type,
            "Mahalliyat-Request": answer.subject,
        }
        result: tuple[str, str, float] = ("sent", "", 0.0)
        try:
            data = await asyncio.to_thread(self._uploaded, answer)
            await self._way.send(self._key.sign(MESSAGE, self._envelope(answer, data)), headers)
        except Refused as error:
            logger.error("%s %s is rejected: %s", answer.type, answer.subject, error)  # noqa: TRY400
            result = ("rejected", str(error), 0.0)
        except Exception as error:  # whatever went wrong, those of other requests go on
            expected = isinstance(error, NotNow)
            told = str(error) if expected else type(error).__name__
            trace = None if expected else error
            logger.warning("%s %s waits: %s", answer.type, answer.subject, told, exc_info=trace)
            result = ("waiting", told, _delay(answer.attempts + 1))
        await asyncio.to_thread(self._journal.settle, answer, *result)

    def _envelope(self, answer: Answer, data: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": answer.id,
            "source": f"center/{self._center}",
            "type": PREFIX + answer.type,
            "subject": answer.subject,
            "center": self._center,
            "time": answer.at,
            "datacontenttype": "application/json",
            "data": data,
        }

    def _uploaded(self, answer: Answer) -> Mapping[str, Any]:
        """The data with its papers, which lie at the portal now. A repetition of an upload is
        answered as the first one was: the permission has the same name."""
        if not answer.papers:
            return answer.data
        documents = []
        for paper in answer.papers:
            headers = {
                "Authorization": f"Bearer {self._token(paper['jti'])}",
                "Content-Type": paper["media_type"],
            }
            content = (self._files / paper["sha256"]).read_bytes()
            path = f"/api/v1/centers/{self._center}/documents"
            told = json.loads(self._web.post(path, content, headers))
            documents.append({**told, "name": paper["name"]})
        return {**answer.data, "documents": documents}

    def _token(self, name: str) -> str:
        claims = {
            "iss": self._center,
            "sub": self._center,
            "aud": self._web.portal,
            "exp": int(time.time()) + _TOKEN_SECONDS,
            "jti": name,
        }
        return self._key.sign(TOKEN, claims).decode()


async def _hold(message: Msg) -> None:
    """Tell the broker that somebody is still at it: documents may be large."""
    while True:
        await asyncio.sleep(_HELD_SECONDS)
        await message.in_progress()


def _delay(attempt: int) -> float:
    """Longer each time, with chance: retries of many do not march in step."""
    longest = min(_FIRST_DELAY_SECONDS * 2.0 ** min(attempt - 1, 12), _LONGEST_DELAY_SECONDS)
    return longest * random.uniform(0.5, 1.0)
