"""Requests as they are read: by their owner, by number, for the hand-off."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from portal.catalogue.fees import Quote
from portal.db import Database
from portal.problems import Missing
from portal.requests.lifecycle import FINAL, State
from portal.requests.model import HistoryEntry, ServiceRequest
from portal.requests.snapshot import quote_from_json
from portal.vault import Vault

ANSWERS = "service_requests.answers"
MOBILE = "service_requests.mobile"
NOTE = "request_history.note"
_PAGE = 100


@dataclass(frozen=True)
class FiledRequest:
    """A request without its answers."""

    id: int
    number: str
    draft_id: str
    citizen_id: int
    service_code: str
    center_code: str
    channel: str
    locale: str
    state: State
    quote: Quote
    due_now: int
    submitted_at: datetime
    received_at: datetime | None
    decided_at: datetime | None
    waits_until: datetime | None
    period: Mapping[str, Any]
    clock_from: date | None
    paused_on: date | None
    paused_days: int
    due_on: date | None
    grievance_until: date | None
    center_number: int | None
    center_year: int | None
    handed_off_at: datetime | None


@dataclass(frozen=True)
class PastAct:
    """One line of a request's history."""

    event: str
    from_state: State
    to_state: State
    actor: str
    actor_name: str
    at: datetime
    note: str
    data: Mapping[str, Any]


_COLUMNS = (
    ServiceRequest.id,
    ServiceRequest.number,
    ServiceRequest.draft_id,
    ServiceRequest.citizen_id,
    ServiceRequest.service_code,
    ServiceRequest.center_code,
    ServiceRequest.channel,
    ServiceRequest.locale,
    ServiceRequest.state,
    ServiceRequest.quote,
    ServiceRequest.due_now,
    ServiceRequest.submitted_at,
    ServiceRequest.received_at,
    ServiceRequest.decided_at,
    ServiceRequest.waits_until,
    ServiceRequest.period,
    ServiceRequest.clock_from,
    ServiceRequest.paused_on,
    ServiceRequest.paused_days,
    ServiceRequest.due_on,
    ServiceRequest.grievance_until,
    ServiceRequest.center_number,
    ServiceRequest.center_year,
    ServiceRequest.handed_off_at,
)


def own(db: Connection, citizen_id: int, number: str) -> FiledRequest:
    """The citizen's own request; anyone else's is as missing as an unknown one."""
    return _one(db, ServiceRequest.number == number, ServiceRequest.citizen_id == citizen_id)


def by_number(db: Connection, number: str) -> FiledRequest:
    return _one(db, ServiceRequest.number == number)


def by_draft(db: Connection, draft_id: str) -> FiledRequest:
    return _one(db, ServiceRequest.draft_id == draft_id)


def by_id(db: Connection, request_id: int) -> FiledRequest:
    return _one(db, ServiceRequest.id == request_id)


def last_act_at(db: Connection, request_id: int) -> datetime:
    """When the last thing happened to a request."""
    last = select(func.max(HistoryEntry.at)).where(HistoryEntry.request_id == request_id)
    return db.scalars(last).one()


def waited_too_long(database: Database, state: State, now: datetime) -> Iterator[int]:
    """The requests whose time in ``state`` is over, page by page: none holds up those behind it."""
    last = 0
    while page := _waited_too_long(database, state, now, last):
        yield from page
        last = page[-1]


def _waited_too_long(database: Database, state: State, now: datetime, after: int) -> Sequence[int]:
    with database.read() as db:
        return db.scalars(
            select(ServiceRequest.id)
            .where(
                ServiceRequest.state == state,
                ServiceRequest.waits_until <= now,
                ServiceRequest.id > after,
            )
            .order_by(ServiceRequest.id)
            .limit(_PAGE)
        ).all()


def _one(db: Connection, *where: ColumnElement[bool]) -> FiledRequest:
    row = db.execute(select(*_COLUMNS).where(*where)).one_or_none()
    if row is None:
        raise Missing("request")
    return _filed(row)


def of_citizen(db: Connection, citizen_id: int) -> list[FiledRequest]:
    """Every request of the citizen, newest first."""
    rows = db.execute(
        select(*_COLUMNS)
        .where(ServiceRequest.citizen_id == citizen_id)
        .order_by(ServiceRequest.submitted_at.desc())
    )
    return [_filed(row) for row in rows]


def answers(db: Connection, vault: Vault, request_id: int) -> dict[str, Any]:
    """What the request was filed with (see :mod:`portal.requests.snapshot`)."""
    sealed = db.scalar(select(ServiceRequest.answers).where(ServiceRequest.id == request_id))
    if sealed is None:
        raise Missing("request")
    opened: dict[str, Any] = vault.open_json(ANSWERS, sealed)
    return opened


def mobile(db: Connection, vault: Vault, request_id: int) -> str:
    sealed = db.scalar(select(ServiceRequest.mobile).where(ServiceRequest.id == request_id))
    if sealed is None:
        raise Missing("request")
    return vault.open(MOBILE, sealed)


def history(db: Connection, vault: Vault, request_id: int) -> Sequence[PastAct]:
    """Every act on the request, oldest first."""
    rows = db.execute(
        select(
            HistoryEntry.event,
            HistoryEntry.from_state,
            HistoryEntry.to_state,
            HistoryEntry.actor,
            HistoryEntry.actor_name,
            HistoryEntry.at,
            HistoryEntry.note,
            HistoryEntry.data,
        )
        .where(HistoryEntry.request_id == request_id)
        .order_by(HistoryEntry.position)
    )
    return [
        PastAct(
            row.event,
            State(row.from_state),
            State(row.to_state),
            row.actor,
            row.actor_name,
            row.at,
            vault.open(NOTE, row.note) if row.note else "",
            row.data,
        )
        for row in rows
    ]


def _filed(row: Any) -> FiledRequest:
    values = dict(row._mapping)  # noqa: SLF001 - the public name of a row's columns
    values["state"] = State(values["state"])
    values["quote"] = quote_from_json(values["quote"])
    return FiledRequest(**values)


def count_overdue(db: Connection, today: date) -> int:
    """Requests that are past their deadline and not decided; a clock that stands still is not."""
    found = select(func.count()).where(
        ServiceRequest.decided_at.is_(None),
        ServiceRequest.due_on < today,
        ServiceRequest.paused_on.is_(None),
        ServiceRequest.state.not_in(FINAL),
    )
    return db.scalar(found) or 0
