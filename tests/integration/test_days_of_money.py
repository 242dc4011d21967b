"""Days of money with the sandbox as provider: every kind of difference, and what cures it.

News comes by webhook, late, three times or not at all; the provider's book is wrong; money goes
back outside of the portal, by a bank, to the treasury. Each day is compared on the next morning as
the worker does it, proved against the provider's balance, closed and exported.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from payments import attempts, ledger, obligations
from payments.cases import GUIDE
from payments.model import Dispute, PaymentCase
from payments.reconciliation.closing import NotClosable
from payments.reconciliation.model import BookLine, Day, DayShare, DayTotal
from payments.reconciliation.result import DayResult
from payments.reconciliation.treasury import COLUMNS
from portal.clock import CAIRO, cairo_day
from tests.support.commands import run_command
from tests.support.filing import file_unpaid
from tests.support.local import LocalPortal
from tests.support.paying import state_of
from tests.support.refunding import DEPOSIT, FEE, Books, Paid

SUM = (DEPOSIT + FEE).minor
LOST: dict[str, Any] = {"mode": "lose", "count": 10_000}


class Days:
    """The portal and the provider, whose clocks go together from noon to morning to noon."""

    def __init__(self, local: LocalPortal, books: Books) -> None:
        self.local = local
        self.books = books
        self.reconciling = local.portal.reconciling

    def charged(self) -> Paid:
        """A request that is paid at the provider; the portal hears of it, or does not."""
        number = file_unpaid(self.local.portal, "01091234567", 1)
        with self.local.portal.database.read() as db:
            due = obligations.due(db, number)
        assert due is not None
        attempt = self.books.attempt(due.id, due.amount)
        intents = self.local.stripe.v1.payment_intents
        params: Any = {
            "amount": due.amount.minor,
            "currency": "egp",
            "payment_method_types": ["card"],
            "metadata": {"reference": number, "obligation": due.id, "attempt": attempt.id},
        }
        intent = intents.create(params)
        opened = self.local.portal.provider.read_payment(intent.id)
        with self.local.portal.database.begin() as db:
            attempts.attach(db, attempt.id, replace(opened, session=""))
        intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
        return Paid(number, due.id, attempt.id, intent.id)

    def go_to(self, at: datetime) -> None:
        ahead = int((at - datetime.now(CAIRO)).total_seconds())
        self.local.sandbox.control("/clock", {"reset": True})
        self.local.sandbox.control("/clock", {"advance": ahead})
        self.local.clock.ahead = timedelta(seconds=ahead)

    def noon(self) -> date:
        """Noon of the next day that nothing has happened on yet; that day."""
        day = cairo_day(self.local.clock.now()) + timedelta(days=1)
        self.go_to(datetime.combine(day, time(12), CAIRO))
        return day

    def morning(self, day: date) -> DayResult:
        """Past four of the morning after a day, and what the worker finds then."""
        self.go_to(datetime.combine(day + timedelta(days=1), time(4), CAIRO))
        self.reconciling.run_due()
        assert self.reconciling.unexplained() == []
        return self.result(day)

    def result(self, day: date) -> DayResult:
        found = self.reconciling.reconciler.result(day)
        assert found is not None
        return found

    def close(self, day: date, note: str = "") -> None:
        """Close a day as it stands, and quiet ones before it; its export is what the provider's
        book moved, payouts apart."""
        earlier = select(Day.day).where(Day.state == "open", Day.day < day).order_by(Day.day)
        for (each,) in self.local.rows(earlier):
            self._close(each, "")
        self._close(day, note)
        totals = self.reconciling.export(day, day).totals()
        assert {name: total["net"] for name, total in totals.items()} == self.moved(day)

    def _close(self, day: date, note: str) -> None:
        self.reconciling.close(day, self.result(day).runs, "finance_officer@EG", note)

    def moved(self, day: date) -> dict[str, int]:
        begin = datetime.combine(day, time(0), CAIRO).timestamp()
        found: dict[str, int] = {}
        params: Any = {"created": {"gte": int(begin), "lt": int(begin) + 86_400}, "limit": 100}
        for line in self.local.stripe.v1.balance_transactions.list(params).data:
            if not line.type.startswith("payout"):
                found[line.currency.upper()] = found.get(line.currency.upper(), 0) + line.net
        return {name: net for name, net in found.items() if net}

    def lines_of(self, source: str) -> list[str]:
        """The provider's lines of a charge, refund, dispute or payout."""
        found = self.local.stripe.v1.balance_transactions.list({"source": source})
        return [line.id for line in found.data]

    def charge_of(self, paid: Paid) -> str:
        return str(self.local.stripe.v1.payment_intents.retrieve(paid.payment).latest_charge)

    def line_of(self, paid: Paid) -> str:
        return self.lines_of(self.charge_of(paid))[0]

    def misbook(self, paid: Paid, mode: str = "change", **wrong: Any) -> str:
        """The provider's line of a payment is wrong from now on; its id, or that of its double."""
        body = {"transaction": self.line_of(paid), "mode": mode, **wrong}
        return str(self.local.sandbox.control("/book", body)["id"])

    def cases(self) -> dict[str, str]:
        """Kind of the open cases, by object."""
        rows = self.local.rows(
            select(PaymentCase.object_id, PaymentCase.kind).where(PaymentCase.closed_at.is_(None))
        )
        return {row.object_id: row.kind for row in rows}

    def totals(self, day: date) -> dict[tuple[str, str], tuple[int, int]]:
        """Provider and ledger, by currency and row."""
        rows = self.local.rows(select(DayTotal.__table__).where(DayTotal.day == day))
        return {(r.currency, r.row): (r.provider_amount, r.ledger_amount) for r in rows}

    def balance(self, account: str) -> int:
        with self.local.portal.database.read() as db:
            return ledger.balance(db, account).minor

    def dispute(self, paid: Paid, reason: str = "fraudulent") -> str:
        made = self.local.sandbox.control(
            "/disputes", {"payment_intent": paid.payment, "reason": reason}
        )
        return str(made["id"])

    def judge(self, dispute: str, evidence: str) -> None:
        """The bank reads the evidence, and decides some seconds later."""
        self.local.stripe.v1.disputes.update(
            dispute, {"evidence": {"uncategorized_text": evidence}}
        )
        self.pass_time(10)

    def pass_time(self, seconds: int) -> None:
        self.go_to(self.local.clock.now() + timedelta(seconds=seconds))

    def read_statement(self, *lines: str) -> None:
        """The treasury's statement with these lines."""
        content = "\n".join((",".join(COLUMNS), *lines, ""))
        self.reconciling.import_statement(content.encode(), "finance_officer@EG")

    def silence(self) -> None:
        """From now on the provider's events are lost."""
        self.local.sandbox.control("/webhooks", LOST)

    def speak(self) -> None:
        self.local.sandbox.control("/webhooks", method="DELETE")


