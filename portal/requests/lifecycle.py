"""The life cycle of a request as one table (facts §3.2–3.3, rulings), and the one way through it.

The table is data: it decides, draws the buttons of staff and the documents of integrators.
:func:`advance` takes the request's row first, reads where it stands, and writes state, history and
legal clock together in the caller's transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update
from sqlalchemy.orm import aliased

from portal.catalogue.deadlines import Calendar, days_paused, due_on, first_day
from portal.catalogue.model import Mark, Period, Unit
from portal.clock import cairo_day
from portal.problems import Conflict, Missing
from portal.requests.model import HistoryEntry, ServiceRequest
from portal.vault import Vault


class State(StrEnum):
    """Where a request stands."""

    DRAFT = "draft"
    AWAITING_FILING_PAYMENT = "awaiting_filing_payment"
    EXPIRED_UNPAID = "expired_unpaid"
    RECEIVED = "received"
    DOCUMENT_CHECK = "document_check"
    NEEDS_COMPLETION = "needs_completion"
    REFERRED = "referred"
    UNDER_STUDY = "under_study"
    INSPECTION_SCHEDULED = "inspection_scheduled"
    INSPECTED = "inspected"
    AWAITING_EXTERNAL_OPINION = "awaiting_external_opinion"
    WAITING_LIST = "waiting_list"
    ACCEPTED_PRELIM = "accepted_prelim"
    FEES_ASSESSED = "fees_assessed"
    APPROVED = "approved"
    ISSUED = "issued"
    READY_FOR_DELIVERY = "ready_for_delivery"
    DELIVERED = "delivered"
    REFUSED = "refused"
    DEEMED_APPROVED = "deemed_approved"
    DEEMED_REFUSED = "deemed_refused"
    GRIEVANCE_FILED = "grievance_filed"
    GRIEVANCE_UPHELD = "grievance_upheld"
    GRIEVANCE_REJECTED = "grievance_rejected"
    WITHDRAWN = "withdrawn"
    SHELVED = "shelved"
    REVOKED = "revoked"
    EXPIRED = "expired"


class Event(StrEnum):
    """What happens to a request."""

    SUBMIT = "submit"
    PAY_FILING = "pay_filing"
    EXPIRE_UNPAID = "expire_unpaid"
    REGISTER_INCOMING = "register_incoming"
    REGISTER_NOTICE = "register_notice"
    ACCEPT_DOCUMENTS = "accept_documents"
    REQUEST_COMPLETION = "request_completion"
    COMPLETE = "complete"
    REFER = "refer"
    ASSIGN = "assign"
    SCHEDULE_INSPECTION = "schedule_inspection"
    INSPECT = "inspect"
    INSPECTION_MISSED = "inspection_missed"
    ASK_OPINION = "ask_opinion"
    RECEIVE_OPINION = "receive_opinion"
    NOTIFY_AUTHORITY = "notify_authority"
    PUT_ON_WAITING_LIST = "put_on_waiting_list"
    ACCEPT_PRELIM = "accept_prelim"
    READY_NOTICE = "ready_notice"
    ASSESS_FEES = "assess_fees"
    PAY_ASSESSED = "pay_assessed"
    APPROVE = "approve"
    REFUSE = "refuse"
    ISSUE = "issue"
    MAKE_READY = "make_ready"
    DELIVER = "deliver"
    LAPSE_SILENCE = "lapse_silence"
    FILE_GRIEVANCE = "file_grievance"
    DECIDE_GRIEVANCE = "decide_grievance"
    REOPEN = "reopen"
    WITHDRAW = "withdraw"
    SHELVE = "shelve"
    EXTEND = "extend"
    REVOKE = "revoke"
    SUSPEND = "suspend"
    RENEW = "renew"
    EXPIRE = "expire"
    CORRECT_OUTPUT = "correct_output"
    TOLL = "toll"
    """An outage took time from the citizen or from the center: it is given back."""


class Actor(StrEnum):
    """Who may cause an event: the citizen, the portal itself, or the center."""

    CITIZEN = "citizen"
    SYSTEM = "system"
    CENTER = "center"


class ClockEffect(StrEnum):
    """What an event does to the legal clock."""

    NONE = "none"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    """The period was met or lapsed; its last day stays on record."""
    OFF = "off"
    """No period runs: the next step is the citizen's."""
    RESTART = "restart"
    """A whole period begins anew: the request's own, or the one that the act brings."""


