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
        CheckConstraint("credited >= 0 AND credited <= amount", name="credited"),
        # paid is what is covered, and nothing else is
        CheckConstraint("(state = 'paid') = (credited = amount)", name="covered"),
        CheckConstraint("state <> 'cancelled' OR credited = 0", name="cancelled"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    reference: Mapped[str] = mapped_column(String(40))
    stage: Mapped[str] = mapped_column(String(20))
    currency: Mapped[str] = mapped_column(String(3))
    amount: Mapped[int] = mapped_column(BigInteger)
    credited: Mapped[int] = mapped_column(BigInteger, server_default="0")
    state: Mapped[str] = mapped_column(String(12))
    revision: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    paid_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ObligationLine(Base):
    """One line of an obligation: what, for whom, how much, and whether it comes back."""

    __tablename__ = "payment_obligation_lines"
    __table_args__ = (
        CheckConstraint(
            "refunded = 0 OR (refundable AND refunded > 0 AND refunded <= amount)", name="refunded"
        ),
    )

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
    refunded: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """What of it is given back or promised to be."""


class Attempt(Base):
    """One try to pay an obligation through a provider.

    At most one of each channel is open at a time: a hosted checkout, and a cash reference.
    """

    __tablename__ = "payment_attempts"
    __table_args__ = (
        UniqueConstraint("obligation_id", "number"),
        Index(
            "uq_payment_attempts_open",
            "obligation_id",
            "channel",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        Index("ix_payment_attempts_sweep", "state", "look_again_at"),
        Index("uq_payment_attempts_payment", "payment", unique=True),
        Index("uq_payment_attempts_voucher", "voucher", unique=True),
        CheckConstraint("channel IN ('checkout', 'kiosk')", name="channel"),
        CheckConstraint("set_aside >= 0 AND set_aside <= amount", name="set_aside"),
        CheckConstraint("refunded >= 0 AND refunded <= amount", name="refunded"),
        CheckConstraint(
            "state IN ('open', 'paid', 'surplus', 'expired', 'failed', 'mismatched')",
            name="state",
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    obligation_id: Mapped[str] = mapped_column(ForeignKey("payment_obligations.id"))
    number: Mapped[int]
    provider: Mapped[str] = mapped_column(String(20))
    channel: Mapped[str] = mapped_column(String(10), server_default="checkout")
    door: Mapped[str] = mapped_column(String(10), server_default="owner")
    """Through which of our pages the payer came, and comes back: the owner's, or a shared link."""
    session: Mapped[str | None] = mapped_column(String(120), unique=True)
    url: Mapped[str | None] = mapped_column(Text)
    payment: Mapped[str | None] = mapped_column(String(120))
    """The provider's id of the payment, once there is one."""
    voucher: Mapped[str | None] = mapped_column(String(40))
    """The number that is said at the kiosk."""
    amount: Mapped[int] = mapped_column(BigInteger)
    set_aside: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """What of it was not owed, or does not fit: surplus or suspense."""
    refunded: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """What of it is given back or promised to be."""
    state: Mapped[str] = mapped_column(String(12))
    kind: Mapped[str] = mapped_column(String(20), server_default="")
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
    object_kind: Mapped[str] = mapped_column(String(30), server_default="checkout.session")
    object_id: Mapped[str] = mapped_column(String(120))
    state: Mapped[str] = mapped_column(String(12))
    tries: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(String(200), default="")
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    try_again_at: Mapped[datetime] = mapped_column(UtcDateTime)
    processed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Refund(Base):
    """Money that goes back: asked for by one member of staff, approved by another.

    ``origin`` is ``staff``, or ``provider`` for one that was made there without us.
    """

    __tablename__ = "payment_refunds"
    __table_args__ = (
        Index("ix_payment_refunds_waiting", "state", "look_again_at"),
        CheckConstraint("amount > 0", name="positive"),
        CheckConstraint("origin IN ('staff', 'provider')", name="origin"),
        CheckConstraint(
            "state IN ('requested', 'approved', 'sent', 'succeeded', 'failed', 'rejected')",
            name="state",
        ),
        CheckConstraint("decided_by IS NULL OR decided_by <> requested_by", name="two_people"),
        CheckConstraint(
            "origin = 'provider' OR state = 'requested' OR decided_by IS NOT NULL", name="decided"
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    attempt_id: Mapped[str] = mapped_column(ForeignKey("payment_attempts.id"), index=True)
    reference: Mapped[str] = mapped_column(String(40), index=True)
    origin: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(20))
    note: Mapped[str] = mapped_column(String(300), default="")
    currency: Mapped[str] = mapped_column(String(3))
    amount: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(12))
    requested_by: Mapped[str] = mapped_column(String(80), default="")
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None] = mapped_column(String(80))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_note: Mapped[str] = mapped_column(String(300), default="")
    provider_refund: Mapped[str | None] = mapped_column(String(120), unique=True)
    failure: Mapped[str] = mapped_column(String(60), default="")
    look_again_at: Mapped[datetime] = mapped_column(UtcDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RefundLine(Base):
    """From which account a refund is taken; from a fee line, when ``line`` names one."""

    __tablename__ = "payment_refund_lines"
    __table_args__ = (CheckConstraint("amount > 0", name="positive"),)

    refund_id: Mapped[str] = mapped_column(ForeignKey("payment_refunds.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(String(30))
    entity: Mapped[str] = mapped_column(String(40), default="")
    item: Mapped[str] = mapped_column(String(40), default="")
    line: Mapped[int | None]
    amount: Mapped[int] = mapped_column(BigInteger)


class Dispute(Base):
    """A payment that the payer's bank took back, or tries to."""

    __tablename__ = "payment_disputes"
    __table_args__ = (CheckConstraint("state IN ('open', 'won', 'lost')", name="state"),)

    id: Mapped[str] = mapped_column(String(120), primary_key=True)
    attempt_id: Mapped[str] = mapped_column(ForeignKey("payment_attempts.id"), index=True)
    reference: Mapped[str] = mapped_column(String(40), index=True)
    currency: Mapped[str] = mapped_column(String(3))
    amount: Mapped[int] = mapped_column(BigInteger)
    fee: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(60))
    evidence_by: Mapped[datetime | None] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(12))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


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
    booked_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


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
    closed_by: Mapped[str | None] = mapped_column(String(80))


class Rebooking(Base):
    """Money put where it belongs: proposed by one member of staff, approved by another.

    ``reference`` is the request whose case it is about. Of ``request`` the payment goes to
    ``obligation_id`` and pays ``pays`` of it; the other choices have lines. ``refund_id`` is the
    refund that was made without us and is explained by it.
    """

    __tablename__ = "payment_rebookings"
    __table_args__ = (
        Index(
            "uq_payment_rebookings_proposed",
            "case_id",
            unique=True,
            sqlite_where=text("state = 'proposed'"),
            postgresql_where=text("state = 'proposed'"),
        ),
        CheckConstraint("amount > 0", name="positive"),
        CheckConstraint("choice IN ('request', 'loss', 'deposit', 'paid_out')", name="choice"),
        CheckConstraint("(choice = 'request') = (obligation_id IS NOT NULL)", name="target"),
        # one that was proposed before it was kept has none, and is proposed anew
        CheckConstraint(
            "pays IS NULL OR (choice = 'request' AND pays >= 0 AND pays <= amount)", name="pays"
        ),
        CheckConstraint("state IN ('proposed', 'approved', 'rejected')", name="state"),
        CheckConstraint("decided_by IS NULL OR decided_by <> proposed_by", name="two_people"),
        CheckConstraint("(state = 'proposed') = (decided_by IS NULL)", name="decided"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("payment_cases.id"), index=True)
    choice: Mapped[str] = mapped_column(String(12))
    attempt_id: Mapped[str] = mapped_column(ForeignKey("payment_attempts.id"), index=True)
    reference: Mapped[str] = mapped_column(String(40))
    obligation_id: Mapped[str | None] = mapped_column(
        ForeignKey("payment_obligations.id"), index=True
    )
    refund_id: Mapped[str | None] = mapped_column(ForeignKey("payment_refunds.id"))
    currency: Mapped[str] = mapped_column(String(3))
    amount: Mapped[int] = mapped_column(BigInteger)
    pays: Mapped[int | None] = mapped_column(BigInteger)
    note: Mapped[str] = mapped_column(String(300))
    state: Mapped[str] = mapped_column(String(12))
    proposed_by: Mapped[str] = mapped_column(String(80))
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None] = mapped_column(String(80))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_note: Mapped[str] = mapped_column(String(300), default="")


class RebookingLine(Base):
    """From which account a rebooking takes; from a fee line, when ``line`` names one.

    A discount gives: its amount is negative.
    """

    __tablename__ = "payment_rebooking_lines"
    __table_args__ = (CheckConstraint("amount <> 0", name="not_zero"),)

    rebooking_id: Mapped[str] = mapped_column(ForeignKey("payment_rebookings.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(String(30))
    entity: Mapped[str] = mapped_column(String(40), default="")
    item: Mapped[str] = mapped_column(String(40), default="")
    line: Mapped[int | None]
    amount: Mapped[int] = mapped_column(BigInteger)
