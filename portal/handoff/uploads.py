"""Documents that a center leaves with the portal before an event names them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    UniqueConstraint,
    delete,
    exists,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime, insert_missing
from portal.files import Stored
from portal.handoff.model import InwardEvent
from portal.problems import Missing

KEPT = timedelta(days=14)
"""So long does a document wait for the event that names it."""


class CenterUpload(Base):
    """A document of a center. ``jti`` names the permission under which it came: one for each."""

    __tablename__ = "center_uploads"
    __table_args__ = (UniqueConstraint("center_code", "jti"),)

    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    center_code: Mapped[str] = mapped_column(String(8))
    jti: Mapped[str] = mapped_column(String(64))
    given_sha256: Mapped[str] = mapped_column(String(64))
    """Of what was sent; a picture is encoded anew before it is stored."""
    media_type: Mapped[str] = mapped_column(String(60))
    pages: Mapped[int]
    size_bytes: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    storage_key: Mapped[str] = mapped_column(String(40), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    event_id: Mapped[str | None] = mapped_column(String(40), index=True)
    """The event that names it and waits: so long it stays."""


@dataclass(frozen=True)
class Uploaded:
    """What the center is told, and what its event names."""

    id: str
    given_sha256: str
    media_type: str
    pages: int
    size_bytes: int
    sha256: str
    storage_key: str


_COLUMNS = (
    CenterUpload.id,
    CenterUpload.given_sha256,
    CenterUpload.media_type,
    CenterUpload.pages,
    CenterUpload.size_bytes,
    CenterUpload.sha256,
    CenterUpload.storage_key,
)


def keep(
    db: Connection,
    center: str,
    jti: str,
    document: tuple[str, str, str, int],
    stored: Stored,
    at: datetime,
) -> bool:
    """Enter a stored document: its id, what was sent, its type and pages. False when another came
    under the same permission first."""
    identity, given, media_type, pages = document
    row = insert(CenterUpload).values(
        id=identity,
        center_code=center,
        jti=jti,
        given_sha256=given,
        media_type=media_type,
        pages=pages,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        storage_key=stored.key,
        created_at=at,
    )
    return insert_missing(db, row) is not None


def under(db: Connection, center: str, jti: str) -> Uploaded | None:
    """What came under a permission."""
    return _one(db, CenterUpload.center_code == center, CenterUpload.jti == jti)


def find(db: Connection, upload_id: str) -> Uploaded:
    """Raises :class:`~portal.problems.Missing`: it may have been dropped meanwhile."""
    found = _one(db, CenterUpload.id == upload_id)
    if found is None:
        raise Missing(f"upload {upload_id}")
    return found


def keep_for(db: Connection, event_id: str, uploads: Collection[str]) -> None:
    """An event waits that names these: they stay as long as it does."""
    db.execute(update(CenterUpload).where(CenterUpload.id.in_(uploads)).values(event_id=event_id))


def drop_old(db: Connection, before: datetime, most: int = 500) -> Sequence[str]:
    """Forget some of what no event needs any more; the keys of the files to drop."""
    needed = exists().where(InwardEvent.id == CenterUpload.event_id, InwardEvent.state == "waiting")
    old = select(CenterUpload.id).where(CenterUpload.created_at < before, ~needed).limit(most)
    return db.scalars(
        delete(CenterUpload).where(CenterUpload.id.in_(old)).returning(CenterUpload.storage_key)
    ).all()


def _one(db: Connection, *where: ColumnElement[bool]) -> Uploaded | None:
    row = db.execute(select(*_COLUMNS).where(*where)).one_or_none()
    return Uploaded(*row) if row is not None else None