@dataclass(frozen=True)
class Transition:
    """From any of ``sources`` to one of ``targets``; no target means the state stays.

    Where ``back`` is set, the request returns to the state in which it was interrupted.
    """

    sources: frozenset[State]
    targets: frozenset[State]
    actors: frozenset[Actor]
    clock: ClockEffect = ClockEffect.NONE
    back: bool = False


_S, _A, _C = State, Actor, ClockEffect
_STUDY = {_S.UNDER_STUDY, _S.INSPECTED}
_IN_DEPARTMENT = {
    *_STUDY,
    _S.REFERRED,
    _S.INSPECTION_SCHEDULED,
    _S.AWAITING_EXTERNAL_OPINION,
    _S.WAITING_LIST,
}
_AT_CENTER = {_S.RECEIVED, _S.DOCUMENT_CHECK, *_IN_DEPARTMENT, _S.ACCEPTED_PRELIM}
_OPEN = {*_AT_CENTER, _S.NEEDS_COMPLETION, _S.FEES_ASSESSED}
_ISSUED = {_S.ISSUED, _S.READY_FOR_DELIVERY, _S.DELIVERED}


def _row(
    sources: set[State],
    targets: set[State] | State | None,
    actors: set[Actor] | Actor,
    clock: ClockEffect = ClockEffect.NONE,
    *,
    back: bool = False,
) -> Transition:
    many = targets if isinstance(targets, set) else {targets} if targets else set()
    who = actors if isinstance(actors, set) else {actors}
    return Transition(frozenset(sources), frozenset(many), frozenset(who), clock, back)


