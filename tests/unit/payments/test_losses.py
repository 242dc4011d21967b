"""Who bears a loss is who got the money: the same parts as the export gives, in the same order."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from payments import attempts, cases, disputes, obligations, rebooking
from payments.attempts import Channel, Wish
from payments.money import Money
from payments.provider import Disputed, DisputeStatus
from payments.rebooking import Choice, Matter
from payments.reconciliation.sharing import kept_shares
from portal.db import Database
from tests.support.books import Desk
from tests.support.databases import Databases

NOON = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
DAY = date(2026, 11, 20)
FIRST, SECOND = 3_333, 7_167
Row = tuple[str, str]


@pytest.fixture
def desk(databases: Databases, tmp_path: Path) -> Iterator[Desk]:
    database = Database(databases.loaded(tmp_path), durable=False)
    yield Desk(database, NOON)
    database.close()


def loss_of(desk: Desk, payment: str, amount: int) -> Mapping[Row, int]:
    """A bank keeps a payment; who would bear it."""
    nothing = Money(0)
    told = Disputed(
        id="du_1",
        payment=payment,
        amount=Money(amount),
        taken=Money(amount),
        fee=nothing,
        given_back=nothing,
        fee_back=nothing,
        status=DisputeStatus.LOST,
        reason="fraudulent",
    )
    with desk.database.begin() as db:
        disputes.settle(db, told, desk.clock.now())
    with desk.database.read() as db:
        case = next(each for each in cases.open_cases(db) if each.kind == "dispute_lost")
        matter = rebooking.matter_of(db, case)
    assert isinstance(matter, Matter), matter
    return {(each.entity, each.item): each.amount for each in matter.sources[Choice.LOSS]}


def test_of_two_cards_in_one_instant_each_loses_what_the_export_says_that_it_brought(
    desk: Desk,
) -> None:
    owed = desk.owe("26-0001")
    desk.pay("26-0001", owed=owed, amount=FIRST)
    second = desk.pay("26-0001", owed=owed, created_at=NOON + timedelta(days=1))
    desk.next_morning(2)
    desk.reconciler.run(DAY)
    desk.reconciler.run(DAY + timedelta(days=1))
    with desk.database.read() as db:
        shares = kept_shares(db, DAY + timedelta(days=1), "EGP")
    brought = {(part.entity, part.item): share.gross for part, share in shares.items()}
    assert brought == {("local_unit", "certificate"): 6_826, ("treasury", "stamp"): 341}
    assert loss_of(desk, second, SECOND) == brought


def test_a_payment_that_went_to_a_request_loses_what_it_brought_there(desk: Desk) -> None:
    """It came before the one that had paid a part there, and was put there after it."""
    first, owed = desk.owe("26-0001"), desk.owe("26-0002")
    desk.pay("26-0001", owed=first)
    stray = desk.pay("26-0001", owed=first, amount=SECOND)
    desk.clock.at += timedelta(hours=1)
    desk.pay("26-0002", owed=owed, amount=FIRST)
    now = desk.clock.now()
    with desk.database.begin() as db:
        case = next(each for each in cases.open_cases(db) if each.kind == "surplus")
        rebooking.propose(db, "r1", case, Choice.REQUEST, "26-0002", "a slip", "cashier", now)
        assert rebooking.approve(db, "r1", "finance", now, 2026)
    desk.next_morning()
    desk.reconciler.run(DAY)
    with desk.database.read() as db:
        shares = kept_shares(db, DAY, "EGP")
    put = {(part.entity, part.item): share.moved for part, share in shares.items() if part.entity}
    assert put == {("local_unit", "certificate"): 6_826, ("treasury", "stamp"): 341}
    assert loss_of(desk, stray, SECOND) == put


def test_payments_are_told_in_the_order_in_which_they_came_whenever_they_are_looked_at(
    desk: Desk,
) -> None:
    owed = desk.owe("26-0001")
    with desk.database.begin() as db:
        due = obligations.get(db, owed)
        assert due is not None
        slow = Wish(Channel.KIOSK, Money(SECOND), ends_at=NOON + timedelta(days=2))
        begun = attempts.open_attempt(db, due, "slow", "stripe", slow, NOON)
    desk.clock.at += timedelta(hours=1)
    first = desk.pay("26-0001", owed=owed, amount=FIRST)
    with desk.database.begin() as db:
        attempts.looked_at(db, [begun.id], NOON)
        paid = desk.book.checkouts[first]
        late = replace(paid, payment="pi_slow", amount=Money(SECOND), charged=None)
        attempts.paid(db, begun, "paid", late, Money(0), desk.clock.now() + timedelta(hours=1))
        told = [each.payment for each in attempts.with_money(db, owed)]
    assert told == [first, "pi_slow"]
