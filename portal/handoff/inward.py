"""The one door for events from centers: kept, taken once, fitted to the life cycle.

The portal's own back office comes through it exactly as an existing system would. What does not
fit yet waits for the event that makes it fit; what can never fit is parked and shown. Nothing is
dropped.
"""

from collections.abc import Callable, Mapping

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
from portal.observability import log, reason_of
from portal.problems import Conflict, DomainError
from portal.vault import SealBroken, Vault

Apply = Callable[[Connection, Message], None]
_PAYLOAD = "inward_events.payload"


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

    def _try_waiting(self, db: Connection, subject: str) -> None:
        """Each success may let an earlier event in; go round until none fits."""
        while True:
            rows = db.execute(
                select(InwardEvent.payload)
                .where(InwardEvent.subject == subject, InwardEvent.state == "waiting")
                .order_by(InwardEvent.received_at)
            ).all()
            messages = [read_message(self._vault.open(_PAYLOAD, row[0])) for row in rows]
            applied = [self._try(db, message) for message in messages]
            if not any(applied):
                return


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
