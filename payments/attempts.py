"""Tries to pay: one open at a time for an obligation, each with an idempotency key of its own.

The number of the attempt is part of the key: a key used again after a decline would give the payer
the same declined checkout for ever (facts, webhooks, rule 8).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, func, insert, select, update

from payments.model import Attempt
from payments.money import Money
from payments.obligations import Owed

# How long a provider is asked to keep a checkout open (it allows 30 minutes to 24 hours)
CHECKOUT_HOURS = 23
# A checkout this close to its end is not offered again: the payer needs time to type
_TOO_LATE = timedelta(minutes=5)
LOOK_AGAIN = timedelta(minutes=2)


@dataclass(frozen=True)
class Try:
    """An attempt as it stands."""

    id: str
    obligation_id: str
    number: int
    session: str | None
    url: str | None
    amount: Money
    state: str
    method: str
    expires_at: datetime

    @property
    def idempotency_key(self) -> str:
        return f"{self.obligation_id}-{self.number}"


_Row = Row[str, str, int, str | None, str | None, int, str, str, datetime]
_COLUMNS = (
    Attempt.id,
    Attempt.obligation_id,
    Attempt.number,
    Attempt.session,
    Attempt.url,
    Attempt.amount,
    Attempt.state,
    Attempt.method,
    Attempt.expires_at,
)


def open_attempt(db: Connection, owed: Owed, attempt_id: str, provider: str, at: datetime) -> Try:
    """The live attempt of ``owed``, whose row the caller holds, or a new one.

    One that is late (:func:`is_late`) must have been closed at the provider before.
    """
    live = db.execute(
        select(*_COLUMNS).where(Attempt.obligation_id == owed.id, Attempt.state == "open")
    ).one_or_none()
    if live is not None and not is_late(_try(live), at):
        return _try(live)
    if live is not None:
        end(db, live.id, "expired", at)
    last = db.scalar(select(func.max(Attempt.number)).where(Attempt.obligation_id == owed.id))
    expires_at = at + timedelta(hours=CHECKOUT_HOURS)
    db.execute(
        insert(Attempt).values(
            id=attempt_id,
            obligation_id=owed.id,
            number=(last or 0) + 1,
            provider=provider,
            amount=owed.amount.minor,
            state="open",
            created_at=at,
            expires_at=expires_at,
            look_again_at=at + LOOK_AGAIN,
        )
    )
    found = find(db, attempt_id)
    assert found is not None  # noqa: S101 - inserted one line above
    return found


def is_late(attempt: Try, at: datetime) -> bool:
    """Whether the checkout ends so soon that it is not offered again."""
    return attempt.expires_at - at <= _TOO_LATE


def attach(db: Connection, attempt_id: str, session: str, url: str) -> None:
    """Remember which checkout of the provider the attempt is."""
    db.execute(
        update(Attempt)
        .where(Attempt.id == attempt_id, Attempt.session.is_(None))
        .values(session=session, url=url)
    )


def end(db: Connection, attempt_id: str, state: str, at: datetime) -> None:
    """End an attempt that is open, without money."""
    db.execute(
        update(Attempt)
        .where(Attempt.id == attempt_id, Attempt.state == "open")
        .values(state=state, settled_at=at)
    )


def paid(db: Connection, attempt_id: str, state: str, at: datetime, method: str) -> None:
    """Money came: a late failure never undoes it, and an earlier one does not stand against it."""
    db.execute(
        update(Attempt)
        .where(Attempt.id == attempt_id)
        .values(state=state, settled_at=at, method=method)
    )


def find(db: Connection, attempt_id: str) -> Try | None:
    row = db.execute(select(*_COLUMNS).where(Attempt.id == attempt_id)).one_or_none()
    return None if row is None else _try(row)


def by_session(db: Connection, session: str) -> Try | None:
    row = db.execute(select(*_COLUMNS).where(Attempt.session == session)).one_or_none()
    return None if row is None else _try(row)


def live(db: Connection, obligation_id: str) -> Try | None:
    """The open attempt of an obligation, if there is one."""
    row = db.execute(
        select(*_COLUMNS).where(Attempt.obligation_id == obligation_id, Attempt.state == "open")
    ).one_or_none()
    return None if row is None else _try(row)


def to_look_at(db: Connection, at: datetime, most: int) -> Sequence[str]:
    """Sessions of open attempts that nothing was heard of: the webhook may be lost."""
    return list(
        db.scalars(
            select(Attempt.session)
            .where(
                Attempt.state == "open",
                Attempt.look_again_at <= at,
                Attempt.session.is_not(None),
            )
            .order_by(Attempt.look_again_at)
            .limit(most)
        )
    )


def looked_at(db: Connection, session: str, again_at: datetime) -> None:
    db.execute(update(Attempt).where(Attempt.session == session).values(look_again_at=again_at))


def _try(row: _Row) -> Try:
    identity, obligation_id, number, session, url, amount, state, method, expires_at = row
    return Try(
        identity, obligation_id, number, session, url, Money(amount), state, method, expires_at
    )
