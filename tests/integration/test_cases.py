"""Money that stands where it cannot stay: looked at, booked by two people, or given back."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DatabaseError

from payments import attempts, cases, rebooking, refunds
from payments.model import Obligation, PaymentCase, Rebooking, Receipt
from payments.money import Money
from payments.rebooking import Choice, Unbookable, Why
from payments.reconciliation.days import span
from payments.reconciliation.sharing import shares_of
from payments.refunds import NotRefundable
from payments.settlement import Outcome, settle
from portal.clock import CAIRO, cairo_day, public_id
from portal.finance.units import unit_of
from tests.support.local import LocalPortal
from tests.support.people import Employee, Page
from tests.support.refunding import DEPOSIT, LINES, SALE_ONLY, Books, Paid, form_of

WHOLE = Money(80_000)
WHY = "أفاد مزود الدفع بأن السداد لهذا الطلب"


@pytest.fixture(scope="module")
def local(still: LocalPortal) -> LocalPortal:
    """Its other tests' payments must stand as well."""
    return still


@pytest.fixture(scope="module")
def books(local: LocalPortal) -> Books:
    return Books(local, local.filed("address-numbering-certificate").hook("request-number"), 40_000)


@pytest.fixture(scope="module")
def cashier(local: LocalPortal) -> Employee:
    return local.employee("cashier")


def officer(local: LocalPortal, place: str) -> Employee:
    made = Employee(local.url, f"finance_officer@{place}")
    made.sign_in()
    return made


@pytest.fixture(scope="module")
def finance(local: LocalPortal) -> Employee:
    return officer(local, "EG-KFS")


@pytest.fixture(autouse=True)
def _the_ledger_stands(books: Books) -> Iterator[None]:
    yield
    books.proved()


def due(books: Books) -> Paid:
    """A request whose later fees wait to be paid."""
    number = books.request(state="fees_assessed", resume_state="referred")
    obligation, _ = books.owed(number)
    return Paid(number, obligation, "", "")


def misfit(books: Books, of: Paid, minor: int, currency: str = "egp") -> Paid:
    """A payment of another sum, or in another currency, than its attempt was for."""
    attempt = books.attempt(of.obligation, WHOLE)
    payment = books.charged(of, attempt.id, minor, currency)
    told = books.core.provider.read_payment(payment)
    now = books.core.clock.now()
    with books.core.database.begin() as db:
        attempts.attach(db, attempt.id, told)
        settle(db, told, live=False, year=now.year, at=now)
    return Paid(of.number, of.obligation, attempt.id, payment)


def case_of(books: Books, object_id: str, kind: str) -> str:
    """The address of a case."""
    wanted = (PaymentCase.object_id == object_id, PaymentCase.kind == kind)
    return f"/center/finance/cases/{books.local.rows(select(PaymentCase.id).where(*wanted))[0][0]}"


def propose(who: Employee, address: str, **typed: str) -> Page:
    """Filled in, looked at once more, proposed."""
    page = who.send(who.get(address), {"note": WHY, **typed}, "/propose")
    assert page.status == 200, page.errors()
    return who.send(page, {}, "/propose")


def approve(who: Employee, address: str) -> Page:
    return who.send(who.get(address), {}, "/approve")


def state_of(books: Books, obligation: str) -> str:
    return str(books.local.rows(select(Obligation.state).where(Obligation.id == obligation))[0][0])


def closed_by(books: Books, address: str) -> str:
    identity = int(address.rsplit("/", 1)[1])
    rows = books.local.rows(select(PaymentCase.closed_by).where(PaymentCase.id == identity))
    return str(rows[0][0])


# --- a payment goes to a request


