"""Messages to citizens, queued in the transaction that causes them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime, sealed


class OutgoingMessage(Base):
    """A text message on its way. Its words are made when it is sent, from kind and params."""

    __tablename__ = "outgoing_messages"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'sent')", name="state"),
        Index("ix_outgoing_messages_due", "state", "available_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    locale: Mapped[str] = mapped_column(String(2))
    recipient: Mapped[bytes] = mapped_column(sealed())
    params: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(8))
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    available_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SandboxMessage(Base):
    """Demo only: a message as a phone would show it."""

    __tablename__ = "sandbox_messages"

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(8))
    recipient: Mapped[bytes] = mapped_column(sealed())
    body: Mapped[bytes] = mapped_column(sealed())
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)
