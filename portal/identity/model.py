"""Who acts: citizens, staff, their sign-ins, and the one-time codes between them.

National IDs and mobiles are sealed; ``…_index`` columns are keyed hashes under which they are
found. ``info["index_of"]`` tells the key rotation which sealed column an index belongs to.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime, sealed

NATIONAL_ID = {"index_of": "national_id", "kind": "national_id"}
MOBILE = {"index_of": "mobile", "kind": "mobile"}


class Citizen(Base):
    """A person under one national ID and one mobile.

    The pair is the account: whoever claims somebody's national ID with another phone gets an
    account of their own, and sees nothing of the other (docs/decisions/0005).
    """

    __tablename__ = "citizens"
    __table_args__ = (
        UniqueConstraint("national_id_index", "mobile_index"),
        Index("ix_citizens_mobile_index", "mobile_index"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    national_id: Mapped[bytes] = mapped_column(sealed())
    national_id_index: Mapped[bytes] = mapped_column(LargeBinary(32), info=NATIONAL_ID)
    mobile: Mapped[bytes] = mapped_column(sealed())
    mobile_index: Mapped[bytes] = mapped_column(LargeBinary(32), info=MOBILE)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Staff(Base):
    """An employee. ``scope`` is a center, a governorate, or ``EG`` for the ministry."""

    __tablename__ = "staff"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(80), unique=True)
    display_name: Mapped[str] = mapped_column(String(120))
    role: Mapped[str] = mapped_column(String(40))
    scope: Mapped[str] = mapped_column(String(12))
    password_hash: Mapped[str] = mapped_column(String(200))
    demo: Mapped[bool]
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SignIn(Base):
    """A session on the server. The cookie holds a random token, this row only its hash."""

    __tablename__ = "sign_ins"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    citizen_id: Mapped[int | None] = mapped_column(ForeignKey("citizens.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    request_number: Mapped[str | None] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class HeldForm(Base):
    """What somebody sent when their session had just ended: shown to them after the next sign-in.

    ``token_hash`` is of the cookie that the form came with, then of the one that follows it.
    """

    __tablename__ = "held_forms"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    citizen_id: Mapped[int | None] = mapped_column(ForeignKey("citizens.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    path: Mapped[str] = mapped_column(String(300))
    form: Mapped[bytes] = mapped_column(sealed())
    kept_until: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class OneTimeCode(Base):
    """A code that was sent; only its keyed hash is kept. One a browser is live at a time."""

    __tablename__ = "one_time_codes"
    __table_args__ = (
        Index("ix_one_time_codes_mobile", "mobile_index", "created_at"),
        Index("ix_one_time_codes_national_id", "national_id_index", "created_at"),
        Index("ix_one_time_codes_address", "address_hash", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    browser_hash: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    purpose: Mapped[str] = mapped_column(String(12))
    national_id: Mapped[bytes | None] = mapped_column(sealed())
    national_id_index: Mapped[bytes | None] = mapped_column(LargeBinary(32), info=NATIONAL_ID)
    mobile: Mapped[bytes] = mapped_column(sealed())
    mobile_index: Mapped[bytes] = mapped_column(LargeBinary(32), info=MOBILE)
    request_number: Mapped[str | None] = mapped_column(String(20))
    address_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    next_path: Mapped[str] = mapped_column(String(300))
    tries_left: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class FailedSignIn(Base):
    """A wrong staff password, counted by account and by address for a while."""

    __tablename__ = "failed_sign_ins"
    __table_args__ = (Index("ix_failed_sign_ins_key", "key_hash", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
