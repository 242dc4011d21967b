"""What the portal signs for others to verify: compact JSON Web Signatures (RFC 7515, 7519).

ES256 and nothing else. The header names the key and the purpose (``typ``, RFC 8725 §3.11), the
claims name portal (``iss``) and purpose (``aud``) again, so what was signed for one purpose proves
nothing for another. Private keys are sealed rows; public ones stay published, so what an older key
signed can still be verified; one that was revoked verifies nothing any more.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Connection, Index, String, insert, select, text, update
from sqlalchemy.orm import Mapped, declared_attr, mapped_column
from sqlalchemy.schema import SchemaItem

from portal import jws
from portal.clock import Clock, public_id, stopwatch
from portal.db import Base, Database, UtcDateTime, insert_missing, sealed
from portal.jws import ALGORITHM, EcKey, NotCompact, NotThisKey
from portal.problems import DomainError, Missing
from portal.vault import Vault

ISSUER = "mahalliyat"
LONGEST = 1000
"""Characters of a token; ours have some 300."""
_KEY_ID_LENGTH = 6
# so long may another process go on with a key that was changed or revoked here
_REMEMBERED_SECONDS = 1.0
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


class KeyColumns:
    """Columns of a table of key pairs. One of them signs; those before it only verify."""

    kid: Mapped[str] = mapped_column(String(20), primary_key=True)
    algorithm: Mapped[str] = mapped_column(String(10))
    private_key: Mapped[bytes] = mapped_column(sealed())
    public_key: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The JSON Web Key (RFC 7517) without its name."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when it verifies nothing any more."""

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[SchemaItem, ...]:
        name = cls.__tablename__  # type: ignore[attr-defined]
        living = Index(
            f"uq_{name}_living",
            "algorithm",
            unique=True,
            sqlite_where=_LIVING,
            postgresql_where=_LIVING,
        )
        return (living,)


class SigningKey(KeyColumns, Base):
    """A key pair of the portal."""

    __tablename__ = "signing_keys"


@dataclass(frozen=True)
class PublicKey:
    """A key as others may know it."""

    kid: str
    jwk: Mapping[str, Any]
    created_at: datetime
    retired_at: datetime | None


