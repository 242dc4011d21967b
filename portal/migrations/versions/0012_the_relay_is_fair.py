"""the relay is fair: what is due is found by center, whatever the table's size"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_NOT_ANSWERED = "answered_at IS NULL AND type = 'request.paid.v1'"


def upgrade() -> None:
    for table in ("outbox_messages", "center_events"):
        replays = sa.Column("replays", sa.Integer(), server_default="0", nullable=False)
        op.add_column(table, replays)
        op.drop_index(f"ix_{table}_waiting", table)
        due = ["center_code", "available_at", "position", "subject", "created_at"]
        _partial(f"ix_{table}_due", table, due, "state = 'waiting'")
        _partial(f"ix_{table}_parked", table, ["center_code", "position"], "state = 'parked'")
    op.drop_index("ix_outbox_messages_unanswered", "outbox_messages")
    for name, columns in (
        ("ix_outbox_messages_unanswered", ["sent_at", "center_code"]),
        ("ix_outbox_messages_unanswered_subject", ["subject"]),
    ):
        _partial(name, "outbox_messages", columns, _NOT_ANSWERED)


def _partial(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
