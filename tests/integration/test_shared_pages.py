"""Pages that are the same for everyone: made once, asked again cheaply, never mixed up."""

import httpx
import pytest
from litestar import Request

from portal.clock import cairo_day
from portal.web.shared import MOST
from portal.web.visit import Visit
from portal.web.well_known import public_paths
from tests.support.local import LocalPortal
from tests.support.plain import PLAIN


@pytest.mark.parametrize(
    "path", ["/", "/en", "/services/shop-licence-new", "/centers?governorate=EG-KFS"]
)
@pytest.mark.parametrize("coding", ["br", "gzip", "identity"])
def test_a_page_that_has_not_changed_is_not_sent_again(
    still: LocalPortal, path: str, coding: str
) -> None:
    anyone = httpx.Client(base_url=still.url, trust_env=False, verify=PLAIN)
    first = anyone.get(path, headers={"accept-encoding": coding})
    assert first.status_code == 200
    again = anyone.get(path, headers={"accept-encoding": coding})
    assert again.content == first.content
    assert again.headers.keys() >= {"etag", "content-security-policy", "x-request-id"}
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == first.headers["cache-control"] == "public, no-cache"
    asked = {"accept-encoding": coding, "if-none-match": first.headers["etag"]}
    unchanged = anyone.get(path, headers=asked)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert "set-cookie" not in again.headers


def test_made_up_queries_fill_nothing(still: LocalPortal) -> None:
    anyone = httpx.Client(base_url=still.url, trust_env=False, verify=PLAIN)
    anyone.get("/")
    kept = len(still.portal.pages.shared)
    for number in range(20):
        assert anyone.get(f"/?campaign={number}").status_code == 200
        assert anyone.get(f"/centers?governorate=EG-KFS&n={number}").status_code == 200
    assert len(still.portal.pages.shared) <= kept


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/guides/", {}), ("//guides", {}), ("/guides", {"hx-request": "anything"})],
)
def test_other_ways_to_ask_for_a_page_do_not_make_it_again(
    still: LocalPortal, path: str, headers: dict[str, str]
) -> None:
    anyone, pages = (
        httpx.Client(base_url=still.url, trust_env=False, verify=PLAIN),
        still.portal.pages.shared,
    )
    first = anyone.get("/guides")
    key, today = ("ar", "/guides", b""), cairo_day(still.portal.clock.now())
    made = pages.find(key, today)
    assert made is not None
    again = anyone.get(still.url + path, headers=headers)
    assert (again.status_code, again.text) == (200, first.text)
    assert again.headers["etag"] == first.headers["etag"]
    assert pages.find(key, today) is made


def test_there_is_room_for_every_page_in_both_languages(still: LocalPortal) -> None:
    catalogue, places = still.portal.catalogue, still.portal.places
    of_guides = sum(
        1 + sum(1 + len(question.answers) for question in guide.questions.values())
        for guide in catalogue.guides.values()
    )
    once = len(list(public_paths(still.portal))) + len(catalogue.services) + of_guides
    assert 2 * (once + len(places.centers) + len(places.governorates) + 1) <= MOST


def test_a_visit_has_one_day_even_over_midnight(turning: LocalPortal) -> None:
    scope = {"type": "http", "state": {"locale": "ar"}}
    visit = Visit(Request(scope), turning.portal)  # type: ignore[arg-type]
    began = visit.today
    turning.clock.advance(minutes=24 * 60)
    assert visit.today == began


def test_a_shared_page_says_nothing_of_the_visitor(still: LocalPortal) -> None:
    citizen = still.someone()
    anyone = httpx.Client(base_url=still.url, trust_env=False, verify=PLAIN)
    for path in ("/help", "/en/services/kiosk-licence"):
        first = citizen.client.get(still.url + path)
        assert first.text == anyone.get(path).text
        assert citizen.mobile not in first.text


@pytest.mark.parametrize("path", ["/", "/services", "/centers?governorate=EG-KFS"])
def test_a_part_of_a_page_is_not_the_page(still: LocalPortal, path: str) -> None:
    anyone = httpx.Client(base_url=still.url, trust_env=False, verify=PLAIN)
    whole = anyone.get(path).text
    part = anyone.get(path, headers={"hx-request": "true"}).text
    assert whole == anyone.get(path).text
    assert "</html>" in whole
    assert "</html>" not in part
