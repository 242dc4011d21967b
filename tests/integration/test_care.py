"""What surrounds the pages: errors as pages, files that browsers and search engines look for."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Request
from litestar.exceptions import HTTPException
from lxml import etree, html

from portal.requests.lifecycle import TABLE, Event
from portal.routes import about
from portal.web.errors import error_handlers
from tests.support.local import LocalPortal
from tests.support.looking import assert_honest, page_of, quiet_logs, raw, stranger
from tests.support.people import Page
from tests.support.plain import PLAIN
from tests.support.signing_in import ask

PORTAL = Path(about.__file__).parents[1]

# --- files with addresses that others have chosen ---

FILES = {
    "/robots.txt": "text/plain; charset=utf-8",
    "/sitemap.xml": "application/xml",
    "/favicon.ico": "image/x-icon",
    "/apple-touch-icon.png": "image/png",
}


@pytest.mark.parametrize(("path", "kind"), FILES.items())
def test_a_well_known_file_is_found_and_kept_for_a_day(
    still: LocalPortal, path: str, kind: str
) -> None:
    anyone = still.citizen()
    found = raw(anyone, "GET", path)
    assert (found.status_code, found.headers["content-type"]) == (200, kind)
    assert found.headers["cache-control"] == "public, max-age=86400"
    assert found.headers["x-content-type-options"] == "nosniff"
    head = raw(anyone, "HEAD", path)
    assert (head.status_code, head.content) == (200, b"")
    same = raw(anyone, "GET", path, headers={"if-none-match": found.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert_honest(raw(anyone, "POST", path), 404)


def test_what_is_somebodys_own_is_closed_to_search_engines(still: LocalPortal) -> None:
    rules = raw(still.citizen(), "GET", "/robots.txt").text
    closed = re.findall(r"^Disallow: (.+)$", rules, re.MULTILINE)
    for prefix in ("", "/en"):
        for path in ("/drafts/", "/requests", "/sign-in", "/center"):
            assert prefix + path in closed
        assert f"Allow: {prefix}/centers" in rules
    assert f"Sitemap: {still.url}/sitemap.xml" in rules


def test_every_page_of_the_sitemap_is_there_and_names_both_languages(still: LocalPortal) -> None:
    space = {
        "s": "http://www.sitemaps.org/schemas/sitemap/0.9",
        "x": "http://www.w3.org/1999/xhtml",
    }
    tree = etree.fromstring(raw(still.citizen(), "GET", "/sitemap.xml").content)
    entries: list[Any] = tree.xpath("//s:url", namespaces=space)
    addresses = [str(e.xpath("string(s:loc)", namespaces=space)) for e in entries]
    assert len(addresses) == len(set(addresses)) > 90
    with httpx.Client(trust_env=False, verify=PLAIN) as anyone:
        for address, entry in zip(addresses, entries, strict=True):
            others = entry.xpath("x:link/@hreflang", namespaces=space)
            assert set(others) == {"ar", "en", "x-default"}
            assert set(entry.xpath("x:link/@href", namespaces=space)) <= set(addresses)
            if "/en/" not in address:  # the other half is the same pages in English
                assert anyone.get(address).status_code == 200, address


SHARED = ["/", "/services/shop-licence-new", "/en/services/shop-licence-new", "/help", "/en/help"]


@pytest.mark.parametrize("path", SHARED)
def test_a_shared_link_has_its_title_its_words_and_a_picture(still: LocalPortal, path: str) -> None:
    page = still.citizen().get(path)
    told = {
        str(m.get("property") or m.get("name")).lower(): str(m.get("content"))
        for m in page.tree.xpath("//head/meta[@content]")
    }
    assert told["og:title"] in page.tree.xpath("string(//title)")
    assert len(told["description"]) > 30
    assert told["og:description"] == told["description"]
    assert told["og:url"] == page.tree.xpath("string(//link[@rel='canonical']/@href)")
    picture = httpx.get(told["og:image"], trust_env=False, verify=PLAIN)
    assert picture.headers["content-type"] == "image/png"
    assert len(picture.content) < 30_000
    assert int.from_bytes(picture.content[16:20], "big") == int(told["og:image:width"])
    (touch,) = page.tree.xpath("//link[@rel='apple-touch-icon']/@href")
    assert raw(still.citizen(), "GET", touch).status_code == 200


# --- errors ---


STATUSES = (
    *(400, 401, 403, 404, 405, 406, 408, 409, 410, 411, 413, 414, 415, 416, 422, 429, 431),
    *(500, 501, 502, 503, 504),
)


def test_every_status_has_words_of_its_own_in_both_languages(still: LocalPortal) -> None:
    arabic, english = still.portal.languages.pair
    for status in (*STATUSES, 418, 507):
        for speech in (arabic, english):
            response = told(still, speech.locale, status)
            page = Page(status, "", html.fromstring(bytes(response.content)))
            assert response.status_code == status
            (title,) = page.tree.xpath("//h1")
            assert page.tree.xpath("string(//title)").startswith(speech.gettext("Error:"))
            assert title.text_content() in page.tree.xpath("string(//title)")
            assert "abcdefghjkmn" in page.text
            ways = set(page.tree.xpath("//main//a/@href"))
            assert {f"{speech.prefix}/", f"{speech.prefix}/track"} <= ways


def told(
    portal: LocalPortal, locale: str, status: int, headers: dict[str, str] | None = None
) -> Any:
    """The page of an error that the framework raises."""
    scope: Any = {
        "type": "http",
        "method": "GET",
        "path": "/somewhere",
        "query_string": b"",
        "headers": [],
        "state": {"locale": locale, "request_id": "abcdefghjkmn"},
    }
    error = HTTPException(status_code=status, headers=headers)
    return error_handlers(portal.portal)[HTTPException](Request(scope), error)


def test_a_wait_is_told_in_words(still: LocalPortal) -> None:
    for status in (429, 503):
        long = told(still, "ar", status, {"retry-after": "600"})
        assert "حاول مرة أخرى بعد ١٠ دقائق".encode() in long.content
        assert long.headers["retry-after"] == "600"
        short = told(still, "ar", status, {"retry-after": "60"})
        assert "حاول مرة أخرى بعد".encode() not in short.content.split(b"<b>")[-1][:60]


@pytest.mark.parametrize("path", ["/webhooks/payments", "/health/live", "/metrics"])
def test_machines_are_answered_in_a_line(still: LocalPortal, path: str) -> None:
    response = raw(still.citizen(), "DELETE", path)
    assert response.status_code == 405
    assert response.headers["content-type"].startswith("text/plain")
    assert response.text == "method not allowed\n"
    assert response.headers["allow"]


@pytest.mark.parametrize(("path", "words"), [("/", "حدث خطأ لدينا"), ("/en/help", "on our side")])
def test_even_when_no_page_can_be_made_there_is_one(
    alone: LocalPortal, monkeypatch: pytest.MonkeyPatch, path: str, words: str
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no template today")

    monkeypatch.setattr(type(alone.portal.pages), "page", broken)
    monkeypatch.setattr(type(alone.portal.pages), "shared_page", broken)
    with quiet_logs() as lines:
        response = raw(alone.citizen(), "GET", path)
    assert response.status_code == 500
    page = page_of(response)
    assert words in page.tree.xpath("string(//title)") or words in page.text
    assert page.tree.get("lang") == ("en" if path.startswith("/en") else "ar")
    assert response.headers["content-security-policy"]
    assert "no template" not in response.text
    assert any(line["event"] == "failed" for line in lines)


# --- the pages about the portal ---


def test_help_explains_every_state_that_a_request_can_reach_and_no_other() -> None:
    caused = set[Event]()
    for path in PORTAL.rglob("*.py"):
        if path.name != "lifecycle.py":
            caused |= {Event[n] for n in re.findall(r"\bEvent\.([A-Z_]+)", path.read_text("utf-8"))}
    reached = {state for event in caused for state in TABLE[event].targets}
    assert set(about.MEANINGS) == {str(state) for state in reached}


def test_help_is_found_by_question_and_its_numbers_are_the_programs_own(
    still: LocalPortal,
) -> None:
    page = still.citizen().get("/help")
    asked = [str(a.get("href"))[1:] for a in page.tree.xpath("//main//nav//a")]
    assert len(asked) == len(set(asked)) >= 18
    assert asked == [str(h.get("id")) for h in page.tree.xpath("//main//h3")]
    for told in ("صالح مدة ٥ دقائق", "خلال ٧ أيام", "مدة ٣٠ يومًا", "مرّت ٦٠ دقيقة"):
        assert told in page.text, told
    for state in about.MEANINGS:
        assert page.tree.xpath("//*[@data-state=$state]", state=state), state


def test_privacy_names_the_cookie_that_is_set_and_no_other(still: LocalPortal) -> None:
    nobody = still.citizen()
    raw(nobody, "GET", "/sign-in")
    assert list(nobody.client.cookies) == ["sid"]
    page = nobody.get("/privacy")
    assert [c.text_content() for c in page.tree.xpath("//main//*[@class='code code--plain']")] == [
        "sid"
    ]
    for told in ("٧٢ ساعة", "١٢ ساعة", "٦٠ دقيقة", "٣٠ يومًا"):
        assert told in page.text, told


def test_what_is_asked_where_it_arises_leads_to_its_answer(still: LocalPortal) -> None:
    citizen = stranger(still)
    answers = set(still.citizen().get("/help").tree.xpath("//@id"))
    pages = [citizen.get("/track"), ask(citizen)]
    for page in pages:
        (anchor,) = {
            str(href).partition("#")[2]
            for href in page.tree.xpath("//main//a/@href")
            if str(href).startswith("/help#")
        }
        assert anchor in answers
