"""The other ways to pay a sum: in parts, in cash at a kiosk, by somebody who was sent a link."""

import re
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, insert, select, update

from payments import ledger, obligations
from payments.model import Attempt, Obligation, ObligationLine, PaymentCase, Receipt
from payments.proof import prove
from portal.requests import pay_links
from tests.support.local import LocalPortal
from tests.support.paying import (
    assert_settled_once,
    at_checkout,
    booked_for,
    held,
    pay_without_coming_back,
    state_of,
    unpaid,
)
from tests.support.people import CARD, Citizen, Page
from tests.support.plain import PLAIN


def _proved(local: LocalPortal) -> None:
    with local.portal.database.read() as db:
        assert not any(prove(db).values()), prove(db)


def _owed(local: LocalPortal, number: str) -> obligations.Owed:
    with local.portal.database.read() as db:
        return obligations.of_reference(db, number)[0]


def _tries(local: LocalPortal, number: str) -> list[tuple[str, str, int]]:
    """Channel, state and sum of every attempt to pay for a request."""
    rows = local.rows(
        select(Attempt.channel, Attempt.state, Attempt.amount)
        .join(Obligation, Obligation.id == Attempt.obligation_id)
        .where(Obligation.reference == number)
        .order_by(Attempt.number)
    )
    return [tuple(row) for row in rows]


def _cases(local: LocalPortal, number: str) -> list[str]:
    rows = local.rows(select(PaymentCase.kind).where(PaymentCase.reference == number))
    return sorted(row[0] for row in rows)


def _part(citizen: Citizen, page: Page, amount: str) -> Page:
    return citizen.post(page.path, {**page.values("/pay"), "amount": amount})


def _kiosk(citizen: Citizen, page: Page) -> Page:
    return citizen.post(page.path, {**page.values("/pay"), "channel": "kiosk"})


def _link(page: Page) -> str:
    found = re.search(r"/pay/([0-9a-z]{30,})", page.text)
    assert found, page.text
    return f"/pay/{found[1]}"


# --- in parts


def test_a_fee_is_split_over_two_cards_and_the_request_moves_on_with_the_second(
    local: LocalPortal,
) -> None:
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    whole = _owed(local, number).amount.minor
    after = citizen.send(_part(citizen, page, "١٠٠"), CARD)
    assert after.path == f"/requests/{number}/pay"
    assert int(after.hook("amount")) == whole - 10_000
    assert "سُدد جزء من المبلغ" in after.text
    assert state_of(local, number) == "awaiting_filing_payment"
    assert citizen.send(at_checkout(citizen, after), CARD).hook("state") == "received"
    assert _tries(local, number) == [
        ("checkout", "paid", 10_000),
        ("checkout", "paid", whole - 10_000),
    ]
    booked = booked_for(local, number)
    assert held(booked) == whole
    assert ledger.RECEIVABLE not in booked
    owed = _owed(local, number)
    assert len(local.rows(select(Receipt.number).where(Receipt.obligation_id == owed.id))) == 1
    _proved(local)


def test_a_sum_with_a_discount_is_paid_as_one_line(local: LocalPortal) -> None:
    """A provider's lines cannot be negative; the receipt shows the discount all the same."""
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    owed = _owed(local, number)
    last = {"obligation_id": owed.id, "position": 9, "item": "discount", "entity": "treasury"}
    with local.portal.database.begin() as db:
        first = (ObligationLine.obligation_id == owed.id, ObligationLine.position == 0)
        more = ObligationLine.amount + 700
        db.execute(update(ObligationLine).where(*first).values(amount=more))
        words = {"label_ar": "تخفيض", "label_en": "Discount", "refundable": False}
        db.execute(insert(ObligationLine).values(**last, **words, amount=-700, refunded=0))
    page = citizen.get(f"/requests/{number}/pay")
    assert "تخفيض" in page.text
    received = citizen.send(at_checkout(citizen, page), CARD)
    assert received.hook("state") == "received"
    receipt = received.tree.xpath("//a[contains(@href, '/receipts/')]/@href")[0]
    assert "تخفيض" in citizen.get(receipt).text


@pytest.mark.parametrize("typed", ["-5", "0", "9.99", "100.005", "abc", "١٠٠٠٠٠٠", "1e9", "NaN"])
def test_a_part_that_makes_no_sense_is_refused_beside_its_field(
    still: LocalPortal, typed: str
) -> None:
    citizen = still.someone()
    number, page = unpaid(still, citizen)
    refused = _part(citizen, page, typed)
    assert refused.status == 422
    assert [field for field, _ in refused.errors()] == ["amount"]
    assert _tries(still, number) == []


