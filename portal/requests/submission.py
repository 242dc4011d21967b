"""From draft to request: the whole form checked, the fee fixed, the number given; once.

Submitting is one transaction that holds the draft's row. A second tap, the back button or another
tab finds the draft submitted and is led to the same request.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from payments import obligations
from payments.obligations import OwedLine
from portal.catalogue.deadlines import period_of
from portal.catalogue.fees import Quote, namespace, quote
from portal.catalogue.forms import Evaluation
from portal.catalogue.identity import format_request_number
from portal.catalogue.model import PaymentMode, Service, Stage
from portal.clock import cairo_time
from portal.db import insert_missing
from portal.holidays.register import calendar as holiday_calendar
from portal.notifications import compose
from portal.notifications import queue as notifications
from portal.notifications.queue import Recipient
from portal.places.model import Center
from portal.problems import N_, DomainError, Problem
from portal.requests import drafts, lifecycle, reading, uploads
from portal.requests.handing_off import HandOff
from portal.requests.lifecycle import Act, Actor, Event, State, WrongState
from portal.requests.model import Draft, RequestSerial, ServiceRequest
from portal.requests.snapshot import quote_to_json
from portal.requests.uploads import Attached
from portal.vault import Vault

PAYMENT_DAYS = 7  # [G] facts §3.2
DECLARE = N_("Confirm the declaration to send the request")
CHANGED = N_(
    "Something was changed meanwhile, perhaps in another tab. Read your data again, then confirm."
)


class Incomplete(DomainError):
    """The draft cannot be submitted yet; ``problems`` say why, all at once."""

    kind = "conflict"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("the draft is not complete")
        self.problems = problems


@dataclass(frozen=True)
class Filing:
    """What is submitted: a draft that was checked, and who submits it where."""

    citizen_id: int
    draft_id: str
    mobile: str
    locale: str
    evaluation: Evaluation
    revision: int
    """Of the draft when it was evaluated: what is filed is what was checked."""
    center: Center
    sections: dict[str, object]


def price(evaluation: Evaluation, on: date) -> Quote:
    """The fee for the answers as they are now."""
    names = namespace(evaluation.service, dict(evaluation.names), on)
    return quote(evaluation.service, names, on)


def check_window(service: Service, today: date) -> bool:
    """Whether the service takes requests today."""
    window = service.window
    if window is None:
        return True
    opened = window.opens_on is None or window.opens_on <= today
    return opened and (window.closes_on is None or today <= window.closes_on)


def missing_documents(evaluation: Evaluation, attached: Sequence[Attached]) -> list[Problem]:
    """A problem for every document that must be there at filing and is not."""
    wanted = uploads.wanted(evaluation.service, evaluation.names)
    return [
        Problem(f"document-{document.code}", N_("Upload {label}"), {"label": document.title})
        for document in uploads.missing(wanted, attached)
    ]


def missing_parts(evaluation: Evaluation, attached: Sequence[Attached]) -> list[Problem]:
    """A problem for every page that is not complete, and for every document that is missing."""
    found = [
        Problem(f"part-{s.step.code}", N_("Complete this part: {label}"), {"label": s.step.title})
        for s in evaluation.steps
        if not s.complete
    ]
    return found + missing_documents(evaluation, attached)


def problems_of(
    db: Connection, vault: Vault, draft_id: str, evaluation: Evaluation, today: date
) -> list[Problem]:
    """Everything that still stands between the draft and its submission."""
    found = missing_parts(evaluation, uploads.of_draft(db, vault, draft_id))
    window = evaluation.service.window
    if window is not None and not check_window(evaluation.service, today):
        found.append(Problem("", text=window.closed))
    owes = evaluation.service.payment_mode is PaymentMode.DUES
    if not found and owes and not price(evaluation, today).due_now:
        found.append(Problem("", N_("Nothing is due on this record now")))
    return found


def submit(
    db: Connection, vault: Vault, hand_off: HandOff, filing: Filing, ids: "Ids", at: datetime
) -> str:
    """Make the request; its number.

    Raises :class:`Incomplete`, :class:`~portal.requests.drafts.AlreadySubmitted` when the draft is
    a request already, and :class:`~portal.requests.drafts.ChangedMeanwhile`.
    """
    drafts.hold(db, filing.citizen_id, filing.draft_id, at)
    now = drafts.load(db, vault, filing.citizen_id, filing.draft_id)
    if now.revision != filing.revision:
        raise drafts.ChangedMeanwhile(filing.draft_id)
    today = cairo_time(at).date()
    problems = problems_of(db, vault, filing.draft_id, filing.evaluation, today)
    if problems:
        raise Incomplete(problems)
    return file_checked(db, vault, hand_off, filing, ids, at)


def file_checked(
    db: Connection, vault: Vault, hand_off: HandOff, filing: Filing, ids: "Ids", at: datetime
) -> str:
    """Make the request of a draft that was checked and whose row is held; its number."""
    fixed = price(filing.evaluation, cairo_time(at).date())
    due_now = fixed.due_now.minor
    number = _next_number(db, filing.center, cairo_time(at).year)
    state = State.AWAITING_FILING_PAYMENT if due_now else State.RECEIVED
    request_id = _insert(db, vault, filing, fixed, number, state, at)
    db.execute(update(Draft).where(Draft.id == filing.draft_id).values(state="submitted"))
    asked = uploads.wanted(filing.evaluation.service, filing.evaluation.names)
    uploads.claim(db, filing.draft_id, request_id, asked)
    act = Act(Event.SUBMIT, Actor.CITIZEN, at)
    lifecycle.write_history(db, vault, request_id, act, State.DRAFT, state)
    to = Recipient(filing.mobile, filing.locale)
    if due_now:
        _owe(db, ids.obligation, number, fixed, at)
        until = cairo_time(at + timedelta(days=PAYMENT_DAYS)).date()
        params = {"number": number, "sum": due_now, "until": until}
        notifications.put(db, vault, to, compose.REQUEST_SUBMITTED, params, at)
        return number
    request = reading.by_id(db, request_id)
    hand_off.paid(db, request, filing.sections, ids.message, "", at)
    notifications.put(db, vault, to, compose.REQUEST_RECEIVED, {"number": number}, at)
    return number


@dataclass(frozen=True)
class Ids:
    """Fresh identifiers for one submission."""

    obligation: str
    message: str


def _insert(
    db: Connection,
    vault: Vault,
    filing: Filing,
    fixed: Quote,
    number: str,
    state: State,
    at: datetime,
) -> int:
    service = filing.evaluation.service
    legal = period_of(service, filing.evaluation.names)
    period = lifecycle.period_to_json(legal, from_filing=service.deadline.from_filing)
    values = {
        "number": number,
        "draft_id": filing.draft_id,
        "citizen_id": filing.citizen_id,
        "mobile": vault.seal(reading.MOBILE, filing.mobile),
        "mobile_index": vault.index("mobile", filing.mobile),
        "service_code": service.code,
        "service_digest": service.digest,
        "center_code": filing.center.code,
        "channel": "web",
        "locale": filing.locale,
        "state": state,
        "revision": 0,
        "answers": vault.seal_json(reading.ANSWERS, filing.sections),
        "quote": quote_to_json(fixed),
        "due_now": fixed.due_now.minor,
        "submitted_at": at,
        "period": period,
        "paused_days": 0,
    }
    if state is State.RECEIVED:
        calendar = holiday_calendar(db, filing.center.governorate)
        values["received_at"] = at
        values.update(lifecycle.start_clock(period, at, at, calendar))
    else:
        values["waits_until"] = at + timedelta(days=PAYMENT_DAYS)
    request_id: int | None = db.scalar(
        insert(ServiceRequest).values(**values).returning(ServiceRequest.id)
    )
    if request_id is None:
        raise WrongState("the request was not made")
    return request_id


def _owe(db: Connection, obligation_id: str, number: str, fixed: Quote, at: datetime) -> None:
    lines = [
        OwedLine(
            item=line.code,
            entity=line.beneficiary,
            label_ar=line.label.ar,
            label_en=line.label.en,
            amount=line.amount,
            refundable=line.refundable,
        )
        for line in fixed.stage(Stage.SUBMISSION)
        if line.amount is not None
    ]
    obligations.create(db, obligation_id, number, Stage.SUBMISSION, lines, at)


def _next_number(db: Connection, center: Center, year: int) -> str:
    """The next number of the center in this year; a rollback gives it back: there are no gaps."""
    raised = (
        update(RequestSerial)
        .where(RequestSerial.center_code == center.code, RequestSerial.year == year)
        .values(last=RequestSerial.last + 1)
        .returning(RequestSerial.last)
    )
    serial = db.scalar(raised)
    if serial is None:
        insert_missing(db, insert(RequestSerial).values(center_code=center.code, year=year, last=0))
        serial = db.scalar(raised)
    return format_request_number(year, center.index, int(serial or 0))


def number_of_draft(db: Connection, citizen_id: int, draft_id: str) -> str | None:
    """The number of the request that the citizen's draft has become."""
    return db.scalar(
        select(ServiceRequest.number).where(
            ServiceRequest.draft_id == draft_id, ServiceRequest.citizen_id == citizen_id
        )
    )
