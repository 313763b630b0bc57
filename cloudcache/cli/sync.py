"""`sync`: bring the cache up to date now, or report how fresh it is and what drifted."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from cloudcache.cli.parts import AsJson, duration, err, finite, out, print_json, run
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.catalog import BY_ID
from cloudcache.domain.customers import Customer, ZoneStatus
from cloudcache.domain.errors import CloudcacheError, explain
from cloudcache.domain.events import Change
from cloudcache.domain.feed import FeedStatus
from cloudcache.domain.freshness import Urgency
from cloudcache.domain.ids import JSON, ToggleId
from cloudcache.domain.planner import Binding, FleetPlan, PoolPlan
from cloudcache.ports import QueueDepth
from cloudcache.services.gathering import Look
from cloudcache.services.report import FleetReport, Freshness, ZoneReport
from cloudcache.wiring import Wiring

WAIT_S = 0.2
BEING_READ = "another process is reading it now"
LIFTS = {
    Binding.TOKEN: "limited by the token's calls; one token per customer would raise the limit",
    Binding.ADDRESS: "limited by 200 calls per second from this address; a second address would raise the limit",
    Binding.NOTHING: "not limited",
}
_LIFTED = {Binding.TOKEN: "one token per customer", Binding.ADDRESS: "a second address"}
_UNREADABLE = {FeedStatus.DENIED}


def sync(
    shop: Annotated[str | None, typer.Argument(help="One customer. Default: everything that's due.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every zone, due or not.")] = False,
    report: Annotated[bool, typer.Option("--report", help="Only report, without asking Cloudflare.")] = False,
    days: Annotated[
        float, typer.Option(min=0, max=36_500, callback=finite, help="How many days the report covers.")
    ] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Read what's due, one customer, or everything from Cloudflare; or report freshness and drift.

    Exit code 0 if everything was read, 1 if something wasn't: no response, refused, suspended, or being read by
    another process. 2 for an invalid command line.
    """
    if shop is not None and everything:
        raise typer.BadParameter("specify a store or --all, not both")

    async def work(wiring: Wiring) -> bool:
        if report and shop is not None:
            _show_zone(await wiring.services.reports.zone(SYSTEM, shop, days), as_json)
        elif report:
            _show_fleet(await wiring.services.reports.fleet(SYSTEM, days), as_json)
        elif shop is not None:
            return await _sync_one(wiring, shop, as_json)
        else:
            return await _sync_many(wiring, everything, as_json)
        return True

    raise typer.Exit(0 if run(work) else 1)


async def _sync_one(wiring: Wiring, shop: str, as_json: bool) -> bool:
    """Read one customer's zone; True when all of it was read."""
    services = wiring.services
    before = await services.reports.zone(SYSTEM, shop, days=365)
    customer = before.page.customer
    why = await _why_suspended(wiring, customer)
    look = None if why else await services.engine.look_now(customer.id)
    after = await services.reports.zone(SYSTEM, shop, days=365)
    known = {one.id for one in before.changes}
    result = SyncResult(
        after.page.customer,
        look or Look(total=0, why=why or BEING_READ),
        tuple(one for one in after.changes if one.id not in known),
    )
    if as_json:
        print_json(result.as_json())
    else:
        _print_result(result)
    return result.ok


async def _why_suspended(wiring: Wiring, customer: Customer) -> str:
    """Why a customer's zone cannot be read now; a suspended one is examined first, and resumed if it answers."""
    if customer.status is ZoneStatus.DISCONNECTED:
        return "no zone is connected"
    try:
        examined = await wiring.services.customers.examine(SYSTEM, customer.shop)
    except CloudcacheError as error:
        return explain(error)
    return "it was suspended again" if examined.is_suspended else ""


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What came of reading one customer's zone."""

    customer: Customer
    look: Look
    changes: tuple[Change, ...]

    @property
    def ok(self) -> bool:
        """Whether all of it was read."""
        return self.customer.status is ZoneStatus.ACTIVE and not (self.look.problems or self.look.why)

    def as_json(self) -> JSON:
        """The result as data: what was not read is named, with the reason in words."""
        return {
            "shop": self.customer.shop,
            "ok": self.ok,
            "status": self.customer.status.value,
            "calls": self.look.done,
            "failed": self.look.failed,
            "refused": len(self.look.refused),
            "why": self.look.why,
            "not_read": [
                {"toggle": toggle, "title": BY_ID[toggle].title, "why": why}
                for toggle, why in sorted(self.look.problems.items())
            ],
            "changes": [_change_json(one) for one in self.changes],
        }


