"""Takes messages out of durable consumers of JetStream and hands them to a receiver.

Every consumer has a request for a few messages standing at the broker, so each center gets its turn
whatever the others have, and what arrives is there at once. A message is acknowledged when the
receiver has committed it, and put off when it could not; one that can never be taken is told and
terminated. When one after another fails, it is the receiver's trouble and not the messages': it is
left in peace for a while, and then one tries for all.
"""

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext

from portal.clock import jitter, stopwatch
from portal.handoff.transports import Fate, Parcel, TransportDown, outcome_of
from portal.handoff.transports.nats import (
    ID_HEADER,
    REPLAY_MARK,
    SUBJECT_HEADER,
    TYPE_HEADER,
    Broker,
)
from portal.handoff.transports.streams import ACK_WAIT_SECONDS, STREAM, center_of
from portal.observability import log

# A request for messages stands so long at the broker; it is gone when the node that leads the
# consumer dies, and nobody tells
_STANDS_SECONDS = 8.0
_GRACE_SECONDS = 1.0
_AGAIN_SECONDS = 1.0  # after a request that the broker did not take
_WAIT_SECONDS = 0.2  # of one round, for the first message
_ASK_SECONDS = 5.0
_FIRST_DELAY_SECONDS = 2.0
_LONGEST_DELAY_SECONDS = 300.0
_IN_A_ROW = 3  # failures with nothing taken between them
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0
# later than this the broker is about to deliver it again: the second one is taken
_TOO_LATE_SECONDS = ACK_WAIT_SECONDS * 0.8


@dataclass
class _Asked:
    """A request for messages that stands at the broker: how many are still to come or to do."""

    left: int
    until: float


@dataclass(frozen=True)
class _Arrived:
    consumer: str
    message: Msg
    at: float


@dataclass(frozen=True)
class _PutOff:
    """A message that could not be taken, how often that was tried, and until when those behind it
    are put off too."""

    id: str
    attempts: int
    until: float


