"""Centers study a request: inspections, opinions of others, waiting."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from portal.clock import cairo_day, public_id
from portal.handoff import messages
from portal.handoff.messages import BadMessage, Message
from portal.notifications import compose
from portal.requests.center_acts import CenterActs, Step, needed_note
from portal.requests.lifecycle import Event, State
from portal.requests.model import HistoryEntry
from portal.requests.reading import FiledRequest

MISSES = 2  # [G] facts §3.3: so many visits that the applicant misses shelve the request
_NO_SHOW = "no_show"
_INSPECTED = ("result", "recommendation", "applicant_present", "violation_report")


def inspection_scheduled(
    acts: CenterActs, db: Connection, request: FiledRequest, message: Message
) -> None:
    """A day, or another one; the citizen has to be there, or somebody for him."""
    window = _window(message.data, message, "/data")
    acts.step(db, request, message, Event.SCHEDULE_INSPECTION, data=window)
    acts.tell(db, request, compose.INSPECTION_SCHEDULED, message.at, **window)


def inspection_done(
    acts: CenterActs, db: Connection, request: FiledRequest, message: Message
) -> None:
    """What was found is the center's; the citizen sees that it was made."""
    data = {name: message.data[name] for name in _INSPECTED if name in message.data}
    acts.step(db, request, message, Event.INSPECT, data=data)


def inspection_missed(
    acts: CenterActs, db: Connection, request: FiledRequest, message: Message
) -> None:
    """A visit that came to nothing. The second that the applicant misses shelves the request."""
    by_applicant = message.data["missed_by"] == "applicant"
    data: dict[str, Any] = {"missed_by": str(message.data["missed_by"])}
    if by_applicant and _missed(db, request.id) + 1 >= MISSES:
        data["reasons"] = [_NO_SHOW]
        values = {"waits_until": None}
        shelved = State.SHELVED
        acts.step(
            db, request, message, Event.INSPECTION_MISSED, target=shelved, data=data, values=values
        )
        acts.hand_off.shelved(db, request, public_id(), _NO_SHOW, message.at)
        acts.tell(db, request, compose.REQUEST_SHELVED_BY_CENTER, message.at)
        return
    again = message.data.get("again")
    if again is not None:
        data.update(_window(again, message, "/data/again"))
    same = State.INSPECTION_SCHEDULED
    acts.step(db, request, message, Event.INSPECTION_MISSED, target=same, data=data)
    if again is None:
        acts.tell(db, request, compose.INSPECTION_MISSED, message.at)
    else:
        window = {name: data[name] for name in ("day", "from", "to")}
        acts.tell(db, request, compose.INSPECTION_MOVED, message.at, **window)


def _window(given: Mapping[str, Any], message: Message, pointer: str) -> dict[str, str]:
    """A day and its hours, neither in the past nor backwards."""
    day = date.fromisoformat(str(given["day"]))
    begins, ends = str(given["from"]), str(given["to"])
    if day < cairo_day(message.at):
        raise BadMessage("the day of the inspection is over", f"{pointer}/day")
    if ends <= begins:
        raise BadMessage("the hours end before they begin", f"{pointer}/to")
    return {"day": day.isoformat(), "from": begins, "to": ends}


def _missed(db: Connection, request_id: int) -> int:
    """Visits that the applicant has missed."""
    told = select(HistoryEntry.data).where(
        HistoryEntry.request_id == request_id, HistoryEntry.event == Event.INSPECTION_MISSED
    )
    return sum(data.get("missed_by") == "applicant" for data in db.scalars(told))


def opinion_asked(
    acts: CenterActs, db: Connection, request: FiledRequest, message: Message
) -> None:
    acts.step(db, request, message, Event.ASK_OPINION, data={"body": str(message.data["body"])})


def opinion_received(
    acts: CenterActs, db: Connection, request: FiledRequest, message: Message
) -> None:
    data = {"outcome": str(message.data["outcome"])}
    acts.step(db, request, message, Event.RECEIVE_OPINION, data=data)


def authority_notified(
    acts: CenterActs, db: Connection, request: FiledRequest, message: Message
) -> None:
    data = {"body": str(message.data["authority"])}
    acts.step(db, request, message, Event.NOTIFY_AUTHORITY, data=data)


def waiting_list_entered(
    acts: CenterActs, db: Connection, request: FiledRequest, message: Message
) -> None:
    place = message.data.get("position")
    data = {} if place is None else {"place": int(place)}
    acts.step(db, request, message, Event.PUT_ON_WAITING_LIST, data=data)
    acts.tell(db, request, compose.WAITING_LIST, message.at)


def period_extended(
    acts: CenterActs, db: Connection, request: FiledRequest, message: Message
) -> None:
    """The center's own target moves; the legal period does not (facts §3.3)."""
    note = needed_note(message, "more time needs a reason")
    data = {"days": int(message.data["days"])}
    acts.step(db, request, message, Event.EXTEND, note=note, data=data)


STEPS: Mapping[str, Step] = {
    messages.INSPECTION_SCHEDULED: inspection_scheduled,
    messages.INSPECTION_DONE: inspection_done,
    messages.INSPECTION_MISSED: inspection_missed,
    messages.OPINION_ASKED: opinion_asked,
    messages.OPINION_RECEIVED: opinion_received,
    messages.AUTHORITY_NOTIFIED: authority_notified,
    messages.WAITING_LIST_ENTERED: waiting_list_entered,
    messages.PERIOD_EXTENDED: period_extended,
}
