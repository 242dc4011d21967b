"""One day, compared: provider, ledger and treasury, with every class of difference."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

from payments import cases, ledger
from payments.money import Money
from payments.provider import Unreachable
from payments.reconciliation import matching
from payments.reconciliation.days import each_day, span
from payments.reconciliation.matching import Kind
from payments.reconciliation.model import DayDifference, DayTotal
from payments.reconciliation.treasury import enter, read_statement
from portal.clock import CAIRO
from portal.db import Database
from tests.support.books import AMOUNT, FEE, Desk, entry
from tests.support.databases import Databases

NOON = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
DAY = date(2026, 11, 20)


@pytest.fixture
def desk(databases: Databases, tmp_path: Path) -> Iterator[Desk]:
    url = databases.loaded(tmp_path)
    database = Database(url, durable=False)
    yield Desk(database, NOON)
    database.close()
    databases.forget(url)


def differences(desk: Desk, day: date = DAY) -> list[tuple[str, str, int, int]]:
    with desk.database.read() as db:
        rows = db.execute(
            select(DayDifference.__table__)
            .where(DayDifference.day == day)
            .order_by(DayDifference.kind, DayDifference.object_id)
        )
        return [(r.kind, r.object_id, r.provider_amount, r.ledger_amount) for r in rows]


def totals(desk: Desk, day: date = DAY) -> dict[str, tuple[int, int, int]]:
    with desk.database.read() as db:
        rows = db.execute(select(DayTotal.__table__).where(DayTotal.day == day))
        return {r.row: (r.provider_amount, r.ledger_amount, r.treasury_amount) for r in rows}


def compare(desk: Desk, day: date = DAY) -> None:
    desk.next_morning()
    desk.reconciler.run(day)


# --- days


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        ("2026-04-23", 24),
        ("2026-04-24", 23),
        ("2026-04-25", 24),
        ("2026-10-28", 24),
        ("2026-10-29", 25),
        ("2026-10-30", 24),
        ("2028-02-29", 24),
        ("2026-12-31", 24),
    ],
)
def test_a_day_has_the_hours_that_cairo_gives_it(day: str, hours: int) -> None:
    when = span(date.fromisoformat(day), CAIRO)
    assert when.ends - when.begins == timedelta(hours=hours)


def test_days_follow_each_other_without_gap_or_overlap() -> None:
    spans = [span(day, CAIRO) for day in each_day(date(2026, 1, 1), date(2028, 12, 31))]
    assert len(spans) == 365 + 365 + 366
    for before, after in pairwise(spans):
        assert before.ends == after.begins


# When a payment was made (UTC), and the day that Cairo's clocks gave it
INSTANTS = {
    "2026-04-23T21:59:59": "2026-04-23",
    "2026-04-23T22:00:00": "2026-04-24",  # midnight does not exist: the day begins at one
    "2026-04-24T20:59:59": "2026-04-24",
    "2026-04-24T21:00:00": "2026-04-25",
    "2026-10-28T20:59:59": "2026-10-28",
    "2026-10-28T21:00:00": "2026-10-29",
    "2026-10-29T20:30:00": "2026-10-29",  # the hour before midnight, which comes twice
    "2026-10-29T21:30:00": "2026-10-29",
    "2026-10-29T22:00:00": "2026-10-30",
    "2026-11-30T21:59:59": "2026-11-30",
    "2026-11-30T22:00:00": "2026-12-01",
    "2026-12-31T22:00:00": "2027-01-01",
    "2028-02-28T22:00:00": "2028-02-29",
    "2028-02-29T21:59:59": "2028-02-29",
    "2028-02-29T22:00:00": "2028-03-01",
}


def test_a_payment_belongs_to_the_day_on_which_the_clocks_of_cairo_have_it(desk: Desk) -> None:
    for number, at in enumerate(INSTANTS):
        desk.clock.at = datetime.fromisoformat(at).replace(tzinfo=UTC)
        desk.pay(f"26-{number:04d}")
    lines = Counter(date.fromisoformat(day) for day in INSTANTS.values())
    beside = {day + timedelta(days=shift) for day in lines for shift in (-1, 1)}
    for day in sorted({*lines, *beside}):
        result = desk.reconciler.run(day)
        assert (result.lines, result.differences) == (lines[day], 0), day


# --- what agrees


def test_a_day_on_which_everything_agrees_has_no_difference(desk: Desk) -> None:
    desk.pay("26-0001")
    desk.pay("26-0002", kind="kiosk")
    compare(desk)
    assert differences(desk) == []
    assert desk.cases() == []
    assert totals(desk) == {
        "payment": (2 * AMOUNT, 2 * AMOUNT, 0),
        "fee": (-2 * FEE, -2 * FEE, 0),
    }


def test_a_day_without_money_is_compared_too(desk: Desk) -> None:
    compare(desk)
    result = desk.reconciler.result(DAY)
    assert result is not None
    assert (result.complete, result.lines, result.differences) == (True, 0, 0)


def test_a_day_that_is_not_over_is_compared_and_not_complete(desk: Desk) -> None:
    desk.pay("26-0001")
    result = desk.reconciler.run(DAY)
    assert (result.lines, result.complete) == (1, False)
    compare(desk)
    result = desk.reconciler.run(DAY)
    assert (result.lines, result.complete) == (1, True)


def test_comparing_again_gives_the_same(desk: Desk) -> None:
    desk.pay("26-0001", fee=None)
    desk.add("txn_stranger", "charge", 700, 20, payment="pi_stranger")
    desk.pay_out("po_1", 3000)
    compare(desk)
    before = totals(desk), differences(desk), desk.cases()
    for _ in range(2):
        desk.reconciler.run(DAY)
        assert (totals(desk), differences(desk), desk.cases()) == before


def test_a_payment_settled_after_midnight_belongs_to_the_line_of_the_day_before(
    desk: Desk,
) -> None:
    desk.pay("26-0001", booked=False)
    late = desk.lost.popitem()[1]
    desk.clock.at = datetime(2026, 11, 20, 22, 5, tzinfo=UTC)
    desk._settle(late)
    compare(desk)
    desk.reconciler.run(DAY + timedelta(days=1))
    assert differences(desk) == differences(desk, DAY + timedelta(days=1)) == []


def test_a_line_that_the_provider_writes_the_next_day_is_found_there(desk: Desk) -> None:
    desk.pay("26-0001", created_at=NOON + timedelta(days=1))
    compare(desk)
    assert differences(desk) == []
    assert desk.book.asked


# --- what only the provider knows


def test_a_fee_that_was_told_late_is_booked_by_the_comparison(desk: Desk) -> None:
    desk.pay("26-0001", fee=None)
    desk.pay("26-0002", fee=None, kind="kiosk")
    compare(desk)
    assert desk.cases() == []
    assert desk.balance(ledger.PROVIDER_FEES) == 2 * FEE
    assert desk.balance(ledger.CLEARING) == desk.balance(ledger.KIOSK_CLEARING) == AMOUNT - FEE


def test_a_payment_of_which_nothing_was_heard_is_looked_at_and_settled(desk: Desk) -> None:
    payment = desk.pay("26-0001", booked=False)
    compare(desk)
    assert desk.looked == [("payment", payment, payment)]
    assert desk.cases() == []
    assert desk.balance(ledger.RECEIVABLE) == 0
    assert totals(desk)["payment"] == (AMOUNT, AMOUNT, 0)


def test_payouts_are_booked_when_made_and_when_arrived(desk: Desk) -> None:
    desk.pay("26-0001")
    desk.pay("26-0002", kind="kiosk")
    desk.pay_out("po_1", 12_000)
    compare(desk)
    assert desk.balance(ledger.TREASURY_IN_TRANSIT) == 12_000
    assert desk.balance(ledger.KIOSK_CLEARING) == 0
    assert desk.balance(ledger.CLEARING) == 2 * (AMOUNT - FEE) - 12_000
    desk.arrive("po_1")
    desk.next_morning()
    desk.reconciler.run(DAY + timedelta(days=1))
    assert desk.balance(ledger.TREASURY_IN_TRANSIT) == 0
    assert desk.balance(ledger.TREASURY_SETTLED) == 12_000
    assert desk.cases() == []


@pytest.mark.parametrize("arrived", [False, True])
def test_a_payout_that_fails_brings_the_money_back_to_where_it_was(
    desk: Desk, arrived: bool
) -> None:
    desk.pay("26-0001")
    desk.pay_out("po_1", 5_000, "paid" if arrived else "in_transit")
    compare(desk)
    desk.arrive("po_1", "failed")
    desk.add("txn_back", "payout_failure", 5_000, source="po_1")
    desk.next_morning()
    desk.reconciler.run(DAY + timedelta(days=1))
    assert desk.balance(ledger.TREASURY_IN_TRANSIT) == desk.balance(ledger.TREASURY_SETTLED) == 0
    assert desk.balance(ledger.CLEARING) == AMOUNT - FEE
    assert desk.cases() == []


@pytest.mark.parametrize(
    ("listed", "found"), [(False, []), (True, [("reconcile_payout_amount", "po_1", "")])]
)
def test_a_payout_that_arrived_and_then_failed_is_not_looked_for_at_the_treasury(
    desk: Desk, listed: bool, found: list[tuple[str, str, str]]
) -> None:
    """Unless a statement has it: then the treasury may hold what the provider has back."""
    desk.pay("26-0001")
    desk.pay_out("po_1", 5_000, "paid")
    compare(desk)
    statement(desk, DAY + timedelta(days=1), "po_1" if listed else "po_other")
    desk.next_morning(6)
    statement(desk, DAY + timedelta(days=6), "po_later")
    late = "po_1" in {payout for _, payout, _ in desk.cases()}
    assert late is not listed
    desk.arrive("po_1", "failed")
    desk.add("txn_back", "payout_failure", 5_000, source="po_1")
    desk.next_morning()
    desk.reconciler.run(DAY + timedelta(days=7))
    assert [each for each in desk.cases() if each[1] == "po_1"] == found
    desk.next_morning(3)
    statement(desk, DAY + timedelta(days=10), "po_last")
    assert [each for each in desk.cases() if each[1] == "po_1"] == found


def statement(desk: Desk, day: date, payout: str) -> None:
    """The treasury's statement of a day, with one line."""
    content = f"value_date,payout,amount,currency\n{day},{payout},5000,EGP\n".encode()
    with desk.database.begin() as db:
        enter(db, content, read_statement(content, day), "finance", desk.clock.now())


