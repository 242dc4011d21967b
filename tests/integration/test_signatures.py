"""Keys that sign for others: made once, changed without a loss, sealed, and bound to a purpose."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jose import jwt
from sqlalchemy import Table, select

from portal.clock import SettableClock
from portal.db import Base, Database
from portal.signatures import LONGEST, NotSigned, Purpose, Signatures, SigningKey, jwk_set
from portal.vault import SealBroken, Vault
from tests.support.databases import Databases

AT = datetime(2026, 11, 22, 9, 42, tzinfo=UTC)
CLAIMS: dict[str, Any] = {"sub": "R-26-0000001", "iat": int(AT.timestamp()), "amount": 15_000}
VAULT = Vault(["a key of more than thirty-two letters"])


@pytest.fixture
def database(database_kind: str, databases: Databases, tmp_path: Path) -> Iterator[Database]:
    made = Database(databases.empty(tmp_path, database_kind))
    table = SigningKey.__table__
    assert isinstance(table, Table)
    with made.begin() as db:
        Base.metadata.create_all(db, tables=[table])
    yield made
    made.close()


def signatures(database: Database) -> Signatures:
    """As another process has them: nothing is remembered."""
    return Signatures(database, VAULT, SettableClock(AT))


def test_eight_first_needs_at_once_make_one_key(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        tokens = list(
            pool.map(lambda _: signatures(database).sign(Purpose.RECEIPT, CLAIMS), range(8))
        )
    assert len(signatures(database).published()) == 1
    assert len(set(tokens)) == 1  # the same claims and key give the same signature
    assert signatures(database).read(Purpose.RECEIPT, tokens[0])["amount"] == 15_000


def test_after_a_change_the_new_key_signs_and_both_verify_in_every_process(
    database: Database,
) -> None:
    long_running = signatures(database)
    before = long_running.sign(Purpose.RECEIPT, CLAIMS)
    kid = signatures(database).rotate()
    after = long_running.sign(Purpose.RECEIPT, CLAIMS)
    assert jwt.get_unverified_header(after)["kid"] == kid
    assert jwt.get_unverified_header(before)["kid"] != kid
    for reader in (long_running, signatures(database)):
        assert reader.read(Purpose.RECEIPT, before) == reader.read(Purpose.RECEIPT, after)
    signing, retired = signatures(database).published()
    assert (signing.kid, signing.retired_at, retired.retired_at) == (kid, None, AT)


def test_a_private_key_is_sealed_and_never_published(database: Database) -> None:
    signatures(database).sign(Purpose.RECEIPT, CLAIMS)
    with database.read() as db:
        (stored,) = db.scalars(select(SigningKey.private_key))
        (public,) = db.scalars(select(SigningKey.public_key))
    assert VAULT.open_bytes("signing_keys.private_key", stored)
    assert set(public) == {"kty", "crv", "x", "y"}
    assert b'"d"' not in jwk_set(signatures(database).published())
    stranger = Signatures(database, Vault(["another key of thirty-two letters"]), SettableClock(AT))
    with pytest.raises(SealBroken):
        stranger.sign(Purpose.RECEIPT, CLAIMS)


def test_header_and_claims_name_purpose_and_issuer(database: Database) -> None:
    token = signatures(database).sign(Purpose.RECEIPT, CLAIMS)
    header, payload = (json.loads(urlsafe_b64decode(p + "==")) for p in token.split(".")[:2])
    assert header["alg"] == "ES256"
    assert header["typ"] == "receipt+jwt"
    assert payload == {**CLAIMS, "iss": "mahalliyat", "aud": "receipt"}
    assert len(token) < LONGEST / 3


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "someone"},
        {"iss": None},
        {"aud": "document"},
        {"aud": None},
        {"sub": None},
        {"iat": None},
        {"iat": "yesterday"},
    ],
    ids=str,
)
def test_what_our_own_key_signed_with_other_claims_is_refused(
    database: Database, changes: dict[str, Any]
) -> None:
    signer = signatures(database)
    kid, key = signer._current()
    said = {**CLAIMS, "iss": "mahalliyat", "aud": "receipt", **changes}
    said = {name: value for name, value in said.items() if value is not None}
    token = jwt.encode(said, key, "ES256", {"kid": kid, "typ": "receipt+jwt"})
    with pytest.raises(NotSigned):
        signer.read(Purpose.RECEIPT, token)


@pytest.mark.parametrize(
    "headers",
    [
        {"typ": "document+jwt"},
        {"typ": "JWT"},
        {"crit": ["exp"]},
        {"jku": "https://evil.example/keys.json"},
        {"kid": "unknown"},
        {"kid": "\ud800"},
        {"kid": "\0"},
        {"kid": "k" * 400},
    ],
    ids=str,
)
def test_what_our_own_key_signed_under_another_header_is_refused(
    database: Database, headers: dict[str, Any]
) -> None:
    signer = signatures(database)
    kid, key = signer._current()
    said = {**CLAIMS, "iss": "mahalliyat", "aud": "receipt"}
    token = jwt.encode(said, key, "ES256", {"kid": kid, "typ": "receipt+jwt", **headers})
    with pytest.raises(NotSigned):
        signer.read(Purpose.RECEIPT, token)
