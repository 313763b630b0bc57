"""A lease on a credential: one process at a time renews what OAuth gave."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("credentials", sa.Column("lease_owner", sa.String(64)))
    op.add_column("credentials", sa.Column("lease_until", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("credentials", "lease_until")
    op.drop_column("credentials", "lease_owner")
