"""Centers take a request: registered, complete or not, handed to who studies it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from portal.clock import cairo_day, end_of_day
from portal.handoff import messages
from portal.handoff.messages import BadMessage, Message
from portal.notifications import compose
from portal.requests import issuing
from portal.requests.center_acts import CenterActs, Outcome, Step, note_of
from portal.requests.lifecycle import Event
from portal.requests.reading import FiledRequest

COMPLETION_DAYS = 30  # [G] facts §3.2
_SHORTEST_COMPLETION, _LONGEST_COMPLETION = 3, 90
_MOST_ITEMS = 20


def registered(acts: CenterActs, db: Connection, request: FiledRequest, message: Message) -> None:
    """The center took the request and gave it its own incoming number."""
    _register(acts, db, request, message, Event.REGISTER_INCOMING, {})


def notice_registered(
    acts: CenterActs, db: Connection, request: FiledRequest, message: Message
) -> None:
    """A notice needs no decision: it is registered under a number, and that is its outcome."""
    documents = issuing.brought(message)
    _register(acts, db, request, message, Event.REGISTER_NOTICE, {"decided_at": message.at})
    issuing.keep_documents(acts, db, request, message, documents)
    acts.registered(db, request, message, Outcome.ISSUED)


def _register(
    acts: CenterActs,
    db: Connection,
    request: FiledRequest,
    message: Message,
    event: Event,
    more: Mapping[str, Any],
) -> None:
    data = {
        "center_number": int(message.data["number"]),
        "center_year": int(message.data["year"]),
    }
    values = {**data, "handed_off_at": message.at, **more}
    acts.step(db, request, message, event, data=data, values=values)
    acts.tell(db, request, compose.REQUEST_REGISTERED, message.at, **data)


def documents_accepted(
    acts: CenterActs, db: Connection, request: FiledRequest, message: Message
) -> None:
    acts.step(db, request, message, Event.ACCEPT_DOCUMENTS)


def completion_requested(
    acts: CenterActs, db: Connection, request: FiledRequest, message: Message
) -> None:
    """The center asks for an itemised list; the legal clock stands still meanwhile.

    The citizen's time counts from now, when he is told, however long the event was on its way.
    """
    items = _items(acts, request, message.data["items"])
    note = note_of(message)
    if not items and not note.strip():
        raise BadMessage("a completion without items and without a note", "/data/items")
    days = int(message.data.get("days", COMPLETION_DAYS))
    days = min(max(days, _SHORTEST_COMPLETION), _LONGEST_COMPLETION)
    last = acts.calendar(db, request).next_working(cairo_day(acts.clock.now()) + timedelta(days))
    data = {"items": items, "until": last.isoformat()}
    values = {"waits_until": end_of_day(last)}
    acts.step(db, request, message, Event.REQUEST_COMPLETION, data=data, values=values)
    acts.tell(db, request, compose.COMPLETION_REQUESTED, message.at, until=last)


def _items(acts: CenterActs, request: FiledRequest, asked: Any) -> list[str]:
    service = acts.catalogue.services[request.service_code]
    codes = [str(code) for code in asked][:_MOST_ITEMS]
    for index, code in enumerate(codes):
        if service.document(code) is None:
            raise BadMessage(
                f"a document that {service.code} does not have", f"/data/items/{index}"
            )
    return codes


def referred(acts: CenterActs, db: Connection, request: FiledRequest, message: Message) -> None:
    """The request goes to a department, or from one to another."""
    department = str(message.data["department"])
    if department not in acts.catalogue.departments:
        raise BadMessage("a department that the catalogue does not have", "/data/department")
    acts.step(db, request, message, Event.REFER, data={"department": department})


def assigned(acts: CenterActs, db: Connection, request: FiledRequest, message: Message) -> None:
    """An officer studies it; who that is stays inside."""
    officer = str(message.data["officer"])[:120]
    acts.step(db, request, message, Event.ASSIGN, note=officer)


STEPS: Mapping[str, Step] = {
    messages.REQUEST_REGISTERED: registered,
    messages.NOTICE_REGISTERED: notice_registered,
    messages.DOCUMENTS_ACCEPTED: documents_accepted,
    messages.COMPLETION_REQUESTED: completion_requested,
    messages.REQUEST_REFERRED: referred,
    messages.OFFICER_ASSIGNED: assigned,
}
