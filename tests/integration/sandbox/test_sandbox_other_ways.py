"""The hosted page for wallets and for cash, as a browser without JavaScript sees it."""

import re
from typing import Any

import httpx
import pytest
import stripe

from payments.sandbox.kiosk import groups
from payments.sandbox.methods import TYPES
from tests.support.sandbox import SandboxProcess, event_types, open_session, pay_page, web

DAY = 24 * 3600


def send(session: Any, **fields: str) -> httpx.Response:
    return web.post(str(session.url), data=fields)


def by_wallet(session: Any, phone: str) -> httpx.Response:
    return send(session, method="wallet", phone=phone)


def read(api: stripe.StripeClient, session: Any) -> Any:
    return api.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})


def ask_for_number(session: Any) -> tuple[str, str]:
    """The address of the number's page, and the number on it."""
    answer = send(session, method="kiosk")
    assert answer.status_code == 303
    address = answer.headers["location"]
    found = re.search(r'data-reference="([0-9]+)"', web.get(address).text)
    assert found is not None
    return address, found[1]


def test_each_way_has_its_form(api: stripe.StripeClient) -> None:
    session = open_session(api)
    wallet = web.get(f"{session.url}?method=wallet").text
    assert 'name="phone"' in wallet
    assert "سدّد من محفظة إلكترونية" in wallet
    assert "01000000001" in wallet
    kiosk = web.get(f"{session.url}?method=kiosk").text
    assert "احصل على كود لسداد ١٬٥٣٥٫٥٠ جنيهًا" in kiosk
    for other in ("", "?method=oxxo", "?method=%00", "?method=card&method=x"):
        assert 'name="card_number"' in web.get(f"{session.url}{other}").text


def test_a_shop_that_names_its_ways_gets_only_those(api: stripe.StripeClient) -> None:
    session = open_session(api, payment_method_types=["kiosk"])
    page = web.get(str(session.url)).text
    assert "?method=" not in page
    assert "card_number" not in page
    assert pay_page(session.url).status_code == 400
    assert api.v1.charges.list().data == []


def test_a_number_is_given_and_the_session_is_done_but_unpaid(api: stripe.StripeClient) -> None:
    session = open_session(api)
    address, number = ask_for_number(session)
    page = web.get(address).text
    assert "١٬٥٣٥٫٥٠ جنيهًا" in page
    assert "بتوقيت القاهرة" in page
    assert f"http://127.0.0.1:9/paid?session={session.id}" in page
    done = read(api, session)
    assert (done.status, done.payment_status, done.url) == ("complete", "unpaid", None)
    assert done.payment_intent.next_action.kiosk_display_details.reference == number
    assert event_types(api) == [
        "payment_intent.created",
        "payment_intent.requires_action",
        "checkout.session.completed",
    ]
    # The page of the session leads to the same number, also a second tap.
    assert web.get(str(session.url)).headers["location"] == address
    assert send(session, method="kiosk").headers["location"] == address


def test_the_kiosk_pays_through_the_control_or_the_button(
    api: stripe.StripeClient, payment_server: SandboxProcess
) -> None:
    for by_button in (True, False):
        session = open_session(api)
        address, number = ask_for_number(session)
        if by_button:
            assert web.post(address, data={"paid": "yes"}).headers["location"] == address
        else:
            payment_server.control("/kiosk", {"reference": number})
        assert "تم السداد" in web.get(address).text
        assert read(api, session).payment_status == "paid"
        assert event_types(api)[-4:] == [
            "charge.succeeded",
            "charge.updated",
            "payment_intent.succeeded",
            "checkout.session.async_payment_succeeded",
        ]
    # Pressed again, it pays nothing more.
    web.post(address, data={"paid": "yes"})
    assert len(api.v1.charges.list().data) == 2


def test_a_number_that_nobody_paid_ends_and_may_be_paid_late(
    api: stripe.StripeClient, payment_server: SandboxProcess
) -> None:
    session = open_session(api)
    address, number = ask_for_number(session)
    payment_server.control("/clock", {"advance": 7 * DAY + 1})
    try:
        ended = web.get(address)
        assert (ended.status_code, "انتهت صلاحية كود السداد النقدي" in ended.text) == (410, True)
        assert web.get(str(session.url)).status_code == 410
        unpaid = read(api, session)
        assert (unpaid.status, unpaid.payment_status) == ("complete", "unpaid")
        assert unpaid.payment_intent.status == "requires_payment_method"
        assert event_types(api)[-2:] == [
            "payment_intent.payment_failed",
            "checkout.session.async_payment_failed",
        ]
        web.post(address, data={"paid": "yes"})
        assert read(api, session).payment_status == "unpaid"
        payment_server.control("/kiosk", {"reference": number, "late": True})
    finally:
        payment_server.control("/clock", {"reset": True})
    assert read(api, session).payment_status == "paid"
    assert event_types(api)[-1] == "checkout.session.async_payment_succeeded"


def test_a_number_can_be_called_back_by_the_shop(api: stripe.StripeClient) -> None:
    session = open_session(api)
    address, _ = ask_for_number(session)
    intent = read(api, session).payment_intent
    assert api.v1.payment_intents.cancel(intent.id).status == "canceled"
    assert web.get(address).status_code == 410
    assert event_types(api)[-1] == "checkout.session.async_payment_failed"


def test_a_shop_limits_the_number_in_its_session(api: stripe.StripeClient) -> None:
    session = open_session(api, payment_method_options={"kiosk": {"expires_after_days": 2}})
    ask_for_number(session)
    details = read(api, session).payment_intent.next_action.kiosk_display_details
    assert abs(details.expires_at - session.created - 2 * DAY) < 30


