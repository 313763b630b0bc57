"""Which history a database tells: its epoch changes when another server, or a restored table, takes its place.

Revisions are counted in the database. After a failover that lost commits, or a restore, the same numbers are given
out again for other changes, and a page that shows a revision of the former history cannot tell what it missed.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class Epoch(FunctionElement[Any]):
    """The epoch as a column. A Postgres server that is started or promoted has another start time, and a restored
    table has another id; SQLite serves one process, whose pages end with it."""

    name = "epoch"
    type = String()
    inherit_cache = True


@compiles(Epoch)
def _constant(element: Epoch, compiler: SQLCompiler, **_: Any) -> str:
    return "''"


@compiles(Epoch, "postgresql")
def _of_server_and_table(element: Epoch, compiler: SQLCompiler, **_: Any) -> str:
    started = "(SELECT extract(epoch FROM pg_postmaster_start_time())::text)"
    return f"(customer_zones.tableoid::bigint || '/' || {started})"
