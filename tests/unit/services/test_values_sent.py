"""Which value a change sends: one that the setting's schema allows, whatever a read has shown."""

from __future__ import annotations

import pytest

from cloudcache.domain.catalog import find
from cloudcache.domain.events import ChangeStatus, Observation
from cloudcache.domain.ids import JSON
from tests.support.rig import ZONE, Rig
from tests.unit.services.test_flip import cell, flip, read


async def observed(rig: Rig, name: str, value: JSON) -> None:
    """A read that shows this value for the toggle."""
    rig.clock.ms += 1_000
    since = await rig.store.revision(rig.customer.id)
    seen = Observation(find(name).id, value, rig.clock.ms)
    await rig.store.observe(rig.customer.id, [seen], since=since, now=rig.clock.ms)


@pytest.mark.parametrize(
    ("name", "odd", "usual"),
    [("speed_brain", False, "on"), ("http2_to_origin", 1, "2"), ("polish", False, "lossy")],
)
async def test_oddly_typed_value_of_one_read_is_not_sent_later(rig: Rig, name: str, odd: JSON, usual: str):
    process = rig.process()
    setting = find(name).setting or ""
    rig.world.dashboard_change(ZONE, setting, usual, actor_email="a@example.com")
    await read(rig, process)
    await observed(rig, name, odd)
    await observed(rig, name, usual)

    change = await flip(rig, process, name, False)

    assert change.status is ChangeStatus.APPLIED
    assert rig.world.value(ZONE, setting) == find(name).off
    assert (await cell(rig, name)).last_off == find(name).off


async def test_zero_rtt_stays_off_when_tls_1_3_is_turned_off_and_on(rig: Rig):
    process = rig.process()
    rig.world.dashboard_change(ZONE, "0rtt", "on", actor_email="a@example.com")
    await read(rig, process)

    for name, on in (("0rtt", False), ("tls_1_3", False), ("tls_1_3", True)):
        await flip(rig, process, name, on)

    assert rig.world.value(ZONE, "0rtt") == "off"
    assert rig.world.value(ZONE, "tls_1_3") == "on"
