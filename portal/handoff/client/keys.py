"""Whose signature is believed, and the center's own."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from jose import jwk, jws
from jose.exceptions import JOSEError

from .troubles import NotNow, Refused

ALGORITHM = "ES256"
MESSAGE, TOKEN = "handoff+jws", "JWT"
"""The header's ``typ``: of what crosses the wall, and of a permission."""
_LEAST_SECONDS = 60.0  # between two readings of the set, whatever names come
_AFTER_FAILURE_SECONDS = 5.0
_FRESH_SECONDS = 300.0  # a key that was revoked is gone from the set


class PortalKeys:
    """The portal's public keys by their names, read from its JWK Set when there is a reason."""

    def __init__(self, fetch: Callable[[], bytes]) -> None:
        self._fetch = fetch
        self._keys: dict[str, Any] = {}
        self._read_at = self._next_at = float("-inf")

    def find(self, kid: str) -> Any:
        """A key; raises :class:`Refused` for a name that the set, just read, does not have."""
        now = time.monotonic()
        wanted = kid not in self._keys or now - self._read_at > _FRESH_SECONDS
        if wanted and now >= self._next_at:
            self._read(now)
            if kid not in self._keys and self._read_at == now:
                raise Refused("the portal has no key of this name")
        if kid not in self._keys:
            raise NotNow("the portal's keys are read again in a minute")
        return self._keys[kid]

    def _read(self, now: float) -> None:
        """What is known holds while the portal does not answer."""
        self._next_at = now + _AFTER_FAILURE_SECONDS
        try:
            found = json.loads(self._fetch())["keys"]
            self._keys = {
                each["kid"]: jwk.construct(each, ALGORITHM)
                for each in found
                if (each["kty"], each.get("crv")) == ("EC", "P-256")
            }
        except NotNow:
            return
        except (Refused, ValueError, KeyError, TypeError, JOSEError) as error:
            raise NotNow("the portal's JWK Set cannot be read") from error
        self._read_at, self._next_at = now, now + _LEAST_SECONDS


def verified(body: bytes, keys: PortalKeys) -> bytes:
    """What the portal has signed; raises :class:`Refused` for anything else."""
    try:
        text = body.decode("ascii")
        header = jws.get_unverified_header(text)
    except (ValueError, RecursionError, JOSEError) as error:
        raise Refused("no compact JWS") from error
    kid = header.get("kid")
    if header != {"alg": ALGORITHM, "kid": kid, "typ": MESSAGE} or not isinstance(kid, str):
        raise Refused("the header is not alg ES256, kid and typ handoff+jws")
    try:
        return bytes(jws.verify(text, keys.find(kid), [ALGORITHM]))
    except JOSEError as error:
        raise Refused("the signature is wrong") from error


class OwnKey:
    """The center's private key."""

    def __init__(self, path: Path, kid: str = "") -> None:
        self._key = jwk.construct(path.read_text("ascii"), ALGORITHM)
        told = self._key.public_key().to_dict()
        public = {name: str(told[name]) for name in ("crv", "kty", "x", "y")}
        self.kid = kid or _thumbprint(public)
        self.public = {**public, "kid": self.kid}
        """The JWK that the portal's operator registers."""

    def sign(self, kind: str, said: Any) -> bytes:
        payload = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"kid": self.kid, "typ": kind}
        return str(jws.sign(payload, self._key, headers, ALGORITHM)).encode()


def make_key(path: Path) -> None:
    """A new private key, which only this user can read."""
    pair = ec.generate_private_key(ec.SECP256R1())
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(pair.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _thumbprint(public: dict[str, str]) -> str:
    """RFC 7638."""
    members = json.dumps(public, sort_keys=True, separators=(",", ":"))
    return urlsafe_b64encode(sha256(members.encode()).digest()).rstrip(b"=").decode()
