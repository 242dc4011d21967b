"""permits: the register of building permits, the acts on each, and who asked"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

_TIME = sa.DateTime(timezone=True)
_STATUSES = (
    "valid_not_started",
    "under_execution",
    "renewed",
    "lapsed",
    "suspended",
    "revoked",
    "completed",
    "occupied",
    "superseded",
    "manual_unverified",
)


def upgrade() -> None:
    _permits()
    op.create_table(
        "permit_owners",
        sa.Column("permit_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("national_id", sa.LargeBinary(), nullable=False),
        sa.Column("national_id_index", sa.LargeBinary(32), nullable=False),
        sa.ForeignKeyConstraint(
            ["permit_id"], ["building_permits.id"], name="fk_permit_owners_permit_id"
        ),
        sa.PrimaryKeyConstraint("permit_id", "position", name="pk_permit_owners"),
    )
    op.create_index("ix_permit_owners_national_id_index", "permit_owners", ["national_id_index"])
    op.create_table(
        "permit_acts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("permit_id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("happened_on", sa.Date(), nullable=True),
        sa.Column("actor", sa.String(80), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["permit_id"], ["building_permits.id"], name="fk_permit_acts_permit_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_permit_acts"),
        sa.UniqueConstraint("permit_id", "revision", name="uq_permit_acts_permit_id_revision"),
    )
    op.create_table(
        "permit_inquiries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("permit_id", sa.Integer(), nullable=True),
        sa.Column("center_code", sa.String(8), nullable=False),
        sa.Column("keys", sa.String(60), nullable=False),
        sa.Column("asker_kind", sa.String(10), nullable=False),
        sa.Column("asker", sa.LargeBinary(), nullable=True),
        sa.Column("pace_key", sa.LargeBinary(32), nullable=False),
        sa.Column("open_to_all", sa.Boolean(), nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("answer", sa.String(20), nullable=False),
        sa.ForeignKeyConstraint(
            ["permit_id"], ["building_permits.id"], name="fk_permit_inquiries_permit_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_permit_inquiries"),
    )
    op.create_index("ix_permit_inquiries_pace", "permit_inquiries", ["pace_key", "at"])
    op.create_index(
        "ix_permit_inquiries_center", "permit_inquiries", ["center_code", "open_to_all", "at"]
    )
    op.create_index("ix_permit_inquiries_permit", "permit_inquiries", ["permit_id", "at"])


def _permits() -> None:
    listed = ", ".join(f"'{status}'" for status in _STATUSES)
    op.create_table(
        "building_permits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("serial", sa.String(26), nullable=False),
        sa.Column("center_code", sa.String(8), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("letter", sa.String(1), nullable=False),
        sa.Column("permit_type", sa.String(20), nullable=False),
        sa.Column("legal_regime", sa.String(20), nullable=False),
        sa.Column("base_permit", sa.String(20), nullable=False),
        sa.Column("file_no", sa.String(40), nullable=False),
        sa.Column("request_number", sa.String(20), nullable=True),
        sa.Column("source", sa.String(10), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("status_on", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("area", sa.String(120), nullable=False),
        sa.Column("street", sa.String(120), nullable=False),
        sa.Column("street_key", sa.String(120), nullable=False),
        sa.Column("building_no", sa.String(20), nullable=False),
        sa.Column("plot_no", sa.String(30), nullable=False),
        sa.Column("building_use", sa.String(20), nullable=False),
        sa.Column("plot_area", sa.BigInteger(), nullable=True),
        sa.Column("footprint_area", sa.BigInteger(), nullable=True),
        sa.Column("total_built_area", sa.BigInteger(), nullable=True),
        sa.Column("height_cm", sa.Integer(), nullable=True),
        sa.Column("floors_above", sa.Integer(), nullable=True),
        sa.Column("basements", sa.Integer(), nullable=True),
        sa.Column("units_count", sa.Integer(), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("people", sa.LargeBinary(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("must_start_by", sa.Date(), nullable=True),
        sa.Column("renewed_on", sa.Date(), nullable=True),
        sa.Column("started_on", sa.Date(), nullable=True),
        sa.Column("start_disputed", sa.Boolean(), nullable=False),
        sa.Column("completed_on", sa.Date(), nullable=True),
        sa.Column("occupied_on", sa.Date(), nullable=True),
        sa.Column("lapse_proposed_on", sa.Date(), nullable=True),
        sa.Column("entered_at", _TIME, nullable=False),
        sa.CheckConstraint("number BETWEEN 1 AND 999999", name="ck_building_permits_number"),
        sa.CheckConstraint("year BETWEEN 1900 AND 2200", name="ck_building_permits_year"),
        sa.CheckConstraint(f"status IN ({listed})", name="ck_building_permits_status"),
        sa.CheckConstraint(
            "source IN ('system', 'backlog', 'manual')", name="ck_building_permits_source"
        ),
        sa.CheckConstraint(
            "started_on IS NULL OR issued_on IS NULL OR started_on >= issued_on",
            name="ck_building_permits_started",
        ),
        sa.CheckConstraint(
            "status <> 'lapsed' OR (started_on IS NULL AND NOT start_disputed)",
            name="ck_building_permits_lapsed",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_building_permits"),
        sa.UniqueConstraint("serial", name="uq_building_permits_serial"),
        sa.UniqueConstraint("request_number", name="uq_building_permits_request_number"),
        sa.UniqueConstraint(
            "center_code",
            "year",
            "number",
            "letter",
            name="uq_building_permits_center_code_year_number_letter",
        ),
    )
    op.create_index(
        "ix_building_permits_address",
        "building_permits",
        ["center_code", "street_key", "building_no"],
    )
    not_started = sa.text("status IN ('valid_not_started', 'renewed')")
    op.create_index(
        "ix_building_permits_not_started",
        "building_permits",
        ["must_start_by"],
        sqlite_where=not_started,
        postgresql_where=not_started,
    )
    op.create_index("ix_building_permits_newest", "building_permits", ["center_code", "id"])
