"""The search as pages: its address, its words, and whatever may be typed into it."""

from urllib.parse import quote

import httpx
import pytest
from lxml import html

from tests.support.local import LocalPortal
from tests.support.looking import assert_nothing_inline, assert_safe_headers, page_of
from tests.support.people import Browser, Page
from tests.support.plain import PLAIN


def ask(portal: LocalPortal, query: str, path: str = "/services") -> Page:
    return Browser(portal.url).get(f"{path}{'&' if '?' in path else '?'}q={quote(query)}")


def found(page: Page) -> list[str]:
    links = page.tree.xpath("//*[@id='result']//ol//a/@href")
    return [str(link).rpartition("/")[2] for link in links]


def status(page: Page) -> str:
    (line,) = page.tree.xpath("//*[@role='status'][@id='found']")
    return " ".join(line.text_content().split())


def box(page: Page) -> str:
    (value,) = page.tree.xpath("//main//input[@name='q']/@value")
    return str(value)


def test_the_likeliest_service_comes_first_and_the_query_stays_in_the_box(
    still: LocalPortal,
) -> None:
    page = ask(still, "عايز افتح كشك")
    assert page.status == 200
    assert found(page)[0] == "kiosk-licence"
    assert box(page) == "عايز افتح كشك"
    assert_nothing_inline(page)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("كشك", "خدمتان"),
        ("رخضة محل", "أظهرنا نتائج «رخصة محل»: ١٠ خدمات"),
        ("ظظظظظ", "لم نجد خدمة لعبارة «ظظظظظ»"),
    ],
)
def test_how_many_were_found_is_said(still: LocalPortal, query: str, said: str) -> None:
    assert status(ask(still, query)) == said


def test_it_is_told_why_a_service_is_among_them(still: LocalPortal) -> None:
    text = ask(still, "شهادة الهيئة القومية لسلامة الغذاء").text
    assert "من مستنداتها: شهادة الهيئة القومية لسلامة الغذاء" in text
    marked = ask(still, "كشك").tree.xpath("//ol/li[1]//mark/text()")
    assert set(marked) == {"كشك"}


def test_a_named_family_is_offered_whole(still: LocalPortal) -> None:
    page = ask(still, "المحال العامة")
    assert page.tree.xpath("//main//a[contains(@href, 'family=shops')]")


def test_one_family_alone_can_be_searched_and_all_are_one_press_away(still: LocalPortal) -> None:
    page = ask(still, "ترخيص", "/services?family=advertising")
    assert set(found(page)) == {"advertisement-licence-new", "advertisement-licence-renewal"}
    (everywhere,) = page.tree.xpath("//main//p/a[contains(@href, 'q=')]/@href")
    assert len(found(Browser(still.url).get(str(everywhere)))) > 2


def test_who_finds_nothing_is_led_on(still: LocalPortal) -> None:
    page = ask(still, "ظظظظظ")
    assert page.status == 200
    links = {str(link) for link in page.tree.xpath("//*[@id='result']//a/@href")}
    assert links >= {"/services/municipal-complaint", "/centers", "/services?family=shops"}
    assert "/services/shop-licence-new" in links


def test_a_query_to_the_front_page_leads_to_its_answer(still: LocalPortal) -> None:
    page = ask(still, "كشك", "/")
    assert page.path == "/services"
    assert found(page)[0] == "kiosk-licence"
    english = ask(still, "kiosk", "/en")
    assert english.path == "/en/services"
    assert ask(still, "  ", "/").path == "/"


@pytest.mark.parametrize("path", ["/", "/services"])
def test_htmx_gets_the_same_part_and_the_address_of_the_page(still: LocalPortal, path: str) -> None:
    whole = ask(still, "كشك")
    part = httpx.get(
        f"{still.url}{path}",
        params={"q": "كشك"},
        headers={"hx-request": "true"},
        trust_env=False,
        verify=PLAIN,
    )
    assert part.headers["hx-replace-url"] == f"/services?q={quote('كشك')}"
    tree = html.fromstring(part.text)  # a part declares no encoding of its own
    assert not tree.xpath("//main | //header | //footer")
    assert tree.xpath("//title")[0].text.startswith("خدمات «كشك»")
    text = " ".join(" ".join(tree.xpath("//ol//text()")).split())
    assert text == " ".join(" ".join(whole.tree.xpath("//main//ol//text()")).split())
    cleared = httpx.get(
        f"{still.url}{path}",
        params={"q": ""},
        headers={"hx-request": "true"},
        trust_env=False,
        verify=PLAIN,
    )
    assert cleared.headers["hx-replace-url"] == path
    assert "etag" not in cleared.headers


@pytest.mark.parametrize(
    "typed",
    [
        "%D8%A7" * 10_000,
        quote("كشك ") * 2_000,
        "%00",
        "%FF%FE",
        "%ED%A0%80",
        "%E2%80%AE",
        "...%21%3F%D8%9F",
        "%3Cscript%3Ealert(1)%3C/script%3E",
        "%22%3E%3Cimg%20src%3Dx%3E",
        "%25%25%25",
        "%7B%7B7*7%7D%7D%7Bquery%7D%7B0%7D",
        "'%20OR%201%3D1--",
        "%F0%9F%98%80",
        "a" * 10_000,
    ],
)
def test_whatever_is_typed_is_answered_in_arabic(still: LocalPortal, typed: str) -> None:
    for path in ("/services", "/"):
        response = httpx.get(
            f"{still.url}{path}?q={typed}", follow_redirects=True, trust_env=False, verify=PLAIN
        )
        assert response.status_code == 200, typed[:40]
        page = page_of(response)
        assert page.tree.get("lang") == "ar"
        assert_nothing_inline(page)
        assert not page.tree.xpath("//main//img[@src='x']")
        if path == "/services":
            assert len(box(page)) <= 100
        assert_safe_headers(response)
