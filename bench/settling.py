"""How fast a webhook is settled, beside what the same database does by itself in the same run.

Everything of a settlement is counted: the provider's object (read from memory here), the ledger,
receipt, state, history, clock, message to the center and to the citizen, and the event's end, in
one transaction on a disk that is waited for. Two yardsticks are taken turn by turn with it, over
as many connections, so that what else the machine does slows down all three:

- **commits**: one row and its commit, through the driver alone; the database's own commit rate.
- **rows**: what a settlement writes, through the driver alone: the same statements with the same
  values, ready as text, on a copy of the database, in one transaction each.
"""

import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, cast

from sqlalchemy import Connection, event

from payments import attempts, obligations, webhooks
from payments.attempts import Channel, Wish
from payments.proof import prove
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
_PARALLEL = 4
_TURNS = 10
_SHARE = 10
"""Settlements of each connection in a turn; the first turn warms up and is not counted."""
_EVENTS = (_TURNS + 1) * _SHARE * _PARALLEL


@dataclass(frozen=True)
class Settled:
    """Medians of the turns, a second; statements and transactions of one settlement."""

    name: str
    commits: float
    rows: float
    webhooks: float
    of_commits: float
    of_rows: float
    statements: float
    transactions: float


class _Memory:
    """A provider that answers at once: what is measured is ours."""

    name = "stripe"

    def __init__(self) -> None:
        self.checkouts: dict[str, Checkout] = {}

    def read_checkout(self, session: str) -> Checkout:
        return self.checkouts[session]


@dataclass(frozen=True)
class _Ready:
    """Requests that wait for their payment, and the kept news that they are paid."""

    folder: Path
    url: str
    memory: _Memory
    waiting: Sequence[webhooks.Waiting]


@dataclass(frozen=True)
class _Statement:
    """What a settlement said to the driver."""

    text: str
    values: Any
    many: bool

    @property
    def writes(self) -> bool:
        return not self.text.lstrip().startswith("SELECT")


Script = list[_Statement]


