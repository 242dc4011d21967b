"""Pages that are the same for everyone: made once, asked again cheaply, never mixed up."""

import httpx
import pytest

from tests.support.local import LocalPortal


@pytest.mark.parametrize(
    "path", ["/", "/en", "/services/shop-licence-new", "/centers?governorate=EG-KFS"]
)
@pytest.mark.parametrize("coding", ["br", "gzip", "identity"])
def test_a_page_that_has_not_changed_is_not_sent_again(
    still: LocalPortal, path: str, coding: str
) -> None:
    anyone = httpx.Client(base_url=still.url, trust_env=False)
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
    anyone = httpx.Client(base_url=still.url, trust_env=False)
    anyone.get("/")
    kept = len(still.portal.pages.shared)
    for number in range(20):
        assert anyone.get(f"/?campaign={number}").status_code == 200
        assert anyone.get(f"/centers?governorate=EG-KFS&n={number}").status_code == 200
    assert len(still.portal.pages.shared) <= kept


def test_a_shared_page_says_nothing_of_the_visitor(still: LocalPortal) -> None:
    citizen = still.someone()
    anyone = httpx.Client(base_url=still.url, trust_env=False)
    for path in ("/help", "/en/services/kiosk-licence"):
        first = citizen.client.get(still.url + path)
        assert first.text == anyone.get(path).text
        assert citizen.mobile not in first.text


@pytest.mark.parametrize("path", ["/", "/services", "/centers?governorate=EG-KFS"])
def test_a_part_of_a_page_is_not_the_page(still: LocalPortal, path: str) -> None:
    anyone = httpx.Client(base_url=still.url, trust_env=False)
    whole = anyone.get(path).text
    part = anyone.get(path, headers={"hx-request": "true"}).text
    assert whole == anyone.get(path).text
    assert "</html>" in whole
    assert "</html>" not in part
