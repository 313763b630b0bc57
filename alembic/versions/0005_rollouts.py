"""Which shops the new path serves, and what was brought over from the predecessor."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ROLE = "cloudcache_app"
TENANT = "(SELECT current_setting('cloudcache.tenant', true))"
POLICIES = {"rollout_shops": "shop", "kv_imports": "customer_id::text"}


def upgrade() -> None:
    op.create_table(
        "rollouts",
        sa.Column("environment", sa.String(16), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("environment", name="pk_rollouts"),
        sa.CheckConstraint("percent BETWEEN 0 AND 100", name="ck_rollouts_percent"),
    )
    op.create_table(
        "rollout_shops",
        sa.Column("shop", sa.String(100), nullable=False),
        sa.Column("environment", sa.String(16), nullable=False),
        sa.Column("is_served", sa.Boolean(), nullable=False),
        sa.Column("named_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shop", "environment", name="pk_rollout_shops"),
    )
    op.create_table(
        "kv_imports",
        sa.Column("customer_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("origin", sa.String(100), nullable=False),
        sa.Column("told", sa.String(3), nullable=False),
        sa.Column("found", sa.String(3), nullable=False),
        sa.Column("change_id", sa.BigInteger()),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name="pk_kv_imports"),
    )
    if op.get_bind().dialect.name == "postgresql":
        _row_level_security()


def downgrade() -> None:
    for table in ("kv_imports", "rollout_shops", "rollouts"):  # policies and grants go with them
        op.drop_table(table)


def _row_level_security() -> None:
    for table, whose in POLICIES.items():
        condition = f"{TENANT} = '*' OR {whose} = {TENANT}"
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING ({condition}) WITH CHECK ({condition})")
    op.execute(
        f"""DO $$ BEGIN
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
          GRANT SELECT, INSERT, UPDATE, DELETE ON rollouts, rollout_shops, kv_imports TO {ROLE};
        END IF; END $$"""
    )
