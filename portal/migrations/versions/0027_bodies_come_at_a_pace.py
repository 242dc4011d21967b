"""bodies: how much each may come is counted over all processes"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0024"


def upgrade() -> None:
    op.create_table(
        "body_buckets",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("level", sa.Double(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_body_buckets"),
    )
    op.create_index("ix_body_buckets_at", "body_buckets", ["at"])
