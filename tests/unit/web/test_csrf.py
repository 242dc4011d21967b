"""Tokens against forged forms."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.vault import Vault
from portal.web.csrf import is_valid, make_token

OLD, NEW = "o" * 40, "n" * 40
VAULT = Vault([NEW, OLD])
COOKIE, OTHER = "c" * 43, "d" * 43


def test_a_token_is_good_for_the_cookie_that_it_was_made_for() -> None:
    token = make_token(VAULT, COOKIE)
    assert is_valid(VAULT, COOKIE, token)
    assert not is_valid(VAULT, OTHER, token)
    assert not is_valid(VAULT, "", token)


def test_every_page_has_a_token_of_its_own() -> None:
    tokens = {make_token(VAULT, COOKIE) for _ in range(20)}
    assert len(tokens) == 20
    assert all(is_valid(VAULT, COOKIE, token) for token in tokens)
    halves = {urlsafe_b64decode(token)[:32] for token in tokens}
    assert len(halves) == 20
    masked = {urlsafe_b64decode(token)[32:] for token in tokens}
    assert len(masked) == 20


def test_a_token_shows_neither_cookie_nor_key() -> None:
    token = make_token(VAULT, COOKIE)
    assert COOKIE not in token
    assert VAULT.mask_key(COOKIE) not in urlsafe_b64decode(token)


def test_after_a_rotation_an_open_page_can_still_be_sent() -> None:
    before = make_token(Vault([OLD]), COOKIE)
    assert is_valid(VAULT, COOKIE, before)
    assert not is_valid(Vault([NEW]), COOKIE, before)


def test_a_token_without_a_cookie_is_worth_nothing() -> None:
    assert not is_valid(VAULT, "", make_token(VAULT, ""))


def test_halves_that_are_equal_are_no_token() -> None:
    zeros = urlsafe_b64encode(bytes(64)).decode()
    assert not is_valid(VAULT, COOKIE, zeros)


def test_every_changed_byte_is_noticed() -> None:
    raw = urlsafe_b64decode(make_token(VAULT, COOKIE))
    for index in range(len(raw)):
        changed = bytearray(raw)
        changed[index] ^= 1
        assert not is_valid(VAULT, COOKIE, urlsafe_b64encode(changed).decode())


@pytest.mark.parametrize(
    "token",
    ["", "=", "a", "abc", "نص", "\0", "\ud800", "A" * 43, "A" * 1000, "!" * 88, "A" * 88, " " * 88],
)
def test_garbage_is_no_token_and_no_error(token: str) -> None:
    assert not is_valid(VAULT, COOKIE, token)


@given(st.text(max_size=120))
@settings(max_examples=100, derandomize=True, deadline=None)
def test_no_text_that_anyone_types_is_a_token(text: str) -> None:
    assert not is_valid(VAULT, COOKIE, text)


@given(st.binary(min_size=64, max_size=64))
@settings(max_examples=60, derandomize=True, deadline=None)
def test_no_bytes_of_the_right_length_are_a_token(raw: bytes) -> None:
    assert not is_valid(VAULT, COOKIE, urlsafe_b64encode(raw).decode())
