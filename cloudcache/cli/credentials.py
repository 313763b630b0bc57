"""`credentials`: give a customer a token, resume what a refused one had suspended, seal all anew."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from cloudcache.cli.parts import AsJson, out, print_json, run, token_from_stdin
from cloudcache.domain.access import SYSTEM
from cloudcache.wiring import Wiring

app = typer.Typer(no_args_is_help=True, help="Add, verify, and rotate Cloudflare API tokens.")


@app.command()
def add(shop: Annotated[str, typer.Argument(help="my-shop or my-shop.myshopify.com.")]) -> None:
    """Read an API token for this customer from standard input, check it on the zone, and store it encrypted."""
    token = token_from_stdin()

    async def work(wiring: Wiring) -> str:
        customer = await wiring.services.customers.reconnect(SYSTEM, shop, token)
        return f"{customer.shop}: API token saved. Zone {customer.zone_name} is due now."

    out.print(run(work))


@app.command()
def verify(
    shop: Annotated[str | None, typer.Argument(help="One customer. Default: the platform's token.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check with Cloudflare whether an API token works. If so, its suspended zones are read again. Exit 1 if it
    doesn't, or if the zone doesn't respond."""

    async def work(wiring: Wiring) -> bool:
        check = await wiring.services.customers.verify(SYSTEM, shop)
        if as_json:
            print_json(
                {"token": check.whose, "ok": check.ok, "finding": check.finding, "resumed": check.resumed}
            )
            return check.ok
        table = Table("", "Token", "Result", "Zones resumed", box=None)
        table.add_row("ok" if check.ok else "NO", check.whose, check.finding, str(check.resumed))
        out.print(table)
        return check.ok

    raise typer.Exit(0 if run(work) else 1)


@app.command()
def rotate(as_json: AsJson = False) -> None:
    """Re-encrypt every stored token with the newest of CLOUDCACHE_SECRET_KEYS. Then you can remove the older keys.

    Nothing has to be stopped. Exit 1 if a token can't be decrypted with any configured key."""

    async def work(wiring: Wiring) -> bool:
        found = [
            await wiring.services.credentials.rotate(SYSTEM),
            await wiring.services.merchants.rotate(SYSTEM),
        ]
        total, renewed = sum(one.total for one in found), sum(one.renewed for one in found)
        unreadable = [name for one in found for name in one.unreadable]
        if as_json:
            print_json({"total": total, "renewed": renewed, "unreadable": list(unreadable)})
        else:
            out.print(f"{total} tokens, {renewed} re-encrypted with the newest key")
            for name in unreadable:
                out.print(f"No configured key decrypts {name}. Add its token again.")
        return not unreadable

    raise typer.Exit(0 if run(work) else 1)
