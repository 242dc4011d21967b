"""What is told of money once something has happened to it: to the citizen, and to whoever looks."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from payments import rebooking, refunds
from payments.cases import OpenCase, open_case
from payments.money import Money
from payments.proof import prove
from payments.provider import RefundStatus
from payments.rebooking import Choice, Unbookable, Why
from portal.clock import public_id
from portal.requests import deposits
from portal.requests.account import kept
from portal.requests.deposits import Order
from tests.support.desk import AT, DEPOSIT, FEE, LINES, ONE, Desk, undone

WHOLE = FEE + DEPOSIT
LESS = (replace(LINES[0], amount=Money(10_000)),)
HERE, THERE = "26-1503-00001-1", "26-1503-00002-1"


@pytest.fixture
def desk(empty: Connection) -> Iterator[Desk]:
    with undone(empty):
        yield Desk(empty)
        assert {what: broken for what, broken in prove(empty).items() if broken} == {}


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


# --- deposits, where a means gives nothing back


def ordered(desk: Desk, stage: str, deducted: int) -> list[tuple[str, int]]:
    """A center's payment order: which payments are asked for how much of the deposit."""
    order = Order(Money(deducted), "")
    deposits.prepare(desk.db, stage, order, "as ordered", AT, {"wallet"})
    return [(x.attempt_id, x.amount.minor) for x in refunds.of_reference(desk.db, HERE)]


def test_a_deposit_that_the_means_cannot_take_is_not_prepared(desk: Desk) -> None:
    stage = desk.owe(HERE)
    desk.pay(stage, WHOLE, kind="wallet")
    assert ordered(desk, stage, 0) == []


@pytest.mark.parametrize(("deducted", "by_card"), [(20_000, 30_000), (10_000, 40_000), (0, None)])
def test_of_two_means_the_one_that_gives_back_is_asked_for_all_or_a_person_is(
    desk: Desk, deducted: int, by_card: int | None
) -> None:
    stage = desk.owe(HERE)
    desk.pay(stage, WHOLE // 2, kind="wallet")
    card = desk.pay(stage, WHOLE // 2)
    wanted = [] if by_card is None else [(card.id, by_card)]
    assert ordered(desk, stage, deducted) == wanted


def paid_out(desk: Desk, case: OpenCase, minor: int | None) -> None:
    """Proposed and approved; of a part, as the payment order says."""
    proposal = public_id()
    amount = None if minor is None else Money(minor)
    rebooking.propose(desk.db, proposal, case, Choice.PAID_OUT, "", "as ordered", ONE, AT, amount)
    desk.approve(proposal)


@pytest.mark.parametrize(("minor", "kept_back"), [(None, 0), (35_000, 15_000)])
@pytest.mark.parametrize("kind", ["deposit_due", "deposit_withdrawn"])
def test_a_deposit_is_paid_out_by_a_payment_order_whole_or_in_part(
    desk: Desk, kind: str, minor: int | None, kept_back: int
) -> None:
    stage = desk.owe(HERE)
    paid = desk.pay(stage, WHOLE, kind="wallet")
    open_case(desk.db, kind, THERE, HERE, "", AT)
    paid_out(desk, desk.case(kind, THERE), minor)
    assert desk.open_cases() == []
    stands = desk.stands(HERE)
    assert stands["treasury_settled"] == kept_back - DEPOSIT
    assert -stands.get("refundable", 0) == kept_back
    assert stands["revenue"] == -FEE, "no other fee comes back"
    assert desk.can(paid).most == Money(kept_back)


def test_a_deposit_that_two_paid_is_paid_out_one_after_the_other(desk: Desk) -> None:
    stage = desk.owe(HERE)
    for _ in range(2):
        desk.pay(stage, WHOLE // 2, kind="wallet")
    open_case(desk.db, "deposit_due", THERE, HERE, "", AT)
    case = desk.case("deposit_due", THERE)
    paid_out(desk, case, None)
    assert desk.open_cases() == ["deposit_due"], "the second has paid a part of it too"
    paid_out(desk, case, 4_000)
    assert desk.open_cases() == [], "the rest is kept"
    assert desk.stands(HERE)["treasury_settled"] == -WHOLE // 2 - 4_000


def test_the_case_of_a_deposit_waits_for_the_refund_by_another_means(desk: Desk) -> None:
    stage = desk.owe(HERE)
    card = desk.pay(stage, WHOLE // 2)
    desk.pay(stage, WHOLE // 2, kind="wallet")
    open_case(desk.db, "deposit_due", THERE, HERE, "", AT)
    waits = desk.ask(card, WHOLE // 2, 1)
    paid_out(desk, desk.case("deposit_due", THERE), None)
    assert desk.open_cases() == ["deposit_due"]
    desk.decide(waits)
    desk.made(waits)
    assert desk.open_cases() == []


@pytest.mark.parametrize("minor", [0, -1, DEPOSIT + 1])
def test_no_more_of_a_deposit_is_paid_out_than_there_is(desk: Desk, minor: int) -> None:
    desk.pay(desk.owe(HERE), WHOLE)
    open_case(desk.db, "deposit_due", THERE, HERE, "", AT)
    with pytest.raises(Unbookable) as refused:
        paid_out(desk, desk.case("deposit_due", THERE), minor)
    assert refused.value.why is Why.CHANGED


def test_a_deposit_that_is_asked_for_meanwhile_is_not_paid_out_as_well(desk: Desk) -> None:
    paid = desk.pay(desk.owe(HERE), WHOLE)
    open_case(desk.db, "deposit_due", THERE, HERE, "", AT)
    proposal = desk.propose(desk.case("deposit_due", THERE), Choice.PAID_OUT)
    desk.ask(paid, 20_000, 1)
    with pytest.raises(Unbookable):
        desk.approve(proposal)


def test_dues_that_were_paid_twice_are_paid_out_with_their_fees(desk: Desk) -> None:
    desk.pay(desk.owe(HERE), WHOLE, kind="wallet")
    open_case(desk.db, "dues_paid_twice", HERE, HERE, "", AT)
    paid_out(desk, desk.case("dues_paid_twice", HERE), None)
    assert desk.open_cases() == []
    assert desk.stands(HERE)["treasury_settled"] == -WHOLE
    assert "revenue" not in desk.stands(HERE)
