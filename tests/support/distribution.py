"""Which tests of a parallel run stay together, and which begin first.

Tests that share a server stay in one process, so that the server starts once: all of a folder when the fixture is the
session's, all of a file when it is the module's. Tests that start programs of their own share nothing and are dealt
out one by one. The longest begin first; otherwise one process would still work on them when the others have ended.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from xdist.scheduler import LoadScopeScheduling

FOLDERS = ("tests/blackbox/",)
"""One server for the whole folder."""

SHARED_DEMO = tuple(f"tests/browser/test_{name}.py" for name in ("journeys", "people", "rollout"))
"""One demo and one browser for these files."""

SINGLE = (
    "tests/browser/test_trouble.py",
    "tests/docs/test_deployment_files.py",
    "tests/faults/test_every_step.py",
    "tests/faults/test_real_deaths.py",
    "tests/integration/test_bulk_commands.py",
    "tests/integration/test_commands.py",
    "tests/integration/test_moving_here.py",
    "tests/integration/test_worker.py",
)
"""Each test starts what it needs."""

LONGEST_FIRST = (
    "tests/docs/test_documented_commands.py",
    "tests/docs/test_deployment_files.py",
    "tests/integration/test_many_processes.py",
    "tests/integration/test_worker.py",
    "tests/faults/test_cluster.py",
    "tests/browser/test_journeys.py",
    "tests/faults/test_real_deaths.py",
    "tests/blackbox/",
    "tests/browser/",
    "tests/faults/test_every_step.py",
    "tests/ui/test_socket.py",
    "tests/integration/",
    "tests/properties/",
    "tests/simulation/",
)


class ByWhatIsShared(LoadScopeScheduling):
    """xdist's scheduler, with scopes of our own."""

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)


def scope(nodeid: str) -> str:
    """What the test shares its process with: a folder, a few files, its file, or nothing."""
    file = nodeid.partition("::")[0]
    if file in SHARED_DEMO:
        return "the demo"
    if file in SINGLE:
        return nodeid
    return next((folder for folder in FOLDERS if file.startswith(folder)), file)


def longest_first(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """The same tests, those of `LONGEST_FIRST` in front and otherwise in their order."""
    return sorted(items, key=lambda item: _rank(item.nodeid))


def _rank(nodeid: str) -> int:
    return next(
        (at for at, start in enumerate(LONGEST_FIRST) if nodeid.startswith(start)), len(LONGEST_FIRST)
    )
