"""Sessions on the server (ASVS v4 §3): the cookie is a random token, the row holds its hash.

A token is new at every sign-in. Idle and absolute limits are the server's; a row is written only
when a session begins, ends, or was last seen some minutes ago.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from portal.clock import token
from portal.identity.model import Citizen, SignIn, Staff
from portal.vault import Vault

CITIZEN_IDLE = timedelta(minutes=60)
CITIZEN_LONGEST = timedelta(hours=12)
STAFF_IDLE = timedelta(minutes=30)
STAFF_LONGEST = timedelta(hours=10)
_SEEN_EVERY = timedelta(minutes=3)


@dataclass(frozen=True)
class CitizenSession:
    """A signed-in citizen, or (``only_request``) someone who may follow one request."""

    token_hash: bytes
    citizen_id: int
    mobile: str
    national_id: str
    only_request: str | None
    stale: bool
    ends_at: datetime
    """When it ends if nobody opens another page; this visit counts."""


@dataclass(frozen=True)
class StaffSession:
    """A signed-in employee."""

    token_hash: bytes
    staff_id: int
    username: str
    display_name: str
    role: str
    scope: str
    stale: bool
    ends_at: datetime


def hash_token(value: str) -> bytes:
    """What the database knows of a cookie."""
    return sha256(value.encode()).digest()


def begin_citizen(db: Connection, citizen_id: int, at: datetime) -> str:
    """A new session; the token for its cookie."""
    return _begin(db, at, CITIZEN_LONGEST, citizen_id=citizen_id)


def begin_tracking(db: Connection, citizen_id: int, number: str, at: datetime) -> str:
    """A session that may follow one request and nothing else."""
    return _begin(db, at, CITIZEN_LONGEST, citizen_id=citizen_id, request_number=number)


def begin_staff(db: Connection, staff_id: int, at: datetime) -> str:
    return _begin(db, at, STAFF_LONGEST, staff_id=staff_id)


def _begin(db: Connection, at: datetime, longest: timedelta, **who: object) -> str:
    fresh = token()
    db.execute(
        insert(SignIn).values(
            token_hash=hash_token(fresh),
            created_at=at,
            seen_at=at,
            expires_at=at + longest,
            **who,
        )
    )
    return fresh


def end(db: Connection, cookie: str) -> None:
    db.execute(delete(SignIn).where(SignIn.token_hash == hash_token(cookie)))


def citizen_of(db: Connection, vault: Vault, cookie: str, at: datetime) -> CitizenSession | None:
    """The citizen behind a cookie, or None when it names no living session."""
    row = db.execute(_CITIZEN, {"token_hash": hash_token(cookie)}).one_or_none()
    return None if row is None else read_citizen(row, vault, at)


CITIZEN_COLUMNS = (
    SignIn.token_hash,
    SignIn.seen_at,
    SignIn.expires_at,
    SignIn.request_number,
    SignIn.citizen_id,
    Citizen.mobile,
    Citizen.national_id,
)
"""What :func:`read_citizen` reads, for statements that look for more in the same breath."""


# Statements of every page are put together once: that costs more than asking the database
_CITIZEN = (
    select(*CITIZEN_COLUMNS)
    .join_from(SignIn, Citizen, Citizen.id == SignIn.citizen_id)
    .where(SignIn.token_hash == bindparam("token_hash"))
)


def read_citizen(row: Any, vault: Vault, at: datetime) -> CitizenSession | None:
    """The session of a row of :data:`CITIZEN_COLUMNS`, or None when its time is over."""
    if at >= row.expires_at or at >= row.seen_at + CITIZEN_IDLE:
        return None
    return CitizenSession(
        row.token_hash,
        row.citizen_id,
        vault.open("citizens.mobile", row.mobile),
        vault.open("citizens.national_id", row.national_id),
        row.request_number,
        _is_stale(row, at),
        _ends(row, at, CITIZEN_IDLE),
    )


_STAFF = (
    select(
        SignIn.token_hash,
        SignIn.seen_at,
        SignIn.expires_at,
        Staff.id,
        Staff.username,
        Staff.display_name,
        Staff.role,
        Staff.scope,
    )
    .join_from(SignIn, Staff, Staff.id == SignIn.staff_id)
    .where(SignIn.token_hash == bindparam("token_hash"), Staff.disabled_at.is_(None))
)


def staff_of(db: Connection, cookie: str, at: datetime) -> StaffSession | None:
    """The employee behind a cookie; one who was disabled meanwhile is nobody."""
    row = db.execute(_STAFF, {"token_hash": hash_token(cookie)}).one_or_none()
    if row is None or at >= row.expires_at or at >= row.seen_at + STAFF_IDLE:
        return None
    return StaffSession(
        row.token_hash,
        row.id,
        row.username,
        row.display_name,
        row.role,
        row.scope,
        _is_stale(row, at),
        _ends(row, at, STAFF_IDLE),
    )


def _is_stale(row: Any, at: datetime) -> bool:
    """Whether it is worth a write that the session was seen."""
    return bool(at - row.seen_at >= _SEEN_EVERY)


def _ends(row: Any, at: datetime, idle: timedelta) -> datetime:
    seen_at: datetime = at if _is_stale(row, at) else row.seen_at
    expires_at: datetime = row.expires_at
    return min(expires_at, seen_at + idle)


@dataclass(frozen=True)
class TimeLeft:
    """How long a session still lives when nobody opens a page."""

    ends_at: datetime
    can_be_longer: bool
    """Whether opening a page makes it longer; not in its last hour."""


def time_left(db: Connection, cookie: str, at: datetime) -> TimeLeft | None:
    """Asked without being seen: looking at the clock keeps no session alive. None: it has ended."""
    row = db.execute(
        select(SignIn.seen_at, SignIn.expires_at, SignIn.staff_id).where(
            SignIn.token_hash == hash_token(cookie)
        )
    ).one_or_none()
    if row is None:
        return None
    idle = CITIZEN_IDLE if row.staff_id is None else STAFF_IDLE
    ends_at = min(row.expires_at, row.seen_at + idle)
    return TimeLeft(ends_at, ends_at < row.expires_at) if at < ends_at else None


def seen(db: Connection, token_hash: bytes, at: datetime) -> None:
    db.execute(update(SignIn).where(SignIn.token_hash == token_hash).values(seen_at=at))


def drop_expired(db: Connection, before: datetime) -> int:
    return db.execute(delete(SignIn).where(SignIn.expires_at <= before)).rowcount
