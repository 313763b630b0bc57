"""The audit-log follower: cursors of any length, a number for each lease, and Cloudflare's clock beside ours."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("accounts") as accounts:
        accounts.alter_column("feed_cursor", existing_type=sa.String(512), type_=sa.String())
        accounts.add_column(sa.Column("lease_number", sa.BigInteger(), nullable=False, server_default="0"))
        accounts.add_column(sa.Column("clock_offset_ms", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("customer_toggles", sa.Column("cloudflare_at", sa.BigInteger()))
    op.add_column("feed_entries", sa.Column("change_id", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("feed_entries", "change_id")
    op.drop_column("customer_toggles", "cloudflare_at")
    op.execute("UPDATE accounts SET feed_cursor = NULL WHERE length(feed_cursor) > 512")
    with op.batch_alter_table("accounts") as accounts:
        accounts.drop_column("clock_offset_ms")
        accounts.drop_column("lease_number")
        accounts.alter_column("feed_cursor", existing_type=sa.String(), type_=sa.String(512))
