"""Whether a database is at this version of the portal, told without loading the migrations."""

from pathlib import Path

from sqlalchemy import Connection, text

NEWEST = max(path.name[:4] for path in (Path(__file__).parent / "versions").glob("0*.py"))


def is_newest(db: Connection) -> bool:
    """Raises what the database raises where nothing was ever migrated."""
    return bool(db.scalar(text("SELECT version_num FROM alembic_version")) == NEWEST)
