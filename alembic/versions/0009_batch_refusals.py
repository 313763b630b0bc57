"""Zones that were refused the batch read, so that all processes judge together whether it is withdrawn."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ROLE = "cloudcache_app"
TENANT = "(SELECT current_setting('cloudcache.tenant', true))"
TABLE = "batch_refusals"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("customer_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("credential_id", sa.String(64), nullable=False),
        sa.Column("refused_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name="pk_batch_refusals"),
    )
    if op.get_bind().dialect.name == "postgresql":
        _row_level_security()


def downgrade() -> None:
    op.drop_table(TABLE)  # its policy and grants go with it


def _row_level_security() -> None:
    condition = f"{TENANT} = '*' OR customer_id::text = {TENANT}"
    op.execute(f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {TABLE} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {TABLE} USING ({condition}) WITH CHECK ({condition})")
    op.execute(
        f"""DO $$ BEGIN
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
          GRANT SELECT, INSERT, UPDATE, DELETE ON {TABLE} TO {ROLE};
        END IF; END $$"""
    )
