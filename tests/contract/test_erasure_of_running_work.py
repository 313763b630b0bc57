"""A customer is erased while a service is at work for it: the work ends by itself, and nothing of it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import select

from cloudcache.adapters.db.models import metadata
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.budget import CallClass
from cloudcache.domain.catalog import State
from cloudcache.domain.errors import CloudcacheError, NotAllowed, NotFound
from cloudcache.domain.freshness import Urgency
from cloudcache.domain.ids import CustomerId, ZoneId
from cloudcache.domain.predecessor import Record
from cloudcache.services.credentials import Credentials
from cloudcache.services.importing import Order, Verdict
from tests.contract.test_renewal import SlowOAuth
from tests.support.house import KITE, KITE_ZONE, VIEWER, House, agree, everything
from tests.support.rig import lost_reply, meanwhile

RECEIPTS = {"erasures", "audit_log", "audit_heads"}


async def connected(house: House) -> tuple[object, CustomerId]:
    actor = await house.connected()
    assert actor.customer is not None
    return actor, actor.customer


async def erase(house: House) -> None:
    now = house.rig.clock.ms
    assert await house.store.erase(KITE, ordered_by="shop/redact", before=now, now=now)


async def is_clean(house: House, customer: CustomerId) -> bool:
    """Whether only the anonymous receipt is left."""
    async with house.store.database.reading("*") as connection:
        for table in metadata.sorted_tables:
            if "customer_id" in table.c and table.name not in RECEIPTS:
                mine = select(table).where(table.c.customer_id == customer)
                if (await connection.execute(mine)).first() is not None:
                    return False
    kept = await everything(house.store)
    return not any(trace in kept for trace in ("paper-kite", "paperkite", KITE_ZONE, "user 42"))


def erasing_first(house: House, call: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
    """The same call, whose first use comes back only after the customer was erased."""
    is_due = True

    async def called(*given: object, **more: object) -> object:
        nonlocal is_due
        result = await call(*given, **more)
        if is_due:
            is_due = False
            await erase(house)
        return result

    return called


@pytest.mark.parametrize("is_lost", [False, True], ids=["answered", "unclear"])
@pytest.mark.parametrize("is_sent", [False, True], ids=["before Cloudflare", "after Cloudflare"])
async def test_flip_of_an_erased_customer_ends(house: House, is_sent: bool, is_lost: bool):
    actor, customer = await connected(house)
    script = [meanwhile(lambda: erase(house), before=not is_sent), *([lost_reply] if is_lost else [])]
    house.rig.gateway.script.extend(script)

    await house.process.toggles.flip(actor, customer, "rocket_loader", True, request_id="r-1")
    await house.process.tasks.idle()

    assert house.process.tasks.failures == []
    assert await is_clean(house, customer)
    assert await house.process.writer.recover() == 0


async def test_read_of_an_erased_customer_ends(house: House, monkeypatch: pytest.MonkeyPatch):
    _, customer = await connected(house)
    monkeypatch.setattr(house.rig.gateway, "read", erasing_first(house, house.rig.gateway.read))
    await house.store.add(customer, due=house.rig.clock.ms, urgency=Urgency.WATCHED)

    await house.process.settle()

    assert house.process.tasks.failures == []
    assert await is_clean(house, customer)


async def test_read_without_the_queue_finds_no_customer(house: House, monkeypatch: pytest.MonkeyPatch):
    _, customer = await connected(house)
    monkeypatch.setattr(house.rig.gateway, "read", erasing_first(house, house.rig.gateway.read))

    with pytest.raises(NotFound):
        await house.process.reconciler.zone(customer, CallClass.WATCHED)

    assert await is_clean(house, customer)


@pytest.mark.parametrize("order", list(Order))
async def test_import_of_an_erased_customer_is_reported_and_kept_nowhere(
    house: House, monkeypatch: pytest.MonkeyPatch, order: Order
):
    _, customer = await connected(house)
    monkeypatch.setattr(house.rig.gateway, "read", erasing_first(house, house.rig.gateway.read))

    brought = await house.importing.bring(SYSTEM, Record(3, ZoneId(KITE_ZONE), State.ON), "old.ndjson", order)
    await house.process.tasks.idle()

    assert brought.verdict is (Verdict.DIFFERS if order is Order.LOOK else Verdict.UNKNOWN_ZONE)
    assert await is_clean(house, customer)


async def test_token_renewed_for_an_erased_customer_is_not_kept(house: House):
    actor = await house.merchant()
    state, nonce, code = await agree(house, actor)
    await house.connecting.finish(state, nonce, code)
    checked = await house.connecting.agreed(actor)
    await house.connecting.connect(actor, checked.sealed, KITE_ZONE)
    customer = await house.store.customer_of_shop(KITE)
    house.rig.clock.ms += 58 * 60_000
    slow = SlowOAuth(house.connecting._require_oauth())
    credentials = Credentials(house.store, house.vault, None, house.rig.clock, slow, lambda: "a")

    renewing = asyncio.create_task(credentials.access(customer))
    await slow.asked.wait()
    await erase(house)
    slow.go_on.set()
    await asyncio.gather(renewing, return_exceptions=True)

    assert renewing.exception() is None or isinstance(renewing.exception(), CloudcacheError)
    assert await is_clean(house, customer.id)
    async with house.store.database.reading("*") as connection:
        table = metadata.tables["credentials"]
        kept = (await connection.execute(select(table.c.credential_id))).scalars().all()
    assert kept == ["c1"], "the other shop's"


async def test_support_session_of_an_erased_customer_is_over(house: House):
    _, customer = await connected(house)
    view = await house.support.start_view(VIEWER, KITE, "ticket 1, odd page")
    await erase(house)

    with pytest.raises(NotAllowed):
        await house.support.viewing(VIEWER, customer, view.id)
    await house.support.end_view(VIEWER, customer, view.id)

    assert await is_clean(house, customer)


async def test_api_token_of_an_erased_customer_is_unknown(house: House, monkeypatch: pytest.MonkeyPatch):
    actor, customer = await connected(house)
    _, secret = await house.scripts.make(actor, "job", "write")
    find = house.store.across_tenants_api_token
    monkeypatch.setattr(house.store, "across_tenants_api_token", erasing_first(house, find))

    during = await house.scripts.actor_of(secret.reveal())
    assert during is not None, "it was in force when it was looked up"
    with pytest.raises(NotFound):
        await house.process.toggles.recent_page(during, customer)
    after = await house.scripts.actor_of(secret.reveal())

    assert after is None
    assert await is_clean(house, customer)


async def test_operator_gives_no_token_to_an_erased_customer(house: House):
    _, customer = await connected(house)
    await erase(house)

    with pytest.raises(NotFound):
        await house.store.use_credential(customer, "c-new", now=house.rig.clock.ms, sealed=b"sealed")

    with pytest.raises(NotFound):
        await house.store.sealed_token("c-new")


async def test_visit_during_an_erasure_begins_anew(house: House, monkeypatch: pytest.MonkeyPatch):
    """The shop is erased between the look for its installation and the end of the sign-in."""
    _, customer = await connected(house)
    monkeypatch.setattr(house.store, "installation", erasing_first(house, house.store.installation))
    house.rig.clock.ms += 60_000

    actor = (await house.merchants.present(house.world.id_token(KITE))).actor
    await house.tasks.idle()
    again = await house.connected()

    assert actor.shop == KITE
    assert again.customer is not None and again.customer != customer
