"""What can still go back, or be put elsewhere, of money that something has happened to already.

Whatever the order of refunds here and at the provider, of disputes, closed requests and bookings:
no piastre is offered twice, and what two people saw is what is booked.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from payments import ledger, rebooking
from payments.model import Attempt, Base, Entry, EntryLine, Refund
from payments.money import Money
from payments.obligations import OwedLine
from payments.proof import prove
from payments.rebooking import Choice, Unbookable, Why
from payments.refunds import NotRefundable
from payments.refunds.reading import LIVE
from portal.db import Database
from tests.support.desk import DEPOSIT, FEE, Desk

WHOLE = FEE + DEPOSIT
HALF = WHOLE // 2
HERE, THERE = "26-1503-00001-1", "26-1503-00002-1"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    database = Database(f"sqlite:///{tmp_path / 'desk.sqlite3'}", durable=False)
    with database.begin() as db:
        Base.metadata.create_all(db)
        made = Desk(db)
        yield made
        assert {what: broken for what, broken in prove(db).items() if broken} == {}
        _nothing_is_taken_twice(made)
    database.close()


def _nothing_is_taken_twice(desk: Desk) -> None:
    """No payment gives more than it brought; nobody's money is less than nothing."""
    given = (
        select(Refund.attempt_id)
        .join(Attempt, Attempt.id == Refund.attempt_id)
        .where(Refund.state.in_(LIVE))
        .group_by(Refund.attempt_id, Attempt.amount)
        .having(func.sum(Refund.amount) > Attempt.amount)
    )
    assert desk.db.scalars(given).all() == []
    income = (ledger.REVENUE, ledger.REFUNDABLE, ledger.SURPLUS, ledger.REFUNDS_PAYABLE)
    less = (
        select(Entry.reference, EntryLine.account, EntryLine.item)
        .join(EntryLine, EntryLine.entry_id == Entry.id)
        .where(EntryLine.account.in_(income), EntryLine.item != "discount")
        .group_by(Entry.reference, EntryLine.account, EntryLine.item)
        .having(func.sum(EntryLine.amount) > 0)
    )
    assert desk.db.execute(less).all() == []


# --- a part went back without us, and then the request was closed


def test_what_went_back_before_the_request_was_closed_is_not_offered_again(desk: Desk) -> None:
    stage = desk.owe(HERE)
    part = desk.pay(stage, HALF)
    desk.told(part, 10_000, "re_desk")
    desk.cancel(stage)
    assert desk.can(part).set_aside == desk.can(part).most == Money(HALF - 10_000)
    with pytest.raises(NotRefundable) as refused:
        desk.ask(part, HALF)
    assert refused.value.most == Money(HALF - 10_000)
    parts = desk.case("cancelled_in_part", stage)
    assert desk.matter(parts).left == Money(HALF - 10_000)
    desk.give_back(part, HALF - 10_000)
    assert desk.open_cases() == ["external_refund"], "nothing of the part is left"


def test_what_went_back_without_us_is_borne_by_what_nobody_is_owed_any_more(desk: Desk) -> None:
    stage = desk.owe(HERE)
    part = desk.pay(stage, HALF)
    desk.told(part, 10_000, "re_desk")
    desk.cancel(stage)
    outside = desk.case("external_refund", "re_desk")
    assert desk.matter(outside).choices == (Choice.LOSS,), "no deposit is owed any more"
    desk.book(outside, Choice.LOSS)
    assert desk.stands(HERE) == {"clearing": HALF - 10_000, "surplus": 10_000 - HALF}
    assert desk.can(part).set_aside == Money(HALF - 10_000), "counted once"
    desk.give_back(part, HALF - 10_000)
    assert desk.stands(HERE) == {}
    assert desk.open_cases() == []


def test_what_went_back_of_a_stage_that_is_due_is_not_booked_yet(desk: Desk) -> None:
    """Whether the fee or the surplus bears it is known once the stage is paid or closed."""
    stage = desk.owe(HERE)
    part = desk.pay(stage, HALF)
    desk.told(part, 10_000, "re_desk")
    lost = desk.lose(part, HALF - 10_000)
    for case in (desk.case("external_refund", "re_desk"), desk.case("dispute_lost", lost)):
        assert rebooking.matter_of(desk.db, case) is Why.DUE
        with pytest.raises(Unbookable) as refused:
            desk.propose(case, Choice.LOSS)
        assert refused.value.why is Why.DUE
    desk.pay(stage, HALF)
    assert desk.state(stage) == "paid"
    outside = desk.case("external_refund", "re_desk")
    assert desk.matter(outside).choices == (Choice.DEPOSIT, Choice.LOSS)
    desk.book(outside, Choice.DEPOSIT)
    desk.book(desk.case("dispute_lost", lost), Choice.LOSS)