def _print_result(result: SyncResult) -> None:
    customer, look = result.customer, result.look
    status = "" if customer.status is ZoneStatus.ACTIVE else f"{customer.condition}, "
    trouble = f", {_how_much(look)} not read ({look.why})" if not result.ok else ""
    out.print(
        f"{customer.shop}: {status}{look.done} calls{trouble}, {len(result.changes)} changes found",
        markup=False,
        soft_wrap=True,
    )
    if look.problems:
        table = Table("Not read", "Why", box=None)
        for toggle, why in sorted(look.problems.items()):
            table.add_row(BY_ID[toggle].title, why)
        out.print(table)
    _print_changes(result.changes)


def _how_much(look: Look) -> str:
    count = len(look.problems)
    return f"{count} setting{'s' if count > 1 else ''}" if count else "the zone was"


async def _sync_many(wiring: Wiring, everything: bool, as_json: bool) -> bool:
    """Run the engine here until nothing is due; True when all of it was read. Other processes may be working on the
    same queue."""
    services, queue = wiring.services, wiring.store
    now = services.clock.now_ms()
    if everything:
        await queue.across_tenants_add_all(due=now)
    total = sum((await queue.across_tenants_depth(now)).due.values())
    quiet = as_json or not err.is_terminal
    columns = (TextColumn("reading zones"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=quiet) as progress:
        bar = progress.add_task("zones", total=total)
        engine = asyncio.create_task(services.engine.run())
        while True:
            services.engine.wake()
            depth = await queue.across_tenants_depth(now)
            left = sum(depth.due.values())
            progress.update(bar, completed=max(0, total - left))
            if not left and not services.engine.busy:
                break
            await asyncio.sleep(WAIT_S)
        await services.engine.drain(grace_s=5)
        await engine
    tally = services.engine.tally
    done = {
        "zones read": sum(tally.looks.values()),
        "calls": sum(tally.calls.values()),
        "changes found": tally.changes,
        "failures": tally.failures,
        "parked": (await queue.across_tenants_depth(now)).parked,
    }
    if as_json:
        print_json({name.replace(" ", "_"): count for name, count in done.items()})
    else:
        words = done | {"suspended": done["parked"]}
        out.print(", ".join(f"{count} {name}" for name, count in words.items() if name != "parked"))
    return tally.failures == 0


# -- what is said ------------------------------------------------------------------------------


def _show_zone(report: ZoneReport, as_json: bool) -> None:
    customer, cells = report.page.customer, report.page.cells.values()
    absent = sorted(cell.toggle for cell in cells if cell.absent_at is not None)
    omitted = sorted(cell.toggle for cell in cells if cell.omitted_at is not None)
    ages = [report.at - cell.seen_at for cell in cells if cell.seen_at]
    if as_json:
        print_json(
            {
                "shop": customer.shop,
                "status": customer.status.value,
                "read_whole_at": customer.full_read_at,
                "not_read_in_full_at": customer.unread_at,
                "oldest_value_s": max(ages) / 1000 if ages else None,
                "never_read": len(BY_ID) - len(ages),
                "absent": [str(one) for one in absent],
                "not_reported": [str(one) for one in omitted],
                "since": report.since,
                "changes": [_change_json(one) for one in report.changes],
            }
        )
        return
    oldest = f"oldest value {duration(max(ages) / 1000)}" if ages else "never read"
    out.print(
        f"{customer.shop}: {customer.condition}, {oldest}, {len(report.changes)} changes made outside this app"
    )
    _print_toggles("Not available on this zone", absent)
    _print_toggles("Not reported by Cloudflare's last answer", omitted)
    _print_changes(report.changes)


def _print_toggles(what: str, toggles: Collection[ToggleId]) -> None:
    if toggles:
        out.print(f"{what}: {', '.join(BY_ID[one].title for one in toggles)}")


def _show_fleet(report: FleetReport, as_json: bool) -> None:
    fresh, drift = report.freshness, report.drift
    if as_json:
        print_json(
            {
                "at": fresh.at,
                "plan": plan_json(fresh.plan),
                "queue": depth_json(fresh.depth),
                "feeds": {status.value: count for status, count in fresh.counts.feeds.items()},
                "ages": {
                    "within_s": {str(within // 1000): count for within, count in fresh.ages.within[:-1]},
                    "ever": fresh.ages.within[-1][1],
                    "never": fresh.ages.never,
                    "oldest_s": fresh.ages.oldest_ms / 1000 if fresh.ages.oldest_ms is not None else None,
                },
                "drift": {
                    "since": report.since,
                    "changes": drift.changes,
                    "zones": drift.zones,
                    "by_shop": dict(drift.by_shop),
                    "by_toggle": {str(toggle): count for toggle, count in drift.by_toggle},
                },
                "parked": [{"shop": p.shop, "status": p.status.value, "why": p.why} for p in report.parked],
            }
        )
        return
    print_plan(fresh)
    _print_ages(fresh)
    out.print(f"\nChanged outside this app: {drift.changes} settings in {drift.zones} zones")
    table = Table("Store", "Changes", "Setting", "Changes", box=None)
    for row in range(max(len(drift.by_shop), len(drift.by_toggle))):
        shop, count = drift.by_shop[row] if row < len(drift.by_shop) else ("", "")
        toggle, times = drift.by_toggle[row] if row < len(drift.by_toggle) else (ToggleId(""), "")
        title = BY_ID[toggle].title if toggle in BY_ID else toggle
        table.add_row(shop, str(count), title, str(times))
    if drift.changes:
        out.print(table)
    if report.parked:
        out.print("\nSuspended. Each is checked again automatically, or right away with `sync SHOP`,")
        out.print("`credentials verify [SHOP]`, or a new token (`credentials add SHOP`):")
        parked = Table("Store", "Status", "Why", box=None)
        for one in report.parked:
            parked.add_row(one.shop, one.status.label, one.why)
        out.print(parked)


def print_plan(fresh: Freshness) -> None:
    """How fresh the credentials allow the cache to be, and what stands in the way."""
    out.print(f"\nBatch read: {'on' if fresh.plan.batch else 'off'}")
    for one in fresh.plan.pools:
        pool = one.pool
        out.print(
            f"{pool.zones} zones on {_tokens(pool.name, pool.tokens)}, feeds of {pool.accounts} accounts: "
            f"{one.supply:.1f} calls/s; {LIFTS[one.binding]}"
        )
        table = Table("Values of", "At worst", "On average", box=None)
        for age in one.ages:
            table.add_row(age.zones, duration(age.worst_s), duration(age.mean_s))
        out.print(table)
        _print_lift(fresh.plan, one)
    depth = fresh.depth
    due = ", ".join(f"{count} {urgency.name.lower()}" for urgency, count in sorted(depth.due.items()))
    feeds = ", ".join(f"{count} {status.value}" for status, count in sorted(fresh.counts.feeds.items()))
    out.print(f"Due now: {due or 'nothing'}; being read: {depth.leased}; suspended: {depth.parked}")
    out.print(f"Change feeds: {feeds or 'none yet'}")
    if fresh.counts.feeds.keys() & _UNREADABLE:
        out.print(
            "A denied feed needs a token with the Account Settings Read permission. Until then, its zones are polled."
        )


def _print_lift(plan: FleetPlan, one: PoolPlan) -> None:
    if one.binding is Binding.NOTHING:
        return
    better = plan.with_tokens_of_their_own() if one.binding is Binding.TOKEN else plan.with_another_address()
    lifted = better.of(one.pool.name)
    if lifted:
        out.print(
            f"A full sweep takes {duration(one.sweep_s)}, or {duration(lifted.sweep_s)} with {_LIFTED[one.binding]}."
        )


def _print_ages(fresh: Freshness) -> None:
    table = Table("Fully read within", "Zones", box=None)
    for within, count in fresh.ages.within[:-1]:
        table.add_row(duration(within / 1000), str(count))
    table.add_row("ever", str(fresh.ages.within[-1][1]))
    table.add_row("never", str(fresh.ages.never))
    out.print(table)


def _print_changes(changes: list[Change] | tuple[Change, ...]) -> None:
    if not changes:
        return
    table = Table("Setting", "From", "To", "By", box=None)
    for one in changes:
        title = BY_ID[one.toggle].title if one.toggle in BY_ID else one.toggle
        was = one.from_state.value if one.from_state else "?"
        table.add_row(title, was, one.to_state.value, one.actor.id or "unknown")
    out.print(table)


def plan_json(plan: FleetPlan) -> JSON:
    """The plan as data: per pool its supply, binding limit, rates, ages and sweep."""
    return {
        "batch_read": plan.batch,
        "pools": [
            {
                "pool": one.pool.name,
                "zones": one.pool.zones,
                "tokens": one.pool.tokens,
                "calls_per_second": one.supply,
                "binding": one.binding.value,
                "rates": dict(one.rates.items()),
                "sweep_s": one.sweep_s,
                "ages": {age.zones: {"worst_s": age.worst_s, "mean_s": age.mean_s} for age in one.ages},
            }
            for one in plan.pools
        ],
    }


def depth_json(depth: QueueDepth) -> JSON:
    """The queue as data."""
    return {
        "due": {urgency.name.lower(): depth.due.get(urgency, 0) for urgency in Urgency},
        "behind_s": depth.behind_ms / 1000,
        "leased": depth.leased,
        "parked": depth.parked,
        "open_entries": depth.open_entries,
    }


def _change_json(change: Change) -> JSON:
    return {
        "toggle": change.toggle,
        "from": change.from_value,
        "to": change.to_value,
        "by": change.actor.id,
        "at": change.requested_at,
    }


def _tokens(pool: str, tokens: int) -> str:
    return "the platform's token" if pool == "platform" else f"{tokens} customer tokens"
