"""The client against the pretend Cloudflare: all 50 toggles there and back, and every kind of trouble."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from cloudcache.adapters.cloudflare.client import CloudflareClient
from cloudcache.domain.catalog import TOGGLES, Read, Toggle, ZonePlan, find, read_for, reads
from cloudcache.domain.catalog.model import State
from cloudcache.domain.errors import BatchWithdrawn, Reason, Refused, Throttled, Unauthorized
from cloudcache.domain.secret import Token
from cloudcache.emulator.app import create_app
from cloudcache.emulator.faults import KINDS, Fault
from cloudcache.emulator.options import Options
from cloudcache.emulator.server import serving
from cloudcache.emulator.world import World
from cloudcache.ports import TokenFacts, ZoneFacts
from tests.unit.adapters.cloudflare.pretend import (
    ENTERPRISE,
    FOREIGN,
    FREE,
    OTHER,
    PRO,
    TOKEN,
    UNKNOWN,
    Stage,
    at,
    outcome,
    staged,
)

ROCKET, POLISH, BOT_FIGHT = find("rocket_loader"), find("polish"), find("bot_fight_mode")
BATCH = reads(batch=True)[0]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as fresh:
        yield fresh


# -- there and back ----------------------------------------------------------------------------
@pytest.mark.parametrize("toggle", TOGGLES, ids=lambda toggle: toggle.id)
async def test_every_toggle_is_written_and_read_back(stage: Stage, toggle: Toggle):
    zone = FREE if toggle is BOT_FIGHT else ENTERPRISE  # paid plans have another bot mode in its place
    before = (await stage.seen(toggle, zone)).value
    states = (State.OFF, State.ON) if toggle.read(before).state is State.ON else (State.ON, State.OFF)

    for state in states:
        wanted = toggle.wanted(state)
        written = await stage.client.write(at(zone), toggle, wanted)
        read = await stage.seen(toggle, zone)

        assert toggle.read(written.value).state is toggle.read(read.value).state is state
        assert written.toggle == read.toggle == toggle.id
        assert written.at == stage.clock.ms


@pytest.mark.parametrize(
    "toggle", [toggle for toggle in TOGGLES if toggle.others], ids=lambda toggle: toggle.id
)
async def test_finer_values_come_through(stage: Stage, toggle: Toggle):
    for value in toggle.others:
        try:
            written = await stage.client.write(at(ENTERPRISE), toggle, value)
        except Refused as refusal:  # such as `manual`, which is shown and not taken
            assert refusal.reason is Reason.WRONG_VALUE
            continue
        assert written.value == await stage.value(toggle) == value


@pytest.mark.parametrize("read", reads(batch=False), ids=lambda read: read.path)
async def test_every_single_read_tells_its_toggles(stage: Stage, read: Read):
    seen = await stage.client.read(at(FREE), read)

    assert [one.toggle for one in seen] == [toggle.id for toggle in read.toggles]
    assert all(find(one.toggle).read(one.value).known for one in seen)


async def test_the_batch_tells_what_the_single_reads_tell(stage: Stage):
    await stage.client.write(at(ENTERPRISE), POLISH, "lossy")
    await stage.client.write(at(ENTERPRISE), find("hsts"), find("hsts").on)

    batch = await stage.client.read(at(ENTERPRISE), BATCH)

    assert [one.toggle for one in batch] == [toggle.id for toggle in TOGGLES if toggle.in_batch]
    for one in batch:
        alone = await stage.seen(find(one.toggle))
        assert (one.value, one.editable, one.modified_on) == (alone.value, alone.editable, alone.modified_on)


async def test_all_50_are_seen_by_a_whole_read_either_way(stage: Stage):
    for batch in (True, False):
        seen = [one for read in reads(batch) for one in await stage.client.read(at(ENTERPRISE), read)]

        missing = {toggle.id for toggle in TOGGLES} - {one.toggle for one in seen}
        assert missing <= {BOT_FIGHT.id}


async def test_what_cloudflare_knows_besides_the_value(stage: Stage):
    development, nel, zero_rtt = find("development_mode"), find("nel"), find("0rtt")
    assert (await stage.seen(nel)).modified_on is None
    assert (await stage.seen(development)).ends_at is None
    assert (await stage.seen(POLISH, FREE)).editable is False
    assert (await stage.seen(POLISH, PRO)).editable is True
    assert (await stage.seen(find("page_shield"))).editable is None

    began = await stage.client.write(at(ENTERPRISE), development, "on")
    await stage.client.write(at(ENTERPRISE), zero_rtt, "on")

    assert began.ends_at == stage.clock.ms + 10_800_000
    assert began.modified_on is not None
    assert await stage.value(find("tls_1_3")) == "zrt"


async def test_our_own_write_can_be_found_in_the_audit_log(stage: Stage):
    written = await stage.client.write(at(ENTERPRISE), ROCKET, "on")

    assert [deed.ray_id for deed in stage.world.trail] == [written.ray_id]


async def test_zones_and_tokens_are_known(stage: Stage):
    world = stage.world
    world.add_token("cfut_of-a-user-1234", kind="user")
    assert await stage.client.zone(at(PRO)) == ZoneFacts("pro.example", ZonePlan.PRO, "a" * 32, "Shop")
    assert (await stage.client.verify(TOKEN)).status == "active"
    assert (await stage.client.verify(TOKEN)).id == _id_of(world, TOKEN)

    for status in ("active", "disabled", "expired"):
        world.set_token_status("cfut_of-a-user-1234", status)
        facts = await stage.client.verify(Token("cfut_of-a-user-1234"))
        assert facts == TokenFacts(status, _id_of(world, Token("cfut_of-a-user-1234")))

    for gone in ("disabled", "revoked"):
        world.set_token_status(TOKEN.reveal(), gone)
        assert await outcome(stage.client.verify(TOKEN)) == "Unauthorized token_refused"


def _id_of(world: World, token: Token) -> str:
    known = world.token(token.reveal())
    assert known is not None
    return known.id


# -- refusals ----------------------------------------------------------------------------------
async def test_a_plan_that_does_not_allow_it(stage: Stage):
    assert await outcome(stage.client.write(at(FREE), POLISH, "lossless")) == "Refused not_editable"
    assert await outcome(stage.client.write(at(PRO), BOT_FIGHT, BOT_FIGHT.on)) == "Refused not_editable"


async def test_a_value_that_is_none(stage: Stage):
    assert await outcome(stage.client.write(at(PRO), POLISH, "very")) == "Refused wrong_value"


async def test_a_zone_that_is_not_there_or_not_ours(stage: Stage):
    for call in (BATCH, read_for(ROCKET)):
        assert await outcome(stage.client.read(at(UNKNOWN), call)) == "Refused zone_gone"
        assert await outcome(stage.client.read(at(FOREIGN), call)) == "Unauthorized token_refused"
    assert await outcome(stage.client.write(at(UNKNOWN), ROCKET, "on")) == "Refused zone_gone"


async def test_a_token_nobody_knows_or_that_was_revoked(stage: Stage):
    assert await outcome(stage.client.read(at(PRO, OTHER), BATCH)) == "Unauthorized token_refused"

    stage.world.revoke_token(TOKEN.reveal())

    assert await outcome(stage.client.write(at(PRO), ROCKET, "on")) == "Unauthorized token_refused"


@pytest.mark.parametrize("toggle", TOGGLES, ids=lambda toggle: toggle.id)
async def test_a_missing_permission_is_named(stage: Stage, toggle: Toggle):
    stage.world.add_token(OTHER.reveal(), kind="account", permissions=("Zone Read",))

    with pytest.raises(Unauthorized) as refused:
        await stage.client.write(at(ENTERPRISE, OTHER), toggle, toggle.on)

    assert (refused.value.reason, refused.value.detail) == (Reason.PERMISSION, toggle.permission)


@pytest.mark.parametrize("mode", ["off", "missing"])
async def test_the_batch_withdrawn(stage: Stage, mode):
    stage.world.adopt(Options(address_per_second=0, batch_read=mode))

    with pytest.raises(BatchWithdrawn):
        await stage.client.read(at(PRO), BATCH)

    assert await stage.value(ROCKET, PRO) == "off"


# -- limits ------------------------------------------------------------------------------------
async def test_the_budget_hears_how_many_calls_are_left(stage: Stage):
    stage.world.set_budget(TOKEN.reveal(), remaining=7)

    await stage.client.read(at(PRO), BATCH)

    ((what, credential, left, _), succeeded) = stage.ledger.told
    assert (what, credential, left) == ("left", "c1", 6)
    assert succeeded == ("succeeded", "c1")


async def test_a_used_up_budget_blocks_for_as_long_as_cloudflare_says(stage: Stage):
    stage.world.set_budget(TOKEN.reveal(), remaining=0)

    with pytest.raises(Throttled) as throttled:
        await stage.client.write(at(PRO), ROCKET, "on")

    assert throttled.value.after_s == 300
    assert stage.ledger.told[-1] == ("blocked", "c1", 300)
    assert stage.world.value(PRO, "rocket_loader") == "off"


# -- trouble -----------------------------------------------------------------------------------
@dataclass(frozen=True)
class Trouble:
    """A fault, what it means to a read and to a write, and whether the write was done all the same."""

    fault: Fault
    read: str
    write: str
    done: bool


TROUBLES = {
    "slow within patience": Trouble(Fault("slow", delay=5), "done", "done", True),
    "slow, done before": Trouble(Fault("slow", delay=100, applied="before"), "TryLater", "Unclear", True),
    "slow, done after": Trouble(Fault("slow", delay=100), "TryLater", "Unclear", True),
    "status": Trouble(Fault("status"), "TryLater", "Unclear", False),
    "status 500": Trouble(Fault("status", status=500), "TryLater", "Unclear", False),
    "html": Trouble(Fault("html"), "TryLater", "Unclear", False),
    "html as 403": Trouble(Fault("html", status=403), "TryLater", "Unclear", False),
    "html as 429": Trouble(Fault("html", status=429), "Throttled", "Throttled", False),
    "cut": Trouble(Fault("cut"), "TryLater", "Unclear", True),
    "lost": Trouble(Fault("lost"), "TryLater", "Unclear", True),
    "refuse": Trouble(Fault("refuse"), "TryLater", "TryLater", False),
    "duplicate": Trouble(Fault("duplicate"), "done", "done", True),
    "block": Trouble(Fault("block"), "Throttled", "Throttled", False),
    "absurd": Trouble(Fault("absurd"), "done", "done", True),
    "unknown_value": Trouble(Fault("unknown_value"), "done", "done", True),
}


def test_no_kind_of_trouble_is_forgotten():
    assert {trouble.fault.kind for trouble in TROUBLES.values()} == set(KINDS)


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
async def test_trouble_during_a_read(stage: Stage, trouble: Trouble):
    stage.world.inject(trouble.fault)

    assert await outcome(stage.client.read(at(PRO), read_for(POLISH))) == trouble.read


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
async def test_trouble_during_a_write(stage: Stage, trouble: Trouble):
    stage.world.inject(trouble.fault)

    assert await outcome(stage.client.write(at(PRO), POLISH, "lossy")) == trouble.write
    await asyncio.sleep(0)  # lets Cloudflare finish what nobody waits for any more
    assert (stage.world.value(PRO, "polish") == "lossy") is trouble.done


async def test_a_value_nobody_knows_is_shown_as_it_is(stage: Stage):
    for read in (read_for(POLISH), BATCH, read_for(BOT_FIGHT)):
        stage.world.inject(Fault("unknown_value"))
        seen = await stage.client.read(at(PRO), read)
        assert seen and not any(find(one.toggle).read(one.value).known for one in seen)


@pytest.mark.parametrize("kind", ["cut", "lost", "refuse", "html"])
async def test_trouble_on_a_real_connection_means_the_same(stage: Stage, kind):
    trouble = TROUBLES[kind]
    async with serving(create_app(stage.world)) as address:
        client = CloudflareClient(f"{address}/client/v4", stage.clock, on_quota=stage.ledger)
        assert await outcome(client.read(at(PRO), BATCH)) == "done"
        stage.world.inject(Fault(kind, method="PATCH"))

        came_of_it = await outcome(client.write(at(PRO), POLISH, "lossy"))

        # Hanging up on an open connection cannot be told from losing the answer on it.
        assert came_of_it == ("Unclear" if kind == "refuse" else trouble.write)
        assert (stage.world.value(PRO, "polish") == "lossy") is trouble.done
        assert await outcome(client.write(at(PRO), POLISH, "lossless")) == "done"
        await client.close()


async def test_nobody_at_the_address_means_nothing_was_sent(stage: Stage, unused_tcp_port: int):
    client = CloudflareClient(f"http://127.0.0.1:{unused_tcp_port}", stage.clock, on_quota=stage.ledger)

    assert await outcome(client.write(at(PRO), POLISH, "lossy")) == "TryLater"
    await client.close()
