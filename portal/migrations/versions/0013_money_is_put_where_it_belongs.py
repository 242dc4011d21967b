"""money is put where it belongs: proposed by one, approved by another"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_TIME = sa.DateTime(timezone=True)
_TABLE, _LINES = "payment_rebookings", "payment_rebooking_lines"


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("choice", sa.String(12), nullable=False),
        sa.Column("attempt_id", sa.String(32), nullable=False),
        sa.Column("reference", sa.String(40), nullable=False),
        sa.Column("obligation_id", sa.String(32), nullable=True),
        sa.Column("refund_id", sa.String(32), nullable=True),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(300), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("proposed_by", sa.String(80), nullable=False),
        sa.Column("proposed_at", _TIME, nullable=False),
        sa.Column("decided_by", sa.String(80), nullable=True),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.Column("decided_note", sa.String(300), nullable=False),
        sa.CheckConstraint("amount > 0", name=f"ck_{_TABLE}_positive"),
        sa.CheckConstraint(
            "choice IN ('request', 'loss', 'deposit', 'paid_out')", name=f"ck_{_TABLE}_choice"
        ),
        sa.CheckConstraint(
            "(choice = 'request') = (obligation_id IS NOT NULL)", name=f"ck_{_TABLE}_target"
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'approved', 'rejected')", name=f"ck_{_TABLE}_state"
        ),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> proposed_by", name=f"ck_{_TABLE}_two_people"
        ),
        sa.CheckConstraint(
            "(state = 'proposed') = (decided_by IS NULL)", name=f"ck_{_TABLE}_decided"
        ),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=f"fk_{_TABLE}_{column}_{table}")
            for column, table in (
                ("case_id", "payment_cases"),
                ("attempt_id", "payment_attempts"),
                ("obligation_id", "payment_obligations"),
                ("refund_id", "payment_refunds"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=f"pk_{_TABLE}"),
    )
    for column in ("case_id", "attempt_id", "obligation_id"):
        op.create_index(f"ix_{_TABLE}_{column}", _TABLE, [column])
    op.create_index(
        f"uq_{_TABLE}_proposed",
        _TABLE,
        ["case_id"],
        unique=True,
        sqlite_where=sa.text("state = 'proposed'"),
        postgresql_where=sa.text("state = 'proposed'"),
    )
    op.create_table(
        _LINES,
        sa.Column("rebooking_id", sa.String(32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(30), nullable=False),
        sa.Column("entity", sa.String(40), nullable=False),
        sa.Column("item", sa.String(40), nullable=False),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount <> 0", name=f"ck_{_LINES}_not_zero"),
        sa.ForeignKeyConstraint(
            ["rebooking_id"], [f"{_TABLE}.id"], name=f"fk_{_LINES}_rebooking_id_{_TABLE}"
        ),
        sa.PrimaryKeyConstraint("rebooking_id", "position", name=f"pk_{_LINES}"),
    )
