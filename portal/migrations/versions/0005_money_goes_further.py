"""money goes further: parts of a sum, cash references, refunds, disputes"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_TIME = sa.DateTime(timezone=True)
# SQLite adds a check only together with a column, so both databases get them so
_COLUMNS = (
    (
        "payment_obligations",
        "credited BIGINT DEFAULT 0 NOT NULL",
        "credited",
        "credited >= 0 AND credited <= amount",
    ),
    (
        "payment_obligation_lines",
        "refunded BIGINT DEFAULT 0 NOT NULL",
        "refunded",
        "refunded = 0 OR (refundable AND refunded > 0 AND refunded <= amount)",
    ),
    (
        "payment_attempts",
        "channel VARCHAR(10) DEFAULT 'checkout' NOT NULL",
        "channel",
        "channel IN ('checkout', 'kiosk')",
    ),
    ("payment_attempts", "door VARCHAR(10) DEFAULT 'owner' NOT NULL", "", ""),
    ("payment_attempts", "payment VARCHAR(120)", "", ""),
    ("payment_attempts", "voucher VARCHAR(40)", "", ""),
    (
        "payment_attempts",
        "set_aside BIGINT DEFAULT 0 NOT NULL",
        "set_aside",
        "set_aside >= 0 AND set_aside <= amount",
    ),
    (
        "payment_attempts",
        "refunded BIGINT DEFAULT 0 NOT NULL",
        "refunded",
        "refunded >= 0 AND refunded <= amount",
    ),
    ("payment_attempts", "kind VARCHAR(20) DEFAULT '' NOT NULL", "", ""),
    ("payment_events", "object_kind VARCHAR(30) DEFAULT 'checkout.session' NOT NULL", "", ""),
)


def upgrade() -> None:
    for table, column, name, check in _COLUMNS:
        _add(table, column, (name, check) if name else None)
    op.execute("UPDATE payment_obligations SET credited = amount WHERE state = 'paid'")
    op.execute("UPDATE payment_attempts SET set_aside = amount WHERE state = 'surplus'")
    op.execute("UPDATE payment_attempts SET set_aside = amount WHERE state = 'mismatched'")
    op.execute("UPDATE payment_attempts SET kind = 'card' WHERE method <> ''")
    _add(
        "payment_obligations",
        "cancelled_at TIMESTAMP WITH TIME ZONE" if _is_postgres() else "cancelled_at DATETIME",
        ("covered", "(state = 'paid') = (credited = amount)"),
        ("cancelled", "state <> 'cancelled' OR credited = 0"),
    )
    op.execute("ALTER TABLE payment_events RENAME COLUMN session TO object_id")
    op.drop_index("uq_payment_attempts_open", "payment_attempts")
    op.create_index(
        "uq_payment_attempts_open",
        "payment_attempts",
        ["obligation_id", "channel"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("uq_payment_attempts_payment", "payment_attempts", ["payment"], unique=True)
    op.create_index("uq_payment_attempts_voucher", "payment_attempts", ["voucher"], unique=True)
    _create_refunds()
    _create_disputes()
    if _is_postgres():
        _prove_entries()


def _is_postgres() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _add(table: str, column: str, *checks: tuple[str, str] | None) -> None:
    """Add a column and, in the same statement, checks of the table."""
    rules = "".join(
        f" CONSTRAINT ck_{table}_{check[0]} CHECK ({check[1]})" for check in checks if check
    )
    op.execute(f"ALTER TABLE {table} ADD COLUMN {column}{rules}")


def _create_refunds() -> None:
    op.create_table(
        "payment_refunds",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("attempt_id", sa.String(32), nullable=False),
        sa.Column("reference", sa.String(40), nullable=False),
        sa.Column("origin", sa.String(10), nullable=False),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("note", sa.String(300), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("requested_by", sa.String(80), nullable=False),
        sa.Column("requested_at", _TIME, nullable=False),
        sa.Column("decided_by", sa.String(80), nullable=True),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.Column("decided_note", sa.String(300), nullable=False),
        sa.Column("provider_refund", sa.String(120), nullable=True),
        sa.Column("failure", sa.String(60), nullable=False),
        sa.Column("look_again_at", _TIME, nullable=False),
        sa.Column("settled_at", _TIME, nullable=True),
        sa.CheckConstraint("amount > 0", name="ck_payment_refunds_positive"),
        sa.CheckConstraint("origin IN ('staff', 'provider')", name="ck_payment_refunds_origin"),
        sa.CheckConstraint(
            "state IN ('requested', 'approved', 'sent', 'succeeded', 'failed', 'rejected')",
            name="ck_payment_refunds_state",
        ),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> requested_by",
            name="ck_payment_refunds_two_people",
        ),
        sa.CheckConstraint(
            "origin = 'provider' OR state = 'requested' OR decided_by IS NOT NULL",
            name="ck_payment_refunds_decided",
        ),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["payment_attempts.id"], name="fk_payment_refunds_attempt_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_payment_refunds"),
        sa.UniqueConstraint("provider_refund", name="uq_payment_refunds_provider_refund"),
    )
    op.create_index("ix_payment_refunds_attempt_id", "payment_refunds", ["attempt_id"])
    op.create_index("ix_payment_refunds_reference", "payment_refunds", ["reference"])
    op.create_index("ix_payment_refunds_waiting", "payment_refunds", ["state", "look_again_at"])
    op.create_table(
        "payment_refund_lines",
        sa.Column("refund_id", sa.String(32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(30), nullable=False),
        sa.Column("entity", sa.String(40), nullable=False),
        sa.Column("item", sa.String(40), nullable=False),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount > 0", name="ck_payment_refund_lines_positive"),
        sa.ForeignKeyConstraint(
            ["refund_id"], ["payment_refunds.id"], name="fk_payment_refund_lines_refund_id"
        ),
        sa.PrimaryKeyConstraint("refund_id", "position", name="pk_payment_refund_lines"),
    )


def _create_disputes() -> None:
    op.create_table(
        "payment_disputes",
        sa.Column("id", sa.String(120), nullable=False),
        sa.Column("attempt_id", sa.String(32), nullable=False),
        sa.Column("reference", sa.String(40), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(60), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("closed_at", _TIME, nullable=True),
        sa.CheckConstraint("state IN ('open', 'won', 'lost')", name="ck_payment_disputes_state"),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["payment_attempts.id"], name="fk_payment_disputes_attempt_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_payment_disputes"),
    )
    op.create_index("ix_payment_disputes_attempt_id", "payment_disputes", ["attempt_id"])
    op.create_index("ix_payment_disputes_reference", "payment_disputes", ["reference"])


def _prove_entries() -> None:
    """Where the database can look at the end of a transaction, no entry is out of balance."""
    op.execute(
        "CREATE FUNCTION refuse_unbalanced_entry() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF (SELECT sum(amount) FROM ledger_lines WHERE entry_id = NEW.entry_id) <> 0 THEN "
        "RAISE EXCEPTION 'an entry does not sum to zero' "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NULL; END $$"
    )
    op.execute(
        "CREATE CONSTRAINT TRIGGER ledger_lines_balanced AFTER INSERT ON ledger_lines "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unbalanced_entry()"
    )
