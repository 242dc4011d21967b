"""Brings a database to the newest state, and tells whether it is there."""

import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from portal.db import Database

_HERE = Path(__file__).resolve().parent


# An earlier start may take longer over it than a transaction waits for another
_TRIES = 6


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
    for tries_left in reversed(range(_TRIES)):
        try:
            _upgrade(database)
        except OperationalError as error:
            if not tries_left or "locked" not in str(error.orig):
                raise
            time.sleep(1)
        else:
            return


def _upgrade(database: Database) -> None:
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
