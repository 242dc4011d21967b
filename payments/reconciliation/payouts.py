"""Payouts of a day, and what became of those that were on their way."""

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, update

from payments.provider import Book, Payout, Rejected
from payments.reconciliation import proven, treasury
from payments.reconciliation.days import Span, day_of
from payments.reconciliation.model import KnownPayout
from payments.reconciliation.store import Store

_ON_THE_WAY = ("pending", "in_transit")


def follow(
    store: Store, provider: Book, when: Span, zone: ZoneInfo, now: Callable[[], datetime]
) -> None:
    """Keep the payouts of a day as they are now, and those before it that had not arrived, or that
    came back on this day: a bank may return what it had taken."""
    for payout in provider.payouts(when.begins, when.ends):
        _keep(store, payout, zone, now())
    with store.read() as db:
        waiting = db.scalars(
            select(KnownPayout.id).where(
                KnownPayout.status.in_(_ON_THE_WAY), KnownPayout.created_at < when.begins
            )
        )
        asked = {*waiting, *treasury.returned_on(db, when.day)}
    for payout_id in sorted(asked):
        try:
            payout = provider.read_payout(payout_id)
        except Rejected:
            continue
        _keep(store, payout, zone, now())


def _keep(store: Store, payout: Payout, zone: ZoneInfo, now: datetime) -> None:
    values = {
        "day": day_of(payout.created_at, zone),
        "currency": payout.amount.currency,
        "amount": payout.amount.minor,
        "status": payout.status,
        "created_at": payout.created_at,
        "arrives_on": payout.arrives_on.astimezone(UTC).date(),
    }
    with store.begin() as db:
        known = db.execute(update(KnownPayout).where(KnownPayout.id == payout.id).values(**values))
        if not known.rowcount:
            db.execute(insert(KnownPayout).values(id=payout.id, **values))
        if payout.status == "paid":
            row = db.execute(select(KnownPayout.__table__).where(KnownPayout.id == payout.id)).one()
            proven.book_arrival(db, row, now)
