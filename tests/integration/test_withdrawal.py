"""A citizen gives a request up: what that means for the money and the center."""

import httpx
from sqlalchemy import select

from payments.model import Obligation
from portal.notifications import compose
from portal.notifications.model import OutgoingMessage
from tests.support.local import LocalPortal
from tests.support.paying import SERVICE, booked_for, pay_without_coming_back, state_of, unpaid
from tests.support.people import CARD, Citizen, Page
from tests.support.plain import PLAIN
from tests.support.refunding import DEPOSIT, Books


def confirmation(citizen: Citizen, number: str) -> Page:
    """From the request's page to the one that says what it means."""
    link = citizen.get(f"/requests/{number}").tree.xpath("//a[contains(@href, '/withdraw')]/@href")
    assert link, "no way to give the request up"
    return citizen.get(link[0])


def debt(local: LocalPortal, number: str) -> str:
    rows = local.rows(select(Obligation.state).where(Obligation.reference == number))
    return str(rows[0][0])


def test_an_unpaid_request_is_given_up_with_its_debt_and_its_checkout(still: LocalPortal) -> None:
    citizen = still.someone()
    number, page = unpaid(still, citizen)
    checkout = citizen.send(page, {}, "/pay")
    page = confirmation(citizen, number)
    assert "لم تسدد شيئًا" in page.text
    page = citizen.send(page, {}, "/withdraw")
    assert page.hook("state") == "withdrawn"
    assert "أُبلغ المركز" not in page.text, "it never had it"
    assert debt(still, number) == "cancelled"
    assert booked_for(still, number) == {}
    assert httpx.post(checkout.url, data=CARD, trust_env=False, verify=PLAIN).status_code != 303
    assert citizen.get(f"/requests/{number}/pay").hook("state") == "withdrawn"


def test_a_filed_request_is_closed_at_its_center_and_everybody_is_told_once(
    still: LocalPortal,
) -> None:
    citizen = still.someone()
    number = still.filed(SERVICE, citizen).hook("request-number")
    clerk = still.employee("front_office")
    clerk.act(number, "register", {})
    still.relay()
    page = confirmation(citizen, number)
    assert "الرسوم المسددة لا تُرد" in page.text
    done = citizen.send(page, {}, "/withdraw")
    again = citizen.send(page, {}, "/withdraw")
    assert (done.hook("state"), again.hook("state")) == ("withdrawn", "withdrawn")
    assert "تنازل المواطن عن الطلب" in done.text
    assert not done.tree.xpath("//a[contains(@href, '/withdraw')]")
    still.relay()
    there = clerk.open(number)
    assert there.hook("state") == "withdrawn"
    assert not there.tree.xpath("//main//form[contains(@action, '/accept')]")
    assert number not in clerk.get("/center/inbox").text
    of_this_kind = OutgoingMessage.kind == compose.REQUEST_WITHDRAWN
    told = still.rows(select(OutgoingMessage.params).where(of_this_kind))
    assert [row.params["number"] for row in told].count(number) == 1


def test_a_payment_that_lands_meanwhile_wins_and_the_owner_reads_it_first(
    still: LocalPortal,
) -> None:
    citizen = still.someone()
    number, page = unpaid(still, citizen)
    open_over_it = confirmation(citizen, number)
    assert citizen.pay(page).hook("state") == "received"
    late = citizen.send(open_over_it, {}, "/withdraw")
    assert late.status == 409
    assert "الرسوم المسددة لا تُرد" in late.text
    assert state_of(still, number) == "received"
    assert citizen.send(late, {}, "/withdraw").hook("state") == "withdrawn"
    assert debt(still, number) == "paid", "what was paid stays paid"


def test_a_payment_of_which_nothing_was_heard_is_found_before_anything_is_closed(
    still: LocalPortal,
) -> None:
    citizen = still.someone()
    number, page = unpaid(still, citizen)
    checkout = citizen.send(page, {}, "/pay")
    asked = confirmation(citizen, number)
    still.sandbox.control("/webhooks", {"mode": "lose", "count": 100})
    try:
        pay_without_coming_back(checkout)
        late = citizen.send(asked, {}, "/withdraw")
    finally:
        still.sandbox.control("/webhooks", method="DELETE")
    assert late.status == 409
    assert state_of(still, number) == "received"


def test_while_the_provider_does_not_answer_nothing_is_changed(still: LocalPortal) -> None:
    citizen = still.someone()
    number, page = unpaid(still, citizen)
    citizen.send(page, {}, "/pay")
    asked = confirmation(citizen, number)
    still.sandbox.control("/faults", {"mode": "down", "count": 1000})
    try:
        down = citizen.send(asked, {}, "/withdraw")
    finally:
        still.sandbox.control("/faults", method="DELETE")
    assert down.status == 503
    assert state_of(still, number) == "awaiting_filing_payment"
    assert debt(still, number) == "due"
    assert citizen.send(down, {}, "/withdraw").hook("state") == "withdrawn"


def test_a_deposit_that_was_paid_is_put_before_finance(still: LocalPortal) -> None:
    citizen = still.someone()
    number = still.filed(SERVICE, citizen).hook("request-number")
    books = Books(still, number)
    paid = books.paid(number=number)
    page = confirmation(citizen, number)
    assert "تأمين: ٥٠٠ جنيه" in page.text
    assert citizen.send(page, {}, "/withdraw").hook("state") == "withdrawn"
    assert books.cases(number) == ["deposit_withdrawn"]
    cashier = still.employee("cashier")
    row = cashier.get("/center/finance/refunds").tree.xpath(
        f"//tr[@data-case='deposit_withdrawn'][.//a[contains(@href, '{number}')]]//a"
    )
    assert cashier.get(row[0].get("href")).values(paid.attempt)["line.1"] == ["500.00"]
    books.approved(paid, DEPOSIT, 1)
    books.make()
    assert books.cases(number) == []


def test_a_part_that_was_paid_becomes_surplus_with_its_case(still: LocalPortal) -> None:
    citizen = still.someone()
    number, page = unpaid(still, citizen)
    citizen.send(citizen.send(page, {"amount": "20"}, "/pay"), CARD)
    page = confirmation(citizen, number)
    assert "سددت جزءًا من الرسوم: ٢٠ جنيهًا" in page.text
    page = citizen.send(page, {}, "/withdraw")
    assert page.hook("state") == "withdrawn"
    assert page.hook("kept") == "2000"
    assert Books(still, number).cases(number) == ["cancelled_in_part"]


def test_nobody_gives_up_the_request_of_another(still: LocalPortal) -> None:
    owner, other = still.someone(), still.someone()
    number, own = (still.filed(SERVICE, who).hook("request-number") for who in (owner, other))
    form = confirmation(other, own).values("/withdraw")
    assert other.post(f"/requests/{number}/withdraw", form).status == 404
    assert other.get(f"/requests/{number}/withdraw").status == 404
    assert state_of(still, number) == "received"


def test_what_is_decided_cannot_be_given_up_any_more(still: LocalPortal) -> None:
    citizen = still.someone()
    number = still.filed(SERVICE, citizen).hook("request-number")
    open_over_it = confirmation(citizen, number)
    clerk = still.employee("front_office")
    clerk.act(number, "register", {})
    clerk.act(number, "accept", {})
    still.employee("department_head").approve(number)
    still.relay()
    late = citizen.send(open_over_it, {}, "/withdraw")
    assert (late.path, late.hook("state")) == (f"/requests/{number}", "issued")
    assert citizen.get(f"/requests/{number}/withdraw").path == f"/requests/{number}"