def test_a_payment_that_did_not_fit_pays_the_request_that_it_belongs_to(
    books: Books, cashier: Employee, finance: Employee
) -> None:
    once, meant = books.paid(), due(books)
    paid = misfit(books, once, 99_000)
    address = case_of(books, paid.payment, "mismatch_amount")
    listed = cashier.get("/center/finance/refunds")
    assert listed.tree.xpath(f"//tr[@data-case='mismatch_amount']//a[@href='{address}']")
    seen = cashier.get(address)
    assert (seen.hook("case-state"), seen.hook("amount")) == ("open", "99000")
    confirm = cashier.send(
        seen, {"choice": "request", "number": meant.number, "note": WHY}, "/propose"
    )
    assert (confirm.hook("pays"), confirm.hook("beyond")) == ("80000", "19000")
    assert "٨٠٠ جنيه" in confirm.text
    page = cashier.send(confirm, {}, "/propose")
    assert page.path == cashier.send(confirm, {}, "/propose").path == address, "sent twice"
    assert not page.tree.xpath("//form[contains(@action, '/approve')]")
    assert state_of(books, meant.obligation) == "due"
    assert "proposals" in finance.get("/center/finance/refunds").tree.xpath("//h2/@id")

    page = approve(finance, address)
    assert page.hook("case-state") == "closed"
    assert "أُغلقت الحالة" in page.text
    assert WHY in page.text
    assert closed_by(books, address) == "finance_officer@EG-KFS"
    assert state_of(books, meant.obligation) == "paid"
    receipts = select(Receipt.attempt_id).where(Receipt.obligation_id == meant.obligation)
    assert [row[0] for row in books.local.rows(receipts)] == [paid.attempt]
    assert books.told(meant.number) == ["fees_paid"]
    assert books.cases(once.number) == []
    assert books.cases(meant.number) == ["surplus"]
    booked = books.booked(meant.number)
    assert (booked["suspense"], booked["surplus"]) == (99_000, -19_000)
    assert "receivable" not in booked

    rest = cashier.get(case_of(books, paid.payment, "surplus"))
    form = cashier.send(rest, {}, "/give-back")
    assert form.path == form_of(replace(paid, number=meant.number))
    assert form.values(paid.attempt)["aside"] == ["190.00"]
    moved = replace(paid, number=meant.number, obligation=meant.obligation)
    books.approved(moved, Money(19_000))
    books.approved(moved, DEPOSIT, 1)  # of what it pays there, the deposit comes back by it too
    books.make()
    assert books.cases(meant.number) == []


def test_money_that_nobody_owed_pays_a_part_of_another_request(
    books: Books, finance: Employee, local: LocalPortal
) -> None:
    number = books.request(state="fees_assessed", resume_state="referred")
    obligation, _ = books.owed(number, (replace(LINES[0], amount=Money(200_000)),))
    paid = books.surplus()
    address = case_of(books, paid.payment, "surplus")
    propose(finance, address, choice="request", number=number)
    own = finance.get(address)
    assert "أنت من قدّم هذا الاقتراح" in own.text
    approve(officer(local, "EG"), address)
    assert state_of(books, obligation) == "due"
    assert books.booked(number)["receivable"] == 120_000
    assert books.told(number) == []


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"number": ""}, "number"),
        ({"number": "26-1503"}, "number"),
        ({"number": "26-1503-99999-8"}, "number"),
        ({"number": "its own"}, "number"),
        ({"choice": "loss"}, "choice"),
        ({"choice": ""}, "choice"),
        ({"note": "لا"}, "note"),
        ({"note": "س" * 301}, "note"),
    ],
)
def test_what_cannot_be_booked_is_told(
    books: Books, cashier: Employee, kept: Paid, typed: dict[str, str], field: str
) -> None:
    address = case_of(books, kept.payment, "surplus")
    typed = {name: kept.number if value == "its own" else value for name, value in typed.items()}
    values = {"choice": "request", "number": kept.number, "note": WHY, **typed}
    if field != "number":
        values["number"] = due_number(books)
    page = cashier.send(cashier.get(address), values, "/propose")
    assert (page.status, [where for where, _ in page.errors()]) == (422, [field])


@pytest.fixture(scope="module")
def kept(books: Books) -> Paid:
    """Money paid twice, for tests that leave it as it is."""
    return books.surplus()


_DUE: dict[int, str] = {}


def due_number(books: Books) -> str:
    """A request that owes something, made once."""
    return _DUE.setdefault(id(books), due(books).number)


# --- who may


