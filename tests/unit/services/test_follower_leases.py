"""Leases of audit-log readers: one reader an account, also while it waits, and no page by a reader that lost it."""

from __future__ import annotations

import asyncio

import pytest

from cloudcache.domain.errors import NotFound, Unclear
from cloudcache.domain.ids import CredentialId
from cloudcache.domain.secret import Token
from tests.support.following import ANN, cell, following, later, outside, paths
from tests.support.rig import Process, Rig

CREDENTIAL = CredentialId("c1")


def log_calls(rig: Rig) -> int:
    return sum("/logs/audit" in path for path in paths(rig))


def hold_budget(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Let every call wait for its budget until the event is set, as behind a blocked credential."""
    really, opened = rig.budget.acquire, asyncio.Event()

    async def held(lane):
        await opened.wait()
        return await really(lane)

    monkeypatch.setattr(rig.budget, "acquire", held)
    return opened


async def turn(rig: Rig, process: Process, seconds: float) -> None:
    """One turn of the engine after this much time; what waits goes on waiting."""
    rig.clock.ms += int(seconds * 1000)
    process.engine.wake()
    await process.engine.turn()
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize("step_s", [10, 59, 60, 61, 300])
async def test_blocked_credential_has_at_most_one_waiting_reader(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, step_s: int
):
    process = await following(rig)
    process.attention.closed(rig.customer.id)
    await process.tasks.idle()
    opened = hold_budget(rig, monkeypatch)
    readers = 0

    for _ in range(50 * 60 // step_s):
        await turn(rig, process, step_s)
        readers = max(readers, len([one for one in process.tasks._running if "feed" in one.get_name()]))
    outside(rig)
    opened.set()
    await process.settle()

    assert readers == 1
    assert log_calls(rig) <= 2
    assert (await cell(rig, "rocket_loader")).state == "on"


async def test_second_process_reads_no_log_that_waits_in_the_first(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    first = await following(rig)
    second = rig.process()
    opened = hold_budget(rig, monkeypatch)

    for _ in range(30):
        await turn(rig, first, 10)
        await turn(rig, second, 10)
    waiting = [len([one for one in p.tasks._running if "feed" in one.get_name()]) for p in (first, second)]
    opened.set()
    await first.settle()

    assert sum(waiting) == 1


async def test_reader_that_lost_its_lease_while_waiting_makes_no_call(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    first = await following(rig)
    opened = hold_budget(rig, monkeypatch)
    await turn(rig, first, 20)  # waits, and then its process stands still
    rig.clock.ms += 120_000
    (taken,) = await rig.store.lease_feeds(
        now=rig.clock.ms, owner="another", until=rig.clock.ms + 60_000, limit=1
    )

    opened.set()
    await first.tasks.idle()

    assert log_calls(rig) == 0
    assert await rig.store.prolong_feeds([taken], owner="another", until=rig.clock.ms) == {"acc"}


async def test_new_lease_of_the_same_process_refuses_what_the_old_one_brings(rig: Rig):
    process = await following(rig)
    rig.clock.ms += 3_600_000
    leases = []
    for _ in range(2):
        leases += await rig.store.lease_feeds(
            now=rig.clock.ms, owner=process.name, until=rig.clock.ms + 1, limit=1
        )
        rig.clock.ms += 2
    old, new = leases

    kept = [
        await rig.store.keep_position(one, one.position, owner=process.name, due=7, until=None)
        for one in (old, new)
    ]

    assert kept == [False, True]
    assert not await rig.store.prolong_feeds([old], owner=process.name, until=rig.clock.ms)


async def test_token_renewed_during_the_wait_is_the_one_that_is_used(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    process = await following(rig)
    opened = hold_budget(rig, monkeypatch)
    outside(rig)
    await turn(rig, process, 20)
    rig.world.add_token("cfat_new_0123456789abcdef", kind="account", accounts=("acc",))
    await rig.store.add_credential(CREDENTIAL, _sealed(rig, "cfat_new_0123456789abcdef"), "token", now=1)
    rig.world.revoke_token("cfat_rig_0123456789abcdef")

    opened.set()
    await process.settle()
    await later(rig, process)

    assert (await cell(rig, "rocket_loader")).state == "on"
    (change,) = await rig.store.history(rig.customer.id, 5)
    assert change.actor.id == ANN


def _sealed(rig: Rig, token: str) -> bytes:
    return rig.credentials.seal(Token(token), CREDENTIAL)


async def test_missing_credential_says_nothing_about_the_log(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    process = await following(rig)
    really, failures = (
        rig.credentials.feed_access,
        [NotFound("no such credential"), Unclear("sign-in is down")],
    )

    async def failing(feed):
        if failures:
            raise failures.pop()
        return await really(feed)

    monkeypatch.setattr(rig.credentials, "feed_access", failing)
    outside(rig)

    for _ in range(6):
        await later(rig, process, 60)

    assert not any("/audit_logs" in path for path in paths(rig)), "the older log is not asked"
    assert (await cell(rig, "rocket_loader")).state == "on"
