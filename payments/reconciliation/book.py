"""Keeping the provider's book: its lines as rows, so that the comparison needs no memory.

A line names the entry of the ledger that belongs to it: the object that moved the money, and the
effect of it.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, insert, select, update

from payments.provider import Transaction
from payments.reconciliation.days import day_of
from payments.reconciliation.model import BookLine, Day
from payments.reconciliation.store import Store

PAYMENT, REFUND, REFUND_FAILED = "payment", "refund", "refund_failed"
DISPUTE, DISPUTE_WON = "dispute", "dispute_won"
PAYOUT, PAYOUT_FAILED = "payout", "payout_failed"
OTHER = "other"
_BATCH = 500
# https://docs.stripe.com/reports/balance-transaction-types
_KINDS = {
    "charge": PAYMENT,
    "payment": PAYMENT,
    "refund": REFUND,
    "payment_refund": REFUND,
    "refund_failure": REFUND_FAILED,
    "payment_failure_refund": REFUND_FAILED,
    "payout": PAYOUT,
    "payout_cancel": PAYOUT_FAILED,
    "payout_failure": PAYOUT_FAILED,
}
_TOLD = (
    "day",
    "kind",
    "effect",
    "object_id",
    "payment",
    "currency",
    "amount",
    "fee",
    "created_at",
)
"""What the provider may tell otherwise when it is asked again."""
_UNREAD = "unread"
"""The verdict of a line between two readings; what keeps it is no longer told."""


def effect_of(line: Transaction) -> tuple[str, str]:
    """Effect and object of the entry that belongs to a line of the book."""
    if line.kind == "adjustment" and line.source:
        return (DISPUTE if line.amount.minor < 0 else DISPUTE_WON), line.source
    effect = _KINDS.get(line.kind, OTHER)
    if effect == OTHER:
        return OTHER, line.id
    return effect, (line.payment if effect == PAYMENT else line.source) or line.id


def keep(store: Store, lines: Iterable[Transaction], zone: ZoneInfo) -> int:
    """Keep lines as they are told, some hundred at a time; how many.

    Nothing is written while the provider is waited for.
    """
    told, kept = iter(lines), 0
    while batch := list(islice(told, _BATCH)):
        with store.begin() as db:
            _keep(db, batch, zone)
        kept += len(batch)
    return kept


def _keep(db: Connection, batch: Sequence[Transaction], zone: ZoneInfo) -> None:
    """What is told of a closed day stays as it was told then."""
    rows = {line.id: _row(line, zone) for line in batch}
    found = db.execute(select(BookLine.__table__).where(BookLine.id.in_(rows))).all()
    known = {row.id: row for row in found}
    days = {row["day"] for row in rows.values()} | {row.day for row in found}
    closed = set(db.scalars(select(Day.day).where(Day.day.in_(days), Day.state == "closed")))
    fresh, again = [], []
    for name, row in rows.items():
        before = known.get(name)
        if row["day"] in closed or (before and before.day in closed):
            continue
        if before is None:
            fresh.append(row)
            continue
        again.append(name)
        changed = {told: row[told] for told in _TOLD if row[told] != getattr(before, told)}
        if changed:
            db.execute(update(BookLine).where(BookLine.id == name).values(**changed))
    if fresh:
        db.execute(insert(BookLine), fresh)
    if again:
        db.execute(update(BookLine).where(BookLine.id.in_(again)).values(verdict=""))


def _row(line: Transaction, zone: ZoneInfo) -> dict[str, Any]:
    effect, object_id = effect_of(line)
    return {
        "id": line.id,
        "day": day_of(line.created_at, zone),
        "kind": line.kind[:40],
        "effect": effect,
        "object_id": object_id,
        "payment": line.payment,
        "currency": line.amount.currency,
        "amount": line.amount.minor,
        "fee": line.fee.minor,
        "created_at": line.created_at,
        "reference": line.reference[:40],
    }


def begin_reading(store: Store, day: date, at: datetime) -> int | None:
    """Before the book of a day is read (again): which reading this is, or None for a closed day.

    Until it is compared to its end, the day cannot be closed.
    """
    with store.begin() as db:
        runs = db.scalar(
            update(Day)
            .where(Day.day == day, Day.state == "open")
            .values(runs=Day.runs + 1, complete=False)
            .returning(Day.runs)
        )
        if runs is None:
            if db.scalar(select(Day.day).where(Day.day == day)) is not None:
                return None
            runs = 1
            first = {"runs": runs, "complete": False, "lines": 0, "differences": 0}
            db.execute(insert(Day).values(day=day, state="open", compared_at=at, **first))
        db.execute(update(BookLine).where(BookLine.day == day).values(verdict=_UNREAD))
    return runs


def end_reading(store: Store, day: date, runs: int) -> bool:
    """After it was read to its end: what was not told this time is not in the book.

    False when another reading has begun.
    """
    with store.begin() as db:
        own = update(Day).where(Day.day == day, Day.runs == runs).values(runs=runs)
        if not db.execute(own).rowcount:
            return False
        db.execute(delete(BookLine).where(BookLine.day == day, BookLine.verdict == _UNREAD))
    return True
