"""Brings a database to the newest state, and tells whether it is there."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from portal.db import Database

_HERE = Path(__file__).resolve().parent


class DatabaseNewer(Exception):
    """A newer version of the portal has changed this database; this one does not know it."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    return config


def upgrade(database: Database) -> None:
    """Run what is missing, in one transaction that others wait for.

    Raises :class:`DatabaseNewer`.
    """
    config = _config()
    with database.begin() as connection:
        _check_known(connection, ScriptDirectory.from_config(config))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _check_known(connection: Connection, script: ScriptDirectory) -> None:
    known = {revision.revision for revision in script.walk_revisions()}
    found = set(MigrationContext.configure(connection).get_current_heads())
    if found - known:
        raise DatabaseNewer(
            f"the database is at {', '.join(sorted(found))}, newer than this version of the "
            f"portal, which ends at {script.get_current_head()}; nothing was changed"
        )


def differences(connection: Connection) -> list[object]:
    """What the tables and the models disagree on: nothing, or a migration is missing."""
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415

    from payments.model import Base as PaymentsBase  # noqa: PLC0415
    from portal.db import Base  # noqa: PLC0415

    context = MigrationContext.configure(connection, opts={"compare_type": False})
    known = [Base.metadata, PaymentsBase.metadata]
    return list(compare_metadata(context, known))  # type: ignore[arg-type]
