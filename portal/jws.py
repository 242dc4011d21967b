"""Compact JSON Web Signatures (RFC 7515) over bytes: made and read with ES256 and nothing else.

Reading is strict, because what is read may come from anywhere: one spelling of base64url, a header
of exactly ``alg``, ``kid`` and ``typ``, and a bound on the size before anything is parsed. Nobody
but this module knows python-jose's keys.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_public_key,
)
from jose import jws
from jose.backends.cryptography_backend import CryptographyECKey
from jose.exceptions import JOSEError

ALGORITHM = "ES256"
KEY_ID = re.compile("[A-Za-z0-9_-]{1,43}")
"""What a key may be called: ours, an operator's word, or a thumbprint (RFC 7638)."""
_COORDINATE_BYTES = 32
_COORDINATE = re.compile("[A-Za-z0-9_-]{43}")
# 64 octets of signature are 86 characters, and the last of them carries two bits only
_FOREIGN = re.compile(rb"([A-Za-z0-9_-]{8,2000})\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]{85}[AQgw]")
_FOREIGN_TYPES = frozenset({"jwt", "client-authentication+jwt"})
_COMPACT = re.compile(rb"([A-Za-z0-9_-]{8,400})\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]{85}[AQgw]")


class NotCompact(ValueError):
    """The bytes are no compact signature of the kind that is asked for."""


class NotThisKey(ValueError):
    """The signature was not made with this key."""


class BadKey(ValueError):
    """A text that is no public key of the one kind that is taken; the message says why."""


@dataclass(frozen=True)
class Compact:
    """A compact signature, read and not yet verified: nothing in it may be believed."""

    kid: str
    payload: bytes
    whole: str


class EcKey(CryptographyECKey):
    """A P-256 key. It signs the same text with the same signature (RFC 6979): the code on a
    receipt does not change."""

    def sign(self, msg: bytes) -> bytes:
        rule = ec.ECDSA(SHA256(), deterministic_signing=True)
        r, s = decode_dss_signature(self.prepared_key.sign(msg, rule))
        return r.to_bytes(_COORDINATE_BYTES) + s.to_bytes(_COORDINATE_BYTES)


def private_key(der: bytes) -> EcKey:
    return EcKey(load_der_private_key(der, None), ALGORITHM)


def public_key(jwk: Mapping[str, Any]) -> EcKey:
    return EcKey(dict(jwk), ALGORITHM)


def new_pair() -> tuple[bytes, dict[str, str]]:
    """A new private key in DER, and its public half as a JSON Web Key (RFC 7517)."""
    pair = ec.generate_private_key(ec.SECP256R1())
    jwk = _jwk_of(pair.public_key().public_numbers())
    return pair.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), jwk


def read_public_key(text: str) -> tuple[str, dict[str, str]]:
    """The same of whatever programs write a public key as: a JWK, a set of one, or PEM."""
    if "-----BEGIN PUBLIC KEY-----" in text:
        return read_public_jwk(json.dumps(_jwk_of_pem(text)))
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = None
    if isinstance(given, dict) and isinstance(given.get("keys"), list) and len(given["keys"]) == 1:
        return read_public_jwk(json.dumps(given["keys"][0]))
    return read_public_jwk(text)


