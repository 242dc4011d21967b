"""days are compared with provider and treasury, and closed: the database refuses to change them"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_TIME = sa.DateTime(timezone=True)
_OF_A_DAY = (
    "reconciliation_lines",
    "reconciliation_totals",
    "reconciliation_differences",
    "reconciliation_shares",
)
_REFUSAL = "the day is closed"


def upgrade() -> None:
    op.add_column("payment_cases", sa.Column("closed_by", sa.String(80), nullable=True))
    op.create_index("ix_ledger_entries_booked_at", "ledger_entries", ["booked_at"])
    _create_days()
    _create_lines()
    _create_parts()
    _create_treasury()
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgres()
    else:
        _guard_sqlite()


def _create_days() -> None:
    op.create_table(
        "reconciliation_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("state", sa.String(6), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("differences", sa.Integer(), nullable=False),
        sa.Column("compared_at", _TIME, nullable=False),
        sa.Column("closed_at", _TIME, nullable=True),
        sa.Column("closed_by", sa.String(80), nullable=True),
        sa.Column("closed_note", sa.String(300), nullable=True),
        sa.Column("previous", sa.String(64), nullable=True),
        sa.Column("digest", sa.String(64), nullable=True),
        sa.CheckConstraint("state IN ('open', 'closed')", name="ck_reconciliation_days_state"),
        sa.CheckConstraint(
            "(state = 'closed') = (digest IS NOT NULL)"
            " AND (state = 'closed') = (closed_at IS NOT NULL)"
            " AND (state = 'closed') = (closed_by IS NOT NULL)",
            name="ck_reconciliation_days_closed",
        ),
        sa.CheckConstraint("state = 'open' OR complete", name="ck_reconciliation_days_complete"),
        sa.PrimaryKeyConstraint("day", name="pk_reconciliation_days"),
    )


def _create_lines() -> None:
    op.create_table(
        "reconciliation_lines",
        sa.Column("id", sa.String(120), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("effect", sa.String(40), nullable=False),
        sa.Column("object_id", sa.String(120), nullable=False),
        sa.Column("payment", sa.String(120), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("reference", sa.String(40), nullable=False),
        sa.Column("entries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("fee_entries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("booked_currency", sa.String(3), server_default="", nullable=False),
        sa.Column("booked", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("booked_fee", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("verdict", sa.String(30), server_default="", nullable=False),
        sa.CheckConstraint("entries >= 0", name="ck_reconciliation_lines_entries"),
        sa.PrimaryKeyConstraint("id", name="pk_reconciliation_lines"),
    )
    op.create_index("ix_reconciliation_lines_day", "reconciliation_lines", ["day", "id"])
    op.create_index(
        "ix_reconciliation_lines_object", "reconciliation_lines", ["object_id", "effect"]
    )
    op.create_index("ix_reconciliation_lines_reference", "reconciliation_lines", ["reference"])


def _create_parts() -> None:
    op.create_table(
        "reconciliation_totals",
        _day(),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("row", sa.String(20), nullable=False),
        sa.Column("provider_count", sa.Integer(), nullable=False),
        sa.Column("provider_amount", sa.BigInteger(), nullable=False),
        sa.Column("ledger_count", sa.Integer(), nullable=False),
        sa.Column("ledger_amount", sa.BigInteger(), nullable=False),
        sa.Column("treasury_count", sa.Integer(), nullable=False),
        sa.Column("treasury_amount", sa.BigInteger(), nullable=False),
        _of_day("reconciliation_totals"),
        sa.PrimaryKeyConstraint("day", "currency", "row", name="pk_reconciliation_totals"),
    )
    op.create_table(
        "reconciliation_differences",
        _day(),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("object_id", sa.String(120), nullable=False),
        sa.Column("reference", sa.String(40), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("provider_amount", sa.BigInteger(), nullable=False),
        sa.Column("ledger_amount", sa.BigInteger(), nullable=False),
        sa.Column("treasury_amount", sa.BigInteger(), nullable=False),
        _of_day("reconciliation_differences"),
        sa.PrimaryKeyConstraint("day", "kind", "object_id", name="pk_reconciliation_differences"),
    )
    op.create_table(
        "reconciliation_shares",
        _day(),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("unit", sa.String(20), nullable=False),
        sa.Column("account", sa.String(30), nullable=False),
        sa.Column("entity", sa.String(40), nullable=False),
        sa.Column("item", sa.String(40), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("gross", sa.BigInteger(), nullable=False),
        sa.Column("moved", sa.BigInteger(), nullable=False),
        sa.Column("refund", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        _of_day("reconciliation_shares"),
        sa.PrimaryKeyConstraint(
            "day",
            "currency",
            "unit",
            "account",
            "entity",
            "item",
            name="pk_reconciliation_shares",
        ),
    )


def _day() -> "sa.Column[object]":
    return sa.Column("day", sa.Date(), nullable=False)


def _of_day(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_day_reconciliation_days"
    return sa.ForeignKeyConstraint(["day"], ["reconciliation_days.day"], name=name)


def _create_treasury() -> None:
    op.create_table(
        "treasury_payouts",
        sa.Column("id", sa.String(120), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("arrives_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_treasury_payouts"),
    )
    op.create_index("ix_treasury_payouts_day", "treasury_payouts", ["day"])
    op.create_table(
        "treasury_lines",
        sa.Column("payout_id", sa.String(120), nullable=False),
        sa.Column("value_on", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("imported_at", _TIME, nullable=False),
        sa.Column("imported_by", sa.String(80), nullable=False),
        sa.CheckConstraint("amount > 0", name="ck_treasury_lines_positive"),
        sa.PrimaryKeyConstraint(
            "payout_id", "value_on", "currency", "amount", "occurrence", name="pk_treasury_lines"
        ),
    )
    op.create_table(
        "treasury_statements",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("imported_at", _TIME, nullable=False),
        sa.Column("imported_by", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_treasury_statements"),
    )


def _guard_sqlite() -> None:
    for table in _OF_A_DAY:
        for act, rows in (("insert", "NEW"), ("update", "OLD NEW"), ("delete", "OLD")):
            closed = " OR ".join(f"day = {row}.day" for row in rows.split())
            op.execute(
                f"CREATE TRIGGER {table}_no_{act} BEFORE {act} ON {table} "  # noqa: S608 - names of ours
                "WHEN EXISTS (SELECT 1 FROM reconciliation_days WHERE state = 'closed' "
                f"AND ({closed})) BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
            )
    for act in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER reconciliation_days_no_{act} BEFORE {act} ON reconciliation_days "
            f"WHEN OLD.state = 'closed' BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        )


def _guard_postgres() -> None:
    refuse = f"RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'integrity_constraint_violation';"
    op.execute(
        "CREATE FUNCTION refuse_change_of_day() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "  # noqa: S608
        f"IF TG_OP = 'TRUNCATE' THEN {refuse} END IF; "
        "IF TG_OP <> 'INSERT' AND EXISTS (SELECT 1 FROM reconciliation_days "
        f"WHERE day = OLD.day AND state = 'closed') THEN {refuse} END IF; "
        "IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; "
        "IF TG_TABLE_NAME <> 'reconciliation_days' AND EXISTS (SELECT 1 FROM reconciliation_days "
        f"WHERE day = NEW.day AND state = 'closed') THEN {refuse} END IF; "
        "RETURN NEW; END $$"
    )
    for table in _OF_A_DAY:
        op.execute(
            f"CREATE TRIGGER {table}_guard BEFORE INSERT OR UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change_of_day()"
        )
    op.execute(
        "CREATE TRIGGER reconciliation_days_guard BEFORE UPDATE OR DELETE ON reconciliation_days "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change_of_day()"
    )
    for table in (*_OF_A_DAY, "reconciliation_days"):
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_day()"
        )
