"""bodies: how much each may come is counted over all processes, and a key has its last day"""

from datetime import timedelta

import sqlalchemy as sa
from alembic import op

from portal.jws import thumbprint

revision = "0027"
down_revision = "0026"


_KEYS = sa.table(
    "body_keys",
    sa.column("body_code", sa.String),
    sa.column("kid", sa.String),
    sa.column("public_key", sa.JSON),
    sa.column("thumbprint", sa.String),
    sa.column("valid_until", sa.Date),
    sa.column("created_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    op.create_table(
        "body_buckets",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("level", sa.Double(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_body_buckets"),
    )
    op.create_index("ix_body_buckets_at", "body_buckets", ["at"])
    op.create_index("ix_body_inquiries_reference", "body_inquiries", ["reference"])
    for column in (
        sa.Column("thumbprint", sa.String(43), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
    ):
        op.add_column("body_keys", column)
    _fill()
    with op.batch_alter_table("body_keys") as keys:
        keys.alter_column("thumbprint", existing_type=sa.String(43), nullable=False)
        keys.alter_column("valid_until", existing_type=sa.Date(), nullable=False)
        keys.create_unique_constraint(
            "uq_body_keys_body_code_thumbprint", ["body_code", "thumbprint"]
        )


def _fill() -> None:
    """Keys that were entered hold for two years since."""
    db = op.get_bind()
    for row in db.execute(sa.select(_KEYS)).all():
        db.execute(
            sa.update(_KEYS)
            .where(_KEYS.c.body_code == row.body_code, _KEYS.c.kid == row.kid)
            .values(
                thumbprint=thumbprint(row.public_key),
                valid_until=row.created_at.date() + timedelta(days=730),
            )
        )
