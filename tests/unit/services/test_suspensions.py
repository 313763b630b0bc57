"""Suspending zones and tokens only when a second, different call agrees, and resuming them by themselves."""

from __future__ import annotations

import pytest

from cloudcache.domain.catalog import ZonePlan
from cloudcache.domain.customers import Customer, ZoneStatus
from cloudcache.domain.ids import ZoneId
from cloudcache.domain.secret import Token
from cloudcache.domain.suspension import AT_LEAST_MS, CAP_MS
from cloudcache.emulator.world import Fault
from cloudcache.local import PERMISSIONS
from cloudcache.ports import ZoneAccess, ZoneFacts
from tests.support.rig import TOKEN, ZONE, Process, Rig

OTHER_SHOP = "other.myshopify.com"


def gone(times: int | None = None, *, status: int = 404, code: int = 7003, path: str | None = None) -> Fault:
    return Fault("status", zone_id=ZONE, status=status, code=code, path=path, times=times)


async def customer(rig: Rig) -> Customer:
    return (await rig.store.page(rig.customer.id)).customer


async def another(rig: Rig) -> Customer:
    """A second shop with the same token."""
    facts = await rig.facts("b" * 32, "other.example")
    return await rig.store.add_customer(
        OTHER_SHOP, *facts, rig.customer.topology, rig.customer.credential, now=1
    )


async def wait(rig: Rig, process: Process, ms: int) -> None:
    rig.clock.ms += ms
    await process.settle()


@pytest.mark.parametrize("status", [400, 404])
@pytest.mark.parametrize("code", [1001, 7003])
async def test_zone_unknown_on_every_path_is_suspended_then_resumed_by_itself(
    rig: Rig, status: int, code: int
):
    process = rig.process()
    rig.world.inject(gone(status=status, code=code))
    await process.settle()
    suspended = await customer(rig)

    rig.world.clear_faults()
    await wait(rig, process, 5 * 60_000)

    assert suspended.status is ZoneStatus.GONE and suspended.full_read_at is None
    after = await customer(rig)
    assert after.status is ZoneStatus.ACTIVE and after.full_read_at is not None


async def test_zone_that_answers_the_second_look_is_not_suspended(rig: Rig):
    process = rig.process()
    rig.world.inject(gone(path="/settings"))

    await process.settle()

    assert (await customer(rig)).status is ZoneStatus.ACTIVE


async def test_second_look_without_an_answer_suspends_nothing(rig: Rig):
    process = rig.process()
    rig.world.inject(gone(path="/settings"))
    rig.world.inject(Fault("status", zone_id=ZONE, times=None))

    await process.settle()

    assert (await customer(rig)).status is ZoneStatus.ACTIVE


async def test_refused_token_that_cannot_be_verified_is_not_suspended(rig: Rig):
    process = rig.process()
    rig.world.inject(Fault("status", path="/verify", times=None))
    rig.world.inject(Fault("status", zone_id=ZONE, status=403, code=9109, times=None))

    await process.settle()

    assert (await customer(rig)).status is ZoneStatus.ACTIVE
    assert (await customer(rig)).full_read_at is None


@pytest.mark.parametrize(("status", "code"), [(403, 9109), (401, 10000), (403, 9103), (401, 1000)])
async def test_one_wrong_refusal_of_the_token_suspends_nothing(rig: Rig, status: int, code: int):
    process = rig.process()
    rig.world.inject(Fault("status", zone_id=ZONE, status=status, code=code, times=1))

    await process.settle()
    await wait(rig, process, 60_000)

    after = await customer(rig)
    assert after.status is ZoneStatus.ACTIVE and after.full_read_at is not None


async def test_revoked_token_is_resumed_with_all_its_zones_once_accepted(rig: Rig):
    process = rig.process()
    other = await another(rig)
    rig.world.inject(Fault("status", token=TOKEN.reveal(), status=403, code=9109, times=None))
    await process.settle()
    before = {(await rig.store.page(one)).customer.status for one in (rig.customer.id, other.id)}

    rig.world.clear_faults()
    await wait(rig, process, 5 * 60_000)

    assert before == {ZoneStatus.TOKEN_REFUSED}
    for one in (rig.customer.id, other.id):
        after = (await rig.store.page(one)).customer
        assert after.status is ZoneStatus.ACTIVE and after.full_read_at is not None


