"""What processes cost, read from /proc: memory, processor time, open files."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of some processes together, at a moment."""

    at: float
    cpu_s: float
    rss: int
    """Pages that forked processes share count in each of them; `pss` counts them once."""
    pss: int
    files: int

    def cores_since(self, before: Cost) -> float:
        """How many cores they kept busy since then."""
        return (self.cpu_s - before.cpu_s) / max(self.at - before.at, 1e-9)


def family(pid: int) -> list[int]:
    """A process with all its descendants."""
    root = psutil.Process(pid)
    return [pid, *(child.pid for child in root.children(recursive=True))]


def cost(pids: Sequence[int]) -> Cost:
    """What they have used so far, and hold now; one that is gone counts nothing."""
    found = [one for one in map(_of, pids) if one is not None]
    return Cost(
        time.perf_counter(),
        sum(one[0] for one in found),
        sum(one[1] for one in found),
        sum(one[2] for one in found),
        sum(one[3] for one in found),
    )


def _of(pid: int) -> tuple[float, int, int, int] | None:
    folder = Path(f"/proc/{pid}")
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        rollup = dict(
            line.split(":", 1) for line in (folder / "smaps_rollup").read_text().splitlines() if ":" in line
        )
        files = len(list((folder / "fd").iterdir()))
    except OSError:
        return None
    cpu = (int(fields[11]) + int(fields[12])) / TICKS
    return cpu, _kilobytes(rollup["Rss"]), _kilobytes(rollup["Pss"]), files


def _kilobytes(text: str) -> int:
    return int(text.split()[0]) * 1024


def load_average() -> float:
    """Of the last minute: what else the machine does shows in it."""
    return os.getloadavg()[0]
