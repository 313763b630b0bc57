"""Servers that several tests share; each starts when the first test asks for it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from cloudcache.adapters.db import engine
from tests.support.distribution import ByWhatIsShared, longest_first
from tests.support.waiting import SAFETY_NET_S

# The same examples each time, so that a red run can be repeated; CLOUDCACHE_EXPLORE=1 looks for new ones.
# An example may take as long as the machine needs: a deadline would measure what else runs on it, and so would the
# check of how long it takes to make one.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", PATIENT, derandomize=True)
settings.register_profile("explore", PATIENT, derandomize=False)
settings.load_profile("explore" if os.environ.get("CLOUDCACHE_EXPLORE") else "repeatable")

# A busy machine is no database that is away: beside four busy loops a hundred writers took over ten seconds.
engine.CONNECT_SECONDS = engine.WAIT_SECONDS = engine.STATEMENT_SECONDS = SAFETY_NET_S
engine.BUSY_MS = SAFETY_NET_S * 1000


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two processes more than there are cores, since many tests wait for a server or a page; four at most."""
    return min(4, (os.cpu_count() or 1) + 2)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Deal the tests of a parallel run out by what they share."""
    config.option.loadscopereorder = False
    return ByWhatIsShared(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse several tests with one id; in a parallel run the longest tests begin first."""
    # xdist runs one test for each id: of four with the same id, three were never run, and the run was green.
    repeated = [nodeid for nodeid, times in Counter(item.nodeid for item in items).items() if times > 1]
    if repeated:
        raise pytest.UsageError(f"several tests have the same id: {', '.join(repeated)}")
    if hasattr(config, "workerinput"):
        items[:] = longest_first(items)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real Postgres for the whole session; `fresh_database` gives a test a database of its own."""
    from tests.support.postgres import running_postgres

    with running_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real server that speaks Redis's protocol, for the whole session."""
    from tests.support.valkey import running_valkey

    with running_valkey() as url:
        yield url
