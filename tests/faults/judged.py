"""Looks at one shop now and then while it is troubled, and says at the end what cannot be."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select

from cloudcache.adapters.db.access_models import audit_log
from cloudcache.domain.audit import AuditAction
from cloudcache.domain.catalog import Toggle, find
from cloudcache.domain.errors import Reason
from cloudcache.domain.events import Change, ChangeStatus
from tests.faults.history import History, Read, Write
from tests.support.rig import ZONE, Rig

TOGGLE = find("rocket_loader")
TOGGLES = tuple(find(name) for name in ("rocket_loader", "email_obfuscation", "always_online", "early_hints"))
ENDED = AuditAction.FLIP_ENDED.value


class Judged:
    """One shop's toggles, in the cache and at Cloudflare."""

    def __init__(
        self, rig: Rig, toggles: Sequence[Toggle] = (TOGGLE,), may_fail: Collection[Reason] = ()
    ) -> None:
        """`may_fail` are reasons for which changes may fail; what was there before then holds."""
        self._may_fail = {reason.value for reason in may_fail}
        self._rig = rig
        self._toggles = toggles
        self._initial = {one.id: self._there(one) for one in toggles}
        self._told = History(dict(self._initial))
        self._spans: dict[int, tuple[int, int]] = {}

    def spans(self, change: Change, begin: int, end: int) -> None:
        """When a wish was made and was over by the right clock, which the journal's need not be."""
        self._spans[change.id] = (begin, end)

    async def look(self) -> None:
        """What a page and Cloudflare's own dashboard show at this moment."""
        now = self._rig.clock.ms
        self._rig.clock.ms += 1
        cells = (await self._rig.store.page(self._rig.customer.id)).cells
        for toggle in self._toggles:
            there, cell = self._there(toggle), cells[toggle.id]
            self._told.reads.append(Read(toggle.id, "cloudflare", there, now, now, is_late=False))
            if cell.change is None or not cell.change.is_open:
                self._told.reads.append(Read(toggle.id, "page", str(cell.state), now, now))

    async def problems(self) -> list[str]:
        """What is wrong now that all should be over: the newest wish of each toggle holds, here and there."""
        await self.look()
        found: list[str] = []
        cells = (await self._rig.store.page(self._rig.customer.id)).cells
        for toggle in self._toggles:
            wishes = await self._rig.store.history_of(self._rig.customer.id, toggle.id, 1_000)
            self._remember(wishes)
            wishes = [one for one in wishes if one.error not in self._may_fail]
            never = (ChangeStatus.PENDING, ChangeStatus.FAILED)
            found += [f"{toggle.id}: wish {one.id} is {one.status}" for one in wishes if one.status in never]
            wanted = wishes[0].to_state.value if wishes else self._initial[toggle.id]
            cached, there = str(cells[toggle.id].state), self._there(toggle)
            if not cached == there == wanted:
                found.append(f"{toggle.id}: cached {cached}, at Cloudflare {there}, wished {wanted}")
        self._told.endings += await self._endings()
        return found + self._told.faults()

    def holds(self) -> bool:
        """Whether the first toggle is on at Cloudflare."""
        return self._there(self._toggles[0]) == "on"

    def _there(self, toggle: Toggle) -> str:
        return toggle.read(self._rig.world.value(ZONE, toggle.setting)).state.value

    def _remember(self, wishes: Sequence[Change]) -> None:
        for one in wishes:
            end = one.settled_at if one.settled_at is not None else float("inf")
            begin, end = self._spans.get(one.id, (one.requested_at, end))
            sure = one.status is ChangeStatus.APPLIED
            self._told.writes.append(Write(one.toggle, one.to_state.value, begin, end, sure))
            self._told.wishes.append(one.id)

    async def _endings(self) -> list[tuple[object, str]]:
        """The audit log has a line for each ending, written in the transaction that ended it."""
        query = select(audit_log.c.change_id, audit_log.c.outcome).where(audit_log.c.action == ENDED)
        async with self._rig.store.database.reading(self._rig.customer.id) as connection:
            return [(row.change_id, row.outcome) for row in await connection.execute(query)]
