"""Outboxes and the door for answers.

A message is written in the transaction that changes the state it tells of. Payloads are sealed:
they carry names and answers.
"""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, String, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column
from sqlalchemy.schema import SchemaItem

from portal.db import Base, UtcDateTime, sealed
from portal.handoff.messages import REQUEST_PAID

_Position = BigInteger().with_variant(Integer, "sqlite")


class OutboxColumns:
    """Columns of an outbox: ordered by ``position``, one subject's messages one after another."""

    position: Mapped[int] = mapped_column(_Position, primary_key=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    type: Mapped[str] = mapped_column(String(60))
    center_code: Mapped[str] = mapped_column(String(8))
    subject: Mapped[str] = mapped_column(String(20))
    payload: Mapped[bytes] = mapped_column(sealed())
    state: Mapped[str] = mapped_column(String(8))
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    available_at: Mapped[datetime] = mapped_column(UtcDateTime)
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[SchemaItem, ...]:
        name = cls.__tablename__  # type: ignore[attr-defined]
        open_ones = text("state <> 'sent'")
        return (
            CheckConstraint("state IN ('waiting', 'sent', 'parked')", name="state"),
            # small whatever the table's size: what is sent is not in them
            Index(
                f"ix_{name}_waiting",
                "available_at",
                "position",
                sqlite_where=text("state = 'waiting'"),
                postgresql_where=text("state = 'waiting'"),
            ),
            Index(
                f"ix_{name}_subject",
                "subject",
                "position",
                sqlite_where=open_ones,
                postgresql_where=open_ones,
            ),
        )


class OutboxMessage(OutboxColumns, Base):
    """A message of the portal on its way to a center. ``answered_at``: the center's number came."""

    __tablename__ = "outbox_messages"

    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


_UNANSWERED = text(f"answered_at IS NULL AND type = '{REQUEST_PAID}'")
Index(
    "ix_outbox_messages_unanswered",
    OutboxMessage.sent_at,
    sqlite_where=_UNANSWERED,
    postgresql_where=_UNANSWERED,
)


class InwardEvent(Base):
    """An event from a center, kept whatever becomes of it."""

    __tablename__ = "inward_events"
    __table_args__ = (
        CheckConstraint("state IN ('applied', 'waiting', 'parked')", name="state"),
        Index("ix_inward_events_subject", "subject", "state"),
        Index(
            "ix_inward_events_try_at",
            "try_at",
            sqlite_where=text("try_at IS NOT NULL"),
            postgresql_where=text("try_at IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    type: Mapped[str] = mapped_column(String(60))
    center_code: Mapped[str] = mapped_column(String(8))
    subject: Mapped[str] = mapped_column(String(20))
    payload: Mapped[bytes] = mapped_column(sealed())
    state: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str] = mapped_column(String(200), default="")
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    applied_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    try_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the worker tries it again, because its request has changed since."""
