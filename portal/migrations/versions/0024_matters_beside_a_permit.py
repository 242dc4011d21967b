"""matters: what is recorded beside a permit, opened and closed"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

_KINDS = (
    "violation",
    "stop_work",
    "removal_order",
    "court_case",
    "reconciliation",
    "form_8",
    "dues",
)


def upgrade() -> None:
    listed = ", ".join(f"'{kind}'" for kind in _KINDS)
    op.create_table(
        "permit_matters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("permit_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("reference", sa.String(60), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.CheckConstraint(f"kind IN ({listed})", name="ck_permit_matters_kind"),
        sa.CheckConstraint("reference <> ''", name="ck_permit_matters_reference"),
        sa.CheckConstraint(
            "closed_on IS NULL OR closed_on >= opened_on", name="ck_permit_matters_closed_on"
        ),
        sa.CheckConstraint(
            "(closed_on IS NULL) = (outcome = '')", name="ck_permit_matters_outcome"
        ),
        sa.ForeignKeyConstraint(
            ["permit_id"], ["building_permits.id"], name="fk_permit_matters_permit_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_permit_matters"),
        sa.UniqueConstraint(
            "permit_id", "kind", "reference", name="uq_permit_matters_permit_id_kind_reference"
        ),
    )