def test_the_fee_of_a_payout_is_booked_as_well(desk: Desk) -> None:
    desk.pay("26-0001")
    desk.pay_out("po_1", 5_000, fee=100)
    compare(desk)
    assert desk.cases() == []
    assert desk.balance(ledger.PROVIDER_FEES) == FEE + 100


# --- the classes of differences


def test_money_at_the_provider_that_nobody_here_knows_is_a_case(desk: Desk) -> None:
    desk.add("txn_x", "charge", 700, 20, payment="pi_stranger", reference="26-0009")
    compare(desk)
    assert differences(desk) == [(Kind.MISSING_IN_LEDGER, "txn_x", 700, 0)]
    assert desk.cases() == [("reconcile_missing_in_ledger", "txn_x", "26-0009")]


def test_money_in_the_ledger_that_the_provider_does_not_have_is_a_case(desk: Desk) -> None:
    with desk.database.begin() as db:
        clearing, aside = (ledger.CLEARING, 900), (ledger.SUSPENSE, -900)
        entry(db, NOON, "pi_ghost", "suspense", clearing, aside)
        entry(db, NOON, "re_ghost", "refund", (ledger.CLEARING, -50), (ledger.SUSPENSE, 50))
        entry(db, NOON, "txn_ghost", "fee", (ledger.CLEARING, -9), (ledger.PROVIDER_FEES, 9))
    compare(desk)
    assert differences(desk) == [
        (Kind.MISSING_AT_PROVIDER, "pi_ghost", 0, 900),
        (Kind.MISSING_AT_PROVIDER, "re_ghost", 0, -50),
        (Kind.MISSING_AT_PROVIDER, "txn_ghost", 0, -9),
    ]
    assert totals(desk)["payment"] == (0, 900, 0)


