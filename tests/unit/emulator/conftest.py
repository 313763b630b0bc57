"""The stage for every test here: a clock, a small pretend Cloudflare, a caller with a token."""

from __future__ import annotations

import pytest

from cloudcache.emulator.options import Options
from cloudcache.emulator.world import World
from tests.unit.emulator.stage import Caller, Clock, populate


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock) -> World:
    world = World(Options(accounts=0, address_per_second=0), clock=clock)
    populate(world)
    return world


@pytest.fixture
def caller(world: World) -> Caller:
    return Caller(world)
