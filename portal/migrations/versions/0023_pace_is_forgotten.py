"""who asked how fast is forgotten after a day; indexes hold all that the pace asks for"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0019"

_TABLE = "permit_inquiries"


def upgrade() -> None:
    for name in ("pace", "center"):
        op.drop_index(f"ix_{_TABLE}_{name}", _TABLE)
    with op.batch_alter_table(_TABLE) as table:
        table.alter_column("pace_key", existing_type=sa.LargeBinary(32), nullable=True)
    _partial("pace", ["pace_key", "at", "center_code", "keys"], "pace_key IS NOT NULL")
    _partial("paced", ["at"], "pace_key IS NOT NULL")
    counted = (
        "open_to_all IS 1" if op.get_bind().dialect.name == "sqlite" else "open_to_all IS true"
    )
    _partial("together", ["center_code", "asker_kind", "at", "keys"], counted)


def _partial(name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(
        f"ix_{_TABLE}_{name}", _TABLE, columns, sqlite_where=where, postgresql_where=where
    )
