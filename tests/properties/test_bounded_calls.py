"""A change costs at most ten calls and ends within its hour, whatever Cloudflare answers to them, in any order."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from cloudcache.domain.delivery import MAX_AGE_MS, MAX_CALLS
from cloudcache.domain.errors import Reason, Refused, Throttled, TryLater, Unauthorized, Unclear
from cloudcache.domain.events import ChangeStatus, Observation
from cloudcache.services.writing import LEASE_MS
from tests.support.databases import temporary_store
from tests.support.rig import Crash, Rig, build_rig

ANSWERS = (
    "done",
    "lost",
    "503",
    "502",
    "unreachable",
    "429",
    "old value",
    "refused",
    "token refused",
    "crash",
)
LONGEST_WAIT_MS = 310_000
"""That one call may be under way or held back by a block beyond the change's age."""


class Answering:
    """A gateway that answers by a script, and with a 503 when that is at its end."""

    def __init__(self, rig: Rig, answers: Sequence[str]) -> None:
        self._rig, self._answers = rig, list(answers)
        self._inner_write, self._inner_read = rig.gateway.write, rig.gateway.read
        self.calls = 0
        rig.gateway.write, rig.gateway.read = self.write, self.read  # type: ignore[method-assign]

    def _next(self) -> str:
        self.calls += 1
        self._rig.clock.ms += 50
        return self._answers.pop(0) if self._answers else "503"

    async def write(self, access, toggle, value) -> Observation:
        answer = self._next()
        if answer in ("done", "lost"):
            seen = await self._inner_write(access, toggle, value)
            if answer == "done":
                return seen
        if answer == "old value":
            return Observation(toggle.id, "on" if value == "off" else "off", self._rig.clock.ms)
        if answer == "unreachable":
            raise TryLater(5, "Cloudflare can't be reached")
        self._fail(answer)
        raise Unclear(f"Cloudflare answered {answer}")

    async def read(self, access, read) -> list[Observation]:
        answer = self._next()
        if answer in ("done", "old value"):
            return await self._inner_read(access, read)
        self._fail(answer)
        raise TryLater(5, f"Cloudflare answered {answer}")

    def _fail(self, answer: str) -> None:
        if answer == "crash":
            raise Crash
        if answer == "429":
            self._rig.budget.block(self._rig.customer.credential, 7)
            raise Throttled(7)
        if answer == "refused":
            raise Refused(Reason.OTHER)
        if answer == "token refused":
            raise Unauthorized(Reason.TOKEN_REFUSED)


async def deliver(answers: Sequence[str], seed: int) -> tuple[int, int, ChangeStatus, str]:
    """Flip once while Cloudflare answers so; processes that die are followed by others until it is settled."""
    with tempfile.TemporaryDirectory() as folder:
        rig = await build_rig(await temporary_store(Path(folder) / "db"))
        try:
            return await _deliver(rig, answers, random.Random(seed))
        finally:
            await rig.close()


async def _deliver(
    rig: Rig, answers: Sequence[str], rng: random.Random
) -> tuple[int, int, ChangeStatus, str]:
    script = Answering(rig, answers)
    process = rig.process()
    process.writer._desk = _with_rng(process.writer._desk, rng)
    change = await process.toggles.flip(
        rig.owner, rig.customer.id, "early_hints", True, request_id="r", confirmed=True
    )
    await process.tasks.idle()
    for _ in range(2 * MAX_CALLS):
        settled = (await rig.store.history(rig.customer.id, 50))[-1]
        if not settled.is_open:
            return script.calls, rig.clock.ms - change.requested_at, settled.status, settled.error
        rig.clock.ms += 2 * LEASE_MS
        process = rig.process()
        await process.writer.recover()
        await process.tasks.idle()
    raise AssertionError("the change is never settled")


def _with_rng(desk, rng: random.Random):
    from dataclasses import replace

    return replace(desk, chance=rng.random)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(answers=st.lists(st.sampled_from(ANSWERS), max_size=14), seed=st.integers(0, 2**16))
def test_change_costs_at_most_ten_calls_whatever_is_answered(answers: list[str], seed: int):
    calls, took_ms, status, _ = asyncio.run(deliver(answers, seed))

    assert calls <= MAX_CALLS, f"{calls} calls"
    assert took_ms <= MAX_AGE_MS + LONGEST_WAIT_MS
    assert status in (ChangeStatus.APPLIED, ChangeStatus.FAILED)
