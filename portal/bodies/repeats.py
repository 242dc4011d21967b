"""What an ``Idempotency-Key`` led to: who asks the same again, after a lost answer, is answered the
same and nothing happens twice."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from portal.bodies.model import BodyRepeat
from portal.bodies.refusals import Turned
from portal.vault import Vault

REMEMBERED = timedelta(days=1)
LONGEST_KEY = 200
_KIND = "body_request"


def led_to(
    db: Connection, vault: Vault, body_code: str, key: str, asked: Mapping[str, Any], at: datetime
) -> str | None:
    """What the key led to, or None when it is new; :class:`Turned` when it was for something
    else. The body takes turns by then."""
    row = db.execute(
        select(BodyRepeat.request, BodyRepeat.led_to).where(
            BodyRepeat.body_code == body_code,
            BodyRepeat.key == _hashed(key),
            BodyRepeat.forget_at > at,
        )
    ).one_or_none()
    if row is None:
        return None
    if not vault.is_index(_KIND, _canonical(asked), row.request):
        raise Turned("key_taken")
    return str(row.led_to)


def remember(
    db: Connection,
    vault: Vault,
    body_code: str,
    key: str,
    asked: Mapping[str, Any],
    found: str,
    at: datetime,
) -> None:
    """Remember what the key led to; old ones are forgotten."""
    db.execute(delete(BodyRepeat).where(BodyRepeat.forget_at <= at))
    db.execute(
        insert(BodyRepeat).values(
            body_code=body_code,
            key=_hashed(key),
            request=vault.index(_KIND, _canonical(asked)),
            led_to=found,
            forget_at=at + REMEMBERED,
        )
    )


def _hashed(key: str) -> bytes:
    return sha256(key.encode()).digest()


def _canonical(asked: Mapping[str, Any]) -> str:
    return json.dumps(asked, sort_keys=True, separators=(",", ":"))
