"""Tables of the daily comparison. What belongs to a closed day is never changed again: triggers of
the migrations refuse it, whoever writes.
"""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from payments.model import Base
from payments.storage import UtcDateTime


class BookLine(Base):
    """One line of the provider's book (a balance transaction), and what the ledger says of it.

    ``effect`` and ``object_id`` name the entry of the ledger that belongs to it. The columns from
    ``entries`` on are filled in by the comparison.
    """

    __tablename__ = "reconciliation_lines"
    __table_args__ = (
        Index("ix_reconciliation_lines_day", "day", "id"),
        Index("ix_reconciliation_lines_object", "object_id", "effect"),
        CheckConstraint("entries >= 0", name="entries"),
    )

    id: Mapped[str] = mapped_column(String(120), primary_key=True)
    day: Mapped[date] = mapped_column(Date)
    kind: Mapped[str] = mapped_column(String(40))
    effect: Mapped[str] = mapped_column(String(40))
    object_id: Mapped[str] = mapped_column(String(120))
    payment: Mapped[str] = mapped_column(String(120))
    currency: Mapped[str] = mapped_column(String(3))
    amount: Mapped[int] = mapped_column(BigInteger)
    fee: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    reference: Mapped[str] = mapped_column(String(40), index=True)
    entries: Mapped[int] = mapped_column(server_default="0")
    """How many entries of the ledger belong to it: one, if all is well."""
    fee_entries: Mapped[int] = mapped_column(server_default="0")
    booked_currency: Mapped[str] = mapped_column(String(3), server_default="")
    booked: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """What the entries moved at the provider, a fee that is booked by itself left out."""
    booked_fee: Mapped[int] = mapped_column(BigInteger, server_default="0")
    verdict: Mapped[str] = mapped_column(String(30), server_default="")


class Day(Base):
    """One compared day."""

    __tablename__ = "reconciliation_days"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'closed')", name="state"),
        CheckConstraint(
            "(state = 'closed') = (digest IS NOT NULL)"
            " AND (state = 'closed') = (closed_at IS NOT NULL)"
            " AND (state = 'closed') = (closed_by IS NOT NULL)",
            name="closed",
        ),
        CheckConstraint("state = 'open' OR complete", name="complete"),
    )

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    state: Mapped[str] = mapped_column(String(6))
    runs: Mapped[int]
    """How often it was compared; who closes it says which comparison he saw."""
    complete: Mapped[bool]
    """Whether the day was over when it was compared last."""
    lines: Mapped[int]
    differences: Mapped[int]
    compared_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_by: Mapped[str | None] = mapped_column(String(80))
    closed_note: Mapped[str | None] = mapped_column(String(300))
    previous: Mapped[str | None] = mapped_column(String(64))
    """The digest of the closed day before: a chain, so that no day is exchanged unseen."""
    digest: Mapped[str | None] = mapped_column(String(64))


class DayTotal(Base):
    """One row of a day's three-way table."""

    __tablename__ = "reconciliation_totals"

    day: Mapped[date] = mapped_column(ForeignKey("reconciliation_days.day"), primary_key=True)
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    row: Mapped[str] = mapped_column(String(20), primary_key=True)
    provider_count: Mapped[int]
    provider_amount: Mapped[int] = mapped_column(BigInteger)
    ledger_count: Mapped[int]
    ledger_amount: Mapped[int] = mapped_column(BigInteger)
    treasury_count: Mapped[int]
    treasury_amount: Mapped[int] = mapped_column(BigInteger)


class DayDifference(Base):
    """What did not agree when the day was compared; what became of it is in its case."""

    __tablename__ = "reconciliation_differences"

    day: Mapped[date] = mapped_column(ForeignKey("reconciliation_days.day"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(30), primary_key=True)
    object_id: Mapped[str] = mapped_column(String(120), primary_key=True)
    reference: Mapped[str] = mapped_column(String(40))
    currency: Mapped[str] = mapped_column(String(3))
    provider_amount: Mapped[int] = mapped_column(BigInteger)
    ledger_amount: Mapped[int] = mapped_column(BigInteger)
    treasury_amount: Mapped[int] = mapped_column(BigInteger)


class DayShare(Base):
    """What of a closed day belongs to whom: the settlement export, frozen with the day.

    ``unit`` is the office that a reference belongs to, as the caller names it. ``moved`` is money
    that an earlier day's export gave to another row.
    """

    __tablename__ = "reconciliation_shares"

    day: Mapped[date] = mapped_column(ForeignKey("reconciliation_days.day"), primary_key=True)
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    unit: Mapped[str] = mapped_column(String(20), primary_key=True)
    account: Mapped[str] = mapped_column(String(30), primary_key=True)
    entity: Mapped[str] = mapped_column(String(40), primary_key=True)
    item: Mapped[str] = mapped_column(String(40), primary_key=True)
    count: Mapped[int]
    gross: Mapped[int] = mapped_column(BigInteger)
    moved: Mapped[int] = mapped_column(BigInteger)
    refund: Mapped[int] = mapped_column(BigInteger)
    fee: Mapped[int] = mapped_column(BigInteger)


class KnownPayout(Base):
    """A payout as the provider told it last."""

    __tablename__ = "treasury_payouts"
    __table_args__ = (Index("ix_treasury_payouts_day", "day"),)

    id: Mapped[str] = mapped_column(String(120), primary_key=True)
    day: Mapped[date] = mapped_column(Date)
    currency: Mapped[str] = mapped_column(String(3))
    amount: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(String(12))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    arrives_on: Mapped[date] = mapped_column(Date)


class StatementLine(Base):
    """One line of a statement of the treasury: money that arrived.

    ``occurrence`` tells equal lines of one statement apart; the same line of two statements that
    overlap is one.
    """

    __tablename__ = "treasury_lines"
    __table_args__ = (CheckConstraint("amount > 0", name="positive"),)

    payout_id: Mapped[str] = mapped_column(String(120), primary_key=True)
    value_on: Mapped[date] = mapped_column(Date, primary_key=True)
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    amount: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    occurrence: Mapped[int] = mapped_column(primary_key=True)
    imported_at: Mapped[datetime] = mapped_column(UtcDateTime)
    imported_by: Mapped[str] = mapped_column(String(80))


class Statement(Base):
    """A statement that was read, by the hash of its bytes: reading it again adds nothing."""

    __tablename__ = "treasury_statements"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    last_on: Mapped[date] = mapped_column(Date)
    lines: Mapped[int]
    imported_at: Mapped[datetime] = mapped_column(UtcDateTime)
    imported_by: Mapped[str] = mapped_column(String(80))
