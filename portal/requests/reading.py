"""Requests as they are read: by their owner, by number, for the hand-off."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select

from portal.catalogue.fees import Quote
from portal.db import Database
from portal.problems import Missing
from portal.requests.lifecycle import FINAL, Standing, State
from portal.requests.model import HistoryEntry, ServiceRequest
from portal.requests.snapshot import quote_from_json
from portal.vault import Vault

ANSWERS = "service_requests.answers"
MOBILE = "service_requests.mobile"
NOTE = "request_history.note"
_PAGE = 100


@dataclass(frozen=True)
class FiledRequest(Standing):
    """A request without its answers."""

    number: str
    draft_id: str
    citizen_id: int
    service_code: str
    center_code: str
    channel: str
    locale: str
    quote: Quote
    due_now: int
    received_at: datetime | None
    decided_at: datetime | None
    waits_until: datetime | None
    due_on: date | None
    grievance_until: date | None
    center_number: int | None
    center_year: int | None
    handed_off_at: datetime | None


@dataclass(frozen=True)
class Opened:
    """A request with what is sealed in its row. ``answers`` are what it was filed with (see
    :mod:`portal.requests.snapshot`)."""

    request: FiledRequest
    answers: Mapping[str, Any]
    mobile: str


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


_NAMES = [each.name for each in fields(FiledRequest)]
_READ = select(*(getattr(ServiceRequest, name) for name in _NAMES))
_BY_ID = _READ.where(ServiceRequest.id == bindparam("id"))
_BY_NUMBER = _READ.where(ServiceRequest.number == bindparam("number"))
_BY_DRAFT = _READ.where(ServiceRequest.draft_id == bindparam("draft"))
_OWN = _BY_NUMBER.where(ServiceRequest.citizen_id == bindparam("citizen"))
_NEWEST_FIRST = _READ.where(ServiceRequest.citizen_id == bindparam("citizen")).order_by(
    ServiceRequest.submitted_at.desc()
)
# The strength of an UPDATE: whoever comes second sees what the first one did
_HELD = _BY_NUMBER.add_columns(ServiceRequest.answers, ServiceRequest.mobile).with_for_update(
    key_share=True
)


def own(db: Connection, citizen_id: int, number: str) -> FiledRequest:
    """The citizen's own request; anyone else's is as missing as an unknown one."""
    return _one(db, _OWN, number=number, citizen=citizen_id)


def by_number(db: Connection, number: str) -> FiledRequest:
    return _one(db, _BY_NUMBER, number=number)


def by_draft(db: Connection, draft_id: str) -> FiledRequest:
    return _one(db, _BY_DRAFT, draft=draft_id)


def by_id(db: Connection, request_id: int) -> FiledRequest:
    return _one(db, _BY_ID, id=request_id)


def held(db: Connection, vault: Vault, number: str) -> Opened:
    """The whole request, its row held for this transaction."""
    row = db.execute(_HELD, {"number": number}).one_or_none()
    if row is None:
        raise Missing("request")
    *columns, answers, mobile = row
    return Opened(_filed(columns), vault.open_json(ANSWERS, answers), vault.open(MOBILE, mobile))


def last_act_at(db: Connection, request_id: int) -> datetime:
    """When the last thing happened to a request."""
    last = select(func.max(HistoryEntry.at)).where(HistoryEntry.request_id == request_id)
    return db.scalars(last).one()


def waits_since(db: Connection, request: FiledRequest) -> datetime:
    """When the request came into the state in which it is."""
    came = select(func.max(HistoryEntry.at)).where(
        HistoryEntry.request_id == request.id,
        HistoryEntry.to_state == request.state,
        HistoryEntry.from_state != request.state,
    )
    return db.scalar(came) or request.submitted_at


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


def overdue(
    database: Database, states: Collection[State], services: Collection[str], today: date
) -> Iterator[str]:
    """The numbers of requests in ``states`` whose period ended before ``today``, page by page."""
    last = 0
    while True:
        with database.read() as db:
            page = db.execute(
                select(ServiceRequest.id, ServiceRequest.number)
                .where(
                    ServiceRequest.decided_at.is_(None),
                    ServiceRequest.due_on < today,
                    ServiceRequest.paused_on.is_(None),
                    ServiceRequest.state.in_(states),
                    ServiceRequest.service_code.in_(services),
                    ServiceRequest.id > last,
                )
                .order_by(ServiceRequest.id)
                .limit(_PAGE)
            ).all()
        yield from (row.number for row in page)
        if len(page) < _PAGE:
            return
        last = page[-1].id


def _one(db: Connection, wanted: Select[Any], **named: int | str) -> FiledRequest:
    row = db.execute(wanted, named).one_or_none()
    if row is None:
        raise Missing("request")
    return _filed(row)


def of_citizen(db: Connection, citizen_id: int) -> list[FiledRequest]:
    """Every request of the citizen, newest first."""
    return [_filed(row) for row in db.execute(_NEWEST_FIRST, {"citizen": citizen_id})]


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


def _filed(columns: Sequence[Any]) -> FiledRequest:
    values = dict(zip(_NAMES, columns, strict=True))
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
