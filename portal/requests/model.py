"""Drafts, requests, their attachments and their history.

Answers, names, file names and notes are sealed. A request keeps a frozen copy of everything it was
filed with: answers with their labels, fee lines with their source, the digest of the service file.
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
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime, sealed
from portal.identity.model import MOBILE

_OPEN = text("state = 'open'")


class Draft(Base):
    """Answers on their way. One open draft a citizen and service; what was typed is kept raw."""

    __tablename__ = "drafts"
    __table_args__ = (
        Index(
            "uq_drafts_open",
            "citizen_id",
            "service_code",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        Index("ix_drafts_idle", "state", "saved_at"),
        CheckConstraint("state IN ('open', 'submitted', 'discarded')", name="state"),
    )

    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    citizen_id: Mapped[int] = mapped_column(ForeignKey("citizens.id"))
    service_code: Mapped[str] = mapped_column(String(60))
    answers: Mapped[bytes] = mapped_column(sealed())
    revision: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(12))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    saved_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Attachment(Base):
    """An accepted file, stored under a random name outside the web root."""

    __tablename__ = "attachments"
    __table_args__ = (Index("ix_attachments_request", "request_id"),)

    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    draft_id: Mapped[str | None] = mapped_column(ForeignKey("drafts.id"), index=True)
    request_id: Mapped[int | None] = mapped_column(ForeignKey("service_requests.id"))
    purpose: Mapped[str] = mapped_column(String(12))
    """``filing``, ``completion`` (waiting to be sent), ``completed`` or ``output``."""
    document_code: Mapped[str] = mapped_column(String(60))
    file_name: Mapped[bytes] = mapped_column(sealed())
    media_type: Mapped[str] = mapped_column(String(60))
    size_bytes: Mapped[int]
    pages: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    storage_key: Mapped[str] = mapped_column(String(40), unique=True)
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ServiceRequest(Base):
    """A filed request (طلب). ``due_on`` is the last day of the legal period, None while off."""

    __tablename__ = "service_requests"
    __table_args__ = (
        Index("ix_service_requests_citizen", "citizen_id", "submitted_at"),
        Index("ix_service_requests_state", "state", "waits_until"),
        # small whatever the table's size: what is decided is not in it
        Index(
            "ix_service_requests_due",
            "due_on",
            sqlite_where=text("decided_at IS NULL"),
            postgresql_where=text("decided_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    draft_id: Mapped[str] = mapped_column(ForeignKey("drafts.id"), unique=True)
    citizen_id: Mapped[int] = mapped_column(ForeignKey("citizens.id"))
    mobile: Mapped[bytes] = mapped_column(sealed())
    mobile_index: Mapped[bytes] = mapped_column(LargeBinary(32), info=MOBILE)
    service_code: Mapped[str] = mapped_column(String(60))
    service_digest: Mapped[str] = mapped_column(String(16))
    center_code: Mapped[str] = mapped_column(String(8))
    channel: Mapped[str] = mapped_column(String(12))
    locale: Mapped[str] = mapped_column(String(2))
    """The language in which the citizen filed; messages are written in it."""
    state: Mapped[str] = mapped_column(String(30))
    revision: Mapped[int] = mapped_column(default=0)
    resume_state: Mapped[str | None] = mapped_column(String(30))
    answers: Mapped[bytes] = mapped_column(sealed())
    quote: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    due_now: Mapped[int] = mapped_column(BigInteger)
    submitted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    waits_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When waiting for the citizen ends: for a payment or a completion."""
    period: Mapped[dict[str, Any]] = mapped_column(JSON)
    clock_from: Mapped[date | None] = mapped_column(Date)
    paused_on: Mapped[date | None] = mapped_column(Date)
    paused_days: Mapped[int] = mapped_column(default=0)
    due_on: Mapped[date | None] = mapped_column(Date)
    grievance_until: Mapped[date | None] = mapped_column(Date)
    center_number: Mapped[int | None]
    center_year: Mapped[int | None]
    handed_off_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the center had answered: the hand-off is delivered."""


class HistoryEntry(Base):
    """One act on a request: what, by whom, when, from which state to which."""

    __tablename__ = "request_history"
    __table_args__ = (UniqueConstraint("request_id", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("service_requests.id"))
    position: Mapped[int]
    event: Mapped[str] = mapped_column(String(30))
    from_state: Mapped[str] = mapped_column(String(30))
    to_state: Mapped[str] = mapped_column(String(30))
    actor: Mapped[str] = mapped_column(String(20))
    actor_name: Mapped[str] = mapped_column(String(120), default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    note: Mapped[bytes | None] = mapped_column(sealed())
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class RequestSerial(Base):
    """The last serial of a center and year."""

    __tablename__ = "request_serials"

    center_code: Mapped[str] = mapped_column(String(8), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    last: Mapped[int]
