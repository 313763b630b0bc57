"""`python -m tests.load SESSIONS`: one run against an embedded server or a shared one, as a table or as JSON.

python -m tests.load 1000 --events 200 --flips 10
python -m tests.load 1000 --shared
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import asdict

from tests.load.figures import Figures, allow_many_files, run
from tests.load.stage import embedded, shared


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.load")
    parser.add_argument("sessions", type=int)
    parser.add_argument("--events", type=float, default=100, help="a second, flips among them")
    parser.add_argument("--flips", type=float, default=10, help="a second")
    parser.add_argument("--idle", type=float, default=35, help="seconds")
    parser.add_argument("--live", type=float, default=40, help="seconds")
    parser.add_argument("--changes", type=int, default=10, help="made in Cloudflare's dashboard")
    parser.add_argument("--tabs", type=int, default=2, help="of each shop")
    parser.add_argument("--shared", action="store_true", help="two web workers, Postgres, Valkey")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    allow_many_files()
    shops = 1 + given.sessions // given.tabs + 1
    with (shared if given.shared else embedded)(shops) as stage:
        found = asyncio.run(
            run(
                stage,
                given.sessions,
                events=given.events,
                flips=given.flips,
                idle_s=given.idle,
                live_s=given.live,
                changes=given.changes,
                tabs=given.tabs,
            )
        )
        text = stage.app.log_text()
    sys.stdout.write(found.as_json() + "\n" if given.json else _table(found))
    errors = [line for line in text.splitlines() if "ERROR" in line or "Traceback" in line]
    sys.stderr.write("".join(f"{line}\n" for line in errors[:20]))


def _table(found: Figures) -> str:
    return "".join(
        f"{name:22} {f'{value:.4g}' if isinstance(value, float) else value}\n"
        for name, value in asdict(found).items()
    )


main()