def test_nobody_decides_on_what_he_proposed_and_strangers_see_nothing(
    books: Books, local: LocalPortal, finance: Employee, cashier: Employee
) -> None:
    paid = books.surplus()
    address = case_of(books, paid.payment, "surplus")
    propose(finance, address, choice="request", number=due_number(books))
    identity = local.rows(select(Rebooking.id).order_by(Rebooking.proposed_at.desc()))[0][0]
    token = finance.get(form_of(paid)).tree.xpath("//input[@name='_csrf']/@value")[0]
    for act in ("approve", "reject"):
        forged = {"_csrf": token, "rebooking": identity, "note": WHY}
        assert finance.post(f"{address}/{act}", forged).status == 403
    token = cashier.get(form_of(paid)).tree.xpath("//input[@name='_csrf']/@value")[0]
    forged = {"_csrf": token, "rebooking": identity}
    assert cashier.post(f"{address}/approve", forged).status == 403
    own = (
        update(Rebooking)
        .where(Rebooking.id == identity)
        .values(state="approved", decided_by="finance_officer@EG-KFS")
    )
    with pytest.raises(DatabaseError), books.core.database.begin() as db:
        db.execute(own)
    for stranger in (officer(local, "EG-GH"), local.employee("centre_manager", "KFS-004")):
        assert stranger.get(address).status == 404
    assert local.employee("front_office").get(address).status == 403
    auditor = Employee(local.url, "auditor@EG-KFS")
    auditor.sign_in()
    assert not auditor.get(address).tree.xpath("//form[contains(@action, '/cases/')]")

    national = officer(local, "EG")
    page = national.get(address)
    assert national.send(page, {"note": "لا"}, "/reject").errors()[0][0] == "note"
    page = national.send(page, {"note": "السداد يخص طلبًا آخر"}, "/reject")
    assert page.hook("case-state") == "open"
    assert "السداد يخص طلبًا آخر" in page.text
    assert page.tree.xpath("//form[contains(@action, '/propose')]"), "something else can be"


def test_what_changed_since_it_was_proposed_is_not_booked(
    books: Books, cashier: Employee, finance: Employee
) -> None:
    paid = books.surplus()
    address = case_of(books, paid.payment, "surplus")
    propose(cashier, address, choice="request", number=due_number(books))
    books.ask(paid, Money(10_000))
    page = finance.get(address)
    assert not page.tree.xpath("//form[contains(@action, '/approve')]")
    assert "تغير شيء منذ تقديم الاقتراح" in page.text
    refused = finance.post(f"{address}/approve", page.values("/reject"))
    assert refused.status == 409
    assert books.cases(paid.number) == ["surplus"]


# --- what a bank kept, what went back without us, what could not go back


def test_a_lost_dispute_is_borne_by_those_who_had_got_the_money(
    books: Books, local: LocalPortal, cashier: Employee, finance: Employee
) -> None:
    paid = books.paid("pm_card_createDispute")
    dispute = books.hear_of_dispute(paid)
    local.stripe.v1.disputes.update(
        dispute, {"evidence": {"uncategorized_text": "losing_evidence"}}
    )
    local.sandbox.control("/clock", {"advance": 60})
    try:
        books.hear_of_dispute(paid)
    finally:
        local.sandbox.control("/clock", {"reset": True})
    assert books.cases(paid.number) == ["dispute_lost"]
    address = case_of(books, dispute, "dispute_lost")
    propose(cashier, address, choice="loss")
    assert approve(finance, address).hook("case-state") == "closed"
    booked = books.booked(paid.number)
    assert not {"dispute_hold", "revenue", "refundable"} & booked.keys()
    assert state_of(books, paid.obligation) == "paid", "a late failure undoes no success"
    assert books.cases(paid.number) == []


@pytest.mark.parametrize(
    ("choice", "refundable"), [("deposit", -40_000), ("loss", -DEPOSIT.minor + 6_250)]
)
def test_what_went_back_without_us_is_booked_as_what_it_was(
    books: Books, local: LocalPortal, finance: Employee, choice: str, refundable: int
) -> None:
    paid = books.paid()
    made = local.stripe.v1.refunds.create({"payment_intent": paid.payment, "amount": 10_000})
    books.core.refunder.look_at_payment(paid.payment)
    assert books.booked(paid.number)["suspense"] == 10_000
    address = case_of(books, made.id, "external_refund")
    propose(finance, address, choice=choice)
    approve(officer(local, "EG"), address)
    booked = books.booked(paid.number)
    assert "suspense" not in booked
    assert booked["refundable"] == refundable
    assert books.cases(paid.number) == []
    with pytest.raises(NotRefundable):
        books.ask(paid, DEPOSIT, 1)
    books.ask(paid, Money(-refundable), 1)