def test_a_rest_that_is_too_small_to_be_paid_is_not_left_over(still: LocalPortal) -> None:
    citizen = still.someone()
    number, page = unpaid(still, citizen)
    whole = _owed(still, number).amount.major
    refused = _part(citizen, page, str(whole - 5))
    assert refused.status == 422
    assert _part(citizen, page, str(whole)).status == 200


def test_a_checkout_for_another_sum_closes_the_one_before(local: LocalPortal) -> None:
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    first = at_checkout(citizen, page)
    _part(citizen, page, "50")
    answer = httpx.post(first.url, data=CARD, trust_env=False, verify=PLAIN)
    assert answer.status_code != 303
    assert [state for _, state, _ in _tries(local, number)] == ["expired", "open"]


def test_a_part_of_a_request_that_is_closed_unpaid_becomes_surplus_with_a_case(
    alone: LocalPortal,
) -> None:
    citizen = alone.signed_in()
    number, page = unpaid(alone, citizen)
    citizen.send(_part(citizen, page, "100"), CARD)
    alone.clock.advance(days=8)
    alone.portal.cashier.expire_unpaid()
    assert state_of(alone, number) == "expired_unpaid"
    booked = booked_for(alone, number)
    assert booked[ledger.SURPLUS] == -10_000
    assert ledger.RECEIVABLE not in booked
    assert _cases(alone, number) == ["cancelled_in_part"]
    _proved(alone)


# --- in cash, at a kiosk


def test_a_kiosk_reference_is_shown_printed_and_paid(local: LocalPortal) -> None:
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    shown = _kiosk(citizen, page)
    assert shown.path == f"/requests/{number}/pay/kiosk"
    reference = shown.hook("voucher")
    assert reference.isdigit()
    assert int(shown.hook("amount")) == _owed(local, number).amount.minor
    assert citizen.get(shown.path).hook("voucher") == reference
    assert _kiosk(citizen, page).hook("voucher") == reference  # one live reference at a time
    local.sandbox.control("/kiosk", {"reference": reference})
    local.soon(lambda: state_of(local, number) == "received")
    booked = booked_for(local, number)
    fees = booked.get(ledger.PROVIDER_FEES, 0)
    assert booked[ledger.KIOSK_CLEARING] + fees == _owed(local, number).amount.minor
    assert citizen.get(shown.path).path == f"/requests/{number}"
    _proved(local)


def test_a_card_that_pays_meanwhile_cancels_the_reference(local: LocalPortal) -> None:
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    reference = _kiosk(citizen, page).hook("voucher")
    page = citizen.get(f"/requests/{number}/pay")
    assert citizen.send(at_checkout(citizen, page), CARD).hook("state") == "received"
    local.portal.payment_news.sweep()
    assert ("kiosk", "expired") in [(how, state) for how, state, _ in _tries(local, number)]
    with pytest.raises(AssertionError, match="canceled"):
        local.sandbox.control("/kiosk", {"reference": reference})
    _proved(local)


def test_cash_that_comes_after_the_card_is_surplus_with_a_case(local: LocalPortal) -> None:
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    reference = _kiosk(citizen, page).hook("voucher")
    page = citizen.get(f"/requests/{number}/pay")
    citizen.send(at_checkout(citizen, page), CARD)
    local.portal.payment_news.sweep()
    local.sandbox.control("/kiosk", {"reference": reference, "late": True})
    local.soon(lambda: _cases(local, number) == ["surplus"])
    booked = booked_for(local, number)
    assert booked[ledger.SURPLUS] == -_owed(local, number).amount.minor
    _proved(local)


def test_a_reference_that_has_run_out_is_followed_by_a_new_number(alone: LocalPortal) -> None:
    citizen = alone.signed_in()
    number, page = unpaid(alone, citizen)
    first = _kiosk(citizen, page).hook("voucher")
    week = timedelta(days=6, hours=23, minutes=58)
    alone.clock.advance(seconds=week.total_seconds())
    alone.sandbox.control("/clock", {"advance": int(week.total_seconds())})
    try:
        citizen.sign_in()
        second = _kiosk(citizen, citizen.get(f"/requests/{number}/pay")).hook("voucher")
    finally:
        alone.sandbox.control("/clock", {"reset": True})
    assert second != first


