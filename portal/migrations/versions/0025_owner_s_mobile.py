"""permits: the owner's mobile proves who is told as owner; who was told, and what was left over"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    for table in ("permit_owners", "permit_import_rows"):
        op.add_column(table, sa.Column("mobile", sa.LargeBinary(), nullable=True))
        op.add_column(table, sa.Column("mobile_index", sa.LargeBinary(32), nullable=True))
    rows = "permit_import_rows"
    op.add_column(rows, sa.Column("footprint_area", sa.BigInteger(), nullable=True))
    op.add_column(rows, sa.Column("height_cm", sa.Integer(), nullable=True))
    op.add_column("building_permits", sa.Column("lapse_refused_on", sa.Date(), nullable=True))
    changes_another = sa.text("base_permit <> ''")
    op.create_index(
        "ix_building_permits_base",
        "building_permits",
        ["center_code", "base_permit"],
        sqlite_where=changes_another,
        postgresql_where=changes_another,
    )
    op.create_table(
        "permit_claims",
        sa.Column("permit_id", sa.Integer(), nullable=False),
        sa.Column("citizen_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["permit_id"], ["building_permits.id"], name="fk_permit_claims_permit_id"
        ),
        sa.ForeignKeyConstraint(
            ["citizen_id"], ["citizens.id"], name="fk_permit_claims_citizen_id"
        ),
        sa.PrimaryKeyConstraint("permit_id", "citizen_id", name="pk_permit_claims"),
    )
    op.create_index("ix_permit_claims_citizen_id", "permit_claims", ["citizen_id"])
    op.create_table(
        "permit_leftovers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("center_code", sa.String(8), nullable=False),
        sa.Column("request_number", sa.String(20), nullable=False),
        sa.Column("service_code", sa.String(60), nullable=False),
        sa.Column("why", sa.String(20), nullable=False),
        sa.Column("output_number", sa.String(60), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("permit", sa.LargeBinary(), nullable=True),
        sa.Column("settled_by", sa.String(80), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(settled_by IS NULL) = (settled_at IS NULL)", name="ck_permit_leftovers_settled"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_permit_leftovers"),
        sa.UniqueConstraint("request_number", "why", name="uq_permit_leftovers_request_number_why"),
    )
    op.create_index("ix_permit_leftovers_center", "permit_leftovers", ["center_code", "id"])
    # what came of a citizen's own request is told to that citizen
    op.execute(
        "INSERT INTO permit_claims (permit_id, citizen_id, at)"
        " SELECT p.id, r.citizen_id, p.entered_at FROM building_permits p"
        " JOIN service_requests r ON r.number = p.request_number"
    )
