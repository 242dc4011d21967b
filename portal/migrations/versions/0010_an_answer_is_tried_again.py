"""an answer that came too early is tried again when its request has changed"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("inward_events", sa.Column("try_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_inward_events_try_at",
        "inward_events",
        ["try_at"],
        sqlite_where=sa.text("try_at IS NOT NULL"),
        postgresql_where=sa.text("try_at IS NOT NULL"),
    )
