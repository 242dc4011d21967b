"""The back office's own tables. It knows what messages carried, and nothing of the portal's.

An existing system of a center would have its own in their place; what crosses the wall is in
:mod:`portal.handoff.messages`.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime, sealed
from portal.handoff.model import OutboxColumns
from portal.signatures import KeyColumns


class TakenMessage(Base):
    """A message that was taken: it is taken once, however often it comes."""

    __tablename__ = "center_messages"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    taken_at: Mapped[datetime] = mapped_column(UtcDateTime)


class CenterRefusal(Base):
    """A message that a broker brought and that can never be taken."""

    __tablename__ = "center_refusals"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    type: Mapped[str] = mapped_column(String(60))
    center_code: Mapped[str] = mapped_column(String(8))
    subject: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(String(200))
    refused_at: Mapped[datetime] = mapped_column(UtcDateTime)


class CenterRequest(Base):
    """A request in the inbox of one center. ``payload`` is what the message carried."""

    __tablename__ = "center_requests"
    __table_args__ = (
        Index("ix_center_requests_queue", "center_code", "open", "due_on", "id"),
        UniqueConstraint("center_code", "incoming_year", "incoming_number"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    request_number: Mapped[str] = mapped_column(String(20), unique=True)
    center_code: Mapped[str] = mapped_column(String(8))
    service_code: Mapped[str] = mapped_column(String(60))
    service_title: Mapped[dict[str, Any]] = mapped_column(JSON)
    department: Mapped[str] = mapped_column(String(40))
    applicant_name: Mapped[bytes] = mapped_column(sealed())
    payload: Mapped[bytes] = mapped_column(sealed())
    state: Mapped[str] = mapped_column(String(30))
    resume_state: Mapped[str | None] = mapped_column(String(30))
    open: Mapped[bool]
    notice: Mapped[bool]
    """A notice is registered, not decided."""
    due_on: Mapped[date | None] = mapped_column(Date)
    submitted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    taken_at: Mapped[datetime] = mapped_column(UtcDateTime)
    incoming_number: Mapped[int | None]
    incoming_year: Mapped[int | None]
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class CenterDocument(Base):
    """The center's copy of a document; ``round`` 0 came with the filing, ``output`` goes out."""

    __tablename__ = "center_documents"
    __table_args__ = (Index("ix_center_documents_request", "center_request_id"),)

    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    center_request_id: Mapped[int] = mapped_column(ForeignKey("center_requests.id"))
    code: Mapped[str] = mapped_column(String(60))
    title: Mapped[dict[str, Any]] = mapped_column(JSON)
    file_name: Mapped[bytes] = mapped_column(sealed())
    media_type: Mapped[str] = mapped_column(String(60))
    size_bytes: Mapped[int]
    pages: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    storage_key: Mapped[str] = mapped_column(String(40), unique=True)
    round: Mapped[int]
    output: Mapped[bool]
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)


class CenterAct(Base):
    """One act on a request in the center: what, by whom, when."""

    __tablename__ = "center_acts"
    __table_args__ = (Index("ix_center_acts_request", "center_request_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    center_request_id: Mapped[int] = mapped_column(ForeignKey("center_requests.id"))
    act: Mapped[str] = mapped_column(String(30))
    state: Mapped[str] = mapped_column(String(30))
    actor: Mapped[str] = mapped_column(String(80))
    actor_name: Mapped[str] = mapped_column(String(120))
    note: Mapped[bytes | None] = mapped_column(sealed())
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


_STANDING = text("state <> 'returned'")


class CenterAssessment(Base):
    """Fees that one employee proposed for one stage of a request, and another approved or returned.

    ``settled``: paid, or approved with nothing to pay. What was proposed is never changed; what was
    returned stays on record.
    """

    __tablename__ = "center_assessments"
    __table_args__ = (
        CheckConstraint("state IN ('proposed', 'returned', 'approved', 'settled')", name="state"),
        CheckConstraint("total >= 0", name="total"),
        # facts §3.7: no one approves a fee that he assessed
        CheckConstraint("approved_by <> assessed_by", name="two_people"),
        CheckConstraint(
            "approved_by IS NOT NULL OR state IN ('proposed', 'returned')", name="approved"
        ),
        Index(
            "uq_center_assessments_standing",
            "center_request_id",
            "stage",
            unique=True,
            sqlite_where=_STANDING,
            postgresql_where=_STANDING,
        ),
        Index("ix_center_assessments_request", "center_request_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    center_request_id: Mapped[int] = mapped_column(ForeignKey("center_requests.id"))
    stage: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(10))
    total: Mapped[int] = mapped_column(BigInteger)
    answers: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """What the department found: code, value, label, shown, declared."""
    assessed_by: Mapped[str] = mapped_column(String(80))
    assessed_name: Mapped[str] = mapped_column(String(120))
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    approved_by: Mapped[str | None] = mapped_column(String(80))
    approved_name: Mapped[str | None] = mapped_column(String(120))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    receipt: Mapped[str | None] = mapped_column(String(20))
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class CenterAssessmentLine(Base):
    """One line of an assessment; ``computed`` is what the rules make of it, None if they cannot."""

    __tablename__ = "center_assessment_lines"
    __table_args__ = (CheckConstraint("amount >= 0 OR code = 'discount'", name="amount"),)

    assessment_id: Mapped[int] = mapped_column(
        ForeignKey("center_assessments.id"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    line_id: Mapped[str] = mapped_column(String(40))
    code: Mapped[str] = mapped_column(String(40))
    label: Mapped[dict[str, Any]] = mapped_column(JSON)
    beneficiary: Mapped[str] = mapped_column(String(40))
    refundable: Mapped[bool]
    computed: Mapped[int | None] = mapped_column(BigInteger)
    amount: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[bytes | None] = mapped_column(sealed())


class CenterSerial(Base):
    """The last incoming number (رقم الوارد) of a center and year; numbers are never reused."""

    __tablename__ = "center_serials"

    center_code: Mapped[str] = mapped_column(String(8), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    last: Mapped[int]


class CenterEvent(OutboxColumns, Base):
    """The center's answers on their way to the portal."""

    __tablename__ = "center_events"


class OfficeKey(KeyColumns, Base):
    """A key pair with which the back office signs its answers, as any system of a center does."""

    __tablename__ = "center_signing_keys"