def test_a_printed_code_that_has_ended_is_told_to_be_over(still: LocalPortal) -> None:
    citizen = still.someone()
    _, page = unpaid(still, citizen)
    code = _kiosk(citizen, page).hook("voucher")
    past = still.clock.now() - timedelta(minutes=1)
    with still.portal.database.begin() as db:
        db.execute(update(Attempt).filter_by(voucher=code).values(expires_at=past))
    shown = citizen.get(f"{page.path}/kiosk")
    assert shown.path == page.path
    assert "انتهت صلاحية كود السداد النقدي" in shown.text
    assert code in re.sub(r"[\s\u00a0]", "", shown.text)
    fresh = _kiosk(citizen, shown)
    assert fresh.hook("voucher") != code
    assert "انتهت صلاحية كود السداد النقدي" not in citizen.get(page.path).text


def test_cash_for_a_closed_request_is_surplus_and_reopens_nothing(alone: LocalPortal) -> None:
    citizen = alone.signed_in()
    number, page = unpaid(alone, citizen)
    reference = _kiosk(citizen, page).hook("voucher")
    alone.clock.advance(days=8)
    alone.portal.cashier.expire_unpaid()
    assert state_of(alone, number) == "expired_unpaid"
    alone.sandbox.control("/kiosk", {"reference": reference, "late": True})
    alone.soon(lambda: _cases(alone, number) == ["surplus"])
    assert state_of(alone, number) == "expired_unpaid"
    citizen.sign_in()
    told = citizen.get(f"/requests/{number}")
    assert int(told.hook("kept")) == _owed(alone, number).amount.minor
    assert "لم يُخصم منك شيء" not in told.text
    _proved(alone)


# --- by somebody else


def test_whoever_holds_the_link_sees_service_and_sum_pays_and_learns_nothing_personal(
    local: LocalPortal,
) -> None:
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    link = _link(page)
    stranger = local.citizen()
    shown = stranger.get(link)
    in_part = stranger.post(link, {**shown.values(link), "amount": "50"})
    assert shown.status == 200
    assert int(shown.hook("amount")) == _owed(local, number).amount.minor
    checkout = stranger.send(shown, {}, link)
    after = stranger.send(checkout, CARD)
    assert after.path == link
    assert after.hook("state") == "paid"
    for seen in (shown, in_part, checkout, after):
        for personal in (number, citizen.mobile, citizen.national_id, "أحمد"):
            assert personal not in seen.text
    assert_settled_once(local, number)


def test_the_owner_and_the_link_never_share_a_checkout_that_leads_back_to_the_other(
    local: LocalPortal,
) -> None:
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    mine = at_checkout(citizen, page)
    stranger = local.citizen()
    theirs = stranger.send(stranger.get(_link(page)), {}, _link(page))
    assert theirs.url != mine.url
    assert httpx.post(mine.url, data=CARD, trust_env=False, verify=PLAIN).status_code != 303
    pay_without_coming_back(theirs)
    local.soon(lambda: state_of(local, number) == "received")


def test_a_link_that_was_not_made_here_is_as_missing_as_any_other(still: LocalPortal) -> None:
    citizen = still.someone()
    _number, page = unpaid(still, citizen)
    link = _link(page)
    token = link.removeprefix("/pay/")
    other = pay_links.token(still.portal.vault, "x" * 20)
    for forged in (
        token[:-1],
        token[:-1] + ("0" if token[-1] != "0" else "1"),
        other,
        "x",
        "ي" * 40,
    ):
        for path in (f"/pay/{forged}", f"/pay/{forged}/kiosk", f"/pay/{forged}/return"):
            assert still.citizen().get(path).status == 404


def test_a_link_of_a_closed_request_asks_for_nothing(alone: LocalPortal) -> None:
    citizen = alone.signed_in()
    _number, page = unpaid(alone, citizen)
    link = _link(page)
    alone.clock.advance(days=8)
    alone.portal.cashier.expire_unpaid()
    shown = alone.citizen().get(link)
    assert shown.status == 200
    assert shown.hook("state") == "cancelled"
    assert not shown.tree.xpath("//form[contains(@action, '/pay/')]")


def test_every_attempt_has_its_number_of_its_own(local: LocalPortal) -> None:
    """Twice the same number at a kiosk would pay the same debt twice."""
    seen = select(func.count(Attempt.voucher), func.count(Attempt.voucher.distinct()))
    [(all_of_them, different)] = local.rows(seen)
    assert all_of_them == different
