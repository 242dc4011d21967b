"""Registers that other systems keep and the portal reads: dues, deposits, licences of signs.

In production a governorate fills them from its own books; the demo fills them with examples.
A record belongs to a center; it names no person.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Date, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime


class RegisterRecord(Base):
    """One record, found by kind, center and number («25/2023»)."""

    __tablename__ = "register_records"
    __table_args__ = (UniqueConstraint("kind", "center_code", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(30))
    center_code: Mapped[str] = mapped_column(String(8))
    number: Mapped[str] = mapped_column(String(20))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)


class RegisterDue(Base):
    """One sum that a record owes, in piastres; paid once."""

    __tablename__ = "register_dues"
    __table_args__ = (
        UniqueConstraint("record_id", "position"),
        CheckConstraint("amount > 0", name="positive"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("register_records.id"))
    position: Mapped[int]
    due_on: Mapped[date] = mapped_column(Date)
    amount: Mapped[int] = mapped_column(BigInteger)
    paid_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paid_by: Mapped[str | None] = mapped_column(String(20))
