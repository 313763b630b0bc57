"""Servers that several tests share; each starts when the first test asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


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
