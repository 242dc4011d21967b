"""What can still go back, or be put elsewhere, of money that something has happened to already.

Whatever the order of refunds here and at the provider, of disputes, closed requests and bookings:
no piastre is offered twice, and what two people saw is what is booked.
"""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, func, select

from payments import ledger, rebooking, refunds
from payments.model import Attempt, EntryLine, Refund
from payments.money import Money
from payments.obligations import OwedLine
from payments.proof import prove
from payments.provider import RefundStatus
from payments.rebooking import Choice, Matter, Unbookable, Why
from payments.refunds import SYSTEM, NotRefundable, RefundReason
from payments.refunds.reading import LIVE
from portal.refunds import reading
from tests.support.desk import AT, DEPOSIT, FEE, HERE, LINES, THERE, TWO, Desk, undone

WHOLE = FEE + DEPOSIT
HALF = WHOLE // 2
NO_MEANS: frozenset[str] = frozenset()
"""Every means of payment takes money back."""


@pytest.fixture
def desk(empty: Connection) -> Iterator[Desk]:
    with undone(empty):
        yield Desk(empty)
        assert {what: broken for what, broken in prove(empty).items() if broken} == {}
        _nothing_is_taken_twice(Desk(empty))


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
        select(EntryLine.account, EntryLine.item)
        .where(EntryLine.account.in_(income), EntryLine.item != "discount")
        .group_by(EntryLine.account, EntryLine.item)
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


# --- what was approved is what is booked


def test_a_payment_does_no_other_thing_for_a_request_than_two_people_agreed_on(
    desk: Desk,
) -> None:
    """Somebody pays a part of the stage between the proposal and the decision."""
    stage = desk.owe(HERE)
    desk.pay(stage, WHOLE)
    twice = desk.pay(stage, WHOLE)
    meant = desk.owe(THERE)
    case = desk.case("surplus", twice.payment or "")
    proposal = desk.propose(case, Choice.REQUEST, THERE)
    desk.pay(meant, HALF)
    with pytest.raises(Unbookable) as refused:
        desk.approve(proposal)
    assert refused.value.why is Why.CHANGED
    assert desk.stands(HERE)["surplus"] == -WHOLE
    found = rebooking.find(desk.db, proposal)
    assert found is not None
    assert (found.state, found.pays) == ("proposed", Money(WHOLE))
    assert rebooking.reject(desk.db, proposal, "paid meanwhile", TWO, AT)
    desk.book(case, Choice.REQUEST, THERE)
    assert desk.state(meant) == "paid"
    assert desk.can(twice).set_aside == Money(HALF)


def test_a_request_whose_stage_was_closed_meanwhile_is_not_paid(desk: Desk) -> None:
    stage = desk.owe(HERE)
    desk.pay(stage, WHOLE)
    twice = desk.pay(stage, WHOLE)
    meant = desk.owe(THERE)
    proposal = desk.propose(desk.case("surplus", twice.payment or ""), Choice.REQUEST, THERE)
    desk.cancel(meant)
    with pytest.raises(Unbookable) as refused:
        desk.approve(proposal)
    assert refused.value.why is Why.CHANGED


# --- a request that was closed in part


def test_a_case_of_a_closed_part_is_about_the_part_alone(desk: Desk) -> None:
    """Money that did not fit, and money that came too late, have cases of their own."""
    stage = desk.owe(HERE)
    odd = desk.pay(stage, WHOLE, reference=THERE)
    part = desk.pay(stage, HALF)
    desk.cancel(stage)
    late = desk.pay(stage, WHOLE)
    parts = desk.case("cancelled_in_part", stage)
    seen = desk.matter(parts)
    assert (seen.attempt.id, seen.choices) == (part.id, (Choice.PAID_OUT,))
    listed = reading.payment_of_case(desk.db, reading.payments_of(desk.db, HERE, NO_MEANS), parts)
    assert listed is not None, "it leads to one form"
    assert listed.id == part.id
    desk.give_back(part, HALF)
    assert desk.open_cases() == ["mismatch_reference", "surplus"]
    assert desk.matter(desk.case("surplus", late.payment or "")).left == Money(WHOLE)
    assert Choice.REQUEST in desk.matter(desk.case("mismatch_reference", odd.payment or "")).choices


