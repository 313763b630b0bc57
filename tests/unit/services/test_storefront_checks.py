"""The store's own pages are looked at when asked for or once a day, by one process, with at most six requests."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from sqlalchemy import update

from cloudcache.adapters.db.models import zones
from cloudcache.adapters.storefront.client import StorefrontClient
from cloudcache.domain.access import Actor, ActorKind
from cloudcache.domain.catalog import Topology
from cloudcache.domain.errors import NotAllowed
from cloudcache.domain.ids import CustomerId, ToggleId
from cloudcache.domain.storefront import (
    ASK_EVERY_MS,
    CHECK_EVERY_MS,
    MOST_REQUESTS,
    Answer,
    Outcome,
    Seen,
    StorefrontCheck,
)
from cloudcache.emulator.storefront import StorefrontTransport, own_address
from cloudcache.ports.storefront import Unreachable
from cloudcache.services.storefront import StorefrontChecks
from tests.support.rig import ZONE, Process, Rig

NAME = "shop.example"


class Store:
    """The emulated store of the rig's zone, and one process that looks at it."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.process = rig, rig.process()
        self.transport = StorefrontTransport(rig.world)
        self.checks = self.another(self.process)

    def another(self, process: Process) -> StorefrontChecks:
        fetching = StorefrontClient(own_address, self.transport)
        rig = self.rig
        return StorefrontChecks(
            fetching, rig.store, rig.store, rig.bus, rig.clock, process.tasks, rig.rollouts
        )

    async def look(self) -> StorefrontCheck:
        assert await self.checks.check(self.rig.owner, self.rig.customer.id)
        await self.process.tasks.idle()
        check = await self.last()
        assert check is not None
        return check

    async def last(self) -> StorefrontCheck | None:
        return (await self.rig.store.page(self.rig.customer.id)).customer.storefront


@pytest.fixture
async def store(rig: Rig) -> Store:
    return Store(rig)


def change(rig: Rig, **values: object) -> None:
    for name, value in values.items():
        rig.world.dashboard_change(ZONE, name, value, actor_email="a@b.example")


async def test_settings_that_act_are_seen_with_few_requests(rig: Rig, store: Store):
    change(rig, http3="on", speed_brain="on", email_obfuscation="on", rum="on", development_mode="on")

    check = await store.look()

    found = {toggle for toggle, seen in check.seen.items() if seen is Seen.YES}
    assert check.outcome is Outcome.OK
    assert found >= {"http3", "speed_brain", "email_obfuscation", "web_analytics", "development_mode"}
    assert len(store.transport.requests) <= MOST_REQUESTS


async def test_rocket_loader_is_on_and_not_seen(rig: Rig, store: Store):
    change(rig, rocket_loader="on")

    assert (await store.look()).of(ToggleId("rocket_loader")) is Seen.NO


@pytest.mark.parametrize(
    ("mode", "outcome"),
    [
        ("challenge", Outcome.STOPPED),
        ("error", Outcome.STOPPED),
        ("limited", Outcome.LIMITED),
        ("closed", Outcome.CLOSED),
        ("error_1014", Outcome.ERROR_1014),
        ("certificate", Outcome.CERTIFICATE),
        ("hydrogen", Outcome.HEADLESS),
        ("other", Outcome.OTHER_SITE),
        ("password", Outcome.PASSWORD),
        ("away", Outcome.OTHER_SITE),
        ("inside", Outcome.OTHER_SITE),
    ],
)
async def test_other_pages_prove_nothing_and_are_not_followed(store: Store, mode: str, outcome: Outcome):
    store.transport.modes[NAME] = mode

    check = await store.look()

    assert (check.outcome, dict(check.seen)) == (outcome, {})
    assert len(store.transport.requests) == 2
    assert all(NAME in one for one in store.transport.requests)


async def test_two_processes_look_once(rig: Rig, store: Store):
    other_process = rig.process()
    other = store.another(other_process)

    await store.checks.opened(rig.owner, rig.customer.id)
    await other.opened(rig.owner, rig.customer.id)
    await store.process.tasks.idle()
    await other_process.tasks.idle()

    assert sum("robots.txt" in one for one in store.transport.requests) == 1


async def test_open_page_has_it_done_once_a_day_and_a_person_once_a_minute(rig: Rig, store: Store):
    await store.look()
    store.transport.requests.clear()

    await store.checks.opened(rig.owner, rig.customer.id)
    refused = await store.checks.check(rig.owner, rig.customer.id)
    rig.clock.ms += ASK_EVERY_MS
    asked = await store.checks.check(rig.owner, rig.customer.id)
    await store.process.tasks.idle()
    asked_requests = len(store.transport.requests)
    rig.clock.ms += CHECK_EVERY_MS
    await store.checks.opened(rig.owner, rig.customer.id)
    await store.process.tasks.idle()

    assert (refused, asked) == (False, True)
    assert 0 < asked_requests < len(store.transport.requests)


async def test_another_customer_may_not_have_it_looked_at(rig: Rig, store: Store):
    stranger = Actor(ActorKind.MERCHANT, "stranger", CustomerId(999))

    with pytest.raises(NotAllowed):
        await store.checks.check(stranger, rig.customer.id)

    assert store.transport.requests == []


@pytest.mark.parametrize("topology", [Topology.DNS_ONLY, Topology.NO_ZONE])
async def test_store_that_the_zone_does_not_reach_is_not_looked_at(
    rig: Rig, store: Store, topology: Topology
):
    await set_topology(rig, topology)

    assert not await store.checks.check(rig.owner, rig.customer.id)


async def test_store_without_an_answer_says_so(rig: Rig):
    class Silent:
        async def get(self, url: str, headers: Mapping[str, str]) -> Answer:
            raise Unreachable("TimeoutError")

        async def close(self) -> None:
            pass

    process = rig.process()
    checks = StorefrontChecks(Silent(), rig.store, rig.store, rig.bus, rig.clock, process.tasks, rig.rollouts)

    await checks.check(rig.owner, rig.customer.id)
    await process.tasks.idle()

    check = (await rig.store.page(rig.customer.id)).customer.storefront
    assert check is not None and check.outcome is Outcome.UNREACHABLE


async def set_topology(rig: Rig, topology: Topology) -> None:
    async with rig.store.database.writing(rig.customer.id) as connection:
        await connection.execute(update(zones).values(topology=topology.value))
