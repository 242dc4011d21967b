"""One day, compared: provider, ledger, treasury.

The day may be compared as often as one likes: the same books give the same result. What the ledger
lacks is looked at afresh first, for a webhook may be lost; what only the provider can know is
booked (:mod:`proven`); everything else becomes a case for a person, and nothing is ever edited.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    Connection,
    Row,
    and_,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from payments.cases import open_case
from payments.model import PaymentCase
from payments.provider import Book, Payout, Rejected, Transaction
from payments.reconciliation import book, matching, proven, treasury
from payments.reconciliation.days import Span, day_of, span
from payments.reconciliation.matching import FEE_UNTOLD, SAME, Kind, Unbacked
from payments.reconciliation.model import (
    BookLine,
    Day,
    DayDifference,
    DayTotal,
    KnownPayout,
)
from payments.reconciliation.store import Store
from payments.reconciliation.treasury import CASE, Difference

Look = Callable[[str, str, str], None]
"""Asks the provider about an object that moved money, and works in what it says: effect, object,
payment. Raises nothing but what the provider raises."""

OF_LINES = (
    Kind.MISSING_IN_LEDGER,
    Kind.AMOUNT,
    Kind.FEE,
    Kind.DUPLICATE,
    Kind.CURRENCY,
)
FEE_ROW = "fee"
_ROWS = {
    book.REFUND_FAILED: book.REFUND,
    book.DISPUTE_WON: book.DISPUTE,
    book.PAYOUT_FAILED: book.PAYOUT,
    "surplus": book.PAYMENT,
    "suspense": book.PAYMENT,
    "dispute_fee": book.DISPUTE,
}
_ON_THE_WAY = ("pending", "in_transit")
_BATCH = 200


@dataclass(frozen=True)
class DayResult:
    """What the comparison of a day found."""

    day: date
    state: str
    runs: int
    complete: bool
    lines: int
    differences: int
    compared_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    closed_note: str | None
    digest: str | None

    @property
    def closed(self) -> bool:
        return self.state == "closed"


class Reconciler:
    """Compares days, one at a time."""

    def __init__(
        self,
        store: Store,
        provider: Book,
        look: Look,
        now: Callable[[], datetime],
        zone: ZoneInfo,
    ) -> None:
        self._store = store
        self._provider = provider
        self._look = look
        self._now = now
        self._zone = zone

    def run(self, day: date) -> DayResult:
        """Compare a day; a closed one is told as it was closed.

        Raises :class:`~payments.provider.Unreachable` when the provider does not answer; the day
        then stays as it was compared before.
        """
        when, begun = span(day, self._zone), self._now()
        runs = book.begin_reading(self._store, day, begun)
        if runs is not None:
            self._compare(when, runs, complete=begun >= when.ends)
        found = self.result(day)
        assert found is not None  # noqa: S101 - there was a row, or one was made
        return found

    def _compare(self, when: Span, runs: int, *, complete: bool) -> None:
        """One comparison; if another of the same day begins meanwhile, that one has the word."""
        day = when.day
        told = self._provider.transactions(when.begins, when.ends)
        book.keep(self._store, told, self._zone)
        if not book.end_reading(self._store, day, runs):
            return
        matching.compare(self._store, day)
        self._look_again(day)
        self._book_proven(day)
        self._follow_payouts(when)
        unbacked = list(self._without_line(when))
        self._finish(when, unbacked)
        self._open_cases(day)
        with self._store.begin() as db:
            last_word = update(Day).where(Day.day == day, Day.runs == runs)
            db.execute(last_word.values(complete=complete))

    def result(self, day: date) -> DayResult | None:
        """A day as it was compared last; None when it was not."""
        with self._store.read() as db:
            return result_of(db, day)

    def _look_again(self, day: date) -> None:
        """News can be lost: what the ledger lacks, or has otherwise, is read at the provider."""
        wrong = (Kind.MISSING_IN_LEDGER, Kind.AMOUNT)
        for lines in matching.with_verdict(self._store, day, *wrong, FEE_UNTOLD):
            looked_at = [line for line in lines if self._can_be_looked_at(line)]
            for line in looked_at:
                try:
                    self._look(line.effect, line.object_id, line.payment)
                except Rejected:
                    continue  # the provider does not know it by itself: it stays missing
            self._weigh(looked_at)

    @staticmethod
    def _can_be_looked_at(line: Row[Any]) -> bool:
        if line.effect in {book.PAYOUT, book.PAYOUT_FAILED, book.OTHER}:
            return False
        # the fee of a dispute is the dispute's own affair; that of a payment is only booked
        return line.verdict != FEE_UNTOLD or line.effect in {book.DISPUTE, book.DISPUTE_WON}

    def _weigh(self, lines: list[Row[Any]]) -> None:
        if not lines:
            return
        with self._store.begin() as db:
            matching.weigh(db, BookLine.id.in_([line.id for line in lines]))

    def _book_proven(self, day: date) -> None:
        """Fees told late, payouts made and payouts that came back."""
        acts = {
            (book.PAYOUT, Kind.MISSING_IN_LEDGER): proven.book_payout,
            (book.PAYOUT_FAILED, Kind.MISSING_IN_LEDGER): proven.book_return,
            (book.PAYMENT, FEE_UNTOLD): proven.book_fee,
            (book.REFUND, FEE_UNTOLD): proven.book_fee,
            (book.PAYOUT, FEE_UNTOLD): proven.book_fee,
        }
        for _ in range(2):  # a payout may have a fee, which is booked once it is
            for lines in matching.with_verdict(
                self._store, day, Kind.MISSING_IN_LEDGER, FEE_UNTOLD
            ):
                wanted = [line for line in lines if (line.effect, line.verdict) in acts]
                wanted.sort(key=lambda line: (line.created_at, line.effect != book.PAYOUT, line.id))
                for begin in range(0, len(wanted), _BATCH):
                    part = wanted[begin : begin + _BATCH]
                    with self._store.begin() as db:
                        for line in part:
                            acts[line.effect, line.verdict](db, line, self._now())
                    self._weigh(part)

    def _follow_payouts(self, when: Span) -> None:
        """Payouts of the day, and those that were still on their way."""
        for payout in self._provider.payouts(when.begins, when.ends):
            self._keep_payout(payout)
        with self._store.read() as db:
            waiting = db.scalars(
                select(KnownPayout.id)
                .where(KnownPayout.status.in_(_ON_THE_WAY), KnownPayout.created_at < when.begins)
                .order_by(KnownPayout.id)
            ).all()
        for payout_id in waiting:
            try:
                self._keep_payout(self._provider.read_payout(payout_id))
            except Rejected:
                continue

    def _keep_payout(self, payout: Payout) -> None:
        values = {
            "day": day_of(payout.created_at, self._zone),
            "currency": payout.amount.currency,
            "amount": payout.amount.minor,
            "status": payout.status,
            "created_at": payout.created_at,
            "arrives_on": payout.arrives_on.astimezone(UTC).date(),
        }
        with self._store.begin() as db:
            known = db.execute(
                update(KnownPayout).where(KnownPayout.id == payout.id).values(**values)
            )
            if not known.rowcount:
                db.execute(insert(KnownPayout).values(id=payout.id, **values))
            if payout.status == "paid":
                row = db.execute(
                    select(KnownPayout.__table__).where(KnownPayout.id == payout.id)
                ).one()
                proven.book_arrival(db, row, self._now())

    def _without_line(self, when: Span) -> Iterator[Unbacked]:
        """Entries of the day that the provider has no line for, on no day."""
        for entry in matching.unbacked(self._store, when):
            line = self._line_of(entry)
            if line is None:
                yield entry

    def _line_of(self, entry: Unbacked) -> str | None:
        """The line of an entry that lies on another day, kept with it; None when there is none."""
        try:
            lines = self._lines_of(entry)
        except Rejected:
            return None
        book.keep(self._store, lines, self._zone)
        names = [line.id for line in lines]
        with self._store.begin() as db:
            matching.weigh(db, BookLine.id.in_(names))
            return db.scalar(select(BookLine.id).where(BookLine.id.in_(names)))

    def _lines_of(self, entry: Unbacked) -> list[Transaction]:
        if entry.effect == "fee":
            return [self._provider.transaction(entry.object_id)]
        if row_of(entry.effect) == book.PAYMENT:
            charged = self._provider.read_payment(entry.object_id).charged
            return [self._provider.transaction(charged.transaction)] if charged else []
        wanted = matching.effect_of_entry(entry.effect), entry.object_id
        told = self._provider.transactions_of(entry.object_id)
        return [line for line in told if book.effect_of(line) == wanted]

    def _finish(self, when: Span, unbacked: list[Unbacked]) -> None:
        """Write the result down, at once."""
        day, now = when.day, self._now()
        with self._store.begin() as db:
            treasury_found = treasury.check(
                db, [*treasury.of_day(db, day), *treasury.unknown_on(db, day)], now
            )
            db.execute(delete(DayDifference).where(DayDifference.day == day))
            _keep_line_differences(db, day)
            _keep_differences(db, day, [*_of_entries(unbacked), *treasury_found])
            _keep_totals(db, day, unbacked)
            _close_solved(db, day, now)
            lines = db.scalar(select(func.count()).select_from(BookLine).where(BookLine.day == day))
            differences = db.scalar(
                select(func.count()).select_from(DayDifference).where(DayDifference.day == day)
            )
            db.execute(
                update(Day)
                .where(Day.day == day)
                .values(lines=lines, differences=differences, compared_at=now)
            )

    def _open_cases(self, day: date) -> None:
        """A case for each difference; some at a time, for there may be many."""
        last = ("", "")
        while True:
            with self._store.begin() as db:
                found = db.execute(
                    select(DayDifference.__table__)
                    .where(
                        DayDifference.day == day,
                        (DayDifference.kind > last[0])
                        | (DayDifference.kind == last[0]) & (DayDifference.object_id > last[1]),
                    )
                    .order_by(DayDifference.kind, DayDifference.object_id)
                    .limit(_BATCH)
                ).all()
                for each in found:
                    detail = (
                        f"{day}: provider {each.provider_amount}, ledger {each.ledger_amount} "
                        f"{each.currency}"
                    )
                    open_case(
                        db, CASE + each.kind, each.object_id, each.reference, detail, self._now()
                    )
            if not found:
                return
            last = (found[-1].kind, found[-1].object_id)


def result_of(db: Connection, day: date) -> DayResult | None:
    """A day as it was compared last."""
    row = db.execute(select(Day.__table__).where(Day.day == day)).one_or_none()
    return None if row is None else read_day(row)


def read_day(row: Row[Any]) -> DayResult:
    return DayResult(
        day=row.day,
        state=row.state,
        runs=row.runs,
        complete=row.complete,
        lines=row.lines,
        differences=row.differences,
        compared_at=row.compared_at,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        closed_note=row.closed_note,
        digest=row.digest,
    )


def _keep_line_differences(db: Connection, day: date) -> None:
    """Set by set: there may be as many as lines."""
    is_fee = BookLine.verdict == Kind.FEE
    db.execute(
        insert(DayDifference).from_select(
            [
                "day",
                "kind",
                "object_id",
                "reference",
                "currency",
                "provider_amount",
                "ledger_amount",
                "treasury_amount",
            ],
            select(
                BookLine.day,
                BookLine.verdict,
                BookLine.id,
                BookLine.reference,
                BookLine.currency,
                case((is_fee, -BookLine.fee), else_=BookLine.amount),
                case((is_fee, -BookLine.booked_fee), else_=BookLine.booked),
                literal(0),
            ).where(BookLine.day == day, BookLine.verdict.in_(OF_LINES)),
        )
    )


def _of_entries(unbacked: list[Unbacked]) -> list[Difference]:
    """One for each object, however many of its entries have no line."""
    found: dict[str, Difference] = {}
    for entry in unbacked:
        before = found.get(entry.object_id)
        amount = entry.amount + (before.ledger_amount if before else 0)
        found[entry.object_id] = Difference(
            Kind.MISSING_AT_PROVIDER,
            entry.object_id,
            entry.reference,
            entry.currency,
            0,
            amount,
            0,
        )
    return list(found.values())


def _keep_differences(db: Connection, day: date, found: list[Difference]) -> None:
    for begin in range(0, len(found), _BATCH):
        db.execute(
            insert(DayDifference),
            [
                {
                    "day": day,
                    "kind": each.kind,
                    "object_id": each.object_id,
                    "reference": each.reference,
                    "currency": each.currency,
                    "provider_amount": each.provider_amount,
                    "ledger_amount": each.ledger_amount,
                    "treasury_amount": each.treasury_amount,
                }
                for each in found[begin : begin + _BATCH]
            ],
        )


def _close_solved(db: Connection, day: date, now: datetime) -> None:
    """Cases of an earlier comparison of the day whose difference is gone."""
    still = (
        select(DayDifference.day)
        .where(
            DayDifference.day == day,
            DayDifference.object_id == PaymentCase.object_id,
            PaymentCase.kind == literal(CASE) + DayDifference.kind,
        )
        .correlate(PaymentCase)
        .exists()
    )
    db.execute(
        update(PaymentCase)
        .where(
            PaymentCase.closed_at.is_(None),
            PaymentCase.kind.startswith(CASE, autoescape=True),
            PaymentCase.detail.startswith(f"{day}:"),
            ~still,
        )
        .values(closed_at=now, closed_note="a later comparison of the day agrees")
    )


def row_of(effect: str) -> str:
    """The row of the day's table that an effect is counted in."""
    return _ROWS.get(effect, effect)


