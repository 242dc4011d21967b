"""Tries to pay: each with an idempotency key of its own, one open at a time for each channel.

The number of the attempt is part of the key: a key used again after a decline would give the payer
the same declined checkout for ever (facts, webhooks, rule 8).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)

from payments import obligations
from payments.model import Attempt, Obligation
from payments.money import Money
from payments.obligations import Owed
from payments.provider import Checkout

# How long a provider is asked to keep a checkout open (it allows 30 minutes to 24 hours)
CHECKOUT_HOURS = 23
# A checkout this close to its end is not offered again: the payer needs time to type
_TOO_LATE = timedelta(minutes=5)
LOOK_AGAIN = timedelta(minutes=2)
# A cash reference is paid in hours or days, and told by the provider when it is
_LOOK_AT_KIOSK = timedelta(minutes=15)
BROUGHT_MONEY = ("paid", "surplus", "mismatched")
"""The states in which money came by an attempt."""


class Channel(StrEnum):
    """A hosted page for cards and wallets, or a reference that is paid in cash."""

    CHECKOUT = "checkout"
    KIOSK = "kiosk"


@dataclass(frozen=True)
class Wish:
    """What somebody wants to pay, and how. ``door`` is the page of ours that leads back."""

    channel: Channel
    amount: Money
    door: str = "owner"
    ends_at: datetime | None = None
    """When the attempt must be over, if earlier than the provider's own limit."""


@dataclass(frozen=True)
class Try:
    """An attempt as it stands."""

    id: str
    obligation_id: str
    number: int
    channel: Channel
    door: str
    session: str | None
    url: str | None
    payment: str | None
    voucher: str | None
    amount: Money
    set_aside: Money
    refunded: Money
    state: str
    kind: str
    method: str
    created_at: datetime
    expires_at: datetime
    settled_at: datetime | None

    @property
    def idempotency_key(self) -> str:
        """Of this try alone. The stage is not part of it: a payment can go to another one, and its
        number there, or the one that is free again here, would be a key that was used before."""
        return f"{self.id}-{self.number}"

    def fits(self, wish: Wish) -> bool:
        """Whether it can be offered again to somebody who wants ``wish``."""
        return self.amount == wish.amount and self.door == wish.door


_READ = select(Attempt.__table__, Obligation.currency).join(
    Obligation, Obligation.id == Attempt.obligation_id
)
_BY_ID = _READ.where(Attempt.id == bindparam("id"))
_BY_SESSION = _READ.where(Attempt.session == bindparam("session"))
_BY_PAYMENT = _READ.where(Attempt.payment == bindparam("payment"))
_LIVE = _READ.where(
    Attempt.obligation_id == bindparam("obligation"),
    Attempt.channel == bindparam("channel"),
    Attempt.state == "open",
)
_ONE = update(Attempt).where(Attempt.id == bindparam("of"))
_OPEN_ONE = _ONE.where(Attempt.state == "open")


def open_attempt(
    db: Connection, owed: Owed, attempt_id: str, provider: str, wish: Wish, at: datetime
) -> Try:
    """The live attempt of ``owed``, whose row the caller holds, or a new one.

    One that is late (:func:`is_late`) or does not fit must have been closed at the provider before.
    """
    found = live(db, owed.id, wish.channel)
    if found is not None and not is_late(found, at) and found.fits(wish):
        return found
    if found is not None:
        end(db, found.id, "expired", at)
    last = db.scalar(select(func.max(Attempt.number)).where(Attempt.obligation_id == owed.id))
    expires_at = at + timedelta(hours=CHECKOUT_HOURS)
    if wish.channel is Channel.KIOSK and wish.ends_at is not None:
        expires_at = wish.ends_at
    wait = LOOK_AGAIN if wish.channel is Channel.CHECKOUT else _LOOK_AT_KIOSK
    db.execute(
        insert(Attempt).values(
            id=attempt_id,
            obligation_id=owed.id,
            number=(last or 0) + 1,
            provider=provider,
            channel=wish.channel,
            door=wish.door,
            amount=wish.amount.minor,
            state="open",
            created_at=at,
            expires_at=expires_at,
            look_again_at=at + wait,
        )
    )
    made = find(db, attempt_id)
    assert made is not None  # noqa: S101 - inserted one line above
    return made


def is_late(attempt: Try, at: datetime) -> bool:
    """Whether the checkout ends so soon that it is not offered again."""
    return attempt.expires_at - at <= _TOO_LATE


def attach(db: Connection, attempt_id: str, checkout: Checkout) -> None:
    """Remember what the attempt is called at the provider."""
    voucher = checkout.voucher
    values: dict[str, Any] = {"session": checkout.session or None, "url": checkout.url or None}
    if checkout.payment:
        values["payment"] = checkout.payment
    if voucher is not None:
        values |= {"voucher": voucher.number, "expires_at": voucher.expires_at}
    db.execute(
        update(Attempt)
        .where(Attempt.id == attempt_id, Attempt.session.is_(None), Attempt.payment.is_(None))
        .values(**values)
    )


def end(db: Connection, attempt_id: str, state: str, at: datetime) -> None:
    """End an attempt that is open, without money."""
    db.execute(_OPEN_ONE, {"of": attempt_id, "state": state, "settled_at": at})


