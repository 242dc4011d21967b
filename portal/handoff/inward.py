"""Events of centers behind the door: kept, taken once, fitted to the life cycle.

What does not fit yet waits for the event that makes it fit; what can never fit is parked, shown to
the operator and told to the center. An event that a center signed as the contract says is kept
whole. Of one that is no message the beginning is kept, and of bytes that nobody signed the
beginning of the last few hundred.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, literal_column, select, update

from portal.clock import Clock, public_id
from portal.db import Database, insert_missing
from portal.handoff import outbox, uploads
from portal.handoff.aside import SetAside, of_centers
from portal.handoff.contract import of_type
from portal.handoff.links import DocumentLinks
from portal.handoff.messages import (
    EVENT_REJECTED,
    NOTICE_REGISTERED,
    REQUEST_REGISTERED,
    SOURCE_PORTAL,
    BadMessage,
    Message,
    read_message,
)
from portal.handoff.model import InwardEvent, OutboxMessage
from portal.handoff.refusals import Refusal, in_both
from portal.i18n import Speech
from portal.loops import one_by_one
from portal.observability import log, reason_of
from portal.problems import N_, Conflict, DomainError, Missing
from portal.vault import SealBroken, Vault
from portal.violations import Violation

Apply = Callable[[Connection, Message], None]
_PAYLOAD = "inward_events.payload"
_BATCH = 20
# One whose trial broke off is not tried in every round
_NEXT_TRIAL = timedelta(minutes=1)
UNSIGNED = "unsigned"
"""The type under which bytes are kept that nobody signed."""
_MOST_UNSIGNED = 200
_LONGEST_KEPT = 4000
# Written out and not bound: only so does the partial index of the few serve
_STUCK = InwardEvent.state != literal_column("'applied'")
_UNSIGNED = (_STUCK, InwardEvent.state == "parked", InwardEvent.type == UNSIGNED)


class IdTaken(DomainError):
    """Another center has sent an event of this id."""

    kind = "conflict"


@dataclass(frozen=True)
class Outcome:
    """What became of an event: ``applied``, ``waiting`` or ``parked``, or ``refused`` unseen."""

    id: str
    state: str
    reason: str = ""
    again: bool = False
    """A repetition of what was applied before."""
    refusal: Refusal | None = None
    """What is wrong with one that can never be taken as it is."""


@dataclass(frozen=True)
class Sender:
    """As much of an event as could be read when it is not taken."""

    id: str
    type: str
    center: str
    subject: str


@dataclass(frozen=True)
class Kept:
    """An event as its sender may ask for it."""

    id: str
    type: str
    subject: str
    state: str
    reason: str
    received_at: datetime
    applied_at: datetime | None


class Inward:
    """Takes events and applies them through the function that ``handlers`` names for their type."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        handlers: Mapping[str, Apply],
        speeches: Sequence[Speech],
        clock: Clock,
        links: Sequence[DocumentLinks] = (),
    ) -> None:
        """``links`` are those that events may carry: they live as long as an event waits."""
        self._database = database
        self._vault = vault
        self._handlers = handlers
        self._speeches = speeches
        self._clock = clock
        self._links = links

    def deliver(self, message: Message, *, answered: bool = False) -> Outcome:
        """Keep ``message`` and apply it if it fits.

        A repetition of what was applied changes nothing; of what was not, it is another try.
        ``answered``: the sender hears of it by itself and needs no message.
        Raises :class:`IdTaken`.
        """
        with self._database.begin() as db:
            sender = Sender(message.id, message.type, message.center, message.subject)
            if self._keep(db, sender, message.to_json(), "waiting"):
                return Outcome(message.id, "applied", again=True)
            outcome = self._try(db, message, answered=answered)
            if outcome.state == "applied":
                self._try_waiting(db, message.subject)
            elif outcome.state == "waiting":
                # what it waits for may happen before anybody else can see that it waits
                soon = self._clock.now() + _NEXT_TRIAL
                waits = update(InwardEvent).where(InwardEvent.id == message.id)
                db.execute(waits.values(try_at=soon))
                self._keep_documents(db, message)
            return outcome

    def park(
        self, sender: Sender, payload: str, refusal: Refusal, *, answered: bool = False
    ) -> Outcome:
        """Keep what a center signed and nobody can take. Raises :class:`IdTaken`."""
        with self._database.begin() as db:
            if self._keep(db, sender, payload[:_LONGEST_KEPT], "parked"):
                return Outcome(sender.id, "applied", again=True)
            return self._leave(db, sender, "parked", refusal.reason, refusal, answered=answered)

    def keep_unsigned(self, center: str, body: bytes, refusal: Refusal) -> None:
        """Keep the beginning of what nobody signed, the last few of them: somebody may miss it."""
        now = self._clock.now()
        with self._database.begin() as db:
            db.execute(
                insert(InwardEvent).values(
                    id=public_id(26),
                    type=UNSIGNED,
                    center_code=center[:8],
                    subject="",
                    payload=self._vault.seal_bytes(_PAYLOAD, body[:_LONGEST_KEPT]),
                    state="parked",
                    reason=refusal.reason[:200],
                    received_at=now,
                )
            )
            newest = (
                select(InwardEvent.id)
                .where(*_UNSIGNED)
                .order_by(InwardEvent.received_at.desc(), InwardEvent.id)
                .limit(_MOST_UNSIGNED)
            )
            db.execute(delete(InwardEvent).where(*_UNSIGNED, InwardEvent.id.not_in(newest)))
        log.warning("inward.parked", type=UNSIGNED, center=center[:8], reason=refusal.reason[:80])

    def _keep(self, db: Connection, sender: Sender, payload: str, state: str) -> bool:
        """Keep an event, or put it in the place of what did not fit before: its links are fresh.

        True when it was applied before.
        """
        values = {
            "type": sender.type,
            "subject": sender.subject,
            "payload": self._vault.seal(_PAYLOAD, payload),
        }
        new = insert(InwardEvent).values(
            id=sender.id,
            center_code=sender.center,
            state=state,
            received_at=self._clock.now(),
            **values,
        )
        if insert_missing(db, new) is not None:
            return False
        mine = (InwardEvent.id == sender.id, InwardEvent.center_code == sender.center)
        done = db.execute(
            update(InwardEvent).where(*mine, InwardEvent.state != "applied").values(**values)
        )
        if done.rowcount:
            return False
        if db.scalar(select(InwardEvent.id).where(*mine)) is None:
            raise IdTaken(f"{sender.id} was used by another center")
        return True

    def _try(self, db: Connection, message: Message, *, answered: bool = False) -> Outcome:
        sender = Sender(message.id, message.type, message.center, message.subject)
        handler = self._handlers.get(message.type)
        if handler is None:
            unknown = Refusal("unknown_type", [of_type(message.type)])
            reason = f"unknown type {message.type}"
            return self._leave(db, sender, "parked", reason, unknown, answered=answered)
        try:
            with db.begin_nested():
                handler(db, message)
        except Conflict as error:  # may fit after an event that is still on its way
            return self._leave(db, sender, "waiting", str(error), None)
        except (DomainError, SealBroken, KeyError, TypeError, ValueError) as error:
            reason = reason_of(error)
            return self._leave(db, sender, "parked", reason, _unfit(error), answered=answered)
        now = self._clock.now()
        db.execute(
            update(InwardEvent)
            .where(InwardEvent.id == message.id)
            .values(state="applied", applied_at=now, reason="")
        )
        if message.type in {REQUEST_REGISTERED, NOTICE_REGISTERED}:
            outbox.answered(db, message.subject, now)
        return Outcome(message.id, "applied")

    def _leave(
        self,
        db: Connection,
        sender: Sender,
        state: str,
        reason: str,
        refusal: Refusal | None,
        *,
        answered: bool = False,
    ) -> Outcome:
        db.execute(
            update(InwardEvent)
            .where(InwardEvent.id == sender.id)
            .values(state=state, reason=reason[:200])
        )
        log.warning(
            f"inward.{state}",
            type=sender.type,
            request=sender.subject,
            center=sender.center,
            reason=reason[:80],
        )
        if refusal is not None and not answered:
            self._tell(db, sender, refusal)
        return Outcome(sender.id, state, reason, refusal=refusal)

    def _tell(self, db: Connection, sender: Sender, refusal: Refusal) -> None:
        """The center hears of it in a row of its own: it holds up no request, nobody else's least
        of all."""
        event = {"id": sender.id, "type": sender.type, "subject": sender.subject}
        data: dict[str, Any] = {"event": event, "problem": in_both(refusal, self._speeches)}
        at = self._clock.now()
        message = Message(
            public_id(), EVENT_REJECTED, sender.center, sender.center, SOURCE_PORTAL, at, data
        )
        outbox.put(db, self._vault, OutboxMessage, message)

    def _keep_documents(self, db: Connection, message: Message) -> None:
        """What a waiting event names is there when it fits, however late that is."""
        now = self._clock.now()
        named = {file for links in self._links for file in links.named(message, now).values()}
        if named:
            uploads.keep_for(db, message.id, named)

    def _waiting(self, payload: bytes, received_at: datetime) -> Message:
        message = read_message(self._vault.open(_PAYLOAD, payload))
        for links in self._links:
            message = links.renewed(message, received_at, self._clock.now())
        return message

    def _try_waiting(self, db: Connection, subject: str) -> int:
        """Each success may let an earlier event in; go round until none fits. How many did."""
        done = 0
        while True:
            rows = db.execute(
                select(InwardEvent.payload, InwardEvent.received_at)
                .where(InwardEvent.subject == subject, InwardEvent.state == "waiting")
                .order_by(InwardEvent.received_at)
                # what another process tries at this moment is left to it: neither waits for the
                # other, and none calls "waiting" what the other has applied
                .with_for_update(skip_locked=True)
            ).all()
            messages = [self._waiting(row.payload, row.received_at) for row in rows]
            applied = sum(self._try(db, message).state == "applied" for message in messages)
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
        of_subject, trial = InwardEvent.subject == subject, self._clock.now() + _NEXT_TRIAL
        woken = update(InwardEvent).where(of_subject, InwardEvent.try_at.is_not(None))
        with self._database.begin() as db:
            db.execute(woken.values(try_at=trial))
        with self._database.begin() as db:
            done = self._try_waiting(db, subject)
            # one that was woken anew meanwhile is tried again
            tried = update(InwardEvent).where(of_subject, InwardEvent.try_at == trial)
            db.execute(tried.values(try_at=None))
        return done > 0


