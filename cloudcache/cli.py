"""The commands: `python -m cloudcache ...`. Each is one thin function over a service."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from cloudcache import logs
from cloudcache.config import ConfigError, load
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.catalog import BY_ID, Topology
from cloudcache.domain.errors import CloudcacheError
from cloudcache.domain.secret import Token
from cloudcache.emulator.serve import serve
from cloudcache.emulator.world import Options, World
from cloudcache.wiring import Wiring, build

app = typer.Typer(no_args_is_help=True, add_completion=False, help="cloudcache's commands.")
customers = typer.Typer(no_args_is_help=True, help="Add, list and show customers.")
app.add_typer(customers, name="customers")
out = Console()

Result = TypeVar("Result")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]


@app.command()
def emulator(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8787,
    zones: Annotated[int, typer.Option(min=0, max=1_000_000, help="Zones to pretend.")] = 100,
    accounts: Annotated[int, typer.Option(min=1, max=1_000_000, help="Accounts they belong to.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Serve a pretend Cloudflare API on this machine until it is stopped."""
    world = World(Options(zones=zones, accounts=accounts))
    serve(world, "127.0.0.1", port, as_json=as_json)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what is configured, what can be reached and what is permitted; exit 1 if anything is not well."""

    async def work(wiring: Wiring) -> bool:
        findings = await wiring.services.health.report()
        settings = wiring.settings
        where = "the built-in emulator" if settings.uses_emulator else settings.cloudflare_url
        if as_json:
            rows = [{"subject": f.subject, "ok": f.ok, "text": f.text} for f in findings]
            report = {"environment": settings.environment, "cloudflare": where, "findings": rows}
            sys.stdout.write(json.dumps(report) + "\n")
        else:
            out.print(f"Environment: {settings.environment}   Cloudflare: {where}")
            table = Table("", "What", "Finding", box=None)
            for f in findings:
                table.add_row("ok" if f.ok else "NO", f.subject, f.text)
            out.print(table)
        return all(f.ok for f in findings)

    raise typer.Exit(0 if _run(work) else 1)


@customers.command()
def add(
    shop: Annotated[str, typer.Argument(help="my-shop or my-shop.myshopify.com")],
    zone: Annotated[str, typer.Option(help="The zone's id: 32 hex digits on its overview page.")],
    topology: Annotated[Topology, typer.Option(help="How the shop's name reaches Shopify.")] = Topology.O2O,
    own_token: Annotated[
        bool, typer.Option("--own-token", help="Read a token for this customer from standard input.")
    ] = False,
) -> None:
    """Register a shop with its Cloudflare zone; Cloudflare is asked for the zone first."""
    token = Token(sys.stdin.readline().strip()) if own_token else None

    async def work(wiring: Wiring) -> str:
        service = wiring.services.customers
        customer = await service.add(SYSTEM, shop, zone, token=token, topology=topology)
        return f"{customer.shop}: zone {customer.zone_name}, {customer.plan.title} plan"

    out.print(_run(work))


@customers.command("list")
def list_customers(as_json: AsJson = False, limit: Annotated[int, typer.Option(min=1)] = 100) -> None:
    """List customers in the order they were added."""

    async def work(wiring: Wiring) -> None:
        rows = await wiring.services.customers.list(SYSTEM, limit)
        if as_json:
            for one in rows:
                line = {
                    "shop": one.shop,
                    "zone": one.zone_id,
                    "domain": one.zone_name,
                    "plan": one.plan.title,
                }
                sys.stdout.write(json.dumps({**line, "status": one.status.value}) + "\n")
            return
        table = Table("Shop", "Domain", "Plan", "Status", "Zone", box=None)
        for one in rows:
            table.add_row(one.shop, one.zone_name, one.plan.title, one.status.value, one.zone_id)
        out.print(table)

    _run(work)


@customers.command()
def show(shop: str, as_json: AsJson = False) -> None:
    """Show what is cached of one customer."""

    async def work(wiring: Wiring) -> None:
        page = await wiring.services.customers.show(SYSTEM, shop)
        rows = [
            {
                "toggle": id_,
                "state": cell.state.value if cell.state else None,
                "value": cell.value,
                "seen_at": cell.seen_at,
            }
            for id_, cell in page.cells.items()
        ]
        if as_json:
            sys.stdout.write(json.dumps({"shop": page.customer.shop, "toggles": rows}) + "\n")
            return
        table = Table("Setting", "State", "Value", "Age", box=None)
        now = wiring.services.clock.now_ms()
        for id_, cell in page.cells.items():
            age = f"{(now - cell.seen_at) // 1000} s" if cell.seen_at else "never read"
            state = cell.state.value if cell.state else "?"
            table.add_row(BY_ID[id_].title, state, json.dumps(cell.value), age)
        out.print(table)

    _run(work)


def _run(work: Callable[[Wiring], Awaitable[Result]]) -> Result:
    """Build the parts, run, close; an expected failure is one line and exit code 1."""
    logs.configure("WARNING")

    async def main() -> Result:
        wiring = build(load())
        async with wiring.connected():
            return await work(wiring)

    try:
        return asyncio.run(main())
    except (ConfigError, CloudcacheError, ValueError) as error:
        sys.stderr.write(f"cloudcache: {error}\n")
        raise typer.Exit(1) from None