def test_a_case_stays_open_while_a_refund_of_it_can_still_be_rejected(desk: Desk) -> None:
    stage = desk.owe(HERE)
    first, last = desk.pay(stage, 20_000), desk.pay(stage, 10_000)
    desk.cancel(stage)
    parts = desk.case("cancelled_in_part", stage)
    asked = desk.ask(last, 10_000)
    desk.book(parts, Choice.PAID_OUT)
    assert not desk.can(first).most
    assert desk.open_cases() == ["cancelled_in_part"]
    desk.decide(asked, approved=False)
    assert desk.matter(parts).attempt.id == last.id
    desk.book(parts, Choice.PAID_OUT)
    assert desk.closed_by("cancelled_in_part", stage) == TWO


def test_money_that_is_paid_out_in_part_keeps_its_case(desk: Desk) -> None:
    stage = desk.owe(HERE)
    desk.pay(stage, WHOLE)
    twice = desk.pay(stage, WHOLE)
    case = desk.case("surplus", twice.payment or "")
    asked = desk.ask(twice, 10_000)
    desk.book(case, Choice.PAID_OUT)
    assert desk.open_cases() == ["surplus"]
    desk.decide(asked, approved=False)
    desk.book(case, Choice.PAID_OUT)
    assert desk.closed_by("surplus", twice.payment or "") == TWO


def test_what_was_paid_out_is_not_there_for_a_request_that_waits(desk: Desk) -> None:
    """The rest went back without us: nothing is left that could be approved."""
    stage = desk.owe(HERE)
    desk.pay(stage, WHOLE)
    twice = desk.pay(stage, WHOLE)
    asked = desk.ask(twice, 10_000)
    desk.book(desk.case("surplus", twice.payment or ""), Choice.PAID_OUT)
    desk.told(twice, 10_000, "re_desk")
    assert refunds.get(desk.db, asked).lapsed
    assert desk.stands(HERE)["treasury_settled"] == 10_000 - WHOLE
    assert "surplus" not in desk.stands(HERE)


# --- a refund without us that fails after it was explained


@pytest.mark.parametrize(("choice", "still"), [(Choice.DEPOSIT, 10_000), (Choice.LOSS, 0)])
def test_what_explained_a_refund_that_failed_after_all_is_undone(
    desk: Desk, choice: Choice, still: int
) -> None:
    """The bank could not take it: the money is there again, and whose it was before."""
    stage = desk.owe(HERE)
    paid = desk.pay(stage, WHOLE)
    before = desk.stands(HERE)
    desk.told(paid, 10_000, "re_desk")
    desk.book(desk.case("external_refund", "re_desk"), choice)
    assert desk.moved()
    for _ in range(2):
        failed = desk.told(paid, 10_000, "re_desk", RefundStatus.FAILED)
    assert desk.stands(HERE) == before
    seen = rebooking.matter_of(desk.db, desk.case("refund_failed", failed.id))
    assert (seen.left.minor if isinstance(seen, Matter) else 0) == still, "the deposit is owed"
    assert desk.moved() == {}, "for nobody the day is another than without it"
    can = desk.can(paid)
    assert [each.left for each in can.lines] == [Money(0), Money(DEPOSIT)]
    desk.give_back(paid, DEPOSIT, 1)
    lost = desk.case("dispute_lost", desk.lose(paid, FEE))
    desk.book(lost, Choice.LOSS)
    assert desk.stands(HERE) == {}


def test_surplus_that_bore_a_refund_that_failed_can_go_back(desk: Desk) -> None:
    stage = desk.owe(HERE)
    part = desk.pay(stage, HALF)
    desk.told(part, 10_000, "re_desk")
    desk.cancel(stage)
    desk.book(desk.case("external_refund", "re_desk"), Choice.LOSS)
    desk.told(part, 10_000, "re_desk", RefundStatus.FAILED)
    assert desk.can(part).set_aside == Money(HALF)
    desk.give_back(part, HALF)
    assert desk.stands(HERE) == {}


