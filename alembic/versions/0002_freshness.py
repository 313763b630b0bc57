"""The zone queue, the change feeds, and what they remember."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

RISING_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PLATFORM = sa.text("status = 'active' AND credential_id IS NULL")
OWN = sa.text("status = 'active' AND credential_id IS NOT NULL")
OPEN = sa.text("is_open")
RAY = sa.text("ray_id <> ''")
OBSERVED = sa.text("status = 'observed'")
LEASED = sa.text("lease_owner IS NOT NULL")

ZONE_COLUMNS = (
    sa.Column("generation", sa.BigInteger(), nullable=False, server_default="0"),
    sa.Column("watched_until", sa.BigInteger()),
    sa.Column("changed_at", sa.BigInteger()),
)
ACCOUNT_COLUMNS = (
    sa.Column("credential_id", sa.String(64)),
    sa.Column("feed_status", sa.String(16), nullable=False, server_default="new"),
    sa.Column("feed_version", sa.String(4), nullable=False, server_default="v2"),
    sa.Column("feed_since", sa.BigInteger()),
    sa.Column("feed_before", sa.BigInteger()),
    sa.Column("feed_lateness_ms", sa.BigInteger(), nullable=False, server_default="0"),
    sa.Column("feed_deep_at", sa.BigInteger(), nullable=False, server_default="0"),
    sa.Column("feed_due_at", sa.BigInteger(), nullable=False, server_default="0"),
    sa.Column("feed_lease_owner", sa.String(64)),
    sa.Column("feed_lease_until", sa.BigInteger()),
    sa.Column("feed_failures", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("feed_error", sa.String(255), nullable=False, server_default=""),
    sa.Column("active_at", sa.BigInteger()),
    sa.Column("watched_until", sa.BigInteger()),
)


def upgrade() -> None:
    for column in ZONE_COLUMNS:
        op.add_column("customer_zones", column)
    for column in ACCOUNT_COLUMNS:
        op.add_column("accounts", column)
    op.drop_index("ix_customer_zones_sync_due_at", "customer_zones")
    op.execute("UPDATE customer_zones SET sync_due_at = 0 WHERE sync_due_at IS NULL")
    for name, condition in (
        ("ix_customer_zones_due_platform", PLATFORM),
        ("ix_customer_zones_due_own", OWN),
    ):
        op.create_index(
            name,
            "customer_zones",
            ["priority", "sync_due_at"],
            sqlite_where=condition,
            postgresql_where=condition,
        )
    op.create_index("ix_customer_zones_account_id", "customer_zones", ["account_id", "customer_id"])
    op.create_index("ix_customer_zones_credential_id", "customer_zones", ["credential_id", "customer_id"])
    op.create_index(
        "ix_customer_zones_lease_owner",
        "customer_zones",
        ["lease_owner"],
        sqlite_where=LEASED,
        postgresql_where=LEASED,
    )
    op.create_index("ix_accounts_feed_due_at", "accounts", ["feed_due_at"])
    op.create_index("ix_changes_ray_id", "changes", ["ray_id"], sqlite_where=RAY, postgresql_where=RAY)
    op.create_index(
        "ix_changes_observed",
        "changes",
        ["requested_at"],
        sqlite_where=OBSERVED,
        postgresql_where=OBSERVED,
    )
    op.create_table(
        "feed_entries",
        sa.Column("id", RISING_ID, nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("entry_id", sa.String(80), nullable=False),
        sa.Column("customer_id", sa.BigInteger()),
        sa.Column("toggles", sa.String(), nullable=False),
        sa.Column("person", sa.String(255), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_feed_entries"),
        sa.UniqueConstraint("account_id", "entry_id", name="uq_feed_entries_account_id_entry_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_feed_entries_open", "feed_entries", ["customer_id"], sqlite_where=OPEN, postgresql_where=OPEN
    )
    op.create_index("ix_feed_entries_first_seen_at", "feed_entries", ["first_seen_at"])


def downgrade() -> None:
    op.drop_table("feed_entries")
    op.drop_index("ix_changes_observed", "changes")
    op.drop_index("ix_changes_ray_id", "changes")
    op.drop_index("ix_accounts_feed_due_at", "accounts")
    for name in (
        "ix_customer_zones_lease_owner",
        "ix_customer_zones_credential_id",
        "ix_customer_zones_account_id",
        "ix_customer_zones_due_own",
        "ix_customer_zones_due_platform",
    ):
        op.drop_index(name, "customer_zones")
    op.create_index("ix_customer_zones_sync_due_at", "customer_zones", ["sync_due_at"])
    for column in reversed(ACCOUNT_COLUMNS):
        op.drop_column("accounts", column.name)
    for column in reversed(ZONE_COLUMNS):
        op.drop_column("customer_zones", column.name)
