"""The store of pages that are the same for everyone."""

import gzip
from datetime import date

import brotli

from portal.web.shared import SharedPages, make_page

TODAY, TOMORROW = date(2026, 11, 22), date(2026, 11, 23)
HOME = ("ar", "/", b"")
CODINGS = ("br", "gzip", "")
PAGE = make_page("/", "صفحة".encode() * 400)


def test_a_page_of_yesterday_is_not_shown_today() -> None:
    pages = SharedPages()
    pages.keep(HOME, TODAY, PAGE)
    assert pages.find(HOME, TODAY) is PAGE
    assert pages.find(HOME, TOMORROW) is None
    pages.keep(("en", "/", b""), TOMORROW, PAGE)
    assert pages.find(HOME, TOMORROW) is None


def test_languages_and_queries_are_pages_of_their_own() -> None:
    pages = SharedPages()
    pages.keep(HOME, TODAY, PAGE)
    assert pages.find(("en", "/", b""), TODAY) is None
    assert pages.find(("ar", "/", b"q=1"), TODAY) is None


def test_every_coding_says_the_same_under_a_tag_of_its_own() -> None:
    bodies = {coding: PAGE.answer(coding)[1] for coding in CODINGS}
    assert brotli.decompress(bodies["br"]) == gzip.decompress(bodies["gzip"]) == bodies[""]
    assert len({PAGE.etag(coding) for coding in CODINGS}) == 3
    for coding in CODINGS:
        headers, body = PAGE.answer(coding)
        said = dict(headers)
        assert said[b"content-length"] == str(len(body)).encode()
        assert said[b"etag"] == PAGE.etag(coding)
        assert said.get(b"content-encoding", b"") == coding.encode()


def test_the_coding_is_one_that_the_client_takes() -> None:
    assert PAGE.best("gzip, deflate, br") == "br"
    assert PAGE.best("gzip, br;q=0") == "gzip"
    assert PAGE.best("*") == "br"
    assert PAGE.best("identity") == ""
