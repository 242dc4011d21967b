"""From an API key to its account: https://docs.stripe.com/api/authentication."""

import base64
import binascii
import hashlib
import re

from payments.sandbox.config import KEY_PREFIX
from payments.sandbox.errors import unauthenticated

KEY = re.compile(re.escape(KEY_PREFIX) + r"[\x21-\x7e]{1,247}\Z")


def account_of(authorization: str | None) -> str:
    """The account of a Bearer or Basic header; raises 401 without a test key."""
    if not authorization:
        raise unauthenticated(
            "You did not provide an API key. Provide it in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
        )
    scheme, _, credentials = authorization.partition(" ")
    key = credentials.strip()
    if scheme.lower() == "basic":
        key = _basic_user(key)
    elif scheme.lower() != "bearer":
        raise unauthenticated("Only Bearer and Basic authorization are understood.")
    return account_of_key(key)


def account_of_key(key: str) -> str:
    """Each key is an account of its own. Only its digest is ever stored."""
    if not KEY.match(key):
        # Only the beginning is repeated: a real key may have been sent by mistake.
        raise unauthenticated(
            f"Invalid API Key provided: {key[:8]}***. This sandbox takes keys that begin with "
            f"{KEY_PREFIX}."
        )
    return "acct_" + hashlib.sha256(key.encode()).hexdigest()[:24]


def _basic_user(credentials: str) -> str:
    try:
        decoded = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, ValueError):
        raise unauthenticated("The Basic authorization header cannot be decoded.") from None
    return decoded.partition(":")[0]
