"""Drafts: begun once, saved at every step as typed, found again on any phone, dropped when idle."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from portal.catalogue.fields import Raw
from portal.catalogue.model import Service
from portal.db import insert_missing
from portal.identity.model import Citizen, SignIn
from portal.identity.sessions import CITIZEN_COLUMNS, CitizenSession, read_citizen
from portal.problems import Conflict, Missing
from portal.requests.model import Draft
from portal.vault import Vault

IDLE_DAYS = 30  # [G] facts §3.2
_ANSWERS = "drafts.answers"
_BATCH = 500


class AlreadySubmitted(Conflict):
    """The draft has become a request; ``draft_id`` finds it."""

    def __init__(self, draft_id: str) -> None:
        super().__init__(f"draft {draft_id} was submitted")
        self.draft_id = draft_id


class ChangedMeanwhile(Conflict):
    """The draft is not what the page showed that submits it: look at it again."""


@dataclass(frozen=True)
class OpenDraft:
    """A draft as its owner finds it; ``raw`` is what was typed, by field."""

    id: str
    service_code: str
    raw: Mapping[str, Raw]
    saved_at: datetime
    revision: int
    """Raised by every change of an answer or a document."""

    @property
    def kept_until(self) -> datetime:
        return self.saved_at + timedelta(days=IDLE_DAYS)


def open_of(db: Connection, vault: Vault, citizen_id: int, service_code: str) -> OpenDraft | None:
    """The open draft that the citizen has for a service."""
    row = db.execute(
        select(Draft.id, Draft.service_code, Draft.answers, Draft.saved_at, Draft.revision).where(
            Draft.citizen_id == citizen_id,
            Draft.service_code == service_code,
            Draft.state == "open",
        )
    ).one_or_none()
    return None if row is None else _open(vault, row)


def all_open(db: Connection, vault: Vault, citizen_id: int) -> list[OpenDraft]:
    """Every open draft of the citizen, last saved first."""
    rows = db.execute(
        select(Draft.id, Draft.service_code, Draft.answers, Draft.saved_at, Draft.revision)
        .where(Draft.citizen_id == citizen_id, Draft.state == "open")
        .order_by(Draft.saved_at.desc())
    )
    return [_open(vault, row) for row in rows]


def begin(
    db: Connection,
    vault: Vault,
    citizen_id: int,
    service: Service,
    draft_id: str,
    prefilled: Mapping[str, Raw],
    at: datetime,
) -> str:
    """The id of the open draft for ``service``: a new one only when there is none."""
    known = open_of(db, vault, citizen_id, service.code)
    if known is not None:
        return known.id
    values = {code: raw for code, raw in prefilled.items() if code in service.fields}
    made = insert_missing(
        db,
        insert(Draft).values(
            id=draft_id,
            citizen_id=citizen_id,
            service_code=service.code,
            answers=vault.seal_json(_ANSWERS, values),
            revision=0,
            state="open",
            created_at=at,
            saved_at=at,
        ),
    )
    if made is None:  # two taps at once: the other one made it
        again = open_of(db, vault, citizen_id, service.code)
        return again.id if again else draft_id
    return draft_id


_COLUMNS = (
    Draft.id,
    Draft.service_code,
    Draft.answers,
    Draft.saved_at,
    Draft.revision,
    Draft.state,
)
_OF_SESSION = (
    select(*CITIZEN_COLUMNS, *_COLUMNS)
    .join_from(SignIn, Citizen, Citizen.id == SignIn.citizen_id)
    .join(Draft, Draft.citizen_id == Citizen.id)
    .where(SignIn.token_hash == bindparam("token_hash"), Draft.id == bindparam("draft_id"))
)
_OF_SESSION_HELD = _OF_SESSION.with_for_update(of=Draft)
_OF_ID = update(Draft).where(Draft.id == bindparam("of"))
_SEEN = _OF_ID.values(saved_at=bindparam("at"))
_CHANGED = _OF_ID.values(saved_at=bindparam("at"), revision=Draft.revision + 1)
_ANSWERED = _CHANGED.values(answers=bindparam("sealed"))


def of_session(
    db: Connection, vault: Vault, token_hash: bytes, draft_id: str, at: datetime, *, hold: bool
) -> tuple[CitizenSession, OpenDraft] | None:
    """The session behind a cookie with one of its citizen's open drafts, in one look.

    None when either is not there; raises :class:`AlreadySubmitted`. ``hold`` takes the draft's row
    for this transaction.
    """
    statement = _OF_SESSION_HELD if hold else _OF_SESSION
    row = db.execute(statement, {"token_hash": token_hash, "draft_id": draft_id}).one_or_none()
    session = read_citizen(row, vault, at) if row is not None else None
    if row is None or session is None or session.only_request:
        return None
    return session, _if_open(vault, row)


def load(db: Connection, vault: Vault, citizen_id: int, draft_id: str) -> OpenDraft:
    """The citizen's own open draft.

    Raises :class:`Missing` for an unknown draft and for anyone else's alike, and
    :class:`AlreadySubmitted` for one that has become a request.
    """
    row = db.execute(
        select(*_COLUMNS).where(Draft.id == draft_id, Draft.citizen_id == citizen_id)
    ).one_or_none()
    if row is None:
        raise Missing(f"draft {draft_id}")
    return _if_open(vault, row)


def save(
    db: Connection, vault: Vault, held: OpenDraft, changes: Mapping[str, Raw], at: datetime
) -> OpenDraft:
    """Merge ``changes`` into a draft whose row is held: two tabs do not undo each other."""
    merged = {**held.raw, **changes}
    if merged == held.raw:
        db.execute(_SEEN, {"of": held.id, "at": at})
        return replace(held, saved_at=at)
    sealed = vault.seal_json(_ANSWERS, merged)
    db.execute(_ANSWERED, {"of": held.id, "at": at, "sealed": sealed})
    return replace(held, raw=merged, saved_at=at, revision=held.revision + 1)


def hold(db: Connection, citizen_id: int, draft_id: str, at: datetime) -> None:
    """Take the draft's row for this transaction; nothing happens to one that is not open."""
    db.execute(
        update(Draft)
        .where(Draft.id == draft_id, Draft.citizen_id == citizen_id, Draft.state == "open")
        .values(saved_at=at)
    )


