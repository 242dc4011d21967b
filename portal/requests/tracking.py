"""What the citizen sees of a request: where it stands, what comes next and by when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256

from portal.catalogue.model import Service
from portal.requests.lifecycle import FINAL, State
from portal.requests.reading import FiledRequest, PastAct


class Station(StrEnum):
    """What is being done, or is still to be done, on the ordinary road of a request."""

    PAY = "pay"
    CHECK = "check"
    COMPLETE = "complete"
    STUDY = "study"
    DECIDE = "decide"
    ISSUE = "issue"


_ROAD = (Station.PAY, Station.CHECK, Station.STUDY, Station.DECIDE, Station.ISSUE)
_NOTICE_ROAD = (Station.CHECK, Station.ISSUE)
# Where a request that is in this state stands on the road; others have left it
_AT = {
    State.AWAITING_FILING_PAYMENT: Station.PAY,
    State.RECEIVED: Station.CHECK,
    State.DOCUMENT_CHECK: Station.CHECK,
    State.REFERRED: Station.STUDY,
    State.UNDER_STUDY: Station.STUDY,
    State.INSPECTION_SCHEDULED: Station.STUDY,
    State.INSPECTED: Station.STUDY,
    State.AWAITING_EXTERNAL_OPINION: Station.STUDY,
    State.WAITING_LIST: Station.STUDY,
    State.ACCEPTED_PRELIM: Station.STUDY,
    State.FEES_ASSESSED: Station.STUDY,
    State.DEEMED_APPROVED: Station.ISSUE,
    State.APPROVED: Station.ISSUE,
}


@dataclass(frozen=True)
class LegalClock:
    """The public clock: citizen and employee see the same."""

    amount: int
    unit: str
    mark: str
    begins_on: date
    due_on: date
    paused_on: date | None
    days_left: int
    elapsed: int
    whole: int

    @property
    def late(self) -> bool:
        return self.days_left < 0 and self.paused_on is None


@dataclass(frozen=True)
class Timeline:
    """What happened, oldest first; what is being done now comes first of what is ahead."""

    past: Sequence[PastAct]
    ahead: Sequence[Station]


def legal_clock(request: FiledRequest, today: date) -> LegalClock | None:
    """The clock while it matters: from receipt to the decision."""
    if request.due_on is None or request.clock_from is None or request.decided_at is not None:
        return None
    if request.state in FINAL:
        return None
    whole = max(1, (request.due_on - request.clock_from).days)
    return LegalClock(
        amount=request.period["amount"],
        unit=request.period["unit"],
        mark=request.period["mark"],
        begins_on=request.clock_from,
        due_on=request.due_on,
        paused_on=request.paused_on,
        days_left=(request.due_on - today).days,
        elapsed=min(whole, max(0, (today - request.clock_from).days)),
        whole=whole,
    )


def timeline(request: FiledRequest, past: Sequence[PastAct], *, notice: bool) -> Timeline:
    """The request's history, and the stations ahead on the ordinary road."""
    road = _NOTICE_ROAD if notice else _ROAD
    if request.state is State.NEEDS_COMPLETION:
        return Timeline(past, (Station.COMPLETE, *road[road.index(Station.CHECK) + 1 :]))
    here = _AT.get(request.state)
    return Timeline(past, road[road.index(here) :] if here in road else ())


def waits_for_citizen(request: FiledRequest) -> bool:
    """Whether the next step is the citizen's."""
    return request.state in {
        State.AWAITING_FILING_PAYMENT,
        State.NEEDS_COMPLETION,
        State.FEES_ASSESSED,
    }


def is_moving(request: FiledRequest) -> bool:
    """Whether the page should look again by itself."""
    return request.state not in FINAL


def mark_of(request: FiledRequest, past: Sequence[PastAct], today: date, *money: object) -> str:
    """A tag of all that the moving part of a request's page is made of: it changes with it."""
    made_of = repr((request, tuple(past), today, money))
    return f'W/"{sha256(made_of.encode()).hexdigest()[:16]}"'


@dataclass(frozen=True)
class Handing:
    """Whether the center has answered yet."""

    sent: bool
    answered_at: datetime | None


def handing(request: FiledRequest) -> Handing:
    return Handing(request.received_at is not None, request.handed_off_at)


def is_notice(service: Service, values: dict[str, object]) -> bool:
    """Whether the service only registers what these answers say."""
    return service.immediate is not None and service.immediate.holds(values)
