"""A used Postgres database becomes as it was when it was made: no rows, new sequences, and nobody connected."""

from __future__ import annotations

import asyncpg
from sqlalchemy.engine import make_url

SHAPE = """
SELECT md5(string_agg(part, E'\\n' ORDER BY part)) FROM (
  SELECT concat_ws(' ', 'c', relname, relkind, relrowsecurity, relforcerowsecurity, relacl, pg_get_userbyid(relowner))
    FROM pg_class WHERE relnamespace = 'public'::regnamespace
  UNION ALL SELECT concat_ws(' ', 'a', attrelid::regclass, attname, atttypid, attnotnull, attisdropped)
    FROM pg_attribute JOIN pg_class ON oid = attrelid
    WHERE attnum > 0 AND relnamespace = 'public'::regnamespace
  UNION ALL SELECT concat_ws(' ', 'p', polrelid::regclass, polname, polcmd, pg_get_expr(polqual, polrelid))
    FROM pg_policy
  UNION ALL SELECT concat_ws(' ', 't', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT concat_ws(' ', 'o', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
  UNION ALL SELECT concat_ws(' ', 'f', proname, prosrc) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
) AS shape (part)
"""
"""A digest of tables, columns, rules, policies, rights and functions."""

CUT_OFF = """
SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

CLEAR = """
DO $$
DECLARE one record; used boolean; names text := '';
BEGIN
  FOR one IN SELECT oid::regclass AS name FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
  LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', one.name) INTO used;
    IF used THEN names := names || ', ' || one.name; END IF;
  END LOOP;
  IF names <> '' THEN EXECUTE 'TRUNCATE ' || substr(names, 3) || ' CASCADE'; END IF;
  FOR one IN SELECT format('%I.%I', schemaname, sequencename)::regclass AS name, start_value FROM pg_sequences
    WHERE last_value IS NOT NULL
  LOOP
    PERFORM setval(one.name, one.start_value, false);
  END LOOP;
END $$
"""


async def as_new(url: str, template: str) -> bool:
    """Make the database at `url` what `template` is, whose migrations leave no rows; False when a test has changed
    more than rows."""
    if template not in _shapes:
        _shapes[template] = await _fetched(template, SHAPE)
    if await _fetched(url, CUT_OFF, SHAPE) != _shapes[template]:
        return False
    await _fetched(url, CLEAR)
    return True


_shapes: dict[str, object] = {}


async def _fetched(url: str, *statements: str) -> object:
    """What the last of the statements answers, as the user in the address."""
    connection = await asyncpg.connect(make_url(url).set(drivername="postgresql").render_as_string(False))
    try:
        answers = [await connection.fetchval(one) for one in statements]
        return answers[-1]
    finally:
        await connection.close()