async def test_another_process_resumes_what_a_dead_one_suspended(rig: Rig):
    dead, alive = rig.process(), rig.process()
    rig.world.inject(gone())
    await dead.settle()

    rig.world.clear_faults()
    await wait(rig, alive, 5 * 60_000)

    assert (await customer(rig)).status is ZoneStatus.ACTIVE


async def test_examinations_of_a_lost_zone_grow_rare_and_stay_bounded(rig: Rig):
    process = rig.process()
    rig.world.inject(gone())
    await process.settle()
    rig.world.clear_requests()

    counts = []
    for _ in range(2):
        for _ in range(72):
            await wait(rig, process, 20 * 60_000)
        counts.append(len([one for one in rig.world.requests() if ZONE in one.path]))
        rig.world.clear_requests()
        await wait(rig, process, 5 * 86_400_000)

    assert 4 <= counts[0] <= 20
    assert 2 <= counts[1] <= 86_400_000 // (AT_LEAST_MS + CAP_MS // 2) + 2
    assert (await customer(rig)).status is ZoneStatus.GONE


async def test_many_zones_of_a_dead_token_are_examined_as_one(rig: Rig):
    process = rig.process()
    for number in range(20):
        facts = await rig.facts(f"{number + 256:032x}", f"other{number}.example")
        await rig.store.add_customer(
            f"other{number}.myshopify.com", *facts, rig.customer.topology, rig.customer.credential, now=1
        )
    rig.world.revoke_token(TOKEN.reveal())
    await process.settle()
    rig.world.clear_requests()

    await wait(rig, process, 5 * 60_000)

    assert 0 < len([one for one in rig.world.requests() if "/logs/" not in one.path]) <= 3


async def test_connection_to_another_zone_meanwhile_is_not_suspended(rig: Rig):
    former = ZoneId("f" * 32)

    done = await rig.store.suspend_zone(
        rig.customer.id, former, ZoneStatus.GONE, now=rig.clock.ms, why="", due=1
    )

    assert not done and (await customer(rig)).status is ZoneStatus.ACTIVE


@pytest.mark.parametrize(
    ("status", "code"), [(403, 9109), (403, 10000), (401, 10000), (403, 9103), (403, 77)]
)
@pytest.mark.parametrize("path", ["/settings$", "/bot_management"])
async def test_refusal_of_one_setting_leaves_the_zone_active(rig: Rig, status: int, code: int, path: str):
    process = rig.process()
    rig.world.inject(Fault("status", zone_id=ZONE, path=path, status=status, code=code, times=None))

    look = await process.engine.look_now(rig.customer.id)

    toggles = 33 if path == "/settings$" else 3
    page = await rig.store.page(rig.customer.id)
    assert page.customer.status is ZoneStatus.ACTIVE and len(page.cells) == 50 - toggles
    assert look and len(look.refused) == toggles == len(look.problems) and str(code) in look.why


async def test_token_replaced_during_the_read_is_used_and_never_suspended(rig: Rig):
    process, credential = rig.process(), rig.customer.credential
    new = Token("cfat_renewed_0123456789abcdef")
    rig.world.add_token(new.reveal(), kind="account", accounts=("acc",), zones=None, permissions=PERMISSIONS)
    access = rig.credentials.access

    async def replaced_after(customer: Customer) -> ZoneAccess:
        old = await access(customer)
        if old.token == TOKEN:
            rig.world.revoke_token(TOKEN.reveal())
            await rig.store.add_credential(credential, rig.credentials.seal(new, credential), "token", now=1)
        return old

    rig.credentials.access = replaced_after

    look = await process.engine.look_now(rig.customer.id)

    after = await customer(rig)
    assert look and not look.failed and after.status is ZoneStatus.ACTIVE
    assert after.full_read_at is not None and len((await rig.store.page(after.id)).cells) == 50


