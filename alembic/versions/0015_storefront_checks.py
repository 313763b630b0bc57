"""What was last seen on a store's own pages, and when it was last tried."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("customer_zones", sa.Column("storefront_tried_at", sa.BigInteger()))
    op.add_column("customer_zones", sa.Column("storefront", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("customer_zones", "storefront")
    op.drop_column("customer_zones", "storefront_tried_at")
