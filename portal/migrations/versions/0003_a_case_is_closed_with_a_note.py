"""a case about money is closed with a note: what was done about it"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("payment_cases", sa.Column("closed_note", sa.String(300), nullable=True))
