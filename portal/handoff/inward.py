"""The one door for events from centers: kept, taken once, fitted to the life cycle.

The portal's own back office comes through it exactly as an existing system would. What does not
fit yet waits for the event that makes it fit; what can never fit is parked and shown. Nothing is
dropped.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, insert, select, update

from portal.clock import Clock
from portal.db import Database, insert_missing
from portal.handoff import outbox
from portal.handoff.messages import (
    NOTICE_REGISTERED,
    REQUEST_REGISTERED,
    Message,
    read_message,
)
from portal.handoff.model import InwardEvent
from portal.loops import one_by_one
from portal.observability import log, reason_of
from portal.problems import Conflict, DomainError
from portal.vault import SealBroken, Vault

Apply = Callable[[Connection, Message], None]
_PAYLOAD = "inward_events.payload"
_BATCH = 20
# One whose trial broke off is not tried in every round
_NEXT_TRIAL = timedelta(minutes=1)


class Inward:
    """Takes events and applies them through the function that ``handlers`` names for their type."""

    def __init__(
        self, database: Database, vault: Vault, handlers: Mapping[str, Apply], clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._handlers = handlers
        self._clock = clock

    def deliver(self, message: Message) -> None:
        """Keep ``message`` and apply it if it fits; a return means that it is kept.

        A repetition of what was applied changes nothing; of what was not, it is another try.
        """
        with self._database.begin() as db:
            if not self._keep(db, message) and not self._keep_again(db, message):
                return
            if self._try(db, message):
                self._try_waiting(db, message.subject)

    def _keep(self, db: Connection, message: Message) -> bool:
        kept = insert_missing(
            db,
            insert(InwardEvent).values(
                id=message.id,
                type=message.type,
                center_code=message.center,
                subject=message.subject,
                payload=self._vault.seal(_PAYLOAD, message.to_json()),
                state="waiting",
                received_at=self._clock.now(),
            ),
        )
        return kept is not None

    def _keep_again(self, db: Connection, message: Message) -> bool:
        """Take the repetition in the place of what did not fit: its links are fresh."""
        done = db.execute(
            update(InwardEvent)
            .where(InwardEvent.id == message.id, InwardEvent.state != "applied")
            .values(payload=self._vault.seal(_PAYLOAD, message.to_json()))
        )
        return bool(done.rowcount)

    def _try(self, db: Connection, message: Message) -> bool:
        handler = self._handlers.get(message.type)
        if handler is None:
            return self._leave(db, message, "parked", f"unknown type {message.type}")
        try:
            with db.begin_nested():
                handler(db, message)
        except Conflict as error:  # may fit after an event that is still on its way
            return self._leave(db, message, "waiting", str(error))
        except (DomainError, SealBroken, KeyError, TypeError, ValueError) as error:
            return self._leave(db, message, "parked", reason_of(error))
        now = self._clock.now()
        db.execute(
            update(InwardEvent)
            .where(InwardEvent.id == message.id)
            .values(state="applied", applied_at=now, reason="")
        )
        if message.type in {REQUEST_REGISTERED, NOTICE_REGISTERED}:
            outbox.answered(db, message.subject, now)
        return True

    def _leave(self, db: Connection, message: Message, state: str, reason: str) -> bool:
        db.execute(
            update(InwardEvent)
            .where(InwardEvent.id == message.id)
            .values(state=state, reason=reason[:200])
        )
        log.warning(
            f"inward.{state}",
            type=message.type,
            request=message.subject,
            center=message.center,
            reason=reason[:80],
        )
        return False

    def _try_waiting(self, db: Connection, subject: str) -> int:
        """Each success may let an earlier event in; go round until none fits. How many did."""
        done = 0
        while True:
            rows = db.execute(
                select(InwardEvent.payload)
                .where(InwardEvent.subject == subject, InwardEvent.state == "waiting")
                .order_by(InwardEvent.received_at)
                # what another process tries at this moment is left to it: neither waits for the
                # other, and none calls "waiting" what the other has applied
                .with_for_update(skip_locked=True)
            ).all()
            messages = [read_message(self._vault.open(_PAYLOAD, row[0])) for row in rows]
            applied = sum(self._try(db, message) for message in messages)
            if not applied:
                return done
            done += applied

    def try_again(self) -> int:
        """A round of the worker: events whose request has changed since; how many requests."""
        now = self._clock.now()
        with self._database.read() as db:
            subjects = db.scalars(
                select(InwardEvent.subject)
                .where(InwardEvent.try_at <= now)
                .group_by(InwardEvent.subject)
                .order_by(func.min(InwardEvent.try_at))
                .limit(_BATCH)
            ).all()
        return one_by_one("waiting", subjects, self._try_changed)

    def _try_changed(self, subject: str) -> bool:
        woken = update(InwardEvent).where(
            InwardEvent.subject == subject, InwardEvent.try_at.is_not(None)
        )
        with self._database.begin() as db:
            db.execute(woken.values(try_at=self._clock.now() + _NEXT_TRIAL))
        with self._database.begin() as db:
            done = self._try_waiting(db, subject)
            db.execute(woken.values(try_at=None))
        return done > 0


def wake(db: Connection, subject: str, at: datetime) -> None:
    """Have what waits about a request tried again: it has changed by something else than an event
    of its center, such as a payment."""
    db.execute(
        update(InwardEvent)
        .where(InwardEvent.subject == subject, InwardEvent.state == "waiting")
        .values(try_at=at)
    )


def shut_out(db: Connection) -> tuple[int, int]:
    """How many events wait and how many are parked."""
    rows = db.execute(
        select(InwardEvent.state, func.count())
        .where(InwardEvent.state != "applied")
        .group_by(InwardEvent.state)
    )
    counts = {row[0]: row[1] for row in rows}
    return counts.get("waiting", 0), counts.get("parked", 0)


def stuck(db: Connection) -> list[tuple[str, str, str, str, str]]:
    """Events that are not applied: id, type, request, state, reason."""
    rows = db.execute(
        select(
            InwardEvent.id,
            InwardEvent.type,
            InwardEvent.subject,
            InwardEvent.state,
            InwardEvent.reason,
        )
        .where(InwardEvent.state != "applied")
        .order_by(InwardEvent.received_at)
    )
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]
