"""One outside body of each kind, with a key that everyone has: ``examples/body.demo-key.json``."""

from datetime import date, datetime, timedelta

from sqlalchemy import Connection, insert

from portal.bodies.accounts import DEMO_KEY, DEMO_KID
from portal.bodies.model import BodyAct, BodyAgreement, BodyKey, BodyKind, BodyUser, OutsideBody
from portal.bodies.purposes import PURPOSES, fields_of
from portal.demo.answers import INVENTED
from portal.demo.permits import GOVERNORATE
from portal.jws import thumbprint

USER = "1042"
LETTER = "DEMO-1"
_AGREED = timedelta(days=730)


def code_of(kind: BodyKind) -> str:
    """What the demo's body of a kind is called, such as ``kfs-water``."""
    return f"kfs-{kind.value.replace('_', '-')}"


def load_bodies(db: Connection, now: datetime, today: date) -> None:
    """Each with all that facts §6.5 lets its kind know."""
    for kind in BodyKind:
        code = code_of(kind)
        name_ar, name_en = INVENTED["bodies"][kind.value]
        db.execute(
            insert(OutsideBody).values(
                code=code,
                kind=kind,
                name_ar=name_ar,
                name_en=name_en,
                governorate_code=GOVERNORATE,
                created_at=now,
            )
        )
        db.execute(
            insert(BodyAgreement),
            [
                {
                    "body_code": code,
                    "purpose": purpose,
                    "fields": list(fields_of(kind, purpose)),
                    "letter": LETTER,
                    "valid_until": today + _AGREED,
                    "batches": True,
                    "notices": True,
                    "created_at": now,
                }
                for purpose in sorted(PURPOSES[kind])
            ],
        )
        db.execute(
            insert(BodyKey).values(
                body_code=code,
                kid=DEMO_KID,
                public_key=dict(DEMO_KEY),
                thumbprint=thumbprint(DEMO_KEY),
                valid_until=today + _AGREED,
                created_at=now,
            )
        )
        db.execute(insert(BodyUser).values(body_code=code, username=USER, created_at=now))
        db.execute(
            insert(BodyAct).values(body_code=code, revision=0, act="open", actor="demo", at=now)
        )
