"""what is asked often is answered by indexes alone, however much was sent before"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_NOT_ANSWERED = "answered_at IS NULL AND type = 'request.paid.v1'"


def upgrade() -> None:
    for table in ("outbox_messages", "center_events"):
        for name, columns, condition in (
            (
                "due",
                ["center_code", "available_at", "position", "subject", "created_at", "state"],
                "state = 'waiting'",
            ),
            ("parked", ["center_code", "position", "state"], "state = 'parked'"),
            ("subject", ["subject", "position", "state"], "state <> 'sent'"),
        ):
            op.drop_index(f"ix_{table}_{name}", table)
            _partial(f"ix_{table}_{name}", table, columns, condition)
        for name, columns in (
            ("over", ["created_at", "position", "state"]),
            ("over_center", ["center_code", "created_at", "position", "state"]),
        ):
            _partial(f"ix_{table}_{name}", table, columns, "state <> 'waiting'")
    op.drop_index("ix_outbox_messages_unanswered", "outbox_messages")
    _partial(
        "ix_outbox_messages_unanswered",
        "outbox_messages",
        ["sent_at", "center_code", "type", "answered_at"],
        _NOT_ANSWERED,
    )
    _partial(
        "ix_inward_events_stuck",
        "inward_events",
        ["state", "type", "received_at", "id"],
        "state <> 'applied'",
    )


def _partial(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
