"""Whose keys the client of a center believes, and how often it asks for them."""

import json
from types import SimpleNamespace

import pytest

from portal import jws
from portal.handoff.client import NotNow, Refused, keys
from portal.handoff.client.keys import PortalKeys

_JWK = jws.new_pair()[1]


class Published:
    """A JWK Set that somebody else changes, and a clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kids = ["first"]
        self.asked = 0
        self.off = False
        self.at = 1000.0
        monkeypatch.setattr(keys, "time", SimpleNamespace(monotonic=lambda: self.at))
        self.keys = PortalKeys(self.fetch)

    def fetch(self) -> bytes:
        self.asked += 1
        if self.off:
            raise NotNow("no answer")
        told = [{**_JWK, "kid": kid} for kid in self.kids]
        return json.dumps({"keys": [*told, {"kty": "RSA", "kid": "another kind"}]}).encode()


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Published:
    return Published(monkeypatch)


def test_the_set_is_read_once_and_again_for_a_new_name_but_not_for_every_one(
    published: Published,
) -> None:
    for _ in range(3):
        assert published.keys.find("first")
    assert published.asked == 1
    published.kids.append("second")
    with pytest.raises(NotNow):
        published.keys.find("second")
    published.at += 61
    assert published.keys.find("second")
    published.at += 61
    for refused in (Refused, NotNow, NotNow):
        with pytest.raises(refused):
            published.keys.find("nobody's")
    assert published.asked == 3


def test_a_key_that_was_revoked_is_believed_for_minutes_only(published: Published) -> None:
    assert published.keys.find("first")
    published.kids = ["second"]
    published.at += 301
    with pytest.raises(Refused):
        published.keys.find("first")


def test_what_is_known_holds_while_the_portal_does_not_answer(published: Published) -> None:
    published.off = True
    with pytest.raises(NotNow):
        published.keys.find("first")
    published.off = False
    published.at += 6
    assert published.keys.find("first")
    published.off = True
    published.at += 3600
    assert published.keys.find("first")
