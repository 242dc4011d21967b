"""Takes messages out of an outbox and delivers them: leased, ordered, retried without end.

A subject's messages go one after another; a message that fails waits longer each time while other
subjects pass; one that can never be taken is parked, and holds back only its own subject. A relay
that dies leaves a lease that runs out: the message is delivered again, and the receiver knows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Select, bindparam, exists, select, update
from sqlalchemy.orm import aliased

from portal.clock import Clock, jitter
from portal.db import Database, UtcDateTime
from portal.handoff.links import DocumentLinks
from portal.handoff.messages import BadMessage, Message, read_message
from portal.handoff.model import OutboxColumns
from portal.handoff.outbox import place
from portal.handoff.transports import Poison, Transport, TransportDown
from portal.observability import log, reason_of
from portal.vault import Vault

_LEASE = timedelta(seconds=10)
_FIRST_RETRY_SECONDS = 2.0
_LONGEST_RETRY_SECONDS = 300.0
_BATCH = 50


@dataclass(frozen=True)
class _Claimed:
    position: int
    payload: bytes
    attempts: int


def _due(outbox: type[OutboxColumns]) -> Select[int]:
    """Messages whose time has come, each the first unsent one of its subject."""
    now, earlier = bindparam("now", type_=UtcDateTime), aliased(outbox)
    return select(outbox.position).where(
        outbox.state == "waiting",
        outbox.available_at <= now,
        (outbox.leased_until.is_(None)) | (outbox.leased_until <= now),
        ~exists().where(
            earlier.subject == outbox.subject,
            earlier.position < outbox.position,
            earlier.state != "sent",
        ),
    )


class Relay:
    """Delivers the messages of one outbox through one transport."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        outbox: type[OutboxColumns],
        transport: Transport,
        links: DocumentLinks,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._outbox = outbox
        self._transport = transport
        self._links = links
        self._clock = clock
        # made once: building a statement costs more than running it on an empty outbox
        due = _due(outbox)
        self._anything_due = select(due.exists())
        self._claimable = (
            due.order_by(outbox.position).limit(_BATCH).with_for_update(skip_locked=True, of=outbox)
        )

    def run_once(self) -> int:
        """Deliver what is due; how many messages were taken up."""
        now = self._clock.now()
        with self._database.read() as db:
            if not db.scalar(self._anything_due, {"now": now}):
                return 0
        with self._database.begin() as db:
            claimed = self._claim(db, now)
        for each in claimed:
            self._deliver(each)
        return len(claimed)

    def _claim(self, db: Connection, now: datetime) -> Sequence[_Claimed]:
        outbox = self._outbox
        positions = list(db.scalars(self._claimable, {"now": now}))
        rows = db.execute(
            update(outbox)
            .where(outbox.position.in_(positions), outbox.state == "waiting")
            .values(leased_until=now + _LEASE, attempts=outbox.attempts + 1)
            .returning(outbox.position, outbox.payload, outbox.attempts)
        )
        return sorted((_Claimed(*row) for row in rows), key=lambda claimed: claimed.position)

    def _deliver(self, claimed: _Claimed) -> None:
        message: Message | None = None
        try:
            message = read_message(self._vault.open(place(self._outbox), claimed.payload))
            self._transport.deliver(self._links.linked(message, self._clock.now()))
        except (Poison, BadMessage) as error:
            self._park(claimed, message, reason_of(error))
        except Exception as error:  # whatever went wrong, the message stays and is tried again
            self._retry(claimed, message, error)
        else:
            self._sent(claimed, message)

    def _sent(self, claimed: _Claimed, message: Message) -> None:
        now = self._clock.now()
        self._write(claimed, state="sent", sent_at=now, last_error="")
        log.info("handoff.sent", outbox=self._name, type=message.type, request=message.subject)

    def _retry(self, claimed: _Claimed, message: Message | None, error: Exception) -> None:
        seconds = min(
            _FIRST_RETRY_SECONDS * 2 ** min(claimed.attempts - 1, 12), _LONGEST_RETRY_SECONDS
        )
        again = self._clock.now() + timedelta(seconds=jitter(seconds))
        reason = reason_of(error)
        self._write(claimed, available_at=again, leased_until=None, last_error=reason[:200])
        log.warning(
            "handoff.retry",
            outbox=self._name,
            request=message.subject if message else "",
            attempts=claimed.attempts,
            reason=reason[:80],
            exc_info=None if isinstance(error, TransportDown) else error,
        )

    def _park(self, claimed: _Claimed, message: Message | None, reason: str) -> None:
        self._write(claimed, state="parked", leased_until=None, last_error=reason[:200])
        log.error(
            "handoff.parked",
            outbox=self._name,
            request=message.subject if message else "",
            reason=reason[:80],
        )

    @property
    def _name(self) -> str:
        return str(self._outbox.__tablename__)  # type: ignore[attr-defined]

    def _write(self, claimed: _Claimed, **values: object) -> None:
        """Only while the lease is this relay's: one that was too slow says nothing any more."""
        with self._database.begin() as db:
            db.execute(
                update(self._outbox)
                .where(
                    self._outbox.position == claimed.position,
                    self._outbox.state == "waiting",
                    self._outbox.attempts == claimed.attempts,
                )
                .values(**values)
            )
