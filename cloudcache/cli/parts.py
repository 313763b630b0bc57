"""What the commands share: building the parts, one line for an expected failure, JSON for scripts."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from cloudcache import logs
from cloudcache.config import ConfigError, load
from cloudcache.domain.errors import CloudcacheError
from cloudcache.domain.ids import JSON
from cloudcache.wiring import Wiring, build

out = Console()
err = Console(stderr=True)

Result = TypeVar("Result")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]


def run(work: Callable[[Wiring], Awaitable[Result]]) -> Result:
    """Build the parts, run, close; an expected failure is one line and exit code 1."""
    logs.configure("WARNING")

    async def main() -> Result:
        settings = load()
        logs.configure("WARNING", settings.log_format, "command")
        logs.begin(request=logs.request_id(), actor="command")
        wiring = build(settings)
        async with wiring.connected():
            return await work(wiring)

    try:
        return asyncio.run(main())
    except (ConfigError, CloudcacheError, ValueError) as error:
        sys.stderr.write(f"cloudcache: {error}\n")
        raise typer.Exit(1) from None


def print_json(value: JSON) -> None:
    """One line of JSON on standard output."""
    sys.stdout.write(json.dumps(value) + "\n")


def duration(seconds: float) -> str:
    """A span of time as people say it: 12 s, 4 min, 3.5 h, 9 days."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{seconds:.0f} s"
