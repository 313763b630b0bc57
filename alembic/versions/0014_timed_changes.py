"""Changes that end at a time of their own, such as Under Attack mode for one hour."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("changes", sa.Column("ends_at", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("changes", "ends_at")
