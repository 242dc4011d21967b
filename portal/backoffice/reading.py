"""A center's queue by legal deadline, and a request as its staff open it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, select

from portal.backoffice.folder import (
    FILE_NAME,
    NAME,
    NOTE,
    PAYLOAD,
    REASON,
    RECEIVED,
    WITH_CITIZEN,
)
from portal.backoffice.model import (
    CenterAct,
    CenterAssessment,
    CenterAssessmentLine,
    CenterDocument,
    CenterRequest,
)
from portal.problems import Missing
from portal.vault import Vault

PAGE_SIZE = 20


@dataclass(frozen=True)
class QueuedRequest:
    """A line of the queue."""

    id: int
    request_number: str
    service_code: str
    service_title: Mapping[str, str]
    department: str
    applicant_name: str
    state: str
    open: bool
    notice: bool
    due_on: date | None
    submitted_at: datetime
    incoming_number: int | None
    incoming_year: int | None


@dataclass(frozen=True)
class Queue:
    """One page of a center's queue, with the counts above it."""

    rows: Sequence[QueuedRequest]
    total: int
    page: int
    overdue: int
    due_today: int
    all_open: int
    unregistered: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_SIZE))


@dataclass(frozen=True)
class StoredDocument:
    """A document as the staff's page lists it."""

    id: str
    code: str
    title: Mapping[str, str]
    file_name: str
    media_type: str
    size_bytes: int
    pages: int
    storage_key: str
    round: int
    output: bool
    added_at: datetime


@dataclass(frozen=True)
class PastAct:
    """One line of the center's own history."""

    act: str
    state: str
    actor_name: str
    note: str
    data: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True)
class AssessedLine:
    """One line of an assessment, sums in piastres."""

    line_id: str
    code: str
    label: Mapping[str, str]
    beneficiary: str
    refundable: bool
    computed: int | None
    amount: int
    reason: str


@dataclass(frozen=True)
class Assessment:
    """The fees of one stage as they were proposed, and what became of them."""

    id: int
    stage: str
    state: str
    total: int
    answers: Sequence[Mapping[str, Any]]
    assessed_by: str
    assessed_name: str
    approved_name: str
    proposed_at: datetime
    decided_at: datetime | None
    receipt: str
    settled_at: datetime | None
    lines: Sequence[AssessedLine]


@dataclass(frozen=True)
class OpenedRequest:
    """A request with everything that staff need to decide."""

    line: QueuedRequest
    payload: Mapping[str, Any]
    documents: Sequence[StoredDocument]
    acts: Sequence[PastAct]
    assessments: Sequence[Assessment]
    """Those that were returned among them, oldest first."""


_COLUMNS = (
    CenterRequest.id,
    CenterRequest.request_number,
    CenterRequest.service_code,
    CenterRequest.service_title,
    CenterRequest.department,
    CenterRequest.applicant_name,
    CenterRequest.state,
    CenterRequest.open,
    CenterRequest.notice,
    CenterRequest.due_on,
    CenterRequest.submitted_at,
    CenterRequest.incoming_number,
    CenterRequest.incoming_year,
)


def queue(
    db: Connection,
    vault: Vault,
    center: str,
    today: date,
    *,
    number: str = "",
    service: str = "",
    state: str = "",
    page: int = 1,
) -> Queue:
    """The open requests of ``center``, oldest legal deadline first; with the citizen, last.

    With ``number`` or ``state`` closed ones are found as well.
    """
    here = CenterRequest.center_code == center
    where: list[ColumnElement[bool]] = [here]
    if number:
        where.append(CenterRequest.request_number == number)
    if service:
        where.append(CenterRequest.service_code == service)
    if state:
        where.append(CenterRequest.state == state)
    if not number and not state:
        where.append(CenterRequest.open.is_(True))
    waits = case((CenterRequest.state.in_(WITH_CITIZEN), 1), else_=0)
    undated = case((CenterRequest.due_on.is_(None), 1), else_=0)
    rows = db.execute(
        select(*_COLUMNS)
        .where(*where)
        .order_by(waits, undated, CenterRequest.due_on, CenterRequest.id)
        .limit(PAGE_SIZE)
        .offset((page - 1) * PAGE_SIZE)
    ).all()
    total = db.scalar(select(func.count()).select_from(CenterRequest).where(*where))
    running = here & CenterRequest.open & CenterRequest.state.not_in(WITH_CITIZEN)
    counts = db.execute(
        select(
            func.coalesce(
                func.sum(case((running & (CenterRequest.due_on < today), 1), else_=0)), 0
            ),
            func.coalesce(
                func.sum(case((running & (CenterRequest.due_on == today), 1), else_=0)), 0
            ),
            func.count(),
            func.coalesce(func.sum(case((CenterRequest.state == RECEIVED, 1), else_=0)), 0),
        ).where(here, CenterRequest.open)
    ).one()
    return Queue(
        [_queued(vault, row) for row in rows],
        total or 0,
        page,
        int(counts[0]),
        int(counts[1]),
        int(counts[2]),
        int(counts[3]),
    )


def newest(db: Connection, center: str) -> int:
    """The mark of the request that came to ``center`` last; 0 before the first."""
    last = db.scalar(select(func.max(CenterRequest.id)).where(CenterRequest.center_code == center))
    return last or 0