def paid(
    db: Connection, attempt: Try, state: str, checkout: Checkout, set_aside: Money, at: datetime
) -> None:
    """Money came: a late failure never undoes it, and an earlier one does not stand against it.

    The amount is what came: of what does not fit it may be another than was asked for.
    """
    told = {
        "state": state,
        "settled_at": at,
        "amount": checkout.amount.minor,
        "payment": checkout.payment,
        "kind": checkout.kind,
        "method": checkout.method,
        "set_aside": set_aside.minor,
    }
    db.execute(_ONE, {"of": attempt.id, **told})


def find(db: Connection, attempt_id: str) -> Try | None:
    return _one(db, _BY_ID, id=attempt_id)


def hold(db: Connection, attempt_id: str) -> tuple[Try, Owed] | None:
    """An attempt as it is now, with the row of what it pays held for this transaction.

    A payment can have gone to another request while its row was waited for: then that one's is
    held, and the one that it has left is let go.
    """
    attempt = find(db, attempt_id)
    while attempt is not None:
        with db.begin_nested() as here:
            owed = obligations.lock(db, attempt.obligation_id)
            now = find(db, attempt_id)
            if owed is not None and now is not None and now.obligation_id == owed.id:
                return now, owed
            here.rollback()
        attempt = now
    return None


def of_checkout(db: Connection, checkout: Checkout) -> Try | None:
    """The attempt that a checkout of the provider belongs to."""
    if checkout.session:
        return by_session(db, checkout.session)
    return by_payment(db, checkout.payment)


def by_session(db: Connection, session: str) -> Try | None:
    return _one(db, _BY_SESSION, session=session)


def by_payment(db: Connection, payment: str) -> Try | None:
    return _one(db, _BY_PAYMENT, payment=payment)


def live(db: Connection, obligation_id: str, channel: Channel) -> Try | None:
    """The open attempt of an obligation through one channel, if there is one."""
    return _one(db, _LIVE, obligation=obligation_id, channel=channel)


def newest_voucher(db: Connection, obligation_id: str) -> Try | None:
    """The newest cash reference of an obligation whose number is known, whatever became of it."""
    found = _all(db, Attempt.obligation_id == obligation_id, Attempt.voucher.is_not(None))
    return max(found, key=lambda each: each.number, default=None)


def begun_since(db: Connection, obligation_id: str, door: str, since: datetime) -> list[datetime]:
    """When the tries through a door began, from ``since`` on, oldest first."""
    rows = db.scalars(
        select(Attempt.created_at)
        .where(
            Attempt.obligation_id == obligation_id,
            Attempt.door == door,
            Attempt.created_at >= since,
        )
        .order_by(Attempt.created_at)
    )
    return list(rows)


def all_live(db: Connection, obligation_id: str) -> list[Try]:
    """Every open attempt of an obligation."""
    return _all(db, Attempt.obligation_id == obligation_id, Attempt.state == "open")


def with_money(db: Connection, obligation_id: str) -> list[Try]:
    """The attempts of an obligation that brought money, in the order in which it came."""
    found = _all(
        db,
        Attempt.obligation_id == obligation_id,
        Attempt.state.in_(BROUGHT_MONEY),
    )
    # numbers are by the beginning, and when one is to be looked at changes with every look
    return sorted(found, key=lambda each: (each.settled_at or each.created_at, each.number))


def that_paid(db: Connection, obligation_id: str) -> list[Try]:
    """Those of them that were credited: money that did not fit, or came too late, was not."""
    return [each for each in with_money(db, obligation_id) if each.state == "paid"]


def to_look_at(db: Connection, at: datetime, most: int) -> list[Try]:
    """Open attempts that nothing was heard of: the webhook may be lost."""
    return _all(
        db,
        Attempt.state == "open",
        Attempt.look_again_at <= at,
        or_(Attempt.session.is_not(None), Attempt.payment.is_not(None)),
        most=most,
    )


def not_wanted(db: Connection, most: int) -> list[Try]:
    """Open attempts that nobody should pay any more: less is owed by now, or nothing."""
    return _all(
        db,
        Attempt.state == "open",
        or_(Attempt.session.is_not(None), Attempt.payment.is_not(None)),
        or_(Obligation.state != "due", Obligation.amount - Obligation.credited < Attempt.amount),
        most=most,
    )


def looked_at(db: Connection, attempt_ids: Sequence[str], again_at: datetime) -> None:
    db.execute(update(Attempt).where(Attempt.id.in_(attempt_ids)).values(look_again_at=again_at))


def _one(db: Connection, wanted: Select[Any], **named: str) -> Try | None:
    row = db.execute(wanted, named).one_or_none()
    return None if row is None else _try(row)


def _all(db: Connection, *conditions: ColumnElement[bool], most: int | None = None) -> list[Try]:
    rows = db.execute(
        _READ.where(*conditions).order_by(Attempt.look_again_at, Attempt.number).limit(most)
    )
    return [_try(row) for row in rows]


def _try(row: Row[Any]) -> Try:
    currency = row.currency
    return Try(
        id=row.id,
        obligation_id=row.obligation_id,
        number=row.number,
        channel=Channel(row.channel),
        door=row.door,
        session=row.session,
        url=row.url,
        payment=row.payment,
        voucher=row.voucher,
        amount=Money(row.amount, currency),
        set_aside=Money(row.set_aside, currency),
        refunded=Money(row.refunded, currency),
        state=row.state,
        kind=row.kind,
        method=row.method,
        created_at=row.created_at,
        expires_at=row.expires_at,
        settled_at=row.settled_at,
    )
