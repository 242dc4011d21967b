"""The accounts of bodies as the governorate keeps them: opened, agreed with, revoked.

Each act is one transaction: the account moved on from the revision that its keeper saw, what the
act changes, and a line of ``body_acts`` that nobody changes. Of two keepers at once the second is
told. Nothing is deleted: a key that was revoked is still known as one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, insert, select, update

from portal.bodies.model import (
    BodyAct,
    BodyAgreement,
    BodyKey,
    BodyKind,
    BodyUser,
    OutsideBody,
    Purpose,
)
from portal.db import insert_missing
from portal.jws import thumbprint
from portal.problems import Conflict, Missing

_LONGEST_SUBJECT = 60


class BodyAction(StrEnum):
    """What a keeper does with an account."""

    OPEN = "open"
    CHANGE = "change"
    AGREE = "agree"
    END_AGREEMENT = "end_agreement"
    ADD_KEY = "add_key"
    REVOKE_KEY = "revoke_key"
    ADD_USER = "add_user"
    REVOKE_USER = "revoke_user"
    REVOKE = "revoke"
    REOPEN = "reopen"


class NotPossible(Conflict):
    """The account does not allow this act; ``reason`` is a code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Keeper:
    """Who acts on which account, from which of its revisions, and when."""

    body: str
    revision: int
    actor: str
    at: datetime


@dataclass(frozen=True)
class NewBody:
    """An account to be opened; ``letter`` is what the body asked for it with."""

    code: str
    kind: BodyKind
    name_ar: str
    name_en: str
    governorate: str
    letter: str


@dataclass(frozen=True)
class NewAgreement:
    """What is agreed for one purpose; ``fields`` are a part of the purpose's set, or all of it."""

    purpose: Purpose
    fields: Sequence[str]
    letter: str
    valid_until: date
    batches: bool
    notices: bool


@dataclass(frozen=True)
class NewKey:
    """A public key to be entered; ``valid_until`` is its last day."""

    kid: str
    jwk: Mapping[str, str]
    valid_until: date


def open_body(db: Connection, new: NewBody, actor: str, at: datetime) -> None:
    """Raises :class:`~portal.problems.Conflict` when the code is taken, by whomever."""
    row = insert(OutsideBody).values(
        code=new.code,
        kind=new.kind,
        name_ar=new.name_ar,
        name_en=new.name_en,
        governorate_code=new.governorate,
        created_at=at,
    )
    if insert_missing(db, row.returning(OutsideBody.code)) is None:
        raise Conflict(f"{new.code} is taken")
    _record(db, Keeper(new.code, 0, actor, at), 0, BodyAction.OPEN, "", new.letter)


def change(db: Connection, by: Keeper, per_minute: int, webhook_url: str, reason: str) -> None:
    """Its pace, and where changes are told."""
    subject = f"{per_minute}/min {urlsplit(webhook_url).hostname or ''}".strip()[:_LONGEST_SUBJECT]
    values = {"per_minute": per_minute, "webhook_url": webhook_url}
    _act(db, by, BodyAction.CHANGE, subject, reason, **values)


def agree(db: Connection, by: Keeper, new: NewAgreement) -> None:
    """An agreement is never changed: a new one takes the place of the one for its purpose."""
    _act(db, by, BodyAction.AGREE, new.purpose, new.letter)
    _end(db, by, BodyAgreement, BodyAgreement.purpose == new.purpose)
    db.execute(
        insert(BodyAgreement).values(
            body_code=by.body,
            purpose=new.purpose,
            fields=list(new.fields),
            letter=new.letter,
            valid_until=new.valid_until,
            batches=new.batches,
            notices=new.notices,
            created_at=by.at,
        )
    )


def end_agreement(db: Connection, by: Keeper, purpose: str, reason: str) -> None:
    _act(db, by, BodyAction.END_AGREEMENT, purpose, reason)
    _must(_end(db, by, BodyAgreement, BodyAgreement.purpose == purpose), "ended")