def test_a_refund_without_us_that_failed_needs_no_explanation_any_more(desk: Desk) -> None:
    stage = desk.owe(HERE)
    paid = desk.pay(stage, WHOLE)
    desk.told(paid, 10_000, "re_desk")
    case = desk.case("external_refund", "re_desk")
    waits = desk.propose(case, Choice.DEPOSIT)
    failed = desk.told(paid, 10_000, "re_desk", RefundStatus.FAILED)
    assert desk.open_cases() == ["refund_failed"], "whoever made it wanted to give something back"
    told = desk.case("refund_failed", failed.id)
    assert rebooking.matter_of(desk.db, told) is Why.NOTHING
    with pytest.raises(Unbookable) as refused:
        desk.approve(waits)
    assert refused.value.why is Why.CHANGED
    assert rebooking.reject(desk.db, waits, "it failed", TWO, AT)


def test_surplus_whose_refund_without_us_failed_is_put_before_a_person(desk: Desk) -> None:
    stage = desk.owe(HERE)
    desk.pay(stage, WHOLE)
    twice = desk.pay(stage, WHOLE)
    desk.told(twice, WHOLE, "re_desk")
    assert desk.open_cases() == ["external_refund"], "the surplus is gone"
    failed = desk.told(twice, WHOLE, "re_desk", RefundStatus.FAILED)
    assert desk.open_cases() == ["refund_failed"]
    assert desk.matter(desk.case("refund_failed", failed.id)).left == Money(WHOLE)


# --- after a payment went to another request


def test_no_attempt_gets_the_key_of_one_whose_payment_went_elsewhere(desk: Desk) -> None:
    """With the same key the provider would give the payer the checkout that was paid already."""
    stage = desk.owe(HERE)
    desk.owe(THERE)
    odd = desk.pay(stage, WHOLE, reference=THERE)
    desk.book(desk.case("mismatch_reference", odd.payment or ""), Choice.REQUEST, THERE)
    again = desk.begin(stage, WHOLE)
    assert again.number == odd.number, "its stage has none any more"
    assert again.idempotency_key != odd.idempotency_key


def test_a_refund_that_failed_is_of_the_money_that_went_to_another_request(desk: Desk) -> None:
    stage = desk.owe(HERE)
    desk.pay(stage, WHOLE)
    twice = desk.pay(stage, WHOLE)
    refund = desk.ask(twice, WHOLE)
    desk.decide(refund)
    desk.made(refund, RefundStatus.FAILED)
    surplus, failed = desk.case("surplus", twice.payment or ""), desk.case("refund_failed", refund)
    waits = desk.propose(failed, Choice.PAID_OUT)
    meant = desk.owe(THERE, LINES[:1])
    desk.book(surplus, Choice.REQUEST, THERE)
    assert desk.state(meant) == "paid"
    assert desk.open_cases() == ["surplus"], "the failed refund was of the same money"
    with pytest.raises(Unbookable):
        desk.approve(waits)
    desk.give_back(twice, DEPOSIT)
    assert desk.open_cases() == []


def test_a_failed_refund_of_money_that_went_elsewhere_is_about_nothing(desk: Desk) -> None:
    """Whoever has its old page open books no surplus that is of another request by now."""
    stage = desk.owe(HERE)
    desk.pay(stage, WHOLE)
    twice = desk.pay(stage, WHOLE)
    refund = desk.ask(twice, 10_000)
    desk.decide(refund)
    desk.made(refund, RefundStatus.FAILED)
    desk.owe(THERE, LINES[:1])
    desk.book(desk.case("surplus", twice.payment or ""), Choice.REQUEST, THERE)
    assert desk.can(twice).set_aside == Money(DEPOSIT)
    assert rebooking.matter_of(desk.db, desk.case("refund_failed", refund)) is Why.NOTHING


def test_a_refund_that_failed_of_money_that_did_not_fit_is_not_surplus(desk: Desk) -> None:
    """The money is surplus of the same request now, and stands in suspense no more."""
    stage = desk.owe(HERE)
    odd = desk.pay(stage, WHOLE, reference=THERE)
    refund = desk.ask(odd, 10_000)
    desk.decide(refund)
    desk.made(refund, RefundStatus.FAILED)
    desk.pay(stage, WHOLE)
    desk.book(desk.case("mismatch_reference", odd.payment or ""), Choice.REQUEST, HERE)
    assert rebooking.matter_of(desk.db, desk.case("refund_failed", refund)) is Why.NOTHING
    assert desk.matter(desk.case("surplus", odd.payment or "")).left == Money(WHOLE)


