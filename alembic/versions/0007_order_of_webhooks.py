"""When a webhook was triggered, and when Shopify last proved that a shop uses the app.

Both may be absent: of receipts and installations that are older than this migration nobody knows.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("webhook_receipts", sa.Column("triggered_at", sa.BigInteger()))
    op.add_column("shops", sa.Column("last_seen_at", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("shops", "last_seen_at")
    op.drop_column("webhook_receipts", "triggered_at")
