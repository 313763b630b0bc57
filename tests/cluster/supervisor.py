"""Keeps programs running: one that ends, however it ends, is started again; at the end all are stopped, none is left.

Each program has a session of its own. When its first process is gone, whatever is left of its process group is
killed before it is started anew, so that nobody holds its port or its files. It is what systemd or a container
engine does on a real machine, with `Restart=always`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

AGAIN_AFTER_S = 0.2
AGAIN_AFTER_AT_MOST_S = 2.0
LIVED_LONG_S = 5.0
"""One that ends sooner is started again later and later, up to every two seconds."""

PATIENCE_S = 12.0
LOOK_EVERY_S = 0.05

PR_SET_PDEATHSIG = 1

Say = Callable[[str], None]


@dataclass(frozen=True)
class Program:
    """What is to run: a command, where, and how to see that it is up. `place` is what people are told."""

    name: str
    command: list[str]
    directory: Path
    environment: Mapping[str, str]
    place: str
    is_up: Callable[[int, str], Awaitable[bool]]
    """Told its process id and what it has written since it was started."""
    identity: Mapping[str, Any] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM


class Child:
    """One program that is kept running."""

    def __init__(self, program: Program, log: Path, say: Say) -> None:
        self.program = program
        self.log = log
        self.starts = 0
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._log_begins = 0
        self._stopping = False
        self._keeping: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Its first process, while it runs."""
        return None if self._process is None or self._process.returncode is not None else self._process.pid

    def pids(self) -> list[int]:
        """All its processes, parents first."""
        return [] if self.pid is None else family(self.pid)

    def start(self) -> None:
        self._keeping = asyncio.create_task(self._keep(), name=f"keep {self.program.name}")

    async def up(self, seconds: float) -> None:
        """Return when it is up; a program that does not come up is told with its log."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await until(self.is_up)
                return
        raise RuntimeError(f"{self.program.name} did not come up:\n{self.log_text()[-4000:]}")

    async def is_up(self) -> bool:
        pid = self.pid
        return pid is not None and await self.program.is_up(pid, self.log_text())

    def log_text(self) -> str:
        """What it has written since it was last started."""
        with contextlib.suppress(FileNotFoundError):
            return self.log.read_bytes()[self._log_begins :].decode(errors="replace")
        return ""

    def kill(self) -> None:
        """SIGKILL to its first process and to it alone."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """Tell it to end, and end it if it does not."""
        self._stopping = True
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(self.program.stop_signal)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await process.wait()
            except TimeoutError:
                self._say(f"{self.program.name} does not end by itself and is killed")
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        self._clear()

    async def _keep(self) -> None:
        loop, wait = asyncio.get_running_loop(), AGAIN_AFTER_S
        while not self._stopping:
            began = loop.time()
            self._process = await self._spawn()
            self.starts += 1
            if self.starts > 1:
                self._say(f"{self.program.name} was started again as {self._process.pid}")
            code = await self._process.wait()
            self._clear()
            if self._stopping:
                return
            self._say(f"{self.program.name} ({self._process.pid}) is gone: {_how(code)}")
            wait = (
                AGAIN_AFTER_S if loop.time() - began > LIVED_LONG_S else min(2 * wait, AGAIN_AFTER_AT_MOST_S)
            )
            await asyncio.sleep(wait)

    async def _spawn(self) -> asyncio.subprocess.Process:
        self._log_begins = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            return await asyncio.create_subprocess_exec(
                *self.program.command,
                cwd=self.program.directory,
                env=dict(self.program.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=partial(_die_with_parent, self.program.stop_signal),
                **self.program.identity,
            )

    def _clear(self) -> None:
        """End what its first process left behind."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Look again and again until it is so: other processes cannot tell us."""
    while not await holds():  # noqa: ASYNC110
        await asyncio.sleep(LOOK_EVERY_S)


def _die_with_parent(stop: int) -> None:
    """Linux sends this process `stop` when the supervisor dies, even by SIGKILL: nothing is left behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, stop)


def family(pid: int) -> list[int]:
    """A process and its descendants, as this machine has them now."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop(0)
        found.append(one)
        with contextlib.suppress(OSError):
            waiting += [int(child) for child in Path(f"/proc/{one}/task/{one}/children").read_text().split()]
    return found


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"it ended with code {code}"