@pytest.fixture(scope="module")
def books(local: LocalPortal) -> Books:
    return Books(local, file_unpaid(local.portal, "01091234567", 1))


@pytest.fixture
def days(local: LocalPortal, books: Books) -> Iterator[Days]:
    made = Days(local, books)
    yield made
    made.speak()
    for path in ("/book", "/faults"):
        local.sandbox.control(path, method="DELETE")
    local.sandbox.control("/balance", {"delay": 0})
    local.sandbox.control("/clock", {"reset": True})
    made.books.proved()


def test_every_kind_of_difference_is_told_apart_and_gone_when_the_book_is_right(days: Days) -> None:
    day = days.noon()
    days.local.sandbox.control("/webhooks", {"mode": "repeat", "times": 3, "count": 3})
    heard = days.charged()
    days.local.soon(lambda: state_of(days.local, heard.number) == "received")
    days.silence()
    unheard = days.charged()
    days.books.paid_in_cash()
    days.local.sandbox.control("/balance", {"delay": 60})
    fee_is_late = days.books.paid()
    days.pass_time(61)
    days.local.sandbox.control("/balance", {"delay": 0})
    refunded = days.books.paid()
    refund = days.local.sandbox.control(
        "/refunds", {"payment_intent": refunded.payment, "amount": 1_000}
    )
    lost = days.books.paid()
    lost_line = days.misbook(lost, "lose")
    wrong = {
        days.misbook(days.books.paid(), fee=999): "reconcile_fee",
        days.misbook(days.books.paid(), amount=SUM - 100): "reconcile_amount",
        days.misbook(days.books.paid(), currency="usd"): "reconcile_currency",
        days.misbook(days.books.paid(), "repeat"): "reconcile_duplicate",
        lost.payment: "reconcile_missing_at_provider",
        lost_line: "reconcile_missing_at_provider",
    }

    result = days.morning(day)
    assert days.cases() == {**wrong, str(refund["id"]): "external_refund"}
    assert result.differences == len(wrong)
    assert state_of(days.local, unheard.number) == "received"
    assert ledger.PROVIDER_FEES in days.books.booked(fee_is_late.number)
    totals = days.totals(day)
    assert totals["USD", "payment"] == (SUM, 0)
    provider, booked = totals["EGP", "payment"]
    # one is in dollars, one short, one told twice, one lost
    assert provider - booked == -SUM - 100 + SUM - SUM
    _, said = run_command(days.local.portal.settings, "payments", "cases")
    assert [kind for kind in wrong.values() if GUIDE[kind] not in said] == []
    with pytest.raises(NotClosable, match="note"):
        days.close(day)

    assert days.local.sandbox.control("/book", method="DELETE")["mended"] == 5
    days.go_to(datetime.combine(day + timedelta(days=2), time(4), CAIRO))
    days.reconciling.run_due()  # what did not agree is compared again, every morning
    assert (days.result(day).differences, days.reconciling.unexplained()) == (0, [])
    assert list(days.cases().values()) == ["external_refund"]
    days.close(day)
    for change in (
        update(BookLine).where(BookLine.id == lost_line).values(amount=1),
        delete(DayShare).where(DayShare.day == day),
        update(Day).where(Day.day == day).values(state="open", digest=None),
    ):
        with pytest.raises(DBAPIError, match="closed"), days.local.portal.database.begin() as db:
            db.execute(change)


