"""`rollout`: which shops the new path serves, looked at and changed while everything runs."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from cloudcache.cli.parts import AsJson, out, print_json, run
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.ids import JSON
from cloudcache.domain.rollout import ENVIRONMENTS
from cloudcache.services.rollouts import CohortCounts, RolloutReport
from cloudcache.wiring import Wiring

app = typer.Typer(
    no_args_is_help=True,
    help="Choose which stores are served: a percentage of all stores, and individual stores. Running processes and "
    "open pages follow within a few seconds. A store that waits loses nothing: its page says so, and its values stay "
    "fresh.",
)
Environment = Annotated[
    str | None,
    typer.Option(
        help=f"{', '.join(ENVIRONMENTS[:-1])} or {ENVIRONMENTS[-1]}. Default: the environment of this installation."
    ),
]
Shop = Annotated[str, typer.Argument(help="my-shop or my-shop.myshopify.com.")]


@app.command()
def show(environment: Environment = None, as_json: AsJson = False) -> None:
    """Show the rule, and compare the stores that are served with those that wait."""

    async def work(wiring: Wiring) -> RolloutReport:
        return await wiring.services.rollouts.report(SYSTEM, environment)

    report = run(work)
    if as_json:
        print_json(_json(report))
        return
    rule = report.rollout
    out.print(f"{rule.environment}: {rule.percent}% of stores are served")
    for shop, is_served in sorted(rule.named.items()):
        out.print(f"  {shop} {'is served' if is_served else 'waits'}, regardless of the percentage")
    table = Table("Stores", "Customers", "Changes in 24 h", "Failed", "Error ratio", box=None)
    for cohort, counts in report.cohorts.items():
        ratio = "-" if counts.error_ratio is None else f"{counts.error_ratio:.2%}"
        table.add_row(cohort.value, str(counts.customers), str(counts.flips), str(counts.failures), ratio)
    out.print(table)


@app.command("set")
def set_percent(
    percent: Annotated[int, typer.Option(min=0, max=100, help="Percentage of stores that are served.")],
    environment: Environment = None,
) -> None:
    """Serve a percentage of all stores. Raising it only adds stores. Lowering it removes those added last."""

    async def work(wiring: Wiring) -> str:
        await wiring.services.rollouts.set_percent(SYSTEM, percent, environment)
        return environment or wiring.services.rollouts.environment

    out.print(f"{run(work)}: {percent}%")


@app.command()
def add(shop: Shop, environment: Environment = None) -> None:
    """Serve this store, regardless of the percentage."""
    out.print(f"{_name(shop, True, environment)} is served")


@app.command()
def remove(shop: Shop, environment: Environment = None) -> None:
    """Let this store wait, regardless of the percentage."""
    out.print(f"{_name(shop, False, environment)} waits")


@app.command()
def forget(shop: Shop, environment: Environment = None) -> None:
    """Apply the percentage to this store again."""
    out.print(f"{_name(shop, None, environment)} follows the percentage")


def _name(shop: str, is_served: bool | None, environment: str | None) -> str:
    async def work(wiring: Wiring) -> str:
        return await wiring.services.rollouts.name(SYSTEM, shop, is_served, environment)

    return run(work)


def _json(report: RolloutReport) -> JSON:
    def counts(one: CohortCounts) -> JSON:
        return {
            "customers": one.customers,
            "flips": one.flips,
            "failures": one.failures,
            "error_ratio": one.error_ratio,
        }

    rule = report.rollout
    return {
        "environment": rule.environment,
        "percent": rule.percent,
        "served": [shop for shop, is_served in sorted(rule.named.items()) if is_served],
        "waiting": [shop for shop, is_served in sorted(rule.named.items()) if not is_served],
        "cohorts": {cohort.value: counts(one) for cohort, one in report.cohorts.items()},
    }
