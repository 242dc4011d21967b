"""Money goes back: asked for by one, approved by another, made once, whatever happens meanwhile."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import DatabaseError

from payments import attempts, disputes, obligations, refunds
from payments.cases import open_case
from payments.model import Attempt, Entry, Refund
from payments.money import Money
from payments.refunds import NotRefundable, Part, RefundReason, Why
from payments.settlement import settle
from portal.backoffice.acts import PaymentOrder, read_payment_order
from portal.clock import public_id
from portal.handoff.messages import BadMessage
from portal.notifications.compose import compose
from portal.requests import deposits, reading
from tests.support.local import LocalPortal
from tests.support.people import Employee
from tests.support.plain import PLAIN
from tests.support.refunding import (
    DEPOSIT,
    FEE,
    LINES,
    NOTE,
    SALE_ONLY,
    Books,
    Paid,
    fill_in,
    form_of,
)

WHOLE = Money(80_000)


@pytest.fixture(scope="module")
def local(shared: LocalPortal) -> LocalPortal:
    """Its other tests' payments must stand as well."""
    return shared


@pytest.fixture(scope="module")
def books(local: LocalPortal) -> Books:
    return Books(local, local.filed("address-numbering-certificate").hook("request-number"))


@pytest.fixture(scope="module")
def cashier(local: LocalPortal) -> Employee:
    return local.employee("cashier")


@pytest.fixture(scope="module")
def finance(local: LocalPortal) -> Employee:
    made = Employee(local.url, "finance_officer@EG-KFS")
    made.sign_in()
    return made


@pytest.fixture(scope="module")
def kept(books: Books) -> Paid:
    """Money paid twice, for tests that leave it as it is."""
    return books.surplus()


@pytest.fixture(autouse=True)
def _the_ledger_stands(books: Books) -> Iterator[None]:
    yield
    books.proved()


# --- the whole way


def test_money_paid_twice_is_asked_for_approved_by_another_and_made_once(
    books: Books, cashier: Employee, finance: Employee
) -> None:
    paid = books.surplus()
    assert books.cases(paid.number) == ["surplus"]
    page = cashier.get("/center/finance/refunds")
    case = page.tree.xpath(f"//tr[.//*[contains(text(), '{paid.number}')]]//a/@href")[0]
    page = cashier.get(case)
    assert page.path == form_of(paid)
    assert page.values(paid.attempt)["aside"] == ["800.00"]
    page = cashier.send(page, {"note": NOTE}, paid.attempt)
    assert page.hook("amount") == "80000"
    page = cashier.send(page, {}, paid.attempt)
    assert page.hook("refund-state") == "requested"
    refund_id = page.path.split("/")[-1]
    assert not page.tree.xpath("//form[contains(@action, 'approve')]")
    page = finance.send(finance.get(page.path), {}, "/approve")
    assert page.hook("refund-state") == "approved"
    assert books.booked(paid.number)["refunds_payable"] == -80_000
    books.make()
    assert books.state(refund_id) == "succeeded"
    assert [each.amount for each in books.refunds_of(paid)] == [80_000]
    assert not {"refunds_payable", "surplus"} & books.booked(paid.number).keys()
    assert books.cases(paid.number) == []  # it has settled itself
    assert books.told(paid.number) == ["refund_approved", "refund_made"]
    books.make()
    assert len(books.refunds_of(paid)) == 1


def test_of_fees_only_the_deposit_comes_back(books: Books, cashier: Employee) -> None:
    paid = books.paid()
    page = cashier.get(f"/center/finance/refunds/of/{paid.number}")
    assert "لا يُرد" in page.text
    page = cashier.get(form_of(paid))
    assert page.tree.xpath("//input[@name='line.1']")
    assert not page.tree.xpath("//input[@name='line.0']")
    page = fill_in(cashier, paid, line0="300", reason="deposit")  # typed into a page of his own
    assert page.status == 422
    with pytest.raises(NotRefundable) as refused:
        books.ask(paid, FEE, 0)
    assert refused.value.why is Why.LINE
    refund_id = books.approved(paid, Money(20_000), 1)
    books.make()
    assert books.state(refund_id) == "succeeded"
    assert books.booked(paid.number)["refundable"] == -30_000


