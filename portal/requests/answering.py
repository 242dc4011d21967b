"""What centers answer, worked into requests: each event type to one step of the life cycle."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, BinaryIO

from sqlalchemy import Connection, select

from payments import obligations
from portal.catalogue.deadlines import Calendar, due_on
from portal.catalogue.model import Catalogue, Stage
from portal.clock import Clock, cairo_day, cairo_time, public_id
from portal.files import FileStore
from portal.handoff import messages
from portal.handoff.inward import Apply
from portal.handoff.messages import BadMessage, Message
from portal.holidays.register import calendar as holiday_calendar
from portal.notifications import compose
from portal.notifications import queue as notifications
from portal.notifications.queue import Recipient
from portal.places.model import Places
from portal.problems import Conflict, Missing
from portal.requests import assessing, deposits, lifecycle, reading, uploads
from portal.requests.inspection import EXTENSIONS
from portal.requests.lifecycle import Act, Actor, Event, State
from portal.requests.model import Attachment
from portal.requests.reading import FiledRequest
from portal.requests.uploads import NewFile
from portal.vault import Vault

COMPLETION_DAYS = 30  # [G] facts §3.2
_SHORTEST_COMPLETION, _LONGEST_COMPLETION = 3, 90
_MOST_ITEMS = 20


Step = Callable[[Connection, FiledRequest, Message], None]


@dataclass(frozen=True)
class Answers:
    """Applies the events of centers. ``fetch`` opens a document that an event links to."""

    vault: Vault
    catalogue: Catalogue
    places: Places
    files: FileStore
    fetch: Callable[[str], BinaryIO]
    clock: Clock

    def handlers(self) -> Mapping[str, Apply]:
        """The function for each type of event."""
        steps = {
            messages.REQUEST_REGISTERED: self.registered,
            messages.NOTICE_REGISTERED: self.notice_registered,
            messages.DOCUMENTS_ACCEPTED: self.documents_accepted,
            messages.COMPLETION_REQUESTED: self.completion_requested,
            messages.ACCEPTED_IN_PRINCIPLE: self.accepted_in_principle,
            messages.FEES_ASSESSED: self.fees_assessed,
            messages.REQUEST_APPROVED: self.approved,
            messages.REQUEST_REFUSED: self.refused,
            messages.OUTPUT_ISSUED: self.output_issued,
        }
        return {kind: partial(self._apply, step) for kind, step in steps.items()}

    def _apply(self, step: Step, db: Connection, message: Message) -> None:
        """A center's clock moves no deadline: what it says happened neither before the request's
        last act nor after now."""
        request = self._request(db, message)
        at = min(max(message.at, reading.last_act_at(db, request.id)), self.clock.now())
        step(db, request, replace(message, at=at))

    def _request(self, db: Connection, message: Message) -> FiledRequest:
        """The request, which must be one of the center that speaks."""
        request = reading.by_number(db, message.subject)
        if request.center_code != message.center:
            raise Missing(f"{message.center} has no request {message.subject}")
        return request

    def _calendar(self, db: Connection, request: FiledRequest) -> Calendar:
        center = self.places.centers[request.center_code]
        return holiday_calendar(db, center.governorate)

    def _tell(
        self, db: Connection, request: FiledRequest, kind: str, at: datetime, **params: Any
    ) -> None:
        to = Recipient(reading.mobile(db, self.vault, request.id), request.locale)
        values = {"number": request.number, **params}
        notifications.put(db, self.vault, to, kind, values, at)

    def _advance(self, db: Connection, request: FiledRequest, message: Message, act: Act) -> State:
        named = str(message.data.get("actor", ""))[:120]
        full = Act(act.event, act.actor, act.at, act.target, named, act.note, act.data, act.values)
        calendar = self._calendar(db, request)
        return lifecycle.advance(db, self.vault, request.id, full, calendar)

    def registered(self, db: Connection, request: FiledRequest, message: Message) -> None:
        """The center took the request and gave it its own incoming number."""
        self._register(db, request, message, Event.REGISTER_INCOMING, {})

    def _register(
        self,
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
        act = Act(event, Actor.CENTER, message.at, data=data, values=values)
        self._advance(db, request, message, act)
        self._tell(db, request, compose.REQUEST_REGISTERED, message.at, **data)

    def notice_registered(self, db: Connection, request: FiledRequest, message: Message) -> None:
        """A notice needs no decision: it is registered under a number, and that is its outcome."""
        self._keep_output(db, request, message)
        self._register(db, request, message, Event.REGISTER_NOTICE, {"decided_at": message.at})

    def documents_accepted(self, db: Connection, request: FiledRequest, message: Message) -> None:
        act = Act(Event.ACCEPT_DOCUMENTS, Actor.CENTER, message.at)
        self._advance(db, request, message, act)

    def completion_requested(self, db: Connection, request: FiledRequest, message: Message) -> None:
        """The center asks for an itemised list; the legal clock stands still meanwhile."""
        items = self._items(request, message.data["items"])
        note = str(message.data.get("note", ""))[:2000]
        if not items and not note:
            raise BadMessage("a completion without items and without a note")
        days = int(message.data.get("days", COMPLETION_DAYS))
        days = min(max(days, _SHORTEST_COMPLETION), _LONGEST_COMPLETION)
        last = self._calendar(db, request).next_working(cairo_day(message.at) + timedelta(days))
        until = _end_of(last)
        act = Act(
            Event.REQUEST_COMPLETION,
            Actor.CENTER,
            message.at,
            note=note,
            data={"items": items, "until": last.isoformat()},
            values={"waits_until": until},
        )
        self._advance(db, request, message, act)
        self._tell(db, request, compose.COMPLETION_REQUESTED, message.at, until=last)

    def _items(self, request: FiledRequest, asked: Any) -> list[str]:
        service = self.catalogue.services[request.service_code]
        codes = [str(code) for code in asked][:_MOST_ITEMS]
        for code in codes:
            if service.document(code) is None:
                raise BadMessage(f"a document that {service.code} does not have")
        return codes

    def accepted_in_principle(
        self, db: Connection, request: FiledRequest, message: Message
    ) -> None:
        """The conditions are told; no period runs until the citizen has met them."""
        note = str(message.data["note"])[:4000]
        if not note.strip():
            raise BadMessage("an acceptance in principle tells the conditions")
        if Stage.AFTER_PRELIM not in assessing.later_stages(request):
            raise BadMessage("this service knows no acceptance in principle")
        act = Act(Event.ACCEPT_PRELIM, Actor.CENTER, message.at, note=note)
        self._advance(db, request, message, act)
        self._tell(db, request, compose.ACCEPTED_IN_PRINCIPLE, message.at)

    def fees_assessed(self, db: Connection, request: FiledRequest, message: Message) -> None:
        """The fees of a later stage, which two employees of the center agree on, are owed now.

        Where they come to nothing the request goes on at once.
        """
        assessed = assessing.read(self.catalogue, request, message.data)
        assessing.must_fit(db, request, assessed.stage)
        data: dict[str, Any] = {
            "stage": str(assessed.stage),
            "amount": assessed.total.minor,
            "answers": dict(assessed.answers),
        }
        values: dict[str, Any] = {}
        last = self._last_day_to_pay(db, request, assessed)
        if assessed.lines:
            data["until"] = last.isoformat()
            values["waits_until"] = _end_of(last)
        act = Act(
            Event.ASSESS_FEES,
            Actor.CENTER,
            message.at,
            note=assessed.reasons,
            data=data,
            values=values,
        )
        self._advance(db, request, message, act)
        if not assessed.lines:
            nothing = {"stage": str(assessed.stage), "amount": 0}
            free = Act(Event.PAY_ASSESSED, Actor.SYSTEM, message.at, data=nothing)
            lifecycle.advance(db, self.vault, request.id, free, self._calendar(db, request))
            return
        lines = list(assessed.lines)
        obligations.create(db, public_id(), request.number, assessed.stage, lines, message.at)
        due = {"sum": assessed.total.minor, "until": last}
        self._tell(db, request, compose.FEES_ASSESSED, message.at, **due)

    def _last_day_to_pay(
        self, db: Connection, request: FiledRequest, assessed: assessing.Assessed
    ) -> date:
        """It counts from the notification, that is now."""
        notified = cairo_day(self.clock.now())
        return due_on(notified, assessed.time_to_pay, self._calendar(db, request))

    def approved(self, db: Connection, request: FiledRequest, message: Message) -> None:
        """The decision: yes. It waits for the fees that stand before it."""
        if assessing.unsettled(db, request):
            raise Conflict("fees are not assessed or not paid yet")
        note = str(message.data.get("note", ""))[:2000]
        values = {"decided_at": message.at, "waits_until": None}
        act = Act(Event.APPROVE, Actor.CENTER, message.at, note=note, values=values)
        self._advance(db, request, message, act)
        self._tell(db, request, compose.REQUEST_APPROVED, message.at)
        deposits.approved(db, self.vault, self.catalogue, request, message.at)

    def output_issued(self, db: Connection, request: FiledRequest, message: Message) -> None:
        """The issued document, fetched and checked before the state says that it is there."""
        self._keep_output(db, request, message)
        data = {"output_number": str(message.data.get("output_number", ""))[:60]}
        act = Act(Event.ISSUE, Actor.CENTER, message.at, data=data)
        self._advance(db, request, message, act)
        self._tell(db, request, compose.OUTPUT_ISSUED, message.at)

    def refused(self, db: Connection, request: FiledRequest, message: Message) -> None:
        """A refusal has reason codes, an explanation, and a period of grievance."""
        reasons = [str(code) for code in message.data["reasons"]]
        note = str(message.data["note"])[:4000]
        unknown = set(reasons) - self.catalogue.refusal_reasons.keys()
        if not reasons or unknown or not note.strip():
            raise BadMessage("a refusal needs known reasons and an explanation")
        until = self.grievance_until(db, request)
        act = Act(
            Event.REFUSE,
            Actor.CENTER,
            message.at,
            note=note,
            data={"reasons": reasons},
            values={
                "decided_at": message.at,
                "grievance_until": until,
                "waits_until": None,
            },
        )
        self._advance(db, request, message, act)
        self._tell(db, request, compose.REQUEST_REFUSED, message.at, until=until or "")

    def grievance_until(self, db: Connection, request: FiledRequest) -> date | None:
        """The last day of the period of grievance: it counts from the notification, that is now."""
        grievance = self.catalogue.services[request.service_code].grievance
        if grievance is None:
            return None
        notified = cairo_day(self.clock.now())
        return due_on(notified, grievance.period, self._calendar(db, request))

    def _keep_output(self, db: Connection, request: FiledRequest, message: Message) -> None:
        for document in _documents(message.data.get("documents", [])):
            known = select(Attachment.id).where(
                Attachment.request_id == request.id,
                Attachment.purpose == "output",
                Attachment.sha256 == document["sha256"],
            )
            if db.scalar(known):
                continue
            if document["media_type"] not in EXTENSIONS:  # it would stand in a header
                raise BadMessage("a document of a kind that browsers do not just show")
            with self.fetch(str(document["href"])) as source:
                stored = self.files.put(source)
            if stored.sha256 != document["sha256"]:
                self.files.drop(stored.key)
                raise BadMessage("the document is not the one that the event tells of")
            file = NewFile(
                public_id(),
                "output",
                uploads.clean_file_name(str(document["name"])),
                str(document["media_type"]),
                int(document.get("pages", 1)),
                stored,
            )
            uploads.attach(
                db, self.vault, file, message.at, purpose="output", request_id=request.id
            )


def _documents(listed: Any) -> Sequence[Mapping[str, Any]]:
    if not isinstance(listed, list) or len(listed) > _MOST_ITEMS:
        raise BadMessage("documents must be a short list")
    return listed


def _end_of(day: date) -> datetime:
    """The last instant of a Cairo day, in UTC: the first of the next one."""
    start = cairo_time(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
    midnight = start.replace(hour=0, minute=0) + timedelta(days=1)
    return midnight.astimezone(UTC)
