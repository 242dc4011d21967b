"""The owner's consent that a bank is told the estimated value: a code that he hands over.

It is of one permit, lives for some weeks, counts for the first body that uses it, and can be taken
back. The code itself is not kept.
"""

from datetime import date, datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from portal.bodies.model import BodyConsent
from portal.clock import public_id
from portal.vault import Vault

LIFE = timedelta(days=30)
_LENGTH = 16
_KIND = "consent"


def give(db: Connection, vault: Vault, permit_id: int, at: datetime, today: date) -> str:
    """A new code for this permit, in groups of four; those before it count no more."""
    withdraw(db, permit_id, at)
    code = public_id(_LENGTH)
    db.execute(
        insert(BodyConsent).values(
            code=vault.index(_KIND, code), permit_id=permit_id, given_at=at, until=today + LIFE
        )
    )
    return "-".join(code[start : start + 4] for start in range(0, _LENGTH, 4))


def withdraw(db: Connection, permit_id: int, at: datetime) -> None:
    """No code of this permit counts any more."""
    db.execute(
        update(BodyConsent)
        .where(BodyConsent.permit_id == permit_id, BodyConsent.withdrawn_at.is_(None))
        .values(withdrawn_at=at)
    )


def given_until(db: Connection, permit_id: int, today: date) -> date | None:
    """The last day of the code that counts, if there is one."""
    return db.scalar(
        select(BodyConsent.until).where(
            BodyConsent.permit_id == permit_id,
            BodyConsent.withdrawn_at.is_(None),
            BodyConsent.until >= today,
        )
    )


def use(
    db: Connection, vault: Vault, permit_id: int, code: str, body_code: str, today: date
) -> bool:
    """Whether the code lets this body know; the first that uses it is the only one."""
    plain = code.replace("-", "").replace(" ", "").lower()
    done = db.execute(
        update(BodyConsent)
        .where(
            BodyConsent.code.in_(vault.indexes(_KIND, plain)),
            BodyConsent.permit_id == permit_id,
            BodyConsent.withdrawn_at.is_(None),
            BodyConsent.until >= today,
            BodyConsent.body_code.is_(None) | (BodyConsent.body_code == body_code),
        )
        .values(body_code=body_code)
    )
    return done.rowcount > 0