def test_dues_that_another_request_paid_can_go_back_although_they_are_fees(books: Books) -> None:
    paid = books.paid()
    with books.core.database.begin() as db:
        open_case(db, "dues_paid_twice", paid.number, paid.number, "", books.core.clock.now())
        part = [Part(0, FEE)]
        why = RefundReason.PAID_TWICE
        now = books.core.clock.now()
        asked = refunds.ask(db, public_id(), paid.attempt, part, why, NOTE, "one", now)
        assert refunds.decide(db, asked.id, approved=True, note="", by="two", at=now)
    books.make()
    assert books.state(asked.id) == "succeeded"
    assert books.cases(paid.number) == []


# --- who may


def test_nobody_decides_on_what_he_asked_for(books: Books, finance: Employee) -> None:
    paid = books.surplus()
    page = finance.send(fill_in(finance, paid, aside="100", reason="surplus"), {}, paid.attempt)
    refund_id = page.path.split("/")[-1]
    assert "أنت من طلب هذا الرد" in page.text
    assert not page.tree.xpath("//form[contains(@action, 'approve')]")
    forged = {"_csrf": finance.get(form_of(paid)).values(paid.attempt)["_csrf"]}
    for act in ("approve", "reject"):
        answer = finance.post(f"{page.path}/{act}", {**forged, "note": NOTE})
        assert answer.status == 403
    now = books.core.clock.now()
    with books.core.database.begin() as db:
        by = "finance_officer@EG-KFS"
        assert not refunds.decide(db, refund_id, approved=True, note="", by=by, at=now)
    own = update(Refund).where(Refund.id == refund_id).values(state="approved", decided_by=by)
    with pytest.raises(DatabaseError), books.core.database.begin() as db:
        db.execute(own)
    assert books.state(refund_id) == "requested"


def test_roles_and_places_hold(books: Books, local: LocalPortal, cashier: Employee) -> None:
    paid = books.surplus()
    refund_id = books.ask(paid, WHOLE)
    addresses = (
        f"/center/finance/refunds/of/{paid.number}",
        form_of(paid),
        f"/center/finance/refunds/{refund_id}",
    )
    elsewhere = Employee(local.url, "finance_officer@EG-GH")
    elsewhere.sign_in()
    neighbour = local.employee("centre_manager", "KFS-004")
    for stranger in (elsewhere, neighbour):
        assert [stranger.get(address).status for address in addresses] == [404] * 3
        assert paid.number not in stranger.get("/center/finance/refunds").text
    token = {"_csrf": elsewhere.get("/center/finance/refunds").tree.xpath("//@value")[0]}
    answer = elsewhere.post(f"/center/finance/refunds/{refund_id}/approve", token)
    assert answer.status == 404
    token = {"_csrf": cashier.get(form_of(paid)).tree.xpath("//input[@name='_csrf']/@value")[0]}
    assert cashier.post(f"/center/finance/refunds/{refund_id}/approve", token).status == 403
    clerk = local.employee("front_office")
    assert clerk.get("/center/finance/refunds").status == 403
    other = books.paid()
    answer = cashier.get(f"/center/finance/refunds/of/{other.number}/{paid.attempt}")
    assert answer.status == 404  # a payment of another request
    assert books.state(refund_id) == "requested"


def test_the_pages_name_no_citizen(books: Books, cashier: Employee) -> None:
    paid = books.surplus()
    refund_id = books.ask(paid, WHOLE)
    with books.core.database.read() as db:
        request = reading.by_number(db, paid.number)
        values = reading.answers(db, books.core.vault, request.id)["values"]
        mobile = reading.mobile(db, books.core.vault, request.id)
    for path in (
        "/center/finance/refunds",
        f"/center/finance/refunds/of/{paid.number}",
        form_of(paid),
        f"/center/finance/refunds/{refund_id}",
    ):
        text = cashier.get(path).text
        assert paid.number in text
        assert values["applicant_name"] not in text
        assert mobile[-9:] not in text


def test_a_rejected_refund_tells_why_and_frees_the_money(books: Books, finance: Employee) -> None:
    paid = books.surplus()
    refund_id = books.ask(paid, WHOLE)
    address = f"/center/finance/refunds/{refund_id}"
    assert finance.send(finance.get(address), {}, "/reject").errors()[0][0] == "note"
    page = finance.send(finance.get(address), {"note": "المبلغ مستحق للطلب نفسه"}, "/reject")
    assert page.hook("refund-state") == "rejected"
    assert books.reserved(paid) == 0
    assert books.told(paid.number) == []  # it was never news for the citizen
    token = {"_csrf": finance.get(form_of(paid)).values(paid.attempt)["_csrf"]}
    assert finance.post(f"{address}/approve", token).status == 409