def rates() -> Iterator[Settled]:
    """SQLite in its safest mode, then PostgreSQL with a disk that is waited for."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        ready = _prepare(folder, f"sqlite:///{folder}/first.sqlite3", _EVENTS // _PARALLEL)
        for copy in ("settled", "written"):
            shutil.copy(folder / "first.sqlite3", folder / f"{copy}.sqlite3")
        urls = [f"sqlite:///{folder}/{copy}.sqlite3" for copy in ("settled", "written")]
        yield _rate("sqlite", ready, urls, 1)
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        running_postgres(durable=True) as server,
    ):
        ready = _prepare(Path(name), server.fresh_database(), _EVENTS)
        for settlers in (1, _PARALLEL):
            urls = [server.copy_of(ready.url), server.copy_of(ready.url)]
            yield _rate(f"postgresql, {settlers} at once", ready, urls, settlers)


def _core(folder: Path, url: str) -> Core:
    settings = read_settings({"PORTAL_VAR": str(folder), "PORTAL_DATABASE_URL": url})
    return build_core(settings, SystemClock())


def _news(core: Core, memory: _Memory) -> PaymentNews:
    provider = cast("Provider", memory)
    return PaymentNews(core.database, provider, core.cashier, core.refunder, core.clock)


def _prepare(folder: Path, url: str, count: int) -> _Ready:
    configure_logs(logging.WARNING)
    core, memory = _core(folder, url), _Memory()
    upgrade(core.database)
    load_demo(core)
    waiting = [_paid(core, _news(core, memory), memory, index) for index in range(count)]
    with core.database.begin() as db:
        db.exec_driver_sql("ANALYZE")  # as a database does by itself some time after it was filled
    core.database.close()
    return _Ready(folder, url, memory, waiting)


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
    memory.checkouts[session] = replace(told, payment=f"pi_{index}")
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


def _rate(name: str, ready: _Ready, urls: Sequence[str], settlers: int) -> Settled:
    core, copy = _core(ready.folder, urls[0]), Database(urls[1])
    news, turns, share = _news(core, ready.memory), _TURNS + 1, _SHARE * settlers
    raw = [copy.engine.raw_connection() for _ in range(settlers)]
    # SQLite's driver is told where a transaction begins, PostgreSQL's knows
    begin = "BEGIN IMMEDIATE" if copy.engine.dialect.name == "sqlite" else ""
    raw[0].cursor().execute("CREATE TABLE bench_commits (at REAL)")
    raw[0].commit()
    seconds: list[tuple[float, float, float]] = []
    with _recording(core.database) as scripts, ThreadPoolExecutor(settlers) as threads:

        def timed(work: Callable[[int], None]) -> float:
            began = time.perf_counter()
            list(threads.map(work, range(settlers)))
            return time.perf_counter() - began

        for turn in range(turns):
            part, said = ready.waiting[turn * share : (turn + 1) * share], len(scripts)

            def commit(settler: int) -> None:
                _commit(raw[settler], begin, _SHARE)

            def settle(settler: int, part: Sequence[webhooks.Waiting] = part) -> None:
                assert all(news.work_off(each) for each in part[settler::settlers])

            def write(settler: int, said: int = said) -> None:
                for script in scripts[said + settler :: settlers]:
                    _write(raw[settler], script)

            seconds.append((timed(commit), timed(settle), timed(write)))
    for each in raw:
        each.close()
    for database in (core.database, copy):
        with database.read() as db:
            assert not any(prove(db).values()), "what was measured is wrong"
        database.close()
    commits, webhooks_, rows = (
        [share / taken for taken in column] for column in zip(*seconds[1:], strict=True)
    )
    return Settled(
        name,
        median(commits),
        median(rows),
        median(webhooks_),
        median(ours / own for ours, own in zip(webhooks_, commits, strict=True)),
        median(ours / own for ours, own in zip(webhooks_, rows, strict=True)),
        median(len(script) for script in scripts),
        len(scripts) / (turns * share),
    )


def _commit(raw: Any, begin: str, count: int) -> None:
    """``count`` transactions of one row each."""
    cursor = raw.cursor()
    for _ in range(count):
        if begin:
            cursor.execute(begin)
        cursor.execute("INSERT INTO bench_commits VALUES (1)")
        raw.commit()


def _write(raw: Any, script: Script) -> None:
    """One settlement's rows in one transaction. Which id an entry gets is the database's choice."""
    cursor, entry = raw.cursor(), 0
    for each in script:
        if not each.writes:
            continue
        values = each.values
        if "INTO ledger_lines" in each.text and isinstance(values[0], dict):
            values = [{**line, "entry_id": entry} for line in values]
        (cursor.executemany if each.many else cursor.execute)(each.text, values)
        if "INTO ledger_entries" in each.text:
            entry = cursor.fetchone()[0]
    raw.commit()


@contextmanager
def _recording(database: Database) -> Iterator[list[Script]]:
    """What each committed transaction of the portal's own engine said, as it was said."""
    done: list[Script] = []

    def said(
        db: Connection, _cursor: Any, text: str, values: Any, _context: Any, many: bool
    ) -> None:
        db.info.setdefault("said", []).append(_Statement(text, values, many))

    def committed(db: Connection) -> None:
        done.append(db.info.pop("said", []))

    def undone(db: Connection) -> None:
        db.info.pop("said", None)

    listeners: dict[str, Callable[..., Any]] = {
        "after_cursor_execute": said,
        "commit": committed,
        "rollback": undone,
    }
    for name, listener in listeners.items():
        event.listen(database.engine, name, listener)
    try:
        yield done
    finally:
        for name, listener in listeners.items():
            event.remove(database.engine, name, listener)


def print_rates() -> None:
    print(
        f"{'settling, a second':28}{'commits':>9}{'rows':>7}{'webhooks':>10}"
        f"{'of commits':>12}{'of rows':>9}{'statements':>12}{'transactions':>14}"
    )
    for each in rates():
        print(
            f"{each.name:28}{each.commits:9.0f}{each.rows:7.0f}{each.webhooks:10.0f}"
            f"{each.of_commits:12.2f}{each.of_rows:9.2f}"
            f"{each.statements:12.0f}{each.transactions:14.1f}  (at least {BOUND} of commits)",
            flush=True,
        )


if __name__ == "__main__":
    print_rates()
