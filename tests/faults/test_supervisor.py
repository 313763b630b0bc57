"""What keeps a cluster running does so, and leaves nothing behind, however it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cluster.supervisor import Child, Program, until
from tests.support.server import ROOT
from tests.support.waiting import SAFETY_NET_S

SLEEPS = """
import subprocess, sys, time
print(subprocess.Popen(["sleep", "600"]).pid, flush=True)
time.sleep(600)
"""
"""A program with a child of its own, whose number it writes down."""

SUPERVISES = """
import asyncio, os
from pathlib import Path
from tests.cluster.supervisor import Child, Program
from tests.support.waiting import SAFETY_NET_S
async def main():
    async def is_up(pid, log): return True
    child = Child(Program("p", ["sleep", "600"], Path("/"), {}, "", is_up), Path(os.devnull), print)
    child.start()
    await child.up(180)
    print(child.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.fixture
async def child(tmp_path: Path) -> AsyncIterator[Child]:
    """The program, running."""

    async def is_up(_: int, log: str) -> bool:
        return log.endswith("\n")

    program = Program("p", [sys.executable, "-c", SLEEPS], tmp_path, dict(os.environ), "", is_up)
    made = Child(program, tmp_path / "log", lambda line: None)
    made.start()
    await made.up(SAFETY_NET_S)
    yield made
    await made.stop()


async def test_what_is_killed_is_started_again_and_what_it_left_behind_is_ended(child: Child):
    first, left = child.pid, int(child.log_text())

    child.kill()
    await _until(lambda: child.pid not in (None, first))
    await child.up(SAFETY_NET_S)

    assert child.starts == 2
    await _until(lambda: not _lives(left))


async def test_what_is_stopped_stays_so_and_nothing_of_it_is_left(child: Child):
    pids = [*child.pids(), int(child.log_text())]

    await child.stop()

    assert child.pid is None and child.starts == 1
    await _until(lambda: not any(_lives(pid) for pid in pids))


async def test_what_it_started_dies_with_it():
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SUPERVISES, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert supervisor.stdout is not None
    pid = int(await supervisor.stdout.readline())
    assert _lives(pid)

    supervisor.send_signal(signal.SIGKILL)
    await supervisor.wait()

    await _until(lambda: not _lives(pid))


async def _until(holds) -> None:
    async def look() -> bool:
        return bool(holds())

    async with asyncio.timeout(SAFETY_NET_S):
        await until(look)


def _lives(pid: int) -> bool:
    """Whether it runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