# --- what is typed


@pytest.mark.parametrize(
    "typed", ["-5", "0", "1.005", "1e9", "9" * 30, "NaN", "٩٠٠", "مئة", "", "800.01"]
)
def test_an_amount_that_cannot_be_is_told(
    books: Books, kept: Paid, cashier: Employee, typed: str
) -> None:
    paid = kept
    page = fill_in(cashier, paid, aside=typed, reason="surplus")
    assert page.status == 422
    assert [field for field, _ in page.errors()] == ["aside"]
    assert books.reserved(paid) == 0


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("reason", "deposit"),
        ("reason", "external"),
        ("reason", ""),
        ("note", "لا"),
        ("note", "س" * 301),
    ],
)
def test_reason_and_note_are_checked(kept: Paid, cashier: Employee, field: str, typed: str) -> None:
    page = fill_in(cashier, kept, **{"aside": "100", "reason": "surplus", field: typed})
    assert page.status == 422
    assert [each for each, _ in page.errors()] == [field]


def test_arabic_figures_are_read(kept: Paid, cashier: Employee) -> None:
    page = fill_in(cashier, kept, aside="١٥٠٫٥٠", reason="surplus")
    assert page.hook("amount") == "15050"


# --- twice, at once, meanwhile


def test_a_form_that_is_sent_twice_asks_once(books: Books, cashier: Employee) -> None:
    paid = books.surplus()
    confirm = fill_in(cashier, paid, aside="300", reason="surplus")
    first = cashier.send(confirm, {}, paid.attempt)
    second = cashier.send(confirm, {}, paid.attempt)
    assert first.path == second.path
    assert books.reserved(paid) == 30_000
    forged = cashier.send(confirm, {"refund": "../../etc/passwd"}, paid.attempt)
    assert forged.status == 409


def test_a_refund_of_what_is_spoken_for_meanwhile_is_told(books: Books, cashier: Employee) -> None:
    paid = books.surplus()
    confirm = fill_in(cashier, paid, aside="500", reason="surplus")
    books.ask(paid, Money(60_000))
    page = cashier.send(confirm, {}, paid.attempt)
    assert page.status == 422
    assert page.errors()
    assert books.reserved(paid) == 60_000


def test_of_two_that_race_one_gets_the_money(books: Books) -> None:
    paid = books.surplus()

    def race(_: int) -> bool:
        try:
            books.ask(paid, WHOLE)
        except NotRefundable:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(race, range(4))) == [False, False, False, True]
    assert books.reserved(paid) == 80_000


def test_one_payment_gives_back_no_more_than_it_brought(books: Books) -> None:
    """Two cards paid half each: the deposit comes back by both, and by neither beyond its half."""
    number, obligation = books.request(), public_id()
    now = books.core.clock.now()
    with books.core.database.begin() as db:
        obligations.create(db, obligation, number, "after_approval", LINES, now)
    first = books.pay(number, obligation, Money(40_000), "pm_card_visa", "")
    with pytest.raises(NotRefundable) as refused:  # the rest is still due
        books.ask(first, Money(10_000), 1)
    assert refused.value.why is Why.DUE
    second = books.pay(number, obligation, Money(40_000), "pm_card_mastercard", "")
    with pytest.raises(NotRefundable):
        books.ask(first, DEPOSIT, 1)
    books.approved(first, Money(40_000), 1)
    with pytest.raises(NotRefundable):
        books.ask(second, Money(10_001), 1)
    books.approved(second, Money(10_000), 1)
    books.make()
    assert "refundable" not in books.booked(number)


# --- making


def test_a_provider_that_is_down_is_asked_again(books: Books, local: LocalPortal) -> None:
    paid = books.surplus()
    refund_id = books.approved(paid, WHOLE)
    local.sandbox.control("/faults", {"mode": "down", "count": 50, "path": "/v1/refunds"})
    try:
        books.make()
    finally:
        local.sandbox.control("/faults", method="DELETE")
    assert books.state(refund_id) == "approved"
    _due(books, refund_id)
    books.make()
    assert books.state(refund_id) == "succeeded"


