"""A request's folder at its center: what it is in, its documents, its history."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from portal.backoffice.model import CenterAct, CenterDocument
from portal.clock import public_id
from portal.files import Stored
from portal.vault import Vault

RECEIVED, DOCUMENT_CHECK, NEEDS_COMPLETION = "received", "document_check", "needs_completion"
REFERRED, APPROVED, REFUSED, ISSUED = "referred", "approved", "refused", "issued"
SHELVED, WITHDRAWN, GRIEVANCE = "shelved", "withdrawn", "grievance_filed"
GRIEVANCE_REJECTED = "grievance_rejected"
DEEMED_APPROVED, DEEMED_REFUSED = "deemed_approved", "deemed_refused"
ACCEPTED_PRELIM = "accepted_prelim"
FEES_PROPOSED, FEES_ASSESSED = "fees_proposed", "fees_assessed"
WITH_CITIZEN = (NEEDS_COMPLETION, FEES_ASSESSED)
"""The legal clock stands still, and nothing is to be done at the center."""
SYSTEM = "system"

NAME = "center_requests.applicant_name"
PAYLOAD = "center_requests.payload"
FILE_NAME = "center_documents.file_name"
NOTE = "center_acts.note"
REASON = "center_assessment_lines.reason"


@dataclass(frozen=True)
class NewDocument:
    """What is known of a document beside its bytes."""

    request_id: int
    code: str
    title: Mapping[str, Any]
    file_name: str
    media_type: str
    pages: int
    round: int
    output: bool


def keep_document(
    db: Connection, vault: Vault, document: NewDocument, stored: Stored, at: datetime
) -> str:
    """Add a stored document to a request; its id."""
    identity = public_id()
    db.execute(
        insert(CenterDocument).values(
            id=identity,
            center_request_id=document.request_id,
            code=document.code,
            title=dict(document.title),
            file_name=vault.seal(FILE_NAME, document.file_name),
            media_type=document.media_type,
            size_bytes=stored.size_bytes,
            pages=document.pages,
            sha256=stored.sha256,
            storage_key=stored.key,
            round=document.round,
            output=document.output,
            added_at=at,
        )
    )
    return identity


def record_act(
    db: Connection,
    vault: Vault,
    request_id: int,
    act: str,
    state: str,
    at: datetime,
    *,
    actor: str = SYSTEM,
    actor_name: str = "",
    note: str = "",
    data: Mapping[str, Any] | None = None,
) -> None:
    """Add a line to the center's history of a request."""
    db.execute(
        insert(CenterAct).values(
            center_request_id=request_id,
            act=act,
            state=state,
            actor=actor,
            actor_name=actor_name,
            note=vault.seal(NOTE, note) if note else None,
            data=dict(data or {}),
            at=at,
        )
    )
