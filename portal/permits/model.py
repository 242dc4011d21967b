"""The register of building permits, the acts on each, and the log of who asked.

Names, national IDs and telephones stand sealed; a keyed hash of an owner's national ID finds what
is his. Areas are whole hundredths of a square metre, heights centimetres, values piastres.
"""

from datetime import date, datetime
from enum import StrEnum
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
from portal.identity.model import NATIONAL_ID
from portal.permits.validity import Status

PEOPLE = "building_permits.people"
NOTE = "permit_acts.note"
ASKER = "permit_inquiries.asker"
OWNER_ID = "permit_owners.national_id"


class MatterKind(StrEnum):
    """What may be recorded beside a permit."""

    VIOLATION = "violation"
    STOP_WORK = "stop_work"
    REMOVAL_ORDER = "removal_order"
    COURT_CASE = "court_case"
    RECONCILIATION = "reconciliation"
    FORM_8 = "form_8"
    """That the building may be connected to the utilities."""
    DUES = "dues"
    """Dues that forbid a connection until they are paid."""


_STATUSES = ", ".join(f"'{status}'" for status in Status)
_KINDS = ", ".join(f"'{kind}'" for kind in MatterKind)
_MAY_LAPSE = text("status IN ('valid_not_started', 'renewed') AND lapse_proposed_on IS NULL")
_LAPSING = text("lapse_proposed_on IS NOT NULL")
_UNVERIFIED = text("status = 'manual_unverified'")
_PACED = text("pace_key IS NOT NULL")
# as each database writes it in a question: else it would not see that the index answers
_COUNTED = {"sqlite": text("open_to_all IS 1"), "postgresql": text("open_to_all IS true")}


