"""Compact signatures and public keys, read strictly: one spelling, one header, one kind of key."""

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jose import jws as jose

from portal import jws
from portal.handoff.packing import KIND
from portal.jws import BadKey, NotCompact, NotThisKey

PRIVATE, PUBLIC = jws.new_pair()
PAYLOAD = '{"id": "نص"}'.encode()
BODY = jws.sign(jws.private_key(PRIVATE), "k1", KIND, PAYLOAD)


def b64(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def with_header(**header: Any) -> bytes:
    _, payload, signature = BODY.split(b".")
    return b".".join((b64(json.dumps(header).encode()), payload, signature))


def test_what_was_signed_is_read_and_verified() -> None:
    compact = jws.read(KIND, BODY, 1000)
    assert (compact.kid, compact.payload) == ("k1", PAYLOAD)
    assert jws.verify(compact, jws.public_key(PUBLIC)) == PAYLOAD


def test_another_library_verifies_it_with_the_published_key() -> None:
    assert jose.verify(BODY.decode(), {**PUBLIC, "alg": "ES256"}, ["ES256"]) == PAYLOAD


RIGHT = {"alg": "ES256", "kid": "k1", "typ": KIND}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"a.b.c",
        BODY[:-1],
        BODY + b"\n",
        b" " + BODY,
        BODY + b"=",
        BODY.replace(b".", b"..", 1),
        BODY.rpartition(b".")[0] + b".",
        PAYLOAD,
        "نص".encode(),
        with_header(**RIGHT, b64=False),
        with_header(**RIGHT, crit=["b64"]),
        with_header(**RIGHT, jwk=PUBLIC),
        with_header(**{**RIGHT, "alg": "none"}),
        with_header(**{**RIGHT, "alg": "HS256"}),
        with_header(**{**RIGHT, "alg": "es256"}),
        with_header(**{**RIGHT, "typ": "JWT"}),
        with_header(**{**RIGHT, "typ": "receipt+jwt"}),
        with_header(alg="ES256", typ=KIND),
        with_header(**{**RIGHT, "kid": 7}),
        with_header(**{**RIGHT, "kid": ""}),
        with_header(**{**RIGHT, "kid": "../k1"}),
        with_header(**{**RIGHT, "kid": "x" * 44}),
    ],
)
def test_another_form_is_refused_before_any_key_is_looked_for(body: bytes) -> None:
    with pytest.raises(NotCompact):
        jws.read(KIND, body, 10_000)


def test_another_spelling_of_the_same_octets_is_refused() -> None:
    header, payload, signature = BODY.split(b".")
    tail = {b"A": b"B", b"Q": b"R", b"g": b"h", b"w": b"x", b"0": b"1", b"9": b"-"}
    other = payload[:-1] + tail.get(payload[-1:], b"B")
    with pytest.raises((NotCompact, NotThisKey)):
        jws.verify(
            jws.read(KIND, b".".join((header, other, signature)), 999), jws.public_key(PUBLIC)
        )
    with pytest.raises(NotCompact):
        jws.read(KIND, b".".join((header, payload, signature[:-1] + b"B")), 999)


def test_what_is_too_large_is_refused_unread() -> None:
    with pytest.raises(NotCompact):
        jws.read(KIND, BODY, len(BODY) - 1)


def test_another_key_and_another_payload_do_not_verify() -> None:
    _, stranger = jws.new_pair()
    with pytest.raises(NotThisKey):
        jws.verify(jws.read(KIND, BODY, 1000), jws.public_key(stranger))
    header, _, signature = BODY.split(b".")
    changed = b".".join((header, b64(PAYLOAD + b" "), signature))
    with pytest.raises(NotThisKey):
        jws.verify(jws.read(KIND, changed, 1000), jws.public_key(PUBLIC))


# --- a key as a center hands it over


def test_a_key_without_a_name_is_called_by_its_thumbprint() -> None:
    kid, jwk = jws.read_public_jwk(json.dumps(PUBLIC))
    assert (kid, jwk) == (jws.thumbprint(PUBLIC), PUBLIC)
    assert len(kid) == 43
    assert jws.read_public_jwk(json.dumps({**PUBLIC, "kid": "mine", "use": "sig"}))[0] == "mine"


def _p384() -> dict[str, Any]:
    point = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
    x, y = (b64(n.to_bytes(48)).decode() for n in (point.x, point.y))
    return {"kty": "EC", "crv": "P-384", "x": x, "y": y}


def _rsa() -> dict[str, Any]:
    numbers = rsa.generate_private_key(65537, 2048).public_key().public_numbers()
    return {"kty": "RSA", "n": b64(numbers.n.to_bytes(256)).decode(), "e": "AQAB"}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("", "no JSON"),
        ("[", "no JSON"),
        ("[]", "no object"),
        ("[" * 100_000, "no JSON"),
        ({}, "P-256"),
        ({**PUBLIC, "d": "x"}, "private"),
        ({**PUBLIC, "kid": "a b"}, "kid"),
        ({**PUBLIC, "kid": ""}, "kid"),
        ({**PUBLIC, "use": "enc"}, "something else"),
        ({**PUBLIC, "alg": "ES384"}, "something else"),
        ({**PUBLIC, "x": PUBLIC["y"]}, "no point"),
        ({**PUBLIC, "x": PUBLIC["x"] + "="}, "43 letters"),
        ({**PUBLIC, "x": 7}, "no x and y"),
        (_p384(), "P-256"),
        (_rsa(), "P-256"),
        ({"kty": "oct", "k": "AAAA"}, "P-256"),
    ],
)
def test_any_other_key_is_refused_with_a_reason(given: Any, why: str) -> None:
    with pytest.raises(BadKey, match=why):
        jws.read_public_jwk(given if isinstance(given, str) else json.dumps(given))
