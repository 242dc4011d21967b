"""Signed links to one stored file: of one side, for a while."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.handoff.links import DocumentLinks
from portal.problems import Missing
from portal.vault import Vault

OLD, NEW = "o" * 40, "n" * 40
AT = datetime(2026, 11, 22, 9, 42, tzinfo=UTC)
LINKS = DocumentLinks(Vault([NEW, OLD]), "portal")


def test_a_link_leads_to_its_file_for_two_weeks() -> None:
    link = LINKS.sign("file1", AT)
    assert LINKS.read(link, AT) == "file1"
    assert LINKS.read(link, AT + timedelta(days=14)) == "file1"
    with pytest.raises(Missing):
        LINKS.read(link, AT + timedelta(days=14, seconds=1))


def test_a_link_of_one_side_opens_nothing_of_the_other() -> None:
    center = DocumentLinks(Vault([NEW, OLD]), "center")
    with pytest.raises(Missing):
        center.read(LINKS.sign("file1", AT), AT)


def test_a_link_that_was_signed_before_a_rotation_still_leads() -> None:
    before = DocumentLinks(Vault([OLD]), "portal").sign("file1", AT)
    assert LINKS.read(before, AT) == "file1"
    with pytest.raises(Missing):
        DocumentLinks(Vault([NEW]), "portal").read(before, AT)


def test_neither_file_nor_time_nor_algorithm_can_be_changed() -> None:
    header, claims, signature = LINKS.sign("file1", AT).split(".")
    said = json.loads(decoded(claims))
    another_file = encoded(json.dumps({**said, "sub": "file2"}))
    later = encoded(json.dumps({**said, "exp": said["exp"] + 1}))
    unsigned = encoded(json.dumps({"alg": "none", "typ": "JWT"}))
    for link in (
        f"{header}.{another_file}.{signature}",
        f"{header}.{later}.{signature}",
        f"{header}.{claims}.{signature[:-2]}00",
        f"{header}.{claims}.",
        f"{header}.{claims}",
        f"{unsigned}.{claims}.",
        f"{unsigned}.{claims}.{signature}",
    ):
        with pytest.raises(Missing):
            LINKS.read(link, AT)


def test_a_link_says_which_file_until_when_and_nothing_else() -> None:
    said = json.loads(decoded(LINKS.sign("file1", AT).split(".")[1]))
    assert said.keys() == {"sub", "aud", "exp"}


def decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


@given(st.text("abc.0123456789-_/ \0", max_size=40))
@settings(max_examples=80, derandomize=True, deadline=None)
def test_whatever_is_tried_is_missing(link: str) -> None:
    with pytest.raises(Missing):
        LINKS.read(link, AT)
