"""Ports of the loopback interface that stay free until the test that asked for them has ended.

The kernel gives a port of its ephemeral range to the next program that connects or binds, so a port that was free a
moment ago, or whose listener has just been closed, may be taken. Ports below that range are handed out here: only a
program that names one gets it, and a lock keeps it for this process, whatever other test runs do on the machine.
"""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

FIRST, BEYOND = 20_000, 32_000
LOCKS = Path(tempfile.gettempdir()) / f"cloudcache-test-ports-{os.geteuid()}"

_held: dict[int, int] = {}
"""The ports of this process, and the descriptors whose locks keep them."""

_order: list[int] = []
_owner = 0


def free_port() -> int:
    """A port that nothing listens on, reserved for this process."""
    LOCKS.mkdir(exist_ok=True)
    for _ in range(BEYOND - FIRST):
        port = _next()
        if port not in _held and _reserved(port):
            return port
    raise RuntimeError(f"no port from {FIRST} to {BEYOND - 1} is free")


def _next() -> int:
    """The next candidate, in an order of this process's own."""
    global _owner
    if not _order or _owner != os.getpid():
        _owner = os.getpid()
        _order[:] = random.SystemRandom().sample(range(FIRST, BEYOND), BEYOND - FIRST)
    return _order.pop()


def _reserved(port: int) -> bool:
    lock = os.open(LOCKS / str(port), os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
    except OSError:
        os.close(lock)
        return False
    _held[port] = lock
    return True
