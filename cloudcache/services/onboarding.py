"""Takes in many customers at once, and tells who there is.

First everything is judged: each row by itself, against the file, and against the register. What comes of it is a
plan that stores nothing. Carrying it out stores the good rows, some thousands a transaction; killed in between and
started again it finds the stored ones there already and goes on. Cloudflare is not asked: for 100,000 zones that
would take one token seven hours. A zone is due at once, and its first look, paced by the budget like any other,
finds out whether the token may see it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from secrets import token_hex
from typing import TypeVar

from cloudcache.domain.access import Actor, require_administrator
from cloudcache.domain.audit import AuditAction, Deed
from cloudcache.domain.catalog.model import ZonePlan
from cloudcache.domain.customers import ZoneStatus
from cloudcache.domain.errors import NotAllowed
from cloudcache.domain.events import ReadResult
from cloudcache.domain.ids import CredentialId
from cloudcache.domain.onboarding import Problem, Row, read_rows
from cloudcache.ports import Bulk, Clock, Newcomer, Registered
from cloudcache.services.credentials import Credentials

CHECKED_AT_ONCE = 1_000
STORED_AT_ONCE = 2_000
"""Customers in one transaction: long enough that a commit costs little, short enough that pages of others wait for
less than half a second on SQLite."""

TOLD_AT_ONCE = 1_000
Tell = Callable[[int], None]
One = TypeVar("One")


@dataclass
class ImportPlan:
    """What an import would do: the new rows, how many are there already, and what is wrong with the others."""

    new: list[Row] = field(default_factory=list)
    rows: int = 0
    known: int = 0
    refused: int = 0
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, *problems: Problem) -> None:
        """One row is not taken, for these reasons."""
        self.refused += 1
        self.problems += problems


class Onboarding:
    """Imports, exports, and the crowd of a demo."""

    def __init__(self, store: Bulk, credentials: Credentials, clock: Clock, *, is_local: bool) -> None:
        self._store = store
        self._credentials = credentials
        self._clock = clock
        self._is_local = is_local

    async def check(self, actor: Actor, lines: Iterable[bytes], tell: Tell = lambda rows: None) -> ImportPlan:
        """Judge every row of a CSV file; `Unreadable` when it is none. `tell` hears how many rows are judged."""
        require_administrator(actor)
        plan = ImportPlan()
        for judged in _in_batches(read_rows(lines), CHECKED_AT_ONCE):
            plan.rows += len(judged)
            rows = [one for one in judged if isinstance(one, Row)]
            for problems in judged:
                if not isinstance(problems, Row):
                    plan.refuse(*problems)
            await self._compare(plan, rows)
            tell(plan.rows)
        plan.problems.sort(key=lambda one: one.line)
        return plan

    async def carry_out(
        self, actor: Actor, plan: ImportPlan, source: str, tell: Tell = lambda rows: None
    ) -> int:
        """Store the new rows of a plan; `source` names the file in the audit log. Returns how many were stored;
        whoever was registered by somebody else meanwhile is added to the plan's problems."""
        require_administrator(actor)
        done = stored = 0
        for rows in _in_batches(plan.new, STORED_AT_ONCE):
            newcomers = [await self._newcomer(row) for row in rows]
            deed = Deed(actor, AuditAction.TAKEN_IN, detail=_told(rows, source))
            shops = await self._store.across_tenants_take_in(newcomers, deed, now=self._clock.now_ms())
            stored += len(shops)
            for row in rows:
                if row.shop not in shops:
                    plan.refuse(Problem(row.line, "shop", "the store or its zone was added in the meantime"))
            done += len(rows)
            tell(done)
        return stored

    async def export(self, actor: Actor) -> AsyncIterator[Registered]:
        """Every customer with a connected zone, in the order they were added."""
        require_administrator(actor)
        after = None
        while page := await self._store.across_tenants_registered(TOLD_AT_ONCE, after):
            for one in page:
                if one.status is not ZoneStatus.DISCONNECTED:
                    yield one
            after = page[-1].id

    async def seed(
        self,
        actor: Actor,
        rows: Iterable[Row],
        seen: Mapping[ZonePlan, ReadResult],
        tell: Tell = lambda rows: None,
    ) -> int:
        """Store made-up customers with the values that were seen of a zone of their plan: for trying things at size,
        in the local environment only. Returns how many are new."""
        require_administrator(actor)
        if not self._is_local:
            raise NotAllowed("demo customers are for the local environment only")
        done = stored = 0
        for some in _in_batches(rows, STORED_AT_ONCE):
            newcomers = [await self._newcomer(row) for row in some]
            stored += await self._store.across_tenants_take_in_seen(newcomers, seen, now=self._clock.now_ms())
            done += len(some)
            tell(done)
        return stored

    async def _compare(self, plan: ImportPlan, rows: Sequence[Row]) -> None:
        """With the register: there already, in the way of somebody, or new."""
        taken = await self._store.across_tenants_taken([row.shop for row in rows], [row.zone for row in rows])
        of_shop = dict(taken)
        of_zone = {zone: shop for shop, zone in taken}
        for row in rows:
            if of_shop.get(row.shop) == row.zone:
                plan.known += 1
            elif row.shop in of_shop:
                plan.refuse(Problem(row.line, "shop", "the store already exists with another zone"))
            elif row.zone in of_zone:
                plan.refuse(Problem(row.line, "zone_id", "the zone already belongs to another store"))
            else:
                plan.new.append(row)

    async def _newcomer(self, row: Row) -> Newcomer:
        if row.token is None:
            return Newcomer(row)
        credential = CredentialId(f"c-{token_hex(8)}")
        sealed, token_id = (
            self._credentials.seal(row.token, credential),
            await self._credentials.id_of(row.token),
        )
        return Newcomer(row, credential, sealed, token_id)


def _told(rows: Sequence[Row], source: str) -> dict[str, str]:
    """One line for a transaction, not one for each of 100,000 customers: from which lines of which file, and a digest
    by which the file can be shown to be the one."""
    named = "".join(f"{row.shop} {row.zone}\n" for row in rows)
    return {
        "file": source,
        "lines": f"{rows[0].line} to {rows[-1].line}",
        "digest": sha256(named.encode()).hexdigest(),
    }


def _in_batches(things: Iterable[One], size: int) -> Iterator[list[One]]:
    rest = iter(things)
    while batch := list(islice(rest, size)):
        yield batch
