"""What every act of a center needs: the request's clock, the history, the citizen's telephone."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, BinaryIO

from sqlalchemy import Connection

from portal.catalogue.deadlines import Calendar
from portal.catalogue.model import Catalogue
from portal.clock import Clock
from portal.files import FileStore
from portal.handoff.messages import BadMessage, Message
from portal.holidays.register import calendar as holiday_calendar
from portal.notifications import queue as notifications
from portal.notifications.queue import Recipient
from portal.places.model import Places
from portal.requests import lifecycle, reading
from portal.requests.handing_off import HandOff
from portal.requests.lifecycle import Act, Actor, Event, State
from portal.requests.reading import FiledRequest
from portal.vault import Vault

LONGEST_NOTE = 4000


class Outcome(StrEnum):
    """What became of an issued document."""

    ISSUED = "issued"
    CORRECTED = "corrected"
    REVOKED = "revoked"
    SUSPENDED = "suspended"
    RENEWED = "renewed"


@dataclass(frozen=True)
class Issued:
    """What became of a document that a center issued: the number that it wrote, when it was first
    issued, and the answers that the request was filed with, as :mod:`portal.requests.snapshot`
    keeps them."""

    outcome: Outcome
    service_code: str
    center_code: str
    request_number: str
    output_number: str
    answers: Mapping[str, Any]
    note: str
    filed_at: datetime
    issued_at: datetime
    at: datetime
    citizen_id: int | None = None
    """The account that filed it."""


Keep = Callable[[Connection, Issued], None]
"""Takes what was issued into a register of the portal, in the same transaction."""


@dataclass(frozen=True)
class CenterActs:
    """The parts that acts work with.

    ``fetch`` opens a document that an event links to; ``sale_only`` are the means of payment that
    give nothing back; ``keep`` takes what was issued into the registers.
    """

    vault: Vault
    catalogue: Catalogue
    places: Places
    files: FileStore
    fetch: Callable[[str], BinaryIO]
    clock: Clock
    hand_off: HandOff
    sale_only: Collection[str]
    keep: Keep

    def calendar(self, db: Connection, request: FiledRequest) -> Calendar:
        center = self.places.centers[request.center_code]
        return holiday_calendar(db, center.governorate)

    def registered(
        self,
        db: Connection,
        request: FiledRequest,
        message: Message,
        outcome: Outcome,
        output_number: str = "",
    ) -> None:
        """Tell the registers what became of the issued document."""
        answers = reading.answers(db, self.vault, request.id)["values"]
        history = reading.history(db, self.vault, request.id)
        numbers = [act.data.get("output_number") for act in history]
        first = next((act.at for act in history if act.event == Event.ISSUE), message.at)
        issued = Issued(
            outcome,
            request.service_code,
            request.center_code,
            request.number,
            output_number or str(next((each for each in reversed(numbers) if each), "")),
            answers,
            note_of(message),
            request.received_at or message.at,
            first,
            message.at,
            request.citizen_id,
        )
        self.keep(db, issued)

    def tell(
        self, db: Connection, request: FiledRequest, kind: str, at: datetime, **params: Any
    ) -> None:
        to = Recipient(reading.mobile(db, self.vault, request.id), request.locale)
        values = {"number": request.number, **params}
        notifications.put(db, self.vault, to, kind, values, at)

    def advance(self, db: Connection, request: FiledRequest, message: Message, act: Act) -> State:
        """Move the request, in the name of the employee whom the message tells."""
        named = replace(act, actor_name=str(message.data.get("actor", ""))[:120])
        return lifecycle.advance(db, self.vault, request.id, named, self.calendar(db, request))

    def step(
        self,
        db: Connection,
        request: FiledRequest,
        message: Message,
        event: Event,
        *,
        target: State | None = None,
        note: str | None = None,
        data: Mapping[str, Any] | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> State:
        """An ordinary step of the center, with the note of the message unless another is given."""
        said = note_of(message) if note is None else note
        act = Act(event, Actor.CENTER, message.at, target, "", said, data, values)
        return self.advance(db, request, message, act)


Step = Callable[[CenterActs, Connection, FiledRequest, Message], None]


def note_of(message: Message) -> str:
    return str(message.data.get("note") or "")[:LONGEST_NOTE]


def needed_note(message: Message, reason: str) -> str:
    """The note of an act that is nothing without one."""
    note = note_of(message)
    if not note.strip():
        raise BadMessage(reason, "/data/note")
    return note


def known_reasons(acts: CenterActs, given: Any, pointer: str) -> list[str]:
    """Reason codes of the catalogue, at least one."""
    reasons = [str(code) for code in given]
    if not reasons or set(reasons) - acts.catalogue.refusal_reasons.keys():
        raise BadMessage("reasons are codes of the catalogue, at least one", pointer)
    return reasons