def come_since(db: Connection, center: str, mark: int) -> int:
    """How many requests have come to ``center`` since :func:`newest` said ``mark``."""
    counted = select(func.count()).where(
        CenterRequest.center_code == center, CenterRequest.id > mark
    )
    return db.scalar(counted) or 0


def open_request(
    db: Connection, vault: Vault, center: str, number: str, *, identity: bool
) -> OpenedRequest:
    """A request of ``center``; another center's is as missing as an unknown one.

    Without ``identity`` it comes without what it hides from the departments.
    """
    row = db.execute(
        select(*_COLUMNS, CenterRequest.payload).where(
            CenterRequest.request_number == number, CenterRequest.center_code == center
        )
    ).one_or_none()
    if row is None:
        raise Missing(f"request {number}")
    documents = db.execute(
        select(CenterDocument.__table__)
        .where(CenterDocument.center_request_id == row.id)
        .order_by(CenterDocument.round, CenterDocument.added_at, CenterDocument.id)
    )
    acts = db.execute(
        select(CenterAct.__table__)
        .where(CenterAct.center_request_id == row.id)
        .order_by(CenterAct.id)
    )
    payload = vault.open_json(PAYLOAD, row.payload)
    sections, papers = ((), ()) if identity else _hidden(payload)
    shown = [s for s in payload["sections"] if s["code"] not in sections]
    return OpenedRequest(
        _queued(vault, row),
        {**payload, "sections": shown},
        [_stored(vault, document) for document in documents if document.code not in papers],
        [
            PastAct(
                act.act,
                act.state,
                act.actor_name,
                vault.open(NOTE, act.note) if act.note else "",
                act.data,
                act.at,
            )
            for act in acts
        ],
        assessments(db, vault, row.id),
    )


def assessments(db: Connection, vault: Vault, request_id: int) -> list[Assessment]:
    """Every assessment of a request, oldest first."""
    lines: dict[int, list[AssessedLine]] = {}
    for row in db.execute(
        select(CenterAssessmentLine.__table__)
        .join(CenterAssessment, CenterAssessment.id == CenterAssessmentLine.assessment_id)
        .where(CenterAssessment.center_request_id == request_id)
        .order_by(CenterAssessmentLine.assessment_id, CenterAssessmentLine.position)
    ):
        line = AssessedLine(
            row.line_id,
            row.code,
            row.label,
            row.beneficiary,
            row.refundable,
            row.computed,
            row.amount,
            vault.open(REASON, row.reason) if row.reason else "",
        )
        lines.setdefault(row.assessment_id, []).append(line)
    rows = db.execute(
        select(CenterAssessment.__table__)
        .where(CenterAssessment.center_request_id == request_id)
        .order_by(CenterAssessment.id)
    )
    return [
        Assessment(
            row.id,
            row.stage,
            row.state,
            row.total,
            row.answers,
            row.assessed_by,
            row.assessed_name,
            row.approved_name or "",
            row.proposed_at,
            row.decided_at,
            row.receipt or "",
            row.settled_at,
            lines.get(row.id, []),
        )
        for row in rows
    ]


def _hidden(payload: Mapping[str, Any]) -> tuple[Sequence[str], Sequence[str]]:
    """Sections and documents that the departments may not see. Older messages name none."""
    hidden = payload.get("hidden_from_departments") or {}
    return hidden.get("sections", ()), hidden.get("documents", ())


def document(
    db: Connection, vault: Vault, center: str, number: str, document_id: str, *, identity: bool
) -> StoredDocument:
    """One document of a request of ``center``; raises :class:`~portal.problems.Missing`.

    Without ``identity`` one that is hidden from the departments is missing.
    """
    row = db.execute(
        select(CenterDocument.__table__, CenterRequest.payload)
        .join(CenterRequest, CenterRequest.id == CenterDocument.center_request_id)
        .where(
            CenterDocument.id == document_id,
            CenterRequest.request_number == number,
            CenterRequest.center_code == center,
        )
    ).one_or_none()
    if row is None:
        raise Missing(f"document {document_id}")
    if not identity and row.code in _hidden(vault.open_json(PAYLOAD, row.payload))[1]:
        raise Missing(f"document {document_id}")
    return _stored(vault, row)


def document_by_id(db: Connection, vault: Vault, document_id: str) -> StoredDocument:
    """A document by its id alone: for links that the center itself signed."""
    row = db.execute(
        select(CenterDocument.__table__).where(CenterDocument.id == document_id)
    ).one_or_none()
    if row is None:
        raise Missing(f"document {document_id}")
    return _stored(vault, row)


def _queued(vault: Vault, row: Any) -> QueuedRequest:
    return QueuedRequest(
        row.id,
        row.request_number,
        row.service_code,
        row.service_title,
        row.department,
        vault.open(NAME, row.applicant_name),
        row.state,
        row.open,
        row.notice,
        row.due_on,
        row.submitted_at,
        row.incoming_number,
        row.incoming_year,
    )


def _stored(vault: Vault, row: Any) -> StoredDocument:
    return StoredDocument(
        row.id,
        row.code,
        row.title,
        vault.open(FILE_NAME, row.file_name),
        row.media_type,
        row.size_bytes,
        row.pages,
        row.storage_key,
        row.round,
        row.output,
        row.added_at,
    )
