"""Finds a Chromium for the browser tests; `python -m tests.support.chromium` installs one if there is none.

    what is there   CLOUDCACHE_CHROMIUM, what Playwright installed, PATH
    Playwright      its own download, a headless build
    apt-get         the distribution's package, if we are root

Any Chromium of the last years will do; it is the pages that are tested, not the browser.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLAYWRIGHT = ("~/.cache/ms-playwright", "~/Library/Caches/ms-playwright")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
QUIET = ("--disable-gpu", "--disable-sync", "--mute-audio")
ASK_SECONDS = 180
INSTALL_SECONDS = 900


@functools.cache
def find() -> Path | None:
    """The first Chromium that runs; installs nothing."""
    return next((path for path in _candidates() if path.is_file() and _runs(path)), None)


def launch_options() -> dict[str, Any]:
    """For `chromium.launch(**launch_options())`. Playwright leaves the sandbox off unless told otherwise."""
    chromium = find()
    if chromium is None:
        raise RuntimeError("no Chromium: run `python -m tests.support.chromium` or set CLOUDCACHE_CHROMIUM")
    return {"executable_path": str(chromium), "args": list(QUIET)}


def ensure() -> Path | None:
    """The Chromium to use, installed first if need be; None, and one line that says so, without."""
    for install in (_nothing, _from_playwright, _from_apt, _from_apt_updated):
        if install():
            find.cache_clear()
            if (found := find()) is not None:
                return found
    _say("No Chromium could be installed; the browser tests need one: set CLOUDCACHE_CHROMIUM to its path.")
    return None


def _candidates() -> Iterator[Path]:
    if named := os.environ.get("CLOUDCACHE_CHROMIUM"):
        yield Path(named)
    for folder in (os.environ.get("PLAYWRIGHT_BROWSERS_PATH", ""), *PLAYWRIGHT):
        if folder:
            yield from sorted(Path(folder).expanduser().glob("chromium_headless_shell-*/*/*headless*shell"))
    for name in NAMES:
        if on_path := shutil.which(name):
            yield Path(on_path)
    yield Path(MAC)


def _runs(path: Path) -> bool:
    """A browser may be there and not start: without its libraries, or as a distribution's stand-in."""
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=ASK_SECONDS).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _nothing() -> bool:
    return True


def _from_playwright() -> bool:
    return _run("Playwright", [sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"])


def _from_apt() -> bool:
    how = ("-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120")
    return _may_apt() and _run("apt-get", ["apt-get", "install", *how, "chromium", "fonts-liberation"])


def _from_apt_updated() -> bool:
    """A fresh machine has no list of packages, or an old one."""
    return _may_apt() and _run("apt-get", ["apt-get", "update"]) and _from_apt()


def _may_apt() -> bool:
    return shutil.which("apt-get") is not None and os.geteuid() == 0


def _run(name: str, command: Sequence[str]) -> bool:
    _say(f"Installing Chromium with {name} ...")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(command, env=env, capture_output=True, timeout=INSTALL_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.stdout.write(f"{ensure() or 'not found'}\n")
