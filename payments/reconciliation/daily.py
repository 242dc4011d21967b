"""One day, compared: provider, ledger, treasury.

The day may be compared as often as one likes: the same books give the same result. What the ledger
lacks is looked at afresh first, for a webhook may be lost; what only the provider can know is
booked (:mod:`proven`); everything else becomes a case for a person, and nothing is ever edited.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, func, select, update

from payments.provider import Book, Rejected, Transaction
from payments.reconciliation import (
    book,
    findings,
    matching,
    payouts,
    proven,
    sharing,
    totals,
    treasury,
)
from payments.reconciliation.days import Span, span
from payments.reconciliation.matching import FEE_UNTOLD, Kind, Unbacked
from payments.reconciliation.model import BookLine, Day
from payments.reconciliation.result import DayResult, result_of
from payments.reconciliation.sharing import UnitOf
from payments.reconciliation.store import Store

Look = Callable[[str, str, str], None]
"""Asks the provider about an object that moved money, and works in what it says: effect, object,
payment. Raises nothing but what the provider raises."""

_BATCH = 200


class Reconciler:
    """Compares days, one at a time."""

    def __init__(
        self,
        store: Store,
        provider: Book,
        look: Look,
        unit_of: UnitOf,
        now: Callable[[], datetime],
        zone: ZoneInfo,
    ) -> None:
        self._store = store
        self._provider = provider
        self._look = look
        self._unit_of = unit_of
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

    def result(self, day: date) -> DayResult | None:
        """A day as it was compared last; None when it was not."""
        with self._store.read() as db:
            return result_of(db, day)

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
        payouts.follow(self._store, self._provider, when, self._zone, self._now)
        unbacked = list(self._without_line(when))
        self._write_down(day, unbacked)
        findings.open_cases(self._store, day, self._now())
        with self._store.read() as db:
            shares = sharing.shares_of(db, when, self._unit_of)
        with self._store.begin() as db:
            last_word = update(Day).where(Day.day == day, Day.runs == runs)
            if db.execute(last_word.values(complete=complete)).rowcount:
                sharing.keep(db, day, shares)

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
            (book.REFUND_FAILED, FEE_UNTOLD): proven.book_fee,
            (book.PAYOUT, FEE_UNTOLD): proven.book_fee,
            (book.PAYOUT_FAILED, FEE_UNTOLD): proven.book_fee,
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
        if totals.row_of(entry.effect) == book.PAYMENT:
            charged = self._provider.read_payment(entry.object_id).charged
            return [self._provider.transaction(charged.transaction)] if charged else []
        wanted = matching.effect_of_entry(entry.effect), entry.object_id
        told = self._provider.transactions_of(entry.object_id)
        return [line for line in told if book.effect_of(line) == wanted]

    def _write_down(self, day: date, unbacked: list[Unbacked]) -> None:
        """What was found, at once."""
        now = self._now()
        with self._store.begin() as db:
            sent, back = treasury.of_day(db, day), treasury.returned_on(db, day)
            of_payouts = sorted({*sent, *back, *treasury.unknown_on(db, day)})
            differences = findings.keep(db, day, unbacked, treasury.check(db, of_payouts, now))
            totals.keep(db, day, unbacked)
            findings.close_solved(db, day, now)
            lines = db.scalar(select(func.count()).select_from(BookLine).where(BookLine.day == day))
            db.execute(
                update(Day)
                .where(Day.day == day)
                .values(lines=lines, differences=differences, compared_at=now)
            )
