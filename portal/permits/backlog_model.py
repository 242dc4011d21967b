"""The paper backlog (الكم المتراكم): what was counted, what reviewers said of what was entered,
scans of the papers, and from which day on papers that no system wrote count no more.
"""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime, sealed

JUDGEMENT_NOTE = "permit_judgements.note"
LOT_NOTE = "review_lots.note"
SCAN_NAME = "permit_scans.file_name"


class BacklogFile(Base):
    """A paper file that the survey (حصر) counted: where it stands, its number and year.

    Whether it was entered is not kept: permits name their file, and the answer is always today's.
    """

    __tablename__ = "backlog_files"
    __table_args__ = (
        UniqueConstraint("center_code", "department", "year", "file_no"),
        CheckConstraint("year BETWEEN 1900 AND 2200", name="year"),
        CheckConstraint("file_no <> ''", name="file_no"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    center_code: Mapped[str] = mapped_column(String(8))
    department: Mapped[str] = mapped_column(String(40))
    """A department's code in the catalogue."""
    shelf: Mapped[str] = mapped_column(String(40))
    year: Mapped[int]
    file_no: Mapped[str] = mapped_column(String(40))
    surveyed_by: Mapped[str] = mapped_column(String(80))
    surveyed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ReviewLot(Base):
    """Entries that are reviewed together by a random sample (ISO 2859-1).

    ``seed`` and the ids of the lot tell which of them the sample holds: whoever doubts it draws it
    again.
    """

    __tablename__ = "review_lots"
    __table_args__ = (
        CheckConstraint("kind IN ('import', 'person')", name="kind"),
        CheckConstraint("(kind = 'import') = (import_id IS NOT NULL)", name="import"),
        CheckConstraint("state IN ('open', 'released', 'returned')", name="state"),
        CheckConstraint("(state = 'open') = (decided_by IS NULL)", name="decided"),
        CheckConstraint("sample_size BETWEEN 1 AND size AND accept_number >= 0", name="sample"),
        Index("ix_review_lots_newest", "center_code", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    center_code: Mapped[str] = mapped_column(String(8))
    kind: Mapped[str] = mapped_column(String(10))
    import_id: Mapped[int | None] = mapped_column(ForeignKey("permit_imports.id"))
    enterer: Mapped[str] = mapped_column(String(80), default="")
    first_day: Mapped[date | None] = mapped_column(Date)
    last_day: Mapped[date | None] = mapped_column(Date)
    size: Mapped[int]
    sample_size: Mapped[int]
    accept_number: Mapped[int]
    """How many of the sample may be wrong."""
    aql: Mapped[str] = mapped_column(String(5))
    seed: Mapped[str] = mapped_column(String(32))
    drawn_by: Mapped[str] = mapped_column(String(80))
    drawn_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(10), default="open")
    decided_by: Mapped[str | None] = mapped_column(String(80))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    note: Mapped[bytes | None] = mapped_column(sealed())


class PermitJudgement(Base):
    """What a reviewer found when one entry was held against its paper; in a sample, first a place
    to be filled (``verdict`` is None)."""

    __tablename__ = "permit_judgements"
    __table_args__ = (
        UniqueConstraint("lot_id", "permit_id"),
        CheckConstraint("verdict IN ('accepted', 'returned', 'rejected')", name="verdict"),
        CheckConstraint(
            "(verdict IS NULL) = (judged_by IS NULL) AND (verdict IS NULL) = (judged_at IS NULL)",
            name="judged",
        ),
        # nobody says of what he entered himself that it is right
        CheckConstraint("judged_by <> entered_by", name="second_person"),
        CheckConstraint("verdict IS NOT NULL OR lot_id IS NOT NULL", name="lot"),
        Index("ix_permit_judgements_permit", "permit_id"),
        Index("ix_permit_judgements_center", "center_code", "judged_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    permit_id: Mapped[int] = mapped_column(ForeignKey("building_permits.id"))
    center_code: Mapped[str] = mapped_column(String(8))
    entered_by: Mapped[str] = mapped_column(String(80))
    lot_id: Mapped[int | None] = mapped_column(ForeignKey("review_lots.id"))
    position: Mapped[int | None]
    verdict: Mapped[str | None] = mapped_column(String(10))
    judged_by: Mapped[str | None] = mapped_column(String(80))
    judged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    note: Mapped[bytes | None] = mapped_column(sealed())


class JudgementMark(Base):
    """A field that a reviewer found wrong."""

    __tablename__ = "judgement_marks"

    judgement_id: Mapped[int] = mapped_column(ForeignKey("permit_judgements.id"), primary_key=True)
    field: Mapped[str] = mapped_column(String(20), primary_key=True)


class PermitScan(Base):
    """A picture or PDF of the paper that an entry was made from; the file itself stands sealed."""

    __tablename__ = "permit_scans"
    __table_args__ = (Index("ix_permit_scans_permit", "permit_id"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    permit_id: Mapped[int] = mapped_column(ForeignKey("building_permits.id"))
    file_name: Mapped[bytes] = mapped_column(sealed())
    media_type: Mapped[str] = mapped_column(String(60))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    pages: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    storage_key: Mapped[str] = mapped_column(String(40), unique=True)
    added_by: Mapped[str] = mapped_column(String(80))
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ManualCutoff(Base):
    """From when on papers that no system wrote count no more, for a center and a service.

    Never changed: the newest of a center and service holds, and one without a day lifts it.
    """

    __tablename__ = "manual_cutoffs"
    __table_args__ = (Index("ix_manual_cutoffs_newest", "center_code", "service_code", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    center_code: Mapped[str] = mapped_column(String(8))
    service_code: Mapped[str] = mapped_column(String(60))
    last_day: Mapped[date | None] = mapped_column(Date)
    """The last day on which one could be issued by hand."""
    reason: Mapped[str] = mapped_column(String(300))
    entered_by: Mapped[str] = mapped_column(String(80))
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime)


class BacklogQuarter(Base):
    """A calendar quarter that is over, and whose rates were written down: it never changes."""

    __tablename__ = "backlog_quarters"
    __table_args__ = (CheckConstraint("quarter BETWEEN 1 AND 4", name="quarter"),)

    year: Mapped[int] = mapped_column(primary_key=True)
    quarter: Mapped[int] = mapped_column(primary_key=True)
    closed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class BacklogQuarterRates(Base):
    """How far a department of a center was at the end of a quarter (files), and what reviewers
    found within it (entries)."""

    __tablename__ = "backlog_quarter_rates"
    __table_args__ = (
        ForeignKeyConstraint(
            ["year", "quarter"], ["backlog_quarters.year", "backlog_quarters.quarter"]
        ),
        CheckConstraint(
            "entered BETWEEN 0 AND surveyed AND scanned BETWEEN 0 AND entered", name="files"
        ),
        CheckConstraint("accepted BETWEEN 0 AND reviewed", name="reviewed"),
    )

    center_code: Mapped[str] = mapped_column(String(8), primary_key=True)
    department: Mapped[str] = mapped_column(String(40), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    quarter: Mapped[int] = mapped_column(primary_key=True)
    surveyed: Mapped[int]
    entered: Mapped[int]
    scanned: Mapped[int]
    reviewed: Mapped[int]
    accepted: Mapped[int]
