"""centers are watched: what is known of their silence, and which requests an outage left behind"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "center_watches",
        sa.Column("center_code", sa.String(8), nullable=False),
        sa.Column("looked_at", _TIME, nullable=False),
        sa.Column("silent_since", _TIME, nullable=True),
        sa.Column("acknowledged_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("center_code", name="pk_center_watches"),
    )
    op.create_table(
        "outage_failures",
        sa.Column("outage_id", sa.Integer(), nullable=False),
        sa.Column("request_number", sa.String(20), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("failed_at", _TIME, nullable=False),
        sa.CheckConstraint("kind IN ('window', 'period')", name="ck_outage_failures_kind"),
        sa.ForeignKeyConstraint(["outage_id"], ["outages.id"], name="fk_outage_failures_outage_id"),
        sa.PrimaryKeyConstraint("request_number", "outage_id", "kind", name="pk_outage_failures"),
    )
    op.create_index("ix_inward_events_center", "inward_events", ["center_code", "received_at"])
    op.add_column("center_uploads", sa.Column("event_id", sa.String(40), nullable=True))
    op.create_index("ix_center_uploads_event_id", "center_uploads", ["event_id"])
