"""`audit`: whether the audit log is what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from prometheus_client import CollectorRegistry, Gauge, write_to_textfile
from rich.progress import Progress, SpinnerColumn, TextColumn

from cloudcache.adapters.telemetry import AUDIT
from cloudcache.cli.parts import AsJson, err, out, print_json, run
from cloudcache.domain.access import SYSTEM
from cloudcache.wiring import Wiring

ToFile = Annotated[
    Path | None,
    typer.Option(help="File to write the result to as metrics, for the node exporter's textfile collector."),
]

app = typer.Typer(no_args_is_help=True, help="Verify the audit log.")


@app.callback()
def _group() -> None:
    """Keeps `verify` a command of its own."""


@app.command()
def verify(as_json: AsJson = False, metrics: ToFile = None) -> None:
    """Verify every chain from its beginning. Exit 1 if an entry was changed, removed, or inserted.

    Keep the digest in another place. Someone who can rewrite a whole chain can also reset its head, and only a
    separate copy of the digest shows that."""

    async def work(wiring: Wiring) -> bool:
        with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=err, transient=True) as bar:
            task = bar.add_task("verifying")
            verdict = await wiring.services.auditing.verify(
                SYSTEM, lambda chains: bar.update(task, description=f"{chains} chains verified")
            )
        if as_json:
            print_json(
                {
                    "chains": verdict.chains,
                    "entries": verdict.links,
                    "problems": list(verdict.problems),
                    "digest": verdict.digest,
                }
            )
        else:
            out.print(f"{verdict.chains} chains, {verdict.links} entries; digest {verdict.digest}")
            for problem in verdict.problems:
                out.print(f"NO  {problem}")
        if metrics is not None:
            _write(metrics, len(verdict.problems), wiring.services.clock.now_ms() // 1000)
        return not verdict.problems

    raise typer.Exit(0 if run(work) else 1)


def _write(file: Path, problems: int, now_s: int) -> None:
    """Appears whole or not at all."""
    registry = CollectorRegistry()
    for metric, value in zip(AUDIT, (problems, now_s), strict=True):
        Gauge(metric.name, metric.help, registry=registry).set(value)
    write_to_textfile(str(file), registry)
