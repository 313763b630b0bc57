"""`kv-import`: compare what the single-tenant predecessor says of each shop with Cloudflare, and bring it over."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from cloudcache.cli.parts import AsJson, bytes_from_stdin, err, out, print_json, run, token_from_stdin
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.customers import zone_id
from cloudcache.domain.errors import CloudcacheError, sentence
from cloudcache.domain.events import ChangeStatus
from cloudcache.domain.ids import JSON
from cloudcache.domain.predecessor import Record, Wrong, namespace, records
from cloudcache.domain.secret import Token
from cloudcache.services.importing import Order, Result, Verdict, became_of
from cloudcache.wiring import Wiring

AT_ONCE = 8
MOST_SHOWN = 200
LONGEST_FILE = 256 * 1024 * 1024
NOT_WELL = {Verdict.UNREADABLE, Verdict.REFUSED}
HELP = "\n\n".join(
    (
        "Compare the earlier app's settings:rocket_loader of each store with Cloudflare, and import it.",
        "Without --apply, nothing is changed. Cloudflare is the source of truth: its value is read, and the earlier "
        "app's value never overwrites it, unless you use --write.",
        "FILE is a JSON list or NDJSON (one record a line). Each record is one of:",
        '  {"zone": "ZONE_ID", "value": VALUE}',
        '  {"zone": "ZONE_ID", "account": "ACCOUNT_ID", "namespace": "NAMESPACE_ID"}',
        "A record can also name the key. For the second form, the value is read through Cloudflare's API, with the "
        "customer's token or the one from --token-stdin, which needs Workers KV Storage: Read. VALUE is "
        '"on", "off", true, false, {"value": "on"}, or {"enabled": true}. In KV, it\'s the same as text. '
        "Anything else is refused, with its line number.",
        "Run the command again to continue an interrupted import. A finished import changes nothing. "
        "Exit code 1 if a record was refused or couldn't be read, or if a write failed.",
    )
)


def kv_import(
    file: Annotated[Path | None, typer.Argument(help="JSON or NDJSON. - reads standard input.")] = None,
    zone: Annotated[str | None, typer.Option(help="One zone, instead of a file.")] = None,
    account: Annotated[str | None, typer.Option(help="The account of the zone's KV namespace.")] = None,
    namespace_id: Annotated[str | None, typer.Option("--namespace", help="The zone's KV namespace.")] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Save the values read from Cloudflare, and where they came from.")
    ] = False,
    write: Annotated[
        bool,
        typer.Option(
            "--write", help="With --apply: write the earlier app's value where Cloudflare's differs."
        ),
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Also check what an earlier run imported.")] = False,
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read an API token for KV from standard input.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read the records, bring each over as ordered, report; `HELP` is what people read."""
    if write and not apply:
        raise typer.BadParameter("--write changes settings in Cloudflare. Add --apply")
    if token_stdin and file == Path("-"):
        raise typer.BadParameter("standard input can be the token or the file, not both")
    origin, found = _told(file, zone, account, namespace_id)
    token = token_from_stdin() if token_stdin else None
    order = Order.WRITE if write else Order.KEEP if apply else Order.LOOK

    async def work(wiring: Wiring) -> list[Result]:
        return await _bring(wiring, found, origin, order, token, again, quiet=as_json)

    results = run(work)
    if as_json:
        print_json(_json(results, order))
    else:
        _print(results, order)
    raise typer.Exit(0 if all(map(_is_well, results)) else 1)


def _told(
    file: Path | None, zone: str | None, account: str | None, namespace_id: str | None
) -> tuple[str, list[Record | Wrong]]:
    """Where the records come from, in words for the log, and the records."""
    if file is not None and zone is None and account is None and namespace_id is None:
        return f"{'standard input' if file == Path('-') else file.name}"[:80], list(records(_text(file)))
    if file is None and zone is not None and account is not None and namespace_id is not None:
        try:
            where = namespace(account, namespace_id)
            return f"namespace {where.id}", [Record(1, zone_id(zone), where)]
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    raise typer.BadParameter("specify a file, or --zone, --account, and --namespace")


