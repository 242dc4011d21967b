"""How a message becomes bytes on its way, and a message again: one form for every transport.

The bytes are a compact JSON Web Signature over the envelope, with the sender's key. Packing happens
when a message leaves, not when it is made: the links to its documents are signed then, so one that
waited for a week carries fresh ones.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from portal import jws
from portal.clock import Clock
from portal.handoff.links import DocumentLinks
from portal.handoff.messages import BadMessage, Message, read_message
from portal.jws import EcKey, NotCompact, NotThisKey

KIND = "handoff+jws"
"""The header's ``typ``: what was signed for something else is no message."""
MOST_BYTES = 1_000_000
"""Of a message to a center; those to the portal are bounded at the door."""


class BadSignature(BadMessage):
    """The bytes are not what someone with a key of this contract signed."""


class Packing(Protocol):
    """What the relay makes bytes with."""

    def pack(self, message: Message) -> bytes:
        """Links and all; raises :class:`~portal.handoff.messages.BadMessage`."""


@dataclass(frozen=True)
class SignedPacking:
    """Packs for one side of the wall: ``sign`` signs with its key."""

    links: DocumentLinks
    clock: Clock
    sign: Callable[[str, bytes], bytes]

    def pack(self, message: Message) -> bytes:
        linked = self.links.linked(message, self.clock.now())
        return self.sign(KIND, linked.to_json().encode())


@dataclass(frozen=True)
class Unpacking:
    """Unpacks what the portal has signed: ``trusted`` finds its public keys by their names."""

    trusted: Callable[[str], EcKey | None]

    def unpack(self, body: bytes) -> Message:
        """The message; raises :class:`BadSignature` or
        :class:`~portal.handoff.messages.BadMessage`."""
        try:
            compact = jws.read(KIND, body, MOST_BYTES)
        except NotCompact as error:
            raise BadSignature(str(error)) from error
        key = self.trusted(compact.kid)
        if key is None:
            raise BadSignature(f"no key {compact.kid}")
        try:
            return read_message(jws.verify(compact, key).decode())
        except NotThisKey as error:
            raise BadSignature(f"not signed with {compact.kid}") from error
        except UnicodeDecodeError as error:
            raise BadMessage("no UTF-8") from error
