"""The provider's and the treasury's side of the demo's year: compared and closed, day by day.

The payments of that year were made up, so the sandbox knows none of them. What a provider would
have booked is told here in its place: each payment with a fee, and every evening a payout of what
is there, which the treasury's statement has on the next day.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import select

from payments.model import Attempt
from payments.money import Money
from payments.provider import Checkout, Payout, Rejected, Transaction
from payments.reconciliation import closing, treasury
from payments.reconciliation.daily import Reconciler
from payments.reconciliation.days import span
from payments.reconciliation.treasury import Arrival
from portal.clock import CAIRO, SettableClock, cairo_day
from portal.core import Core
from portal.finance.units import unit_of

_BY = "finance_officer@EG"
_EVENING = timedelta(hours=1)  # before the day ends


@dataclass
class _PastBook:
    """Implements :class:`payments.provider.Book` for payments that were made up."""

    lines: dict[date, list[Transaction]] = field(default_factory=dict)
    paid_out: dict[date, Payout] = field(default_factory=dict)

    def add(self, line: Transaction) -> None:
        self.lines.setdefault(cairo_day(line.created_at), []).append(line)

    def pay_out(self, day: date) -> None:
        """Everything of the day."""
        at = span(day, CAIRO).ends - _EVENING
        amount = Money.total(line.net for line in self.lines[day])
        name = f"po_demo_{day:%Y%m%d}"
        self.add(Transaction(f"txn_{name}", "payout", name, "", -amount, Money(0), at))
        self.paid_out[day] = Payout(name, amount, "paid", at, at + timedelta(days=1))

    def transactions(self, since: datetime, until: datetime) -> Iterator[Transaction]:
        found = self.lines.get(cairo_day(since), [])
        yield from sorted(
            (line for line in found if since <= line.created_at < until),
            key=lambda line: line.created_at,
            reverse=True,
        )

    def transaction(self, transaction: str) -> Transaction:
        for lines in self.lines.values():
            for line in lines:
                if line.id == transaction:
                    return line
        raise Rejected(transaction)

    def transactions_of(self, source: str) -> list[Transaction]:
        return [line for lines in self.lines.values() for line in lines if line.source == source]

    def read_payment(self, payment: str) -> Checkout:
        raise Rejected(payment)

    def balance(self) -> Sequence[Money]:
        return [Money.total(line.net for lines in self.lines.values() for line in lines)]

    def payouts(self, since: datetime, _until: datetime) -> Iterator[Payout]:
        made = self.paid_out.get(cairo_day(since))
        yield from [made] if made else []

    def read_payout(self, payout: str) -> Payout:
        for each in self.paid_out.values():
            if each.id == payout:
                return each
        raise Rejected(payout)


def close_past(core: Core, clock: SettableClock, now: datetime) -> int:
    """Compare and close the days of the year that had payments; how many."""
    book = _told(core)
    days = [day for day in sorted(book.lines) if day < cairo_day(now)]
    reconciler = Reconciler(core.database, book, lambda *_: None, unit_of, clock.now, CAIRO)
    for day in days:
        known = reconciler.result(day)
        if known is not None and known.closed:
            continue  # a load that was interrupted
        book.pay_out(day)
        clock.at = span(day, CAIRO).ends + closing.WAIT
        result = reconciler.run(day)
        paid = book.paid_out[day]
        arrived = Arrival(day + timedelta(days=1), paid.id, paid.amount.minor, paid.amount.currency)
        with core.database.begin() as db:
            treasury.enter(db, paid.id.encode(), [arrived], _BY, clock.at)
        closing.close(
            core.database,
            day,
            result.runs,
            unit_of,
            zone=CAIRO,
            by=_BY,
            note="",
            at=clock.at,
        )
    return len(days)


def _told(core: Core) -> _PastBook:
    book = _PastBook()
    with core.database.read() as db:
        rows = db.execute(
            select(Attempt.payment, Attempt.amount, Attempt.settled_at).where(
                Attempt.state.in_(("paid", "surplus")), Attempt.payment.startswith("pi_demo_")
            )
        ).all()
    for row in rows:
        fee = Money((row.amount * 2 + 50) // 100 + 100)
        name, amount = str(row.payment), Money(row.amount)
        charge = f"ch_{name[3:]}"
        book.add(
            Transaction(f"txn_{name[3:]}", "charge", charge, name, amount, fee, row.settled_at)
        )
    return book
