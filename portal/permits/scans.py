"""Scans of the papers that entries were made from: sealed, for the center's eyes only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, delete, func, insert, select

from portal.catalogue.model import Document, Text
from portal.files import Stored
from portal.permits.backlog_model import SCAN_NAME, PermitScan
from portal.permits.model import BuildingPermit
from portal.problems import Conflict, Missing
from portal.vault import Vault

SCAN = Document(
    code="scan",
    title=Text("", ""),
    max_mb=25,
    max_pages=200,
    maximum=20,
    required=False,
)
"""What is taken: PDF, JPEG or PNG; drawings are large."""


@dataclass(frozen=True)
class Scan:
    """A scan as pages show it."""

    id: str
    permit_id: int
    file_name: str
    media_type: str
    size_bytes: int
    pages: int
    storage_key: str
    added_by: str
    added_at: datetime


class NewScan(Protocol):
    """A file that was inspected and stored."""

    @property
    def id(self) -> str: ...

    @property
    def file_name(self) -> str: ...

    @property
    def media_type(self) -> str: ...

    @property
    def pages(self) -> int: ...

    @property
    def stored(self) -> Stored: ...


def of_permit(db: Connection, vault: Vault, permit_id: int) -> list[Scan]:
    """The permit's scans, oldest first."""
    rows = db.execute(
        select(*PermitScan.__table__.columns)
        .where(PermitScan.permit_id == permit_id)
        .order_by(PermitScan.added_at, PermitScan.id)
    )
    return [_scan(vault, row) for row in rows]


def one(db: Connection, vault: Vault, permit_id: int, scan_id: str) -> Scan:
    """Raises :class:`Missing`."""
    row = db.execute(
        select(*PermitScan.__table__.columns).where(
            PermitScan.permit_id == permit_id, PermitScan.id == scan_id
        )
    ).one_or_none()
    if row is None:
        raise Missing("scan")
    return _scan(vault, row)


def attach(
    db: Connection, vault: Vault, permit_id: int, file: NewScan, by: str, at: datetime
) -> None:
    """Add a stored file; raises :class:`Conflict` when the permit has as many as it may."""
    # holds the permit: two at once are counted one after the other
    db.execute(select(BuildingPermit.id).where(BuildingPermit.id == permit_id).with_for_update())
    have = select(func.count()).select_from(PermitScan).where(PermitScan.permit_id == permit_id)
    if (db.scalar(have) or 0) >= SCAN.maximum:
        raise Conflict("full")
    db.execute(
        insert(PermitScan).values(
            id=file.id,
            permit_id=permit_id,
            file_name=vault.seal(SCAN_NAME, file.file_name),
            media_type=file.media_type,
            size_bytes=file.stored.size_bytes,
            pages=file.pages,
            sha256=file.stored.sha256,
            storage_key=file.stored.key,
            added_by=by,
            added_at=at,
        )
    )


def detach(db: Connection, permit_id: int, scan_id: str, by: str) -> str:
    """Take back a scan that one added oneself; its storage key, to drop after the commit.

    Raises :class:`Missing`.
    """
    key: str | None = db.scalar(
        delete(PermitScan)
        .where(
            PermitScan.permit_id == permit_id,
            PermitScan.id == scan_id,
            PermitScan.added_by == by,
        )
        .returning(PermitScan.storage_key)
    )
    if key is None:
        raise Missing("scan")
    return key


def _scan(vault: Vault, row: Any) -> Scan:
    return Scan(
        row.id,
        row.permit_id,
        vault.open(SCAN_NAME, row.file_name),
        row.media_type,
        row.size_bytes,
        row.pages,
        row.storage_key,
        row.added_by,
        row.added_at,
    )