def test_another_sum_another_fee_another_currency_and_a_double_are_told_apart(desk: Desk) -> None:
    sums = desk.pay("26-0001")
    fees = desk.pay("26-0002")
    foreign = desk.pay("26-0003")
    twice = desk.pay("26-0004")
    lines = {line.payment: line for line in desk.book.lines}
    book = desk.book.lines
    book[book.index(lines[sums])] = replace(lines[sums], amount=Money(AMOUNT - 100))
    book[book.index(lines[fees])] = replace(lines[fees], fee=Money(FEE + 5))
    usd = replace(lines[foreign], amount=Money(AMOUNT, "USD"), fee=Money(FEE, "USD"))
    book[book.index(lines[foreign])] = usd
    book.append(replace(lines[twice], id="txn_zz_again"))
    compare(desk)
    assert differences(desk) == [
        (Kind.AMOUNT, lines[sums].id, AMOUNT - 100, AMOUNT),
        (Kind.CURRENCY, lines[foreign].id, AMOUNT, AMOUNT),
        (Kind.DUPLICATE, "txn_zz_again", AMOUNT, 0),
        (Kind.FEE, lines[fees].id, -FEE - 5, -FEE),
    ]
    assert len(desk.cases()) == 4


def test_a_case_whose_difference_is_gone_is_closed_by_the_next_comparison(desk: Desk) -> None:
    payment = desk.pay("26-0001", booked=False, told=False)
    compare(desk)
    assert len(desk.cases()) == 1
    desk._settle(desk.book.checkouts[payment])
    desk.reconciler.run(DAY)
    assert (differences(desk), desk.cases()) == ([], [])