def test_a_refund_without_us_that_failed_leaves_the_surplus_that_it_had_taken(desk: Desk) -> None:
    stage = desk.owe(HERE)
    desk.pay(stage, HALF)
    more = desk.pay(stage, HALF + 20_000)
    desk.told(more, 25_000, "re_desk")
    failed = desk.told(more, 25_000, "re_desk", RefundStatus.FAILED)
    case = desk.case("refund_failed", failed.id)
    assert desk.matter(case).left == Money(20_000)
    desk.book(case, Choice.PAID_OUT)
    assert desk.stands(HERE)["treasury_settled"] == -20_000


# --- cases of deposits


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_case_of_a_deposit_closes_with_the_last_of_its_refunds(
    desk: Desk, order: tuple[int, int]
) -> None:
    stage = desk.owe(HERE)
    cards = [desk.pay(stage, HALF), desk.pay(stage, HALF)]
    desk.open_case("deposit_due", HERE)
    asked = [desk.ask(card, DEPOSIT // 2, 1) for card in cards]
    for each in asked:
        desk.decide(each)
    desk.made(asked[order[0]])
    assert desk.open_cases() == ["deposit_due"]
    desk.made(asked[order[1]])
    assert desk.open_cases() == []


@pytest.mark.parametrize("rejected", [False, True])
def test_a_deposit_of_which_a_part_did_not_go_back_keeps_its_case(
    desk: Desk, rejected: bool
) -> None:
    stage = desk.owe(HERE)
    cards = [desk.pay(stage, HALF), desk.pay(stage, HALF)]
    desk.open_case("deposit_withdrawn", HERE)
    asked = [desk.ask(card, DEPOSIT // 2, 1) for card in cards]
    desk.decide(asked[0], approved=not rejected)
    if not rejected:
        desk.made(asked[0], RefundStatus.FAILED)
    desk.decide(asked[1])
    desk.made(asked[1])
    assert "deposit_withdrawn" in desk.open_cases()
    desk.give_back(cards[0], DEPOSIT // 2, 1)
    assert "deposit_withdrawn" not in desk.open_cases()


def test_a_payment_order_that_keeps_a_part_is_done_once_the_rest_has_gone_back(
    desk: Desk,
) -> None:
    stage = desk.owe(HERE)
    cards = [desk.pay(stage, HALF), desk.pay(stage, HALF)]
    desk.open_case("deposit_due", HERE)
    order = [desk.ask(cards[0], 30_000, 1, by=SYSTEM), desk.ask(cards[1], 5_000, 1, by=SYSTEM)]
    for each in order:
        assert desk.open_cases() == ["deposit_due"]
        desk.decide(each)
        desk.made(each)
    assert desk.open_cases() == []


def test_a_part_of_a_deposit_without_a_payment_order_leaves_the_rest_to_a_person(
    desk: Desk,
) -> None:
    stage = desk.owe(HERE)
    paid = desk.pay(stage, WHOLE)
    desk.open_case("deposit_due", HERE)
    desk.give_back(paid, 30_000, 1)
    assert desk.open_cases() == ["deposit_due"], "nothing says that the center keeps the rest"
    desk.told(paid, DEPOSIT - 30_000, "re_desk")
    desk.book(desk.case("external_refund", "re_desk"), Choice.DEPOSIT)
    assert desk.open_cases() == [], "the rest went back too"


def test_dues_paid_twice_wait_for_the_last_refund_of_them(desk: Desk) -> None:
    dues = (OwedLine("dues", "local_unit", "مستحقات", "Dues", Money(WHOLE), False),)
    stage = desk.owe(HERE, dues)
    cards = [desk.pay(stage, HALF), desk.pay(stage, HALF)]
    desk.open_case("dues_paid_twice", HERE)
    asked = [desk.ask(card, HALF, 0, why=RefundReason.PAID_TWICE) for card in cards]
    for each in asked:
        assert desk.open_cases() == ["dues_paid_twice"]
        desk.decide(each)
        desk.made(each)
    assert desk.open_cases() == []
