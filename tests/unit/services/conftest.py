"""A whole cloudcache in memory for each test: real services and database, pretend Cloudflare, virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cloudcache.local import PERMISSIONS
from tests.support.databases import temporary_store
from tests.support.harness import Harness, build_harness


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Harness]:
    """One customer on the Enterprise plan, not behind Shopify, never read."""
    built = await build_harness(await temporary_store(tmp_path / "rig.db"))
    yield built
    await built.close()


@pytest.fixture
async def rig_without_feed(tmp_path: Path) -> AsyncIterator[Harness]:
    """The same with a token that may not read the account's audit log."""
    permissions = PERMISSIONS - {"Account Settings Read"}
    built = await build_harness(await temporary_store(tmp_path / "rig.db"), permissions=permissions)
    yield built
    await built.close()
