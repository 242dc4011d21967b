"""A day of many payments, compared, shared out and closed: time for each payment and memory,
whatever their number.

The ratios are against the smallest day of the same run: constant memory is a ratio near 1, linear
time a ratio near 1 for each payment.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from payments.model import Attempt, Base, Entry, EntryLine, Obligation, ObligationLine
from payments.money import Money
from payments.provider import Checkout, Payout, Rejected, Transaction
from payments.reconciliation import closing
from payments.reconciliation.daily import Reconciler
from payments.reconciliation.result import DayResult
from portal.clock import CAIRO
from portal.db import Database

SIZES = (1_000, 10_000, 100_000)
DAY = date(2026, 11, 20)
_MORNING = datetime(2026, 11, 20, 6, tzinfo=UTC)
_LINES = (("local_unit", "certificate", 10_000), ("treasury", "stamp", 500))
_AMOUNT, _FEE = 10_500, 310
_CENTERS = 323
_BATCH = 5_000


@dataclass(frozen=True)
class Measured:
    """One day: payments, seconds to compare it (and to say who gets what) and to close it, peak
    memory above what the program takes, in MB."""

    payments: int
    seconds: float
    closing: float
    peak_mb: float


class _Book:
    """A provider whose lines are made while they are read: it needs no memory itself."""

    def __init__(self, count: int) -> None:
        self._count = count

    def transactions(self, since: datetime, until: datetime) -> Iterator[Transaction]:
        for number in range(self._count - 1, -1, -1):
            at = _MORNING + timedelta(milliseconds=number)
            amount, fee, name = Money(_AMOUNT), Money(_FEE), f"{number:08d}"
            if since <= at < until:
                yield Transaction(
                    f"txn_{name}", "charge", f"ch_{name}", f"pi_{name}", amount, fee, at
                )

    def transaction(self, transaction: str) -> Transaction:
        raise Rejected(transaction)

    def transactions_of(self, _source: str) -> list[Transaction]:
        return []

    def read_payment(self, payment: str) -> Checkout:
        raise Rejected(payment)

    def balance(self) -> Sequence[Money]:
        return [Money(self._count * (_AMOUNT - _FEE))]

    def payouts(self, _since: datetime, _until: datetime) -> Iterator[Payout]:
        return iter(())

    def read_payout(self, payout: str) -> Payout:
        raise Rejected(payout)


def _fill(database: Database, count: int) -> None:
    """The tables of a day: what was owed and tried, payment and fee of each as settling books."""
    for begin in range(0, count, _BATCH):
        numbers = range(begin, min(begin + _BATCH, count))
        with database.begin() as db:
            db.execute(insert(Obligation), [_obligation(number) for number in numbers])
            db.execute(insert(ObligationLine), [x for n in numbers for x in _fee_lines(n)])
            db.execute(insert(Attempt), [_attempt(number) for number in numbers])
            db.execute(insert(Entry), [x for n in numbers for x in _entries(n)])
            db.execute(insert(EntryLine), [x for n in numbers for x in _entry_lines(n)])


Row = dict[str, Any]


def _at(number: int) -> datetime:
    return _MORNING + timedelta(milliseconds=number)


def _obligation(number: int) -> Row:
    return {
        "id": f"o{number:08d}",
        "reference": f"26-{number:08d}",
        "stage": "submission",
        "currency": "EGP",
        "amount": _AMOUNT,
        "credited": _AMOUNT,
        "state": "paid",
        "created_at": _at(number),
        "paid_at": _at(number),
    }


def _fee_lines(number: int) -> Iterator[Row]:
    for position, (entity, item, amount) in enumerate(_LINES):
        yield {
            "obligation_id": f"o{number:08d}",
            "position": position,
            "item": item,
            "entity": entity,
            "label_ar": item,
            "label_en": item,
            "amount": amount,
            "refundable": False,
        }


def _attempt(number: int) -> Row:
    at = _at(number)
    return {
        "id": f"a{number:08d}",
        "obligation_id": f"o{number:08d}",
        "number": 1,
        "provider": "stripe",
        "payment": f"pi_{number:08d}",
        "amount": _AMOUNT,
        "state": "paid",
        "kind": "card",
        "created_at": at,
        "expires_at": at,
        "look_again_at": at,
        "settled_at": at,
    }


def _entries(number: int) -> Iterator[Row]:
    for offset, (object_id, effect) in enumerate(
        ((f"pi_{number:08d}", "payment"), (f"txn_{number:08d}", "fee"))
    ):
        yield {
            "id": 2 * number + offset + 1,
            "provider": "provider",
            "object_id": object_id,
            "effect": effect,
            "reference": f"26-{number:08d}",
            "currency": "EGP",
            "booked_at": _at(number),
        }


def _entry_lines(number: int) -> Iterator[Row]:
    for offset, (debit, credit, amount) in enumerate(
        (("clearing", "receivable", _AMOUNT), ("provider_fees", "clearing", _FEE))
    ):
        for position, (account, moved) in enumerate(((debit, amount), (credit, -amount))):
            yield {
                "entry_id": 2 * number + offset + 1,
                "position": position,
                "account": account,
                "entity": "",
                "item": "",
                "amount": moved,
            }


def _unit_of(_db: Connection, references: Sequence[str]) -> dict[str, str]:
    return {name: f"C-{int(name[3:]) % _CENTERS:03d}" for name in references}


def _peak_kb() -> int:
    """The largest memory that this process has had, in kilobytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def measure_here(count: int) -> None:
    """One day in this process; prints seconds and megabytes."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/bench.sqlite3")
        Base.metadata.create_all(database.engine)
        _fill(database, count)
        at = _MORNING + timedelta(days=1)
        reconciler = Reconciler(
            database, _Book(count), lambda *_: None, _unit_of, lambda: at, CAIRO
        )
        before_it = reconciler.run(DAY - timedelta(days=1))  # what is made once is made now
        _close(database, before_it, at)
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
        before, began = _peak_kb(), time.perf_counter()
        result = reconciler.run(DAY)
        compared = time.perf_counter()
        if (result.lines, result.differences) != (count, 0):
            raise RuntimeError(f"{result.lines} lines, {result.differences} differences")
        _close(database, result, at)
        closed = time.perf_counter()
        print(compared - began, closed - compared, (_peak_kb() - before) / 1024)
        database.close()


def _close(database: Database, result: DayResult, at: datetime) -> None:
    closing.close(
        database, result.day, result.runs, _unit_of, zone=CAIRO, by="bench", note="", at=at
    )


def days(sizes: Sequence[int] = SIZES) -> Iterator[Measured]:
    """Every size in a process of its own."""
    for size in sizes:
        command = [sys.executable, "-m", "bench.reconciliation", str(size)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        yield Measured(size, *map(float, told))


def print_days() -> None:
    """The table."""
    heads = f"{'seconds':>9}{'µs each':>9}{'ratio':>7}{'closing':>9}{'peak MB':>9}{'more':>7}"
    print(f"{'a day compared':28}{heads}")
    first: Measured | None = None
    for day in days():
        first = first or day
        each = day.seconds / day.payments * 1e6
        ratio = each / (first.seconds / first.payments * 1e6)
        more = day.peak_mb - first.peak_mb
        print(
            f"{f'{day.payments:,} payments':28}{day.seconds:9.2f}{each:9.0f}{ratio:7.2f}"
            f"{day.closing:9.2f}{day.peak_mb:9.1f}{more:7.1f}",
            flush=True,
        )


if __name__ == "__main__":
    measure_here(int(sys.argv[1]))