class Pickup:
    """``take`` keeps a parcel or raises; ``refuse`` is told of one that can never be taken."""

    def __init__(
        self,
        broker: Broker,
        consumers: Callable[[], Iterable[str]],
        take: Callable[[Parcel], None],
        refuse: Callable[[Parcel, str], None],
        batch: int,
    ) -> None:
        self._broker = broker
        self._consumers = consumers
        self._take = take
        self._refuse = refuse
        self._batch = batch
        self._lock = threading.Lock()
        self._asked: dict[str, _Asked] = {}
        self._arrived: SimpleQueue[_Arrived] = SimpleQueue()
        self._connection = 0
        self._inbox = ""
        self._client: Client | None = None
        self._subscription: Subscription | None = None
        self._put_off: dict[tuple[str, str], _PutOff] = {}
        self._failed_in_a_row = 0
        self._closed_until = 0.0

    def run_once(self) -> int:
        """Take what has arrived, waiting a moment for it; how many messages."""
        if stopwatch() < self._closed_until:
            return 0
        try:
            self._ask()
        except TransportDown:
            return 0  # the relay tells of it
        done, wait = 0, _WAIT_SECONDS
        while True:
            try:
                arrived = self._arrived.get(timeout=wait)
            except Empty:
                return done
            self._handle(arrived)
            done, wait = done + 1, 0.0
            if done >= self._batch or stopwatch() < self._closed_until:
                return done

    # --- asking

    def _ask(self) -> None:
        now = stopwatch()
        if self._connection != self._broker.connections or not self._broker.connections:
            with self._lock:
                self._asked.clear()  # what stood at the broker went with the connection
        with self._lock:
            due = [
                name
                for name in self._consumers()
                if (stands := self._asked.get(name)) is None
                or stands.until < now
                or not stands.left
            ]
            if not due and self._inbox:
                return
            until = now + _STANDS_SECONDS + _GRACE_SECONDS
            self._asked.update({name: _Asked(self._batch, until) for name in due})
        try:
            self._broker.ask(lambda js: self._request(js, due), _ASK_SECONDS)
        except TransportDown:
            with self._lock:
                for name in due:
                    self._asked.pop(name, None)
            raise

    async def _request(self, js: JetStreamContext, names: list[str]) -> None:
        client: Client = js._nc  # noqa: SLF001 - the context has no other way to it
        if self._subscription is None or client is not self._client:
            self._client = client
            self._inbox = client.new_inbox()
            self._subscription = await client.subscribe(f"{self._inbox}.*", cb=self._on_message)
        self._connection = self._broker.connections
        wish = json.dumps({"batch": self._batch, "expires": int(_STANDS_SECONDS * 1e9)}).encode()
        for name in names:
            address = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{name}"
            await client.publish(address, wish, reply=f"{self._inbox}.{name}")

    async def _on_message(self, message: Msg) -> None:
        if message.reply:
            consumer = message.metadata.consumer
            self._arrived.put(_Arrived(consumer, message, stopwatch()))
            return
        # the broker says that the request has ended, or that there is no such consumer yet
        status = (message.headers or {}).get("Status", "")
        wait = 0.0 if status == "408" else _AGAIN_SECONDS
        with self._lock:
            stands = self._asked.get(message.subject.rpartition(".")[2])
            if stands is not None:
                stands.until = stopwatch() + wait

    # --- taking

    def _handle(self, arrived: _Arrived) -> None:
        message = arrived.message
        with self._lock:
            stands = self._asked.get(arrived.consumer)
            if stands is not None:
                stands.left -= 1
        if stopwatch() - arrived.at > _TOO_LATE_SECONDS:
            return
        if arrived.consumer not in self._consumers():  # a system of its own has taken over
            self._answer(lambda: message.nak(jitter(_FIRST_DELAY_SECONDS)))
            return
        parcel = _parcel(message)
        before = self._put_off.get(_lane(parcel))
        if before is not None and before.id != parcel.id and stopwatch() < before.until:
            self._answer(lambda: message.nak(jitter(_FIRST_DELAY_SECONDS)))
            return
        try:
            self._take(parcel)
        except Exception as error:  # whatever went wrong, the broker keeps the message
            self._failed(message, parcel, error)
        else:
            self._put_off.pop(_lane(parcel), None)
            self._reopen()
            self._answer(message.ack)

    def _failed(self, message: Msg, parcel: Parcel, error: Exception) -> None:
        outcome = outcome_of(error)
        about = {"type": parcel.type, "request": parcel.subject, "center": parcel.center}
        if outcome.fate is Fate.NEVER:
            self._put_off.pop(_lane(parcel), None)
            self._reopen()
            self._refuse(parcel, outcome.reason)
            log.error("pickup.refused", **about, reason=outcome.reason[:80])
            self._answer(message.term)
            return
        # not the broker's count, which counts those that only waited behind another
        before = self._put_off.get(_lane(parcel))
        attempts = before.attempts + 1 if before is not None and before.id == parcel.id else 1
        delay = jitter(
            min(_FIRST_DELAY_SECONDS * 2.0 ** min(attempts - 1, 12), _LONGEST_DELAY_SECONDS)
        )
        until = stopwatch() + delay + ACK_WAIT_SECONDS
        self._put_off[_lane(parcel)] = _PutOff(parcel.id, attempts, until)
        log.warning(
            "pickup.retry",
            **about,
            attempts=attempts,
            reason=outcome.reason[:80],
            exc_info=outcome.error,
        )
        self._answer(lambda: message.nak(delay))
        self._close_for_a_while(outcome.reason)

    def _close_for_a_while(self, reason: str) -> None:
        """Later each time, when nothing is taken in between."""
        self._failed_in_a_row += 1
        more = self._failed_in_a_row - _IN_A_ROW
        if more < 0:
            return
        if not more:
            log.warning("pickup.closed", reason=reason[:80])
        pause = min(_FIRST_PAUSE_SECONDS * 2.0 ** min(more, 12), _LONGEST_PAUSE_SECONDS)
        self._closed_until = stopwatch() + jitter(pause)

    def _reopen(self) -> None:
        if self._failed_in_a_row >= _IN_A_ROW:
            log.info("pickup.open", attempts=self._failed_in_a_row)
        self._failed_in_a_row = 0

    def _answer(self, answer: Callable[[], object]) -> None:
        async def send(_client: Client) -> None:
            await answer()  # type: ignore[misc]

        self._broker.tell(send)


def _lane(parcel: Parcel) -> tuple[str, str]:
    """What keeps its order: a request of the center, or a message that tells of none."""
    return parcel.center, parcel.subject or parcel.id


def _parcel(message: Msg) -> Parcel:
    """What arrived. Only the subject is the broker's word; the rest is checked with the body."""
    headers = message.headers or {}
    return Parcel(
        id=headers.get(ID_HEADER, "").partition(REPLAY_MARK)[0][:40],
        type=headers.get(TYPE_HEADER, "")[:60],
        center=center_of(message.subject),
        subject=headers.get(SUBJECT_HEADER, "")[:20],
        body=message.data,
    )
