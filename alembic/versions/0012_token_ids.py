"""Records of credentials know the id of their token, so that what concerns a token concerns each record with it.

The ids are keyed hashes; their key is kept sealed. The id of an older record is learned when its token is next
opened, which only the program can do.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ROLE = "cloudcache_app"


def upgrade() -> None:
    op.add_column("credentials", sa.Column("token_id", sa.String(64), nullable=True))
    op.create_index("ix_credentials_token_id", "credentials", ["token_id"])
    op.create_table(
        "sealed_keys",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_sealed_keys"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"""DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
              GRANT SELECT, INSERT, UPDATE, DELETE ON sealed_keys TO {ROLE};
            END IF; END $$"""
        )


def downgrade() -> None:
    op.drop_table("sealed_keys")
    op.drop_index("ix_credentials_token_id", "credentials")
    op.drop_column("credentials", "token_id")
