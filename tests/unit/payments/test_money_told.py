"""What is told of money once something has happened to it: to the citizen, and to whoever looks."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from payments.model import Base
from payments.money import Money
from payments.proof import prove
from payments.provider import RefundStatus
from payments.rebooking import Choice
from portal.db import Database
from portal.requests.account import kept
from tests.support.desk import DEPOSIT, FEE, LINES, Desk

WHOLE = FEE + DEPOSIT
LESS = (replace(LINES[0], amount=Money(10_000)),)
HERE, THERE = "26-1503-00001-1", "26-1503-00002-1"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    database = Database(f"sqlite:///{tmp_path / 'desk.sqlite3'}", durable=False)
    with database.begin() as db:
        Base.metadata.create_all(db)
        made = Desk(db)
        yield made
        assert {what: broken for what, broken in prove(db).items() if broken} == {}
    database.close()


# --- what is kept for the citizen


def test_what_was_paid_out_by_the_treasury_is_not_kept_for_the_citizen_any_more(desk: Desk) -> None:
    stage = desk.owe(HERE)
    desk.pay(stage, WHOLE)
    twice, thrice = desk.pay(stage, WHOLE), desk.pay(stage, WHOLE)
    assert kept(desk.db, HERE) == Money(2 * WHOLE)
    desk.book(desk.case("surplus", twice.payment or ""), Choice.PAID_OUT)
    assert kept(desk.db, HERE) == Money(WHOLE)
    desk.give_back(thrice, 30_000)
    assert kept(desk.db, HERE) == Money(WHOLE - 30_000)


def test_what_went_to_another_request_is_kept_there_as_far_as_it_was_not_due(desk: Desk) -> None:
    here, there = desk.owe(HERE), desk.owe(THERE, LESS)
    desk.pay(here, WHOLE)
    twice = desk.pay(here, WHOLE)
    desk.book(desk.case("surplus", twice.payment or ""), Choice.REQUEST, THERE)
    assert (kept(desk.db, HERE), kept(desk.db, THERE)) == (Money(0), Money(WHOLE - 10_000))
    assert desk.state(there) == "paid"


def test_what_could_not_go_back_is_told_once_and_kept_again_once_it_could(desk: Desk) -> None:
    stage = desk.owe(HERE)
    desk.pay(stage, WHOLE)
    twice = desk.pay(stage, WHOLE)
    failed = desk.ask(twice, 30_000)
    assert kept(desk.db, HERE) == Money(WHOLE), "nobody has promised it yet"
    desk.decide(failed)
    assert kept(desk.db, HERE) == Money(WHOLE - 30_000)
    desk.made(failed, RefundStatus.FAILED)
    assert kept(desk.db, HERE) == Money(WHOLE - 30_000), "another way is looked for"
    desk.give_back(twice, 30_000)
    assert kept(desk.db, HERE) == Money(WHOLE - 30_000)


# --- a refund that failed, and was made after all


@pytest.mark.parametrize(
    ("then", "still_open"),
    [
        ((50_000,), []),
        ((80_000,), []),
        ((30_000,), ["refund_failed"]),
        ((30_000, 20_000), ["refund_failed"]),  # a person closes it: the sums do not tell
        ((30_000, 50_000), []),
    ],
)
def test_the_case_of_a_failed_refund_is_closed_once_its_sum_has_gone_back(
    desk: Desk, then: tuple[int, ...], still_open: list[str]
) -> None:
    stage = desk.owe(HERE)
    desk.pay(stage, WHOLE)
    twice = desk.pay(stage, WHOLE)
    for _ in range(2):
        failed = desk.ask(twice, 50_000)
        desk.decide(failed)
        desk.made(failed, RefundStatus.FAILED)
    assert desk.open_cases() == ["refund_failed", "refund_failed", "surplus"]
    for minor in then:
        desk.give_back(twice, minor)
    left = ["surplus"] if sum(then) < WHOLE else []
    assert sorted({*desk.open_cases()}) == [*still_open, *left]


def test_the_case_of_a_deposit_that_could_not_go_back_is_closed_once_it_could(desk: Desk) -> None:
    paid = desk.pay(desk.owe(HERE), WHOLE)
    failed = desk.ask(paid, DEPOSIT, 1)
    desk.decide(failed)
    desk.made(failed, RefundStatus.FAILED)
    assert desk.open_cases() == ["refund_failed"]
    desk.give_back(paid, DEPOSIT, 1)
    assert desk.open_cases() == []
