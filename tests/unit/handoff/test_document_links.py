"""Signed links to one stored file: of one side, for a while."""

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


def test_neither_file_nor_time_can_be_changed() -> None:
    file_id, until, signature = LINKS.sign("file1", AT).split(".")
    for link in (
        f"file2.{until}.{signature}",
        f"{file_id}.{int(until) + 1}.{signature}",
        f"{file_id}.{until}.{signature[:-1]}0x",
        f"{file_id}.{until}.",
        f"{file_id}.{until}",
        f"{file_id}..{signature}",
        f"{file_id}.-1.{signature}",
        f".{until}.{signature}",
    ):
        with pytest.raises(Missing):
            LINKS.read(link, AT)


@given(st.text("abc.0123456789-_/ \0", max_size=40))
@settings(max_examples=80, derandomize=True, deadline=None)
def test_whatever_is_tried_is_missing(link: str) -> None:
    with pytest.raises(Missing):
        LINKS.read(link, AT)
