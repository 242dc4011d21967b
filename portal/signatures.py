"""What the portal signs for others to verify: compact JSON Web Signatures (RFC 7515, 7519).

ES256 and nothing else. The header names the key and the purpose (``typ``, RFC 8725 §3.11), the
claims name portal (``iss``) and purpose (``aud``) again, so what was signed for one purpose proves
nothing for another. Private keys are sealed rows; public ones are published for ever, so what an
older key signed can still be verified. Nobody but this module knows python-jose's keys.
"""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from jose import jws, jwt
from jose.backends.cryptography_backend import CryptographyECKey
from jose.exceptions import JOSEError
from sqlalchemy import JSON, Connection, Index, String, insert, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from portal.clock import Clock, public_id
from portal.db import Base, Database, UtcDateTime, insert_missing, sealed
from portal.problems import DomainError
from portal.vault import Vault

ISSUER = "mahalliyat"
LONGEST = 1000
"""Characters of a token; ours have some 300."""
_ALGORITHM = "ES256"
_SEALED = "signing_keys.private_key"
_KEY_ID_LENGTH = 6
_COORDINATE_BYTES = 32
# 64 octets of signature are 86 characters, and the last of them carries two bits only
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{85}[AQgw]")
_CHECKS = {f"require_{claim}": True for claim in ("iss", "aud", "sub", "iat")}
_LIVING = text("retired_at IS NULL")


class Purpose(StrEnum):
    """What a signature is for."""

    RECEIPT = "receipt"

    @property
    def kind(self) -> str:
        """The header's ``typ``."""
        return f"{self.value}+jwt"


class NotSigned(DomainError):
    """The text is not what the portal signed for this purpose."""

    kind = "missing"


class SigningKey(Base):
    """A key pair. One of them signs; those before it only verify, for ever."""

    __tablename__ = "signing_keys"
    __table_args__ = (
        Index(
            "uq_signing_keys_living",
            "algorithm",
            unique=True,
            sqlite_where=_LIVING,
            postgresql_where=_LIVING,
        ),
    )

    kid: Mapped[str] = mapped_column(String(20), primary_key=True)
    algorithm: Mapped[str] = mapped_column(String(10))
    private_key: Mapped[bytes] = mapped_column(sealed())
    public_key: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The JSON Web Key (RFC 7517) without its name."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


@dataclass(frozen=True)
class PublicKey:
    """A key as others may know it."""

    kid: str
    jwk: Mapping[str, Any]
    created_at: datetime
    retired_at: datetime | None


class _Key(CryptographyECKey):
    """Signs the same text with the same signature (RFC 6979): a receipt's code does not change."""

    def sign(self, msg: bytes) -> bytes:
        rule = ec.ECDSA(SHA256(), deterministic_signing=True)
        r, s = decode_dss_signature(self.prepared_key.sign(msg, rule))
        return r.to_bytes(_COORDINATE_BYTES) + s.to_bytes(_COORDINATE_BYTES)