def _unfit(error: Exception) -> Refusal:
    if isinstance(error, Missing):
        return Refusal("no_request")
    pointer = error.pointer if isinstance(error, BadMessage) else ""
    why = (("reason", reason_of(error)),)
    return Refusal("unfit", [Violation(pointer, N_("It cannot be applied: {reason}"), why)])


def find(db: Connection, center: str, event_id: str) -> Kept | None:
    """An event of ``center``, whatever became of it."""
    row = db.execute(
        select(
            InwardEvent.id,
            InwardEvent.type,
            InwardEvent.subject,
            InwardEvent.state,
            InwardEvent.reason,
            InwardEvent.received_at,
            InwardEvent.applied_at,
        ).where(
            InwardEvent.id == event_id,
            InwardEvent.center_code == center,
            InwardEvent.type != UNSIGNED,
        )
    ).one_or_none()
    return Kept(*row) if row is not None else None


def heard_at(db: Connection, center: str) -> datetime | None:
    """When the last event that ``center`` signed came."""
    return db.scalar(
        select(InwardEvent.received_at)
        .where(InwardEvent.center_code == center, InwardEvent.type != UNSIGNED)
        .order_by(InwardEvent.received_at.desc())
        .limit(1)
    )


def wake(db: Connection, subject: str, at: datetime) -> None:
    """Have what waits about a request tried again: it has changed by something else than an event
    of its center, such as a payment."""
    db.execute(
        update(InwardEvent)
        .where(InwardEvent.subject == subject, InwardEvent.state == "waiting")
        .values(try_at=at)
    )


def waits(db: Connection, subject: str) -> bool:
    """Whether an event about a request has come that does not fit yet."""
    waiting = select(InwardEvent.id).where(
        InwardEvent.subject == subject, InwardEvent.state == "waiting"
    )
    return db.scalar(waiting.limit(1)) is not None


def shut_out(db: Connection) -> tuple[int, int]:
    """How many events wait and how many are parked."""
    rows = db.execute(
        select(InwardEvent.state, func.count()).where(_STUCK).group_by(InwardEvent.state)
    )
    counts = {row[0]: row[1] for row in rows}
    return counts.get("waiting", 0), counts.get("parked", 0)


def stuck(
    db: Connection, centers: Sequence[str] | None = None, most: int | None = None
) -> list[SetAside]:
    """Events that are not applied, of these centers or of all, the oldest first."""
    rows = db.execute(
        select(
            InwardEvent.id,
            InwardEvent.type,
            InwardEvent.subject,
            InwardEvent.center_code,
            InwardEvent.state,
            InwardEvent.reason,
        )
        .where(_STUCK, *of_centers(InwardEvent.center_code, centers))
        .order_by(InwardEvent.received_at)
        .limit(most)
    )
    return [SetAside(*row) for row in rows]
