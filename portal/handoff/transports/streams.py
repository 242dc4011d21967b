"""What JetStream holds: one stream, subjects and a durable consumer for each center.

The stream is a work queue on disk: a message stays until its receiver has acknowledged it, however
long that takes, and what does not fit any more is refused and never pushes out what is there.
Making it is idempotent, so that the worker does it at its start.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    ConsumerInfo,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import NotFoundError

STREAM = "HANDOFF"
TO_CENTERS = "handoff.out"
FROM_CENTERS = "handoff.in"
PORTAL = "portal"
"""The consumer of everything that comes from centers."""
INBOX = "_INBOX"
ACK_WAIT_SECONDS = 30
"""So long a receiver may take; then the message is delivered again."""

# A relay that died publishes again after its lease and pauses, which is far less than this
_DUPLICATES_SECONDS = 600
# One center that takes nothing for months must not fill the disk of all: a day of a very large one
# has some thousands
_MOST_OF_A_CENTER = 200_000
# Messages that a receiver has put off count among those under way
_MOST_UNDER_WAY = 2_000
_AT_ONCE = 16


def to_center(center: str) -> str:
    return f"{TO_CENTERS}.{center}"


def from_center(center: str) -> str:
    return f"{FROM_CENTERS}.{center}"


def consumer_of(center: str) -> str:
    """The durable consumer through which one center reads."""
    return f"center-{center}"


def center_of(subject: str) -> str:
    """The center of a subject; the broker has checked who may use which."""
    return subject.rpartition(".")[2]


def permissions(center: str) -> Mapping[str, Sequence[str]]:
    """All that the system of one center may do: read its own subject, and answer in its own name.

    The inbox is a name of its own too: who could listen to all inboxes would read along.
    """
    consumer = consumer_of(center)
    return {
        "publish": (
            f"$JS.API.CONSUMER.INFO.{STREAM}.{consumer}",
            f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{consumer}",
            f"$JS.ACK.{STREAM}.{consumer}.>",
            from_center(center),
        ),
        "subscribe": (f"{INBOX}.{center}.>",),
    }


def _stream(replicas: int) -> StreamConfig:
    return StreamConfig(
        name=STREAM,
        subjects=[f"{TO_CENTERS}.*", f"{FROM_CENTERS}.*"],
        retention=RetentionPolicy.WORK_QUEUE,
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW,
        discard_new_per_subject=True,
        max_msgs_per_subject=_MOST_OF_A_CENTER,
        duplicate_window=_DUPLICATES_SECONDS,
        num_replicas=replicas,
    )


def _consumer(name: str, subject: str) -> ConsumerConfig:
    return ConsumerConfig(
        durable_name=name,
        filter_subject=subject,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT_SECONDS,
        max_deliver=-1,
        max_ack_pending=_MOST_UNDER_WAY,
    )


async def make_stream(js: JetStreamContext, replicas: int) -> bool:
    """Make the stream, or bring it to what is wanted; whether anything was done."""
    wanted = _stream(replicas)
    try:
        found = (await js.stream_info(STREAM)).config
    except NotFoundError:
        await js.add_stream(wanted)
        return True
    if not _differs(wanted, found):
        return False
    await js.update_stream(wanted)
    return True


async def consumers(js: JetStreamContext) -> Sequence[ConsumerInfo]:
    """All that there are, whoever reads through them."""
    found: list[ConsumerInfo] = []
    while page := await js.consumers_info(STREAM, offset=len(found)):
        found += page
    return found


async def make_consumers(js: JetStreamContext, centers: Sequence[str]) -> int:
    """Make the consumers that are missing or otherwise than wanted; how many."""
    wanted = [_consumer(consumer_of(center), to_center(center)) for center in centers]
    wanted.append(_consumer(PORTAL, f"{FROM_CENTERS}.*"))
    found: dict[str | None, ConsumerConfig] = {
        info.name: info.config for info in await consumers(js)
    }
    missing = [
        config
        for config in wanted
        if config.durable_name not in found or _differs(config, found[config.durable_name])
    ]
    limit = asyncio.Semaphore(_AT_ONCE)

    async def make(config: ConsumerConfig) -> None:
        async with limit:
            await js.add_consumer(STREAM, config, timeout=30)

    await asyncio.gather(*(make(config) for config in missing))
    return len(missing)


def _differs(wanted: Any, found: Any) -> bool:
    """Whether ``found`` lacks something of what ``wanted`` says; the rest is the server's."""
    said = {name: value for name, value in wanted.as_dict().items() if value is not None}
    there = found.as_dict()
    return any(there.get(name) != value for name, value in said.items())
