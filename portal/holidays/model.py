"""Official holidays: national ones, and those of one governorate.

A holiday is never deleted: a cancelled one keeps its row with ``removed_at``, so that every due
date can be explained later.
"""

from datetime import date, datetime

from sqlalchemy import Date, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime


class Holiday(Base):
    """A day off. ``governorate`` is empty for the whole country."""

    __tablename__ = "holidays"
    __table_args__ = (
        Index(
            "uq_holidays_in_force",
            "day",
            "governorate",
            unique=True,
            sqlite_where=text("removed_at IS NULL"),
            postgresql_where=text("removed_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date)
    governorate: Mapped[str] = mapped_column(String(8), default="")
    name_ar: Mapped[str] = mapped_column(String(120))
    name_en: Mapped[str] = mapped_column(String(120))
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