def test_what_the_means_could_not_take_is_paid_out_by_the_treasury(
    books: Books, cashier: Employee, finance: Employee
) -> None:
    paid = books.surplus(wallet=SALE_ONLY)
    failed = books.approved(paid, WHOLE)
    books.make()
    assert sorted(books.cases(paid.number)) == ["refund_failed", "surplus"]
    address = case_of(books, failed, "refund_failed")
    propose(cashier, address, choice="paid_out")
    approve(finance, address)
    booked = books.booked(paid.number)
    assert booked["treasury_settled"] == -80_000
    assert "surplus" not in booked
    assert books.cases(paid.number) == [], "both were about the same money"
    with pytest.raises(NotRefundable):
        books.ask(paid, WHOLE)


# --- a second payment on one session


def test_a_second_payment_on_one_session_waits_aside_and_can_go_back(
    books: Books, cashier: Employee
) -> None:
    wanted, session = due(books), f"cs_{public_id()}"
    attempt = books.attempt(wanted.obligation, WHOLE)
    first, second = (books.charged(wanted, attempt.id, WHOLE.minor) for _ in range(2))
    outcomes = []
    for payment in (first, second, second):
        told = replace(books.core.provider.read_payment(payment), session=session)
        now = books.core.clock.now()
        with books.core.database.begin() as db:
            attempts.attach(db, attempt.id, replace(told, payment=""))
            outcomes.append(settle(db, told, live=False, year=now.year, at=now).outcome)
    assert outcomes == [Outcome.PAID, Outcome.SUSPENSE, Outcome.ALREADY]
    assert books.booked(wanted.number)["suspense"] == -80_000
    assert books.cases(wanted.number) == ["mismatch_obligation"]
    address = case_of(books, second, "mismatch_obligation")
    form = cashier.send(cashier.get(address), {}, "/give-back")
    stray = replace(wanted, attempt=form.path.rsplit("/", 1)[1], payment=second)
    assert form.values(stray.attempt)["aside"] == ["800.00"]
    refund_id = books.approved(stray, WHOLE)
    books.make()
    assert books.state(refund_id) == "succeeded"
    assert "suspense" not in books.booked(wanted.number)
    assert books.cases(wanted.number) == []


def test_money_in_another_currency_only_goes_back(books: Books, cashier: Employee) -> None:
    paid = misfit(books, books.paid(), 99_000, "usd")
    page = cashier.get(case_of(books, paid.payment, "mismatch_currency"))
    assert page.tree.xpath("//input[@name='choice']/@value") == ["paid_out"]
    case, number, now = open_case(books, paid), due_number(books), books.core.clock.now()
    with books.core.database.begin() as db, pytest.raises(Unbookable) as refused:
        rebooking.propose(db, public_id(), case, Choice.REQUEST, number, WHY, "one", now)
    assert refused.value.why is Why.CHANGED


def open_case(books: Books, paid: Paid) -> Any:
    with books.core.database.read() as db:
        return next(each for each in cases.open_cases(db) if each.object_id == paid.payment)


# --- the day's shares


def test_the_day_tells_who_has_the_money_now_and_its_sums_are_the_same(
    books: Books, cashier: Employee, finance: Employee
) -> None:
    address = case_of(books, books.surplus().payment, "surplus")
    propose(cashier, address, choice="request", number=due(books).number)
    before = moved(books)
    approve(finance, address)
    after = moved(books)
    changed = {row: after.get(row, 0) - before.get(row, 0) for row in {*before, *after}}
    assert {row: by for row, by in changed.items() if by} == {
        "surplus": -80_000,
        "revenue": 30_000,
        "refundable": 50_000,
    }


def moved(books: Books) -> dict[str, int]:
    """What today's export moves from one account to others."""
    day = cairo_day(books.core.clock.now())
    found: dict[str, int] = {}
    with books.core.database.read() as db:
        for key, share in shares_of(db, span(day, CAIRO), unit_of).items():
            if key.currency == "EGP":
                found[key.account] = found.get(key.account, 0) + share.moved
    return found


def test_a_refund_page_outlives_its_payment_s_way_to_another_request(
    books: Books, cashier: Employee, finance: Employee
) -> None:
    paid = books.surplus()
    asked = books.ask(paid, Money(10_000))
    with books.core.database.begin() as db:
        now = books.core.clock.now()
        refunds.decide(db, asked, approved=False, note=WHY, by="finance_officer@EG-KFS", at=now)
    address = case_of(books, paid.payment, "surplus")
    propose(cashier, address, choice="request", number=due(books).number)
    assert approve(finance, address).hook("case-state") == "closed"
    assert cashier.get(f"/center/finance/refunds/{asked}").hook("refund-state") == "rejected"
