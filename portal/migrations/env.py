"""Runs the migrations: one at a time, under a lock, each in its own transaction."""

from typing import Literal

from alembic import context
from sqlalchemy import Connection, text

from payments.model import Base as PaymentsBase
from payments.reconciliation import model as _reconciliation
from portal import signatures as _signatures
from portal.backoffice import model as _backoffice
from portal.bodies import model as _bodies
from portal.db import Base, Database, UtcDateTime
from portal.handoff import keys as _center_keys
from portal.handoff import model as _handoff
from portal.handoff import uploads as _center_uploads
from portal.holidays import model as _holidays
from portal.identity import model as _identity
from portal.notifications import model as _notifications
from portal.outages import model as _outages
from portal.permits import backlog_model as _backlog
from portal.permits import model as _permits
from portal.registers import model as _registers
from portal.requests import model as _requests

# imported for their tables
TABLES = (
    _backlog,
    _backoffice,
    _bodies,
    _center_keys,
    _center_uploads,
    _handoff,
    _holidays,
    _identity,
    _notifications,
    _outages,
    _reconciliation,
    _permits,
    _registers,
    _requests,
    _signatures,
)
METADATA = [Base.metadata, PaymentsBase.metadata]
_LOCK = 7_426_001  # any number of our own: PostgreSQL's advisory lock of migrations


def _render(kind: str, item: object, _context: object) -> str | Literal[False]:
    """A migration names the database's own types, never the program's: those may change."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def run(connection: Connection) -> None:
    postgres = connection.dialect.name == "postgresql"
    if postgres:
        # a migration may take longer than a page, and so may those that wait for it
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        connection.execute(text("SET LOCAL lock_timeout = '10s'"))
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_item=_render,
    )
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    database = Database(context.config.attributes["url"])
    with database.begin() as fresh:
        run(fresh)
    database.close()
