"""Brings a database to the newest state, and tells whether it is there."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from portal.db import Database

_HERE = Path(__file__).resolve().parent


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    return config


def upgrade(database: Database) -> None:
    """Run what is missing, in one transaction that others wait for."""
    config = _config()
    with database.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_current(connection: Connection) -> bool:
    """Whether the database has every migration."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    return MigrationContext.configure(connection).get_current_revision() == head


def differences(connection: Connection) -> list[object]:
    """What the tables and the models disagree on: nothing, or a migration is missing."""
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415

    from payments.model import Base as PaymentsBase  # noqa: PLC0415
    from portal.db import Base  # noqa: PLC0415

    context = MigrationContext.configure(connection, opts={"compare_type": False})
    known = [Base.metadata, PaymentsBase.metadata]
    return list(compare_metadata(context, known))  # type: ignore[arg-type]
