"""A body as code knows it: what stands of its account, read for each question anew.

So that revoking a body, a key, an agreement or a user acts at once, nothing of it is remembered
between two questions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select

from portal.bodies.model import (
    BodyAgreement,
    BodyKey,
    BodyKind,
    BodyUser,
    OutsideBody,
    Purpose,
)

DEMO_KID = "demo"
DEMO_KEY: Mapping[str, str] = {
    "kty": "EC",
    "crv": "P-256",
    "x": "LuNAIVDDFbeV2kZmFWYwbpaH6wI_pjlRMhFQIBKMTKw",
    "y": "6tfbAmh9gGzuzh1NnNj8n7ODdU3FIbQ2V0P1eTsGIkg",
}
"""The key of the demo's bodies, whose private half anyone can read: production refuses it."""


@dataclass(frozen=True)
class Agreement:
    """What was agreed for one purpose, and holds on the day it was read."""

    id: int
    purpose: Purpose
    fields: frozenset[str]
    valid_until: date
    batches: bool
    notices: bool


@dataclass(frozen=True)
class Body:
    """A body that may come: neither it nor what is listed here was revoked."""

    code: str
    kind: BodyKind
    name_ar: str
    name_en: str
    governorate: str
    per_minute: int
    webhook_url: str
    agreements: Mapping[Purpose, Agreement]

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes that its tokens may have today."""
        return frozenset(purpose.scope for purpose in self.agreements)


def find(db: Connection, code: str, today: date) -> Body | None:
    """The body with the agreements that hold today; None when it was revoked, or never was."""
    row = db.execute(
        select(
            OutsideBody.code,
            OutsideBody.kind,
            OutsideBody.name_ar,
            OutsideBody.name_en,
            OutsideBody.governorate_code,
            OutsideBody.per_minute,
            OutsideBody.webhook_url,
        ).where(OutsideBody.code == code, OutsideBody.revoked_at.is_(None))
    ).one_or_none()
    if row is None:
        return None
    return Body(row.code, BodyKind(row.kind), *row[2:], agreements=_agreements(db, code, today))


def _agreements(db: Connection, code: str, today: date) -> dict[Purpose, Agreement]:
    rows = db.execute(
        select(
            BodyAgreement.id,
            BodyAgreement.purpose,
            BodyAgreement.fields,
            BodyAgreement.valid_until,
            BodyAgreement.batches,
            BodyAgreement.notices,
        ).where(
            BodyAgreement.body_code == code,
            BodyAgreement.revoked_at.is_(None),
            BodyAgreement.valid_until >= today,
        )
    )
    found = [
        Agreement(r.id, Purpose(r.purpose), frozenset(r.fields), r.valid_until, *r[4:])
        for r in rows
    ]
    return {agreement.purpose: agreement for agreement in found}


def keys(db: Connection, code: str, today: date) -> dict[str, Mapping[str, Any]]:
    """The public keys that hold today, by name; of a body that was revoked there are none."""
    rows = db.execute(
        select(BodyKey.kid, BodyKey.public_key)
        .join(OutsideBody, OutsideBody.code == BodyKey.body_code)
        .where(
            BodyKey.body_code == code,
            _key_holds(today),
            OutsideBody.revoked_at.is_(None),
        )
    )
    return {row.kid: row.public_key for row in rows}


def has_key(db: Connection, code: str, kid: str, today: date) -> bool:
    """Whether this key of the body holds today."""
    found = select(BodyKey.kid).where(
        BodyKey.body_code == code, BodyKey.kid == kid, _key_holds(today)
    )
    return db.scalar(found) is not None


def _key_holds(today: date) -> ColumnElement[bool]:
    return and_(BodyKey.revoked_at.is_(None), BodyKey.valid_until >= today)


def has_user(db: Connection, code: str, username: str) -> bool:
    """Whether the body has this user, and may still ask in that name."""
    found = select(BodyUser.username).where(
        BodyUser.body_code == code, BodyUser.username == username, BodyUser.revoked_at.is_(None)
    )
    return db.scalar(found) is not None


def has_demo_keys(db: Connection) -> bool:
    """Whether a body may come with the demo's key: production refuses to start."""
    stands = select(BodyKey.public_key).where(BodyKey.revoked_at.is_(None))
    return any(jwk.get("x") == DEMO_KEY["x"] for jwk in db.scalars(stands))