def _text(file: Path) -> str:
    try:
        raw = bytes_from_stdin(LONGEST_FILE + 1) if file == Path("-") else _start_of(file)
        if len(raw) > LONGEST_FILE:
            raise typer.BadParameter(f"the file is larger than {LONGEST_FILE // 2**20} MiB. Split it")
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise typer.BadParameter(f"the file can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise typer.BadParameter("the file isn't UTF-8. Save it as UTF-8") from None


def _start_of(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(LONGEST_FILE + 1)


async def _bring(
    wiring: Wiring,
    found: list[Record | Wrong],
    origin: str,
    order: Order,
    token: Token | None,
    again: bool,
    *,
    quiet: bool,
) -> list[Result]:
    """Some at a time, in the order of the file; then what became of the wishes."""
    importing = wiring.services.importing
    results: dict[int, Result] = {}
    left = enumerate(found)
    columns = (TextColumn("comparing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, disable=quiet or not err.is_terminal) as progress:
        bar = progress.add_task("records", total=len(found))

        async def some(mine: Iterator[tuple[int, Record | Wrong]]) -> None:
            for number, one in mine:
                if isinstance(one, Wrong):
                    results[number] = Result(one.line, "", Verdict.REFUSED, why=one.why)
                else:
                    results[number] = await importing.bring(
                        SYSTEM, one, origin, order, token=token, again=again
                    )
                progress.advance(bar)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(some(left))
        except* CloudcacheError as failed:  # one sentence, as other commands say it
            raise failed.exceptions[0] from None
    if any(one.change for one in results.values()):
        await wiring.tasks.idle()
    return [await importing.settled(SYSTEM, results[number]) for number in range(len(found))]


# -- what is said ------------------------------------------------------------------------------


def _print(results: list[Result], order: Order) -> None:
    notable = [one for one in results if one.verdict is not Verdict.SAME or one.change or len(results) <= 20]
    table = Table("Line", "Zone", "Store", "Earlier app", "Cloudflare", "Result", box=None)
    for one in notable[:MOST_SHOWN]:
        told, found = (state.value if state else "-" for state in (one.told, one.found))
        table.add_row(str(one.line), one.zone, one.shop, told, found, _words(one))
    if notable:
        out.print(table)
    if len(notable) > MOST_SHOWN:
        out.print(f"and {len(notable) - MOST_SHOWN} more. --json lists all of them")
    out.print(", ".join(f"{count} {name}" for name, count in _counts(results).items()))
    if order is Order.LOOK:
        out.print("Nothing was changed. --apply saves the values read and where they came from.")


def _is_well(one: Result) -> bool:
    """Whether nobody need look at it: compared, and what was to be written is at Cloudflare or was overtaken."""
    is_written = one.change is None or one.change.status in (ChangeStatus.APPLIED, ChangeStatus.SUPERSEDED)
    return one.verdict not in NOT_WELL and is_written


def _words(one: Result) -> str:
    parts = [one.verdict.value, "brought over before" if one.is_earlier else "", one.why]
    if one.change is not None and one.told is not None:
        why = f": {sentence(one.change.error, one.change.detail)}" if one.change.error else ""
        parts.append(f"turn {one.told.value}: {became_of(one.change)}{why}")
    return ", ".join(part for part in parts if part)


def _counts(results: list[Result]) -> dict[str, int]:
    counted = Counter(one.verdict for one in results)
    counts = {verdict.value: counted[verdict] for verdict in Verdict}
    counts["brought over before"] = sum(1 for one in results if one.is_earlier)
    counts["written"] = sum(1 for one in results if one.change is not None)
    return counts


def _json(results: list[Result], order: Order) -> JSON:
    listed: list[JSON] = [_record_json(one) for one in results]
    counts: dict[str, JSON] = {name.replace(" ", "_"): count for name, count in _counts(results).items()}
    return {"order": order.name.lower(), "counts": counts, "records": listed}


def _record_json(one: Result) -> JSON:
    return {
        "line": one.line,
        "zone": one.zone,
        "shop": one.shop,
        "result": one.verdict.value,
        "told": one.told.value if one.told else None,
        "cloudflare": one.found.value if one.found else None,
        "why": one.why,
        "brought_over_before": one.is_earlier,
        "change": one.change.id if one.change else None,
        "change_status": became_of(one.change) if one.change else None,
    }