TABLE: Mapping[Event, Transition] = {
    Event.SUBMIT: _row(
        {_S.DRAFT}, {_S.AWAITING_FILING_PAYMENT, _S.RECEIVED}, {_A.CITIZEN, _A.CENTER}
    ),
    Event.PAY_FILING: _row(
        {_S.AWAITING_FILING_PAYMENT}, _S.RECEIVED, {_A.SYSTEM, _A.CENTER}, _C.START
    ),
    Event.EXPIRE_UNPAID: _row({_S.AWAITING_FILING_PAYMENT}, _S.EXPIRED_UNPAID, _A.SYSTEM),
    Event.REGISTER_INCOMING: _row({_S.RECEIVED}, _S.DOCUMENT_CHECK, _A.CENTER),
    Event.REGISTER_NOTICE: _row({_S.RECEIVED, _S.DOCUMENT_CHECK}, _S.ISSUED, _A.CENTER, _C.STOP),
    Event.ACCEPT_DOCUMENTS: _row({_S.DOCUMENT_CHECK}, _S.REFERRED, _A.CENTER),
    Event.REQUEST_COMPLETION: _row(
        _AT_CENTER - {_S.RECEIVED}, _S.NEEDS_COMPLETION, _A.CENTER, _C.PAUSE
    ),
    Event.COMPLETE: _row({_S.NEEDS_COMPLETION}, None, _A.CITIZEN, _C.RESUME, back=True),
    Event.REFER: _row({_S.REFERRED, *_STUDY}, _S.REFERRED, _A.CENTER),
    Event.ASSIGN: _row({_S.REFERRED}, _S.UNDER_STUDY, _A.CENTER),
    Event.SCHEDULE_INSPECTION: _row(
        {*_STUDY, _S.INSPECTION_SCHEDULED}, _S.INSPECTION_SCHEDULED, _A.CENTER
    ),
    Event.INSPECT: _row({_S.INSPECTION_SCHEDULED}, _S.INSPECTED, _A.CENTER),
    Event.INSPECTION_MISSED: _row(
        {_S.INSPECTION_SCHEDULED}, {_S.INSPECTION_SCHEDULED, _S.SHELVED}, _A.CENTER
    ),
    Event.ASK_OPINION: _row(_STUDY, _S.AWAITING_EXTERNAL_OPINION, _A.CENTER),
    Event.RECEIVE_OPINION: _row({_S.AWAITING_EXTERNAL_OPINION}, _S.UNDER_STUDY, _A.CENTER),
    Event.NOTIFY_AUTHORITY: _row(_IN_DEPARTMENT, None, _A.CENTER),
    Event.PUT_ON_WAITING_LIST: _row({_S.REFERRED, *_STUDY}, _S.WAITING_LIST, _A.CENTER),
    Event.ACCEPT_PRELIM: _row({_S.REFERRED, *_STUDY}, _S.ACCEPTED_PRELIM, _A.CENTER, _C.OFF),
    Event.READY_NOTICE: _row({_S.ACCEPTED_PRELIM}, None, _A.CITIZEN, _C.RESTART),
    Event.ASSESS_FEES: _row(
        {_S.REFERRED, *_STUDY, _S.ACCEPTED_PRELIM, _S.DEEMED_APPROVED},
        _S.FEES_ASSESSED,
        _A.CENTER,
        _C.PAUSE,
    ),
    Event.PAY_ASSESSED: _row({_S.FEES_ASSESSED}, None, _A.SYSTEM, _C.RESUME, back=True),
    Event.APPROVE: _row(
        {*_IN_DEPARTMENT, _S.ACCEPTED_PRELIM, _S.GRIEVANCE_UPHELD}, _S.APPROVED, _A.CENTER, _C.STOP
    ),
    Event.REFUSE: _row(
        {_S.DOCUMENT_CHECK, *_IN_DEPARTMENT, _S.ACCEPTED_PRELIM}, _S.REFUSED, _A.CENTER, _C.STOP
    ),
    Event.ISSUE: _row({_S.APPROVED, _S.DEEMED_APPROVED}, _S.ISSUED, _A.CENTER),
    Event.MAKE_READY: _row({_S.ISSUED}, _S.READY_FOR_DELIVERY, _A.CENTER),
    Event.DELIVER: _row({_S.ISSUED, _S.READY_FOR_DELIVERY}, _S.DELIVERED, _A.CENTER),
    Event.LAPSE_SILENCE: _row(
        _AT_CENTER,
        {_S.DEEMED_APPROVED, _S.DEEMED_REFUSED, _S.ACCEPTED_PRELIM},
        _A.SYSTEM,
        _C.STOP,
    ),
    Event.FILE_GRIEVANCE: _row({_S.REFUSED, _S.DEEMED_REFUSED}, _S.GRIEVANCE_FILED, _A.CITIZEN),
    Event.DECIDE_GRIEVANCE: _row(
        {_S.GRIEVANCE_FILED}, {_S.GRIEVANCE_UPHELD, _S.GRIEVANCE_REJECTED}, _A.CENTER
    ),
    Event.REOPEN: _row(
        {_S.GRIEVANCE_UPHELD, _S.SHELVED},
        {_S.UNDER_STUDY, _S.DOCUMENT_CHECK},
        _A.CENTER,
        _C.RESTART,
    ),
    Event.WITHDRAW: _row(_OPEN | {_S.AWAITING_FILING_PAYMENT}, _S.WITHDRAWN, _A.CITIZEN, _C.STOP),
    Event.SHELVE: _row(_OPEN, _S.SHELVED, {_A.CENTER, _A.SYSTEM}, _C.STOP),
    Event.EXTEND: _row(_AT_CENTER, None, _A.CENTER),
    Event.REVOKE: _row(_ISSUED, _S.REVOKED, _A.CENTER),
    # what was issued is suspended and renewed on its own record; the request stays issued
    Event.SUSPEND: _row(_ISSUED, None, {_A.CENTER, _A.SYSTEM}),
    Event.RENEW: _row(_ISSUED, None, {_A.CENTER, _A.SYSTEM}),
    Event.EXPIRE: _row(_ISSUED, _S.EXPIRED, {_A.CENTER, _A.SYSTEM}),
    Event.CORRECT_OUTPUT: _row(_ISSUED, None, _A.CENTER),
    Event.TOLL: _row(
        _OPEN | {_S.AWAITING_FILING_PAYMENT, _S.REFUSED, _S.DEEMED_REFUSED}, None, _A.SYSTEM
    ),
}

