"""Shops, staff, tokens for scripts and the audit chain; append-only journals; row-level security on Postgres."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ROLE = "cloudcache_app"
"""The role that the program should connect as; whoever migrates owns the tables and may do more."""

TENANT = "(SELECT current_setting('cloudcache.tenant', true))"
BY_CUSTOMER = (
    "customer_toggles",
    "changes",
    "feed_entries",
    "api_tokens",
    "api_answers",
    "staff_views",
)
ZONE_COLUMNS = (
    sa.Column("hostname", sa.String(255), nullable=False, server_default=""),
    sa.Column("topology_at", sa.BigInteger()),
    sa.Column("verdicts", sa.String(), nullable=False, server_default="{}"),
    sa.Column("missing", sa.String(255), nullable=False, server_default=""),
)
ERASABLE = sa.text("erase_at IS NOT NULL")
UNDONE = sa.text("done_at IS NULL")


def upgrade() -> None:
    for column in ZONE_COLUMNS:
        op.add_column("customer_zones", column)
    op.create_index("ix_customer_zones_zone_name", "customer_zones", ["zone_name"])
    _shops()
    _audit()
    _people()
    if op.get_bind().dialect.name == "postgresql":
        _append_only_postgres()
        _row_level_security()
    else:
        _append_only_sqlite()


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _without_row_level_security()
        for table in ("audit_log", "changes"):
            op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
        op.execute("DROP FUNCTION cloudcache_audit_append_only()")
        op.execute("DROP FUNCTION cloudcache_changes_append_only()")
    else:
        for name in ("audit_log_update", "audit_log_delete", "changes_update", "changes_delete"):
            op.execute(f"DROP TRIGGER {name}")
    for table in (
        "erasures",
        "staff_views",
        "staff",
        "api_answers",
        "api_tokens",
        "audit_heads",
        "audit_log",
        "webhook_receipts",
        "shops",
    ):
        op.drop_table(table)
    op.drop_index("ix_customer_zones_zone_name", "customer_zones")
    for column in reversed(ZONE_COLUMNS):
        op.drop_column("customer_zones", column.name)


def _shops() -> None:
    op.create_table(
        "shops",
        sa.Column("shop", sa.String(100), nullable=False),
        sa.Column("number", sa.BigInteger()),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("installed_at", sa.BigInteger(), nullable=False),
        sa.Column("uninstalled_at", sa.BigInteger()),
        sa.Column("erase_at", sa.BigInteger()),
        sa.Column("access_sealed", sa.LargeBinary()),
        sa.Column("refresh_sealed", sa.LargeBinary()),
        sa.Column("access_until", sa.BigInteger()),
        sa.Column("refresh_until", sa.BigInteger()),
        sa.Column("scopes", sa.String(255), nullable=False),
        sa.Column("domains", sa.String(), nullable=False),
        sa.Column("domains_at", sa.BigInteger()),
        sa.Column("lease_owner", sa.String(64)),
        sa.Column("lease_until", sa.BigInteger()),
        sa.PrimaryKeyConstraint("shop", name="pk_shops"),
    )
    op.create_index(
        "ix_shops_erase_at", "shops", ["erase_at"], sqlite_where=ERASABLE, postgresql_where=ERASABLE
    )
    op.create_table(
        "webhook_receipts",
        sa.Column("delivery", sa.String(100), nullable=False),
        sa.Column("topic", sa.String(40), nullable=False),
        sa.Column("shop", sa.String(100), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("delivery", name="pk_webhook_receipts"),
    )
    op.create_index(
        "ix_webhook_receipts_open",
        "webhook_receipts",
        ["received_at"],
        sqlite_where=UNDONE,
        postgresql_where=UNDONE,
    )
    op.create_index("ix_webhook_receipts_received_at", "webhook_receipts", ["received_at"])


def _audit() -> None:
    op.create_table(
        "audit_log",
        sa.Column("chain", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor_kind", sa.String(16), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("toggle_id", sa.String(40), nullable=False),
        sa.Column("change_id", sa.BigInteger()),
        sa.Column("personal", sa.String()),
        sa.Column("personal_digest", sa.String(64), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("chain", "seq", name="pk_audit_log"),
    )
    op.create_table(
        "audit_heads",
        sa.Column("chain", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("chain", name="pk_audit_heads"),
    )
    op.create_table(
        "erasures",
        sa.Column("customer_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("ordered_by", sa.String(40), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name="pk_erasures"),
    )


def _people() -> None:
    op.create_table(
        "api_tokens",
        sa.Column("token_id", sa.String(32), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("scope", sa.String(8), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("last_four", sa.String(4), nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger()),
        sa.Column("revoked_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("token_id", name="pk_api_tokens"),
        sa.UniqueConstraint("digest", name="uq_api_tokens_digest"),
    )
    op.create_index("ix_api_tokens_customer_id", "api_tokens", ["customer_id"])
    op.create_table(
        "api_answers",
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("answer", sa.String()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "key", name="pk_api_answers"),
    )
    op.create_index("ix_api_answers_created_at", "api_answers", ["created_at"])
    op.create_table(
        "staff",
        sa.Column("staff_id", sa.String(255), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("staff_id", name="pk_staff"),
    )
    op.create_table(
        "staff_views",
        sa.Column("view_id", sa.String(32), nullable=False),
        sa.Column("staff_id", sa.String(255), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("view_id", name="pk_staff_views"),
    )
    op.create_index("ix_staff_views_customer_id", "staff_views", ["customer_id"])


# What a line of the journal says of the wish never changes; its outcome is written once. What a line of the audit
# log says never changes at all. An order of erasure opens both for what happened until then: personal parts may go,
# the chain's links stay.
SAME = (
    "customer_id",
    "toggle_id",
    "from_state",
    "from_value",
    "to_state",
    "to_value",
    "actor_kind",
    "source",
    "request_id",
    "requested_at",
)


def _append_only_sqlite() -> None:
    differs = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in SAME)
    op.execute(
        f"""CREATE TRIGGER changes_update BEFORE UPDATE ON changes
        WHEN {differs} OR (OLD.status <> 'pending' AND NEW.status <> OLD.status)
          OR (OLD.actor_id <> '' AND NEW.actor_id <> OLD.actor_id)
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"""
    )
    op.execute(
        """CREATE TRIGGER changes_delete BEFORE DELETE ON changes
        WHEN NOT EXISTS (SELECT 1 FROM erasures WHERE customer_id = OLD.customer_id AND OLD.requested_at <= until)
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"""
    )
    op.execute(
        """CREATE TRIGGER audit_log_update BEFORE UPDATE ON audit_log
        WHEN NOT EXISTS (SELECT 1 FROM erasures WHERE customer_id = OLD.chain AND OLD.at <= until)
          OR NEW.personal IS NOT NULL OR NEW.hash <> OLD.hash OR NEW.previous <> OLD.previous
          OR NEW.personal_digest <> OLD.personal_digest OR NEW.chain <> OLD.chain OR NEW.seq <> OLD.seq
          OR NEW.at <> OLD.at OR NEW.actor_kind <> OLD.actor_kind OR NEW.action <> OLD.action
          OR NEW.outcome <> OLD.outcome OR NEW.toggle_id <> OLD.toggle_id
          OR NEW.change_id IS NOT OLD.change_id
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"""
    )
    op.execute(
        """CREATE TRIGGER audit_log_delete BEFORE DELETE ON audit_log
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"""
    )


def _append_only_postgres() -> None:
    differs = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in SAME)
    op.execute(
        f"""CREATE FUNCTION cloudcache_changes_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF TG_OP = 'DELETE' THEN
            IF EXISTS (SELECT 1 FROM erasures WHERE customer_id = OLD.customer_id AND OLD.requested_at <= until)
            THEN RETURN OLD; END IF;
            RAISE EXCEPTION 'the journal is append-only';
          END IF;
          IF {differs} OR (OLD.status <> 'pending' AND NEW.status <> OLD.status)
            OR (OLD.actor_id <> '' AND NEW.actor_id <> OLD.actor_id)
          THEN RAISE EXCEPTION 'the journal is append-only'; END IF;
          RETURN NEW;
        END $$"""  # noqa: S608  names of our own
    )
    op.execute(
        """CREATE FUNCTION cloudcache_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF TG_OP = 'UPDATE' AND NEW.personal IS NULL
            AND EXISTS (SELECT 1 FROM erasures WHERE customer_id = OLD.chain AND OLD.at <= until)
            AND (to_jsonb(NEW) - 'personal') = (to_jsonb(OLD) - 'personal')
          THEN RETURN NEW; END IF;
          RAISE EXCEPTION 'the audit log is append-only';
        END $$"""
    )
    op.execute(
        "CREATE TRIGGER changes_append_only BEFORE UPDATE OR DELETE ON changes "
        "FOR EACH ROW EXECUTE FUNCTION cloudcache_changes_append_only()"
    )
    op.execute(
        "CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log "
        "FOR EACH ROW EXECUTE FUNCTION cloudcache_audit_append_only()"
    )


def _policies() -> dict[str, str]:
    everybody = f"{TENANT} = '*'"
    own = dict.fromkeys(BY_CUSTOMER, f"{everybody} OR customer_id::text = {TENANT}")
    return own | {
        "customer_zones": f"{everybody} OR customer_id::text = {TENANT} OR shop = {TENANT}",
        "shops": f"{everybody} OR shop = {TENANT}",
        "audit_log": f"{everybody} OR chain::text = {TENANT}",
        "audit_heads": f"{everybody} OR chain::text = {TENANT}",
    }


def _row_level_security() -> None:
    """Without a tenant said by the transaction nothing is seen; forced, so that it holds for the owner as well."""
    for table, condition in _policies().items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING ({condition}) WITH CHECK ({condition})")
    op.execute(
        f"""DO $$ BEGIN
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
          GRANT USAGE ON SCHEMA public TO {ROLE};
          GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROLE};
          GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {ROLE};
          REVOKE DELETE, TRUNCATE ON audit_log FROM {ROLE};
          REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {ROLE};
        END IF; END $$"""  # noqa: S608  names of our own
    )


def _without_row_level_security() -> None:
    for table in _policies():
        op.execute(f"DROP POLICY tenant ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
