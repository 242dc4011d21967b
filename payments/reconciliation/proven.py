"""What the ledger merely lacks and the provider proves: its fees, payouts made and arrived.

Each is booked now, as an effect of its own, and once. Nothing else is ever booked by a comparison.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from payments import ledger
from payments.model import Entry, EntryLine
from payments.reconciliation.matching import AT_PROVIDER
from payments.settlement import TAKEN

PAYOUT, PAYOUT_PAID, PAYOUT_FAILED = "payout", "payout_paid", "payout_failed"


def book_fee(db: Connection, line: Row[Any], at: datetime) -> None:
    """The provider's fee of a line whose entry is booked without it."""
    account = _account_of(db, line)
    lines = [ledger.Line(ledger.PROVIDER_FEES, line.fee), ledger.Line(account, -line.fee)]
    effect = ledger.Effect(ledger.PROVIDER, line.id, "fee", line.reference)
    ledger.book(db, effect, lines, line.currency, at)


def _account_of(db: Connection, line: Row[Any]) -> str:
    """Where the entry of a line put its money."""
    effects = TAKEN if line.effect == "payment" else (line.effect,)
    found = db.scalar(
        select(EntryLine.account)
        .join(Entry, Entry.id == EntryLine.entry_id)
        .where(
            Entry.provider == ledger.PROVIDER,
            Entry.object_id == line.object_id,
            Entry.effect.in_(effects),
            EntryLine.account.in_(AT_PROVIDER),
        )
        .order_by(EntryLine.position)
        .limit(1)
    )
    return found or ledger.CLEARING


def book_payout(db: Connection, line: Row[Any], at: datetime) -> None:
    """Money has left the provider for the treasury.

    A payout does not say by which means its money was paid; what was paid in cash leaves first. One
    that is taken back from the bank is a payout of less than nothing.
    """
    sent = -line.amount
    in_cash = max(min(_held(db, ledger.KIOSK_CLEARING, line.currency), sent), 0)
    lines = [ledger.Line(ledger.TREASURY_IN_TRANSIT, sent)]
    lines += [
        ledger.Line(account, -part)
        for account, part in (
            (ledger.KIOSK_CLEARING, in_cash),
            (ledger.CLEARING, sent - in_cash),
        )
        if part
    ]
    effect = ledger.Effect(ledger.PROVIDER, line.object_id, PAYOUT, "")
    ledger.book(db, effect, lines, line.currency, at)


def _held(db: Connection, account: str, currency: str) -> int:
    total = db.scalar(
        select(func.sum(EntryLine.amount))
        .join(Entry, Entry.id == EntryLine.entry_id)
        .where(EntryLine.account == account, Entry.currency == currency)
    )
    return int(total or 0)


def book_return(db: Connection, line: Row[Any], at: datetime) -> None:
    """A payout has failed, or was canceled: the money is with the provider again, as it was."""
    left = _lines_of(db, line.object_id, PAYOUT)
    if not left:
        return
    arrived = ledger.is_booked(db, ledger.PROVIDER, line.object_id, PAYOUT_PAID)
    came_from = ledger.TREASURY_SETTLED if arrived else ledger.TREASURY_IN_TRANSIT
    lines = [
        ledger.Line(
            came_from if each.account == ledger.TREASURY_IN_TRANSIT else each.account, -each.amount
        )
        for each in left
    ]
    effect = ledger.Effect(ledger.PROVIDER, line.object_id, PAYOUT_FAILED, "")
    ledger.book(db, effect, lines, line.currency, at)


def book_arrival(db: Connection, payout: Row[Any], at: datetime) -> None:
    """The provider says that a payout has arrived."""
    if not ledger.is_booked(db, ledger.PROVIDER, payout.id, PAYOUT):
        return
    if ledger.is_booked(db, ledger.PROVIDER, payout.id, PAYOUT_FAILED):
        return
    lines = [
        ledger.Line(ledger.TREASURY_SETTLED, payout.amount),
        ledger.Line(ledger.TREASURY_IN_TRANSIT, -payout.amount),
    ]
    effect = ledger.Effect(ledger.PROVIDER, payout.id, PAYOUT_PAID, "")
    ledger.book(db, effect, lines, payout.currency, at)


def _lines_of(db: Connection, object_id: str, effect: str) -> list[ledger.Line]:
    rows = db.execute(
        select(EntryLine.account, EntryLine.amount)
        .join(Entry, Entry.id == EntryLine.entry_id)
        .where(
            Entry.provider == ledger.PROVIDER,
            Entry.object_id == object_id,
            Entry.effect == effect,
        )
        .order_by(EntryLine.position)
    )
    return [ledger.Line(row.account, row.amount) for row in rows]
