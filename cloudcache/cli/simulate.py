"""`simulate`: what the engine would achieve with so many customers, in virtual time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from cloudcache.cli.parts import AsJson, duration, err, finite, out, print_json
from cloudcache.domain.ids import JSON
from cloudcache.simulation.options import SCENARIOS, Options, Tokens, scenario
from cloudcache.simulation.run import Outcome, Run

_NAMES = "; ".join(f"{name}: {text}" for name, (text, _) in SCENARIOS.items())


def simulate(
    name: Annotated[str, typer.Option("--scenario", help=_NAMES)] = "one-account",
    customers: Annotated[int | None, typer.Option(min=1, max=1_000_000, help="Zones.")] = None,
    hours: Annotated[
        float | None, typer.Option(min=0.01, max=10_000, callback=finite, help="Virtual time.")
    ] = None,
    tokens: Annotated[Tokens | None, typer.Option(help="One for all customers, or one each.")] = None,
    feed_delay: Annotated[
        float | None,
        typer.Option(min=0, max=86_400, callback=finite, help="Seconds until the audit log shows a change."),
    ] = None,
    changes_per_zone_day: Annotated[
        float | None, typer.Option(min=0, max=10_000, callback=finite, help="Changes made outside this app.")
    ] = None,
    writes_per_zone_day: Annotated[
        float | None, typer.Option(min=0, max=10_000, callback=finite, help="Changes made in this app.")
    ] = None,
    watched: Annotated[
        int | None, typer.Option(min=0, max=1_000_000, help="Pages that are always open.")
    ] = None,
    batch: Annotated[
        bool | None, typer.Option("--batch/--no-batch", help="Use the batch call for 33 settings.")
    ] = None,
    failing: Annotated[
        float | None, typer.Option(min=0, max=0.9, callback=finite, help="Share of calls that fail.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same run.")] = None,
    plot: Annotated[Path | None, typer.Option(file_okay=False, help="Folder for SVG plots.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run the real planner, queue rules, budget and feed reader in virtual time against a model of Cloudflare."""
    try:
        base = scenario(name)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--scenario") from None
    given: dict[str, Any] = {
        "customers": customers,
        "hours": hours,
        "tokens": tokens,
        "feed_delay_s": feed_delay,
        "changes_per_zone_day": changes_per_zone_day,
        "writes_per_zone_day": writes_per_zone_day,
        "watched": watched,
        "batch": batch,
        "failing": failing,
        "seed": seed,
    }
    outcome = _play(
        replace(base, **{key: value for key, value in given.items() if value is not None}), as_json
    )
    files: list[Path] = []
    if plot:
        from cloudcache.simulation.plots import (
            draw,  # drawing takes longer to import than most commands to run
        )

        files = draw(outcome.hourly, plot, name)
    if as_json:
        print_json(outcome.figures)
        return
    _print(outcome.figures)
    for file in files:
        out.print(f"Plot: {file}")


def _play(options: Options, quiet: bool) -> Outcome:
    columns = (TextColumn("simulating"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, disable=quiet or not err.is_terminal) as progress:
        bar = progress.add_task("hours", total=1.0)
        return Run(options).play(lambda share: progress.update(bar, completed=share))


def _print(figures: dict[str, JSON]) -> None:
    table = Table("Figure", "Value", box=None)
    for name, value in figures.items():
        if isinstance(value, dict):
            for part, inner in value.items():
                table.add_row(f"{name}: {part}", _said(name, inner))
        else:
            table.add_row(name, _said(name, value))
    out.print(table)


def _said(name: str, value: JSON) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{part} {_said(name, inner)}" for part, inner in value.items())
    if isinstance(value, float):
        return duration(value) if name in ("age_s",) else f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
