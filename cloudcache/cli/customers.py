"""`customers`: add, list and show; import and export are in `onboarding`."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer
from rich.table import Table

from cloudcache.cli.onboarding import export_customers, import_customers
from cloudcache.cli.parts import AsJson, duration, out, print_json, run, token_from_stdin
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.catalog import BY_ID, Topology
from cloudcache.wiring import Wiring

app = typer.Typer(no_args_is_help=True, help="Add, list, show, import, and export customers.")
app.command("import")(import_customers)
app.command("export")(export_customers)


@app.command()
def add(
    shop: Annotated[str, typer.Argument(help="my-shop or my-shop.myshopify.com.")],
    zone: Annotated[str, typer.Option(help="The zone ID: 32 hex digits, shown on the zone's overview page.")],
    topology: Annotated[
        Topology, typer.Option(help="How the store's domain reaches Shopify.")
    ] = Topology.O2O,
    own_token: Annotated[
        bool, typer.Option("--own-token", help="Read an API token for this customer from standard input.")
    ] = False,
) -> None:
    """Add a store with its Cloudflare zone. The zone is looked up in Cloudflare first."""
    token = token_from_stdin() if own_token else None

    async def work(wiring: Wiring) -> str:
        service = wiring.services.customers
        customer = await service.add(SYSTEM, shop, zone, token=token, topology=topology)
        return f"{customer.shop}: zone {customer.zone_name}, {customer.plan.title} plan"

    out.print(run(work))


@app.command("list")
def list_customers(
    as_json: AsJson = False, limit: Annotated[int, typer.Option(min=1, max=1_000_000)] = 100
) -> None:
    """List customers in the order they were added."""

    async def work(wiring: Wiring) -> None:
        rows = await wiring.services.customers.list(SYSTEM, limit)
        if as_json:
            for one in rows:
                line = {"shop": one.shop, "zone": one.zone_id, "domain": one.zone_name}
                print_json({**line, "plan": one.plan.title, "status": one.status.value})
            return
        table = Table("Store", "Domain", "Plan", "Status", "Zone", box=None)
        for one in rows:
            table.add_row(one.shop, one.zone_name, one.plan.title, one.condition, one.zone_id)
        out.print(table)

    run(work)


@app.command()
def show(shop: str, as_json: AsJson = False) -> None:
    """Show the cached settings of one customer."""

    async def work(wiring: Wiring) -> None:
        page = await wiring.services.customers.show(SYSTEM, shop)
        if as_json:
            rows = [
                {
                    "toggle": id_,
                    "state": cell.state.value if cell.state else None,
                    "value": cell.value,
                    "seen_at": cell.seen_at,
                }
                for id_, cell in page.cells.items()
            ]
            sys.stdout.write(
                json.dumps(
                    {
                        "shop": page.customer.shop,
                        "status": page.customer.status.value,
                        "full_read_at": page.customer.full_read_at,
                        "toggles": rows,
                    }
                )
                + "\n"
            )
            return
        out.print(f"{page.customer.shop}: {page.customer.condition}", markup=False)
        table = Table("Setting", "State", "Value", "Age", box=None)
        now = wiring.services.clock.now_ms()
        for id_, cell in page.cells.items():
            age = duration((now - cell.seen_at) / 1000) if cell.seen_at else "never read"
            state = cell.state.value if cell.state else "?"
            table.add_row(BY_ID[id_].title, state, json.dumps(cell.value), age)
        out.print(table)

    run(work)
