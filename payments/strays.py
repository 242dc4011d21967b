"""Payments beside the one that their checkout was opened for: a session that brought a second one.

Such money stands in ``suspense``. So that it can go back, or be put where it belongs, it gets an
attempt of its own, under the obligation of the checkout that it came by.
"""

import hashlib
from datetime import datetime

from sqlalchemy import Connection, Row, func, insert, select

from payments import attempts, ledger, obligations
from payments.attempts import Channel, Try
from payments.model import Attempt, Entry, EntryLine, PaymentCase
from payments.money import Money
from payments.storage import insert_missing


def of_payment(db: Connection, payment: str) -> Try | None:
    """The attempt that brought a payment; for a stray one the attempt that it would get."""
    return attempts.by_payment(db, payment) or _imagined(db, payment)


def keep(db: Connection, payment: str) -> Try | None:
    """The attempt that brought a payment; a stray one gets it now. None when it is not ours."""
    found = of_payment(db, payment)
    if found is None or attempts.find(db, found.id) is not None:
        return found
    obligations.lock(db, found.obligation_id)
    last, provider = db.execute(
        select(func.max(Attempt.number), func.min(Attempt.provider)).where(
            Attempt.obligation_id == found.obligation_id
        )
    ).one()
    insert_missing(
        db,
        insert(Attempt).values(
            id=found.id,
            obligation_id=found.obligation_id,
            number=last + 1,
            provider=provider,
            channel=found.channel,
            door=found.door,
            payment=payment,
            amount=found.amount.minor,
            set_aside=found.set_aside.minor,
            state=found.state,
            kind=found.kind,
            created_at=found.created_at,
            expires_at=found.expires_at,
            look_again_at=found.created_at,
            settled_at=found.settled_at,
        ),
    )
    return attempts.by_payment(db, payment)


def _imagined(db: Connection, payment: str) -> Try | None:
    booked = _booked(db, payment)
    beside = _attempt_beside(db, payment) if booked else None
    if booked is None or beside is None:
        return None
    in_cash = booked.account == ledger.KIOSK_CLEARING
    # in units of the debt's currency, as every attempt: what came stands in the ledger
    currency = beside.amount.currency
    amount = Money(booked.amount, currency)
    return Try(
        id=hashlib.sha256(payment.encode()).hexdigest()[:32],
        obligation_id=beside.obligation_id,
        number=0,
        channel=Channel.KIOSK if in_cash else Channel.CHECKOUT,
        door=beside.door,
        session=None,
        url=None,
        payment=payment,
        voucher=None,
        amount=amount,
        set_aside=amount,
        refunded=Money(0, currency),
        state="mismatched",
        kind="kiosk" if in_cash else beside.kind,
        method="",
        created_at=booked.booked_at,
        expires_at=booked.booked_at,
        settled_at=booked.booked_at,
    )


def _booked(db: Connection, payment: str) -> Row[str, int, datetime] | None:
    return db.execute(
        select(EntryLine.account, EntryLine.amount, Entry.booked_at)
        .join(Entry, Entry.id == EntryLine.entry_id)
        .where(
            Entry.provider == ledger.PROVIDER,
            Entry.object_id == payment,
            Entry.effect == "suspense",
            EntryLine.amount > 0,
        )
    ).one_or_none()


def _attempt_beside(db: Connection, payment: str) -> Try | None:
    """The attempt whose checkout brought it: the case that was opened names the session."""
    session = db.scalar(
        select(PaymentCase.detail).where(
            PaymentCase.kind == "mismatch_obligation", PaymentCase.object_id == payment
        )
    )
    return attempts.by_session(db, session) if session else None
