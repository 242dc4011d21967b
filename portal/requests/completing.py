"""The citizen completes what the center asked for; what is not completed in time is shelved."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from portal import notes
from portal.clock import Clock, public_id
from portal.db import Database
from portal.holidays.register import calendar as holiday_calendar
from portal.loops import one_by_one
from portal.notifications import compose
from portal.notifications import queue as notifications
from portal.notifications.queue import Recipient
from portal.outages import register
from portal.places.model import Places
from portal.problems import N_, Problem
from portal.requests import lifecycle, reading, uploads
from portal.requests.handing_off import HandOff
from portal.requests.lifecycle import Act, Actor, Event, State, WrongState
from portal.requests.model import Attachment, ServiceRequest
from portal.requests.reading import FiledRequest, PastAct
from portal.requests.uploads import Attached
from portal.vault import Vault

LONGEST_NOTE = 2000
WRITING, SENT = "completion", "completed"
"""The purpose of its files before it is sent, and after."""


def asked(history: Sequence[PastAct]) -> PastAct | None:
    """The last request for completion: its items are document codes in ``data``."""
    wanted = [act for act in history if act.event == Event.REQUEST_COMPLETION]
    return wanted[-1] if wanted else None


def problems_of(
    request: FiledRequest, ask: PastAct, files: Sequence[Attached], note: str
) -> list[Problem]:
    """What is still missing of the list, all at once."""
    have = {file.document_code for file in files}
    found = [
        Problem(f"document-{code}", N_("Upload what the center asked for"))
        for code in ask.data.get("items", ())
        if code not in have
    ]
    if not ask.data.get("items") and not note.strip() and not files:
        found.append(Problem("note", N_("Write your answer to the center, or attach a document")))
    found += notes.problems_of("note", note, LONGEST_NOTE, N_("The answer is too long; shorten it"))
    return found


def hold(db: Connection, request: FiledRequest) -> None:
    """Take the request's row for this transaction: files come, go and are sent one by one."""
    db.execute(select(ServiceRequest.id).where(ServiceRequest.id == request.id).with_for_update())


def complete(
    db: Connection,
    vault: Vault,
    hand_off: HandOff,
    places: Places,
    request: FiledRequest,
    note: str,
    at: datetime,
) -> None:
    """Send the completion: the clock goes on, the center gets files and note.

    Raises :class:`~portal.requests.lifecycle.WrongState` when nothing is asked (any more).
    """
    calendar = holiday_calendar(db, places.centers[request.center_code].governorate)
    act = Act(Event.COMPLETE, Actor.CITIZEN, at, note=note, values={"waits_until": None})
    lifecycle.advance(db, vault, request.id, act, calendar)
    files = uploads.of_request(db, vault, request.id, WRITING)
    db.execute(
        update(Attachment)
        .where(Attachment.request_id == request.id, Attachment.purpose == WRITING)
        .values(purpose=SENT)
    )
    resumed = reading.by_id(db, request.id)
    hand_off.completed(db, resumed, public_id(), note, files, at)
    to = Recipient(reading.mobile(db, vault, request.id), request.locale)
    params = {"number": request.number}
    notifications.put(db, vault, to, compose.REQUEST_COMPLETED, params, at)


class Shelver:
    """Shelves requests whose time for completion is over; the center is told."""

    def __init__(
        self, database: Database, vault: Vault, hand_off: HandOff, places: Places, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._hand_off = hand_off
        self._places = places
        self._clock = clock

    def run_once(self) -> int:
        """Shelve what is due; how many."""
        now = self._clock.now()
        over = reading.waited_too_long(self._database, State.NEEDS_COMPLETION, now)
        # a wrong state: the citizen completed it in this very moment
        return one_by_one("shelve", over, lambda each: self._shelve(each, now), (WrongState,))

    def _shelve(self, request_id: int, now: datetime) -> bool:
        with self._database.begin() as db:
            request = reading.by_id(db, request_id)
            if request.state is not State.NEEDS_COMPLETION or self._is_held_up(db, request):
                return False
            calendar = holiday_calendar(db, self._places.centers[request.center_code].governorate)
            act = Act(
                Event.SHELVE,
                Actor.SYSTEM,
                now,
                data={"reasons": ["incomplete"]},
                values={"waits_until": None},
            )
            lifecycle.advance(db, self._vault, request_id, act, calendar)
            self._hand_off.shelved(db, request, public_id(), "incomplete", now)
            to = Recipient(reading.mobile(db, self._vault, request_id), request.locale)
            params = {"number": request.number}
            notifications.put(db, self._vault, to, compose.REQUEST_SHELVED, params, now)
        return True

    def _is_held_up(self, db: Connection, request: FiledRequest) -> bool:
        """Whether an outage is to make the time longer: the center is out, or was."""
        center = self._places.centers[request.center_code]
        at = (center.code, center.governorate)
        return register.holds_up_at(db, at) or register.left_behind(db, request.number)
