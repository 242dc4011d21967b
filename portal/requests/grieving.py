"""The citizen challenges a refusal within the period of the service (facts §3.4)."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection, update

from portal import notes
from portal.catalogue.model import Document, Text
from portal.clock import public_id
from portal.holidays.register import calendar as holiday_calendar
from portal.notifications import compose
from portal.notifications import queue as notifications
from portal.notifications.queue import Recipient
from portal.places.model import Places
from portal.problems import N_, Problem
from portal.requests import lifecycle, reading, uploads
from portal.requests.handing_off import HandOff
from portal.requests.lifecycle import TABLE, Act, Actor, Event
from portal.requests.model import Attachment
from portal.requests.reading import FiledRequest
from portal.vault import Vault

SHORTEST_NOTE = 10
LONGEST_NOTE = 2000
WRITING, FILED = "grievance", "grieved"
"""The purpose of its files before it is filed, and after."""


def document() -> Document:
    """What the citizen adds as proof, if anything."""
    return Document("grievance", Text("", ""), required=False, minimum=0, maximum=5)


def is_possible(request: FiledRequest, today: date) -> bool:
    """Whether the refusal can be challenged: to the end of the last day in Cairo."""
    refused = request.state in TABLE[Event.FILE_GRIEVANCE].sources
    return refused and request.grievance_until is not None and today <= request.grievance_until


def problems_of(note: str) -> Sequence[Problem]:
    found = []
    if len(note.strip()) < SHORTEST_NOTE:
        found.append(Problem("note", N_("Write what you object to in the refusal")))
    found += notes.problems_of("note", note, LONGEST_NOTE, N_("The text is too long; shorten it"))
    return found


def file_grievance(
    db: Connection,
    vault: Vault,
    hand_off: HandOff,
    places: Places,
    request: FiledRequest,
    note: str,
    at: datetime,
) -> None:
    """File it: the center gets it with its files, for the body that decides.

    The caller holds the request's row and has looked whether it is possible. Raises
    :class:`~portal.requests.lifecycle.WrongState` when the request is not refused.
    """
    calendar = holiday_calendar(db, places.centers[request.center_code].governorate)
    act = Act(Event.FILE_GRIEVANCE, Actor.CITIZEN, at, note=note)
    lifecycle.advance(db, vault, request.id, act, calendar)
    files = uploads.of_request(db, vault, request.id, WRITING)
    db.execute(
        update(Attachment)
        .where(Attachment.request_id == request.id, Attachment.purpose == WRITING)
        .values(purpose=FILED)
    )
    hand_off.grievance_filed(db, request, public_id(), note, files, at)
    to = Recipient(reading.mobile(db, vault, request.id), request.locale)
    notifications.put(db, vault, to, compose.GRIEVANCE_FILED, {"number": request.number}, at)
