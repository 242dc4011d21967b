"""bodies outside local administration: accounts, keys, what they asked and what they are told"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

_TIME = sa.DateTime(timezone=True)
_POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "outside_bodies",
        sa.Column("code", sa.String(30), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("name_ar", sa.String(120), nullable=False),
        sa.Column("name_en", sa.String(120), nullable=False),
        sa.Column("governorate_code", sa.String(8), nullable=False),
        sa.Column("per_minute", sa.Integer(), nullable=False),
        sa.Column("webhook_url", sa.String(300), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("revoked_at", _TIME, nullable=True),
        sa.CheckConstraint("per_minute BETWEEN 1 AND 6000", name="ck_outside_bodies_per_minute"),
        sa.PrimaryKeyConstraint("code", name="pk_outside_bodies"),
    )
    op.create_index("ix_outside_bodies_governorate_code", "outside_bodies", ["governorate_code"])
    op.create_table(
        "body_acts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("body_code", sa.String(30), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(30), nullable=False),
        sa.Column("subject", sa.String(60), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("actor", sa.String(80), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["body_code"], ["outside_bodies.code"], name="fk_body_acts_body_code"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_body_acts"),
        sa.UniqueConstraint("body_code", "revision", name="uq_body_acts_body_code_revision"),
    )
    op.create_table(
        "body_agreements",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("body_code", sa.String(30), nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("letter", sa.String(60), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("batches", sa.Boolean(), nullable=False),
        sa.Column("notices", sa.Boolean(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("revoked_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["body_code"], ["outside_bodies.code"], name="fk_body_agreements_body_code"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_body_agreements"),
    )
    op.create_index(
        "uq_body_agreements_living",
        "body_agreements",
        ["body_code", "purpose"],
        unique=True,
        sqlite_where=sa.text("revoked_at IS NULL"),
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "body_assertions",
        sa.Column("body_code", sa.String(30), nullable=False),
        sa.Column("jti", sa.LargeBinary(32), nullable=False),
        sa.Column("forget_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["body_code"], ["outside_bodies.code"], name="fk_body_assertions_body_code"
        ),
        sa.PrimaryKeyConstraint("body_code", "jti", name="pk_body_assertions"),
    )
    op.create_index("ix_body_assertions_forget_at", "body_assertions", ["forget_at"])
    op.create_table(
        "body_jobs",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("body_code", sa.String(30), nullable=False),
        sa.Column("username", sa.String(40), nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("reference", sa.String(60), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("next_at", _TIME, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("finished_at", _TIME, nullable=True),
        sa.Column("stopped_reason", sa.String(30), nullable=False),
        sa.CheckConstraint("done BETWEEN 0 AND total", name="ck_body_jobs_done"),
        sa.CheckConstraint("total BETWEEN 1 AND 500", name="ck_body_jobs_total"),
        sa.ForeignKeyConstraint(
            ["body_code"], ["outside_bodies.code"], name="fk_body_jobs_body_code"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_body_jobs"),
    )
    op.create_index("ix_body_jobs_body", "body_jobs", ["body_code", "created_at", "id"])
    op.create_index(
        "ix_body_jobs_open",
        "body_jobs",
        ["next_at"],
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_table(
        "body_keys",
        sa.Column("body_code", sa.String(30), nullable=False),
        sa.Column("kid", sa.String(43), nullable=False),
        sa.Column("public_key", sa.JSON(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("revoked_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["body_code"], ["outside_bodies.code"], name="fk_body_keys_body_code"
        ),
        sa.PrimaryKeyConstraint("body_code", "kid", name="pk_body_keys"),
    )
    op.create_table(
        "body_repeats",
        sa.Column("body_code", sa.String(30), nullable=False),
        sa.Column("key", sa.LargeBinary(32), nullable=False),
        sa.Column("request", sa.LargeBinary(32), nullable=False),
        sa.Column("led_to", sa.String(26), nullable=False),
        sa.Column("forget_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["body_code"], ["outside_bodies.code"], name="fk_body_repeats_body_code"
        ),
        sa.PrimaryKeyConstraint("body_code", "key", name="pk_body_repeats"),
    )
    op.create_index("ix_body_repeats_forget_at", "body_repeats", ["forget_at"])
    op.create_table(
        "body_users",
        sa.Column("body_code", sa.String(30), nullable=False),
        sa.Column("username", sa.String(40), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("revoked_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["body_code"], ["outside_bodies.code"], name="fk_body_users_body_code"
        ),
        sa.PrimaryKeyConstraint("body_code", "username", name="pk_body_users"),
    )
    op.create_table(
        "body_watches",
        sa.Column("body_code", sa.String(30), nullable=False),
        sa.Column("permit_id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("reference", sa.String(60), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["body_code"], ["outside_bodies.code"], name="fk_body_watches_body_code"
        ),
        sa.ForeignKeyConstraint(
            ["permit_id"], ["building_permits.id"], name="fk_body_watches_permit_id"
        ),
        sa.PrimaryKeyConstraint("body_code", "permit_id", name="pk_body_watches"),
    )
    op.create_index("ix_body_watches_permit", "body_watches", ["permit_id"])
    op.create_table(
        "body_inquiries",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("body_code", sa.String(30), nullable=False),
        sa.Column("username", sa.String(40), nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("reference", sa.String(60), nullable=False),
        sa.Column("center_code", sa.String(8), nullable=False),
        sa.Column("keys", sa.String(60), nullable=False),
        sa.Column("permit_id", sa.Integer(), nullable=True),
        sa.Column("answer_class", sa.String(30), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("job_id", sa.String(26), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("search_due", sa.Date(), nullable=True),
        sa.Column("searched_at", _TIME, nullable=True),
        sa.Column("searched_by", sa.String(80), nullable=False),
        sa.CheckConstraint("reference <> ''", name="ck_body_inquiries_reference"),
        sa.ForeignKeyConstraint(
            ["body_code", "username"],
            ["body_users.body_code", "body_users.username"],
            name="fk_body_inquiries_body_code_username",
        ),
        sa.ForeignKeyConstraint(
            ["body_code"], ["outside_bodies.code"], name="fk_body_inquiries_body_code"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["body_jobs.id"], name="fk_body_inquiries_job_id"),
        sa.ForeignKeyConstraint(
            ["permit_id"], ["building_permits.id"], name="fk_body_inquiries_permit_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_body_inquiries"),
    )
    op.create_index("ix_body_inquiries_body", "body_inquiries", ["body_code", "at", "id"])
    op.create_index("ix_body_inquiries_job", "body_inquiries", ["job_id", "position"], unique=True)
    op.create_index("ix_body_inquiries_permit", "body_inquiries", ["permit_id", "at"])
    op.create_index(
        "ix_body_inquiries_to_search",
        "body_inquiries",
        ["center_code", "search_due"],
        sqlite_where=sa.text("search_due IS NOT NULL AND searched_at IS NULL"),
        postgresql_where=sa.text("search_due IS NOT NULL AND searched_at IS NULL"),
    )
    op.create_table(
        "body_consents",
        sa.Column("code", sa.LargeBinary(32), nullable=False),
        sa.Column("permit_id", sa.Integer(), nullable=False),
        sa.Column("given_at", _TIME, nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("body_code", sa.String(30), nullable=True),
        sa.Column("withdrawn_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["body_code"], ["outside_bodies.code"], name="fk_body_consents_body_code"
        ),
        sa.ForeignKeyConstraint(
            ["permit_id"], ["building_permits.id"], name="fk_body_consents_permit_id"
        ),
        sa.PrimaryKeyConstraint("code", name="pk_body_consents"),
    )
    op.create_index("ix_body_consents_permit", "body_consents", ["permit_id"])
    op.create_table(
        "body_job_items",
        sa.Column("job_id", sa.String(26), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("question", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["body_jobs.id"], name="fk_body_job_items_job_id"),
        sa.PrimaryKeyConstraint("job_id", "position", name="pk_body_job_items"),
    )
    op.create_table(
        "body_notices",
        sa.Column("position", _POSITION, nullable=False),
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("body_code", sa.String(30), nullable=False),
        sa.Column("type", sa.String(60), nullable=False),
        sa.Column("subject", sa.String(60), nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("permit_id", sa.Integer(), nullable=True),
        sa.Column("act_id", sa.Integer(), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", _TIME, nullable=False),
        sa.Column("last_error", sa.String(60), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("taken", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["act_id"], ["permit_acts.id"], name="fk_body_notices_act_id"),
        sa.ForeignKeyConstraint(
            ["body_code"], ["outside_bodies.code"], name="fk_body_notices_body_code"
        ),
        sa.ForeignKeyConstraint(
            ["permit_id"], ["building_permits.id"], name="fk_body_notices_permit_id"
        ),
        sa.PrimaryKeyConstraint("position", name="pk_body_notices"),
        sa.UniqueConstraint("id", name="uq_body_notices_id"),
    )
    op.create_index("ix_body_notices_body", "body_notices", ["body_code", "position"])
    for name, columns in (
        ("due", ["body_code", "next_at", "position"]),
        ("permit", ["body_code", "permit_id", "position"]),
    ):
        op.create_index(
            f"ix_body_notices_{name}",
            "body_notices",
            columns,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
    op.create_table(
        "body_deliveries",
        sa.Column("body_code", sa.String(30), nullable=False),
        sa.Column("url", sa.String(300), nullable=False),
        sa.Column("lease", sa.String(26), nullable=False),
        sa.Column("leased_until", _TIME, nullable=True),
        sa.Column("next_at", _TIME, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", _TIME, nullable=True),
        sa.Column("gone_at", _TIME, nullable=True),
        sa.Column("last_error", sa.String(60), nullable=False),
        sa.Column("taken_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["body_code"], ["outside_bodies.code"], name="fk_body_deliveries_body_code"
        ),
        sa.PrimaryKeyConstraint("body_code", name="pk_body_deliveries"),
    )
    op.create_index(
        "uq_body_notices_act",
        "body_notices",
        ["body_code", "act_id"],
        unique=True,
        sqlite_where=sa.text("act_id IS NOT NULL"),
        postgresql_where=sa.text("act_id IS NOT NULL"),
    )
    op.add_column(
        "permit_acts",
        sa.Column("announced", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_index(
        "ix_permit_acts_to_announce",
        "permit_acts",
        ["id"],
        sqlite_where=sa.text("NOT announced"),
        postgresql_where=sa.text("NOT announced"),
    )
