"""Staff accounts: argon2id passwords, failures counted by account and by address."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, delete, func, insert, select, update

from portal.db import Database
from portal.identity.model import FailedSignIn, SignIn, Staff
from portal.problems import Conflict, TooMany
from portal.vault import Vault

_WINDOW = timedelta(minutes=15)
_MOST_AN_ACCOUNT = 10
_MOST_AN_ADDRESS = 50
SHORTEST_PASSWORD = 12  # ASVS v4 2.1.1


@dataclass(frozen=True)
class StaffAccount:
    """An account as its owner's pages need it."""

    id: int
    username: str
    role: str
    scope: str
    demo: bool


@cache
def _hasher() -> PasswordHasher:
    # OWASP's first choice for argon2id: 19 MiB, two passes, one lane
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


@cache
def _nobody() -> str:
    """What a password is compared with when there is no such account: the same work."""
    return _hasher().hash("nobody has this password")


def hash_password(password: str) -> str:
    return _hasher().hash(password)


def sign_in(
    database: Database, vault: Vault, username: str, password: str, address: str, at: datetime
) -> StaffAccount | None:
    """The account, or None when name or password is wrong; raises :class:`TooMany`."""
    keys = {
        vault.index("staff name", username.lower()): _MOST_AN_ACCOUNT,
        vault.index("staff address", address): _MOST_AN_ADDRESS,
    }
    with database.read() as db:
        _check_limits(db, keys, at)
        row = db.execute(
            select(
                Staff.id,
                Staff.username,
                Staff.role,
                Staff.scope,
                Staff.demo,
                Staff.password_hash,
            ).where(Staff.username == username, Staff.disabled_at.is_(None))
        ).one_or_none()
    if not _matches(row.password_hash if row else _nobody(), password) or row is None:
        with database.begin() as db:
            db.execute(insert(FailedSignIn), [{"key_hash": key, "at": at} for key in keys])
        return None
    return StaffAccount(row.id, row.username, row.role, row.scope, row.demo)


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher().verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _check_limits(db: Connection, keys: dict[bytes, int], at: datetime) -> None:
    for key, most in keys.items():
        count, first = db.execute(
            select(func.count(), func.min(FailedSignIn.at)).where(
                FailedSignIn.key_hash == key, FailedSignIn.at > at - _WINDOW
            )
        ).one()
        if count >= most:
            wait = first + _WINDOW - at
            raise TooMany(max(1, -(-int(wait.total_seconds()) // 60)))


def add(
    db: Connection,
    username: str,
    display_name: str,
    role: str,
    scope: str,
    password_hash: str,
    at: datetime,
    *,
    demo: bool = False,
) -> None:
    """Make an account; raises :class:`~portal.problems.Conflict` when the name is taken."""
    if db.scalar(select(Staff.id).where(Staff.username == username)):
        raise Conflict(f"{username} exists")
    db.execute(
        insert(Staff).values(
            username=username,
            display_name=display_name,
            role=role,
            scope=scope,
            password_hash=password_hash,
            demo=demo,
            created_at=at,
        )
    )


def disable(db: Connection, username: str, at: datetime) -> bool:
    """Close an account; its sessions end with it. False when there is none."""
    done = db.execute(
        update(Staff)
        .where(Staff.username == username, Staff.disabled_at.is_(None))
        .values(disabled_at=at)
    )
    return bool(done.rowcount)


def set_password(db: Connection, username: str, password_hash: str) -> bool:
    """Change a password; who signed in with the old one is out. False when there is none."""
    done = db.execute(
        update(Staff)
        .where(Staff.username == username)
        .values(password_hash=password_hash, demo=False)
    )
    owner = select(Staff.id).where(Staff.username == username)
    db.execute(delete(SignIn).where(SignIn.staff_id.in_(owner)))
    return bool(done.rowcount)


def has_demo_accounts(db: Connection) -> bool:
    """Whether accounts with the demo's password are open: production refuses to start."""
    known = select(Staff.id).where(Staff.demo, Staff.disabled_at.is_(None)).limit(1)
    return db.scalar(known) is not None


def forget_failures(db: Connection, before: datetime) -> int:
    return db.execute(delete(FailedSignIn).where(FailedSignIn.at < before)).rowcount
