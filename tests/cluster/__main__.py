"""`make cluster`: everything on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.cluster import kills, sync
from tests.cluster.cluster import Cluster, running_cluster
from tests.cluster.telling import tell

out = Console(highlight=False)


def say(line: str) -> None:
    """What happened, and when."""
    out.print(f"[dim]{time.strftime('%H:%M:%S')}[/] {line}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("--port", type=int, default=3000, help="where the pages are (3000)")
    parser.add_argument("--shops", type=int, default=1_000)
    parser.add_argument("--web", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds Cloudflare takes to answer")
    parser.add_argument("--kill", action="store_true", help="the show: kill everything while sessions flip")
    parser.add_argument("--logs", type=Path, help="keep the logs in this directory")
    parser.add_argument("--sync", action="store_true", help="measure one worker against two")
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pause", type=float, default=10, help="seconds between the clicks of a session")
    return parser.parse_args()


async def main() -> int:
    given = arguments()
    stop, began = asyncio.Event(), time.monotonic()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    starting = asyncio.create_task(_run(given, stop, began))
    await asyncio.wait({starting, ended := asyncio.create_task(stop.wait())}, return_when="FIRST_COMPLETED")
    if not starting.done():
        out.print()
        say("ending everything ...")
    try:
        await starting
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        ended.cancel()
    say("nothing is left running")
    return 0


async def _run(given: argparse.Namespace, stop: asyncio.Event, began: float) -> None:
    if given.sync:
        await sync.compare(say=say)
        return
    say(f"starting a cluster with {given.shops} shops ...")
    async with running_cluster(
        shops=given.shops,
        web=given.web,
        workers=given.workers,
        port=given.port,
        latency=given.latency,
        say=say,
        logs=given.logs,
    ) as cluster:
        if stop.is_set():
            return
        show(cluster)
        say(f"ready after {time.monotonic() - began:.1f} s; Ctrl-C ends it")
        if given.kill:
            tell(
                out,
                await kills.show(
                    cluster, sessions=given.sessions, seconds=given.seconds, pause_s=given.pause
                ),
            )
        else:
            await stop.wait()


def show(cluster: Cluster) -> None:
    """What runs where."""
    table = Table("what", "processes", "where", box=None, pad_edge=False)
    for name, child in cluster.children.items():
        table.add_row(name, " ".join(map(str, child.pids()[:4])), child.program.place)
    out.print(table)
    first, last = cluster.fleet.shop(0), cluster.fleet.shop(cluster.fleet.shops - 1)
    out.print(f"\nOpen [bold]{cluster.url}[/] and sign in as {first.name} ... {last.name}", soft_wrap=True)
    out.print(f"Cloudflare's dashboard (emulated): {cluster.cloudflare_url}/_emulator/dashboard")
    out.print(
        f"Kill what you like (kill -9 PID): it is started again. Logs: {cluster.logs}\n", soft_wrap=True
    )


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