class Signatures:
    """Signs and verifies with the keys in the database; the first key is made when it is needed."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        clock: Clock,
        table: type[KeyColumns] = SigningKey,
    ) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._table = table
        self._sealed = f"{table.__tablename__}.private_key"  # type: ignore[attr-defined]
        # a key never changes, so each is built once; whether it was revoked is asked for again
        self._signing: dict[str, EcKey] = {}
        self._verifying: dict[str, tuple[float, EcKey]] = {}
        self._signer: tuple[float, str, EcKey] | None = None

    def sign(self, purpose: Purpose, claims: Mapping[str, Any]) -> str:
        """A token of ``claims``, which name a subject (``sub``) and an instant (``iat``)."""
        kid, key = self._current()
        said = json.dumps({**claims, "iss": ISSUER, "aud": purpose}, separators=(",", ":"))
        return jws.sign(key, kid, purpose.kind, said.encode()).decode("ascii")

    def read(self, purpose: Purpose, token: str) -> dict[str, Any]:
        """The claims of a token that the portal signed for ``purpose``; else :class:`NotSigned`.

        The spelling is strict: there is one for each token, so a changed letter is seen.
        """
        try:
            claims = json.loads(self.open_bytes(purpose.kind, token, LONGEST))
        except (ValueError, RecursionError) as error:
            raise NotSigned(type(error).__name__) from error
        if not isinstance(claims, dict) or not _are_ours(claims, purpose):
            raise NotSigned("other claims")
        return claims

    def sign_bytes(self, kind: str, payload: bytes) -> bytes:
        """A compact signature over ``payload``, of any length; ``kind`` is the header's ``typ``.

        It may be made with a key that was changed within the last second: those before it verify.
        """
        now = stopwatch()
        if self._signer is None or self._signer[0] < now:
            self._signer = (now + _REMEMBERED_SECONDS, *self._current())
        _, kid, key = self._signer
        return jws.sign(key, kid, kind, payload)

    def sign_within(self, db: Connection, kind: str, payload: bytes) -> bytes:
        """The same inside the caller's transaction, which must be one that writes: the first key
        is made there, and no second connection waits for the first one's lock."""
        kid = self._living(db)
        if kid is None:
            insert_missing(db, insert(self._table).values(self._new_key(self._clock.now())))
            kid = self._living(db)
        return jws.sign(self._key_of(db, str(kid)), str(kid), kind, payload)

    def open_bytes(self, kind: str, token: str, longest: int) -> bytes:
        """What the portal signed as ``kind``; else :class:`NotSigned`."""
        try:
            compact = jws.read(kind, token.encode("ascii", "replace"), longest)
            key = self.trusted(compact.kid)
            if key is None:
                raise NotSigned("unknown key")
            return jws.verify(compact, key)
        except (NotCompact, NotThisKey) as error:
            raise NotSigned(type(error).__name__) from error

    def trusted(self, kid: str) -> EcKey | None:
        """The public half of a key that was not revoked."""
        now = stopwatch()
        known = self._verifying.get(kid)
        if known is None or known[0] < now:
            table = self._table
            with self._database.read() as db:
                jwk = db.scalar(
                    select(table.public_key).where(table.kid == kid, table.revoked_at.is_(None))
                )
            if jwk is None:
                self._verifying.pop(kid, None)
                return None
            key = known[1] if known else jws.public_key(jwk)
            known = self._verifying[kid] = (now + _REMEMBERED_SECONDS, key)
        return known[1]

    def published(self) -> list[PublicKey]:
        """Every public key that is worth something, the one that signs first."""
        self._current()
        table = self._table
        with self._database.read() as db:
            rows = db.execute(
                select(table.kid, table.public_key, table.created_at, table.retired_at)
                .where(table.revoked_at.is_(None))
                .order_by(table.retired_at.is_not(None), table.created_at.desc())
            )
            return [PublicKey(*row) for row in rows]

    def rotate(self) -> str:
        """A new key signs from now on; the name of it."""
        now = self._clock.now()
        with self._database.begin() as db:
            kid = self._rotate(db, now)
        self._signer = None
        return kid

    def revoke(self, kid: str) -> None:
        """Nothing that this key signed counts any more; if it was the one that signs, a new one
        takes its place. Raises :class:`~portal.problems.Missing`."""
        now, table = self._clock.now(), self._table
        with self._database.begin() as db:
            stands = select(table.retired_at).where(table.kid == kid, table.revoked_at.is_(None))
            found = db.execute(stands).one_or_none()
            if found is None:
                raise Missing(f"no key {kid} that stands")
            if found.retired_at is None:
                self._rotate(db, now)
            db.execute(update(table).where(table.kid == kid).values(revoked_at=now))
        self._verifying.pop(kid, None)
        self._signer = None

    def _rotate(self, db: Connection, now: datetime) -> str:
        table = self._table
        db.execute(update(table).where(table.retired_at.is_(None)).values(retired_at=now))
        values = self._new_key(now)
        db.execute(insert(table).values(values))
        return str(values["kid"])

    def _current(self) -> tuple[str, EcKey]:
        with self._database.read() as db:
            kid = self._living(db)
        if kid is None:
            with self._database.begin() as db:  # two at once: the second finds the first's
                insert_missing(db, insert(self._table).values(self._new_key(self._clock.now())))
                kid = self._living(db)
        with self._database.read() as db:
            return str(kid), self._key_of(db, str(kid))

    def _key_of(self, db: Connection, kid: str) -> EcKey:
        if kid not in self._signing:
            stored = db.scalars(select(self._table.private_key).filter_by(kid=kid)).one()
            plain = self._vault.open_bytes(self._sealed, stored)
            self._signing[kid] = jws.private_key(plain)
        return self._signing[kid]

    def _living(self, db: Connection) -> str | None:
        return db.scalar(select(self._table.kid).where(self._table.retired_at.is_(None)))

    def _new_key(self, at: datetime) -> dict[str, Any]:
        private, public = jws.new_pair()
        return {
            "kid": public_id(_KEY_ID_LENGTH),
            "algorithm": ALGORITHM,
            "private_key": self._vault.seal_bytes(self._sealed, private),
            "public_key": public,
            "created_at": at,
            "retired_at": None,
        }


def _are_ours(claims: Mapping[str, Any], purpose: Purpose) -> bool:
    """Portal and purpose are named, and so are the subject and the instant."""
    said = claims.get("iss"), claims.get("aud")
    subject, issued_at = claims.get("sub"), claims.get("iat")
    return said == (ISSUER, purpose) and isinstance(subject, str) and type(issued_at) is int


def jwk_set(keys: list[PublicKey]) -> bytes:
    """The keys as a JWK Set (RFC 7517 §5); ``retired_at`` tells when one ceased to sign."""
    members = [
        {
            **key.jwk,
            "kid": key.kid,
            "alg": ALGORITHM,
            "use": "sig",
            **({"retired_at": key.retired_at.isoformat()} if key.retired_at else {}),
        }
        for key in keys
    ]
    return json.dumps({"keys": members}, indent=1).encode()