def _due(books: Books, refund_id: str) -> None:
    """Its time to be looked at again has come."""
    with books.core.database.begin() as db:
        now = books.core.clock.now()
        db.execute(update(Refund).where(Refund.id == refund_id).values(look_again_at=now))


def test_a_call_whose_answer_was_lost_is_found_and_not_repeated(books: Books) -> None:
    """Killed between the call and its record, and back when the idempotency key is forgotten."""
    paid = books.surplus()
    refund_id = books.approved(paid, Money(30_000))
    with books.core.database.read() as db:
        order = refunds.order(db, refunds.get(db, refund_id))
    books.core.provider.refund(replace(order, idempotency_key=public_id()))
    books.make()
    assert books.state(refund_id) == "succeeded"
    assert len(books.refunds_of(paid)) == 1


def test_a_means_that_gives_nothing_back_ends_with_a_case_and_the_promise_is_withdrawn(
    books: Books, cashier: Employee
) -> None:
    paid = books.surplus(wallet=SALE_ONLY)
    refund_id = books.approved(paid, WHOLE)
    books.make()
    assert books.state(refund_id) == "failed"
    assert "refund_failed" in books.cases(paid.number)
    assert books.booked(paid.number)["surplus"] == -80_000
    assert books.reserved(paid) == 0
    assert books.told(paid.number)[-1] == "refund_failed"
    assert "شيك أو تحويل" in cashier.get(f"/center/finance/refunds/{refund_id}").text
    with books.core.database.read() as db:
        attempt = next(
            each for each in attempts.with_money(db, paid.obligation) if each.id == paid.attempt
        )
        can = refunds.refundable(db, attempt, {"wallet"})
    assert can.why is Why.MEANS
    assert not can.most


def test_a_pending_refund_is_looked_at_until_it_ends(books: Books, local: LocalPortal) -> None:
    paid = books.surplus("pm_card_pendingRefund")
    refund_id = books.approved(paid, WHOLE)
    books.make()
    assert books.state(refund_id) == "sent"
    assert books.told(paid.number) == []  # approved without the page
    _sandbox_moves_on(local)
    try:
        _due(books, refund_id)
        books.make()
        assert books.state(refund_id) == "succeeded"
    finally:
        local.sandbox.control("/clock", {"reset": True})


def test_what_was_paid_in_cash_goes_back_from_there(books: Books, local: LocalPortal) -> None:
    paid = books.paid_in_cash()
    refund_id = books.approved(paid, DEPOSIT, 1)
    books.make()
    assert books.state(refund_id) == "sent"  # the operator of the kiosks takes its time
    _sandbox_moves_on(local)
    try:
        _due(books, refund_id)
        books.make()
    finally:
        local.sandbox.control("/clock", {"reset": True})
    assert books.state(refund_id) == "succeeded"
    booked = books.booked(paid.number)
    assert "clearing" not in booked
    assert booked["kiosk_clearing"] + booked.get("provider_fees", 0) == FEE.minor


def test_a_payment_that_the_provider_does_not_know_is_not_tried_for_ever(books: Books) -> None:
    paid = books.surplus()
    refund_id = books.approved(paid, WHOLE)
    with books.core.database.begin() as db:
        lost = update(Attempt).where(Attempt.id == paid.attempt).values(payment="pi_nowhere")
        db.execute(lost)
    books.make()
    assert books.state(refund_id) == "failed"
    assert "refund_failed" in books.cases(paid.number)
    with books.core.database.begin() as db:
        db.execute(update(Attempt).where(Attempt.id == paid.attempt).values(payment=paid.payment))


def _sandbox_moves_on(local: LocalPortal) -> None:
    local.sandbox.control("/clock", {"advance": 60})


def test_a_refund_that_fails_after_it_succeeded_is_taken_back(
    books: Books, local: LocalPortal
) -> None:
    paid = books.surplus("pm_card_refundFail")
    refund_id = books.approved(paid, WHOLE)
    books.make()
    assert books.state(refund_id) == "succeeded"
    _sandbox_moves_on(local)
    try:
        local.soon(lambda: books.state(refund_id) == "failed")
    finally:
        local.sandbox.control("/clock", {"reset": True})
    assert books.booked(paid.number)["surplus"] == -80_000
    assert books.cases(paid.number) == ["refund_failed"]
    again = books.approved(paid, WHOLE)  # it can be tried once more
    assert books.state(again) == "approved"


# --- without us


