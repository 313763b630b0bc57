"""Suspended zones and tokens are examined again by themselves: when, in one row each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ROLE = "cloudcache_app"
TENANT = "(SELECT current_setting('cloudcache.tenant', true))"

FIRST_TOKENS = """
INSERT INTO suspensions (kind, subject, since, attempts, due_at)
SELECT 'token', COALESCE(credential_id, 'platform'), MIN(updated_at), 0, 0
FROM customer_zones WHERE status = 'token_refused' GROUP BY COALESCE(credential_id, 'platform')
"""
FIRST_ZONES = """
INSERT INTO suspensions (kind, subject, since, attempts, due_at)
SELECT 'zone', CAST(customer_id AS VARCHAR(64)), updated_at, 0, 0 FROM customer_zones WHERE status = 'gone'
"""
"""What was suspended before is due at once; a zone whose token is fine is then judged for itself."""


def upgrade() -> None:
    op.create_table(
        "suspensions",
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", name="pk_suspensions"),
    )
    op.create_index("ix_suspensions_due_at", "suspensions", ["due_at"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SELECT set_config('cloudcache.tenant', '*', true)")
    op.execute(FIRST_TOKENS)
    op.execute(FIRST_ZONES)
    if op.get_bind().dialect.name == "postgresql":
        _row_level_security()


def downgrade() -> None:
    op.drop_table("suspensions")  # its policy and grants go with it


def _row_level_security() -> None:
    condition = f"{TENANT} = '*' OR (kind = 'zone' AND subject = {TENANT})"
    op.execute("ALTER TABLE suspensions ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE suspensions FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON suspensions USING ({condition}) WITH CHECK ({condition})")
    op.execute(
        f"""DO $$ BEGIN
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
          GRANT SELECT, INSERT, UPDATE, DELETE ON suspensions TO {ROLE};
        END IF; END $$"""
    )
