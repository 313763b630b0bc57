"""The commands: `python -m cloudcache ...`. Each is one thin function over a service."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cloudcache.adapters.telemetry import table
from cloudcache.cli import (
    audit,
    credentials,
    customers,
    kv_import,
    onboarding,
    rollout,
    simulate,
    staff,
    sync,
)
from cloudcache.cli.parts import AsJson, Commands, finite, out, print_json, run
from cloudcache.domain.access import SYSTEM
from cloudcache.emulator.serve import serve
from cloudcache.emulator.world import Options, World
from cloudcache.services.health import Finding
from cloudcache.web import serve as serving
from cloudcache.wiring import Wiring
from cloudcache.worker import main

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # its traceback shows local variables
    help="Commands for running cloudcache.",
)
app.add_typer(customers.app, name="customers")
app.add_typer(credentials.app, name="credentials")
app.add_typer(staff.app, name="staff")
app.add_typer(audit.app, name="audit")
app.add_typer(rollout.app, name="rollout")
app.command(help=kv_import.HELP)(kv_import.kv_import)
app.command()(sync.sync)
app.command()(simulate.simulate)
app.command()(onboarding.seed)


@app.command()
def emulator(
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port on 127.0.0.1. 0 picks a free port.")
    ] = 8787,
    zones: Annotated[int, typer.Option(min=0, max=1_000_000, help="Number of zones.")] = 100,
    accounts: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Number of accounts that the zones belong to.")
    ] = 1,
    state: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="File that stores changes across restarts."),
    ] = None,
    latency: Annotated[
        float, typer.Option(min=0, max=3_600, callback=finite, help="Seconds before each response.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Serve an emulated Cloudflare API on this machine until it's stopped."""
    try:
        world = World(Options(zones=zones, accounts=accounts, latency=latency), path=state)
    except sqlite3.Error:
        raise typer.BadParameter("the file can't be opened, or isn't a state file of the emulator") from None
    serve(world, "127.0.0.1", port, as_json=as_json)


@app.command()
def web(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 3000,
    share_port: Annotated[
        bool, typer.Option("--share-port", help="Let other web processes listen on the same port.")
    ] = False,
) -> None:
    """Serve the pages that were built before, and the API, until it's stopped."""
    try:
        serving.serve(host, port, share_port=share_port)
    except OSError as error:
        raise typer.BadParameter(f"can't listen on {host}:{port}: {error.strerror}") from None


@app.command()
def worker() -> None:
    """Keep the cache fresh without serving pages, until it's stopped. Several workers share the work."""
    raise typer.Exit(main())


@app.command()
def metrics() -> None:
    """Print the table of all metrics and log events, as in docs/operations/metrics.md."""
    sys.stdout.write(table())


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Check the configuration, connections, and permissions, and how fresh values can be. Exit 1 if a check fails."""

    async def work(wiring: Wiring) -> bool:
        settings = wiring.settings
        unknown = [Finding("settings", False, text) for text in settings.unknown]
        findings = [*await wiring.services.health.report(), *unknown]
        where = "the built-in emulator" if settings.uses_emulator else settings.cloudflare_url
        fresh = await wiring.services.reports.freshness(SYSTEM) if findings[0].ok else None
        if as_json:
            print_json(
                {
                    "environment": settings.environment,
                    "cloudflare": where,
                    "findings": [{"subject": f.subject, "ok": f.ok, "text": f.text} for f in findings],
                    "plan": sync.plan_json(fresh.plan) if fresh else None,
                    "queue": sync.depth_json(fresh.depth) if fresh else None,
                }
            )
        else:
            out.print(f"Environment: {settings.environment}   Cloudflare: {where}")
            table = Table("", "Check", "Result", box=None)
            for f in findings:
                table.add_row("ok" if f.ok else "NO", f.subject, f.text)
            out.print(table)
            if fresh:
                sync.print_plan(fresh)
        return all(f.ok for f in findings)

    raise typer.Exit(0 if run(work) else 1)
