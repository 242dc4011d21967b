"""The portal's side of the daily comparison: what a look is, when a day is due, who closes it."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Protocol

from sqlalchemy import Connection, func, select

from payments import attempts, disputes, ledger
from payments.export import Export, export
from payments.model import Entry, EntryLine
from payments.money import Money
from payments.provider import Book, Provider, Unreachable
from payments.reconciliation import closing
from payments.reconciliation.daily import Reconciler
from payments.reconciliation.days import each_day, span
from payments.reconciliation.matching import AT_PROVIDER, excess
from payments.reconciliation.model import Day
from payments.reconciliation.result import DayResult, read_day, result_of
from payments.reconciliation.treasury import Imported, enter, read_statement
from portal.clock import CAIRO, Clock, cairo_day, cairo_time
from portal.db import Database
from portal.finance.units import unit_of
from portal.observability import log
from portal.requests.paying import Cashier
from portal.requests.refunding import Refunder

# What is under way at midnight is settled by then
_FROM_HOUR = time(3)
# How many missed days one round catches up
_MOST_DAYS = 31
_TRIES = 3


class Counterpart(Provider, Book, Protocol):
    """A provider that also tells its book."""


class NotComparable(ValueError):
    """A day before the first that is compared: it would stand open before those that follow it,
    or change what a closed one was sealed with."""


class Reconciling:
    """Compares days of Cairo, closes them, reads statements and writes exports."""

    def __init__(
        self,
        database: Database,
        provider: Counterpart,
        cashier: Cashier,
        refunder: Refunder,
        clock: Clock,
    ) -> None:
        self._database = database
        self._provider = provider
        self._cashier = cashier
        self._refunder = refunder
        self._clock = clock
        self.reconciler = Reconciler(database, provider, self._look, unit_of, clock.now, CAIRO)

    def run(self, day: date) -> DayResult:
        """Compare one day, and before it those that were missed.

        Raises :class:`NotComparable`.
        """
        with self._database.read() as db:
            if not self.is_comparable(db, day):
                raise NotComparable(day.isoformat())
        for missed in self._missed(day - timedelta(days=1)):
            self._run(missed)
        return self._run(day)

    def run_due(self) -> int:
        """After three in the morning: the day before, what was missed, and once again what did not
        agree; how many days."""
        now = self._clock.now()
        if cairo_time(now).time() < _FROM_HOUR:
            return 0
        done = 0
        for day in self._due(now):
            try:
                self._run(day)
            except Unreachable as error:
                log.warning("reconcile.retry", error=type(error).__name__, count=done)
                break  # later days wait for it: they are compared in order
            done += 1
        return done

    def _due(self, now: datetime) -> list[date]:
        """Missed days first; then open ones with differences that nobody compared today."""
        last = cairo_day(now) - timedelta(days=1)
        morning = datetime.combine(cairo_day(now), _FROM_HOUR, CAIRO)
        with self._database.read() as db:
            missed = missed_days(db, last)[:_MOST_DAYS]
            differing = db.scalars(
                select(Day.day)
                .where(
                    Day.state == "open",
                    Day.complete,
                    Day.differences > 0,
                    Day.compared_at < morning,
                )
                .order_by(Day.day.desc())
                .limit(_MOST_DAYS)
            )
            return [*missed, *sorted(differing)]

    def is_comparable(self, db: Connection, day: date) -> bool:
        """Whether a day was compared before, or comes after all that need not be."""
        first = first_day(db) or cairo_day(self._clock.now())
        return day >= first or result_of(db, day) is not None

    def _run(self, day: date) -> DayResult:
        result = self.reconciler.run(day)
        if result.differences and not result.closed:
            log.error("reconcile.differs", count=result.differences, kind=day.isoformat())
        else:
            log.info("reconcile.agrees", count=result.lines, kind=day.isoformat())
        return result

    def _missed(self, last: date) -> list[date]:
        with self._database.read() as db:
            return missed_days(db, last)

    def standing(self, db: Connection) -> tuple[int, int]:
        """How many days are over and not compared, and how many compared ones are open."""
        last = cairo_day(self._clock.now()) - timedelta(days=1)
        still_open = select(func.count()).select_from(Day).where(Day.state == "open", Day.complete)
        return len(missed_days(db, last)), db.scalar(still_open) or 0

    def _look(self, effect: str, object_id: str, payment: str) -> None:
        """Read at the provider what the ledger lacks, and settle it as any news of it."""
        self._look_at_payment(payment)
        if effect in {"refund", "refund_failed"}:
            refund = self._provider.read_refund(object_id)
            with self._database.begin() as db:
                self._refunder.settle_in(db, refund)
        elif effect in {"dispute", "dispute_won"}:
            dispute = self._provider.read_dispute(object_id)
            with self._database.begin() as db:
                disputes.settle(db, dispute, self._clock.now())

    def _look_at_payment(self, payment: str) -> None:
        """A payment of a checkout has no id here before it is settled: it names its attempt."""
        if not payment:
            return
        with self._database.read() as db:
            attempt = attempts.by_payment(db, payment)
        if attempt is None:
            named = self._provider.read_payment(payment).attempt
            with self._database.read() as db:
                attempt = attempts.find(db, named) if named else None
        if attempt is not None:
            self._cashier.look_at(attempt)

    def close(self, day: date, runs: int, by: str, note: str) -> str:
        """Close a day as comparison number ``runs`` stands; its digest.

        Raises :class:`~payments.reconciliation.closing.NotClosable`.
        """
        digest = closing.close(
            self._database,
            day,
            runs,
            unit_of,
            zone=CAIRO,
            by=by,
            note=note,
            at=self._clock.now(),
        )
        log.info("reconcile.closed", kind=day.isoformat())
        return digest

    def closable(self, db: Connection, result: DayResult) -> str:
        """Why a day cannot be closed now, in a word; empty when it can."""
        if result.closed:
            return "closed"
        if not result.complete:
            return "unknown"
        if self._clock.now() < span(result.day, CAIRO).ends + closing.WAIT:
            return "early"
        return "order" if earlier_open(db, result.day) else ""

    def import_statement(self, content: bytes, by: str) -> Imported:
        """Read a statement of the treasury, whole or not at all.

        Raises :class:`~payments.reconciliation.treasury.BadStatement`.
        """
        now = self._clock.now()
        rows = read_statement(content, cairo_day(now))
        with self._database.begin() as db:
            return enter(db, content, rows, by, now)

    def export(self, first: date, last: date, units: Sequence[str] | None = None) -> Export:
        """The settlement export of closed days; raises :class:`~payments.export.NotClosed`."""
        with self._database.read() as db:
            return export(db, first, last, units)

    def unexplained(self) -> list[str]:
        """Proof: the clearing accounts are what the provider holds, but for known differences.

        What a comparison of today and of open days knows to differ is taken into account, so that
        a payment under way breaks nothing.
        """
        for _ in range(_TRIES):  # money may move between the two looks
            found = self._unexplained()
            if not found:
                break
        return found

    def _unexplained(self) -> list[str]:
        self.run(cairo_day(self._clock.now()))
        held = {each.currency: each.minor for each in self._provider.balance()}
        with self._database.read() as db:
            booked, known = booked_at_provider(db), excess(db)
        return [
            f"{currency}: the provider holds {held.get(currency, 0)}, "
            f"the ledger {booked.get(currency, 0)}, differences explain {known.get(currency, 0)}"
            for currency in sorted({*held, *booked, *known})
            if held.get(currency, 0) - booked.get(currency, 0) != known.get(currency, 0)
        ]


def missed_days(db: Connection, last: date) -> list[date]:
    """Days from the first to ``last`` that were not compared since they ended."""
    first = first_day(db)
    if first is None or first > last:
        return []
    done = set(db.scalars(select(Day.day).where(Day.complete, Day.day >= first, Day.day <= last)))
    return [day for day in each_day(first, last) if day not in done]


def first_day(db: Connection) -> date | None:
    """From where days are compared: after the last closed one, or from the first booking on."""
    closed = db.scalar(select(func.max(Day.day)).where(Day.state == "closed"))
    if closed is not None:
        return closed + timedelta(days=1)
    at = db.scalar(select(func.min(Entry.booked_at)).where(Entry.provider == ledger.PROVIDER))
    return None if at is None else cairo_day(at)


def earlier_open(db: Connection, day: date) -> date | None:
    """The first open day before ``day``."""
    return db.scalar(select(func.min(Day.day)).where(Day.state == "open", Day.day < day))


def booked_at_provider(db: Connection) -> dict[str, int]:
    """What the provider holds for us by the ledger, by currency."""
    rows = db.execute(
        select(Entry.currency, func.sum(EntryLine.amount).label("total"))
        .join(EntryLine, EntryLine.entry_id == Entry.id)
        .where(EntryLine.account.in_(AT_PROVIDER))
        .group_by(Entry.currency)
    )
    return {row.currency: int(row.total) for row in rows}


def days_between(db: Connection, first: date, last: date) -> list[DayResult]:
    """The compared days of a span, oldest first."""
    rows = db.execute(
        select(Day.__table__).where(Day.day >= first, Day.day <= last).order_by(Day.day)
    )
    return [read_day(row) for row in rows]


def in_transit(db: Connection) -> Money:
    """Payouts on their way to the treasury."""
    return ledger.balance(db, ledger.TREASURY_IN_TRANSIT)
