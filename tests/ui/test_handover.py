"""Each tab gets its updates independently, one at a time, and misses nothing."""

from __future__ import annotations

import asyncio

from cloudcache.ui.states.handover import Handover


class Tabs:
    """Tabs with a lock each, and what every one of them was given."""

    def __init__(self) -> None:
        self.locks: dict[str, asyncio.Lock] = {}
        self.given: list[tuple[str, str]] = []
        self.enough = asyncio.Event()
        self.handover = Handover(self.catch_up)

    def lock(self, token: str) -> asyncio.Lock:
        return self.locks.setdefault(token, asyncio.Lock())

    def give(self, token: str, what: str) -> None:
        self.handover.give(token, lambda: self._deliver(token, what))

    async def catch_up(self, token: str) -> None:
        await self._deliver(token, "the newest")

    async def _deliver(self, token: str, what: str) -> None:
        async with self.lock(token):
            self.given.append((token, what))
            if len(self.given) == 2:
                self.enough.set()


async def test_hanging_tab_does_not_delay_another_tab():
    tabs = Tabs()
    async with tabs.lock("hangs"):
        for token in ("hangs", "one", "two"):
            tabs.give(token, "first")
        await tabs.enough.wait()

        assert tabs.given == [("one", "first"), ("two", "first")]
    await tabs.handover.idle()
    assert tabs.given[-1] == ("hangs", "first")


async def test_updates_of_a_busy_tab_are_coalesced_into_one():
    tabs = Tabs()
    async with tabs.lock("busy"):
        for number in range(100):
            tabs.give("busy", f"update {number}")
    await tabs.handover.idle()

    assert tabs.given == [("busy", "update 0"), ("busy", "the newest")]


async def test_closed_handover_leaves_no_task_behind():
    tabs = Tabs()
    async with tabs.lock("hangs"):
        tabs.give("hangs", "never")
        await asyncio.sleep(0)
        await tabs.handover.close()

        assert not tabs.handover.is_busy("hangs")
    assert tabs.given == []