def test_money_that_nobody_owed_bears_its_dispute_although_the_stage_is_due(desk: Desk) -> None:
    stage = desk.owe(HERE)
    odd = desk.pay(stage, HALF, reference=THERE)
    lost = desk.lose(odd, HALF)
    desk.book(desk.case("dispute_lost", lost), Choice.LOSS)
    assert desk.state(stage) == "due"


def test_what_surplus_bore_of_a_refund_without_us_is_not_taken_of_the_fees_too(
    desk: Desk,
) -> None:
    stage = desk.owe(HERE)
    desk.pay(stage, HALF)
    more = desk.pay(stage, HALF + 20_000)
    asked = desk.ask(more, 20_000)
    desk.told(more, 10_000, "re_desk")
    desk.decide(asked, approved=False)
    assert desk.can(more).most == Money(HALF + 10_000)
    desk.book(desk.case("external_refund", "re_desk"), Choice.LOSS)
    can = desk.can(more)
    assert (can.set_aside, can.credited) == (Money(10_000), Money(HALF))


# --- a loss, after something has gone back


def test_a_loss_leaves_a_deposit_that_has_gone_back_as_it_is(desk: Desk) -> None:
    """The first card gave more of the deposit than its own part of it."""
    stage = desk.owe(HERE)
    first, last = desk.pay(stage, HALF), desk.pay(stage, HALF)
    desk.give_back(first, 30_000, 1)
    lost = desk.lose(first, 10_000)
    desk.book(desk.case("dispute_lost", lost), Choice.LOSS)
    assert desk.stands(HERE)["refundable"] == 30_000 - DEPOSIT
    assert desk.stands(HERE)["revenue"] == 10_000 - FEE
    rest = DEPOSIT - 30_000
    assert [each.left for each in desk.can(last).lines] == [Money(0), Money(rest)]
    desk.give_back(last, rest, 1)
    assert "refundable" not in desk.stands(HERE)


def test_a_loss_takes_no_more_of_a_deposit_than_is_left_of_it(desk: Desk) -> None:
    stage = desk.owe(HERE)
    first, last = desk.pay(stage, HALF), desk.pay(stage, HALF)
    desk.give_back(first, HALF, 1)
    case = desk.case("dispute_lost", desk.lose(last, HALF))
    lines = [each.line for each in desk.matter(case).sources[Choice.LOSS]]
    assert lines == [0, 1]
    desk.book(case, Choice.LOSS)
    assert desk.stands(HERE) == {}, "all of it was given back, or lost"
    assert not desk.can(last).most


def test_more_than_a_payment_brought_is_no_loss_of_those_who_got_others(desk: Desk) -> None:
    stage = desk.owe(HERE)
    first = desk.pay(stage, HALF)
    desk.pay(stage, HALF)
    desk.give_back(first, 30_000, 1)
    case = desk.case("dispute_lost", desk.lose(first, HALF))
    assert rebooking.matter_of(desk.db, case) is Why.TOO_MUCH


def test_a_discount_bears_its_part_of_every_loss(desk: Desk) -> None:
    lines = (
        OwedLine("exam", "local_unit", "رسم", "Exam", Money(20_000), False),
        OwedLine("deposit", "local_unit", "تأمين", "Deposit", Money(15_000), True),
        OwedLine("discount", "treasury", "تخفيض", "Discount", Money(-5_000), False),
    )
    stage = desk.owe(HERE, lines)
    first, last = desk.pay(stage, 15_000), desk.pay(stage, 15_000)
    desk.give_back(first, 15_000, 1)
    lost = desk.case("dispute_lost", desk.lose(last, 14_999))
    desk.book(lost, Choice.LOSS)
    parts = {each.item: each.amount for each in desk.taken(lost)}
    assert sum(parts.values()) == 14_999
    assert 0 < parts["exam"] <= 20_000
    assert -5_000 <= parts["discount"] < 0
    assert "deposit" not in parts
