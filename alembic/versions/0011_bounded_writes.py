"""What a change has cost in calls, and the circuit breakers of settings that cannot be changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ROLE = "cloudcache_app"


def upgrade() -> None:
    op.add_column("changes", sa.Column("calls", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "circuit_breakers",
        sa.Column("token_kind", sa.String(16), nullable=False),
        sa.Column("setting_id", sa.String(60), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("zones", sa.Integer(), nullable=False),
        sa.Column("last_zone", sa.String(16), nullable=False),
        sa.Column("failed_at", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger()),
        sa.Column("next_try_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("token_kind", "setting_id", name="pk_circuit_breakers"),
    )
    if op.get_bind().dialect.name == "postgresql":  # no tenant's table: it needs no policy
        op.execute(
            f"""DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
              GRANT SELECT, INSERT, UPDATE, DELETE ON circuit_breakers TO {ROLE};
            END IF; END $$"""
        )


def downgrade() -> None:
    op.drop_table("circuit_breakers")
    op.drop_column("changes", "calls")
