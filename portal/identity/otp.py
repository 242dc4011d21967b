"""One-time codes: six digits, five minutes, five tries, sent after the commit.

A code belongs to the browser that asked for it and to one purpose; asking again makes the last one
void. Limits count codes that were not used, by mobile, by national ID and by address, so that an
honest citizen who signs in often meets none, and one who floods a phone or guesses does.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from portal.clock import one_time_code
from portal.db import Database, insert_missing
from portal.identity.model import Citizen, OneTimeCode
from portal.identity.sessions import hash_token
from portal.problems import TooMany
from portal.vault import Vault

LIFE = timedelta(minutes=5)
TRIES = 5
WINDOW = timedelta(minutes=30)
MOST_A_MOBILE = 5
MOST_AN_ID = 5
MOST_AN_ADDRESS = 60  # many citizens share the address of a mobile operator


class Purpose(StrEnum):
    SIGN_IN = "sign_in"
    TRACK = "track"
    NOBODY = "nobody"
    """Nobody has this request and this mobile: the answer looks the same, no code is sent."""


class Verdict(StrEnum):
    """What became of a code that was typed."""

    RIGHT = "right"
    WRONG = "wrong"
    USED_UP = "used_up"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Asker:
    """Who asks for a code. ``browser`` is the cookie, ``address`` the network address."""

    purpose: Purpose
    browser: str
    address: str
    mobile: str
    next_path: str
    national_id: str = ""
    request_number: str = ""


@dataclass(frozen=True)
class Pending:
    """The living code of a browser."""

    id: int
    purpose: Purpose
    mobile: str
    national_id: str
    request_number: str
    next_path: str
    expires_at: datetime
    tries_left: int


def ask(database: Database, vault: Vault, asker: Asker, at: datetime) -> str:
    """A new code for ``asker``, to be sent now that it is committed; raises :class:`TooMany`."""
    code = one_time_code()
    with database.begin() as db:
        _check_limits(db, vault, asker, at)
        browser = hash_token(asker.browser)
        db.execute(
            update(OneTimeCode)
            .where(OneTimeCode.browser_hash == browser, OneTimeCode.used_at.is_(None))
            .values(expires_at=at, tries_left=0)
        )
        nid = asker.national_id
        db.execute(
            insert(OneTimeCode).values(
                browser_hash=browser,
                purpose=asker.purpose,
                national_id=vault.seal("one_time_codes.national_id", nid) if nid else None,
                national_id_index=vault.index("national_id", nid) if nid else None,
                mobile=vault.seal("one_time_codes.mobile", asker.mobile),
                mobile_index=vault.index("mobile", asker.mobile),
                request_number=asker.request_number or None,
                address_hash=vault.index("address", asker.address),
                code_hash=vault.index("code", _bound(browser, code)),
                next_path=asker.next_path,
                tries_left=TRIES,
                created_at=at,
                expires_at=at + LIFE,
            )
        )
    return code


def _check_limits(db: Connection, vault: Vault, asker: Asker, at: datetime) -> None:
    since = at - WINDOW
    limits = [
        (OneTimeCode.mobile_index.in_(vault.indexes("mobile", asker.mobile)), MOST_A_MOBILE),
        (OneTimeCode.address_hash.in_(vault.indexes("address", asker.address)), MOST_AN_ADDRESS),
    ]
    if asker.national_id:
        ids = vault.indexes("national_id", asker.national_id)
        limits.append((OneTimeCode.national_id_index.in_(ids), MOST_AN_ID))
    for condition, most in limits:
        count, first = db.execute(
            select(func.count(), func.min(OneTimeCode.created_at)).where(
                condition, OneTimeCode.created_at > since, OneTimeCode.used_at.is_(None)
            )
        ).one()
        if count >= most:
            wait = first + WINDOW - at
            raise TooMany(max(1, -(-int(wait.total_seconds()) // 60)))


def pending(db: Connection, vault: Vault, browser: str, at: datetime) -> Pending | None:
    """The living code of a browser, or None."""
    row = _living(db, browser)
    if row is None or row.expires_at <= at:
        return None
    return _pending(vault, row)


def last(db: Connection, vault: Vault, browser: str, at: datetime) -> Pending | None:
    """The code that a browser asked for last, living or not, while a new one may follow it."""
    row = _living(db, browser)
    if row is None or row.created_at + WINDOW <= at:
        return None
    return _pending(vault, row)


def check(
    db: Connection, vault: Vault, browser: str, typed: str, at: datetime
) -> tuple[Verdict, Pending | None]:
    """Compare a typed code; each try is counted before it is looked at."""
    row = _living(db, browser)
    if row is None or row.expires_at <= at:
        return Verdict.EXPIRED, None
    counted = db.execute(
        update(OneTimeCode)
        .where(OneTimeCode.id == row.id, OneTimeCode.tries_left > 0)
        .values(tries_left=OneTimeCode.tries_left - 1)
    )
    if not counted.rowcount:
        return Verdict.USED_UP, None
    right = vault.is_index("code", _bound(hash_token(browser), typed), row.code_hash)
    if not right or row.purpose == Purpose.NOBODY:
        last = row.tries_left <= 1
        return (Verdict.USED_UP if last else Verdict.WRONG), _pending(vault, row)
    db.execute(
        update(OneTimeCode)
        .where(OneTimeCode.id == row.id)
        .values(used_at=at, tries_left=0, expires_at=at)
    )
    return Verdict.RIGHT, _pending(vault, row)


def citizen_for(db: Connection, vault: Vault, national_id: str, mobile: str, at: datetime) -> int:
    """The account of this pair, made at the first sign-in."""
    known = _find_citizen(db, vault, national_id, mobile)
    if known is not None:
        return known
    made: Any = insert_missing(
        db,
        insert(Citizen)
        .values(
            national_id=vault.seal("citizens.national_id", national_id),
            national_id_index=vault.index("national_id", national_id),
            mobile=vault.seal("citizens.mobile", mobile),
            mobile_index=vault.index("mobile", mobile),
            created_at=at,
        )
        .returning(Citizen.id),
    )
    # None: the same person signed in on two phones at once, and the other one made it
    return int(made if made is not None else _find_citizen(db, vault, national_id, mobile) or 0)


def claimed_with(db: Connection, vault: Vault, mobile: str) -> int:
    """How many national IDs this mobile has signed in with: a code proves the mobile alone."""
    return int(db.scalar(_CLAIMED, {"indexes": vault.indexes("mobile", mobile)}) or 0)


_CLAIMED = select(func.count()).where(
    Citizen.mobile_index.in_(bindparam("indexes", expanding=True))
)


def _find_citizen(db: Connection, vault: Vault, national_id: str, mobile: str) -> int | None:
    return db.scalar(
        select(Citizen.id).where(
            Citizen.national_id_index.in_(vault.indexes("national_id", national_id)),
            Citizen.mobile_index.in_(vault.indexes("mobile", mobile)),
        )
    )


def _living(db: Connection, browser: str) -> Any:
    return db.execute(
        select(OneTimeCode.__table__)
        .where(OneTimeCode.browser_hash == hash_token(browser), OneTimeCode.used_at.is_(None))
        .order_by(OneTimeCode.id.desc())
        .limit(1)
    ).one_or_none()


def _bound(browser_hash: bytes, code: str) -> str:
    """The code as hashed: worth nothing in another browser."""
    return f"{browser_hash.hex()}/{code}"


def _pending(vault: Vault, row: Any) -> Pending:
    nid = row.national_id
    return Pending(
        row.id,
        Purpose(row.purpose),
        vault.open("one_time_codes.mobile", row.mobile),
        vault.open("one_time_codes.national_id", nid) if nid else "",
        row.request_number or "",
        row.next_path,
        row.expires_at,
        row.tries_left,
    )


def drop_old(db: Connection, before: datetime) -> int:
    """Forget codes that no limit counts any more."""
    return db.execute(delete(OneTimeCode).where(OneTimeCode.created_at < before)).rowcount
