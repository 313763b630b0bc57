"""A store that has something in every table, every kind of write for it, and a gate that stops a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.engine import Database, Whose
from cloudcache.adapters.db.store import SqlStore
from cloudcache.domain.access import Actor, ActorKind
from cloudcache.domain.audit import AuditAction, Deed
from cloudcache.domain.batch_read import BatchRefusal
from cloudcache.domain.catalog import State, Topology, ZonePlan, find
from cloudcache.domain.customers import ZoneStatus
from cloudcache.domain.events import Observation, Source
from cloudcache.domain.feed import Attribution, Entry, Position
from cloudcache.domain.ids import ChangeId, CredentialId, CustomerId, ZoneId
from cloudcache.domain.secret import Token
from cloudcache.domain.shops import ApiToken, Scope, View
from cloudcache.ports import Imported, Intent, LeasedFeed, ShopTokens, Way, ZoneFacts

SHOP = "paper-kite.myshopify.com"
ZONE = ZoneId("b" * 32)
NOW = 1_000_000
ROCKET, POLISH = find("rocket_loader"), find("polish")
TRACES = ("zulu", "paper-kite", ZONE)
SAFETY_S = 60


class Gate(Database):
    """A database whose next transaction stops after some of its statements, or with all of them, until let on."""

    def __init__(self, store: SqlStore, statements: int | None) -> None:
        super().__init__(store.engine)
        self.reached = asyncio.Event()
        self.let_on = asyncio.Event()
        self._left = statements
        self._is_used = False

    @asynccontextmanager
    async def writing(self, whose: Whose) -> AsyncIterator[AsyncConnection]:
        async with super().writing(whose) as connection:
            if self._is_used:
                yield connection
                return
            self._is_used = True
            yield Stopping(connection, self)  # type: ignore[misc]
            await self.stop()

    async def stop(self) -> None:
        self.reached.set()
        await self.let_on.wait()

    async def executed(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                await self.stop()


class Stopping:
    """A connection that tells its gate of each statement."""

    def __init__(self, connection: AsyncConnection, gate: Gate) -> None:
        self._connection = connection
        self._gate = gate

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    async def execute(self, *given: object) -> object:
        result = await self._connection.execute(*given)  # type: ignore[call-overload]
        await self._gate.executed()
        return result


@dataclass
class Scene:
    """One connected shop, in which everything is named so that it can be found again."""

    store: SqlStore
    customer: CustomerId
    actor: Actor
    sent: ChangeId | None = None

    def intent(self, request: str) -> Intent:
        return Intent(
            ROCKET.id, State.ON, ROCKET.wanted(State.ON), self.actor, Source.PAGE, f"zulu-{request}"
        )


Write = Callable[[Scene, SqlStore], Awaitable[object]]


async def flip(scene: Scene, store: SqlStore) -> object:
    return await store.open_intent(
        scene.customer, scene.intent("flip"), now=NOW, owner="w", lease_until=NOW + 1
    )


async def answer(scene: Scene, store: SqlStore) -> object:
    """Settle a change that was sent before."""
    seen = Observation(POLISH.id, "lossless", NOW, ray_id="zulu-ray")
    return await store.settle_applied(scene.customer, scene.sent, seen, now=NOW, since=None)


async def observe(scene: Scene, store: SqlStore) -> object:
    seen = [Observation(ROCKET.id, "on", NOW), Observation(find("always_online").id, "on", NOW)]
    return await store.observe(
        scene.customer, seen, since=NOW, now=NOW, persons={ROCKET.id: Attribution("zulu@x", NOW)}
    )


async def follow_audit_log(scene: Scene, store: SqlStore) -> object:
    feed = LeasedFeed("acc-zulu", Position(), scene.customer, None, 0, None, False, NOW)
    named = frozenset({POLISH.id})
    return await store.note(feed, [Entry("e-zulu", NOW - 1, ZONE, named, "zulu@x", "", "lossless")], now=NOW)


async def kv_import(scene: Scene, store: SqlStore) -> object:
    found = Imported("zulu.ndjson", State.ON, State.OFF, None, NOW)
    deed = Deed(scene.actor, AuditAction.IMPORTED, detail={"from": "zulu.ndjson"})
    return await store.keep_import(scene.customer, found, deed)


async def make_api_token(scene: Scene, store: SqlStore) -> object:
    token = ApiToken("t2", scene.customer, "zulu job", Scope.READ, "abcd", "zulu", NOW)
    return await store.add_api_token(
        token, "d2", Deed(scene.actor, AuditAction.TOKEN_MADE, detail={"name": "zulu"})
    )


async def use_api_token(scene: Scene, store: SqlStore) -> object:
    return await store.across_tenants_api_token("d1", now=NOW + 120_000)


async def revoke_api_token(scene: Scene, store: SqlStore) -> object:
    deed = Deed(scene.actor, AuditAction.TOKEN_REVOKED, detail={"token": "zulu"})
    return await store.revoke_api_token(scene.customer, "t1", deed, now=NOW)


async def claim_key(scene: Scene, store: SqlStore) -> object:
    return await store.claim_answer(scene.customer, "zulu-key", "d", now=NOW)


async def keep_answer(scene: Scene, store: SqlStore) -> object:
    return await store.keep_answer(scene.customer, "key-0", 200, "zulu")


async def start_support_session(scene: Scene, store: SqlStore) -> object:
    view = View("v2", "staff-zulu", scene.customer, "zulu", NOW, NOW + 1)
    deed = Deed(Actor(ActorKind.STAFF, "staff-zulu"), AuditAction.VIEW_STARTED, detail={"reason": "zulu"})
    return await store.start_view(view, deed)


async def end_support_session(scene: Scene, store: SqlStore) -> object:
    view = View("v1", "staff-zulu", scene.customer, "zulu", NOW, NOW + 1)
    deed = Deed(Actor(ActorKind.STAFF, "staff-zulu"), AuditAction.VIEW_ENDED)
    return await store.end_view(view, deed, now=NOW)


async def record_audit_event(scene: Scene, store: SqlStore) -> object:
    deed = Deed(scene.actor, AuditAction.INSTALLED, detail={"at": "zulu"})
    return await store.record(scene.customer, deed, now=NOW)


async def renew_cloudflare_token(scene: Scene, store: SqlStore) -> object:
    return await store.keep_renewed(CredentialId("c-zulu"), b"zulu-renewed", owner="w")


async def renew_shopify_token(scene: Scene, store: SqlStore) -> object:
    tokens = ShopTokens(Token("shpat_" + "z" * 20), None, NOW + 1, None, "zulu")
    return await store.keep_shop_tokens(SHOP, b"zulu-access", None, tokens, owner="w")


async def read_domains(scene: Scene, store: SqlStore) -> object:
    return await store.keep_domains(SHOP, ["zulu.example"], now=NOW)


async def read_zone(scene: Scene, store: SqlStore) -> object:
    facts = ZoneFacts("zulu.example", ZonePlan.PRO, "acc-zulu", "zulu's account")
    return await store.keep_facts(scene.customer, facts, CredentialId("c-zulu"), now=NOW)


async def check_again(scene: Scene, store: SqlStore) -> object:
    return await store.keep_way(scene.customer, Way("zulu.example", Topology.O2O, {}), ["zulu"], now=NOW)


async def disconnect(scene: Scene, store: SqlStore) -> object:
    deed = Deed(scene.actor, AuditAction.DISCONNECTED, detail={"zone": "zulu"})
    return await store.disconnect_zone(scene.customer, SHOP, deed, now=NOW)


async def name_in_rollout(scene: Scene, store: SqlStore) -> object:
    deed = Deed(scene.actor, AuditAction.ROLLOUT_CHANGED, detail={"shop": "zulu"})
    return await store.name_in_rollout("local", SHOP, True, deed, now=NOW)


async def refuse_batch_read(scene: Scene, store: SqlStore) -> object:
    return await store.keep_batch_refusal(BatchRefusal(scene.customer, CredentialId("c-zulu"), NOW))


async def suspend_zone(scene: Scene, store: SqlStore) -> object:
    gone = ZoneStatus.GONE
    return await store.suspend_zone(scene.customer, ZONE, gone, now=NOW, why="zulu", due=NOW)


WRITES: list[Write] = [
    *(flip, answer, observe, follow_audit_log, kv_import, make_api_token, use_api_token, revoke_api_token),
    *(claim_key, keep_answer, start_support_session, end_support_session, record_audit_event),
    *(renew_cloudflare_token, renew_shopify_token, read_domains, read_zone, check_again, disconnect),
    *(name_in_rollout, refuse_batch_read, suspend_zone),
]
