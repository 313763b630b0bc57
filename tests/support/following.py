"""What tests of the audit-log follower share: a process with an open page, changes made at Cloudflare, calls made."""

from __future__ import annotations

from cloudcache.domain.catalog import find
from cloudcache.domain.ids import JSON
from cloudcache.domain.toggle import Cell
from tests.support.rig import ZONE, Process, Rig

ANN = "ann@shop.example"


async def following(rig: Rig) -> Process:
    """A process that has read the zone and the audit log, with a page open; the request log is empty."""
    process = rig.process()
    await process.attention.opened(rig.owner, rig.customer.id)
    await process.settle()
    await later(rig, process)
    rig.world.clear_requests()
    return process


async def later(rig: Rig, process: Process, seconds: float = 20) -> None:
    """Let this much time pass, and the engine do all that is due then."""
    rig.clock.ms += int(seconds * 1000)
    await process.attention.still_open()
    await process.settle()


def outside(rig: Rig, setting: str = "rocket_loader", value: JSON = "on", email: str = ANN) -> None:
    """Change a setting in Cloudflare's dashboard."""
    rig.world.dashboard_change(ZONE, setting, value, actor_email=email)


def paths(rig: Rig) -> list[str]:
    """The calls made, by path."""
    return [record.path.split("?")[0] for record in rig.world.requests()]


def settings_read(rig: Rig) -> list[str]:
    """The calls below the zone, by their path there."""
    return [
        record.path.split("?")[0].split(ZONE)[1] for record in rig.world.requests() if ZONE in record.path
    ]


async def cell(rig: Rig, toggle: str) -> Cell:
    """What the cache has of a toggle."""
    return (await rig.store.page(rig.customer.id)).cells[find(toggle).id]
