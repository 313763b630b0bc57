"""What the audit log says of who acted and what came of it: only done actions are changes, under their true names."""

from __future__ import annotations

import pytest

from cloudcache.emulator.audit import Actor
from tests.support.following import cell, following, later, settings_read
from tests.support.rig import ZONE, Rig


@pytest.mark.parametrize(
    ("actor", "name"),
    [
        (Actor("account", "api_token", token_name="deploy"), "API token deploy"),
        (Actor("account", "api_token"), "an account token"),
        (Actor("delegated_service", name="Site Builder"), "Site Builder"),
        (Actor("system"), "Cloudflare"),
        (Actor("cloudflare_admin", email="agent@cloudflare.com"), "Cloudflare staff"),
    ],
    ids=lambda one: one.type if isinstance(one, Actor) else one.split()[-1],
)
async def test_change_is_attributed_to_its_actor(rig: Rig, actor: Actor, name: str):
    process = await following(rig)
    rig.world.dashboard_change(ZONE, "rocket_loader", "on", actor=actor)

    await later(rig, process)

    (change,) = await rig.store.history(rig.customer.id, 5)
    assert (change.actor.id, change.to_value) == (name, "on")


@pytest.mark.parametrize("result", ["failure", "failed", "FAILURE", False, "error"], ids=repr)
async def test_failed_action_costs_no_read_and_is_no_change(rig: Rig, result: str | bool):
    process = await following(rig)
    rig.world.dashboard_change(ZONE, "rocket_loader", "on", actor_email="ann@shop.example", result=result)

    await later(rig, process)

    assert settings_read(rig) == []
    assert await rig.store.history(rig.customer.id, 5) == []
    assert (await cell(rig, "rocket_loader")).value == "off"
