"""files of paper books have an end, and words of their own; rates of quarters that are over"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"

_TIME = sa.DateTime(timezone=True)
_REFUSAL = "a quarter that is over does not change"
_QUARTERS = ("backlog_quarters", "backlog_quarter_rates")


def upgrade() -> None:
    _imports()
    _quarters()


def _imports() -> None:
    """In one statement each: SQLite adds no constraint to a table that is there."""
    time = "TIMESTAMP WITH TIME ZONE" if op.get_bind().dialect.name == "postgresql" else "DATETIME"
    op.add_column(
        "permit_imports", sa.Column("meanings", sa.JSON(), nullable=False, server_default="{}")
    )
    op.execute(
        "ALTER TABLE permit_imports ADD COLUMN discarded_by VARCHAR(80)"
        " CONSTRAINT ck_permit_imports_discarded"
        " CHECK (discarded_by IS NULL OR state = 'discarded')"
    )
    op.execute(
        f"ALTER TABLE permit_imports ADD COLUMN touched_at {time}"
        " DEFAULT '1970-01-01 00:00:00' NOT NULL"
    )
    op.execute(
        "UPDATE permit_imports"
        " SET touched_at = coalesce(withdrawn_at, imported_at, checked_at, uploaded_at)"
    )
    op.execute(
        f"ALTER TABLE permit_imports ADD COLUMN file_dropped_at {time}"
        " CONSTRAINT ck_permit_imports_file_dropped CHECK"
        " (file_dropped_at IS NULL OR state IN ('imported', 'discarded', 'withdrawn'))"
    )
    there = sa.text("file_dropped_at IS NULL")
    op.create_index(
        "ix_permit_imports_kept",
        "permit_imports",
        ["touched_at"],
        sqlite_where=there,
        postgresql_where=there,
    )


def _quarters() -> None:
    op.create_table(
        "backlog_quarters",
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("quarter", sa.Integer(), nullable=False),
        sa.Column("closed_at", _TIME, nullable=False),
        sa.CheckConstraint("quarter BETWEEN 1 AND 4", name="ck_backlog_quarters_quarter"),
        sa.PrimaryKeyConstraint("year", "quarter", name="pk_backlog_quarters"),
    )
    op.create_table(
        "backlog_quarter_rates",
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("quarter", sa.Integer(), nullable=False),
        sa.Column("center_code", sa.String(8), nullable=False),
        sa.Column("department", sa.String(40), nullable=False),
        sa.Column("surveyed", sa.Integer(), nullable=False),
        sa.Column("entered", sa.Integer(), nullable=False),
        sa.Column("scanned", sa.Integer(), nullable=False),
        sa.Column("reviewed", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "entered BETWEEN 0 AND surveyed AND scanned BETWEEN 0 AND entered",
            name="ck_backlog_quarter_rates_files",
        ),
        sa.CheckConstraint(
            "accepted BETWEEN 0 AND reviewed", name="ck_backlog_quarter_rates_reviewed"
        ),
        sa.ForeignKeyConstraint(
            ["year", "quarter"],
            ["backlog_quarters.year", "backlog_quarters.quarter"],
            name="fk_backlog_quarter_rates_year",
        ),
        sa.PrimaryKeyConstraint(
            "center_code", "department", "year", "quarter", name="pk_backlog_quarter_rates"
        ),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change_of_quarter() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}' "
            "USING ERRCODE = 'integrity_constraint_violation'; END $$"
        )
    for table in _QUARTERS:
        if op.get_bind().dialect.name == "postgresql":
            op.execute(
                f"CREATE TRIGGER {table}_frozen BEFORE UPDATE OR DELETE OR TRUNCATE "
                f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_quarter()"
            )
            continue
        for act in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{act} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
            )
