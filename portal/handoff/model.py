"""Outboxes and the door for answers.

A message is written in the transaction that changes the state it tells of. Payloads are sealed:
they carry names and answers.
"""

from collections.abc import Sequence
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
    """When it is due: put ahead while a relay has it, after a failure, and behind another one."""
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Whose it is: the relay that wrote this instant, until then."""
    replays: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often somebody has sent it once more."""
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[SchemaItem, ...]:
        name = cls.__tablename__  # type: ignore[attr-defined]
        # small whatever the table's size: what is sent is not in them
        return (
            CheckConstraint("state IN ('waiting', 'sent', 'parked')", name="state"),
            # hold all that choosing and counting need, so that neither reads the rows; the state,
            # too, which SQLite asks for although the condition says it
            _partial(
                f"ix_{name}_due",
                ("center_code", "available_at", "position", "subject", "created_at", "state"),
                "state = 'waiting'",
            ),
            _partial(f"ix_{name}_parked", ("center_code", "position", "state"), "state = 'parked'"),
            _partial(f"ix_{name}_subject", ("subject", "position", "state"), "state <> 'sent'"),
            # what was sent is looked for by time and by center, when it is sent once more
            _partial(f"ix_{name}_over", ("created_at", "position", "state"), "state <> 'waiting'"),
            _partial(
                f"ix_{name}_over_center",
                ("center_code", "created_at", "position", "state"),
                "state <> 'waiting'",
            ),
        )


def _partial(name: str, columns: Sequence[str], condition: str) -> Index:
    return Index(name, *columns, sqlite_where=text(condition), postgresql_where=text(condition))


class OutboxMessage(OutboxColumns, Base):
    """A message of the portal on its way to a center. ``answered_at``: the center's number came."""

    __tablename__ = "outbox_messages"

    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


_UNANSWERED = text(f"answered_at IS NULL AND type = '{REQUEST_PAID}'")
for _name, _columns in (
    (
        "ix_outbox_messages_unanswered",
        (
            OutboxMessage.sent_at,
            OutboxMessage.center_code,
            OutboxMessage.type,
            OutboxMessage.answered_at,
        ),
    ),
    ("ix_outbox_messages_unanswered_subject", (OutboxMessage.subject,)),
):
    Index(_name, *_columns, sqlite_where=_UNANSWERED, postgresql_where=_UNANSWERED)


class InwardEvent(Base):
    """An event from a center, kept whatever becomes of it."""

    __tablename__ = "inward_events"
    __table_args__ = (
        CheckConstraint("state IN ('applied', 'waiting', 'parked')", name="state"),
        Index("ix_inward_events_subject", "subject", "state"),
        Index("ix_inward_events_center", "center_code", "received_at"),
        # few, whatever the table's size
        Index(
            "ix_inward_events_stuck",
            "state",
            "type",
            "received_at",
            "id",
            sqlite_where=text("state <> 'applied'"),
            postgresql_where=text("state <> 'applied'"),
        ),
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
