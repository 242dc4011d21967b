"""What was sent when a session had just ended, kept until its owner has signed in again.

Nothing is saved for somebody who is not signed in. What they typed is sealed, under the cookie it
came with, for half an hour; it is shown to that browser alone, and only after the very person of
the ended session has signed in there. A session that was signed out is gone and holds nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from portal.identity.model import HeldForm, SignIn
from portal.identity.sessions import hash_token
from portal.vault import Vault

KEPT = timedelta(minutes=30)
_FORM = "held_forms.form"
_MOST_CHARACTERS = 100_000
_LONGEST_PATH = 300  # as in the table; the pages' own are far shorter


@dataclass(frozen=True)
class Held:
    """A form that came too late: where it was sent to, and its values in order."""

    path: str
    values: Mapping[str, Sequence[str]]


def hold(
    db: Connection,
    vault: Vault,
    cookie: str,
    path: str,
    values: Mapping[str, Sequence[str]],
    at: datetime,
) -> None:
    """Keep a form of an ended session; nothing when nobody knows whose it was."""
    owner = db.execute(
        select(SignIn.citizen_id, SignIn.staff_id).where(
            SignIn.token_hash == hash_token(cookie), SignIn.request_number.is_(None)
        )
    ).one_or_none()
    if owner is None or _length(values) > _MOST_CHARACTERS or len(path) > _LONGEST_PATH:
        return
    drop(db, cookie)
    db.execute(
        insert(HeldForm).values(
            token_hash=hash_token(cookie),
            citizen_id=owner.citizen_id,
            staff_id=owner.staff_id,
            path=path,
            form=vault.seal_json(_FORM, {name: list(given) for name, given in values.items()}),
            kept_until=at + KEPT,
        )
    )


def _length(values: Mapping[str, Sequence[str]]) -> int:
    return sum(len(name) + sum(map(len, given)) for name, given in values.items())


def hand_over(
    db: Connection,
    cookie: str,
    fresh: str,
    at: datetime,
    *,
    citizen_id: int | None = None,
    staff_id: int | None = None,
) -> bool:
    """Give what a browser holds to its new session, if the same person signed in; else drop it."""
    given = db.execute(
        update(HeldForm)
        .where(
            HeldForm.token_hash == hash_token(cookie),
            HeldForm.kept_until > at,
            HeldForm.citizen_id == citizen_id if citizen_id else HeldForm.staff_id == staff_id,
        )
        .values(token_hash=hash_token(fresh))
    )
    drop(db, cookie)
    return bool(given.rowcount)


def of(db: Connection, vault: Vault, cookie: str, at: datetime) -> Held | None:
    """What the browser with this cookie holds. Whoever asks has found its session first."""
    row = db.execute(
        select(HeldForm.path, HeldForm.form).where(
            HeldForm.token_hash == hash_token(cookie), HeldForm.kept_until > at
        )
    ).one_or_none()
    return Held(row.path, vault.open_json(_FORM, row.form)) if row else None


def drop(db: Connection, cookie: str) -> None:
    db.execute(delete(HeldForm).where(HeldForm.token_hash == hash_token(cookie)))


def drop_old(db: Connection, at: datetime) -> int:
    return db.execute(delete(HeldForm).where(HeldForm.kept_until <= at)).rowcount
