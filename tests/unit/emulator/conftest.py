"""The stage for every test here: a clock, a small pretend Cloudflare, a caller with a token."""

from __future__ import annotations

import pytest

from cloudcache.emulator.options import Options
from cloudcache.emulator.world import World
from tests.support.fake_clock import FakeClock
from tests.unit.emulator.stage import START_MS, Caller, populate


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(START_MS)


@pytest.fixture
def world(clock: FakeClock) -> World:
    world = World(Options(accounts=0, address_per_second=0), clock=clock.now_s)
    populate(world)
    return world


@pytest.fixture
def caller(world: World) -> Caller:
    return Caller(world)
