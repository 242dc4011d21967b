"""a payment pays of a request what two people agreed on, or nothing"""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    # in words of its own: as an operation the check would make SQLite's table anew
    op.execute(
        "ALTER TABLE payment_rebookings ADD COLUMN pays BIGINT "
        "CONSTRAINT ck_payment_rebookings_pays CHECK "
        "(pays IS NULL OR (choice = 'request' AND pays >= 0 AND pays <= amount))"
    )
    op.execute(
        "UPDATE payment_rebookings SET pays = (SELECT coalesce(-sum(lines.amount), 0) "
        "FROM ledger_entries JOIN ledger_lines AS lines ON lines.entry_id = ledger_entries.id "
        "WHERE ledger_entries.provider = 'portal' AND ledger_entries.effect = 'rebooked' "
        "AND ledger_entries.object_id = payment_rebookings.id AND lines.account = 'receivable') "
        "WHERE choice = 'request' AND state = 'approved'"
    )
