"""The cache, its journal, and the credentials."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

RISING_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ACTIVE = sa.text("status = 'active'")
PENDING = sa.text("status = 'pending'")


def upgrade() -> None:
    op.create_table(
        "credentials",
        sa.Column("credential_id", sa.String(64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("blocked_until", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("credential_id", name="pk_credentials"),
    )
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("feed_cursor", sa.String(512)),
        sa.Column("feed_verified_until", sa.BigInteger()),
        sa.PrimaryKeyConstraint("account_id", name="pk_accounts"),
    )
    op.create_table(
        "customer_zones",
        sa.Column("customer_id", RISING_ID, nullable=False),
        sa.Column("shop", sa.String(100), nullable=False),
        sa.Column("zone_id", sa.String(32), nullable=False),
        sa.Column("zone_name", sa.String(255), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("plan", sa.String(16), nullable=False),
        sa.Column("topology", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("credential_id", sa.String(64)),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("full_read_at", sa.BigInteger()),
        sa.Column("silent_since", sa.BigInteger()),
        sa.Column("sync_due_at", sa.BigInteger()),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(64)),
        sa.Column("lease_until", sa.BigInteger()),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_viewed_at", sa.BigInteger()),
        sa.Column("last_error", sa.String(255), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name="pk_customer_zones"),
        sa.UniqueConstraint("shop", name="uq_customer_zones_shop"),
        sa.UniqueConstraint("zone_id", name="uq_customer_zones_zone_id"),
        sa.ForeignKeyConstraint(
            ["credential_id"], ["credentials.credential_id"], name="fk_customer_zones_credential_id"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_customer_zones_sync_due_at", "customer_zones", ["sync_due_at"])
    op.create_index(
        "ix_customer_zones_full_read_at",
        "customer_zones",
        ["full_read_at", "customer_id"],
        sqlite_where=ACTIVE,
        postgresql_where=ACTIVE,
    )
    op.create_table(
        "customer_toggles",
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("toggle_id", sa.String(40), nullable=False),
        sa.Column("state", sa.String(3)),
        sa.Column("value", sa.String()),
        sa.Column("last_synced_at", sa.BigInteger()),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_by", sa.String(8), nullable=False),
        sa.Column("editable", sa.Boolean()),
        sa.Column("modified_on", sa.String(40)),
        sa.Column("ends_at", sa.BigInteger()),
        sa.Column("last_on", sa.String()),
        sa.Column("last_off", sa.String()),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("value_revision", sa.BigInteger(), nullable=False),
        sa.Column("change_id", sa.BigInteger()),
        sa.PrimaryKeyConstraint("customer_id", "toggle_id", name="pk_customer_toggles"),
        sa.CheckConstraint("state IN ('on', 'off')", name=op.f("ck_customer_toggles_state")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_customer_toggles_last_synced_at", "customer_toggles", ["last_synced_at"])
    op.create_table(
        "changes",
        sa.Column("id", RISING_ID, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("toggle_id", sa.String(40), nullable=False),
        sa.Column("from_state", sa.String(3)),
        sa.Column("from_value", sa.String()),
        sa.Column("to_state", sa.String(3), nullable=False),
        sa.Column("to_value", sa.String(), nullable=False),
        sa.Column("actor_kind", sa.String(16), nullable=False),
        sa.Column("actor_id", sa.String(255), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("request_id", sa.String(80), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger()),
        sa.Column("eta_at", sa.BigInteger()),
        sa.Column("settled_at", sa.BigInteger()),
        sa.Column("seen_at", sa.BigInteger()),
        sa.Column("error", sa.String(40), nullable=False),
        sa.Column("detail", sa.String(255), nullable=False),
        sa.Column("ray_id", sa.String(64), nullable=False),
        sa.Column("lease_owner", sa.String(64)),
        sa.Column("lease_until", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_changes"),
        sa.UniqueConstraint("customer_id", "request_id", name="uq_changes_customer_id_request_id"),
        sa.CheckConstraint(
            "status IN ('pending', 'applied', 'failed', 'superseded', 'observed')",
            name=op.f("ck_changes_status"),
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_changes_customer_id_id", "changes", ["customer_id", "id"])
    op.create_index("ix_changes_customer_id_toggle_id_id", "changes", ["customer_id", "toggle_id", "id"])
    for name, columns in (
        ("ix_changes_pending", ["customer_id", "toggle_id"]),
        ("ix_changes_pending_lease_until", ["lease_until", "id"]),
    ):
        op.create_index(name, "changes", columns, sqlite_where=PENDING, postgresql_where=PENDING)


def downgrade() -> None:
    for table in ("changes", "customer_toggles", "customer_zones", "accounts", "credentials"):
        op.drop_table(table)