class Signatures:
    """Signs and verifies with the keys in the database; the first key is made when it is needed."""

    def __init__(self, database: Database, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        # a key never changes, so each is built once
        self._signing: dict[str, _Key] = {}
        self._verifying: dict[str, _Key] = {}

    def sign(self, purpose: Purpose, claims: Mapping[str, Any]) -> str:
        """A token of ``claims``, which name a subject (``sub``) and an instant (``iat``)."""
        kid, key = self._current()
        said = {**claims, "iss": ISSUER, "aud": purpose}
        headers = {"kid": kid, "typ": purpose.kind}
        return str(jwt.encode(said, key, _ALGORITHM, headers))

    def read(self, purpose: Purpose, token: str) -> dict[str, Any]:
        """The claims of a token that the portal signed for ``purpose``; else :class:`NotSigned`.

        The spelling is strict: there is one for each token, so a changed letter is seen.
        """
        if len(token) > LONGEST or not _COMPACT.fullmatch(token):
            raise NotSigned("no token")
        try:
            header = jws.get_unverified_header(token)
            kid = header.get("kid")
            if header != {"alg": _ALGORITHM, "kid": kid, "typ": purpose.kind}:
                raise NotSigned("another header")
            return dict(
                jwt.decode(
                    token,
                    self._public(str(kid)),
                    algorithms=[_ALGORITHM],
                    issuer=ISSUER,
                    audience=purpose,
                    options=_CHECKS,
                )
            )
        except (JOSEError, RecursionError) as error:
            raise NotSigned(type(error).__name__) from error

    def published(self) -> list[PublicKey]:
        """Every public key, the one that signs first."""
        self._current()
        with self._database.read() as db:
            rows = db.execute(
                select(
                    SigningKey.kid,
                    SigningKey.public_key,
                    SigningKey.created_at,
                    SigningKey.retired_at,
                ).order_by(SigningKey.retired_at.is_not(None), SigningKey.created_at.desc())
            )
            return [PublicKey(*row) for row in rows]

    def rotate(self) -> str:
        """A new key signs from now on; the name of it."""
        now = self._clock.now()
        with self._database.begin() as db:
            db.execute(
                update(SigningKey).where(SigningKey.retired_at.is_(None)).values(retired_at=now)
            )
            values = self._new_key(now)
            db.execute(insert(SigningKey).values(values))
        return str(values["kid"])

    def _current(self) -> tuple[str, _Key]:
        with self._database.read() as db:
            kid = _living(db)
        if kid is None:
            with self._database.begin() as db:  # two at once: the second finds the first's
                insert_missing(db, insert(SigningKey).values(self._new_key(self._clock.now())))
                kid = _living(db)
        if kid not in self._signing:
            with self._database.read() as db:
                stored = db.scalars(select(SigningKey.private_key).filter_by(kid=kid)).one()
            plain = self._vault.open_bytes(_SEALED, stored)
            self._signing[str(kid)] = _Key(load_der_private_key(plain, None), _ALGORITHM)
        return str(kid), self._signing[str(kid)]

    def _public(self, kid: str) -> _Key:
        if kid not in self._verifying:
            with self._database.read() as db:
                jwk = db.scalar(select(SigningKey.public_key).filter_by(kid=kid))
            if jwk is None:
                raise NotSigned("unknown key")
            self._verifying[kid] = _Key(jwk, _ALGORITHM)
        return self._verifying[kid]

    def _new_key(self, at: datetime) -> dict[str, Any]:
        pair = ec.generate_private_key(ec.SECP256R1())
        plain = pair.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        point = pair.public_key().public_numbers()
        return {
            "kid": public_id(_KEY_ID_LENGTH),
            "algorithm": _ALGORITHM,
            "private_key": self._vault.seal_bytes(_SEALED, plain),
            "public_key": {
                "kty": "EC",
                "crv": "P-256",
                "x": _coordinate(point.x),
                "y": _coordinate(point.y),
            },
            "created_at": at,
            "retired_at": None,
        }


def jwk_set(keys: list[PublicKey]) -> bytes:
    """The keys as a JWK Set (RFC 7517 §5); ``retired_at`` tells when one ceased to sign."""
    members = [
        {
            **key.jwk,
            "kid": key.kid,
            "alg": _ALGORITHM,
            "use": "sig",
            **({"retired_at": key.retired_at.isoformat()} if key.retired_at else {}),
        }
        for key in keys
    ]
    return json.dumps({"keys": members}, indent=1).encode()


def _living(db: Connection) -> str | None:
    return db.scalar(select(SigningKey.kid).where(SigningKey.retired_at.is_(None)))


def _coordinate(number: int) -> str:
    return urlsafe_b64encode(number.to_bytes(_COORDINATE_BYTES)).rstrip(b"=").decode()