def test_a_dispute_is_followed_from_day_to_day_however_it_ends(days: Days) -> None:
    """Won on the next day, lost with the news of it, and an inquiry that becomes a dispute."""
    days.silence()
    day = days.noon()
    payments = [days.books.paid() for _ in range(3)]
    won, lost = (days.dispute(paid) for paid in payments[:2])
    asked = days.dispute(payments[2], "inquiry")
    held = days.balance(ledger.DISPUTE_HOLD)
    assert days.morning(day).differences == 0
    assert days.cases().items() >= {won: "dispute", lost: "dispute"}.items()
    assert days.balance(ledger.DISPUTE_HOLD) == held + 2 * SUM
    assert days.totals(day)["EGP", "dispute"] == (-2 * SUM, -2 * SUM)
    days.close(day)

    day = days.noon()
    days.judge(won, "winning_evidence")
    days.judge(asked, "escalate_inquiry_evidence")
    days.speak()
    days.judge(lost, "losing_evidence")
    days.local.soon(lambda: states(days)[lost] == "lost")
    assert days.morning(day).differences == 0
    assert states(days) == {won: "won", lost: "lost", asked: "open"}
    found = days.cases()
    assert (found[lost], found[asked], won in found) == ("dispute_lost", "dispute", False)
    assert days.balance(ledger.DISPUTE_HOLD) == held + 2 * SUM
    # one came back, one was taken
    assert days.totals(day)["EGP", "dispute"] == (0, 0)
    days.close(day)


def states(days: Days) -> dict[str, str]:
    return {row.id: row.state for row in days.local.rows(select(Dispute.id, Dispute.state))}


def test_a_payout_is_followed_to_the_treasury_s_statement(days: Days) -> None:
    """Somebody else's payment on our account is what there is to pay out."""
    days.silence()
    day = days.noon()
    days.books.paid()
    stripe = days.local.stripe.v1
    stranger: Any = {
        "amount": 100_000,
        "currency": "egp",
        "payment_method": "pm_card_bypassPending",
        "payment_method_types": ["card"],
        "confirm": True,
    }
    charge = str(stripe.payment_intents.create(stranger).latest_charge)
    right, short, dollars, twice, late, back, gone = (
        stripe.payouts.create({"amount": 10_000, "currency": "egp"}).id for _ in range(7)
    )
    stripe.payouts.cancel(gone)
    settled, transit = ledger.TREASURY_SETTLED, ledger.TREASURY_IN_TRANSIT
    before = days.balance(settled)
    assert days.morning(day).differences == 1
    stranger_line = days.lines_of(charge)[0]
    assert days.cases()[stranger_line] == "reconcile_missing_in_ledger"
    assert (days.balance(settled) - before, days.balance(transit)) == (60_000, 0)

    next_day = days.noon()
    stripe.payouts.reverse(back)
    assert days.morning(next_day).differences == 0
    assert (days.balance(settled) - before, days.balance(transit)) == (50_000, 0)

    days.go_to(datetime.combine(next_day + timedelta(days=4), time(4), CAIRO))
    arrived = next_day.isoformat()
    days.read_statement(
        f"{arrived},{right},10000,EGP",
        f"{arrived},{short},9990,EGP",
        f"{arrived},{dollars},10000,USD",
        f"{arrived},{twice},10000,EGP",
        f"{arrived},{twice},10000,EGP",
        f"{arrived},{back},10000,EGP",
        f"{arrived},po_unknown,500,EGP",
        f"{next_day + timedelta(days=3)},po_other,500,EGP",
    )
    wrong = {
        short: "reconcile_payout_amount",
        dollars: "reconcile_payout_currency",
        twice: "reconcile_payout_duplicate",
        late: "reconcile_payout_missing",
        "po_unknown": "reconcile_payout_unknown",
        "po_other": "reconcile_payout_unknown",
        stranger_line: "reconcile_missing_in_ledger",
    }
    found = days.cases()
    assert {each: found.get(each) for each in wrong} == wrong
    assert not {right, back, gone} & found.keys()
    days.read_statement(f"{arrived},{late},10000,EGP", f"{arrived},{short},10,EGP")
    assert not {late, short} & days.cases().keys()

    days.reconciling.run(day)
    assert days.result(day).differences == 3  # the stranger, the dollars and the double
    days.close(day, "asked the bank and the treasury")