def test_a_line_that_the_provider_tells_otherwise_is_read_anew(desk: Desk) -> None:
    payment = desk.pay("26-0001")
    (right,) = desk.book.lines
    for fee, found in ((FEE + 5, [Kind.FEE]), (FEE, []), (FEE + 7, [Kind.FEE])):
        desk.book.lines = [replace(right, fee=Money(fee))]
        compare(desk)
        assert [each[0] for each in differences(desk)] == found
        # what had closed by itself is opened again
        assert [each[0] for each in desk.cases()] == [f"reconcile_{kind}" for kind in found]
        assert totals(desk)["fee"] == (-fee, -FEE, 0)
    assert desk.looked == []
    assert payment == right.payment


def test_money_that_is_booked_twice_is_a_case(desk: Desk) -> None:
    payment = desk.pay("26-0001")
    with desk.database.begin() as db:
        twice = (ledger.CLEARING, AMOUNT), (ledger.SURPLUS, -AMOUNT)
        entry(db, NOON, payment, "surplus", *twice)
    compare(desk)
    name = desk.book.lines[0].id
    assert differences(desk) == [(Kind.DUPLICATE, name, AMOUNT, 2 * AMOUNT)]
    with desk.database.read() as db:
        assert matching.excess(db) == {"EGP": -AMOUNT}


def test_each_side_is_counted_in_its_own_currency(desk: Desk) -> None:
    desk.pay("26-0001")
    (line,) = desk.book.lines
    desk.book.lines = [replace(line, amount=Money(AMOUNT, "USD"), fee=Money(FEE, "USD"))]
    compare(desk)
    with desk.database.read() as db:
        rows = db.execute(select(DayTotal.__table__).where(DayTotal.row == "payment"))
        found = {r.currency: (r.provider_amount, r.ledger_amount) for r in rows}
        assert matching.excess(db) == {"EGP": -AMOUNT + FEE, "USD": AMOUNT - FEE}
        (case,) = cases.open_cases(db)
    assert found == {"EGP": (0, AMOUNT), "USD": (AMOUNT, 0)}
    assert case.detail == f"{DAY}: provider {AMOUNT} USD, ledger {AMOUNT} EGP"


def test_a_fee_that_nobody_can_book_is_a_difference(desk: Desk) -> None:
    """That of a dispute is told with the dispute, and here it is not."""
    desk.add("txn_disp", "adjustment", -1_000, 1_500, source="du_1")
    with desk.database.begin() as db:
        taken = (ledger.CLEARING, -1_000), (ledger.DISPUTE_HOLD, 1_000)
        entry(db, NOON, "du_1", "dispute", *taken)
    compare(desk)
    assert differences(desk) == [(Kind.FEE, "txn_disp", -1_500, 0)]
    assert desk.looked == [("dispute", "du_1", "")]


def test_a_payout_that_is_taken_back_lessens_what_is_on_the_way(desk: Desk) -> None:
    desk.pay("26-0001", kind="kiosk")
    desk.pay_out("po_1", 5_000)
    desk.pay_out("po_2", -5_000)
    compare(desk)
    assert desk.balance(ledger.TREASURY_IN_TRANSIT) == 0
    assert desk.balance(ledger.CLEARING) + desk.balance(ledger.KIOSK_CLEARING) == AMOUNT - FEE
    assert desk.cases() == []


def test_a_difference_that_a_person_has_closed_is_not_opened_again(desk: Desk) -> None:
    desk.add("txn_x", "charge", 700, 20, payment="pi_stranger")
    compare(desk)
    with desk.database.begin() as db:
        (found,) = cases.open_cases(db)
        cases.close(db, found.id, "a test payment of the provider", desk.clock.now(), by="finance")
    desk.reconciler.run(DAY)
    assert desk.cases() == []
    assert len(differences(desk)) == 1


def test_a_line_of_an_unknown_kind_is_a_case_and_never_booked(desk: Desk) -> None:
    desk.add("txn_bill", "stripe_fee", -4_000)
    compare(desk)
    assert desk.cases() == [("reconcile_missing_in_ledger", "txn_bill", "")]
    assert desk.balance(ledger.PROVIDER_FEES) == 0


def test_a_provider_that_does_not_answer_leaves_the_day_to_be_compared_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.pay("26-0001")
    compare(desk)
    with monkeypatch.context() as broken:

        def breaks(*_: object) -> object:
            raise Unreachable("timeout")

        broken.setattr(desk.book, "payouts", breaks)
        with pytest.raises(Unreachable):
            desk.reconciler.run(DAY)
    result = desk.reconciler.result(DAY)
    assert result is not None
    assert (result.complete, result.lines) == (False, 1)
    assert desk.reconciler.run(DAY).complete


def test_the_whole_ledger_is_what_the_provider_holds(desk: Desk) -> None:
    desk.pay("26-0001", fee=None)
    desk.pay("26-0002", booked=False)
    desk.pay_out("po_1", 7_000)
    compare(desk)
    held = sum(desk.balance(account) for account in matching.AT_PROVIDER)
    assert held == desk.book.balance()[0].minor
