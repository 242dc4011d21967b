"""Every page in Arabic and in English: one language on it, digits as they are read, codes apart."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from sqlalchemy import delete

from payments import cases
from payments.model import PaymentCase
from portal.catalogue.loader import shipped_catalogue
from tests.support.files import photo
from tests.support.local import LocalPortal
from tests.support.looking import assert_nothing_inline
from tests.support.people import DECLINED, Browser, Citizen, Employee, Page
from tests.support.speaking import strays
from tests.support.texts import ARABIC_LETTERS

PUBLIC = [
    "/",
    "/services",
    "/services?family=shops",
    f"/services?q={quote('رخصة')}",
    "/services?q=zzz",
    "/centers",
    "/centers?governorate=EG-KFS",
    "/centers?q=Desouk",
    "/centers?q=zzz",
    "/centers/all",
    "/centers/KFS-003",
    "/guides",
    "/guides/nothing",
    "/track",
    "/help",
    "/privacy",
    "/accessibility",
    "/sign-in",
    "/center/sign-in",
    "/sandbox/messages",
    "/verify/nothing",
    "/no/such/page",
]
CATALOGUE = shipped_catalogue()
SERVICES = sorted(CATALOGUE.services)
FORMS = [
    "building-permit-new",
    "shop-licence-new",
    "excavation-permit",
    "state-property-dues-payment",
    "municipal-complaint",
    "property-data-certificate",
]


def check(page: Page, typed: Collection[str] = ()) -> None:
    assert page.status < 500, (page.url, page.text[:300])
    assert strays(page.tree, typed) == [], page.url
    assert_nothing_inline(page)


def look(browser: Browser, path: str, typed: Collection[str] = ()) -> None:
    """The page at ``path`` in both languages."""
    for prefix, language in (("", "ar"), ("/en", "en")):
        page = browser.get(f"{prefix}{path}")
        assert page.path.startswith(f"{prefix}/"), page.path
        assert page.tree.get("lang") == language
        check(page, typed)


def words_of(raw: Any) -> Iterator[str]:
    """What somebody typed in words; numbers are told in the digits of the page."""
    match raw:
        case str() if any(sign.isalpha() for sign in raw):
            yield raw
        case Mapping():
            for value in raw.values():
                yield from words_of(value)
        case list():
            for value in raw:
                yield from words_of(value)


@pytest.mark.parametrize("path", PUBLIC)
def test_public_pages(still: LocalPortal, path: str) -> None:
    look(Browser(still.url), path, ["رخصة", "zzz", "Desouk"])


@pytest.mark.parametrize("slug", SERVICES)
def test_pages_of_services(still: LocalPortal, slug: str) -> None:
    anyone = Browser(still.url)
    for part in ("", "/documents", "/fees"):
        look(anyone, f"/services/{slug}{part}")


@pytest.mark.parametrize("code", sorted(CATALOGUE.guides))
def test_pages_of_guides(still: LocalPortal, code: str) -> None:
    anyone, guide = Browser(still.url), CATALOGUE.guides[code]
    look(anyone, f"/guides/{code}")
    for question in guide.questions.values():
        look(anyone, f"/guides/{code}/{question.code}")
        for answer in question.answers:
            look(anyone, f"/guides/{code}/{question.code}/{answer.code}")


@pytest.mark.parametrize("path", ["/track", "/sign-in", "/center/sign-in"])
def test_pages_with_problems(still: LocalPortal, path: str) -> None:
    anyone = Browser(still.url)
    for prefix in ("", "/en"):
        page = anyone.send(anyone.get(prefix + path), {}, path)
        assert page.errors()
        check(page)


@pytest.mark.parametrize("service", FORMS)
def test_the_form_of_a_service(still: LocalPortal, service: str) -> None:
    citizen = still.someone()
    raw = still.answers(service, optional=True)
    typed = sorted(words_of(raw), key=len, reverse=True)
    page = citizen.get(f"/services/{service}/apply")
    while not page.path.endswith("/documents"):
        look(citizen, page.path, typed)
        for prefix in ("", "/en"):
            empty = {name: "" for name in page.values() if not name.startswith("_")}
            check(citizen.post(prefix + page.path, {**page.values(), **empty}), typed)
        page = citizen.send(page, citizen.answers_of(page, raw))
    look(citizen, page.path, typed)
    draft = page.path.rsplit("/", 1)[0]
    look(citizen, f"/services/{service}/apply", typed)
    look(citizen, draft, typed)
    look(citizen, f"{draft}/check", typed)
    for prefix in ("", "/en"):
        check(citizen.post(f"{prefix}{draft}/check", citizen.get(f"{draft}/check").values()), typed)


def _ways_to_pay(citizen: Citizen, address: str) -> None:
    """A part that is none, a number for kiosks, the page of who was sent a link."""
    for prefix in ("", "/en"):
        page = citizen.get(prefix + address)
        refused = citizen.post(page.path, {**page.values("/pay"), "amount": "1"})
        assert refused.status == 422
        check(refused, [page.hook("link")])
    page = citizen.get(address)
    citizen.post(address, {**page.values("/pay"), "channel": "kiosk"})
    look(citizen, f"{address}/kiosk")
    look(Browser(citizen.base_url), urlsplit(page.hook("link")).path)


def test_the_pages_of_finance(still: LocalPortal) -> None:
    cashier = still.employee("cashier")
    citizen = still.someone()
    page = citizen.file(
        "address-numbering-certificate", still.answers("address-numbering-certificate")
    )
    number = page.hook("request-number")
    with still.portal.database.begin() as db:  # a case is told with its id
        cases.open_case(db, "surplus", "pi_of_no_language", number, "", still.clock.now())
    officer = Employee(still.url, "finance_officer@EG-KFS")
    officer.sign_in()
    look(cashier, "/center/finance/refunds")
    look(cashier, f"/center/finance/refunds/of/{number}")
    for path in ("", "/refunds", f"/refunds/of/{number}"):
        look(officer, f"/center/finance{path}")
    with still.portal.database.begin() as db:
        db.execute(delete(PaymentCase).where(PaymentCase.object_id == "pi_of_no_language"))


def test_the_life_of_a_request(still: LocalPortal) -> None:
    citizen, service = still.someone(), "address-numbering-certificate"
    raw = still.answers(service, optional=True)
    typed = [*sorted(words_of(raw), key=len, reverse=True), "الصورة غير واضحة", "هذه صورة أوضح"]
    page = citizen.submit(citizen.upload_all(citizen.fill(service, raw)))
    number = page.hook("request-number")
    request = f"/requests/{number}"
    look(citizen, f"{request}/pay", typed)
    look(citizen, request, typed)
    _ways_to_pay(citizen, f"{request}/pay")
    checkout = citizen.send(citizen.get(f"{request}/pay"), {}, "/pay")
    citizen.send(checkout, DECLINED)
    session = checkout.url.rsplit("/", 1)[1]
    look(citizen, f"{request}/pay/return?session_id={session}", typed)
    citizen.send(checkout, {**DECLINED, "card_number": "4242424242424242"})
    still.relay()
    look(citizen, request, typed)
    receipt = f"{request}/receipts/{_receipt(citizen, request)}"
    look(citizen, receipt, typed)
    (code,) = citizen.get(receipt).tree.xpath("//a[contains(@href, '/verify/')]/@href")
    look(citizen, f"/verify/{code.rsplit('/', 1)[1]}")
    look(citizen, "/requests", typed)
    clerk, head = still.employee("front_office"), still.employee("department_head")
    _work(clerk, number, typed, "register")
    item = clerk.open(number).tree.xpath("//input[@name='items']/@value")[0]
    _empty(clerk, f"/center{request}", "/completion", typed)
    ask = {"items": item, "completion_note": "الصورة غير واضحة", "days": "14"}
    clerk.act(number, "completion", ask)
    still.relay()
    look(clerk, f"/center{request}", typed)
    look(citizen, request, typed)
    look(citizen, f"{request}/complete", typed)
    _empty(citizen, f"{request}/complete", "/complete", typed)
    name, content, kind = photo()
    page, file = citizen.get(f"{request}/complete"), {"file": (name, content, kind)}
    citizen.send(page, {}, f"/complete/{item}", files=file)
    look(citizen, f"{request}/complete", typed)
    citizen.send(citizen.get(f"{request}/complete"), {"note": "هذه صورة أوضح"}, "/complete")
    still.relay()
    look(citizen, request, typed)
    _work(clerk, number, typed, "accept")
    for act in ("/refuse", "/approve"):
        _empty(head, f"/center{request}", act, typed)
    assert head.approve(number).status == 200
    still.relay()
    look(head, f"/center{request}", typed)
    look(citizen, request, typed)
    look(citizen, "/sandbox/messages", typed)


def test_a_refused_request_and_one_that_is_free(still: LocalPortal) -> None:
    citizen, service = still.someone(), "municipal-complaint"
    raw = still.answers(service)
    typed = [*sorted(words_of(raw), key=len, reverse=True), "سبب واضح للرفض"]
    number = still.filed(service, citizen).hook("request-number")
    look(citizen, f"/requests/{number}", typed)
    clerk, head = still.employee("front_office"), still.employee("department_head")
    clerk.act(number, "register", {})
    clerk.act(number, "accept", {})
    reason = head.open(number).tree.xpath("//input[@name='reasons']/@value")[0]
    head.act(number, "refuse", {"reasons": reason, "refusal_note": "سبب واضح للرفض"})
    still.relay()
    look(head, f"/center/requests/{number}", typed)
    look(citizen, f"/requests/{number}", typed)


def test_pages_of_staff(still: LocalPortal) -> None:
    clerk = still.employee("front_office")
    for query in ("", "?q=26-1315-00042-7", "?q=nothing", "?stage=received", "?page=9"):
        look(clerk, f"/center/inbox{query}", ["nothing"])
    member = Employee(still.url, "committee_member@KFS-003")
    member.sign_in()
    look(member, "/center/inbox")


def _receipt(citizen: Citizen, request: str) -> str:
    found = citizen.get(request).tree.xpath("//a[contains(@href, '/receipts/')]/@href")
    return str(found[0]).rsplit("/", 1)[1]


def _work(clerk: Employee, number: str, typed: Collection[str], act: str) -> None:
    look(clerk, f"/center/requests/{number}", typed)
    clerk.act(number, act, {})
    look(clerk, f"/center/requests/{number}", typed)


def _empty(browser: Browser, path: str, action: str, typed: Collection[str]) -> None:
    """A form that is sent with nothing in it."""
    for prefix in ("", "/en"):
        page = browser.get(prefix + path)
        empty = {name: "" for name in page.values(action) if not name.startswith("_")}
        answer = browser.send(page, empty, action)
        assert answer.errors(), (path, action)
        check(answer, typed)


def test_an_english_citizen_pays_on_an_english_page_and_reads_english_messages(
    still: LocalPortal,
) -> None:
    citizen = still.someone()
    citizen.prefix = "/en"
    service = "address-numbering-certificate"
    page = citizen.submit(citizen.upload_all(citizen.fill(service, still.answers(service))))
    checkout = citizen.send(page, {}, "/pay")
    assert checkout.url.startswith(still.sandbox.url)
    assert checkout.tree.get("lang") == "en"
    check(checkout)
    declined = citizen.send(checkout, DECLINED)
    check(declined, [DECLINED["name"]])
    paid = citizen.pay(citizen.get(f"/en/requests/{page.hook('request-number')}/pay"))
    assert paid.path.startswith("/en/requests/")
    assert paid.tree.get("lang") == "en"
    still.relay()
    number = page.hook("request-number")
    sent = [a for a in _messages(citizen) if number in a]
    assert len(sent) == 2
    for message in sent:
        assert f"/en/requests/{number}" in message
        assert not ARABIC_LETTERS.search(message), message


def _messages(citizen: Citizen) -> list[str]:
    articles = citizen.get("/en/sandbox/messages").tree.xpath("//article")
    return [a.text_content() for a in articles if citizen.mobile in a.text_content()]


def test_an_arabic_citizen_pays_on_an_arabic_page(still: LocalPortal) -> None:
    citizen, service = still.someone(), "address-numbering-certificate"
    citizen.client.headers["accept-language"] = "en-US"  # the phone's language is not the page's
    page = citizen.submit(citizen.upload_all(citizen.fill(service, still.answers(service))))
    checkout = citizen.send(page, {}, "/pay")
    assert checkout.url.startswith(still.sandbox.url)
    assert checkout.tree.get("lang") == "ar"
    assert_nothing_inline(checkout)
