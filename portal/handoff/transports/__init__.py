"""How messages leave: one interface, whatever carries them.

A transport is given a batch and says of each message what became of it. It never decides what that
means for the outbox: the relay does (:mod:`portal.handoff.relay`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from portal.handoff.messages import BadMessage
from portal.observability import reason_of


@dataclass(frozen=True, slots=True)
class Parcel:
    """A packed message and what a carrier must know of it without opening it."""

    id: str
    type: str
    center: str
    subject: str
    body: bytes
    replay: int = 0
    """How often somebody has sent it anew: not a repetition that a broker may drop."""


class TransportDown(Exception):
    """The way is closed now; the same message will pass later."""


class Poison(Exception):
    """The receiver understood that it can never take this message."""


class Fate(Enum):
    """What became of a parcel."""

    KEPT = "the receiver has it in safety"
    LATER = "this one did not pass and is to be tried again"
    NEVER = "no receiver will ever take it"
    RETURNED = "not tried: the way is closed for all, or the time was up"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The fate of one parcel. A reason with ``RETURNED`` says that the way itself is closed."""

    fate: Fate
    reason: str = ""
    error: Exception | None = None
    """What nobody expected, for the log."""


KEPT = Outcome(Fate.KEPT)


def outcome_of(error: Exception) -> Outcome:
    """What a failure means for the one message that it was about."""
    if isinstance(error, Poison | BadMessage):
        return Outcome(Fate.NEVER, reason_of(error))
    expected = isinstance(error, TransportDown)
    return Outcome(Fate.LATER, reason_of(error), None if expected else error)


@dataclass(frozen=True, slots=True)
class AtBroker:
    """What a broker holds for one center."""

    waits: int
    """Messages that it has not acknowledged."""
    acknowledged_at: datetime | None
    """When it last acknowledged one, by the broker's clock; None where the broker has forgotten."""


class Transport(Protocol):
    """Delivers at least once. ``batch`` is how many parcels it likes to be given at a time."""

    batch: int

    def deliver(self, parcels: Sequence[Parcel]) -> Sequence[Outcome]:
        """One outcome for each parcel, within a few seconds: the relay's lease is 10."""
