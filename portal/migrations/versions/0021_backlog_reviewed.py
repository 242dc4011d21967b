"""the paper backlog: surveyed, reviewed by a second person, scanned; cut-off days"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

_TIME = sa.DateTime(timezone=True)
_UNIQUE = "uq_building_permits_center_code_year_number_letter"
_CHECKS = {
    "review": "review IN ('', 'returned', 'rejected')",
    "unreviewed": "review = '' OR status = 'manual_unverified'",
    "reviewed": "source <> 'backlog' OR status = 'manual_unverified' OR reviewed_by IS NOT NULL",
    "second_person": (
        "reviewed_by IS NULL OR (reviewed_by <> entered_by AND reviewed_by <> corrected_by)"
    ),
}


def upgrade() -> None:
    _files_and_cutoffs()
    _lots()
    _judgements()
    _scans()
    op.add_column("permit_acts", sa.Column("changes", sa.LargeBinary(), nullable=True))
    for column in (
        sa.Column("file_year", sa.Integer(), nullable=True),
        sa.Column(
            "file_department",
            sa.String(40),
            nullable=False,
            server_default="building-licensing",
        ),
        sa.Column("review", sa.String(10), nullable=False, server_default=""),
        sa.Column("reviewed_by", sa.String(80), nullable=True),
        sa.Column("corrected_by", sa.String(80), nullable=False, server_default=""),
    ):
        op.add_column("building_permits", column)
    op.execute(
        "ALTER TABLE building_permits ADD COLUMN lot_id INTEGER"
        " CONSTRAINT fk_building_permits_lot_id REFERENCES review_lots (id)"
    )
    op.execute(
        "UPDATE building_permits SET reviewed_by = coalesce((SELECT nullif(max(actor),"
        " building_permits.entered_by) FROM permit_acts WHERE permit_id = building_permits.id"
        " AND act = 'review'), 'unknown')"
        " WHERE source = 'backlog' AND status <> 'manual_unverified'"
    )
    if op.get_bind().dialect.name == "sqlite":
        _rebuilt()
    else:
        op.drop_constraint(_UNIQUE, "building_permits", type_="unique")
        for name, condition in _CHECKS.items():
            op.create_check_constraint(f"ck_building_permits_{name}", "building_permits", condition)
    there = sa.text("review <> 'rejected'")
    op.create_index(
        "uq_building_permits_number",
        "building_permits",
        ["center_code", "year", "number", "letter"],
        unique=True,
        sqlite_where=there,
        postgresql_where=there,
    )
    op.create_index(
        "ix_building_permits_file",
        "building_permits",
        ["center_code", "file_department", "file_no"],
    )
    op.create_index("ix_building_permits_lot_id", "building_permits", ["lot_id"])


def _rebuilt() -> None:
    """SQLite changes no constraint of a table that is there: it is made anew with its rows.

    What refers to it is found again by its name when the transaction ends.
    """
    db = op.get_bind()
    db.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    made = str(db.scalar(sa.text("SELECT sql FROM sqlite_master WHERE name = 'building_permits'")))
    indexes = db.scalars(
        sa.text(
            "SELECT sql FROM sqlite_master"
            " WHERE type = 'index' AND tbl_name = 'building_permits' AND sql IS NOT NULL"
        )
    ).all()
    checks = ", ".join(
        f"CONSTRAINT ck_building_permits_{name} CHECK ({condition})"
        for name, condition in _CHECKS.items()
    )
    pattern = rf"CONSTRAINT {_UNIQUE} UNIQUE \([^)]*\)"
    without, found = re.subn(pattern, lambda _: checks, made)
    if found != 1:
        raise RuntimeError("building_permits is not as the migrations before made it")
    db.exec_driver_sql("CREATE TEMPORARY TABLE kept_permits AS SELECT * FROM building_permits")
    db.exec_driver_sql("DROP TABLE building_permits")
    db.exec_driver_sql(without)
    db.exec_driver_sql("INSERT INTO building_permits SELECT * FROM kept_permits")
    db.exec_driver_sql("DROP TABLE kept_permits")
    for index in indexes:
        db.exec_driver_sql(index)


def _files_and_cutoffs() -> None:
    op.create_table(
        "backlog_files",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("center_code", sa.String(8), nullable=False),
        sa.Column("department", sa.String(40), nullable=False),
        sa.Column("shelf", sa.String(40), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("file_no", sa.String(40), nullable=False),
        sa.Column("surveyed_by", sa.String(80), nullable=False),
        sa.Column("surveyed_at", _TIME, nullable=False),
        sa.CheckConstraint("year BETWEEN 1900 AND 2200", name="ck_backlog_files_year"),
        sa.CheckConstraint("file_no <> ''", name="ck_backlog_files_file_no"),
        sa.PrimaryKeyConstraint("id", name="pk_backlog_files"),
        sa.UniqueConstraint(
            "center_code",
            "department",
            "year",
            "file_no",
            name="uq_backlog_files_center_code_department_year_file_no",
        ),
    )
    op.create_table(
        "manual_cutoffs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("center_code", sa.String(8), nullable=False),
        sa.Column("service_code", sa.String(60), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.Column("entered_by", sa.String(80), nullable=False),
        sa.Column("entered_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_manual_cutoffs"),
    )
    op.create_index(
        "ix_manual_cutoffs_newest", "manual_cutoffs", ["center_code", "service_code", "id"]
    )


def _lots() -> None:
    op.create_table(
        "review_lots",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("center_code", sa.String(8), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=True),
        sa.Column("enterer", sa.String(80), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sample_size", sa.Integer(), nullable=False),
        sa.Column("accept_number", sa.Integer(), nullable=False),
        sa.Column("aql", sa.String(5), nullable=False),
        sa.Column("seed", sa.String(32), nullable=False),
        sa.Column("drawn_by", sa.String(80), nullable=False),
        sa.Column("drawn_at", _TIME, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("decided_by", sa.String(80), nullable=True),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("kind IN ('import', 'person')", name="ck_review_lots_kind"),
        sa.CheckConstraint(
            "(kind = 'import') = (import_id IS NOT NULL)", name="ck_review_lots_import"
        ),
        sa.CheckConstraint(
            "state IN ('open', 'released', 'returned')", name="ck_review_lots_state"
        ),
        sa.CheckConstraint(
            "(state = 'open') = (decided_by IS NULL)", name="ck_review_lots_decided"
        ),
        sa.CheckConstraint(
            "sample_size BETWEEN 1 AND size AND accept_number >= 0",
            name="ck_review_lots_sample",
        ),
        sa.ForeignKeyConstraint(
            ["import_id"], ["permit_imports.id"], name="fk_review_lots_import_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_review_lots"),
    )
    op.create_index("ix_review_lots_newest", "review_lots", ["center_code", "id"])


def _judgements() -> None:
    op.create_table(
        "permit_judgements",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("permit_id", sa.Integer(), nullable=False),
        sa.Column("center_code", sa.String(8), nullable=False),
        sa.Column("entered_by", sa.String(80), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("verdict", sa.String(10), nullable=True),
        sa.Column("judged_by", sa.String(80), nullable=True),
        sa.Column("judged_at", _TIME, nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "verdict IN ('accepted', 'returned', 'rejected')", name="ck_permit_judgements_verdict"
        ),
        sa.CheckConstraint(
            "(verdict IS NULL) = (judged_by IS NULL) AND (verdict IS NULL) = (judged_at IS NULL)",
            name="ck_permit_judgements_judged",
        ),
        sa.CheckConstraint("judged_by <> entered_by", name="ck_permit_judgements_second_person"),
        sa.CheckConstraint(
            "verdict IS NOT NULL OR lot_id IS NOT NULL", name="ck_permit_judgements_lot"
        ),
        sa.ForeignKeyConstraint(
            ["permit_id"], ["building_permits.id"], name="fk_permit_judgements_permit_id"
        ),
        sa.ForeignKeyConstraint(["lot_id"], ["review_lots.id"], name="fk_permit_judgements_lot_id"),
        sa.PrimaryKeyConstraint("id", name="pk_permit_judgements"),
        sa.UniqueConstraint("lot_id", "permit_id", name="uq_permit_judgements_lot_id_permit_id"),
    )
    op.create_index("ix_permit_judgements_permit", "permit_judgements", ["permit_id"])
    op.create_index(
        "ix_permit_judgements_center", "permit_judgements", ["center_code", "judged_at"]
    )
    op.create_table(
        "judgement_marks",
        sa.Column("judgement_id", sa.Integer(), nullable=False),
        sa.Column("field", sa.String(20), nullable=False),
        sa.ForeignKeyConstraint(
            ["judgement_id"], ["permit_judgements.id"], name="fk_judgement_marks_judgement_id"
        ),
        sa.PrimaryKeyConstraint("judgement_id", "field", name="pk_judgement_marks"),
    )


def _scans() -> None:
    op.create_table(
        "permit_scans",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("permit_id", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.String(60), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("storage_key", sa.String(40), nullable=False),
        sa.Column("added_by", sa.String(80), nullable=False),
        sa.Column("added_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["permit_id"], ["building_permits.id"], name="fk_permit_scans_permit_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_permit_scans"),
        sa.UniqueConstraint("storage_key", name="uq_permit_scans_storage_key"),
    )
    op.create_index("ix_permit_scans_permit", "permit_scans", ["permit_id"])
