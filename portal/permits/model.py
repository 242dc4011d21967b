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
from portal.identity.model import MOBILE, NATIONAL_ID
from portal.permits.validity import Status


class ImportState(StrEnum):
    """How far a file of paper books is."""

    MAPPING = "mapping"
    """It waits for somebody to say which column is what."""
    CHECKING = "checking"
    CHECKED = "checked"
    FAILED = "failed"
    """It cannot be read to its end."""
    IMPORTING = "importing"
    IMPORTED = "imported"
    DISCARDED = "discarded"
    """Given up before anything of it was imported."""
    WITHDRAWN = "withdrawn"
    """Imported, and taken back before anybody had reviewed it."""


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


PEOPLE = "building_permits.people"
NOTE = "permit_acts.note"
ASKER = "permit_inquiries.asker"
OWNER_ID = "permit_owners.national_id"
OWNER_MOBILE = "permit_owners.mobile"
LEFT = "permit_leftovers.permit"
FILE_NAME = "permit_imports.file_name"
HEADINGS = "permit_imports.headings"
WITHDRAWN_WHY = "permit_imports.reason"
CELL = "permit_import_problems.value"
CHANGES = "permit_acts.changes"
DEPARTMENT = "building-licensing"
"""Whose paper files hold building permits, as far as nobody says another."""
_STATUSES = ", ".join(f"'{status}'" for status in Status)
_IN_REGISTER = text("review <> 'rejected'")
_KINDS = ", ".join(f"'{kind}'" for kind in MatterKind)
_MAY_LAPSE = text("status IN ('valid_not_started', 'renewed') AND lapse_proposed_on IS NULL")
_CHANGES_ANOTHER = text("base_permit <> ''")
_LAPSING = text("lapse_proposed_on IS NOT NULL")
_UNVERIFIED = text("status = 'manual_unverified'")
_PACED = text("pace_key IS NOT NULL")
# as each database writes it in a question: else it would not see that the index answers
_COUNTED = {"sqlite": text("open_to_all IS 1"), "postgresql": text("open_to_all IS true")}
_FILE_THERE = text("file_dropped_at IS NULL")
_IMPORT_STATES = ", ".join(f"'{state}'" for state in ImportState)


