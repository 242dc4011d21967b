"""What every table needs: the type of an instant, and an insert that may come second."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ClauseElement, Connection, DateTime, Insert
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import SyntaxExtension
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


class UnlessThere(SyntaxExtension, ClauseElement):
    """The end of an INSERT of a row that may be there already: nothing is done then.

    Both databases spell it alike; whoever comes second waits for the first one's transaction.
    """

    # nothing is in it, so that two of them are alike
    _traverse_internals = []  # noqa: RUF012 - as the base class declares it

    def apply_to_insert(self, insert_stmt: Insert) -> None:
        insert_stmt.apply_syntax_extension_point(lambda _before: [self], "post_values")


@compiles(UnlessThere)
def _spell(_element: UnlessThere, _compiler: Any, **_options: Any) -> str:
    return "ON CONFLICT DO NOTHING"


def insert_missing(db: Connection, statement: Insert | ReturningInsert[Any]) -> Any:
    """Insert a row that may be there already; what RETURNING gave, or None when it was there."""
    careful = statement.ext(UnlessThere()).execution_options(preserve_rowcount=True)
    result = db.execute(careful)
    if result.returns_rows:
        return result.scalar()
    return True if result.rowcount == 1 else None
