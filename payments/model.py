"""Tables of payments; their own metadata, so the package stands without the portal.

Sums are integer minor units. Nothing here is personal: an obligation knows a reference.
"""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from payments.storage import UtcDateTime

Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts only INTEGER keys by itself
_OPEN = text("state = 'open'")


class Base(DeclarativeBase):
    """Tables of the package."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Obligation(Base):
    """A sum that is owed for one stage of one reference, with frozen lines."""

    __tablename__ = "payment_obligations"
    __table_args__ = (
        UniqueConstraint("reference", "stage"),
        CheckConstraint("amount > 0", name="positive"),
        CheckConstraint("state IN ('due', 'paid', 'cancelled')", name="state"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    reference: Mapped[str] = mapped_column(String(40))
    stage: Mapped[str] = mapped_column(String(20))
    currency: Mapped[str] = mapped_column(String(3))
    amount: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(12))
    revision: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    paid_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ObligationLine(Base):
    """One line of an obligation: what, for whom, how much, and whether it comes back."""

    __tablename__ = "payment_obligation_lines"

    obligation_id: Mapped[str] = mapped_column(
        ForeignKey("payment_obligations.id"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    item: Mapped[str] = mapped_column(String(40))
    entity: Mapped[str] = mapped_column(String(40))
    label_ar: Mapped[str] = mapped_column(String(200))
    label_en: Mapped[str] = mapped_column(String(200))
    amount: Mapped[int] = mapped_column(BigInteger)
    refundable: Mapped[bool]


class Attempt(Base):
    """One try to pay an obligation through a provider; at most one is open at a time."""

    __tablename__ = "payment_attempts"
    __table_args__ = (
        UniqueConstraint("obligation_id", "number"),
        Index(
            "uq_payment_attempts_open",
            "obligation_id",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        Index("ix_payment_attempts_sweep", "state", "look_again_at"),
        CheckConstraint(
            "state IN ('open', 'paid', 'surplus', 'expired', 'failed', 'mismatched')",
            name="state",
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    obligation_id: Mapped[str] = mapped_column(ForeignKey("payment_obligations.id"))
    number: Mapped[int]
    provider: Mapped[str] = mapped_column(String(20))
    session: Mapped[str | None] = mapped_column(String(120), unique=True)
    url: Mapped[str | None] = mapped_column(Text)
    amount: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(12))
    method: Mapped[str] = mapped_column(String(60), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    look_again_at: Mapped[datetime] = mapped_column(UtcDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Receipt(Base):
    """The receipt of a paid obligation; numbers run by year and are never reused."""

    __tablename__ = "payment_receipts"

    number: Mapped[str] = mapped_column(String(20), primary_key=True)
    obligation_id: Mapped[str] = mapped_column(ForeignKey("payment_obligations.id"), unique=True)
    attempt_id: Mapped[str] = mapped_column(ForeignKey("payment_attempts.id"))
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ReceiptSerial(Base):
    """The last receipt number of a year."""

    __tablename__ = "payment_receipt_serials"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class SeenEvent(Base):
    """A provider's event, stored before it is acknowledged and kept until it is worked off."""

    __tablename__ = "payment_events"
    __table_args__ = (
        Index("ix_payment_events_waiting", "state", "try_again_at"),
        CheckConstraint("state IN ('received', 'processed', 'ignored')", name="state"),
    )

    provider: Mapped[str] = mapped_column(String(20), primary_key=True)
    event_id: Mapped[str] = mapped_column(String(120), primary_key=True)
    type: Mapped[str] = mapped_column(String(80))
    session: Mapped[str] = mapped_column(String(120))
    state: Mapped[str] = mapped_column(String(12))
    tries: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(String(200), default="")
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    try_again_at: Mapped[datetime] = mapped_column(UtcDateTime)
    processed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Entry(Base):
    """A booking: its lines sum to zero. One effect of one provider's object is booked once."""

    __tablename__ = "ledger_entries"
    __table_args__ = (UniqueConstraint("provider", "object_id", "effect"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    provider: Mapped[str] = mapped_column(String(20))
    object_id: Mapped[str] = mapped_column(String(120))
    effect: Mapped[str] = mapped_column(String(20))
    reference: Mapped[str] = mapped_column(String(40), index=True)
    currency: Mapped[str] = mapped_column(String(3))
    booked_at: Mapped[datetime] = mapped_column(UtcDateTime)


class EntryLine(Base):
    """One side of a booking; debits are positive."""

    __tablename__ = "ledger_lines"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="not_zero"),
        Index("ix_ledger_lines_account", "account", "entity", "item"),
    )

    entry_id: Mapped[int] = mapped_column(ForeignKey("ledger_entries.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(String(30))
    entity: Mapped[str] = mapped_column(String(40), default="")
    item: Mapped[str] = mapped_column(String(40), default="")
    amount: Mapped[int] = mapped_column(BigInteger)


class PaymentCase(Base):
    """Something with money that a person must look at; never settled silently."""

    __tablename__ = "payment_cases"
    __table_args__ = (UniqueConstraint("kind", "object_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(30))
    object_id: Mapped[str] = mapped_column(String(120))
    reference: Mapped[str] = mapped_column(String(40))
    detail: Mapped[str] = mapped_column(String(300))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_note: Mapped[str | None] = mapped_column(String(300))
