"""Centers decide: in principle, on fees, yes or no, on a grievance; they shelve and reopen."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, select

from payments import obligations
from portal.catalogue.deadlines import due_on
from portal.catalogue.model import Stage
from portal.clock import cairo_day, end_of_day, public_id
from portal.handoff import messages
from portal.handoff.messages import BadMessage, Message
from portal.notifications import compose
from portal.problems import Conflict
from portal.requests import assessing, deposits, lifecycle, reading
from portal.requests.center_acts import (
    CenterActs,
    Step,
    known_reasons,
    needed_note,
)
from portal.requests.lifecycle import Act, Actor, Event, State, WrongState
from portal.requests.model import HistoryEntry
from portal.requests.reading import FiledRequest

REOPENED_WITHIN = timedelta(days=90)  # [G] facts §3.2


def accepted_in_principle(
    acts: CenterActs, db: Connection, request: FiledRequest, message: Message
) -> None:
    """The conditions are told; no period runs until the citizen has met them."""
    note = needed_note(message, "an acceptance in principle tells the conditions")
    if Stage.AFTER_PRELIM not in assessing.later_stages(request):
        raise BadMessage("this service knows no acceptance in principle", "/type")
    acts.step(db, request, message, Event.ACCEPT_PRELIM, note=note)
    acts.tell(db, request, compose.ACCEPTED_IN_PRINCIPLE, message.at)


def fees_assessed(
    acts: CenterActs, db: Connection, request: FiledRequest, message: Message
) -> None:
    """The fees of a later stage, which two employees of the center agree on, are owed now.

    Where they come to nothing the request goes on at once.
    """
    assessed = assessing.read(acts.catalogue, request, message.data)
    assessing.must_fit(db, request, assessed.stage)
    data: dict[str, Any] = {
        "stage": str(assessed.stage),
        "amount": assessed.total.minor,
        "answers": dict(assessed.answers),
    }
    values: dict[str, Any] = {}
    # it counts from the notification, that is now
    notified = cairo_day(acts.clock.now())
    last = due_on(notified, assessed.time_to_pay, acts.calendar(db, request))
    if assessed.lines:
        data["until"] = last.isoformat()
        values["waits_until"] = end_of_day(last)
    reasons = assessed.reasons
    acts.step(db, request, message, Event.ASSESS_FEES, note=reasons, data=data, values=values)
    if not assessed.lines:
        nothing = {"stage": str(assessed.stage), "amount": 0}
        free = Act(Event.PAY_ASSESSED, Actor.SYSTEM, message.at, data=nothing)
        lifecycle.advance(db, acts.vault, request.id, free, acts.calendar(db, request))
        return
    lines = list(assessed.lines)
    obligations.create(db, public_id(), request.number, assessed.stage, lines, message.at)
    due = {"sum": assessed.total.minor, "until": last}
    acts.tell(db, request, compose.FEES_ASSESSED, message.at, **due)


def approved(acts: CenterActs, db: Connection, request: FiledRequest, message: Message) -> None:
    """The decision: yes. It waits for the fees that stand before it."""
    if assessing.unsettled(db, request):
        raise Conflict("fees are not assessed or not paid yet")
    values = {"decided_at": message.at, "waits_until": None}
    acts.step(db, request, message, Event.APPROVE, values=values)
    acts.tell(db, request, compose.REQUEST_APPROVED, message.at)
    told = message.data.get("deposit")
    sale_only = acts.sale_only
    deposits.approved(db, acts.vault, acts.catalogue, request, message.at, told, sale_only)


def refused(acts: CenterActs, db: Connection, request: FiledRequest, message: Message) -> None:
    """A refusal has reason codes, an explanation, and a period of grievance."""
    reasons = known_reasons(acts, message.data["reasons"], "/data/reasons")
    note = needed_note(message, "a refusal needs an explanation")
    until = _grievance_until(acts, db, request)
    values = {"decided_at": message.at, "grievance_until": until, "waits_until": None}
    data = {"reasons": reasons}
    acts.step(db, request, message, Event.REFUSE, note=note, data=data, values=values)
    acts.tell(db, request, compose.REQUEST_REFUSED, message.at, until=until or "")


def _grievance_until(acts: CenterActs, db: Connection, request: FiledRequest) -> date | None:
    """The last day of the period of grievance: it counts from the notification, that is now."""
    grievance = acts.catalogue.services[request.service_code].grievance
    if grievance is None:
        return None
    return due_on(cairo_day(acts.clock.now()), grievance.period, acts.calendar(db, request))


def grievance_decided(
    acts: CenterActs, db: Connection, request: FiledRequest, message: Message
) -> None:
    """The body that hears grievances has decided; upheld, the request can go on."""
    note = needed_note(message, "a decision on a grievance has its grounds")
    upheld = message.data["outcome"] == "upheld"
    target = State.GRIEVANCE_UPHELD if upheld else State.GRIEVANCE_REJECTED
    data = {"outcome": "upheld" if upheld else "rejected"}
    acts.step(db, request, message, Event.DECIDE_GRIEVANCE, target=target, note=note, data=data)
    kind = compose.GRIEVANCE_UPHELD if upheld else compose.GRIEVANCE_REJECTED
    acts.tell(db, request, kind, message.at)


def shelved(acts: CenterActs, db: Connection, request: FiledRequest, message: Message) -> None:
    """Put away without a refusal. Fees that the citizen may pay any moment are waited for."""
    reasons = known_reasons(acts, [message.data["reason"]], "/data/reason")
    if request.state is State.FEES_ASSESSED:
        raise BadMessage("its fees are the citizen's to pay; unpaid it is shelved by itself")
    data, values = {"reasons": reasons}, {"waits_until": None}
    acts.step(db, request, message, Event.SHELVE, data=data, values=values)
    acts.tell(db, request, compose.REQUEST_SHELVED_BY_CENTER, message.at)


def reopened(acts: CenterActs, db: Connection, request: FiledRequest, message: Message) -> None:
    """A request goes on after it was shelved, or after its refusal was overturned."""
    note = needed_note(message, "a reopening has a reason")
    if request.state is State.SHELVED:
        _must_be_reopenable(db, request, message)
    values = {"decided_at": None, "grievance_until": None, "waits_until": None}
    target = State(message.data["to"])
    acts.step(db, request, message, Event.REOPEN, target=target, note=note, values=values)
    acts.hand_off.rescheduled(db, reading.by_id(db, request.id), public_id(), acts.clock.now())
    acts.tell(db, request, compose.REQUEST_REOPENED, message.at)


def _must_be_reopenable(db: Connection, request: FiledRequest, message: Message) -> None:
    """Once, and not for ever (facts §3.2)."""
    past = db.execute(
        select(HistoryEntry.event, HistoryEntry.from_state, HistoryEntry.to_state, HistoryEntry.at)
        .where(HistoryEntry.request_id == request.id)
        .order_by(HistoryEntry.position)
    ).all()
    if any(act.event == Event.REOPEN and act.from_state == State.SHELVED for act in past):
        raise BadMessage("a shelved request is reopened once")
    shelved_at = max((act.at for act in past if act.to_state == State.SHELVED), default=None)
    if shelved_at is None:
        raise WrongState("it was not shelved")
    if message.at > shelved_at + REOPENED_WITHIN:
        raise BadMessage("a shelved request is reopened within 90 days")
    if assessing.assessed_stages(db, request.id) & set(assessing.unsettled(db, request)):
        raise BadMessage("its fees were not paid in time: it has to be filed anew")


STEPS: Mapping[str, Step] = {
    messages.ACCEPTED_IN_PRINCIPLE: accepted_in_principle,
    messages.FEES_ASSESSED: fees_assessed,
    messages.REQUEST_APPROVED: approved,
    messages.REQUEST_REFUSED: refused,
    messages.GRIEVANCE_DECIDED: grievance_decided,
    messages.REQUEST_SHELVED: shelved,
    messages.REQUEST_REOPENED: reopened,
}
