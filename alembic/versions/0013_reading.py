"""What a read left open: unread toggles and their retry, absent and omitted settings, and the number of a lease."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ZONES = ("unread_due_at", "unread_at", "unread_toggles", "lease_number")
TOGGLES = ("omitted_at", "absent_at")


def upgrade() -> None:
    op.add_column(
        "customer_zones", sa.Column("lease_number", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.add_column(
        "customer_zones", sa.Column("unread_toggles", sa.String(), nullable=False, server_default="")
    )
    op.add_column("customer_zones", sa.Column("unread_at", sa.BigInteger()))
    op.add_column("customer_zones", sa.Column("unread_due_at", sa.BigInteger()))
    op.add_column("customer_toggles", sa.Column("absent_at", sa.BigInteger()))
    op.add_column("customer_toggles", sa.Column("omitted_at", sa.BigInteger()))


def downgrade() -> None:
    for name in TOGGLES:
        op.drop_column("customer_toggles", name)
    for name in ZONES:
        op.drop_column("customer_zones", name)
