"""Bodies, what was agreed with each, their keys and users, and everything they asked.

A body is one institution (facts §6.5) with an account of one governorate. What it may ask for is
agreed purpose by purpose; each purpose has a set of fields, which an agreement may narrow. Names
that a body sends to be compared, and the answers, stand sealed.
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
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime, sealed

ANSWER = "body_inquiries.answer"
QUESTION = "body_job_items.question"
_LIVING = text("revoked_at IS NULL")
_OPEN = text("ended_at IS NULL")
LARGEST_BATCH = 500
_Position = BigInteger().with_variant(Integer, "sqlite")


class BodyKind(StrEnum):
    """What a body is (facts §6.5)."""

    ELECTRICITY = "electricity"
    WATER = "water"
    GAS = "gas"
    TELECOM = "telecom"
    NOTARY = "notary"
    BANK = "bank"
    PROPERTY_TAX = "property_tax"
    COURT = "court"
    INSURANCE = "insurance"
    CIVIL_DEFENCE = "civil_defence"
    UTILITIES_POLICE = "utilities_police"


class Purpose(StrEnum):
    """What an answer is for; the scope of a token is ``permits:`` and this word."""

    CONNECTION = "connection"
    """Whether connecting a utility is lawful."""
    REGISTRATION = "registration"
    """Before a deed is registered."""
    VALUATION = "valuation"
    TAXATION = "taxation"
    JUDICIAL = "judicial"
    INSURANCE = "insurance"
    SAFETY = "safety"

    @property
    def scope(self) -> str:
        return f"permits:{self.value}"


class BodyAnswer(StrEnum):
    """Classes of answers to bodies (facts §6.5)."""

    CONFIRMED = "confirmed"
    CONFIRMED_WITH_REMARKS = "confirmed_with_remarks"
    NOT_FOUND = "not_found"
    NEEDS_MANUAL_SEARCH = "needs_manual_search"


class OutsideBody(Base):
    """An institution. Its code is the ``client_id`` of OAuth 2.0."""

    __tablename__ = "outside_bodies"
    __table_args__ = (CheckConstraint("per_minute BETWEEN 1 AND 6000", name="per_minute"),)

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    name_ar: Mapped[str] = mapped_column(String(120))
    name_en: Mapped[str] = mapped_column(String(120), default="")
    governorate_code: Mapped[str] = mapped_column(String(8), index=True)
    """Whose account it is; it may ask for permits of this governorate's centers."""
    per_minute: Mapped[int] = mapped_column(default=120)
    """Inquiries a minute; a job counts each of its lines when it is worked on."""
    webhook_url: Mapped[str] = mapped_column(String(300), default="")
    """Where changes are told; empty when that was not agreed."""
    revision: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when it may nothing; it can be opened again."""


class BodyAgreement(Base):
    """That a body may ask for one purpose: by which letter, until when, which fields."""

    __tablename__ = "body_agreements"
    __table_args__ = (
        Index(
            "uq_body_agreements_living",
            "body_code",
            "purpose",
            unique=True,
            sqlite_where=_LIVING,
            postgresql_where=_LIVING,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    body_code: Mapped[str] = mapped_column(ForeignKey("outside_bodies.code"))
    purpose: Mapped[str] = mapped_column(String(20))
    fields: Mapped[list[str]] = mapped_column(JSON)
    """What is told, of the purpose's set and never more."""
    letter: Mapped[str] = mapped_column(String(60))
    """The letter or protocol by which it was agreed."""
    valid_until: Mapped[date] = mapped_column(Date)
    """The last day."""
    batches: Mapped[bool]
    """Whether jobs of many lines were agreed (facts §6.5: only by agreement)."""
    notices: Mapped[bool]
    """Whether changes of a permit that was asked about are told."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class BodyKey(Base):
    """A public key of a body (P-256), with which it asks for tokens (RFC 7523)."""

    __tablename__ = "body_keys"
    __table_args__ = (UniqueConstraint("body_code", "thumbprint"),)

    body_code: Mapped[str] = mapped_column(ForeignKey("outside_bodies.code"), primary_key=True)
    kid: Mapped[str] = mapped_column(String(43), primary_key=True)
    public_key: Mapped[dict[str, Any]] = mapped_column(JSON)
    thumbprint: Mapped[str] = mapped_column(String(43))
    """RFC 7638: one that was revoked does not come back under another name."""
    valid_until: Mapped[date] = mapped_column(Date)
    """The last day."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When a token was last given for it."""
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class BodyUser(Base):
    """A named user of a body; every inquiry names the one who asks."""

    __tablename__ = "body_users"

    body_code: Mapped[str] = mapped_column(ForeignKey("outside_bodies.code"), primary_key=True)
    username: Mapped[str] = mapped_column(String(40), primary_key=True)
    """As the body calls its employee, such as a number; no name of a person is needed."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class BodyAct(Base):
    """What the governorate did with a body's account; never changed."""

    __tablename__ = "body_acts"
    __table_args__ = (UniqueConstraint("body_code", "revision"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    body_code: Mapped[str] = mapped_column(ForeignKey("outside_bodies.code"))
    revision: Mapped[int]
    act: Mapped[str] = mapped_column(String(30))
    subject: Mapped[str] = mapped_column(String(60), default="")
    """What it was done with: a key's name, a purpose, a user."""
    reason: Mapped[str] = mapped_column(String(500), default="")
    actor: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class BodyAssertion(Base):
    """A client's assertion that was used for a token: none counts twice (RFC 7523 §3)."""

    __tablename__ = "body_assertions"

    body_code: Mapped[str] = mapped_column(ForeignKey("outside_bodies.code"), primary_key=True)
    jti: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    """SHA-256 of it."""
    forget_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class BodyBucket(Base):
    """How much a body, or a network, may still come: ``level`` at the instant ``at``, and more
    since."""

    __tablename__ = "body_buckets"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    level: Mapped[float]
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class BodyInquiry(Base):
    """One question of a body and its answer: the log, and what a repetition is answered with."""

    __tablename__ = "body_inquiries"
    __table_args__ = (
        Index("ix_body_inquiries_body", "body_code", "at", "id"),
        Index("ix_body_inquiries_permit", "permit_id", "at"),
        Index("ix_body_inquiries_reference", "reference"),
        Index("ix_body_inquiries_job", "job_id", "position", unique=True),
        Index(
            "ix_body_inquiries_to_search",
            "center_code",
            "search_due",
            sqlite_where=text("search_due IS NOT NULL AND searched_at IS NULL"),
            postgresql_where=text("search_due IS NOT NULL AND searched_at IS NULL"),
        ),
        CheckConstraint("reference <> ''", name="reference"),
        ForeignKeyConstraint(
            ["body_code", "username"], ["body_users.body_code", "body_users.username"]
        ),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    """Number of the answer, which nobody can guess."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    body_code: Mapped[str] = mapped_column(ForeignKey("outside_bodies.code"))
    username: Mapped[str] = mapped_column(String(40))
    purpose: Mapped[str] = mapped_column(String(20))
    reference: Mapped[str] = mapped_column(String(60))
    """The body's own number of its letter or file; obligatory."""
    center_code: Mapped[str] = mapped_column(String(8))
    keys: Mapped[str] = mapped_column(String(60))
    """By what it was asked, such as «number 56/م/1998»."""
    permit_id: Mapped[int | None] = mapped_column(ForeignKey("building_permits.id"))
    answer_class: Mapped[str] = mapped_column(String(30))
    answer: Mapped[bytes] = mapped_column(sealed())
    """What was told, as JSON and as it was signed."""
    job_id: Mapped[str | None] = mapped_column(ForeignKey("body_jobs.id"))
    position: Mapped[int | None]
    search_due: Mapped[date | None] = mapped_column(Date)
    """The last day of the search in the paper archive (5 working days)."""
    searched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    searched_by: Mapped[str] = mapped_column(String(80), default="")


class BodyRepeat(Base):
    """What an ``Idempotency-Key`` led to: the same again is answered the same."""

    __tablename__ = "body_repeats"

    body_code: Mapped[str] = mapped_column(ForeignKey("outside_bodies.code"), primary_key=True)
    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    """SHA-256 of it."""
    request: Mapped[bytes] = mapped_column(LargeBinary(32))
    """Keyed hash of what was asked with it."""
    led_to: Mapped[str] = mapped_column(String(26))
    """The inquiry's or the job's id."""
    forget_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class BodyJob(Base):
    """Up to 500 questions that are answered one after the other."""

    __tablename__ = "body_jobs"
    __table_args__ = (
        CheckConstraint(f"total BETWEEN 1 AND {LARGEST_BATCH}", name="total"),
        CheckConstraint("done BETWEEN 0 AND total", name="done"),
        Index("ix_body_jobs_body", "body_code", "created_at", "id"),
        Index(
            "ix_body_jobs_open",
            "next_at",
            sqlite_where=text("finished_at IS NULL"),
            postgresql_where=text("finished_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    body_code: Mapped[str] = mapped_column(ForeignKey("outside_bodies.code"))
    username: Mapped[str] = mapped_column(String(40))
    purpose: Mapped[str] = mapped_column(String(20))
    reference: Mapped[str] = mapped_column(String(60))
    total: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """When it is worked on next: the body's pace, or the end of a worker's lease."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    stopped_reason: Mapped[str] = mapped_column(String(30), default="")
    """Why it ended before its end, such as that the agreement was revoked."""


class BodyJobItem(Base):
    """One question of a job."""

    __tablename__ = "body_job_items"

    job_id: Mapped[str] = mapped_column(ForeignKey("body_jobs.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    """From 0."""
    question: Mapped[bytes] = mapped_column(sealed())


class BodyWatch(Base):
    """That a body is told when this permit changes: it asked about it, and notices were agreed."""

    __tablename__ = "body_watches"
    __table_args__ = (Index("ix_body_watches_permit", "permit_id"),)

    body_code: Mapped[str] = mapped_column(ForeignKey("outside_bodies.code"), primary_key=True)
    permit_id: Mapped[int] = mapped_column(ForeignKey("building_permits.id"), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20))
    """Of the newest inquiry."""
    reference: Mapped[str] = mapped_column(String(60))
    """Of the newest inquiry."""
    revision: Mapped[int]
    """The permit's, when the newest answer was given: acts after it are news."""
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[date] = mapped_column(Date)


class BodyNotice(Base):
    """News for a body, sent again until it is taken."""

    __tablename__ = "body_notices"
    __table_args__ = (
        Index(
            "uq_body_notices_act",
            "body_code",
            "act_id",
            unique=True,
            sqlite_where=text("act_id IS NOT NULL"),
            postgresql_where=text("act_id IS NOT NULL"),
        ),
        Index("ix_body_notices_body", "body_code", "position"),
        Index(
            "ix_body_notices_due",
            "body_code",
            "next_at",
            "position",
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        Index(
            "ix_body_notices_permit",
            "body_code",
            "permit_id",
            "position",
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    position: Mapped[int] = mapped_column(_Position, primary_key=True)
    """News of one permit go to a body in this order, one after the other."""
    id: Mapped[str] = mapped_column(String(26), unique=True)
    body_code: Mapped[str] = mapped_column(ForeignKey("outside_bodies.code"))
    type: Mapped[str] = mapped_column(String(60))
    """``permit.changed.v1`` and the like: :class:`~portal.bodies.notices.NoticeType`."""
    subject: Mapped[str] = mapped_column(String(60))
    purpose: Mapped[str] = mapped_column(String(20), default="")
    """Whose agreement it is told by; empty where none is needed."""
    permit_id: Mapped[int | None] = mapped_column(ForeignKey("building_permits.id"))
    act_id: Mapped[int | None] = mapped_column(ForeignKey("permit_acts.id"))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What is told; nothing of a person."""
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_error: Mapped[str] = mapped_column(String(60), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it was taken, or given up because it may no longer be told."""
    taken: Mapped[bool] = mapped_column(default=False)


class BodyDelivery(Base):
    """How a body's webhook does, and which worker is at it: one at a time."""

    __tablename__ = "body_deliveries"

    body_code: Mapped[str] = mapped_column(ForeignKey("outside_bodies.code"), primary_key=True)
    url: Mapped[str] = mapped_column(String(300))
    """The address that all this is about; another one is tried at once."""
    lease: Mapped[str] = mapped_column(String(26), default="")
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    next_at: Mapped[datetime] = mapped_column(UtcDateTime)
    failures: Mapped[int] = mapped_column(default=0)
    """In a row."""
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    gone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when it answers 410: it is to be told no more, and somebody should ask why."""
    last_error: Mapped[str] = mapped_column(String(60), default="")
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it last took a notice."""


class BodyConsent(Base):
    """An owner's code by which a body is told more of one permit."""

    __tablename__ = "body_consents"
    __table_args__ = (Index("ix_body_consents_permit", "permit_id"),)

    code: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    """Keyed hash of it."""
    permit_id: Mapped[int] = mapped_column(ForeignKey("building_permits.id"))
    given_at: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[date] = mapped_column(Date)
    """The last day."""
    body_code: Mapped[str | None] = mapped_column(ForeignKey("outside_bodies.code"))
    """The first body that used it: it counts for no other."""
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
