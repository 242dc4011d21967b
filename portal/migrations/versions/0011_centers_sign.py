"""centers sign: their public keys, the keys of the own back office, and what they upload"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("signing_keys", sa.Column("revoked_at", moment, nullable=True))
    op.create_table(
        "center_signing_keys",
        sa.Column("kid", sa.String(20), nullable=False),
        sa.Column("algorithm", sa.String(10), nullable=False),
        sa.Column("private_key", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.JSON(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("retired_at", moment, nullable=True),
        sa.Column("revoked_at", moment, nullable=True),
        sa.PrimaryKeyConstraint("kid", name="pk_center_signing_keys"),
    )
    op.create_index(
        "uq_center_signing_keys_living",
        "center_signing_keys",
        ["algorithm"],
        unique=True,
        sqlite_where=sa.text("retired_at IS NULL"),
        postgresql_where=sa.text("retired_at IS NULL"),
    )
    op.create_table(
        "center_keys",
        sa.Column("kid", sa.String(43), nullable=False),
        sa.Column("center_code", sa.String(8), nullable=True),
        sa.Column("public_key", sa.JSON(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("retired_at", moment, nullable=True),
        sa.Column("revoked_at", moment, nullable=True),
        sa.Column("note", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("kid", name="pk_center_keys"),
    )
    op.create_index("ix_center_keys_center", "center_keys", ["center_code"])
    op.create_table(
        "center_uploads",
        sa.Column("id", sa.String(24), nullable=False),
        sa.Column("center_code", sa.String(8), nullable=False),
        sa.Column("jti", sa.String(64), nullable=False),
        sa.Column("given_sha256", sa.String(64), nullable=False),
        sa.Column("media_type", sa.String(60), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("storage_key", sa.String(40), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_center_uploads"),
        sa.UniqueConstraint("center_code", "jti", name="uq_center_uploads_center_code_jti"),
        sa.UniqueConstraint("storage_key", name="uq_center_uploads_storage_key"),
    )
    op.create_index("ix_center_uploads_created_at", "center_uploads", ["created_at"])