def _jwk_of_pem(text: str) -> dict[str, str]:
    try:
        key = load_pem_public_key(text.strip().encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadKey("no PEM") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadKey("no key of the curve P-256 (kty EC, crv P-256)")
    return _jwk_of(key.public_numbers())


def read_public_jwk(text: str) -> tuple[str, dict[str, str]]:
    """The name and the public key of a JWK as a center hands it over; raises :class:`BadKey`.

    A key without a name is called by its thumbprint.
    """
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadKey("no JSON") from error
    if not isinstance(given, dict):
        raise BadKey("no object")
    if "d" in given:
        raise BadKey("this is the private key: keep it, make a new pair, and give the public half")
    if given.get("kty") != "EC" or given.get("crv") != "P-256":
        raise BadKey("no key of the curve P-256 (kty EC, crv P-256)")
    if given.get("alg", ALGORITHM) != ALGORITHM or given.get("use", "sig") != "sig":
        raise BadKey("the key is for something else than signing with ES256")
    x, y = given.get("x"), given.get("y")
    if not isinstance(x, str) or not isinstance(y, str):
        raise BadKey("no x and y")
    if not _COORDINATE.fullmatch(x) or not _COORDINATE.fullmatch(y):
        raise BadKey("x and y are 43 letters of base64url each")
    jwk = {"kty": "EC", "crv": "P-256", "x": x, "y": y}
    try:
        public_key(jwk)
    except (JOSEError, ValueError) as error:
        raise BadKey("no point of the curve") from error
    kid = given.get("kid", thumbprint(jwk))
    if not isinstance(kid, str) or not KEY_ID.fullmatch(kid):
        raise BadKey("kid is up to 43 letters, digits, - and _")
    return kid, jwk


def thumbprint(jwk: Mapping[str, str]) -> str:
    """RFC 7638."""
    members = json.dumps(dict(jwk), sort_keys=True, separators=(",", ":"))
    return urlsafe_b64encode(sha256(members.encode()).digest()).rstrip(b"=").decode()


def sign(key: EcKey, kid: str, kind: str, payload: bytes) -> bytes:
    """``payload`` signed; ``kind`` is the header's ``typ`` (RFC 8725 §3.11)."""
    headers = {"kid": kid, "typ": kind}
    return str(jws.sign(payload, key, headers, ALGORITHM)).encode()


def read(kind: str, body: bytes, most_bytes: int) -> Compact:
    """What ``body`` says of itself; raises :class:`NotCompact`."""
    parts = _COMPACT.fullmatch(body) if len(body) <= most_bytes else None
    if parts is None:
        raise NotCompact("not three parts of base64url")
    try:
        header = json.loads(_decoded(parts[1]))
        payload = _decoded(parts[2])
    except (ValueError, RecursionError) as error:
        raise NotCompact("a part that cannot be read") from error
    kid = header.get("kid") if isinstance(header, dict) else None
    if header != {"alg": ALGORITHM, "kid": kid, "typ": kind}:
        raise NotCompact(f"the header is not alg {ALGORITHM}, typ {kind} and kid")
    if not isinstance(kid, str) or not KEY_ID.fullmatch(kid):
        raise NotCompact("no name of a key")
    return Compact(kid, payload, body.decode("ascii"))


def read_foreign(body: bytes, most_bytes: int) -> Compact:
    """What a JWT says of itself that somebody else's library has made: its header may leave out the
    name of the key (``kid`` is empty then) and say more, but nothing that it calls critical.

    Raises :class:`NotCompact`.
    """
    parts = _FOREIGN.fullmatch(body) if len(body) <= most_bytes else None
    if parts is None:
        raise NotCompact("not three parts of base64url")
    try:
        header = json.loads(_decoded(parts[1]))
        payload = _decoded(parts[2])
    except (ValueError, RecursionError) as error:
        raise NotCompact("a part that cannot be read") from error
    if not isinstance(header, dict) or header.get("alg") != ALGORITHM or "crit" in header:
        raise NotCompact(f"the header is not of {ALGORITHM} alone")
    if str(header.get("typ", "JWT")).lower() not in _FOREIGN_TYPES:
        raise NotCompact("typ is that of something else")
    kid = header.get("kid", "")
    if not isinstance(kid, str) or (kid and not KEY_ID.fullmatch(kid)):
        raise NotCompact("no name of a key")
    return Compact(kid, payload, body.decode("ascii"))


def verify(compact: Compact, key: EcKey) -> bytes:
    """The payload, now to be believed; raises :class:`NotThisKey`."""
    try:
        jws.verify(compact.whole, key, [ALGORITHM])
    except JOSEError as error:
        raise NotThisKey(compact.kid) from error
    return compact.payload


def _decoded(part: bytes) -> bytes:
    """The octets of ``part``, which must be its only spelling (RFC 4648 §3.5)."""
    octets = urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    if urlsafe_b64encode(octets).rstrip(b"=") != part:
        raise ValueError("another spelling of the same octets")
    return octets


def _jwk_of(point: ec.EllipticCurvePublicNumbers) -> dict[str, str]:
    return {"kty": "EC", "crv": "P-256", "x": _coordinate(point.x), "y": _coordinate(point.y)}


def _coordinate(number: int) -> str:
    return urlsafe_b64encode(number.to_bytes(_COORDINATE_BYTES)).rstrip(b"=").decode()
