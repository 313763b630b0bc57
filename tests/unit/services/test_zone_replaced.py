"""A shop is connected to another zone while its former one is being read or written."""

from __future__ import annotations

import pytest

from cloudcache.adapters.vault import EnvelopeVault
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.audit import AuditAction, Deed
from cloudcache.domain.budget import CallClass
from cloudcache.domain.catalog import State, Topology, find
from cloudcache.domain.errors import LeaseLost
from cloudcache.domain.events import ChangeStatus, Observation
from cloudcache.domain.freshness import Urgency
from cloudcache.domain.ids import CredentialId, ZoneId
from cloudcache.ports import Finished, Way
from tests.support.rig import SHOP, TOKEN, ZONE, Rig, meanwhile

OTHER = ZoneId("b" * 32)
ROCKET = find("rocket_loader").id


async def connect_other(rig: Rig, zone: ZoneId = OTHER) -> None:
    """The merchant connects another zone, with a token of its own."""
    credential = CredentialId(f"c-{rig.clock.ms}-{zone[:2]}")
    _, facts = await rig.facts(zone, f"{zone[:2]}.example")
    await rig.store.connect_zone(
        SHOP,
        zone,
        facts,
        Way(hostname="www.other.example", topology=Topology.PROXIED, verdicts={}),
        (),
        credential,
        EnvelopeVault(["k" * 40]).seal(TOKEN, credential),
        "token",
        Deed(SYSTEM, AuditAction.CONNECTED),
        now=rig.clock.ms,
    )


def during_call(rig: Rig, path: str, act) -> None:
    """Act once, while the first read of that path is under way."""
    really, pending = rig.gateway._inner.read, [path]

    async def read(access, read):
        seen = await really(access, read)
        if pending and read.path == path:
            pending.clear()
            await act()
        return seen

    rig.gateway._inner.read = read


@pytest.mark.parametrize("urgency", [Urgency.SWEEP, Urgency.WATCHED])
@pytest.mark.parametrize("path", ["/settings", "/bot_management"])
async def test_read_of_the_former_zone_writes_nothing_for_the_new_one(rig: Rig, path: str, urgency: Urgency):
    slow, quick = rig.process(), rig.process()
    rig.world.dashboard_change(ZONE, "rocket_loader", "on", actor_email="a@b.example")

    async def connect_and_read() -> None:
        await connect_other(rig)
        await quick.settle()

    during_call(rig, path, connect_and_read)
    await rig.store.add(rig.customer.id, due=0, urgency=urgency)

    await slow.settle()

    page = await rig.store.page(rig.customer.id)
    assert page.customer.zone_id == OTHER and page.customer.full_read_at is not None
    assert page.cells[ROCKET].state is State.OFF
    assert len(page.cells) == 50 and not await rig.store.history(rig.customer.id, 5)


async def test_former_zone_leaves_no_row_when_the_new_one_was_not_read_yet(rig: Rig):
    slow = rig.process()
    during_call(rig, "/settings", lambda: connect_other(rig))

    await slow.engine.look_now(rig.customer.id)

    page = await rig.store.page(rig.customer.id)
    assert (page.customer.zone_id, dict(page.cells)) == (OTHER, {})
    assert page.customer.full_read_at is None and page.customer.unread_at is None


async def test_single_check_of_the_former_zone_writes_nothing(rig: Rig):
    process = rig.process()
    during_call(rig, find("rocket_loader").path, lambda: connect_other(rig))

    await process.reconciler.toggle(rig.customer.id, find("rocket_loader"), CallClass.WATCHED)

    assert not (await rig.store.page(rig.customer.id)).cells


async def test_same_zone_connected_again_drops_the_lease_of_before(rig: Rig):
    process = rig.process()

    async def there_and_back() -> None:
        await connect_other(rig)
        rig.clock.ms += 1
        await connect_other(rig, ZONE)

    during_call(rig, "/settings", there_and_back)

    look = await process.engine.look_now(rig.customer.id)
    await process.settle()

    page = await rig.store.page(rig.customer.id)
    assert look is not None
    assert page.customer.zone_id == ZONE and page.customer.full_read_at is not None


async def test_lease_of_the_same_process_does_not_end_its_next_one(rig: Rig):
    async def lease():
        zone = await rig.store.lease_one(
            rig.customer.id, now=rig.clock.ms, owner="one", until=rig.clock.ms + 10
        )
        rig.clock.ms += 20
        assert zone is not None
        return zone

    former, later = await lease(), await lease()
    done = Finished(rig.clock.ms + 9_000, Urgency.SWEEP, rig.clock.ms)

    ends = [
        await rig.store.finish(former, done, owner="one", now=rig.clock.ms),
        await rig.store.fail(former, owner="one", due=1, now=rig.clock.ms, why="", silent=True),
        await rig.store.finish(later, done, owner="one", now=rig.clock.ms),
    ]

    assert ends == [False, False, True]


async def test_values_for_another_zone_or_lease_are_refused_whole(rig: Rig):
    seen = [Observation(ROCKET, "on", rig.clock.ms)]
    zone = await rig.store.lease_one(rig.customer.id, now=rig.clock.ms, owner="w", until=rig.clock.ms + 9)
    before = await rig.store.page(rig.customer.id)
    assert zone is not None

    for wrong in ({"zone": OTHER}, {"zone": ZONE, "lease": zone.lease + 1}):
        with pytest.raises(LeaseLost):
            await rig.store.observe(rig.customer.id, seen, since=99, now=rig.clock.ms, **wrong)

    assert await rig.store.page(rig.customer.id) == before
    await rig.store.observe(rig.customer.id, seen, since=99, now=rig.clock.ms, zone=ZONE, lease=zone.lease)
    assert ROCKET in (await rig.store.page(rig.customer.id)).cells


async def test_change_in_flight_at_the_former_zone_ends_as_failed_and_sets_no_value(rig: Rig):
    process = rig.process()
    await process.settle()
    rig.gateway.script.append(meanwhile(lambda: connect_other(rig), before=False))

    change = await process.toggles.flip(rig.owner, rig.customer.id, ROCKET, True, request_id="r")
    await process.tasks.idle()

    page = await rig.store.page(rig.customer.id)
    (ended,) = [one for one in await rig.store.history(rig.customer.id, 9) if one.id == change.id]
    assert (ended.status, ended.error) == (ChangeStatus.FAILED, "zone_replaced")
    assert rig.world.value(ZONE, "rocket_loader") == "on"
    assert rig.world.value(OTHER, "rocket_loader") == "off"
    assert ROCKET not in page.cells or page.cells[ROCKET].state is State.OFF
