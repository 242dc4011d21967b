"""The other language of every page is one link away, and it is the same page."""

from urllib.parse import quote

import pytest

from tests.support.local import LocalPortal
from tests.support.people import Browser, Page


def link(page: Page) -> str:
    (found,) = page.tree.xpath("//footer//a[@hreflang]/@href")
    return str(found)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/services/shop-licence-new",
        "/centers?governorate=EG-KFS",
        f"/services?q={quote('رخصة محل')}",
        "/services?family=shops&q=",
        "/track?number=26-1315-00042-7",
        "/sign-in?next=/requests",
        "/help?a=b&amp;c=%22",
        "/no/such/page",
    ],
)
def test_the_link_leads_to_the_same_page_and_back(still: LocalPortal, path: str) -> None:
    anyone = Browser(still.url)
    english = link(anyone.get(path))
    assert english == f"/en{path}"
    page = anyone.get(english)
    assert page.tree.get("lang") == "en"
    assert link(page) == path


@pytest.mark.parametrize("query", ["q=" + "a" * 1001, "q=%ff", "q=%22%3E%3Cscript%3E", "&&=", "q"])
def test_any_query_leaves_a_link_that_can_be_followed(still: LocalPortal, query: str) -> None:
    page = Browser(still.url).get(f"/services?{query}")
    assert link(page).startswith("/en/services")
    assert len(link(page)) < 1100


def test_a_permission_in_the_address_is_not_repeated_in_a_link(still: LocalPortal) -> None:
    page = Browser(still.url).get("/help?session_id=cs_test_1&q=x")
    assert link(page) == "/en/help"


def test_a_path_that_looks_like_a_host_stays_on_the_site(still: LocalPortal) -> None:
    page = Browser(still.url).get(f"{still.url}//example.org/a")
    assert link(page) == "/en/example.org/a"


def test_a_form_that_came_back_links_to_the_page_it_was_on(still: LocalPortal) -> None:
    anyone = Browser(still.url)
    for prefix, other in (("", "/en/track"), ("/en", "/track")):
        page = anyone.get(f"{prefix}/track")
        refused = anyone.send(page, {}, "/track", headers={"referer": page.url})
        assert refused.errors()
        assert link(refused) == other
    for elsewhere in ("https://example.org/requests", "http://[", ""):
        page = anyone.get("/track")
        refused = anyone.send(page, {}, "/track", headers={"referer": elsewhere})
        assert link(refused) == "/en/track"


def test_staff_change_the_language_where_they_are(turning: LocalPortal) -> None:
    assert link(turning.citizen().get("/center/sign-in")) == "/en/center/sign-in"
    clerk = turning.employee("front_office")
    page = clerk.get("/center/inbox?stage=received&service=")
    english = clerk.get(link(page))
    assert (english.tree.get("lang"), english.path) == ("en", "/en/center/inbox")
    assert link(english) == "/center/inbox?stage=received&service="


def test_public_pages_name_their_address_and_both_languages(still: LocalPortal) -> None:
    anyone, site = Browser(still.url), still.url
    for prefix in ("", "/en"):
        # a query that the page knows nothing of makes no other page
        page = anyone.get(f"{prefix}/centers?governorate=EG-KFS&utm=1")
        head = {
            (e.get("rel"), e.get("hreflang")): e.get("href")
            for e in page.tree.xpath("//head/link[@rel='canonical' or @rel='alternate']")
        }
        plain = "/centers?governorate=EG-KFS"
        assert head == {
            ("canonical", None): f"{site}{prefix}{plain}",
            ("alternate", "ar"): f"{site}{plain}",
            ("alternate", "en"): f"{site}/en{plain}",
            ("alternate", "x-default"): f"{site}{plain}",
        }
    for personal in ("/sign-in", "/track"):
        assert not anyone.get(personal).tree.xpath("//link[@rel='canonical']")