def changed(db: Connection, draft_id: str, at: datetime) -> None:
    """The documents of a draft that is held are others now than were shown before."""
    db.execute(_CHANGED, {"of": draft_id, "at": at})


def discard(db: Connection, citizen_id: int, draft_id: str) -> None:
    """Drop an open draft at its owner's wish; raises :class:`Missing`."""
    done = db.execute(
        update(Draft)
        .where(Draft.id == draft_id, Draft.citizen_id == citizen_id, Draft.state == "open")
        .values(state="discarded", answers=b"")
    )
    if not done.rowcount:
        raise Missing(f"draft {draft_id}")


def discard_idle(db: Connection, before: datetime) -> list[str]:
    """Drop drafts that were not touched since ``before``, their answers wiped; which they were.

    A batch of them: the caller asks again until there are none.
    """
    idle = select(Draft.id).where(Draft.state == "open", Draft.saved_at < before).limit(_BATCH)
    dropped = db.scalars(
        update(Draft)
        # once more, for one that its owner saves in this very moment
        .where(Draft.id.in_(idle), Draft.state == "open", Draft.saved_at < before)
        .values(state="discarded", answers=b"")
        .returning(Draft.id)
    )
    return list(dropped)


def _if_open(vault: Vault, row: Any) -> OpenDraft:
    if row.state == "discarded":
        raise Missing(f"draft {row.id}")
    if row.state == "submitted":
        raise AlreadySubmitted(row.id)
    return _open(vault, row)


def _open(vault: Vault, row: Any) -> OpenDraft:
    return OpenDraft(
        row.id,
        row.service_code,
        vault.open_json(_ANSWERS, row.answers),
        row.saved_at,
        row.revision,
    )
