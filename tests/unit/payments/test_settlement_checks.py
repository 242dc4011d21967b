"""What is compared before money is called paid: the first difference is told in a word."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from payments.attempts import Channel, Try
from payments.ledger import RECEIVABLE, REFUNDABLE, REVENUE
from payments.money import Money
from payments.obligations import Owed, OwedLine, _debt
from payments.provider import Checkout, CheckoutStatus
from payments.settlement import Outcome, Settlement, _difference, _with

AT = datetime(2026, 11, 22, 9, 42, tzinfo=UTC)
OWED = Owed("ob1", "26-1503-00042-1", "submission", Money(125000), Money(0), "due", None)
ATTEMPT = Try(
    id="at1",
    obligation_id="ob1",
    number=1,
    channel=Channel.CHECKOUT,
    door="owner",
    session="cs_1",
    url="https://pay",
    payment=None,
    voucher=None,
    amount=Money(125000),
    set_aside=Money(0),
    refunded=Money(0),
    state="open",
    kind="",
    method="",
    created_at=AT,
    expires_at=AT,
    settled_at=None,
)
CHECKOUT = Checkout(
    session="cs_1",
    status=CheckoutStatus.COMPLETE,
    paid=True,
    amount=Money(125000),
    reference="26-1503-00042-1",
    obligation="ob1",
    attempt="at1",
    live=False,
    url="",
    payment="pi_1",
    expires_at=AT,
)


def test_a_payment_that_fits_has_no_difference() -> None:
    assert _difference(CHECKOUT, ATTEMPT, OWED, live=False) == ""
    assert _difference(replace(CHECKOUT, live=True), ATTEMPT, OWED, live=True) == ""


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"amount": Money(124999)}, "amount"),
        ({"amount": Money(125001)}, "amount"),
        ({"amount": Money(0)}, "amount"),
        ({"amount": Money(125000, "USD")}, "currency"),
        ({"obligation": "ob2"}, "obligation"),
        ({"obligation": ""}, "obligation"),
        ({"attempt": "at2"}, "obligation"),
        ({"reference": "26-1503-00043-9"}, "reference"),
        ({"live": True}, "environment"),
    ],
)
def test_whatever_does_not_fit_is_told(changes: dict[str, Any], word: str) -> None:
    assert _difference(replace(CHECKOUT, **changes), ATTEMPT, OWED, live=False) == word


def test_money_of_the_sandbox_is_never_taken_for_real() -> None:
    assert _difference(CHECKOUT, ATTEMPT, OWED, live=True) == "environment"


def test_an_outcome_keeps_what_is_known() -> None:
    known = Settlement(Outcome.WAITING, "26-1", "submission", "ob1", Money(5))
    paid = _with(known, Outcome.PAID, "R-26-0000042")
    assert paid == Settlement(Outcome.PAID, "26-1", "submission", "ob1", Money(5), "R-26-0000042")


def test_every_attempt_has_an_idempotency_key_of_its_own() -> None:
    assert ATTEMPT.idempotency_key == "at1-1"
    assert replace(ATTEMPT, number=2).idempotency_key == "at1-2"
    assert replace(ATTEMPT, id="at2").idempotency_key == "at2-1"
    assert replace(ATTEMPT, obligation_id="ob2").idempotency_key == "at1-1"


def test_a_debt_balances_against_income_and_deposits() -> None:
    lines = [
        OwedLine("exam", "local_unit", "رسم فحص", "Exam", Money(20000), False),
        OwedLine("deposit", "deposits", "تأمين", "Deposit", Money(50000), True),
        OwedLine("discount", "treasury", "تخفيض", "Discount", Money(-5000), False),
        OwedLine("nothing", "treasury", "لا شيء", "Nothing", Money(0), False),
    ]
    booked = [(line.account, line.amount, line.entity, line.item) for line in _debt(lines)]
    assert booked == [
        (RECEIVABLE, 65000, "", ""),
        (REVENUE, -20000, "local_unit", "exam"),
        (REFUNDABLE, -50000, "deposits", "deposit"),
        (REVENUE, 5000, "treasury", "discount"),
    ]
    assert sum(line.amount for line in _debt(lines)) == 0