class PermitImport(Base):
    """A paper book that came as a file: what it held, how far it is, who sent and imported it.

    ``rows`` counts its rows with something in them; each is one of ``good``, ``there`` (the
    register says the same already) and ``bad``. The file itself stays sealed in the file store.
    """

    __tablename__ = "permit_imports"
    __table_args__ = (
        CheckConstraint(f"state IN ({_IMPORT_STATES})", name="state"),
        CheckConstraint("kind IN ('csv', 'xlsx')", name="kind"),
        CheckConstraint("(imported_by IS NULL) = (imported_at IS NULL)", name="imported"),
        CheckConstraint("(withdrawn_by IS NULL) = (withdrawn_at IS NULL)", name="withdrawn"),
        # all of them, or nothing: only who says so leaves the bad ones out
        CheckConstraint("state <> 'imported' OR bad = 0 OR only_good", name="whole"),
        CheckConstraint("discarded_by IS NULL OR state = 'discarded'", name="discarded"),
        # without its file it can be neither checked nor entered
        CheckConstraint(
            "file_dropped_at IS NULL OR state IN ('imported', 'discarded', 'withdrawn')",
            name="file_dropped",
        ),
        Index("ix_permit_imports_newest", "center_code", "id"),
        Index("ix_permit_imports_headings", "center_code", "headings_key"),
        Index(
            "ix_permit_imports_kept",
            "touched_at",
            sqlite_where=_FILE_THERE,
            postgresql_where=_FILE_THERE,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    center_code: Mapped[str] = mapped_column(String(8))
    department: Mapped[str] = mapped_column(String(30))
    file_name: Mapped[bytes] = mapped_column(sealed())
    storage_key: Mapped[str] = mapped_column(String(26), unique=True)
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(4))
    reading: Mapped[dict[str, Any]] = mapped_column(JSON)
    """How the file is read: sheet, encoding, separator, row of the headings."""
    headings: Mapped[bytes] = mapped_column(sealed())
    """What is seen of its head: headings, some values of each column, names of sheets."""
    headings_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    """A keyed hash of the headings: the same ones are mapped as before."""
    mapping: Mapped[dict[str, int]] = mapped_column(JSON)
    """The column of each field of a permit, counted from 0."""
    assumed: Mapped[dict[str, str]] = mapped_column(JSON)
    """What holds for every row where the file has no column for it."""
    state: Mapped[str] = mapped_column(String(10))
    failure: Mapped[str] = mapped_column(String(20), default="")
    """Why the file cannot be read to its end: a code."""
    rows: Mapped[int] = mapped_column(default=0)
    good: Mapped[int] = mapped_column(default=0)
    there: Mapped[int] = mapped_column(default=0)
    bad: Mapped[int] = mapped_column(default=0)
    problems: Mapped[int] = mapped_column(default=0)
    only_good: Mapped[bool] = mapped_column(default=False)
    claim: Mapped[str] = mapped_column(String(20), default="")
    """Which round of a worker has it in hand; a round that was killed is followed by another."""
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    uploaded_by: Mapped[str] = mapped_column(String(80))
    uploaded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    imported_by: Mapped[str | None] = mapped_column(String(80))
    imported_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_by: Mapped[str | None] = mapped_column(String(80))
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[bytes | None] = mapped_column(sealed())
    meanings: Mapped[dict[str, dict[str, str]]] = mapped_column(JSON, default=dict)
    """What was said that a word of this file stands for: by field, by the folded word, the code."""
    discarded_by: Mapped[str | None] = mapped_column(String(80))
    """Who gave it up; empty where time did."""
    touched_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """When somebody last did something with it: from then on runs how long the file is kept."""
    file_dropped_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the file and what stood in its cells were deleted."""


class BuildingPermit(Base):
    """One permit, found by center, year, number and letter, or by the serial of its QR code."""

    __tablename__ = "building_permits"
    __table_args__ = (
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
        CheckConstraint("review IN ('', 'returned', 'rejected')", name="review"),
        # what nobody accepted is told to nobody, whatever code comes later
        CheckConstraint("review = '' OR status = 'manual_unverified'", name="unreviewed"),
        CheckConstraint(
            "source <> 'backlog' OR status = 'manual_unverified' OR reviewed_by IS NOT NULL",
            name="reviewed",
        ),
        CheckConstraint(
            "reviewed_by IS NULL OR (reviewed_by <> entered_by AND reviewed_by <> corrected_by)",
            name="second_person",
        ),
        # a rejected entry gives its number back
        Index(
            "uq_building_permits_number",
            "center_code",
            "year",
            "number",
            "letter",
            unique=True,
            sqlite_where=_IN_REGISTER,
            postgresql_where=_IN_REGISTER,
        ),
        Index("ix_building_permits_address", "center_code", "street_key", "building_no"),
        Index(
            "ix_building_permits_base",
            "center_code",
            "base_permit",
            sqlite_where=_CHANGES_ANOTHER,
            postgresql_where=_CHANGES_ANOTHER,
        ),
        Index("ix_building_permits_file", "center_code", "file_department", "file_no"),
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
    lapse_refused_on: Mapped[date | None] = mapped_column(Date)
    """When an officer found that it had not lapsed: it is not proposed again."""
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    entered_by: Mapped[str] = mapped_column(String(80), default="")
    import_id: Mapped[int | None] = mapped_column(ForeignKey("permit_imports.id"), index=True)
    """The file that it came in, if it did."""
    file_year: Mapped[int | None]
    """Of its paper file, where it is not the permit's own year."""
    file_department: Mapped[str] = mapped_column(String(40), default=DEPARTMENT)
    review: Mapped[str] = mapped_column(String(10), default="")
    """Of an entry that nobody has accepted: ``returned`` to be corrected, ``rejected``, or empty
    while it waits."""
    reviewed_by: Mapped[str | None] = mapped_column(String(80))
    corrected_by: Mapped[str] = mapped_column(String(80), default="")
    lot_id: Mapped[int | None] = mapped_column(ForeignKey("review_lots.id"), index=True)
    """The lot whose sample decides about it."""


class PermitOwner(Base):
    """That somebody owns what a permit is for: the keyed hash of the national ID finds it.

    A national ID is what anybody may say; the mobile, which a code proves, tells that it is he.
    """

    __tablename__ = "permit_owners"

    permit_id: Mapped[int] = mapped_column(ForeignKey("building_permits.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    national_id: Mapped[bytes] = mapped_column(sealed())
    national_id_index: Mapped[bytes] = mapped_column(LargeBinary(32), index=True, info=NATIONAL_ID)
    mobile: Mapped[bytes | None] = mapped_column(sealed())
    mobile_index: Mapped[bytes | None] = mapped_column(LargeBinary(32), info=MOBILE)


class PermitClaim(Base):
    """That a permit is told in full to a citizen's account: it came from a request of his, or he
    named it as its owner while no mobile of the owner was recorded."""

    __tablename__ = "permit_claims"

    permit_id: Mapped[int] = mapped_column(ForeignKey("building_permits.id"), primary_key=True)
    citizen_id: Mapped[int] = mapped_column(ForeignKey("citizens.id"), primary_key=True, index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class PermitLeftover(Base):
    """An issued paper that the register could not follow, until somebody has dealt with it."""

    __tablename__ = "permit_leftovers"
    __table_args__ = (
        UniqueConstraint("request_number", "why"),
        CheckConstraint("(settled_by IS NULL) = (settled_at IS NULL)", name="settled"),
        Index("ix_permit_leftovers_center", "center_code", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    center_code: Mapped[str] = mapped_column(String(8))
    request_number: Mapped[str] = mapped_column(String(20))
    service_code: Mapped[str] = mapped_column(String(60))
    why: Mapped[str] = mapped_column(String(20))
    output_number: Mapped[str] = mapped_column(String(60))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    permit: Mapped[bytes | None] = mapped_column(sealed())
    """All of it but its number, where it can be entered as it is."""
    settled_by: Mapped[str | None] = mapped_column(String(80))
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


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
    changes: Mapped[bytes | None] = mapped_column(sealed())
    """What a correction changed: by field what stood there, and what stands there now."""
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


class PermitImportRow(Base):
    """A row of a file that was read and checked, ready to be entered; gone when it is.

    ``fate`` is ``good``, ``there`` or ``bad``; a bad one has its number only, if it has one.
    """

    __tablename__ = "permit_import_rows"
    __table_args__ = (
        CheckConstraint("fate IN ('good', 'there', 'bad')", name="fate"),
        Index("ix_permit_import_rows_number", "import_id", "year", "number", "letter", "row_no"),
    )

    import_id: Mapped[int] = mapped_column(ForeignKey("permit_imports.id"), primary_key=True)
    row_no: Mapped[int] = mapped_column(primary_key=True)
    """As the sheet counts, from 1."""
    fate: Mapped[str] = mapped_column(String(5))
    serial: Mapped[str] = mapped_column(String(26))
    year: Mapped[int]
    number: Mapped[int]
    letter: Mapped[str] = mapped_column(String(1))
    permit_type: Mapped[str] = mapped_column(String(20))
    legal_regime: Mapped[str] = mapped_column(String(20))
    base_permit: Mapped[str] = mapped_column(String(20))
    file_no: Mapped[str] = mapped_column(String(40))
    area: Mapped[str] = mapped_column(String(120))
    street: Mapped[str] = mapped_column(String(120))
    street_key: Mapped[str] = mapped_column(String(120))
    building_no: Mapped[str] = mapped_column(String(20))
    plot_no: Mapped[str] = mapped_column(String(30))
    building_use: Mapped[str] = mapped_column(String(20))
    plot_area: Mapped[int | None] = mapped_column(BigInteger)
    footprint_area: Mapped[int | None] = mapped_column(BigInteger)
    total_built_area: Mapped[int | None] = mapped_column(BigInteger)
    height_cm: Mapped[int | None]
    floors_above: Mapped[int | None]
    basements: Mapped[int | None]
    units_count: Mapped[int | None]
    issued_on: Mapped[date | None] = mapped_column(Date)
    must_start_by: Mapped[date | None] = mapped_column(Date)
    # sealed for the places that they go to, so that they are copied as they are
    people: Mapped[bytes | None] = mapped_column(sealed(), info={"place": PEOPLE})
    national_id: Mapped[bytes | None] = mapped_column(sealed(), info={"place": OWNER_ID})
    national_id_index: Mapped[bytes | None] = mapped_column(LargeBinary(32), info=NATIONAL_ID)
    mobile: Mapped[bytes | None] = mapped_column(sealed(), info={"place": OWNER_MOBILE})
    mobile_index: Mapped[bytes | None] = mapped_column(LargeBinary(32), info=MOBILE)


class PermitImportProblem(Base):
    """One cell that cannot be taken as it is: where, what it holds, and what is wrong with it."""

    __tablename__ = "permit_import_problems"
    __table_args__ = (Index("ix_permit_import_problems_field", "import_id", "field", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    import_id: Mapped[int] = mapped_column(ForeignKey("permit_imports.id"), index=True)
    row_no: Mapped[int]
    position: Mapped[int | None]
    """The column, counted from 0; None where the row as a whole is meant."""
    field: Mapped[str] = mapped_column(String(20))
    value: Mapped[bytes] = mapped_column(sealed())
    msgid: Mapped[str] = mapped_column(String(200))
    params: Mapped[dict[str, Any]] = mapped_column(JSON)