class BuildingPermit(Base):
    """One permit, found by center, year, number and letter, or by the serial of its QR code."""

    __tablename__ = "building_permits"
    __table_args__ = (
        UniqueConstraint("center_code", "year", "number", "letter"),
        CheckConstraint("number BETWEEN 1 AND 999999", name="number"),
        CheckConstraint("year BETWEEN 1900 AND 2200", name="year"),
        CheckConstraint(f"status IN ({_STATUSES})", name="status"),
        CheckConstraint("source IN ('system', 'backlog', 'manual')", name="source"),
        CheckConstraint(
            "started_on IS NULL OR issued_on IS NULL OR started_on >= issued_on", name="started"
        ),
        # a permit lapses for want of a start, and for nothing else
        CheckConstraint(
            "status <> 'lapsed' OR (started_on IS NULL AND NOT start_disputed)", name="lapsed"
        ),
        Index("ix_building_permits_address", "center_code", "street_key", "building_no"),
        Index(
            "ix_building_permits_not_started",
            "must_start_by",
            sqlite_where=_MAY_LAPSE,
            postgresql_where=_MAY_LAPSE,
        ),
        Index("ix_building_permits_newest", "center_code", "id"),
        Index(
            "ix_building_permits_lapsing",
            "center_code",
            "id",
            sqlite_where=_LAPSING,
            postgresql_where=_LAPSING,
        ),
        Index(
            "ix_building_permits_unverified",
            "center_code",
            "id",
            sqlite_where=_UNVERIFIED,
            postgresql_where=_UNVERIFIED,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    serial: Mapped[str] = mapped_column(String(26), unique=True)
    """What the QR code on the site's sign holds; nobody can guess it."""
    center_code: Mapped[str] = mapped_column(String(8))
    year: Mapped[int]
    number: Mapped[int]
    letter: Mapped[str] = mapped_column(String(1), default="")
    permit_type: Mapped[str] = mapped_column(String(20))
    legal_regime: Mapped[str] = mapped_column(String(20))
    base_permit: Mapped[str] = mapped_column(String(20), default="")
    """The permit that this one changes or extends, in its canonical form."""
    file_no: Mapped[str] = mapped_column(String(40), default="")
    request_number: Mapped[str | None] = mapped_column(String(20), unique=True)
    source: Mapped[str] = mapped_column(String(10))
    status: Mapped[str] = mapped_column(String(20))
    status_on: Mapped[date] = mapped_column(Date)
    revision: Mapped[int] = mapped_column(default=0)

    area: Mapped[str] = mapped_column(String(120), default="")
    """Shiakha or village."""
    street: Mapped[str] = mapped_column(String(120), default="")
    street_key: Mapped[str] = mapped_column(String(120), default="")
    building_no: Mapped[str] = mapped_column(String(20), default="")
    plot_no: Mapped[str] = mapped_column(String(30), default="")
    building_use: Mapped[str] = mapped_column(String(20), default="")
    plot_area: Mapped[int | None] = mapped_column(BigInteger)
    footprint_area: Mapped[int | None] = mapped_column(BigInteger)
    total_built_area: Mapped[int | None] = mapped_column(BigInteger)
    height_cm: Mapped[int | None]
    floors_above: Mapped[int | None]
    basements: Mapped[int | None]
    units_count: Mapped[int | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """What is seldom asked for: floors one by one, parking, elevators, structure, value."""
    people: Mapped[bytes] = mapped_column(sealed())
    """Owners, engineers, contractor, insurance: :class:`~portal.permits.reading.People`."""

    issued_on: Mapped[date | None] = mapped_column(Date)
    must_start_by: Mapped[date | None] = mapped_column(Date)
    renewed_on: Mapped[date | None] = mapped_column(Date)
    started_on: Mapped[date | None] = mapped_column(Date)
    start_disputed: Mapped[bool] = mapped_column(default=False)
    completed_on: Mapped[date | None] = mapped_column(Date)
    occupied_on: Mapped[date | None] = mapped_column(Date)
    lapse_proposed_on: Mapped[date | None] = mapped_column(Date)
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PermitOwner(Base):
    """That somebody owns what a permit is for: the keyed hash of the national ID finds it."""

    __tablename__ = "permit_owners"

    permit_id: Mapped[int] = mapped_column(ForeignKey("building_permits.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    national_id: Mapped[bytes] = mapped_column(sealed())
    national_id_index: Mapped[bytes] = mapped_column(LargeBinary(32), index=True, info=NATIONAL_ID)


class PermitAct(Base):
    """One act on a permit; never changed but for ``announced``."""

    __tablename__ = "permit_acts"
    __table_args__ = (
        UniqueConstraint("permit_id", "revision"),
        Index(
            "ix_permit_acts_to_announce",
            "id",
            sqlite_where=text("NOT announced"),
            postgresql_where=text("NOT announced"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    permit_id: Mapped[int] = mapped_column(ForeignKey("building_permits.id"))
    revision: Mapped[int]
    act: Mapped[str] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(20))
    on: Mapped[date | None] = mapped_column("happened_on", Date)
    actor: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    note: Mapped[bytes | None] = mapped_column(sealed())
    announced: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    """Whether the bodies that are to be told of it have their notice in the queue."""


class PermitMatter(Base):
    """What is recorded beside a permit: a violation, an order, a court case, a request for
    reconciliation, Form 8, dues (facts §6.1, §6.5). It is opened and closed, never deleted."""

    __tablename__ = "permit_matters"
    __table_args__ = (
        UniqueConstraint("permit_id", "kind", "reference"),
        CheckConstraint(f"kind IN ({_KINDS})", name="kind"),
        CheckConstraint("reference <> ''", name="reference"),
        CheckConstraint("closed_on IS NULL OR closed_on >= opened_on", name="closed_on"),
        CheckConstraint("(closed_on IS NULL) = (outcome = '')", name="outcome"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    permit_id: Mapped[int] = mapped_column(ForeignKey("building_permits.id"))
    kind: Mapped[str] = mapped_column(String(20))
    reference: Mapped[str] = mapped_column(String(60))
    """Number of the report, order, case, request, form or claim."""
    opened_on: Mapped[date] = mapped_column(Date)
    closed_on: Mapped[date | None] = mapped_column(Date)
    outcome: Mapped[str] = mapped_column(String(20), default="")


class PermitInquiry(Base):
    """That somebody asked: who, when, by which keys, what for, and the class of the answer.

    ``pace_key`` counts an asker's questions without saying who it is, and is forgotten after a day.
    ``asker`` says it, sealed, of who has signed in; of a stranger nothing more is kept.
    """

    __tablename__ = "permit_inquiries"
    __table_args__ = (
        # what the pace asks for: all of it in the index, and nothing in it that is older than a day
        Index(
            "ix_permit_inquiries_pace",
            "pace_key",
            "at",
            "center_code",
            "keys",
            sqlite_where=_PACED,
            postgresql_where=_PACED,
        ),
        Index(
            "ix_permit_inquiries_together",
            "center_code",
            "asker_kind",
            "at",
            "keys",
            "open_to_all",
            sqlite_where=_COUNTED["sqlite"],
            postgresql_where=_COUNTED["postgresql"],
        ),
        Index(
            "ix_permit_inquiries_paced",
            "at",
            sqlite_where=_PACED,
            postgresql_where=_PACED,
        ),
        Index("ix_permit_inquiries_permit", "permit_id", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    permit_id: Mapped[int | None] = mapped_column(ForeignKey("building_permits.id"))
    center_code: Mapped[str] = mapped_column(String(8))
    keys: Mapped[str] = mapped_column(String(60))
    """By what it was asked: «number 56/م/1998», «code», «address»."""
    asker_kind: Mapped[str] = mapped_column(String(10))
    asker: Mapped[bytes | None] = mapped_column(sealed())
    pace_key: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    open_to_all: Mapped[bool]
    """Whether it counts for all askers of its kind together: asked by something that can be
    guessed, and by none of them in the hour before."""
    purpose: Mapped[str] = mapped_column(String(20))
    answer: Mapped[str] = mapped_column(String(20))
