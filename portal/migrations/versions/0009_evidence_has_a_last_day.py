"""evidence has a last day: until when a dispute can be answered"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    column = sa.Column("evidence_by", sa.DateTime(timezone=True), nullable=True)
    op.add_column("payment_disputes", column)
