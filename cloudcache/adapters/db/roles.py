"""Who may do what on Postgres: an owner migrates, the program connects as a role that can only use the tables.

Row-level security and the append-only triggers bind everybody but superusers, roles with BYPASSRLS, and whoever owns
the tables and so may switch them off. The program must be none of these. Each migration ends by making the role, if
it may, and by granting it what is there: tables of later migrations included, and also to a role made afterwards.
"""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from cloudcache.adapters.db.engine import ACROSS_TENANTS, Database
from cloudcache.domain.errors import StoreUnavailable

ROLE = "cloudcache_app"

GRANTS = f"""
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
    BEGIN
      CREATE ROLE {ROLE} NOLOGIN;
    EXCEPTION
      WHEN insufficient_privilege THEN RETURN;
      WHEN duplicate_object OR unique_violation THEN NULL;
    END;
  END IF;
  GRANT USAGE ON SCHEMA public TO {ROLE};
  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROLE};
  GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {ROLE};
  REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {ROLE};
  IF to_regclass('public.audit_log') IS NOT NULL THEN
    REVOKE DELETE ON audit_log FROM {ROLE};
  END IF;
END $$
"""  # noqa: S608  names of our own

_RIGHTS = text(
    "SELECT me.rolsuper, me.rolbypassrls, pg_has_role(current_user, tables.relowner, 'MEMBER') AS owns "
    "FROM pg_roles me, pg_class tables "
    "WHERE me.rolname = current_user AND tables.oid = to_regclass('customer_zones')"
)


def grant(connection: Connection) -> None:
    """Let the program's role use all tables there are; the owner calls it at the end of a migration."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(GRANTS))


async def check_role(engine: AsyncEngine) -> None:
    """`StoreUnavailable` when this connection may look past row-level security, or switch it off."""
    if engine.dialect.name != "postgresql":
        return
    async with Database(engine).reading(ACROSS_TENANTS) as connection:
        rights = (await connection.execute(_RIGHTS)).one_or_none()
    if rights is None:
        return
    is_superuser, bypasses, owns = rights
    what = (
        "a superuser"
        if is_superuser
        else "exempt from row-level security"
        if bypasses
        else "the tables' owner"
    )
    if is_superuser or bypasses or owns:
        raise StoreUnavailable(
            f"the database user is {what}; outside the local environment connect as a member of {ROLE}"
        )