def test_the_number_of_one_intent_is_no_page_of_another(api: stripe.StripeClient) -> None:
    address, _ = ask_for_number(open_session(api))
    other, number = ask_for_number(open_session(api))
    wrong = f"{address.rpartition('/')[0]}/{number}"
    assert other != wrong
    for method in ("GET", "POST"):
        assert web.request(method, wrong, data={"paid": "yes"}).status_code == 404


@pytest.mark.parametrize(
    ("number", "spoken"),
    [
        ("123456", ["123", "456"]),
        ("1234567", ["123", "45", "67"]),
        ("12345678", ["123", "456", "78"]),
        ("123456789", ["123", "456", "789"]),
    ],
)
def test_a_number_is_said_in_groups(number: str, spoken: list[str]) -> None:
    assert groups(number) == spoken


def test_a_wallet_is_confirmed_on_the_phone(api: stripe.StripeClient) -> None:
    session = open_session(api)
    phone = by_wallet(session, "٠١٠ ٠٠٠٠ ٠٠٠١").headers["location"]
    page = web.get(phone).text
    assert "أكد السداد على هاتفك" in page
    assert "0001" in page
    assert "لم تكتمل خطوة التأكيد على هاتفك" in web.get(str(session.url)).text
    done = web.post(phone, data={"decision": "approve"})
    assert done.headers["location"].endswith(f"/paid?session={session.id}")
    assert read(api, session).payment_status == "paid"


@pytest.mark.parametrize(
    ("phone", "decision", "text"),
    [
        ("01000000002", "approve", "لم يتم السداد من المحفظة: الرصيد غير كافٍ"),
        ("01000000001", "deny", "لم يكتمل تأكيد السداد على الهاتف"),
    ],
)
def test_a_wallet_that_did_not_pay_says_why_and_another_way_is_open(
    api: stripe.StripeClient, phone: str, decision: str, text: str
) -> None:
    session = open_session(api)
    asked = by_wallet(session, phone).headers["location"]
    back = web.post(asked, data={"decision": decision})
    assert back.headers["location"] == session.url
    page = web.get(str(session.url)).text
    assert text in page
    assert 'href="#phone"' in page
    assert text not in web.get(f"{session.url}?method=card").text
    assert pay_page(session.url).status_code == 303
    assert read(api, session).payment_status == "paid"


@pytest.mark.parametrize(
    ("phone", "text"),
    [
        ("", "اكتب رقم هاتف المحفظة"),
        ("12", "رقم الهاتف المحمول ١١ رقمًا"),
        ("01234567890", "لا تُقبل هنا إلا أرقام الاختبار"),
        ("هاتف", "رقم الهاتف المحمول ١١ رقمًا"),
    ],
)
def test_a_wallet_that_cannot_be_is_said_at_its_field(
    api: stripe.StripeClient, phone: str, text: str
) -> None:
    session = open_session(api)
    answer = by_wallet(session, phone)
    assert (answer.status_code, text in answer.text) == (422, True)
    assert "01234567890" not in answer.text
    assert read(api, session).payment_intent is None


def test_a_slow_wallet_leaves_the_session_done_and_unpaid(
    api: stripe.StripeClient, payment_server: SandboxProcess
) -> None:
    session = open_session(api)
    phone = by_wallet(session, "01000000005").headers["location"]
    web.post(phone, data={"decision": "approve"})
    done = read(api, session)
    assert (done.status, done.payment_status) == ("complete", "unpaid")
    assert done.payment_intent.status == "processing"
    assert "السداد قيد التنفيذ" in web.get(str(session.url)).text
    payment_server.control("/clock", {"advance": 200})
    try:
        assert read(api, session).payment_intent.status == "requires_payment_method"
    finally:
        payment_server.control("/clock", {"reset": True})
    assert event_types(api)[-1] == "checkout.session.async_payment_failed"


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("oxxo", {"email": "succeed_immediately@example.com"}),
        ("boleto", {"email": "succeed_immediately@example.com"}),
        ("konbini", {"email": "succeed_immediately@example.com"}),
        ("sepa_debit", {"iban": "DE89370400440532013000"}),
    ],
)
def test_the_providers_own_ways_can_be_tried_on_the_page_too(
    api: stripe.StripeClient, kind: str, field: dict[str, str]
) -> None:
    session = open_session(api, payment_method_types=[kind])
    assert next(iter(field)) in web.get(str(session.url)).text
    assert send(session, method=kind, **dict.fromkeys(field, "x")).status_code == 422
    assert send(session, method=kind, **field).status_code == 303
    assert read(api, session).payment_status == "paid"
    types = event_types(api)
    assert types.index("checkout.session.completed") < types.index(
        "checkout.session.async_payment_succeeded"
    )


def test_every_way_speaks_english_too(api: stripe.StripeClient) -> None:
    items: Any = [
        {
            "quantity": 1,
            "price_data": {
                "currency": "egp",
                "unit_amount": 5000,
                "product_data": {"name": "Fee"},
            },
        }
    ]
    session = open_session(
        api, locale="en", line_items=items, payment_method_types=list(TYPES), cancel_url=None
    )
    asked = by_wallet(session, "01000000002").headers["location"]
    answers = [web.get(f"{session.url}?method={kind}") for kind in TYPES]
    answers += [web.get(asked), by_wallet(session, "")]
    web.post(asked, data={"decision": "approve"})
    answers.append(web.get(str(session.url)))
    address, _ = ask_for_number(session)
    answers.append(web.get(address))
    web.post(address, data={"paid": "yes"})
    answers.append(web.get(address))
    for answer in answers:
        assert not re.search("[\u0621-\u064a\u0660-\u0669]", answer.text), answer.text
