"""The hosted page, as a browser without JavaScript sees it."""

import re
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
import stripe

from payments.sandbox.speech import languages
from tests.support.sandbox import (
    CANCEL_URL,
    CARD,
    SandboxProcess,
    event_types,
    line,
    open_session,
    pay_page,
    web,
)


class Document(HTMLParser):
    """What a test needs of a page: its elements with their attributes, and its text."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def having(self, attribute: str) -> list[dict[str, str | None]]:
        return [attributes for _, attributes in self.elements if attribute in attributes]

    def errors(self) -> list[str]:
        """The controls the error summary links to."""
        found = [str(a.get("href")) for a in self.all("a")]
        return [href[1:] for href in found if href.startswith("#") and href != "#main"]


def test_the_page_shows_what_is_paid(api: stripe.StripeClient) -> None:
    items = [line("رسم المعاينة", 50000), line("دمغة <b>", 350, quantity=3)]
    session = open_session(api, line_items=items)
    answer = web.get(str(session.url))
    page = Document(answer)
    assert answer.status_code == 200
    assert page.all("html") == [{"lang": "ar", "dir": "rtl"}]
    assert [one["data-amount"] for one in page.having("data-amount")] == ["51050"]
    assert "رسم المعاينة" in page.text
    assert "٥٠٠٫٠٠" in page.text
    assert "دمغة <b>" in page.text
    assert "× ٣" in page.text
    assert "١٠٫٥٠" in page.text
    assert "سدّد ٥١٠٫٥٠ جنيهات" in page.text
    assert "بيئة تجريبية: لا تُخصم أموال حقيقية" in page.text
    assert "4000 0000 0000 9995" in page.text
    names = [one["name"] for one in page.all("input")]
    assert names == ["card_number", "exp", "cvc", "name"]
    assert len(page.having("data-primary")) == 1
    assert CANCEL_URL in [one.get("href") for one in page.all("a")]
    ways = [str(one["href"]).partition("?")[2] for one in page.all("a")]
    assert [way for way in ways if way] == ["method=card", "method=wallet", "method=kiosk"]
    assert page.all("script") == []
    assert page.having("style") == []


def test_every_control_has_a_label_and_a_hint(api: stripe.StripeClient) -> None:
    page = Document(web.get(str(open_session(api).url)))
    labelled = {one["for"] for one in page.all("label")}
    ids = {one["id"] for one in page.having("id")}
    for control in page.all("input"):
        assert control["id"] in labelled
        assert set(str(control["aria-describedby"]).split()) <= ids


def test_the_headers_are_strict_and_name_the_way_back(api: stripe.StripeClient) -> None:
    headers = web.get(str(open_session(api).url)).headers
    assert headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; "
        "form-action 'self' http://127.0.0.1:9; frame-ancestors 'none'; base-uri 'none'"
    )
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["request-id"].startswith("req_")


def test_the_style_is_small_and_kept_for_ever(
    api: stripe.StripeClient, payment_server: SandboxProcess
) -> None:
    page = Document(web.get(str(open_session(api).url)))
    for link, kind in zip(page.all("link"), ("image/svg+xml", "text/css"), strict=True):
        assert re.search(r"\.[0-9a-f]{12}\.", str(link["href"]))
        asset = web.get(payment_server.url + str(link["href"]))
        assert asset.status_code == 200
        assert asset.headers["content-type"].startswith(kind)
        assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert len(asset.content) <= 10 * 1024


def test_paying_leads_to_the_success_page(api: stripe.StripeClient) -> None:
    session = open_session(api, success_url="http://127.0.0.1:9/تم?s={CHECKOUT_SESSION_ID}&a=%20")
    answer = pay_page(session.url)
    assert answer.status_code == 303
    assert answer.headers["location"] == (f"http://127.0.0.1:9/%D8%AA%D9%85?s={session.id}&a=%20")
    assert event_types(api) == [
        "payment_intent.created",
        "payment_intent.processing",
        "charge.succeeded",
        "charge.updated",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]


@pytest.mark.parametrize(
    ("number", "exp", "cvc"),
    [
        ("٤٢٤٢ ٤٢٤٢ ٤٢٤٢ ٤٢٤٢", "١٢/٣٤", "١٢٣"),
        ("۴۲۴۲-۴۲۴۲-۴۲۴۲-۴۲۴۲", "۱۲/۳۴", "۱۲۳"),
        ("5555 5555 5555 4444", "1234", "1234"),
        ("\u200f4242\u00a04242\u20134242 4242\u200e", "12 / 2034", " 123 "),
        ("4242424242424242", "1-34", "123"),
    ],
)
def test_digits_may_be_arabic_persian_or_latin(
    api: stripe.StripeClient, number: str, exp: str, cvc: str
) -> None:
    session = open_session(api)
    answer = pay_page(session.url, card_number=number, exp=exp, cvc=cvc)
    assert answer.status_code == 303, Document(answer).text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("4000000000000002", "البطاقة مرفوضة ولم يذكر البنك السبب"),
        ("4000000000009995", "البطاقة مرفوضة: الرصيد غير كافٍ. جرّب بطاقة أخرى."),
        ("4000000000009987", "البطاقة مرفوضة ولم يذكر البنك السبب"),
        ("4000000000009979", "البطاقة مرفوضة ولم يذكر البنك السبب"),
        ("4000000000000069", "انتهت صلاحيتها"),
        ("4000000000000127", "رمز الأمان غير صحيح"),
        ("4000000000000119", "تعذر الاتصال بالبنك"),
    ],
)
def test_a_decline_is_explained_and_can_be_tried_again(
    api: stripe.StripeClient, number: str, text: str
) -> None:
    session = open_session(api)
    declined = pay_page(session.url, card_number=number)
    page = Document(declined)
    assert declined.status_code == 402
    assert text in page.text
    assert page.errors() == ["card_number"]
    assert number not in declined.text.replace(" ", "").replace(_listed(declined), "")
    still = api.v1.checkout.sessions.retrieve(session.id)
    assert (still.status, still.payment_status) == ("open", "unpaid")
    # Coming back later, the payer still reads why it failed.
    assert text in web.get(str(session.url)).text
    assert pay_page(session.url).status_code == 303
    assert api.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    assert [one.status for one in api.v1.charges.list().data] == ["succeeded", "failed"]
    assert len(api.v1.payment_intents.list().data) == 1


def _listed(answer: httpx.Response) -> str:
    """The list of test cards, where every test number stands anyway."""
    text = answer.text.replace(" ", "")
    return text[text.index('class="cards"') : text.index("</ul>", text.index('class="cards"'))]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"card_number": "", "exp": "", "cvc": "", "name": ""},
         ["card_number", "exp", "cvc", "name"]),
        ({"card_number": "4242424242424241"}, ["card_number"]),
        ({"card_number": "4111111111111111"}, ["card_number"]),
        ({"card_number": "4242"}, ["card_number"]),
        ({"card_number": "بطاقة"}, ["card_number"]),
        ({"card_number": "\U0001f4b3" * 5}, ["card_number"]),
        ({"exp": "13/34"}, ["exp"]),
        ({"exp": "00/34"}, ["exp"]),
        ({"exp": "01/20"}, ["exp"]),
        ({"exp": "غدًا"}, ["exp"]),
        ({"exp": "²/34"}, ["exp"]),
        ({"cvc": "12"}, ["cvc"]),
        ({"cvc": "12345"}, ["cvc"]),
        ({"name": "4111111111111111"}, ["name"]),
        ({"name": "م" * 121}, ["name"]),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_at_its_field(
    api: stripe.StripeClient, changes: dict[str, str], fields: list[str]
) -> None:
    session = open_session(api)
    answer = pay_page(session.url, **changes)
    page = Document(answer)
    assert answer.status_code == 422
    assert page.errors() == fields
    assert page.text.lstrip().startswith("خطأ:")
    invalid = [one["name"] for one in page.all("input") if one.get("aria-invalid") == "true"]
    assert invalid == fields
    assert "4111111111111111" not in answer.text
    # Nothing was tried, so there is not even an intent.
    assert api.v1.checkout.sessions.retrieve(session.id).payment_intent is None


def test_number_and_security_code_are_never_shown_again(api: stripe.StripeClient) -> None:
    answer = pay_page(open_session(api).url, exp="13/34", cvc="987")
    values = {str(one["name"]): one["value"] for one in Document(answer).all("input")}
    assert values == {"card_number": "", "exp": "13/34", "cvc": "", "name": CARD["name"]}


def test_a_card_number_in_the_wrong_field_is_not_shown_again(api: stripe.StripeClient) -> None:
    answer = pay_page(open_session(api).url, exp="4111 1111 1111 1111", name="4111-1111-1111-1111")
    assert Document(answer).errors() == ["exp", "name"]
    assert "4111" not in answer.text


@pytest.mark.parametrize("body", [b"card_number=%", b"\xff", b"card_number=%00", b"", b"[=&&=]"])
def test_a_broken_form_is_an_empty_form(api: stripe.StripeClient, body: bytes) -> None:
    answer = web.post(str(open_session(api).url), content=body)
    assert answer.status_code == 422
    assert Document(answer).errors() == ["card_number", "exp", "cvc", "name"]


@pytest.mark.parametrize("number", ["4242424242424242", "4000002760003184"])
def test_a_form_sent_twice_at_once_charges_once(api: stripe.StripeClient, number: str) -> None:
    session = open_session(api)
    with ThreadPoolExecutor(6) as pool:
        sent = [pool.submit(pay_page, session.url, card_number=number) for _ in range(6)]
        answers = [one.result() for one in sent]
    assert {answer.status_code for answer in answers} == {303}
    places = {answer.headers["location"] for answer in answers}
    assert len(places) == 1
    if number == "4000002760003184":
        with ThreadPoolExecutor(6) as pool:
            approve = {"decision": "approve"}
            approved = [pool.submit(web.post, *places, data=approve) for _ in range(6)]
            assert {one.result().status_code for one in approved} == {303}
    assert len(api.v1.charges.list().data) == 1
    assert event_types(api).count("checkout.session.completed") == 1


def test_two_tabs_with_different_cards_charge_once(api: stripe.StripeClient) -> None:
    session = open_session(api)
    bank = pay_page(session.url, card_number="4000002760003184").headers["location"]
    assert pay_page(session.url).status_code == 303
    late = web.post(bank, data={"decision": "approve"})
    assert late.headers["location"].endswith(f"/paid?session={session.id}")
    assert len(api.v1.charges.list().data) == 1


def test_the_bank_is_asked_and_approval_pays(api: stripe.StripeClient) -> None:
    session = open_session(api)
    answer = pay_page(session.url, card_number="4000000000003220")
    assert answer.status_code == 303
    bank = answer.headers["location"]
    page = Document(web.get(bank))
    assert "3220" in page.text
    assert "١٬٥٣٥٫٥٠ جنيهًا" in page.text
    assert [one["value"] for one in page.all("button")] == ["approve", "deny"]
    waiting = api.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert isinstance(waiting.payment_intent, stripe.PaymentIntent)
    assert waiting.payment_intent.status == "requires_action"
    assert bank in web.get(str(session.url)).text
    done = web.post(bank, data={"decision": "approve"})
    assert done.headers["location"].endswith(f"/paid?session={session.id}")
    assert api.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_refusing_at_the_bank_leads_back_to_the_form(api: stripe.StripeClient) -> None:
    session = open_session(api)
    bank = pay_page(session.url, card_number="4000002760003184").headers["location"]
    back = web.post(bank, data={"decision": "deny"})
    assert (back.status_code, back.headers["location"]) == (303, session.url)
    page = Document(web.get(str(session.url)))
    assert "لم يكتمل تأكيد السداد لدى البنك" in page.text
    assert pay_page(session.url).status_code == 303


def test_a_card_declined_after_approval_leads_back_too(api: stripe.StripeClient) -> None:
    session = open_session(api)
    bank = pay_page(session.url, card_number="4000008260003178").headers["location"]
    back = web.post(bank, data={"decision": "approve"})
    assert back.headers["location"] == session.url
    assert "الرصيد غير كافٍ" in web.get(str(session.url)).text


def test_an_answer_that_is_none_of_the_buttons_changes_nothing(api: stripe.StripeClient) -> None:
    session = open_session(api)
    bank = pay_page(session.url, card_number="4000002760003184").headers["location"]
    assert web.post(bank, data={"decision": "maybe"}).status_code == 400
    assert api.v1.payment_intents.list().data[0].status == "requires_action"


def test_a_paid_session_says_so_and_sends_on(api: stripe.StripeClient) -> None:
    session = open_session(api)
    pay_page(session.url)
    page = Document(web.get(str(session.url)))
    assert "تم السداد" in page.text
    assert page.all("form") == []
    links = [str(one.get("href")) for one in page.all("a")]
    assert f"http://127.0.0.1:9/paid?session={session.id}" in links
    assert pay_page(session.url).headers["location"].endswith(session.id)
    assert len(api.v1.charges.list().data) == 1


def test_an_expired_session_takes_no_money(api: stripe.StripeClient) -> None:
    session = open_session(api)
    api.v1.checkout.sessions.expire(session.id)
    for answer in (web.get(str(session.url)), pay_page(session.url)):
        page = Document(answer)
        assert answer.status_code == 410
        assert "انتهت مهلة هذه الصفحة" in page.text
        assert CANCEL_URL in [one.get("href") for one in page.all("a")]
    assert api.v1.charges.list().data == []


def test_a_bank_page_of_an_expired_session_takes_no_money(api: stripe.StripeClient) -> None:
    session = open_session(api)
    bank = pay_page(session.url, card_number="4000002760003184").headers["location"]
    api.v1.checkout.sessions.expire(session.id)
    late = web.post(bank, data={"decision": "approve"}, follow_redirects=True)
    assert late.status_code == 410
    assert api.v1.charges.list().data == []


@pytest.mark.parametrize(
    "path", ["pay/cs_test_nothing", "pay/%00", "pay/%ff", "authenticate/pi_1/x", "nowhere"]
)
def test_an_unknown_page_is_a_page_too(payment_server: SandboxProcess, path: str) -> None:
    for method in ("GET", "POST"):
        answer = web.request(method, f"{payment_server.url}/c/{path}")
        assert answer.status_code == 404
        assert "لا توجد صفحة سداد بهذا العنوان" in answer.text


def test_a_huge_form_is_a_page_too(api: stripe.StripeClient) -> None:
    answer = web.post(str(open_session(api).url), content=b"a" * 300_000)
    assert answer.status_code == 413
    assert "تعذرت قراءة ما أُرسل" in answer.text


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (153550, "egp", "١٬٥٣٥٫٥٠ جنيهًا"),
        (300, "egp", "٣ جنيهات"),
        (200, "egp", "٢ جنيهان"),
        (10000, "egp", "١٠٠ جنيه"),
        (5, "egp", "٠٫٠٥ جنيه"),
        (1234, "jpy", "١٬٢٣٤ JPY"),
        (1234, "kwd", "١٫٢٣٤ KWD"),
    ],
)
def test_sums_are_written_in_arabic(amount: int, currency: str, text: str) -> None:
    assert languages().of(None, "").money(amount, currency) == text


# --- the language of the page ---

ARABIC_LETTERS = re.compile("[\u0621-\u064a]")
ENGLISH_ITEMS = [line("Inspection fee", 50000), line("Stamps", 350, quantity=3)]


@pytest.mark.parametrize(
    ("locale", "accepts", "spoken"),
    [
        (None, "", "ar"),
        (None, "en-GB,en;q=0.9", "ar"),  # what a shop that wants Arabic sends
        ("en", "ar-EG", "en"),
        ("en-GB", "", "en"),
        ("fr", "ar", "en"),
        ("auto", "", "ar"),
        ("auto", "ar-EG,ar;q=0.9,en;q=0.8", "ar"),
        ("auto", "en-US,en;q=0.9,ar;q=0.5", "en"),
        ("auto", "EN", "en"),
        ("auto", "fr, en;q=0.3", "en"),
        ("auto", "en;q=0, *", "ar"),
        ("auto", "en;q=much", "ar"),
        ("auto", "de", "ar"),
    ],
)
def test_the_page_speaks_as_the_shop_says_or_the_browser(
    api: stripe.StripeClient, locale: str | None, accepts: str, spoken: str
) -> None:
    session = open_session(api, **({"locale": locale} if locale else {}))
    page = Document(web.get(str(session.url), headers={"accept-language": accepts}))
    direction = "rtl" if spoken == "ar" else "ltr"
    assert page.all("html") == [{"lang": spoken, "dir": direction}]


def test_everything_that_can_happen_is_told_in_english_too(api: stripe.StripeClient) -> None:
    session = open_session(api, locale="en", line_items=ENGLISH_ITEMS, cancel_url=None)
    address = str(session.url)
    bank = pay_page(address, card_number="4000008260003178").headers["location"]
    answers = [
        web.get(address),
        pay_page(address, card_number="", exp="13/34", cvc="1", name=""),
        pay_page(address, card_number="4000000000009995"),
        web.get(pay_page(address, card_number="4000008260003178").headers["location"]),
        web.post(bank, data={"decision": "maybe"}),
        web.get(address),
        web.get(address + "x", headers={"accept-language": "en"}),
    ]
    pay_page(address)
    answers.append(web.get(address))
    told = [200, 422, 402, 200, 400, 200, 404, 200]
    assert [answer.status_code for answer in answers] == told
    for answer in answers:
        page = Document(answer)
        assert not ARABIC_LETTERS.search(page.text), page.text
        assert page.all("html") == [{"lang": "en", "dir": "ltr"}]
    assert "EGP 510.50" in answers[0].text
    assert "Inspection fee" in answers[0].text
    assert "there is not enough money on it" in answers[2].text


def test_a_page_in_arabic_has_no_latin_word_but_what_stands_on_cards(
    api: stripe.StripeClient,
) -> None:
    session = open_session(api)
    for answer in (web.get(str(session.url)), pay_page(session.url, card_number="1", exp="")):
        text = re.sub(r"<bdi[^>]*dir=.ltr.[^>]*>.*?</bdi>", "", answer.text)
        text = re.sub(r"CVC|3D Secure 2", "", Document(httpx.Response(200, text=text)).text)
        assert not re.search("[A-Za-z0-9]", text), re.findall("[A-Za-z0-9]+", text)


def test_no_name_is_shown_as_markup(api: stripe.StripeClient) -> None:
    session: Any = open_session(api)
    answer = pay_page(session.url, name='"><script>alert(1)</script>', exp="x")
    assert "<script>" not in answer.text
