"""Money that is wrong: forged news, impossible sums, links and sessions of others, many tabs.

Whatever comes, the answer says what is wrong, and the books are true afterwards.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from payments import ledger
from payments.model import Attempt, Obligation, PaymentCase, SeenEvent
from payments.proof import prove
from portal.requests import pay_links
from tests.support.local import LocalPortal
from tests.support.paying import (
    at_checkout,
    booked_for,
    checkout_beside_ours,
    held,
    pay_without_coming_back,
    session_of,
    state_of,
    unpaid,
)
from tests.support.people import CARD, Citizen, Page
from tests.support.plain import PLAIN

_SUM = 15_000
_ARABIC, _PERSIAN = "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹"


@pytest.fixture(autouse=True)
def _books_are_true(local: LocalPortal) -> Iterator[None]:
    """After each of these, everything that can be proved is proved."""
    yield
    with local.portal.database.read() as db:
        assert {name: found for name, found in prove(db).items() if found} == {}


def _signed(local: LocalPortal, body: bytes) -> httpx.Response:
    stamp = int(time.time())
    signed = f"{stamp}.".encode() + body
    signature = hmac.new(local.webhook_secret.encode(), signed, hashlib.sha256).hexdigest()
    return _sent(local, body, f"t={stamp},v1={signature}")


def _sent(local: LocalPortal, body: bytes, signature: str) -> httpx.Response:
    return httpx.post(
        f"{local.url}/webhooks/payments",
        content=body,
        headers={"stripe-signature": signature},
        trust_env=False,
        verify=PLAIN,
        timeout=30,
    )


def _event(**changes: Any) -> dict[str, Any]:
    subject = {"id": "cs_test_none", "object": "checkout.session", "payment_status": "paid"}
    event: dict[str, Any] = {
        "id": "evt_shape",
        "object": "event",
        "type": "checkout.session.completed",
        "created": int(time.time()),
        "data": {"object": subject},
    }
    return {**event, **changes}


def _subject(**changes: Any) -> dict[str, Any]:
    return {"data": {"object": {**_event()["data"]["object"], **changes}}}


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": 17},
        {"id": ""},
        {"id": ["evt_1"]},
        {"id": "evt_" + "1" * 200},
        {"id": "evt_\u0000"},
        {"id": "evt_\ud800"},
        {"type": None},
        {"type": "x" * 300},
        {"created": "1790000000"},
        {"created": True},
        {"created": 1e300},
        {"created": 10**30},
        {"created": -(10**18)},
        {"created": None},
        {"data": None},
        {"data": {"object": None}},
        {"data": {"object": []}},
        {"data": {"object": "cs_1"}},
        {"data": {"object": {}}},
        _subject(id=5),
        _subject(id="cs " * 90),
        _subject(object=["checkout.session"]),
        _subject(metadata=["reference"]),
        _subject(metadata="reference"),
        _subject(object="charge", payment_intent=7),
    ],
    ids=lambda changes: json.dumps(changes)[:40],
)
def test_a_signed_event_of_no_shape_is_refused_and_leaves_nothing(
    local: LocalPortal, changes: dict[str, Any]
) -> None:
    count = select(func.count()).select_from(SeenEvent)
    before = local.rows(count)[0][0]
    answer = _signed(local, json.dumps(_event(**changes)).encode())
    assert answer.status_code == 400
    assert answer.text == "refused"
    assert local.rows(count)[0][0] == before


@pytest.mark.parametrize(
    "changes",
    [
        _subject(client_reference_id=["26-1503-00001-5"]),
        _subject(client_reference_id="\u0000\ud800" * 9),
        _subject(metadata={"reference": 5, "attempt": {"x": 1}}),
        {"type": "v2.core.account_link.returned"},
        _subject(object="financial_connections.account_ownership_history"),
    ],
    ids=lambda changes: json.dumps(changes)[:40],
)
def test_an_event_that_means_nothing_to_us_is_taken(
    local: LocalPortal, changes: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    named = {"id": f"evt_{abs(hash(request.node.name))}"}
    assert _signed(local, json.dumps(_event(**changes, **named)).encode()).status_code == 200


def test_a_webhook_of_five_megabytes_is_refused_before_it_is_read(local: LocalPortal) -> None:
    body = json.dumps(_event(padding="x" * 5_000_000)).encode()
    try:
        assert _signed(local, body).status_code == 413
    except httpx.TransportError:  # the door is closed while we still speak
        assert _signed(local, body[:1000]).status_code == 400


@pytest.mark.parametrize(
    "header",
    ["", "t=", "t=now,v1=abc", "v1=abc", "t=1,t=2,v1=", "t=9999999999999999999,v1=00", "ه=١,v1=٢"],
)
def test_a_header_that_signs_nothing_is_refused(local: LocalPortal, header: str) -> None:
    body = json.dumps(_event()).encode()
    request = httpx.Request(
        "POST",
        f"{local.url}/webhooks/payments",
        content=body,
        headers=[(b"stripe-signature", header.encode())],
    )
    with httpx.Client(trust_env=False, verify=PLAIN) as client:
        assert client.send(request).status_code == 400


def test_signed_bytes_that_are_no_text_and_json_without_an_end_are_refused(
    local: LocalPortal,
) -> None:
    for body in (b"\xff\xfe\x00", b'{"id": "\xed\xa0\x80"}', b"[" * 200_000, b'{"id":', b"NaN"):
        assert _signed(local, body).status_code == 400


def test_an_event_that_is_replayed_a_hundred_times_pays_once(local: LocalPortal) -> None:
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    checkout = at_checkout(citizen, page)
    local.sandbox.control("/webhooks", {"mode": "lose", "count": 100})
    try:
        pay_without_coming_back(checkout)
    finally:
        local.sandbox.control("/webhooks", method="DELETE")
    session = session_of(local, number)
    bodies = [
        json.dumps(_event(id=f"evt_{number}_{n % 5}".replace("-", ""), **_subject(id=session)))
        for n in range(100)
    ]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda body: _signed(local, body.encode()), bodies))
    assert {answer.status_code for answer in answers} == {200}
    local.soon(lambda: state_of(local, number) == "received")
    assert held(booked_for(local, number)) == _SUM


def _part(local: LocalPortal, citizen: Citizen, number: str, typed: str) -> Page:
    page = citizen.get(f"/requests/{number}/pay")
    return citizen.send(page, {"amount": typed}, "/pay")


@pytest.mark.parametrize(
    "typed",
    [
        "-100",
        "−100",
        "0",
        "٠",
        "0.00",
        "9.99",
        "100.001",
        "100.000000000001",
        "NaN",
        "nan",
        "Infinity",
        "1e2",
        "1E9",
        "0x64",
        "١e٢",
        "مائة",
        "१००",
        "１００",
        "100 EGP",
        "$100",
        "1,00,00",
        "1.000.000",
        "100" + "0" * 200,
        " " * 60 + "100" + " " * 60 + "5",
        "150.01",
        "149.99",
        "100;DROP TABLE payment_attempts",
        "100\u202e",
        "1\u00000",
    ],
)
def test_a_part_that_is_no_sum_of_money_to_pay_is_told_beside_its_field(
    local: LocalPortal, owner: tuple[Citizen, str], typed: str
) -> None:
    citizen, number = owner
    refused = _part(local, citizen, number, typed)
    assert refused.status in {400, 422}, refused.url
    assert refused.path == f"/requests/{number}/pay"
    if refused.status == 422:
        assert [field for field, _ in refused.errors()] == ["amount"]


@pytest.mark.parametrize(
    ("typed", "minor"),
    [
        ("100", 10_000),
        (_ARABIC[1] + _ARABIC[0] * 2, 10_000),
        (_PERSIAN[1] + _PERSIAN[0] * 2 + "٫" + _PERSIAN[5], 10_050),
        (" 20,25 ", 2_025),
        ("\u200f10.00\u200e", 1_000),
        ("١٤٠", 14_000),
        ("150", 15_000),
    ],
)
def test_a_part_in_any_digits_of_the_country_is_that_part(
    local: LocalPortal, owner: tuple[Citizen, str], typed: str, minor: int
) -> None:
    citizen, number = owner
    checkout = _part(local, citizen, number, typed)
    assert checkout.tree.xpath("//input[@name='card_number']"), checkout.text[:300]
    session = local.stripe.v1.checkout.sessions.retrieve(session_of(local, number))
    assert (session.amount_total, session.currency) == (minor, "egp")


@pytest.fixture(scope="module")
def owner(local: LocalPortal) -> tuple[Citizen, str]:
    """Somebody who tries many sums and pays none."""
    citizen = local.someone()
    number, _ = unpaid(local, citizen)
    return citizen, number


def _owed(local: LocalPortal, number: str) -> Any:
    return local.rows(select(Obligation).where(Obligation.reference == number))[0]


def test_twenty_tabs_with_other_parts_and_in_cash_are_never_credited_above_what_is_due(
    local: LocalPortal,
) -> None:
    """Cards, parts, the link and the kiosk at once: one card checkout and one reference live."""
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    owed = _owed(local, number)
    link = f"/pay/{pay_links.token(local.portal.vault, owed.id)}"
    stranger = local.citizen()
    beside = stranger.get(link)
    forms = [(page, citizen, f"/requests/{number}/pay", {"amount": str(20 + n)}) for n in range(8)]
    forms += [(page, citizen, f"/requests/{number}/pay", {"channel": "kiosk"}) for _ in range(4)]
    forms += [(beside, stranger, link, {"amount": str(90 + n)}) for n in range(4)]
    forms += [(beside, stranger, link, {}), (page, citizen, f"/requests/{number}/pay", {})] * 2

    def press(tab: tuple[Page, Citizen, str, dict[str, str]]) -> httpx.Response:
        shown, person, path, changes = tab
        return httpx.post(
            local.url + path,
            data={**shown.values("/pay" if person is citizen else path), **changes},
            cookies=dict(person.client.cookies),
            trust_env=False,
            verify=PLAIN,
            timeout=60,
        )

    with ThreadPoolExecutor(len(forms)) as pool:
        answers = list(pool.map(press, forms))
    assert {a.status_code for a in answers} <= {303, 503}
    # what the provider opened and could not tell us of is shown to nobody
    attempted = select(Attempt.session).where(Attempt.obligation_id == owed.id)
    shown = {row.session for row in local.rows(attempted)}
    sessions = [
        each
        for each in local.stripe.v1.checkout.sessions.list({"limit": 100}).data
        if each.id in shown and each.status == "open"
    ]
    live = local.rows(
        select(Attempt.channel, Attempt.session, Attempt.voucher).where(
            Attempt.obligation_id == owed.id, Attempt.state == "open"
        )
    )
    assert {each.id for each in sessions} <= {row.session for row in live}
    assert len(sessions) <= 1
    assert sorted(row.channel for row in live) in (["checkout", "kiosk"], ["kiosk"], ["checkout"])
    for each in sessions:
        httpx.post(str(each.url), data=CARD, trust_env=False, verify=PLAIN)
    for row in live:
        if row.voucher:
            local.sandbox.control("/kiosk", {"reference": row.voucher, "late": True})
    local.soon(lambda: state_of(local, number) == "received", 20)
    intents = local.stripe.v1.payment_intents.list({"limit": 100}).data
    mine = [each for each in intents if each.metadata.to_dict().get("reference") == number]
    paid = sum(each.amount_received for each in mine)
    local.soon(lambda: _all_held(local, number) == paid, 20)
    after = _owed(local, number)
    assert (after.state, after.credited) == ("paid", _SUM)
    assert -booked_for(local, number).get(ledger.SURPLUS, 0) == paid - _SUM


def _all_held(local: LocalPortal, number: str) -> int:
    booked = booked_for(local, number)
    accounts = (ledger.CLEARING, ledger.KIOSK_CLEARING, ledger.PROVIDER_FEES)
    return sum(booked.get(account, 0) for account in accounts)


def test_a_checkout_that_names_someone_elses_request_pays_for_neither(local: LocalPortal) -> None:
    mine, other = local.someone(), local.someone()
    number, page = unpaid(local, mine)
    others, _ = unpaid(local, other)
    at_checkout(mine, page)
    owed, theirs = _owed(local, number), _owed(local, others)
    attempt = local.rows(select(Attempt).where(Attempt.obligation_id == owed.id))[0]
    swapped = checkout_beside_ours(
        local,
        owed,
        {"reference": others, "metadata": {"obligation": theirs.id, "attempt": attempt.id}},
    )
    with local.portal.database.begin() as db:
        db.execute(update(Attempt).where(Attempt.id == attempt.id).values(session=swapped.id))
    assert httpx.post(str(swapped.url), data=CARD, trust_env=False, verify=PLAIN).status_code == 303
    cases = select(PaymentCase.kind).where(PaymentCase.reference == number)
    local.soon(lambda: [row[0] for row in local.rows(cases)] == ["mismatch_obligation"])
    for each in (number, others):
        assert state_of(local, each) == "awaiting_filing_payment"
    assert booked_for(local, number)[ledger.SUSPENSE] == -_SUM


def test_a_checkout_of_another_account_is_not_known_here(local: LocalPortal) -> None:
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    at_checkout(citizen, page)
    owed = _owed(local, number)
    attempt = local.rows(select(Attempt).where(Attempt.obligation_id == owed.id))[0]
    foreign = local.sandbox.client().v1.checkout.sessions.create(
        {
            "mode": "payment",
            "client_reference_id": number,
            "success_url": "http://127.0.0.1:9/",
            "metadata": {"obligation": owed.id, "attempt": attempt.id},
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": "egp",
                        "unit_amount": _SUM,
                        "product_data": {"name": "رسم"},
                    },
                }
            ],
        }
    )
    assert httpx.post(str(foreign.url), data=CARD, trust_env=False, verify=PLAIN).status_code == 303
    event = _event(
        id=f"evt_foreign_{local.port}", **_subject(id=foreign.id, client_reference_id=number)
    )
    assert _signed(local, json.dumps(event).encode()).status_code == 409
    back = citizen.get(f"/requests/{number}/pay/return?session_id={foreign.id}")
    assert back.path == f"/requests/{number}/pay"
    assert state_of(local, number) == "awaiting_filing_payment"
    assert booked_for(local, number)[ledger.RECEIVABLE] == _SUM


@pytest.mark.parametrize("made_up", ["", "cs_test_nobody", "../../x", "١٢٣", "x" * 300, "a%00b"])
def test_who_comes_back_with_a_session_that_never_was_can_pay(
    local: LocalPortal, owner: tuple[Citizen, str], made_up: str
) -> None:
    citizen, number = owner
    back = citizen.get(f"/requests/{number}/pay/return?session_id={made_up}")
    assert (back.status, back.path) == (200, f"/requests/{number}/pay")


def test_who_comes_back_with_someone_elses_session_sees_only_what_is_his(
    local: LocalPortal, owner: tuple[Citizen, str]
) -> None:
    citizen, number = owner
    other = local.someone()
    others, page = unpaid(local, other)
    checkout = at_checkout(other, page)
    theirs = session_of(local, others)
    back = citizen.get(f"/requests/{number}/pay/return?session_id={theirs}")
    assert back.path == f"/requests/{number}/pay"
    assert others not in back.text
    assert citizen.get(f"/requests/{others}/pay/return?session_id={theirs}").status == 404
    token = pay_links.token(local.portal.vault, _owed(local, number).id)
    by_link = local.citizen().get(f"/pay/{token}/return?session_id={theirs}")
    assert (by_link.status, by_link.path) == (200, f"/pay/{token}")
    pay_without_coming_back(checkout)
    # whoever has it read again settles it for its owner, and for nobody else
    citizen.get(f"/requests/{number}/pay/return?session_id={theirs}")
    assert state_of(local, others) == "received"
    assert state_of(local, number) == "awaiting_filing_payment"


def test_a_pay_link_that_was_cut_changed_or_made_up_is_missing(
    local: LocalPortal, owner: tuple[Citizen, str]
) -> None:
    token = pay_links.token(local.portal.vault, _owed(local, owner[1]).id)
    other = pay_links.token(local.portal.vault, "another")
    wrong = (
        token[:-1],
        token[1:],
        token + "0",
        token.upper(),
        token[:-20],
        token[:-20] + other[-20:],
        other,
        "٣" * 40,
        "%00" + token,
    )
    stranger = local.citizen()
    for each in wrong:
        for path in ("", "/kiosk", "/return?session_id=cs_1"):
            page = stranger.get(f"/pay/{each}{path}")
            assert page.status in {400, 404}, each
            assert owner[1] not in page.text


def test_a_pay_link_speaks_both_languages_and_after_payment_asks_for_nothing(
    local: LocalPortal,
) -> None:
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    token = pay_links.token(local.portal.vault, _owed(local, number).id)
    stranger = local.citizen()
    english = stranger.get(f"/en/pay/{token}")
    arabic = stranger.get(f"/pay/{token}")
    assert (english.status, arabic.status) == (200, 200)
    assert english.hook("amount") == arabic.hook("amount")
    pay_without_coming_back(at_checkout(citizen, page))
    local.soon(lambda: state_of(local, number) == "received")
    for each in (stranger.get(f"/pay/{token}"), stranger.send(arabic, {}, token)):
        assert each.status == 200
        assert not each.tree.xpath("//main//form")
        assert number not in each.text
    assert held(booked_for(local, number)) == _SUM


def test_a_reference_whose_number_was_never_told_is_not_shown(local: LocalPortal) -> None:
    """The provider did not answer: there is no number yet, and another try gets one."""
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    local.sandbox.control("/faults", {"mode": "down", "count": 1000})
    try:
        assert citizen.send(page, {"channel": "kiosk"}, "/pay").status == 503
    finally:
        local.sandbox.control("/faults", method="DELETE")
    shown = citizen.get(f"/requests/{number}/pay/kiosk")
    assert shown.path == f"/requests/{number}/pay"
    assert "None" not in shown.text
    again = citizen.send(shown, {"channel": "kiosk"}, "/pay")
    assert again.hook("voucher").isdigit()
