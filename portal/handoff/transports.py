"""How a message leaves: one interface, so that a broker can take the embedded one's place."""

from collections.abc import Callable
from typing import Protocol

from portal.handoff.messages import Message


class TransportDown(Exception):
    """The way is closed now; the same message will pass later."""


class Poison(Exception):
    """The receiver understood that it can never take this message."""


class Transport(Protocol):
    """Delivers a message at least once: a return means that the receiver keeps it."""

    def deliver(self, message: Message) -> None:
        """Raises :class:`TransportDown` or :class:`Poison`."""


class EmbeddedTransport:
    """The receiver in this process; it keeps the message in a transaction of its own."""

    def __init__(self, receive: Callable[[Message], None]) -> None:
        self._receive = receive

    def deliver(self, message: Message) -> None:
        self._receive(message)
