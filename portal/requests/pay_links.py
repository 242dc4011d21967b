"""A link by which somebody else pays: it names one sum, and nothing about anybody.

The token is the obligation's own unguessable id and a keyed hash of it: nothing is stored, it opens
nothing else, and it says «paid» once the sum is paid.
"""

import hmac
from hashlib import sha256

from sqlalchemy import Connection

from payments import obligations
from payments.obligations import Owed
from portal.problems import Missing
from portal.vault import Vault

_PURPOSE = "pay link"
_HASH_CHARACTERS = 20


def token(vault: Vault, obligation_id: str) -> str:
    return obligation_id + _hash(vault.signing_keys(_PURPOSE)[0], obligation_id)


def owed(db: Connection, vault: Vault, link: str) -> Owed:
    """What a link asks for; raises :class:`~portal.problems.Missing` for one we did not make."""
    identity, given = link[:-_HASH_CHARACTERS], link[-_HASH_CHARACTERS:]
    keys = vault.signing_keys(_PURPOSE)
    ours = given.isascii() and any(hmac.compare_digest(_hash(key, identity), given) for key in keys)
    found = obligations.get(db, identity) if ours else None
    if found is None:
        raise Missing("payment link")
    return found


def _hash(key: bytes, obligation_id: str) -> str:
    return hmac.new(key, obligation_id.encode(), sha256).hexdigest()[:_HASH_CHARACTERS]
