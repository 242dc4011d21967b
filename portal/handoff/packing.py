"""How a message becomes bytes on its way, and a message again: one form for every transport.

Packing happens when a message leaves, not when it is made: the links to its documents are signed
then, so one that waited for a week carries fresh ones.
"""

from dataclasses import dataclass
from typing import Protocol

from portal.clock import Clock
from portal.handoff.links import DocumentLinks
from portal.handoff.messages import BadMessage, Message, read_message


class BadSignature(BadMessage):
    """The bytes are not what someone with a key of this contract signed."""


class Packing(Protocol):
    """Bytes of a message and back."""

    def pack(self, message: Message) -> bytes:
        """Links and all; raises :class:`~portal.handoff.messages.BadMessage`."""

    def unpack(self, body: bytes) -> Message:
        """The message, verified; raises :class:`BadSignature` or
        :class:`~portal.handoff.messages.BadMessage`."""


@dataclass(frozen=True)
class PlainPacking:
    """The envelope as it is."""

    links: DocumentLinks
    clock: Clock

    def pack(self, message: Message) -> bytes:
        return self.links.linked(message, self.clock.now()).to_json().encode()

    def unpack(self, body: bytes) -> Message:
        try:
            text = body.decode()
        except UnicodeDecodeError as error:
            raise BadMessage("no UTF-8") from error
        return read_message(text)
