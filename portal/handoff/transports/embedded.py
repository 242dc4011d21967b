"""The receiver in this process: no network, no broker."""

from collections.abc import Callable, Sequence

from portal.clock import stopwatch
from portal.handoff.transports import KEPT, Fate, Outcome, Parcel, outcome_of

_SECONDS = 0.5  # of one batch: a center with slow documents does not hold up the others


class EmbeddedTransport:
    """Hands each parcel to ``receive``, which keeps it in a transaction of its own."""

    batch = 50

    def __init__(self, receive: Callable[[Parcel], None]) -> None:
        self._receive = receive

    def deliver(self, parcels: Sequence[Parcel]) -> Sequence[Outcome]:
        began = stopwatch()
        outcomes: list[Outcome] = []
        for parcel in parcels:
            if outcomes and stopwatch() - began > _SECONDS:
                outcomes.append(Outcome(Fate.RETURNED))
            else:
                outcomes.append(self._hand_over(parcel))
        return outcomes

    def _hand_over(self, parcel: Parcel) -> Outcome:
        try:
            self._receive(parcel)
        except Exception as error:  # whatever went wrong, the message stays with the relay
            return outcome_of(error)
        return KEPT
