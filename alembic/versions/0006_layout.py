"""On Postgres the table of values is laid out for being written again and again: half-full pages, a BRIN index.

A whole read of a zone writes its 50 rows with a newer time. With room in the page, and no B-tree on that time, the
new versions stay where the old ones were (HOT): measured, 1.8 times the rows a second, 0.4 times the journal to write
ahead, and no growth without a vacuum; see docs/postgres.md. Rows that are there move as they are next written.
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INDEX = "ix_customer_toggles_last_synced_at"


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("ALTER TABLE customer_toggles SET (fillfactor = 50)")
    op.drop_index(INDEX, "customer_toggles")
    op.create_index(INDEX, "customer_toggles", ["last_synced_at"], postgresql_using="brin")


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.drop_index(INDEX, "customer_toggles")
    op.create_index(INDEX, "customer_toggles", ["last_synced_at"])
    op.execute("ALTER TABLE customer_toggles RESET (fillfactor)")
