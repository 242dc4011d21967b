"""who asked how fast is forgotten after a day; what is asked of the permits has its indexes"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

_TABLE = "permit_inquiries"


def upgrade() -> None:
    for name in ("pace", "center"):
        op.drop_index(f"ix_{_TABLE}_{name}", _TABLE)
    with op.batch_alter_table(_TABLE) as table:
        table.alter_column("pace_key", existing_type=sa.LargeBinary(32), nullable=True)
    _partial(_TABLE, "pace", ["pace_key", "at", "center_code", "keys"], "pace_key IS NOT NULL")
    _partial(_TABLE, "paced", ["at"], "pace_key IS NOT NULL")
    counted = (
        "open_to_all IS 1" if op.get_bind().dialect.name == "sqlite" else "open_to_all IS true"
    )
    together = ["center_code", "asker_kind", "at", "keys", "open_to_all"]
    _partial(_TABLE, "together", together, counted)
    op.create_index("ix_citizens_mobile_index", "citizens", ["mobile_index"])
    op.drop_index("ix_building_permits_not_started", "building_permits")
    may_lapse = "status IN ('valid_not_started', 'renewed') AND lapse_proposed_on IS NULL"
    _partial("building_permits", "not_started", ["must_start_by"], may_lapse)
    for name, condition in (
        ("lapsing", "lapse_proposed_on IS NOT NULL"),
        ("unverified", "status = 'manual_unverified'"),
    ):
        _partial("building_permits", name, ["center_code", "id"], condition)


def _partial(table: str, name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(
        f"ix_{table}_{name}", table, columns, sqlite_where=where, postgresql_where=where
    )
