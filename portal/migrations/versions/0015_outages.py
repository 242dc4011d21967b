"""outages: what did not work, what that moved, and what beats to tell of it"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "outages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(10), nullable=False),
        sa.Column("place", sa.String(8), nullable=False),
        sa.Column("began_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("source", sa.String(10), nullable=False),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.Column("entered_by", sa.String(80), nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.Column("confirmed_by", sa.String(80), nullable=True),
        sa.Column("confirmed_at", _TIME, nullable=True),
        sa.Column("windows_moved_at", _TIME, nullable=True),
        sa.Column("periods_moved_at", _TIME, nullable=True),
        sa.Column("withdrawn_by", sa.String(80), nullable=True),
        sa.Column("withdrawn_at", _TIME, nullable=True),
        sa.CheckConstraint("scope IN ('portal', 'provider', 'center')", name="ck_outages_scope"),
        sa.CheckConstraint("(scope = 'center') = (place <> '')", name="ck_outages_place"),
        sa.CheckConstraint("source IN ('health', 'entered')", name="ck_outages_source"),
        sa.CheckConstraint("ended_at > began_at", name="ck_outages_ended"),
        sa.CheckConstraint(
            "(confirmed_by IS NULL) = (confirmed_at IS NULL)", name="ck_outages_confirmed"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_outages"),
    )
    under_way = sa.text("ended_at IS NULL AND withdrawn_at IS NULL")
    op.create_index(
        "uq_outages_under_way",
        "outages",
        ["scope", "place"],
        unique=True,
        sqlite_where=under_way,
        postgresql_where=under_way,
    )
    op.create_table(
        "outage_moves",
        sa.Column("outage_id", sa.Integer(), nullable=False),
        sa.Column("request_number", sa.String(20), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("moved_at", _TIME, nullable=False),
        sa.CheckConstraint("kind IN ('window', 'period')", name="ck_outage_moves_kind"),
        sa.ForeignKeyConstraint(["outage_id"], ["outages.id"], name="fk_outage_moves_outage_id"),
        sa.PrimaryKeyConstraint("outage_id", "request_number", "kind", name="pk_outage_moves"),
    )
    op.create_table(
        "heartbeats",
        sa.Column("part", sa.String(10), nullable=False),
        sa.Column("ok_at", _TIME, nullable=False),
        sa.Column("failing_since", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("part", name="pk_heartbeats"),
    )