def test_a_refund_made_at_the_provider_takes_what_was_not_owed_first(
    books: Books, local: LocalPortal
) -> None:
    paid = books.surplus()
    waits = books.ask(paid, WHOLE)
    _refund_outside(local, paid, 30_000)
    books.core.refunder.look_at_payment(paid.payment)
    assert "external_refund" in books.cases(paid.number)
    assert books.state(waits) == "rejected"  # it lapsed: so much is not left
    assert books.reserved(paid) == 30_000
    assert "suspense" not in books.booked(paid.number)
    fees = books.paid()
    _refund_outside(local, fees, 10_000)
    books.core.refunder.look_at_payment(fees.payment)
    assert books.cases(fees.number) == ["external_refund"]
    assert books.told(fees.number) == ["refund_made"]
    assert books.booked(fees.number)["suspense"] == 10_000


def _refund_outside(local: LocalPortal, paid: Paid, amount: int) -> None:
    local.stripe.v1.refunds.create({"payment_intent": paid.payment, "amount": amount})


def test_a_refund_made_at_the_provider_is_the_one_that_was_approved(
    books: Books, local: LocalPortal
) -> None:
    paid = books.surplus()
    refund_id = books.approved(paid, WHOLE)
    _refund_outside(local, paid, 80_000)
    books.make()
    assert books.state(refund_id) == "succeeded"
    assert len(books.refunds_of(paid)) == 1
    assert books.cases(paid.number) == []


def test_disputed_money_does_not_go_back_a_second_time(
    books: Books, local: LocalPortal, cashier: Employee
) -> None:
    paid = books.paid("pm_card_createDispute")
    dispute = books.hear_of_dispute(paid)
    assert books.cases(paid.number) == ["dispute"]
    assert books.booked(paid.number)["dispute_hold"] == 80_000
    page = cashier.get("/center/finance/refunds")
    row = page.tree.xpath(f"//tr[@data-dispute][.//*[contains(text(), '{paid.number}')]]")[0]
    assert row.xpath("string(td[3])").strip() not in {"", "—"}  # until when evidence is taken
    with pytest.raises(NotRefundable) as refused:
        books.ask(paid, DEPOSIT, 1)
    assert refused.value.why is Why.DISPUTED
    local.stripe.v1.disputes.update(
        dispute, {"evidence": {"uncategorized_text": "winning_evidence"}}
    )
    _sandbox_moves_on(local)
    try:
        books.hear_of_dispute(paid)
    finally:
        local.sandbox.control("/clock", {"reset": True})
    assert books.cases(paid.number) == []
    assert "dispute_hold" not in books.booked(paid.number)
    with books.core.database.read() as db:
        assert not disputes.is_taken(db, paid.attempt)
    books.ask(paid, DEPOSIT, 1)


def test_money_that_a_bank_took_between_asking_and_approving_is_not_promised(
    books: Books, local: LocalPortal, finance: Employee
) -> None:
    paid = books.paid()
    refund_id = books.ask(paid, DEPOSIT, 1)
    page = finance.get(f"/center/finance/refunds/{refund_id}")
    local.sandbox.control("/disputes", {"payment_intent": paid.payment})
    books.hear_of_dispute(paid)
    refused = finance.send(page, {}, "/approve")
    assert refused.status == 409
    assert "بنك الدافع" in refused.text
    assert books.state(refund_id) == "requested"
    rejected = finance.send(refused, {"note": "سحب البنك المبلغ"}, "/reject")
    assert rejected.status == 200
    assert books.state(refund_id) == "rejected"


def test_of_many_who_decide_at_once_one_decides(
    books: Books, local: LocalPortal, finance: Employee
) -> None:
    """Approved and rejected by two people in many tabs; what an approval says beside is nothing."""
    national = Employee(local.url, "finance_officer@EG")
    national.sign_in()
    paid = books.surplus()
    refund_id = books.ask(paid, WHOLE)
    path = f"/center/finance/refunds/{refund_id}"
    forms = [
        (each, act, {**each.get(path).values(act), "note": NOTE + "\u202e" * (act == "approve")})
        for each in (finance, national)
        for act in ("approve", "reject")
    ]

    def press(form: tuple[Employee, str, dict[str, str]]) -> int:
        person, act, values = form
        return httpx.post(
            f"{local.url}{path}/{act}",
            data=values,
            cookies=dict(person.client.cookies),
            trust_env=False,
            verify=PLAIN,
            timeout=30,
        ).status_code

    with ThreadPoolExecutor(12) as pool:
        answers = sorted(pool.map(press, forms * 3))
    assert answers == [303] + [409] * 11
    decided = local.rows(select(Refund.state, Refund.decided_note).where(Refund.id == refund_id))[0]
    promised = select(func.count()).where(Entry.object_id == refund_id, Entry.effect == "promised")
    assert local.rows(promised)[0][0] == (decided.state == "approved")
    assert decided.decided_note == ("" if decided.state == "approved" else NOTE)