FINAL = frozenset(
    {
        _S.DELIVERED,
        _S.REFUSED,
        _S.GRIEVANCE_REJECTED,
        _S.WITHDRAWN,
        _S.SHELVED,
        _S.EXPIRED_UNPAID,
        _S.REVOKED,
        _S.EXPIRED,
        _S.ISSUED,
        _S.DEEMED_REFUSED,
    }
)


class WrongState(Conflict):
    """The request is in no state in which this event can happen."""


@dataclass(frozen=True)
class Act:
    """One event with what it brings along. ``note`` is sealed, ``data`` holds nothing personal."""

    event: Event
    actor: Actor
    at: datetime
    target: State | None = None
    actor_name: str = ""
    note: str = ""
    data: Mapping[str, Any] | None = None
    values: Mapping[str, Any] | None = None
    """More columns of the request to write in the same statement."""


@dataclass(frozen=True)
class Standing:
    """Where a request stands: the columns of its row from which a step begins."""

    id: int
    state: State
    resume_state: str | None
    submitted_at: datetime
    period: Mapping[str, Any]
    clock_from: date | None
    paused_on: date | None
    paused_days: int


# The strength of an UPDATE: whoever comes second sees what the first one did
_HELD = (
    select(*(getattr(ServiceRequest, each.name) for each in fields(Standing)))
    .where(ServiceRequest.id == bindparam("id"))
    .with_for_update(key_share=True)
)
_MOVED = (
    update(ServiceRequest)
    .where(ServiceRequest.id == bindparam("of"))
    .values(revision=ServiceRequest.revision + 1)
)
_PAST = aliased(HistoryEntry)
_NEXT_LINE = insert(HistoryEntry).values(
    position=select(func.coalesce(func.max(_PAST.position), 0) + 1)
    .where(_PAST.request_id == bindparam("of"))
    .scalar_subquery()
)


def advance(db: Connection, vault: Vault, request_id: int, act: Act, calendar: Calendar) -> State:
    """Move the request by ``act`` and write its history; the new state.

    Raises :class:`WrongState` when the table has no such step from where the request stands, and
    :class:`Missing` when there is no such request.
    """
    row = db.execute(_HELD, {"id": request_id}).one_or_none()
    if row is None:
        raise Missing(f"request {request_id}")
    return State(move(db, vault, Standing(*row), act, calendar)["state"])


def move(
    db: Connection, vault: Vault, held: Standing, act: Act, calendar: Calendar
) -> Mapping[str, Any]:
    """The same for a request whose row was held and then read; the columns that were written."""
    transition = TABLE[act.event]
    if act.actor not in transition.actors:
        raise WrongState(f"{act.event} is not for {act.actor}")
    source = State(held.state)
    if source not in transition.sources:
        raise WrongState(f"{act.event} in {source}")
    target = _target(transition, act, source, held.resume_state)
    values: dict[str, Any] = {"state": target, **(act.values or {})}
    if transition.clock is _C.PAUSE:
        values["resume_state"] = source
    period = values.get("period", held.period)
    values.update(_clock(held, _effect(transition, source, target), period, act.at, calendar))
    db.execute(_MOVED, {"of": held.id, **values})
    write_history(db, vault, held.id, act, source, target)
    return values


