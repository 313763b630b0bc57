"""`customers import`, `customers export` and `seed`: the register by the thousand."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, TextIO

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from cloudcache import local
from cloudcache.cli.parts import AsJson, err, out, print_json, run
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.ids import JSON
from cloudcache.domain.onboarding import COLUMNS, LONGEST_LINE, Problem
from cloudcache.ports import Registered
from cloudcache.services.onboarding import ImportPlan
from cloudcache.wiring import Wiring

ERRORS = ("line", "field", "reason")
TOLD = COLUMNS[:-1]
"""What an export tells: all that an import takes, save tokens."""

CsvFile = Annotated[
    Path, typer.Argument(metavar="FILE.csv", exists=True, dir_okay=False, readable=True, help="UTF-8.")
]


def import_customers(
    file: CsvFile,
    errors: Annotated[
        Path | None, typer.Option(help="File for refused lines. Default: FILE.errors.csv.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check every row without storing anything.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add many stores with their zones from a CSV file.

    The first line names the columns: shop and zone_id, and optionally zone_name, plan, account_id, topology, token.
    Every row is checked before anything is stored. Refused rows are listed in the errors file; the others are stored.
    Run the command again to continue, even after it was killed. Cloudflare isn't asked: the engine verifies each zone
    at its first read, and gets what the file left out. Tokens are encrypted. Delete the file when you're done.
    Exit code 1 if a row was refused."""
    target = errors or file.with_name(f"{file.stem}.errors.csv")
    if target.is_dir() or not target.parent.is_dir() or target.resolve() == file.resolve():
        raise typer.BadParameter("the errors file must be another file, in an existing folder")

    async def work(wiring: Wiring) -> tuple[ImportPlan, int]:
        service = wiring.services.onboarding
        with file.open("rb") as lines, _progress() as bar:
            plan = await service.check(SYSTEM, _lines(lines), _task(bar, "checking", None))
        stored = 0
        if not dry_run:
            with _progress() as bar:
                stored = await service.carry_out(
                    SYSTEM, plan, file.name, _task(bar, "storing", len(plan.new))
                )
        return plan, stored

    plan, stored = run(work)
    _write_errors(target, plan.problems)
    summary: dict[str, JSON] = {
        "rows": plan.rows,
        "new": len(plan.new),
        "stored": stored,
        "already_there": plan.known,
        "refused": plan.refused,
        "errors_file": str(target) if plan.problems else None,
        "dry_run": dry_run,
    }
    if as_json:
        print_json(summary)
    else:
        _tell(summary)
    raise typer.Exit(1 if plan.refused else 0)


def export_customers(
    file: Annotated[Path | None, typer.Argument(help="Target file. Default: standard output.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line instead of CSV.")] = False,
) -> None:
    """Write all customers with a connected zone as CSV for `customers import`. It contains no tokens."""

    async def work(wiring: Wiring) -> int:
        count = 0
        with _written(file) as stream:
            rows = csv.DictWriter(stream, TOLD, lineterminator="\n")
            if not as_json:
                rows.writeheader()
            async for one in wiring.services.onboarding.export(SYSTEM):
                if as_json:
                    stream.write(json.dumps(_told(one) | {"status": one.status.value}) + "\n")
                else:
                    rows.writerow(_told(one))
                count += 1
        return count

    count = run(work)
    if file is not None:
        err.print(f"{count:,} customers written to {file}", highlight=False)


def seed(
    customers: Annotated[int, typer.Option(min=1, max=local.MOST_SEEDED, help="Number of customers.")],
    as_json: AsJson = False,
) -> None:
    """Create demo customers with 50 cached values each, to try things at scale. Only in the local environment.

    Their zones, each in its own account, are those of `emulator --zones N --accounts N`. The built-in Cloudflare
    emulator has them after the next start."""

    async def work(wiring: Wiring) -> int:
        crowd = local.Crowd(customers)
        seen = await crowd.seen(wiring.services.clock)
        with _progress() as bar:
            told = _task(bar, "storing", customers)
            stored = await wiring.services.onboarding.seed(SYSTEM, crowd.rows(), seen, told)
        crowd.remember(wiring.settings.data_dir)
        return stored

    stored = run(work)
    if as_json:
        print_json({"customers": customers, "stored": stored, "already_there": customers - stored})
    else:
        out.print(f"{stored:,} customers stored, {customers - stored:,} already existed", highlight=False)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file; one without an end is not read further than any line may be long."""
    return iter(lambda: file.readline(LONGEST_LINE + 1), b"")


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )


def _task(bar: Progress, what: str, total: int | None) -> Callable[[int], None]:
    task = bar.add_task(what, total=total)
    return lambda done: bar.update(task, completed=done)


def _write_errors(target: Path, problems: Sequence[Problem]) -> None:
    """A file of an earlier run would tell of what is mended."""
    if not problems:
        target.unlink(missing_ok=True)
        return
    with _written(target) as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(ERRORS)
        rows.writerows((one.line, one.field, one.reason) for one in problems)


@contextmanager
def _written(file: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that appears whole or not at all, for its owner's eyes only."""
    if file is None:
        yield sys.stdout
        return
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with open(draft, "w", encoding="utf-8", newline="", opener=_private) as stream:
            yield stream
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _told(one: Registered) -> dict[str, str]:
    values = (one.shop, one.zone, one.zone_name, one.plan.name.lower(), one.account, one.topology.value)
    return dict(zip(TOLD, values, strict=True))


def _tell(summary: dict[str, JSON]) -> None:
    words = [f"{summary['rows']:,} rows"]
    words += [f"{summary['new']:,} new" if summary["dry_run"] else f"{summary['stored']:,} stored"]
    words += [f"{summary['already_there']:,} already existed", f"{summary['refused']:,} refused"]
    out.print(
        ", ".join(words) + (" (dry run: nothing stored)" if summary["dry_run"] else ""), highlight=False
    )
    if summary["errors_file"]:
        out.print(f"Reasons for refused lines: {summary['errors_file']}", highlight=False, soft_wrap=True)
