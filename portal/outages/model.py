"""Outages, and what beats to tell of them.

An outage is never deleted: a withdrawn one keeps its row, so that every date that it moved can be
explained later.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime

LONGEST_REASON = 300
WINDOW, PERIOD = "window", "period"
"""What an outage moves: the citizen's time, and the legal period of a center."""
_UNDER_WAY = text("ended_at IS NULL AND withdrawn_at IS NULL")


class Outage(Base):
    """A time in which the portal, the payment provider or a center did not work.

    ``place`` is a center's code, or a governorate's for all of its centers; it is empty for the
    portal and the provider, which everybody shares.
    """

    __tablename__ = "outages"
    __table_args__ = (
        CheckConstraint("scope IN ('portal', 'provider', 'center')", name="scope"),
        CheckConstraint("(scope = 'center') = (place <> '')", name="place"),
        CheckConstraint("source IN ('health', 'entered')", name="source"),
        CheckConstraint("ended_at > began_at", name="ended"),
        CheckConstraint("(confirmed_by IS NULL) = (confirmed_at IS NULL)", name="confirmed"),
        Index(
            "uq_outages_under_way",
            "scope",
            "place",
            unique=True,
            sqlite_where=_UNDER_WAY,
            postgresql_where=_UNDER_WAY,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(String(10))
    place: Mapped[str] = mapped_column(String(8), default="")
    began_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    source: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(LONGEST_REASON), default="")
    """What citizens are told, as it was entered; empty for what was noticed by itself."""
    entered_by: Mapped[str] = mapped_column(String(80), default="")
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_by: Mapped[str | None] = mapped_column(String(80))
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """A person answers for it: only then legal periods of centers move."""
    windows_moved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    periods_moved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_by: Mapped[str | None] = mapped_column(String(80))
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class OutageMove(Base):
    """That an outage moved a request: once for the citizen's time, once for the legal period."""

    __tablename__ = "outage_moves"
    __table_args__ = (CheckConstraint("kind IN ('window', 'period')", name="kind"),)

    outage_id: Mapped[int] = mapped_column(ForeignKey("outages.id"), primary_key=True)
    request_number: Mapped[str] = mapped_column(String(20), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    moved_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OutageFailure(Base):
    """A request that an outage touched and that could not be moved. It is tried again in every
    round, and until then nothing of it is closed."""

    __tablename__ = "outage_failures"
    __table_args__ = (CheckConstraint("kind IN ('window', 'period')", name="kind"),)

    request_number: Mapped[str] = mapped_column(String(20), primary_key=True)
    outage_id: Mapped[int] = mapped_column(ForeignKey("outages.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    failed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class CenterWatch(Base):
    """What is known of a center with a system of its own."""

    __tablename__ = "center_watches"

    center_code: Mapped[str] = mapped_column(String(8), primary_key=True)
    looked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    silent_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when something waits for it and nothing came from it; None when nothing waits."""
    acknowledged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it last acknowledged a message, by the broker's clock."""


class Heartbeat(Base):
    """When a part was last seen at work, and since when it fails."""

    __tablename__ = "heartbeats"

    part: Mapped[str] = mapped_column(String(10), primary_key=True)
    ok_at: Mapped[datetime] = mapped_column(UtcDateTime)
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
