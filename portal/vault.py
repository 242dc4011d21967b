"""Personal data at rest: sealed with AES-256-GCM, found through keyed hashes.

Keys come from ``PORTAL_SECRET_KEYS``: the first seals and hashes, all of them open and are looked
for, so a key can be changed without a stop (``portal secrets rotate``). A sealed value is bound to
its place (``drafts.answers``): it cannot be moved to another column and still open.
"""

import hmac
import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal.clock import random_bytes

_VERSION = b"\x01"
_ID_BYTES = 4
_NONCE_BYTES = 12
_HEADER = len(_VERSION) + _ID_BYTES + _NONCE_BYTES
KEY_NAMED_WITHIN = len(_VERSION) + _ID_BYTES
"""So many bytes of a sealed value are enough for :meth:`Vault.is_current`."""


class SealBroken(Exception):
    """A sealed value was changed, moved, or sealed with a key that is no longer known."""


class _Key:
    def __init__(self, secret: str) -> None:
        material = secret.encode()
        self.id = sha256(b"mahalliyat key id\0" + material).digest()[:_ID_BYTES]
        self.cipher = AESGCM(_derive(material, b"seal"))
        self.index = _derive(material, b"index")
        self.sign = _derive(material, b"sign")


def _derive(material: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=b"mahalliyat " + purpose).derive(material)


class Vault:
    """Seals, opens, and makes keyed hashes."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._keys = [_Key(secret) for secret in secrets]
        self._by_id = {key.id: key for key in self._keys}

    def seal_bytes(self, place: str, plain: bytes) -> bytes:
        key, nonce = self._keys[0], random_bytes(_NONCE_BYTES)
        return _VERSION + key.id + nonce + key.cipher.encrypt(nonce, plain, place.encode())

    def open_bytes(self, place: str, sealed: bytes) -> bytes:
        key = self._by_id.get(sealed[1 : 1 + _ID_BYTES])
        if key is None or not sealed.startswith(_VERSION) or len(sealed) < _HEADER:
            raise SealBroken(place)
        nonce = sealed[1 + _ID_BYTES : _HEADER]
        try:
            return key.cipher.decrypt(nonce, sealed[_HEADER:], place.encode())
        except InvalidTag as error:
            raise SealBroken(place) from error

    def seal(self, place: str, text: str) -> bytes:
        return self.seal_bytes(place, text.encode())

    def open(self, place: str, sealed: bytes) -> str:
        return self.open_bytes(place, sealed).decode()

    def seal_json(self, place: str, value: Any) -> bytes:
        return self.seal(place, json.dumps(value, ensure_ascii=False, separators=(",", ":")))

    def open_json(self, place: str, sealed: bytes) -> Any:
        return json.loads(self.open_bytes(place, sealed))

    def is_current(self, sealed: bytes) -> bool:
        """Whether the first key sealed it."""
        return sealed[1 : 1 + _ID_BYTES] == self._keys[0].id

    def index(self, kind: str, value: str) -> bytes:
        """The keyed hash under which ``value`` is stored to be found again."""
        return self._hash(self._keys[0].index, kind, value)

    def indexes(self, kind: str, value: str) -> list[bytes]:
        """The hashes that ``value`` may stand under: by every key that is still known."""
        return [self._hash(key.index, kind, value) for key in self._keys]

    def is_index(self, kind: str, value: str, stored: bytes) -> bool:
        """Whether ``stored`` is the hash of ``value`` under any known key, in constant time."""
        return any(hmac.compare_digest(one, stored) for one in self.indexes(kind, value))

    def signing_keys(self, purpose: str) -> list[bytes]:
        """Keys for signatures of one purpose: the first signs, every one of them verifies."""
        return [self._hash(key.sign, "sign", purpose) for key in self._keys]

    def mask_key(self, token: str) -> bytes:
        """The secret bound to a browser's cookie, from which its form tokens are made."""
        return self._hash(self._keys[0].sign, "csrf", token)

    def mask_keys(self, token: str) -> list[bytes]:
        return [self._hash(key.sign, "csrf", token) for key in self._keys]

    @staticmethod
    def _hash(key: bytes, kind: str, value: str) -> bytes:
        return hmac.new(key, f"{kind}\0{value}".encode(), sha256).digest()
