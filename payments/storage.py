"""What every table needs: the type of an instant, and an insert that may come second."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, DateTime, Insert
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. Naive times are refused on the way in; what comes out is aware, in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time has no place in the database")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def insert_missing(db: Connection, statement: Insert | ReturningInsert[Any]) -> Any:
    """Insert a row that may be there already; what RETURNING gave, or None when it was there."""
    try:
        with db.begin_nested():
            result = db.execute(statement)
            return result.scalar() if result.returns_rows else True
    except IntegrityError:
        return None
