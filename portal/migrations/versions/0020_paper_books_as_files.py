"""paper books as files: what was sent, its rows on their way, what is wrong with them"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

_TIME = sa.DateTime(timezone=True)
_STATES = (
    "mapping",
    "checking",
    "checked",
    "failed",
    "importing",
    "imported",
    "discarded",
    "withdrawn",
)


def upgrade() -> None:
    _imports()
    _rows()
    _problems()
    # in one statement: SQLite adds no constraint to a table that is there
    op.execute(
        "ALTER TABLE building_permits ADD COLUMN import_id INTEGER"
        " CONSTRAINT fk_building_permits_import_id REFERENCES permit_imports (id)"
    )
    op.create_index("ix_building_permits_import_id", "building_permits", ["import_id"])
    op.add_column(
        "building_permits",
        sa.Column("entered_by", sa.String(80), nullable=False, server_default=""),
    )
    op.execute(
        "UPDATE building_permits SET entered_by = coalesce((SELECT actor FROM permit_acts WHERE"
        " permit_acts.permit_id = building_permits.id AND permit_acts.act = 'enter'), '')"
    )


def _imports() -> None:
    listed = ", ".join(f"'{state}'" for state in _STATES)
    op.create_table(
        "permit_imports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("center_code", sa.String(8), nullable=False),
        sa.Column("department", sa.String(30), nullable=False),
        sa.Column("file_name", sa.LargeBinary(), nullable=False),
        sa.Column("storage_key", sa.String(26), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(4), nullable=False),
        sa.Column("reading", sa.JSON(), nullable=False),
        sa.Column("headings", sa.LargeBinary(), nullable=False),
        sa.Column("headings_key", sa.LargeBinary(32), nullable=False),
        sa.Column("mapping", sa.JSON(), nullable=False),
        sa.Column("assumed", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("failure", sa.String(20), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("good", sa.Integer(), nullable=False),
        sa.Column("there", sa.Integer(), nullable=False),
        sa.Column("bad", sa.Integer(), nullable=False),
        sa.Column("problems", sa.Integer(), nullable=False),
        sa.Column("only_good", sa.Boolean(), nullable=False),
        sa.Column("claim", sa.String(20), nullable=False),
        sa.Column("claimed_until", _TIME, nullable=True),
        sa.Column("uploaded_by", sa.String(80), nullable=False),
        sa.Column("uploaded_at", _TIME, nullable=False),
        sa.Column("checked_at", _TIME, nullable=True),
        sa.Column("imported_by", sa.String(80), nullable=True),
        sa.Column("imported_at", _TIME, nullable=True),
        sa.Column("withdrawn_by", sa.String(80), nullable=True),
        sa.Column("withdrawn_at", _TIME, nullable=True),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(f"state IN ({listed})", name="ck_permit_imports_state"),
        sa.CheckConstraint("kind IN ('csv', 'xlsx')", name="ck_permit_imports_kind"),
        sa.CheckConstraint(
            "(imported_by IS NULL) = (imported_at IS NULL)", name="ck_permit_imports_imported"
        ),
        sa.CheckConstraint(
            "(withdrawn_by IS NULL) = (withdrawn_at IS NULL)", name="ck_permit_imports_withdrawn"
        ),
        sa.CheckConstraint(
            "state <> 'imported' OR bad = 0 OR only_good", name="ck_permit_imports_whole"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_permit_imports"),
        sa.UniqueConstraint("storage_key", name="uq_permit_imports_storage_key"),
    )
    op.create_index("ix_permit_imports_newest", "permit_imports", ["center_code", "id"])
    op.create_index("ix_permit_imports_headings", "permit_imports", ["center_code", "headings_key"])


def _rows() -> None:
    op.create_table(
        "permit_import_rows",
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("row_no", sa.Integer(), nullable=False),
        sa.Column("fate", sa.String(5), nullable=False),
        sa.Column("serial", sa.String(26), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("letter", sa.String(1), nullable=False),
        sa.Column("permit_type", sa.String(20), nullable=False),
        sa.Column("legal_regime", sa.String(20), nullable=False),
        sa.Column("base_permit", sa.String(20), nullable=False),
        sa.Column("file_no", sa.String(40), nullable=False),
        sa.Column("area", sa.String(120), nullable=False),
        sa.Column("street", sa.String(120), nullable=False),
        sa.Column("street_key", sa.String(120), nullable=False),
        sa.Column("building_no", sa.String(20), nullable=False),
        sa.Column("plot_no", sa.String(30), nullable=False),
        sa.Column("building_use", sa.String(20), nullable=False),
        sa.Column("plot_area", sa.BigInteger(), nullable=True),
        sa.Column("total_built_area", sa.BigInteger(), nullable=True),
        sa.Column("floors_above", sa.Integer(), nullable=True),
        sa.Column("basements", sa.Integer(), nullable=True),
        sa.Column("units_count", sa.Integer(), nullable=True),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("must_start_by", sa.Date(), nullable=True),
        sa.Column("people", sa.LargeBinary(), nullable=True),
        sa.Column("national_id", sa.LargeBinary(), nullable=True),
        sa.Column("national_id_index", sa.LargeBinary(32), nullable=True),
        sa.CheckConstraint("fate IN ('good', 'there', 'bad')", name="ck_permit_import_rows_fate"),
        sa.ForeignKeyConstraint(
            ["import_id"], ["permit_imports.id"], name="fk_permit_import_rows_import_id"
        ),
        sa.PrimaryKeyConstraint("import_id", "row_no", name="pk_permit_import_rows"),
    )
    op.create_index(
        "ix_permit_import_rows_number",
        "permit_import_rows",
        ["import_id", "year", "number", "letter", "row_no"],
    )


def _problems() -> None:
    op.create_table(
        "permit_import_problems",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("row_no", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("field", sa.String(20), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("msgid", sa.String(200), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"], ["permit_imports.id"], name="fk_permit_import_problems_import_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_permit_import_problems"),
    )
    op.create_index("ix_permit_import_problems_import_id", "permit_import_problems", ["import_id"])
    op.create_index(
        "ix_permit_import_problems_field", "permit_import_problems", ["import_id", "field", "id"]
    )
