"""Two who do something with the same money in the same moment, on PostgreSQL.

SQLite has one writer at a time, so there the second only begins when the first has ended.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from sqlalchemy import Connection, func, select, text

from payments import rebooking, refunds
from payments.attempts import Try
from payments.model import Attempt, Base, Dispute, Rebooking, Refund
from payments.money import Money
from payments.proof import prove
from payments.rebooking import Choice, Unbookable, Why
from payments.refunds import Part, RefundReason
from portal.clock import public_id
from portal.db import Database
from portal.requests import deposits
from portal.requests.deposits import Order
from tests.support.desk import AT, DEPOSIT, FEE, ONE, Desk
from tests.support.postgres import Postgres

WHOLE = FEE + DEPOSIT
SMALL = 20_000
HERE, THERE = "26-1503-00001-1", "26-1503-00002-1"
_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@dataclass(frozen=True)
class Two:
    """A database, and two who come at once."""

    database: Database

    def meanwhile(
        self, first: Callable[[Desk], object], second: Callable[[Connection], object]
    ) -> object:
        """The second begins when the first has done everything but to commit, and waits for it."""
        with ThreadPoolExecutor(1) as pool:
            with self.database.begin() as db:
                first(Desk(db))
                waits = pool.submit(self._second, second)
                self._until_it_waits()
            return waits.result(20)

    def _second(self, act: Callable[[Connection], object]) -> object:
        with self.database.begin() as db:
            return act(db)

    def _until_it_waits(self) -> None:
        deadline = time.monotonic() + 10
        waiting = 0
        while not waiting:
            assert time.monotonic() < deadline, "nobody waits"
            time.sleep(0.01)
            with self.database.read() as db:
                waiting = db.scalar(_WAITING) or 0

    def count(self, table: type[Base]) -> int:
        with self.database.read() as db:
            return db.scalar(select(func.count()).select_from(table)) or 0


@pytest.fixture
def two(postgres: Postgres) -> Iterator[Two]:
    database = Database(postgres.fresh_database())
    with database.begin() as db:
        Base.metadata.create_all(db)
    yield Two(database)
    with database.read() as db:
        assert {what: broken for what, broken in prove(db).items() if broken} == {}
    database.close()


@pytest.fixture
def twice(two: Two) -> Try:
    """Money that was paid twice."""
    with two.database.begin() as db:
        desk = Desk(db)
        stage = desk.owe(HERE)
        desk.pay(stage, WHOLE)
        return desk.pay(stage, WHOLE)


def proposal(payment: str, identity: str) -> Callable[[Connection], object]:
    """The treasury has paid a payment out: one proposes to book that."""

    def act(db: Connection) -> None:
        case = Desk(db).case("surplus", payment)
        rebooking.propose(db, identity, case, Choice.PAID_OUT, "", "as agreed", ONE, AT)

    return act


def test_of_two_who_propose_at_once_the_second_reads_that_one_waits(two: Two, twice: Try) -> None:
    act = proposal(twice.payment or "", "r2")
    with pytest.raises(Unbookable) as refused:
        two.meanwhile(lambda desk: proposal(twice.payment or "", "r1")(desk.db), act)
    assert refused.value.why is Why.WAITS
    assert two.count(Rebooking) == 1


def test_a_proposal_that_is_sent_twice_at_once_is_one(two: Two, twice: Try) -> None:
    act = proposal(twice.payment or "", "r1")
    two.meanwhile(lambda desk: act(desk.db), act)
    assert two.count(Rebooking) == 1


def asked(payment: Try, minor: int, identity: str = "") -> Callable[[Connection], refunds.Asked]:
    def act(db: Connection) -> refunds.Asked:
        parts, why = [Part(None, Money(minor))], RefundReason.SURPLUS
        return refunds.ask(db, identity or public_id(), payment.id, parts, why, "", ONE, AT)

    return act


@pytest.mark.parametrize("minor", [SMALL, WHOLE])
def test_a_refund_that_is_asked_for_twice_at_once_is_one(two: Two, twice: Try, minor: int) -> None:
    act = asked(twice, minor, "f1")
    known = two.meanwhile(lambda desk: act(desk.db), act)
    assert isinstance(known, refunds.Asked)
    assert (known.id, known.amount) == ("f1", Money(minor))
    with two.database.read() as db:
        reserved = db.scalar(select(Attempt.refunded).where(Attempt.id == twice.id))
    assert reserved == minor


def test_two_refunds_of_one_name_are_never_taken_for_each_other(two: Two, twice: Try) -> None:
    with two.database.begin() as db:
        desk = Desk(db)
        stage = desk.owe(THERE)
        desk.pay(stage, WHOLE)
        other = desk.pay(stage, WHOLE)
    known = two.meanwhile(
        lambda desk: asked(other, SMALL, "f1")(desk.db), asked(twice, SMALL, "f1")
    )
    assert isinstance(known, refunds.Asked)
    assert known.attempt_id == other.id


# --- a payment goes to another request while somebody waits for it


def _asks(desk: Desk, payment: Try) -> None:
    desk.ask(payment, SMALL)


def _hears_of_a_dispute(desk: Desk, payment: Try) -> None:
    desk.lose(payment, WHOLE)


def _hears_of_a_refund(desk: Desk, payment: Try) -> None:
    desk.told(payment, SMALL, "re_1")


@pytest.mark.parametrize("act", [_asks, _hears_of_a_dispute, _hears_of_a_refund])
def test_what_waits_for_a_payment_follows_it_to_the_request_that_it_went_to(
    two: Two, twice: Try, act: Callable[[Desk, Try], None]
) -> None:
    with two.database.begin() as db:
        desk = Desk(db)
        there = desk.owe(THERE)
        desk.pay(there, WHOLE - SMALL)
        waits = desk.propose(desk.case("surplus", twice.payment or ""), Choice.REQUEST, THERE)

    def follow(db: Connection) -> list[str]:
        act(Desk(db), twice)
        made = [*db.scalars(select(Refund.reference)), *db.scalars(select(Dispute.reference))]
        held = text("SELECT id FROM payment_obligations FOR UPDATE SKIP LOCKED")
        with two.database.begin() as other:
            free = set(other.scalars(held))
        assert twice.obligation_id in free, "the row that it has left is nobody's"
        assert there not in free
        return made

    assert two.meanwhile(lambda desk: desk.approve(waits), follow) == [THERE]


# --- a center's approval, while somebody asks for the same deposit


def test_a_deposit_that_somebody_asks_for_in_this_moment_is_not_prepared_once_more(
    two: Two,
) -> None:
    """Nor is the center's message refused for that: it counts without the refund."""
    with two.database.begin() as db:
        desk = Desk(db)
        stage = desk.owe(HERE)
        paid = desk.pay(stage, WHOLE)

    def approved(db: Connection) -> None:
        deposits.prepare(db, stage, Order(Money(0), ""), "as ordered", AT, ())

    two.meanwhile(lambda desk: desk.ask(paid, DEPOSIT - 10_000, 1), approved)
    with two.database.read() as db:
        sums = sorted(db.scalars(select(Refund.amount)))
    assert sums == [10_000, DEPOSIT - 10_000]
