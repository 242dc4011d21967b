"""Attachments of drafts and completions: taken one by one, counted, removed at the owner's wish."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, insert, select, update

from portal.catalogue.expressions import Namespace
from portal.catalogue.model import Document, Service
from portal.files import Stored
from portal.problems import Missing
from portal.requests.model import Attachment
from portal.vault import Vault

_NAME = "attachments.file_name"
_LONGEST_NAME = 120


@dataclass(frozen=True)
class Attached:
    """An attachment as pages show it."""

    id: str
    document_code: str
    file_name: str
    media_type: str
    size_bytes: int
    pages: int
    sha256: str
    storage_key: str
    purpose: str
    added_at: datetime


@dataclass(frozen=True)
class NewFile:
    """A file that was inspected and stored, to be attached."""

    id: str
    document_code: str
    file_name: str
    media_type: str
    pages: int
    stored: Stored


_COLUMNS = (
    Attachment.id,
    Attachment.document_code,
    Attachment.file_name,
    Attachment.media_type,
    Attachment.size_bytes,
    Attachment.pages,
    Attachment.sha256,
    Attachment.storage_key,
    Attachment.purpose,
    Attachment.added_at,
)


_OLDEST_FIRST = select(*_COLUMNS).order_by(Attachment.added_at, Attachment.id)
_OF_REQUEST = _OLDEST_FIRST.where(Attachment.request_id == bindparam("request"))


def wanted(service: Service, names: Namespace) -> list[Document]:
    """The documents that these answers ask for, required ones and others."""
    return [d for d in service.documents if d.when is None or d.when.holds(names)]


def missing(documents: Sequence[Document], attached: Sequence[Attached]) -> list[Document]:
    """The documents that filing still waits for."""
    return [
        document
        for document in documents
        if document.required
        and document.required_at == "submission"
        and sum(a.document_code == document.code for a in attached) < document.minimum
    ]


def of_draft(db: Connection, vault: Vault, draft_id: str) -> list[Attached]:
    return _list(db, vault, Attachment.draft_id == draft_id, Attachment.purpose == "filing")


def of_request(db: Connection, vault: Vault, request_id: int, *purposes: str) -> list[Attached]:
    """The request's attachments, oldest first; of all purposes when none is named."""
    rows = db.execute(_OF_REQUEST, {"request": request_id})
    return [_attached(vault, row) for row in rows if not purposes or row.purpose in purposes]


def _list(db: Connection, vault: Vault, *where: ColumnElement[bool]) -> list[Attached]:
    rows = db.execute(_OLDEST_FIRST.where(*where))
    return [_attached(vault, row) for row in rows]


def attach(
    db: Connection,
    vault: Vault,
    file: NewFile,
    at: datetime,
    *,
    purpose: str,
    draft_id: str | None = None,
    request_id: int | None = None,
) -> None:
    """Add a file to a draft or to a request. The caller holds that row and has counted."""
    db.execute(
        insert(Attachment).values(
            id=file.id,
            draft_id=draft_id,
            request_id=request_id,
            purpose=purpose,
            document_code=file.document_code,
            file_name=vault.seal(_NAME, file.file_name),
            media_type=file.media_type,
            size_bytes=file.stored.size_bytes,
            pages=file.pages,
            sha256=file.stored.sha256,
            storage_key=file.stored.key,
            added_at=at,
        )
    )


def detach(db: Connection, attachment_id: str, *where: ColumnElement[bool]) -> str:
    """Remove an attachment that ``where`` allows; its storage key, to drop after the commit."""
    key: str | None = db.scalar(
        delete(Attachment)
        .where(Attachment.id == attachment_id, *where)
        .returning(Attachment.storage_key)
    )
    if key is None:
        raise Missing(f"attachment {attachment_id}")
    return key


def claim(db: Connection, draft_id: str, request_id: int, documents: Sequence[Document]) -> None:
    """The files of a draft become those of its request, as far as the answers ask for them."""
    asked = Attachment.document_code.in_([document.code for document in documents])
    db.execute(
        update(Attachment)
        .where(Attachment.draft_id == draft_id, asked)
        .values(request_id=request_id)
    )


def forget(db: Connection, draft_ids: Sequence[str]) -> list[str]:
    """Remove the attachments of drafts that no request has claimed.

    Their storage keys are given back, to drop the files after the commit.
    """
    gone = db.scalars(
        delete(Attachment)
        .where(Attachment.draft_id.in_(draft_ids), Attachment.request_id.is_(None))
        .returning(Attachment.storage_key)
    )
    return list(gone)


def find(db: Connection, vault: Vault, attachment_id: str) -> tuple[Attached, str, int]:
    """An attachment with its draft and request ids; raises :class:`Missing`."""
    row = db.execute(
        select(*_COLUMNS, Attachment.draft_id, Attachment.request_id).where(
            Attachment.id == attachment_id
        )
    ).one_or_none()
    if row is None:
        raise Missing(f"attachment {attachment_id}")
    return _attached(vault, row), row.draft_id or "", row.request_id or 0


def clean_file_name(name: str) -> str:
    """The name for display only: no path, no control or direction characters, not too long."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    plain = "".join(c for c in base if c.isprintable() and c not in "\u202a\u202b\u202d\u202e")
    return plain.strip()[-_LONGEST_NAME:]


def _attached(vault: Vault, row: Any) -> Attached:
    return Attached(
        row.id,
        row.document_code,
        vault.open(_NAME, row.file_name),
        row.media_type,
        row.size_bytes,
        row.pages,
        row.sha256,
        row.storage_key,
        row.purpose,
        row.added_at,
    )
