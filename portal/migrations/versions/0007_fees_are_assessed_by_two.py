"""later fees are assessed at the center: one employee proposes, another approves"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "center_assessments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("center_request_id", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(20), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("assessed_by", sa.String(80), nullable=False),
        sa.Column("assessed_name", sa.String(120), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.String(80), nullable=True),
        sa.Column("approved_name", sa.String(120), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("receipt", sa.String(20), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('proposed', 'returned', 'approved', 'settled')",
            name="ck_center_assessments_state",
        ),
        sa.CheckConstraint("total >= 0", name="ck_center_assessments_total"),
        sa.CheckConstraint("approved_by <> assessed_by", name="ck_center_assessments_two_people"),
        sa.CheckConstraint(
            "approved_by IS NOT NULL OR state IN ('proposed', 'returned')",
            name="ck_center_assessments_approved",
        ),
        sa.ForeignKeyConstraint(
            ["center_request_id"],
            ["center_requests.id"],
            name="fk_center_assessments_center_request_id_center_requests",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_center_assessments"),
    )
    op.create_index(
        "uq_center_assessments_standing",
        "center_assessments",
        ["center_request_id", "stage"],
        unique=True,
        sqlite_where=sa.text("state <> 'returned'"),
        postgresql_where=sa.text("state <> 'returned'"),
    )
    op.create_index("ix_center_assessments_request", "center_assessments", ["center_request_id"])
    op.create_table(
        "center_assessment_lines",
        sa.Column("assessment_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("line_id", sa.String(40), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("label", sa.JSON(), nullable=False),
        sa.Column("beneficiary", sa.String(40), nullable=False),
        sa.Column("refundable", sa.Boolean(), nullable=False),
        sa.Column("computed", sa.BigInteger(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "amount >= 0 OR code = 'discount'", name="ck_center_assessment_lines_amount"
        ),
        sa.ForeignKeyConstraint(
            ["assessment_id"],
            ["center_assessments.id"],
            name="fk_center_assessment_lines_assessment_id_center_assessments",
        ),
        sa.PrimaryKeyConstraint("assessment_id", "position", name="pk_center_assessment_lines"),
    )
