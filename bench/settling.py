"""How fast a webhook is settled, beside how fast the same database commits at all.

Everything of a settlement is counted: the provider's object (read from memory here), the ledger,
receipt, state, history, clock, message to the center and to the citizen, and the event's end, in
one transaction on a disk that is waited for. The yardstick is one row and its commit, through the
driver alone, taken turn by turn with it: what else the machine does then slows down both.
"""

import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, event

from payments import attempts, obligations, webhooks
from payments.attempts import Channel, Wish
from payments.provider import Checkout, CheckoutStatus, Provider, ProviderEvent
from portal.clock import SystemClock, public_id
from portal.core import Core, build_core
from portal.db import Database
from portal.demo.loading import load_demo
from portal.migrations.running import upgrade
from portal.observability import configure_logs
from portal.requests.payment_news import PaymentNews
from portal.settings import read_settings
from tests.support.filing import file_unpaid
from tests.support.postgres import running_postgres

BOUND = 0.25
"""Of the database's own commit rate."""
_EVENTS = 200
_TURNS = 10


@dataclass(frozen=True)
class Settled:
    """One database: commits and settled webhooks a second, and transactions for each of these."""

    database: str
    commits: float
    webhooks: float
    transactions: float

    @property
    def ratio(self) -> float:
        return self.webhooks / self.commits


class _Memory:
    """A provider that answers at once: what is measured is ours."""

    name = "stripe"

    def __init__(self) -> None:
        self.checkouts: dict[str, Checkout] = {}

    def read_checkout(self, session: str) -> Checkout:
        return self.checkouts[session]


def rates(count: int = _EVENTS) -> Iterator[Settled]:
    """SQLite in its safest mode, then PostgreSQL with a disk that is waited for."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        yield _rate(Path(folder), f"sqlite:///{folder}/portal.sqlite3", count)
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        running_postgres(durable=True) as server,
    ):
        yield _rate(Path(folder), server.fresh_database(), count)


def _rate(folder: Path, url: str, count: int) -> Settled:
    configure_logs(logging.WARNING)
    settings = read_settings({"PORTAL_VAR": str(folder), "PORTAL_DATABASE_URL": url})
    core = build_core(settings, SystemClock())
    upgrade(core.database)
    load_demo(core)
    memory = _Memory()
    provider = cast("Provider", memory)
    news = PaymentNews(core.database, provider, core.cashier, core.refunder, core.clock)
    warm, *waiting = [_paid(core, news, memory, n) for n in range(count + 1)]
    assert news.work_off(warm)
    commits = settled = 0.0
    with _counting(core.database) as begun:
        for turn in range(_TURNS):
            commits += _commit(core.database, max(count // _TURNS, 1))
            share = waiting[turn::_TURNS]
            began = time.perf_counter()
            done = sum(news.work_off(each) for each in share)
            settled += time.perf_counter() - began
            assert done == len(share)
    core.database.close()
    turns = max(count // _TURNS, 1) * _TURNS
    return Settled(url.partition(":")[0], turns / commits, count / settled, len(begun) / count)


def _paid(core: Core, news: PaymentNews, memory: _Memory, index: int) -> webhooks.Waiting:
    """A kept event about a checkout that was paid."""
    number = file_unpaid(core, f"0106{index // 20:07d}", index)
    session, now = f"cs_{index}", core.clock.now()
    with core.database.begin() as db:
        owed = obligations.due(db, number)
        assert owed is not None
        wish = Wish(Channel.CHECKOUT, owed.remaining)
        attempt = attempts.open_attempt(db, owed, public_id(), memory.name, wish, now)
        told = Checkout(
            session=session,
            status=CheckoutStatus.COMPLETE,
            paid=True,
            amount=owed.amount,
            reference=number,
            obligation=owed.id,
            attempt=attempt.id,
            live=False,
            url="",
            payment="",
            expires_at=now,
            kind="card",
            method="Visa •••• 4242",
        )
        attempts.attach(db, attempt.id, told)
    memory.checkouts[session] = Checkout(**{**vars(told), "payment": f"pi_{index}"})
    kept = news.keep(
        ProviderEvent(
            id=f"evt_{index}",
            type="checkout.session.completed",
            object_kind="checkout.session",
            object_id=session,
            reference=number,
            attempt=attempt.id,
            created_at=now,
        )
    )
    assert kept is not None
    return kept


def _commit(database: Database, count: int) -> float:
    """Seconds for ``count`` transactions of one row each, through the driver alone."""
    raw = database.engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute("CREATE TABLE IF NOT EXISTS bench_commits (at REAL)")
        raw.commit()
        began = time.perf_counter()
        for _ in range(count):
            cursor.execute("BEGIN")
            cursor.execute("INSERT INTO bench_commits VALUES (1)")
            cursor.execute("COMMIT")
        return time.perf_counter() - began
    finally:
        raw.close()


@contextmanager
def _counting(database: Database) -> Iterator[list[int]]:
    """Every transaction that begins on the portal's own engine."""
    begun: list[int] = []

    def count(_connection: Connection) -> Any:
        begun.append(1)

    event.listen(database.engine, "begin", count)
    try:
        yield begun
    finally:
        event.remove(database.engine, "begin", count)


def print_rates() -> None:
    heads = ("settling", "commits/s", "webhooks/s", "ratio", "transactions")
    print(f"{heads[0]:28}{heads[1]:>11}{heads[2]:>12}{heads[3]:>8}{heads[4]:>14}")
    for each in rates():
        print(
            f"{each.database:28}{each.commits:11.0f}{each.webhooks:12.0f}{each.ratio:8.2f}"
            f"{each.transactions:14.1f}  (at least {BOUND})",
            flush=True,
        )


if __name__ == "__main__":
    print_rates()