@dataclass
class _Total:
    provider_count: int = 0
    provider_amount: int = 0
    ledger_count: int = 0
    ledger_amount: int = 0
    treasury_count: int = 0
    treasury_amount: int = 0


def _keep_totals(db: Connection, day: date, unbacked: list[Unbacked]) -> None:
    totals = sums(db, day)
    for entry in unbacked:
        row = FEE_ROW if entry.effect == "fee" else row_of(entry.effect)
        total = totals.setdefault((entry.currency, row), _Total())
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


def sums(db: Connection, day: date, *which: Any) -> dict[tuple[str, str], _Total]:
    """What the lines of a day sum to, by currency and row: at the provider and in the ledger.

    Every sum is a movement of what the provider holds: what came is positive, what went negative.
    """
    same = BookLine.verdict == SAME
    booked = BookLine.entries > 0
    rows = db.execute(
        select(
            BookLine.currency,
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
        .group_by(BookLine.currency, BookLine.effect)
    )
    found: dict[tuple[str, str], _Total] = {}
    for row in rows:
        total = found.setdefault((row.currency, row_of(row.effect)), _Total())
        total.provider_count += row.told
        total.provider_amount += int(row.amount)
        total.ledger_count += int(row.booked_count)
        total.ledger_amount += int(row.booked)
        if row.fees or row.booked_fee:
            fee = found.setdefault((row.currency, FEE_ROW), _Total())
            fee.provider_count += int(row.fees)
            fee.provider_amount -= int(row.fee)
            fee.ledger_count += int(row.booked_fees)
            fee.ledger_amount -= int(row.booked_fee)
    return found
