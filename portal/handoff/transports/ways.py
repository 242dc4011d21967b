"""Both ways of the hand-off as the settings have them: embedded, or through a broker.

Embedded, the relays hand over to the receivers directly. With a broker the relays publish, and a
pickup at the other end takes up for the centers that no foreign system serves, and for the portal.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from portal.handoff.transports import AtBroker, Parcel, Transport
from portal.handoff.transports.embedded import EmbeddedTransport
from portal.settings import Queue

Take = Callable[[Parcel], None]
_CENTERS_BATCH = 8  # of one center at a time: all have their turn
_PORTAL_BATCH = 64


@dataclass(frozen=True)
class Ends:
    """Who takes messages: the own back office, and the portal's door."""

    at_office: Take
    refused_at_office: Callable[[Parcel, str], None]
    at_door: Take
    own_centers: Callable[[], Iterable[str]]
    """The centers whose messages the own back office takes."""


@dataclass(frozen=True)
class Ways:
    """What the worker needs: two transports, and rounds that take up what a broker has."""

    outward: Transport
    inward: Transport
    pickups: Mapping[str, Callable[[], int]] = field(default_factory=dict)
    standing: Callable[[], Mapping[str, AtBroker]] = dict
    """What a broker holds for each center; raises
    :class:`~portal.handoff.transports.TransportDown`."""
    close: Callable[[], None] = lambda: None


def open_ways(queue: Queue, centers: Sequence[str], ends: Ends) -> Ways:
    """The ways of ``queue``; nothing is connected before the first message."""
    if queue.embedded:
        return Ways(EmbeddedTransport(ends.at_office), EmbeddedTransport(ends.at_door))
    # a start without a broker does not load its client
    from portal.handoff.transports.nats import Broker, NatsTransport  # noqa: PLC0415
    from portal.handoff.transports.pickup import Pickup  # noqa: PLC0415
    from portal.handoff.transports.streams import (  # noqa: PLC0415
        FROM_CENTERS,
        PORTAL,
        TO_CENTERS,
        consumer_of,
    )

    broker = Broker(queue, centers)
    office = Pickup(
        broker,
        lambda: map(consumer_of, ends.own_centers()),
        ends.at_office,
        ends.refused_at_office,
        _CENTERS_BATCH,
    )
    portal = Pickup(broker, lambda: (PORTAL,), ends.at_door, _kept_anyway, _PORTAL_BATCH)
    return Ways(
        NatsTransport(broker, TO_CENTERS),
        NatsTransport(broker, FROM_CENTERS),
        {"centers": office.run_once, "answers": portal.run_once},
        broker.standing,
        broker.close,
    )


def _kept_anyway(_parcel: Parcel, _reason: str) -> None:
    """The door keeps and tells all that comes; it refuses by raising nothing that lasts."""
