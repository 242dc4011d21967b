"""A provider's book in memory, and a ledger beside it, for tests of the daily comparison."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from payments import attempts, ledger, obligations, settlement
from payments.attempts import Channel, Wish
from payments.model import PaymentCase
from payments.money import Money
from payments.obligations import OwedLine
from payments.provider import Charged, Checkout, CheckoutStatus, Payout, Rejected, Transaction
from payments.reconciliation.daily import Reconciler
from portal.clock import CAIRO, SettableClock
from portal.db import Database

LINES = (("local_unit", "certificate", 10_000), ("treasury", "stamp", 500))
AMOUNT = 10_500
FEE = 310


@dataclass
class PaperBook:
    """Implements :class:`payments.provider.Book`: what the test wrote into it."""

    lines: list[Transaction] = field(default_factory=list)
    paid_out: list[Payout] = field(default_factory=list)
    checkouts: dict[str, Checkout] = field(default_factory=dict)
    asked: int = 0

    def transactions(self, since: datetime, until: datetime) -> Iterator[Transaction]:
        found = [line for line in self.lines if since <= line.created_at < until]
        yield from sorted(found, key=lambda line: (line.created_at, line.id), reverse=True)

    def transaction(self, transaction: str) -> Transaction:
        self.asked += 1
        for line in self.lines:
            if line.id == transaction:
                return line
        raise Rejected("no such balance transaction")

    def transactions_of(self, source: str) -> list[Transaction]:
        self.asked += 1
        return [line for line in self.lines if line.source == source]

    def read_payment(self, payment: str) -> Checkout:
        self.asked += 1
        if payment not in self.checkouts:
            raise Rejected("no such payment_intent")
        return self.checkouts[payment]

    def balance(self) -> Sequence[Money]:
        held: dict[str, int] = {}
        for line in self.lines:
            currency = line.amount.currency
            held[currency] = held.get(currency, 0) + line.net.minor
        return [Money(minor, currency) for currency, minor in sorted(held.items())]

    def payouts(self, since: datetime, until: datetime) -> Iterator[Payout]:
        return iter([each for each in self.paid_out if since <= each.created_at < until])

    def read_payout(self, payout: str) -> Payout:
        for each in self.paid_out:
            if each.id == payout:
                return each
        raise Rejected("no such payout")


class Desk:
    """A database with a ledger, the book beside it, and a clock: what a test of a day needs."""

    def __init__(self, database: Database, at: datetime) -> None:
        self.database = database
        self.clock = SettableClock(at)
        self.book = PaperBook()
        self.lost: dict[str, Checkout] = {}
        """Payments that the portal has not heard of, and finds when it looks."""
        self.looked: list[tuple[str, str, str]] = []
        self.reconciler = Reconciler(
            database, self.book, self._look, in_desouk, self.clock.now, CAIRO
        )
        self._made = 0

    def _look(self, effect: str, object_id: str, payment: str) -> None:
        self.looked.append((effect, object_id, payment))
        if payment in self.lost:
            self._settle(self.lost.pop(payment))

    def _settle(self, checkout: Checkout) -> None:
        with self.database.begin() as db:
            settlement.settle(db, checkout, live=False, year=2026, at=self.clock.now())

    def owe(self, reference: str, lines: Sequence[tuple[str, str, int]] = LINES) -> str:
        """An obligation; its id."""
        self._made += 1
        owed = f"o{self._made}"
        frozen = [OwedLine(i, e, i, i, Money(amount), e == "payer") for e, i, amount in lines]
        with self.database.begin() as db:
            obligations.create(db, owed, reference, "submission", frozen, self.clock.now())
        return owed

    def pay(
        self,
        reference: str,
        *,
        owed: str = "",
        amount: int = 0,
        fee: int | None = FEE,
        told: bool = True,
        booked: bool = True,
        kind: str = "card",
        **line: Any,
    ) -> str:
        """A payment at the provider and in the ledger; the provider's id.

        ``fee`` None: the provider has not told it to the portal. ``booked`` False: the portal has
        heard nothing; ``told`` False: it finds nothing either when it looks.
        """
        owed = owed or self.owe(reference)
        with self.database.begin() as db:
            due = obligations.get(db, owed)
            assert due is not None
            amount = amount or due.remaining.minor
            self._made += 1
            wish = Wish(Channel.CHECKOUT, Money(amount))
            at = self.clock.now()
            attempt = attempts.open_attempt(db, due, f"a{self._made}", "stripe", wish, at)
        payment, charge = f"pi_{self._made:06d}", f"txn_{self._made:06d}"
        checkout = Checkout(
            session=f"cs_{self._made}",
            status=CheckoutStatus.COMPLETE,
            paid=True,
            amount=Money(amount),
            reference=reference,
            obligation=owed,
            attempt=attempt.id,
            live=False,
            url="",
            payment=payment,
            expires_at=at,
            kind=kind,
            method="Visa",
            charged=None if fee is None else Charged(charge, Money(fee)),
        )
        with self.database.begin() as db:
            attempts.attach(db, attempt.id, checkout)
        self.add(charge, "charge", amount, FEE, payment=payment, reference=reference, **line)
        known = replace(checkout, charged=Charged(charge, Money(FEE)))
        self.book.checkouts[payment] = known
        if booked:
            self._settle(checkout)
        elif told:
            self.lost[payment] = known
        return payment

    def add(
        self, name: str, kind: str, amount: int, fee: int = 0, currency: str = "EGP", **more: Any
    ) -> None:
        """A line of the book."""
        values = {"source": f"src_{name}", "payment": "", "created_at": self.clock.now(), **more}
        self.book.lines.append(
            Transaction(
                name, kind, amount=Money(amount, currency), fee=Money(fee, currency), **values
            )
        )

    def pay_out(self, name: str, amount: int, status: str = "in_transit", fee: int = 0) -> None:
        """A payout: one line of the book, one payout."""
        now = self.clock.now()
        self.add(f"txn_{name}", "payout", -amount, fee, source=name)
        self.book.paid_out.append(
            Payout(name, Money(amount), status, now, (now + timedelta(days=1)).astimezone(UTC))
        )

    def arrive(self, name: str, status: str = "paid") -> None:
        self.book.paid_out = [
            replace(each, status=status) if each.id == name else each for each in self.book.paid_out
        ]

    def next_morning(self, days: int = 1) -> None:
        """Four o'clock of a following day in Cairo."""
        local = self.clock.at.astimezone(CAIRO) + timedelta(days=days)
        self.clock.at = local.replace(hour=4, minute=0).astimezone(UTC)

    def cases(self) -> list[tuple[str, str, str]]:
        """Open cases: kind, object, reference."""
        with self.database.read() as db:
            rows = db.execute(
                select(PaymentCase.kind, PaymentCase.object_id, PaymentCase.reference)
                .where(PaymentCase.closed_at.is_(None))
                .order_by(PaymentCase.kind, PaymentCase.object_id)
            )
            return [(row.kind, row.object_id, row.reference) for row in rows]

    def balance(self, account: str) -> int:
        with self.database.read() as db:
            return ledger.balance(db, account).minor


def in_desouk(_db: Connection, references: Sequence[str]) -> dict[str, str]:
    """The center of every request is KFS-003."""
    return dict.fromkeys(references, "KFS-003")


def entry(db: Connection, at: datetime, name: str, effect: str, *lines: tuple[str, int]) -> None:
    """An entry that nobody booked by way of the program."""
    booked = [ledger.Line(account, amount) for account, amount in lines]
    made = ledger.Effect(ledger.PROVIDER, name, effect, "26-0001")
    ledger.book(db, made, booked, "EGP", at)
