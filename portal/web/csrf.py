"""Tokens against forged forms: bound to the browser's cookie, masked anew in every page.

The cookie's own token is the session's, so a token of one session is worth nothing in another, and
a stale cookie is simply replaced with the next page. The mask keeps the token from being guessed
through compression.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error

from portal.clock import random_bytes
from portal.vault import Vault

FIELD = "_csrf"
HEADER = "x-csrf-token"
_BYTES = 32


def make_token(vault: Vault, cookie: str) -> str:
    """A fresh token for a page that the browser with this cookie is shown."""
    mask = random_bytes(_BYTES)
    return urlsafe_b64encode(mask + _xor(mask, vault.mask_key(cookie))).decode()


def is_valid(vault: Vault, cookie: str, token: str) -> bool:
    """Whether ``token`` was made for the browser with this cookie."""
    try:
        raw = urlsafe_b64decode(token.encode())
    except (Error, ValueError):
        return False
    if not cookie or len(raw) != 2 * _BYTES:
        return False
    secret = _xor(raw[:_BYTES], raw[_BYTES:])
    return any(hmac.compare_digest(secret, key) for key in vault.mask_keys(cookie))


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
