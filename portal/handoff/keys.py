"""The public keys of the centers: who may say what at the door.

A center has one key that stands; those before it verify for a while, for what is under way. The
portal's own back office speaks for any center and hands over its keys as a foreign system would
publish them: a key of it is learned when it is first met, and from then on retired and revoked
like any other.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, Connection, Index, String, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from portal.clock import Clock, stopwatch
from portal.db import Base, Database, UtcDateTime, insert_missing
from portal.jws import EcKey, public_key
from portal.problems import Conflict, Missing
from portal.signatures import PublicKey

RETIRED_FOR = timedelta(days=14)
"""So long does a retired key verify: as long as a link to a document lives."""
# so long may another process go on with a key that was retired or revoked here
_REMEMBERED_SECONDS = 1.0


class CenterKey(Base):
    """A public key. Without a center it is one of the portal's own back office."""

    __tablename__ = "center_keys"
    __table_args__ = (Index("ix_center_keys_center", "center_code"),)

    kid: Mapped[str] = mapped_column(String(43), primary_key=True)
    center_code: Mapped[str | None] = mapped_column(String(8))
    public_key: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    note: Mapped[str] = mapped_column(String(120), default="")


@dataclass(frozen=True)
class KnownKey:
    """A key as the door and the operator see it."""

    kid: str
    center: str | None
    key: EcKey
    created_at: datetime
    retired_at: datetime | None
    revoked_at: datetime | None
    note: str

    def speaks_for(self, center: str) -> bool:
        return self.center is None or self.center == center

    def is_too_old(self, at: datetime) -> bool:
        return self.retired_at is not None and at > self.retired_at + RETIRED_FOR


_COLUMNS = (
    CenterKey.kid,
    CenterKey.center_code,
    CenterKey.public_key,
    CenterKey.created_at,
    CenterKey.retired_at,
    CenterKey.revoked_at,
    CenterKey.note,
)


class CenterKeys:
    """Finds keys by their names. ``own`` are the published keys of the own back office."""

    def __init__(
        self, database: Database, own: Callable[[], Sequence[PublicKey]], clock: Clock
    ) -> None:
        self._database = database
        self._own = own
        self._clock = clock
        self._known: dict[str, tuple[float, KnownKey]] = {}

    def find(self, kid: str) -> KnownKey | None:
        """A key of this name, whatever became of it."""
        now = stopwatch()
        remembered = self._known.get(kid)
        if remembered is not None and remembered[0] >= now:
            return remembered[1]
        found = self._stored(kid) or self._learned(kid)
        if found is not None:
            self._known[kid] = (now + _REMEMBERED_SECONDS, found)
        return found

    def _stored(self, kid: str) -> KnownKey | None:
        with self._database.read() as db:
            row = db.execute(select(*_COLUMNS).where(CenterKey.kid == kid)).one_or_none()
        return _known(row) if row is not None else None

    def _learned(self, kid: str) -> KnownKey | None:
        """A key of the own back office that nobody has met yet; those before it are retired."""
        published = next((key for key in self._own() if key.kid == kid), None)
        if published is None:
            return None
        now = self._clock.now()
        new = insert(CenterKey).values(
            kid=kid,
            center_code=None,
            public_key=dict(published.jwk),
            created_at=now,
            retired_at=published.retired_at,
            note="own back office",
        )
        with self._database.begin() as db:
            # of two that meet it at once, the second must not retire what the first has learned
            if insert_missing(db, new) is not None and published.retired_at is None:
                _retire(db, None, now, but=kid)
        return self._stored(kid)


class OwnCenters:
    """The centers that no foreign system serves: those without a key of their own that stands."""

    def __init__(self, database: Database, centers: Iterable[str]) -> None:
        self._database = database
        self._centers = frozenset(centers)
        self._looked_at = float("-inf")
        self._own = self._centers

    def __call__(self) -> Iterable[str]:
        if stopwatch() - self._looked_at > _REMEMBERED_SECONDS:
            with self._database.read() as db:
                self._own = self._centers - foreign(db)
            self._looked_at = stopwatch()
        return self._own


def foreign(db: Connection) -> frozenset[str]:
    """The centers with a system of their own: those with a key that stands."""
    return frozenset(
        db.scalars(
            select(CenterKey.center_code).where(
                CenterKey.center_code.is_not(None),
                CenterKey.retired_at.is_(None),
                CenterKey.revoked_at.is_(None),
            )
        )
    )


def register(
    db: Connection, center: str, kid: str, jwk: dict[str, str], note: str, at: datetime
) -> None:
    """Take ``center``'s new key; those before it are retired.

    Raises :class:`~portal.problems.Conflict` for a name that a key has already.
    """
    _retire(db, center, at)
    new = insert(CenterKey).values(
        kid=kid, center_code=center, public_key=jwk, created_at=at, note=note
    )
    if insert_missing(db, new) is None:
        raise Conflict(f"a key {kid} is known already: give the new one another name (kid)")


def close(db: Connection, center: str | None, kid: str, at: datetime, *, revoke: bool) -> int:
    """Retire or revoke a key of ``center``, or with an empty name all that stand; how many.

    Raises :class:`~portal.problems.Missing` when there is none such.
    """
    which = [CenterKey.center_code.is_(None) if center is None else CenterKey.center_code == center]
    if kid:
        which.append(CenterKey.kid == kid)
    if revoke:
        which.append(CenterKey.revoked_at.is_(None))
        changed = db.execute(update(CenterKey).where(*which).values(revoked_at=at)).rowcount
    else:
        which.append(CenterKey.retired_at.is_(None))
        changed = db.execute(update(CenterKey).where(*which).values(retired_at=at)).rowcount
    if not changed:
        raise Missing("no such key that stands")
    return changed


def listed(db: Connection) -> list[KnownKey]:
    """Every key, center by center, the newest first."""
    order = (CenterKey.center_code, CenterKey.created_at.desc(), CenterKey.kid)
    return [_known(row) for row in db.execute(select(*_COLUMNS).order_by(*order))]


def _retire(db: Connection, center: str | None, at: datetime, *, but: str = "") -> None:
    whose = CenterKey.center_code.is_(None) if center is None else CenterKey.center_code == center
    which = (whose, CenterKey.kid != but, CenterKey.retired_at.is_(None))
    db.execute(update(CenterKey).where(*which).values(retired_at=at))


def _known(row: Any) -> KnownKey:
    return KnownKey(
        row.kid,
        row.center_code,
        public_key(row.public_key),
        row.created_at,
        row.retired_at,
        row.revoked_at,
        row.note,
    )