def test_an_inquiry_takes_nothing(books: Books) -> None:
    paid = books.paid("pm_card_createDisputeInquiry")
    books.hear_of_dispute(paid)
    assert books.cases(paid.number) == ["dispute"]
    assert "dispute_hold" not in books.booked(paid.number)


# --- deposits


def test_an_approved_claim_for_a_deposit_is_put_before_finance(
    books: Books, cashier: Employee
) -> None:
    paid = books.paid()
    receipt = books.local.rows(
        "SELECT number FROM payment_receipts WHERE obligation_id = :o", o=paid.obligation
    )[0][0]
    claim = _claim(books, receipt)
    _approved(books, claim, None)
    assert books.cases(paid.number) == ["deposit_due"]
    page = cashier.get(f"/center/finance/refunds/of/{claim}")
    assert paid.number in page.text
    page = cashier.get("/center/finance/refunds")
    link = page.tree.xpath(
        f"//tr[@data-case='deposit_due'][.//a[contains(@href, '{paid.number}')]]//a"
    )
    page = cashier.get(link[0].get("href"))
    assert page.values(paid.attempt)["line.1"] == ["500.00"]
    page = cashier.get(link[1].get("href"))
    assert page.hook("case") == "deposit_due"
    again = page.tree.xpath("//a[@data-primary]/@href")[0]
    assert cashier.get(again).path == form_of(paid)
    books.approved(paid, DEPOSIT, 1)
    books.make()
    assert books.cases(paid.number) == []


def _approved(books: Books, claim: str, told: object) -> None:
    """The center's approval comes in."""
    core = books.core
    with core.database.begin() as db:
        request = reading.by_number(db, claim)
        now = core.clock.now()
        deposits.approved(db, core.vault, core.catalogue, request, now, told, frozenset())


@pytest.mark.parametrize(
    ("deducted", "goes_back"), [(0, 50_000), (15_000, 35_000), (50_000, 0), (60_000, 0)]
)
def test_a_payment_order_prepares_the_refund_and_finance_approves_it(
    books: Books, finance: Employee, deducted: int, goes_back: int
) -> None:
    """Two cards paid it: the first gives first, and neither more than it brought."""
    number = books.request()
    obligation, _ = books.owed(number)
    first = books.pay(number, obligation, Money(40_000), "pm_card_visa", "")
    second = books.pay(number, obligation, Money(40_000), "pm_card_mastercard", "")
    receipt = books.local.rows(
        "SELECT number FROM payment_receipts WHERE obligation_id = :o", o=obligation
    )[0][0]
    claim = _claim(books, receipt)
    _approved(books, claim, {"deducted": deducted, "reasons": "إعادة الرصف لم تكتمل"})
    assert books.cases(number) == ["deposit_due"]
    asked = books.local.rows(
        select(Refund.id, Refund.amount, Refund.requested_by, Refund.note)
        .where(Refund.reference == number)
        .order_by(Refund.requested_at, Refund.amount.desc())
    )
    assert sum(row.amount for row in asked) == goes_back
    assert books.reserved(first) == min(goes_back, 40_000)
    assert books.reserved(second) == max(goes_back - 40_000, 0)
    for row in asked:
        assert row.requested_by == "system"
        assert (claim in row.note, "إعادة الرصف لم تكتمل" in row.note) == (True, True)
        page = finance.get(f"/center/finance/refunds/{row.id}")
        assert "أُعِدّ بناءً على إذن صرف من المركز" in page.text
        finance.send(page, {}, "/approve")
    books.make()
    assert books.booked(number)["revenue"] == -FEE.minor
    assert -books.booked(number).get("refundable", 0) == DEPOSIT.minor - goes_back


