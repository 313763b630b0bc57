"""Two processes, a dashboard, crashes and lost replies in any order; at the end the cache is Cloudflare's truth.

Hypothesis drives the real services, the real database and the pretend Cloudflare. After every step:
a value that nobody changed elsewhere since it was seen is the one Cloudflare holds, and an intent that has ended
never changes its outcome. At the end: every intent has exactly one outcome, and the cache equals Cloudflare.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cloudcache.domain.budget import CallClass
from cloudcache.domain.catalog import Reading, State, find, read_for
from cloudcache.domain.events import ChangeStatus, Source
from cloudcache.ports import Intent
from cloudcache.services.writing import LEASE_MS
from tests.support.databases import temporary_store
from tests.support.rig import (
    ZONE,
    build_rig,
    crash_after,
    crash_before,
    lost_reply,
    lost_request,
    meanwhile,
)
from tests.support.waiting import SAFETY_NET_S

TOGGLES = ["rocket_loader", "polish", "email_obfuscation", "tiered_caching", "block_ai_bots"]
OUTSIDE = {
    "rocket_loader": ["on", "off"],
    "polish": ["off", "lossy", "lossless"],
    "email_obfuscation": ["on", "off"],
}
AT_CLOUDFLARE = {"block_ai_bots": "bot_management.ai_training"}
FATES = {
    "plain": None,
    "crash before": crash_before,
    "crash after": crash_after,
    "lost reply": lost_reply,
    "lost request": lost_request,
}
toggles = st.sampled_from(TOGGLES)
processes = st.integers(0, 1)
outside = st.sampled_from([(name, value) for name, values in OUTSIDE.items() for value in values])


class WritingMachine(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        self.run(self._start())

    async def _start(self) -> None:
        store = await temporary_store(Path(self.folder.name) / "db")
        self.rig = await build_rig(store)
        self.workers = [self.rig.process(), self.rig.process()]
        self.ended: dict[int, ChangeStatus] = {}
        self.changed_elsewhere: set[str] = set()
        self.asked = 0
        await self.workers[0].reconciler.zone(self.rig.customer.id, CallClass.WATCHED)

    def run(self, work):
        return self.loop.run_until_complete(asyncio.wait_for(work, SAFETY_NET_S))

    # -- what can happen -----------------------------------------------------------------------
    @rule(toggle=toggles, on=st.booleans(), worker=processes, fate=st.sampled_from(sorted(FATES)))
    def flip(self, toggle, on, worker, fate):
        self.run(self._flip(toggle, on, worker, FATES[fate]))
        if fate in ("crash after", "crash before"):
            self.changed_elsewhere.add(toggle)

    @rule(toggle=toggles, on=st.booleans(), before=st.booleans())
    def two_processes_at_once(self, toggle, on, before):
        async def other() -> None:
            await self._flip(toggle, not on, 1)

        self.run(self._flip(toggle, on, 0, meanwhile(other, before=before)))

    @rule(change=outside, before=st.booleans(), on=st.booleans())
    def dashboard_during_a_write(self, change, before, on):
        toggle, value = change

        async def edit() -> None:
            self._edit(toggle, value)

        self.run(self._flip(toggle, on, 0, meanwhile(edit, before=before)))

    @rule(toggle=toggles, first=st.booleans(), count=st.integers(2, 4))
    def quick_flips(self, toggle, first, count):
        async def many() -> None:
            for number in range(count):
                await self._ask(toggle, first ^ bool(number % 2), 0)
            await self.workers[0].tasks.idle()

        self.run(many())

    @rule(toggle=toggles, on=st.booleans())
    def crash_before_anything_is_sent(self, toggle, on):
        self.run(self._store_only(toggle, on))

    @rule(change=outside)
    def dashboard(self, change):
        self._edit(*change)

    @rule(worker=processes)
    def read_the_zone(self, worker):
        self.run(self.workers[worker].reconciler.zone(self.rig.customer.id, CallClass.SWEEP))

    @rule(toggle=toggles, on=st.booleans())
    def a_click_lands_in_the_middle_of_a_read(self, toggle, on):
        self.run(self._click_during_read(toggle, on))

    @rule(worker=processes)
    def leases_run_out_and_somebody_adopts(self, worker):
        self.run(self._adopt(worker))

    # -- how -----------------------------------------------------------------------------------
    async def _ask(self, toggle: str, on: bool, worker: int) -> None:
        self.asked += 1
        await self.workers[worker].toggles.flip(
            self.rig.owner, self.rig.customer.id, toggle, on, request_id=f"r{self.asked}", confirmed=True
        )

    async def _flip(self, toggle: str, on: bool, worker: int, fate=None) -> None:
        if fate is not None:
            self.rig.gateway.script.append(fate)
        await self._ask(toggle, on, worker)
        await self.workers[worker].tasks.idle()
        self.rig.gateway.script.clear()

    async def _store_only(self, toggle: str, on: bool) -> None:
        self.asked += 1
        found, state = find(toggle), State.of(on)
        intent = Intent(found.id, state, found.wanted(state), self.rig.owner, Source.PAGE, f"r{self.asked}")
        await self.rig.store.open_intent(
            self.rig.customer.id,
            intent,
            now=self.rig.clock.ms,
            owner="dead",
            lease_until=self.rig.clock.ms + LEASE_MS,
        )

    async def _click_during_read(self, toggle: str, on: bool) -> None:
        customer, client = self.rig.customer.id, self.rig.gateway
        since = await self.rig.store.revision(customer)
        access = await self.rig.credentials.access(self.rig.customer)
        seen = await client.read(access, read_for(find(toggle)))
        await self._flip(toggle, on, 1)
        await self.rig.store.observe(customer, seen, since=since, now=self.rig.clock.ms)

    async def _adopt(self, worker: int) -> None:
        self.rig.clock.ms += 2 * LEASE_MS
        for _ in range(5):
            if not await self.workers[worker].writer.recover():
                return
            await self.workers[worker].tasks.idle()
            self.rig.clock.ms += 2 * LEASE_MS

    def _edit(self, toggle: str, value: str) -> None:
        self.rig.world.dashboard_change(ZONE, toggle, value, actor_email="someone@shop.example")
        self.changed_elsewhere.add(toggle)

    def _truth(self, toggle: str) -> Reading:
        """What Cloudflare really holds."""
        return find(toggle).read(self.rig.world.value(ZONE, AT_CLOUDFLARE.get(toggle, toggle)))

    # -- what must hold ------------------------------------------------------------------------
    @invariant()
    def what_nobody_changed_elsewhere_is_what_cloudflare_holds(self):
        if hasattr(self, "rig"):
            self.run(self._check_cells())

    @invariant()
    def an_outcome_is_final(self):
        if hasattr(self, "rig"):
            self.run(self._check_journal())

    async def _check_cells(self) -> None:
        page = await self.rig.store.page(self.rig.customer.id)
        for toggle in TOGGLES:
            cell = page.cells[find(toggle).id]
            if cell.change and cell.change.is_open:
                continue
            agrees = cell.reading(find(toggle)) == self._truth(toggle)
            if agrees:
                self.changed_elsewhere.discard(toggle)
            assert agrees or toggle in self.changed_elsewhere, f"{toggle}: {cell}"

    async def _check_journal(self) -> None:
        for change in await self.rig.store.history(self.rig.customer.id, limit=10_000):
            before = self.ended.get(change.id)
            assert before is None or before is change.status
            if not change.is_open:
                self.ended[change.id] = change.status
        failures = [error for worker in self.workers for error in worker.tasks.failures]
        assert not failures, failures

    def teardown(self) -> None:
        if not hasattr(self, "rig"):
            return
        try:
            self.run(self._end())
        finally:
            self.run(self.rig.close())
            self.loop.close()
            self.folder.cleanup()

    async def _end(self) -> None:
        for _ in range(3):
            await self._adopt(0)
        await self.workers[0].reconciler.zone(self.rig.customer.id, CallClass.SWEEP)

        history = await self.rig.store.history(self.rig.customer.id, limit=10_000)
        wishes = [change for change in history if change.status is not ChangeStatus.OBSERVED]
        assert len(wishes) == self.asked, "an intent is missing from the journal"
        assert not [change for change in wishes if change.is_open], "an intent has no outcome"
        page = await self.rig.store.page(self.rig.customer.id)
        for toggle in TOGGLES:
            cell = page.cells[find(toggle).id]
            assert cell.reading(find(toggle)) == self._truth(toggle)
            mine = [change for change in history if change.toggle == toggle]
            if (
                mine
                and mine[0].status is not ChangeStatus.OBSERVED
                and mine[0].status is ChangeStatus.APPLIED
            ):
                assert cell.state is mine[0].to_state, "the newest wish was applied, and yet it is not so"


TestWriting = WritingMachine.TestCase
TestWriting.settings = settings(
    max_examples=int(os.environ.get("CLOUDCACHE_EXAMPLES", "15")),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