async def test_write_to_a_lost_zone_has_the_zone_examined(rig: Rig):
    process = rig.process()
    await process.settle()
    rig.world.inject(gone())

    await process.toggles.flip(rig.owner, rig.customer.id, "rocket_loader", True, request_id="r")
    await process.tasks.idle()
    await process.settle()

    assert (await customer(rig)).status is ZoneStatus.GONE


@pytest.mark.parametrize(("status", "code"), [(404, 7003), (403, 9109)])
async def test_one_refusal_while_a_zone_is_introduced_suspends_nothing(rig: Rig, status: int, code: int):
    process = rig.process()
    rig.world.add_zone("b" * 32, "other.example", "acc", "pro")
    facts = ZoneFacts("", ZonePlan.FREE, "", "")
    new = await rig.store.add_customer(
        OTHER_SHOP, ZoneId("b" * 32), facts, rig.customer.topology, rig.customer.credential, now=1
    )
    path = f"/zones/{'b' * 32}$"
    rig.world.inject(Fault("status", path=path, status=status, code=code, times=1))

    look = await process.engine.look_now(new.id)

    after = (await rig.store.page(new.id)).customer
    assert look and not look.failed and after.status is ZoneStatus.ACTIVE
    assert after.full_read_at is not None


@pytest.mark.parametrize("code", [7000, 1006, 99999])
async def test_zone_that_offers_no_setting_at_all_does_not_count_as_checked(rig: Rig, code: int):
    process = rig.process()
    await process.settle()
    before = await rig.store.page(rig.customer.id)
    rig.clock.ms += 3_600_000
    rig.world.inject(Fault("status", path=f"/zones/{ZONE}/", status=404, code=code, times=None))

    look = await process.engine.look_now(rig.customer.id)

    after = await rig.store.page(rig.customer.id)
    assert look and len(look.refused) == 50 and look.why
    assert after.customer.status is ZoneStatus.ACTIVE and after.customer.unread_at is not None
    assert after.customer.full_read_at == before.customer.full_read_at
    assert after.customer.condition == "active, not read in full"
    assert {one.seen_at for one in after.cells.values()} == {one.seen_at for one in before.cells.values()}


async def test_refused_settings_keep_their_ages_and_the_time_of_the_full_check(rig: Rig):
    process = rig.process()
    await process.settle()
    before = await rig.store.page(rig.customer.id)
    rig.clock.ms += 3_600_000
    rig.world.inject(Fault("status", path=f"/zones/{ZONE}/settings", status=403, code=10000, times=None))

    look = await process.engine.look_now(rig.customer.id)

    after = await rig.store.page(rig.customer.id)
    assert look and after.customer.full_read_at == before.customer.full_read_at
    kept = [one for one in after.cells if after.cells[one].seen_at == before.cells[one].seen_at]
    assert set(kept) == look.refused and 40 < len(kept) < 50


async def test_clock_set_back_by_days_does_not_put_off_an_examination(rig: Rig):
    process = rig.process()
    rig.world.inject(gone())
    await process.settle()
    rig.world.clear_faults()

    rig.clock.ms -= 3 * 86_400_000
    await process.settle()
    await wait(rig, process, 5 * 60_000)

    assert (await customer(rig)).status is ZoneStatus.ACTIVE


async def test_429_to_a_verification_blocks_the_token(rig: Rig):
    process = rig.process()
    rig.world.inject(Fault("block", path="/tokens/verify", times=1))
    rig.world.inject(Fault("status", zone_id=ZONE, status=403, code=9109, times=None))
    token_id = await rig.credentials.token_id_of(rig.customer.credential)

    process.engine.wake()
    await process.engine.turn()
    await process.tasks.idle()

    statuses = [one.status for one in rig.world.requests() if one.path.endswith("/tokens/verify")]
    assert statuses == [429]
    assert rig.budget.blocked_until_ms(token_id) is not None
    assert (await customer(rig)).status is ZoneStatus.ACTIVE
