"""No customer sees or changes another's rows, whichever method is called and whatever it is given.

The list of calls is held against the port: a method added there without a line here fails the first test.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable

import pytest

from cloudcache.adapters.db.store import SqlStore
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.audit import AuditAction, Deed
from cloudcache.domain.catalog import State, Topology
from cloudcache.domain.customers import ZoneStatus
from cloudcache.domain.errors import Reason
from cloudcache.domain.events import Change, Observation
from cloudcache.domain.freshness import Urgency
from cloudcache.domain.ids import CredentialId, CustomerId, ZoneId
from cloudcache.domain.shops import ApiToken, Scope, View
from cloudcache.domain.storefront import Outcome, StorefrontCheck
from cloudcache.ports import (
    AuditTrail,
    Feeds,
    Imported,
    Imports,
    People,
    RolloutBook,
    Shops,
    Store,
    Way,
    ZoneQueue,
)
from tests.support.tenants import FACTS, POLISH, ROCKET, Tenant

SEEN = Observation(ROCKET.id, "on", 9_000)
Call = Callable[[SqlStore, CustomerId, Change], Awaitable[object]]

CALLS: dict[str, Call] = {
    "page": lambda store, me, _: store.page(me),
    "heads": lambda store, me, _: store.heads([me]),
    "revision": lambda store, me, _: store.revision(me),
    "history": lambda store, me, theirs: store.history(me, 100, before=theirs.id),
    "history_of": lambda store, me, _: store.history_of(me, ROCKET.id, 100),
    "open_intent": lambda store, me, theirs: store.open_intent(
        me, Tenant(store, me).intent(False, theirs.request_id), now=1, owner="w", lease_until=2
    ),
    "newest_wish": lambda store, me, _: store.newest_wish(me, ROCKET.id),
    "start": lambda store, me, theirs: store.start(me, theirs.id, now=90_000, owner="x", lease_until=99_000),
    "queue": lambda store, me, theirs: store.queue(
        me, theirs.id, now=1, eta=2, owner="w", lease_until=99_000
    ),
    "settle_applied": lambda store, me, theirs: store.settle_applied(me, theirs.id, SEEN, now=1, since=None),
    "settle_failed": lambda store, me, theirs: store.settle_failed(me, theirs.id, Reason.OTHER, now=1),
    "settle_superseded": lambda store, me, theirs: store.settle_superseded(me, theirs.id, now=1),
    "record_refused": lambda store, me, _: store.record_refused(
        me, Tenant(store, me).intent(False, "refused"), Reason.CIRCUIT_OPEN, now=1
    ),
    "record_ray": lambda store, me, theirs: store.record_ray(me, theirs.id, "ray"),
    "claim_restore": lambda store, me, theirs: store.claim_restore(
        me, theirs, now=1, owner="w", lease_until=9
    ),
    "end_restore": lambda store, me, theirs: store.end_restore(me, theirs, now=1, owner="w", ray_id="ray"),
    "cancel": lambda store, me, _: store.cancel(me, ROCKET.id, now=1),
    "mark_seen": lambda store, me, _: store.mark_seen(me, POLISH.id, now=1),
    "observe": lambda store, me, _: store.observe(me, [SEEN], since=99, now=1),
    "zone_answered": lambda store, me, _: store.zone_answered(me, now=1),
    "zone_silent": lambda store, me, _: store.zone_silent(me, now=1),
    "add": lambda store, me, _: store.add(me, due=5, urgency=Urgency.WATCHED),
    "lease_one": lambda store, me, _: store.lease_one(me, now=10, owner="w", until=20),
    "prolong": lambda store, me, _: store.prolong([me], owner="w", until=30),
    "watch": lambda store, me, _: store.watch([me], until=50, now=10),
    "unwatch": lambda store, me, _: store.unwatch([me], now=20),
    "set_status": lambda store, me, _: store.set_status(me, ZoneStatus.GONE, now=1),
    "suspend_zone": lambda store, me, _: store.suspend_zone(
        me, ZoneId("f" * 32), ZoneStatus.GONE, now=1, why="", due=2
    ),
    "resume_zone": lambda store, me, _: store.resume_zone(me, ZoneId("f" * 32), now=1),
    "use_credential": lambda store, me, _: _with_credential(store, me),
    "disconnect_zone": lambda store, me, _: store.disconnect_zone(me, "mine.myshopify.com", DEED, now=1),
    "keep_facts": lambda store, me, _: store.keep_facts(me, FACTS, None, now=1),
    "claim_storefront": lambda store, me, _: store.claim_storefront(me, tried_at=None, now=1),
    "keep_storefront": lambda store, me, _: store.keep_storefront(
        me, StorefrontCheck(1, Outcome.OK, {}), zone=ZoneId("f" * 32)
    ),
    "keep_way": lambda store, me, _: store.keep_way(me, WAY, ["Zone WAF"], now=1),
    "api_tokens": lambda store, me, _: store.api_tokens(me),
    "revoke_api_token": lambda store, me, _: store.revoke_api_token(me, "theirs", DEED, now=1),
    "claim_answer": lambda store, me, _: store.claim_answer(me, "theirs", "d", now=1),
    "keep_answer": lambda store, me, _: store.keep_answer(me, "theirs", 200, "mine"),
    "release_answer": lambda store, me, _: store.release_answer(me, "theirs"),
    "view": lambda store, me, _: store.view(me, "theirs"),
    "open_view": lambda store, me, _: store.open_view(me, "staff", now=2),
    "record": lambda store, me, _: store.record(me, DEED, now=1),
    "trail": lambda store, me, _: store.trail(me, 100),
    "history_entries": lambda store, me, _: store.history_entries(me, 100),
    "imported": lambda store, me, _: store.imported(me),
    "keep_import": lambda store, me, _: store.keep_import(me, IMPORTED, DEED),
}
DEED = Deed(SYSTEM, AuditAction.CONNECTED)
IMPORTED = Imported("mine.ndjson", State.ON, State.OFF, None, 1)
WAY = Way("www.shop.example", Topology.O2O, {})


async def _with_credential(store: SqlStore, me: CustomerId) -> None:
    await store.add_credential(CredentialId("mine"), b"sealed", "token", now=1)
    await store.use_credential(me, CredentialId("mine"), now=1)


async def _life_of(other: Tenant) -> None:
    """A token, an answer and a view of theirs, by ids that the calls try."""
    store, now = other.store, 1
    token = ApiToken("theirs", other.id, "lossless", Scope.READ, "1234", "owner", now)
    await store.add_api_token(token, "digest", DEED)
    await store.claim_answer(other.id, "theirs", "d", now=now)
    await store.start_view(View("theirs", "staff", other.id, "lossless", now, 99), DEED)
    await store.keep_import(other.id, Imported("lossless", State.ON, State.ON, None, now), DEED)


FOR_NO_CUSTOMER = {
    *("breakers_of", "open_breakers", "record_failure", "record_success", "claim_try"),
    "rollout_revision",
    "across_tenants_rollout",
    "set_rollout_percent",
    "name_in_rollout",
    "across_tenants_shop_names",
    "across_tenants_wishes",
    "across_tenants_pending",
    "across_tenants_customer_of_zone",
    "connect_zone",
    "lock_credential",
    "unlock_credential",
    "keep_renewed",
    "replace_sealed",
    "forget_waiting",
    "across_tenants_shop_tokens",
    "replace_shop_tokens",
    "across_tenants_sealed",
    "install",
    "installation",
    "lock_shop",
    "keep_shop_tokens",
    "unlock_shop",
    "keep_domains",
    "uninstall",
    "erase",
    "across_tenants_to_erase",
    "receive",
    "across_tenants_deliveries",
    "delivered",
    "forget_deliveries",
    "add_api_token",
    "across_tenants_api_token",
    "forget_answers",
    "staff_role",
    "set_staff_role",
    "start_view",
    "end_view",
    "across_tenants_find",
    "across_tenants_containing",
    "across_tenants_chains",
    "across_tenants_links",
    "customer_of_shop",
    "across_tenants_customers",
    "extend",
    "keep",
    "adopt",
    "add_customer",
    "add_credential",
    "sealed_token",
    "first_key",
    "record_of",
    "replace_key",
    "keep_token_id",
    "park_credential",
    "unpark_credential",
    "keep_batch_refusal",
    "forget_batch_refusals",
    "across_tenants_batch_refusals",
    "suspend_token",
    "resume_token",
    "across_tenants_due_suspensions",
    "put_off",
    "end_suspension",
    "across_tenants_gone",
    "lease",
    "finish",
    "fail",
    "release",
    "across_tenants_add_all",
    "across_tenants_set_back",
    "across_tenants_depth",
    "across_tenants_counts",
    "across_tenants_parked",
    "across_tenants_drift",
    "across_tenants_ages",
    *("lease_feeds", "prolong_feeds"),
    "note",
    "keep_position",
    "feed_failed",
    "feed_credential",
    "forget_entries",
}
"""Of an account, a token, a shop by its name, or of what names its customer; those across all tenants say so."""


def test_every_method_of_the_port_is_called_here():
    ports = (Store, ZoneQueue, Feeds, Shops, People, AuditTrail, RolloutBook, Imports)
    methods = {name: one for port in ports for name, one in inspect.getmembers(port, inspect.isfunction)}
    named = {"customer", "customers"}
    mine = {name for name, method in methods.items() if named & set(inspect.signature(method).parameters)}
    foreign = {name for name in methods if not name.startswith("_")} - mine

    assert mine == set(CALLS)
    assert foreign == FOR_NO_CUSTOMER


@pytest.mark.parametrize("name", CALLS)
async def test_a_call_for_one_customer_leaves_the_other_untouched(mine: Tenant, other: Tenant, name: str):
    theirs = await other.wish(request_id="theirs", toggle=ROCKET)
    await _life_of(other)
    await mine.saw("off")
    await mine.saw("off", toggle=POLISH)
    before = await other.rows()

    told = await CALLS[name](mine.store, mine.id, theirs)

    assert await other.rows() == before
    assert "other.myshopify.com" not in repr(told) and "lossless" not in repr(told)
    assert theirs not in (told if isinstance(told, list) else [told])
