"""what was typed outlives a session: a form that came too late waits for the next sign-in"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "held_forms",
        sa.Column("token_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("citizen_id", sa.Integer(), nullable=True),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.Column("path", sa.String(300), nullable=False),
        sa.Column("form", sa.LargeBinary(), nullable=False),
        sa.Column("kept_until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["citizen_id"], ["citizens.id"], name="fk_held_forms_citizen_id_citizens"
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_held_forms_staff_id_staff"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_held_forms"),
    )
    op.create_index("ix_held_forms_kept_until", "held_forms", ["kept_until"])
