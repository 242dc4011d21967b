"""The rows of a day's three-way table: what moved by provider, ledger and treasury.

Every sum is a movement of what the provider holds: what came is positive, what went negative.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, and_, case, delete, func, insert, select

from payments.reconciliation import book, treasury
from payments.reconciliation.matching import SAME, Unbacked
from payments.reconciliation.model import BookLine, DayTotal

FEE_ROW = "fee"
_ROWS = {
    book.REFUND_FAILED: book.REFUND,
    book.DISPUTE_WON: book.DISPUTE,
    book.PAYOUT_FAILED: book.PAYOUT,
    "surplus": book.PAYMENT,
    "suspense": book.PAYMENT,
    "dispute_fee": book.DISPUTE,
}


@dataclass
class Total:
    """One row, in minor units of one currency."""

    provider_count: int = 0
    provider_amount: int = 0
    ledger_count: int = 0
    ledger_amount: int = 0
    treasury_count: int = 0
    treasury_amount: int = 0


Totals = dict[tuple[str, str], Total]
"""By currency and row."""


def row_of(effect: str) -> str:
    """The row that an effect is counted in."""
    return _ROWS.get(effect, effect)


def sums(db: Connection, day: date, *which: Any) -> Totals:
    """What the lines of a day sum to at the provider, and their entries in the ledger.

    Each side is counted in the currency that it names.
    """
    same = BookLine.verdict == SAME
    booked = BookLine.entries > 0
    rows = db.execute(
        select(
            BookLine.currency,
            BookLine.booked_currency,
            BookLine.effect,
            func.count().label("told"),
            func.sum(BookLine.amount).label("amount"),
            func.sum(case((BookLine.fee != 0, 1), else_=0)).label("fees"),
            func.sum(BookLine.fee).label("fee"),
            func.sum(case((booked, 1), else_=0)).label("booked_count"),
            func.sum(case((same, BookLine.amount), else_=BookLine.booked)).label("booked"),
            func.sum(case((and_(booked, BookLine.fee != 0), 1), else_=0)).label("booked_fees"),
            func.sum(case((same, BookLine.fee), else_=BookLine.booked_fee)).label("booked_fee"),
        )
        .where(BookLine.day == day, *which)
        .group_by(BookLine.currency, BookLine.booked_currency, BookLine.effect)
    )
    found: Totals = {}
    for row in rows:
        total = _total(found, row.currency, row_of(row.effect))
        total.provider_count += row.told
        total.provider_amount += int(row.amount)
        if row.fees:
            fee = _total(found, row.currency, FEE_ROW)
            fee.provider_count += int(row.fees)
            fee.provider_amount -= int(row.fee)
        if row.booked_count:
            total = _total(found, row.booked_currency, row_of(row.effect))
            total.ledger_count += int(row.booked_count)
            total.ledger_amount += int(row.booked)
        if row.booked_fee:
            fee = _total(found, row.booked_currency or row.currency, FEE_ROW)
            fee.ledger_count += int(row.booked_fees)
            fee.ledger_amount -= int(row.booked_fee)
    return found


def _total(totals: Totals, currency: str, row: str) -> Total:
    return totals.setdefault((currency, row), Total())


def keep(db: Connection, day: date, unbacked: list[Unbacked]) -> None:
    """Write the rows of a day down, entries without a line included."""
    totals = sums(db, day)
    for entry in unbacked:
        total = _total(totals, entry.currency, row_of(entry.effect))
        total.ledger_count += 1
        total.ledger_amount += entry.amount
    for (currency, row), total in totals.items():
        if row == book.PAYOUT:
            count, amount = treasury.arrived(db, day, currency)
            total.treasury_count, total.treasury_amount = count, -amount
    db.execute(delete(DayTotal).where(DayTotal.day == day))
    if totals:
        db.execute(
            insert(DayTotal),
            [
                {"day": day, "currency": currency, "row": row, **vars(total)}
                for (currency, row), total in sorted(totals.items())
            ],
        )
