"""The back office's own tables. It knows what messages carried, and nothing of the portal's.

An existing system of a center would have its own in their place; what crosses the wall is in
:mod:`portal.handoff.messages`.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Date, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime, sealed
from portal.handoff.model import OutboxColumns


class TakenMessage(Base):
    """A message that was taken: it is taken once, however often it comes."""

    __tablename__ = "center_messages"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    taken_at: Mapped[datetime] = mapped_column(UtcDateTime)


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


class CenterSerial(Base):
    """The last incoming number (رقم الوارد) of a center and year; numbers are never reused."""

    __tablename__ = "center_serials"

    center_code: Mapped[str] = mapped_column(String(8), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    last: Mapped[int]


class CenterEvent(OutboxColumns, Base):
    """The center's answers on their way to the portal."""

    __tablename__ = "center_events"