def add_key(db: Connection, by: Keeper, new: NewKey) -> None:
    """A key's name stands for one key for ever: what it signed must be told apart. And a key that
    was revoked does not come back under another name."""
    _act(db, by, BodyAction.ADD_KEY, new.kid, "")
    print_ = thumbprint(new.jwk)
    same = select(BodyKey.kid).where(BodyKey.body_code == by.body, BodyKey.thumbprint == print_)
    _must(db.scalar(same) is None, "same_key")
    row = insert(BodyKey).values(
        body_code=by.body,
        kid=new.kid,
        public_key=dict(new.jwk),
        thumbprint=print_,
        valid_until=new.valid_until,
        created_at=by.at,
    )
    _must(insert_missing(db, row.returning(BodyKey.kid)) is not None, "known_key")


def revoke_key(db: Connection, by: Keeper, kid: str, reason: str) -> None:
    _act(db, by, BodyAction.REVOKE_KEY, kid, reason)
    _must(_end(db, by, BodyKey, BodyKey.kid == kid), "ended")


def add_user(db: Connection, by: Keeper, username: str) -> None:
    """A user of the body; one that was revoked may ask again."""
    _act(db, by, BodyAction.ADD_USER, username, "")
    row = insert(BodyUser).values(body_code=by.body, username=username, created_at=by.at)
    if insert_missing(db, row.returning(BodyUser.username)) is not None:
        return
    back = (
        update(BodyUser)
        .where(
            BodyUser.body_code == by.body,
            BodyUser.username == username,
            BodyUser.revoked_at.is_not(None),
        )
        .values(revoked_at=None)
    )
    _must(bool(db.execute(back).rowcount), "known_user")


def revoke_user(db: Connection, by: Keeper, username: str, reason: str) -> None:
    _act(db, by, BodyAction.REVOKE_USER, username, reason)
    _must(_end(db, by, BodyUser, BodyUser.username == username), "ended")


def revoke(db: Connection, by: Keeper, reason: str) -> None:
    """From now on the body may nothing; what it asked before stays in the log."""
    _act(db, by, BodyAction.REVOKE, "", reason, revoked_at=by.at)


def reopen(db: Connection, by: Keeper, reason: str) -> None:
    """It may again what its agreements say; keys that were revoked stay so."""
    _act(db, by, BodyAction.REOPEN, "", reason, revoked_at=None)


def _end(db: Connection, by: Keeper, table: type[Any], which: Any) -> bool:
    """Whether there was one that stood."""
    standing = (table.body_code == by.body, which, table.revoked_at.is_(None))
    return bool(db.execute(update(table).where(*standing).values(revoked_at=by.at)).rowcount)


def _must(done: bool, reason: str) -> None:
    if not done:
        raise NotPossible(reason)


def _act(
    db: Connection, by: Keeper, action: BodyAction, subject: str, reason: str, **values: Any
) -> None:
    """Move the account on by one revision, and write down why."""
    state = db.execute(
        select(OutsideBody.revision, OutsideBody.revoked_at)
        .where(OutsideBody.code == by.body)
        .with_for_update()
    ).one_or_none()
    if state is None:
        raise Missing(f"body {by.body}")
    if state.revision != by.revision:
        raise NotPossible("changed")
    closed = state.revoked_at is not None
    if closed is not (action is BodyAction.REOPEN):
        raise NotPossible("closed" if closed else "not_closed")
    revision = by.revision + 1
    done = db.execute(
        update(OutsideBody)
        .where(OutsideBody.code == by.body, OutsideBody.revision == by.revision)
        .values(revision=revision, **values)
    )
    _must(bool(done.rowcount), "changed")
    _record(db, by, revision, action, subject, reason)


def _record(
    db: Connection, by: Keeper, revision: int, action: BodyAction, subject: str, reason: str
) -> None:
    db.execute(
        insert(BodyAct).values(
            body_code=by.body,
            revision=revision,
            act=action,
            subject=subject,
            reason=reason,
            actor=by.actor,
            at=by.at,
        )
    )