def _effect(transition: Transition, source: State, target: State) -> ClockEffect:
    """What the step does to the clock: a decision by silence ends it, as another decision does,
    and so does a shelving by whatever act; an acceptance in principle by silence leaves the
    citizen to act, as one in writing does."""
    if source is State.DEEMED_APPROVED:
        return _C.NONE
    if target is State.SHELVED:
        return _C.STOP
    if transition.clock is _C.STOP and target is State.ACCEPTED_PRELIM:
        return _C.OFF
    return transition.clock


def _target(transition: Transition, act: Act, source: State, resume: str | None) -> State:
    if transition.back:
        return State(resume or source)
    if not transition.targets:
        return source
    if act.target is None and len(transition.targets) == 1:
        return next(iter(transition.targets))
    if act.target not in transition.targets:
        raise WrongState(f"{act.event} does not lead to {act.target}")
    return act.target


def write_history(
    db: Connection, vault: Vault, request_id: int, act: Act, source: State, target: State
) -> None:
    """Add a line to the request's history; the caller holds the request's row."""
    line = {
        "request_id": request_id,
        "event": act.event,
        "from_state": source,
        "to_state": target,
        "actor": act.actor,
        "actor_name": act.actor_name,
        "at": act.at,
        "note": vault.seal("request_history.note", act.note) if act.note else None,
        "data": dict(act.data or {}),
    }
    db.execute(_NEXT_LINE, {"of": request_id, **line})


def period_to_json(period: Period, *, from_filing: bool) -> dict[str, Any]:
    """The period as the request keeps it: later changes of the catalogue do not move it."""
    return {
        "amount": period.amount,
        "unit": str(period.unit),
        "mark": str(period.mark),
        "rolls": period.rolls,
        "from_filing": from_filing,
    }


def period_from_json(values: Mapping[str, Any]) -> Period:
    return Period(
        values["amount"], Unit(values["unit"]), Mark(values["mark"]), rolls=values["rolls"]
    )


def start_clock(
    period: Mapping[str, Any], submitted_at: datetime, received_at: datetime, calendar: Calendar
) -> dict[str, Any]:
    """Columns of a clock that starts: from filing where the law says so, else from receipt."""
    legal = period_from_json(period)
    begins = submitted_at if period["from_filing"] else received_at
    first = first_day(begins, legal, calendar)
    return {"clock_from": first, "due_on": due_on(first, legal, calendar)}


def _clock(
    row: Any, effect: ClockEffect, period: Mapping[str, Any], at: datetime, calendar: Calendar
) -> dict[str, Any]:
    """The columns of the clock that ``effect`` changes."""
    today = cairo_day(at)
    match effect:
        case ClockEffect.START:
            return start_clock(period, row.submitted_at, at, calendar)
        case ClockEffect.PAUSE if row.clock_from is not None and not period["from_filing"]:
            return {"paused_on": today}
        case ClockEffect.RESUME if row.paused_on is not None:
            paused = row.paused_days + days_paused(row.paused_on, today)
            legal = period_from_json(period)
            return {
                "paused_on": None,
                "paused_days": paused,
                "due_on": due_on(row.clock_from, legal, calendar, paused),
            }
        case ClockEffect.STOP:
            return {"paused_on": None}
        case ClockEffect.OFF:
            return {"paused_on": None, "paused_days": 0, "clock_from": None, "due_on": None}
        case ClockEffect.RESTART:
            running = start_clock({**period, "from_filing": False}, at, at, calendar)
            return {"paused_on": None, "paused_days": 0, **running}
        case _:
            return {}