def test_a_center_that_deducts_something_has_the_rest_prepared(
    books: Books, local: LocalPortal
) -> None:
    """From the citizen's request to the center's approval, through the pages of both."""
    paid = books.paid()
    receipt = books.local.rows(
        "SELECT number FROM payment_receipts WHERE obligation_id = :o", o=paid.obligation
    )[0][0]
    claim = local.filed("security-deposit-refund", fixed={"receipt_no": receipt})
    number = claim.hook("request-number")
    clerk, head = local.employee("front_office"), local.employee("department_head")
    clerk.act(number, "register", {})
    clerk.act(number, "accept", {})
    local.relay()
    why = {"deducted": "١٥٠", "deduction_reasons": ""}
    page = head.approve(number, **why)
    assert [field for field, _ in page.errors()] == ["deduction_reasons"]
    why["deduction_reasons"] = "إعادة الرصف لم تكتمل"
    assert head.approve(number, **why).hook("state") == "issued"
    local.relay()
    asked = books.local.rows(
        select(Refund.amount, Refund.state, Refund.note).where(Refund.reference == paid.number)
    )
    assert [(row.amount, row.state) for row in asked] == [(35_000, "requested")]
    assert "إعادة الرصف لم تكتمل" in asked[0].note


@pytest.mark.parametrize(
    "told", ["all", {}, {"deducted": "5"}, {"deducted": -1}, {"deducted": 5}, {"deducted": True}]
)
def test_a_payment_order_that_says_nothing_whole_is_not_taken(told: object) -> None:
    with pytest.raises(BadMessage):
        deposits.read_order(told)


@pytest.mark.parametrize(
    ("typed", "reasons", "order"),
    [
        ("", "", PaymentOrder(0, "")),
        ("٠", "", PaymentOrder(0, "")),
        ("١٥٠٫٥٠", " إعادة الرصف ", PaymentOrder(15_050, "إعادة الرصف")),
        ("150", "لا", "deduction_reasons"),
        ("150", "س" * 201, "deduction_reasons"),
        ("-1", "إعادة الرصف", "deducted"),
        ("1.005", "إعادة الرصف", "deducted"),
        ("9" * 41, "إعادة الرصف", "deducted"),
        ("50000001", "إعادة الرصف", "deducted"),
    ],
)
def test_a_center_writes_what_it_deducts_and_why(
    typed: str, reasons: str, order: PaymentOrder | str
) -> None:
    found, problems = read_payment_order(typed, reasons)
    assert (found or problems[0].field) == order


def test_a_deposit_from_before_the_portal_goes_by_cheque(books: Books, cashier: Employee) -> None:
    claim = _claim(books, "4711/ق")
    page = cashier.get(f"/center/finance/refunds/of/{claim}")
    assert "شيك أو تحويل" in page.text


def _claim(books: Books, receipt: str) -> str:
    """A request of service 22 that names a receipt."""
    values = {"receipt_no": receipt, "original_request": "25/2026", "amount": "500"}
    frozen: dict[str, object] = {"sections": [], "values": values, "record": None}
    sealed = books.core.vault.seal_json(reading.ANSWERS, frozen)
    return books.request(service_code="security-deposit-refund", answers=sealed)


# --- money that does not fit


def test_a_payment_in_another_sum_goes_back_whole(books: Books) -> None:
    paid = books.paid()
    attempt = books.attempt(paid.obligation, Money(70_000))
    payment = books.charged(paid, attempt.id, 99_000, "usd")
    checkout = books.core.provider.read_payment(payment)
    now = books.core.clock.now()
    with books.core.database.begin() as db:
        attempts.attach(db, attempt.id, checkout)
        settle(db, checkout, live=False, year=now.year, at=now)
        tries = {each.id: each for each in attempts.with_money(db, paid.obligation)}
        can = refunds.refundable(db, tries[attempt.id])
    assert can.set_aside == Money(99_000, "USD")
    odd = Paid(paid.number, paid.obligation, attempt.id, payment)
    refund_id = books.approved(odd, Money(99_000, "USD"))
    books.make()
    assert books.state(refund_id) == "succeeded"
    assert "suspense" not in books.booked(paid.number)
    assert books.cases(paid.number) == []
    assert books.told(paid.number) == ["refund_made"]
    arabic = books.core.languages.pair[0]
    params = {"number": paid.number, "sum": 99_000, "currency": "USD"}
    assert "٩٩٠ USD" in compose(arabic, "refund_made", params, "https://portal")
