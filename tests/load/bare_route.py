"""`python -m tests.load.bare_route PORT FILE`: the least a read of fifty settings can cost: Starlette on uvicorn, one
`sqlite3` query of 50 rows in the handler, and their JSON of 11 KB."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

ROWS = 50
TEXT = "x" * 180
"""Makes a row as long as a setting in the REST API's answer."""


def prepare(file: Path) -> None:
    """Write the table."""
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE settings (customer INTEGER, name TEXT, value TEXT, seen_at INTEGER)")
        rows = [(1, f"setting-{number}", TEXT, 1_795_000_000_000) for number in range(ROWS)]
        connection.executemany("INSERT INTO settings VALUES (?, ?, ?, ?)", rows)
    connection.close()


def app(file: Path) -> Starlette:
    """The application with its one route."""
    connection = sqlite3.connect(file)

    async def read(request: Request) -> Response:
        rows = connection.execute("SELECT name, value, seen_at FROM settings WHERE customer = 1").fetchall()
        shown = [{"name": name, "value": value, "seen_at": seen_at} for name, value, seen_at in rows]
        return Response(json.dumps(shown), media_type="application/json")

    return Starlette(routes=[Route("/", read)])


if __name__ == "__main__":
    prepare(Path(sys.argv[2]))
    uvicorn.run(app(Path(sys.argv[2])), port=int(sys.argv[1]), log_level="error", access_log=False)
