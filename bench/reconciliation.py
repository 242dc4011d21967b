"""A day of many payments, compared: time for each payment and memory, whatever their number.

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

from sqlalchemy import insert

from payments.model import Base, Entry, EntryLine
from payments.money import Money
from payments.provider import Checkout, Payout, Rejected, Transaction
from payments.reconciliation.daily import Reconciler
from portal.clock import CAIRO
from portal.db import Database

SIZES = (1_000, 10_000, 100_000)
DAY = date(2026, 11, 20)
_MORNING = datetime(2026, 11, 20, 6, tzinfo=UTC)
_AMOUNT, _FEE = 10_500, 310
_BATCH = 5_000


@dataclass(frozen=True)
class Measured:
    """One day: payments, seconds to compare it, peak memory above what the program takes, in MB."""

    payments: int
    seconds: float
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
    """The ledger of a day: payment and fee of each, as settling books them."""
    for begin in range(0, count, _BATCH):
        entries, lines = [], []
        for number in range(begin, min(begin + _BATCH, count)):
            name = f"{number:08d}"
            for offset, (object_id, effect, account, other, amount) in enumerate(
                (
                    (f"pi_{name}", "payment", "clearing", "receivable", _AMOUNT),
                    (f"txn_{name}", "fee", "provider_fees", "clearing", _FEE),
                )
            ):
                entry = 2 * number + offset + 1
                entries.append(
                    {
                        "id": entry,
                        "provider": "provider",
                        "object_id": object_id,
                        "effect": effect,
                        "reference": f"26-{name}",
                        "currency": "EGP",
                        "booked_at": _MORNING + timedelta(milliseconds=number),
                    }
                )
                lines += [
                    {"entry_id": entry, "position": 0, "account": account, "amount": amount},
                    {"entry_id": entry, "position": 1, "account": other, "amount": -amount},
                ]
        with database.begin() as db:
            db.execute(insert(Entry), entries)
            db.execute(insert(EntryLine), [{"entity": "", "item": "", **line} for line in lines])


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
        reconciler = Reconciler(database, _Book(count), lambda *_: None, lambda: at, CAIRO)
        reconciler.run(DAY - timedelta(days=1))  # what is made once is made now
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
        before, began = _peak_kb(), time.perf_counter()
        result = reconciler.run(DAY)
        seconds = time.perf_counter() - began
        if (result.lines, result.differences) != (count, 0):
            raise RuntimeError(f"{result.lines} lines, {result.differences} differences")
        print(seconds, (_peak_kb() - before) / 1024)
        database.close()


def days(sizes: Sequence[int] = SIZES) -> Iterator[Measured]:
    """Every size in a process of its own."""
    for size in sizes:
        command = [sys.executable, "-m", "bench.reconciliation", str(size)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        yield Measured(size, float(told[0]), float(told[1]))


def print_days() -> None:
    """The table."""
    print(f"{'a day compared':28}{'seconds':>9}{'µs each':>9}{'ratio':>7}{'peak MB':>9}{'more':>7}")
    first: Measured | None = None
    for day in days():
        first = first or day
        each = day.seconds / day.payments * 1e6
        ratio = each / (first.seconds / first.payments * 1e6)
        more = day.peak_mb - first.peak_mb
        print(
            f"{f'{day.payments:,} payments':28}{day.seconds:9.2f}{each:9.0f}{ratio:7.2f}"
            f"{day.peak_mb:9.1f}{more:7.1f}",
            flush=True,
        )


if __name__ == "__main__":
    measure_here(int(sys.argv[1]))
