"""Webhooks count in the order in which their events happened, however late or often they arrive."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from cloudcache.adapters.db.access_models import receipts
from cloudcache.domain.audit import AuditAction
from cloudcache.domain.catalog import State, find
from cloudcache.domain.customers import ZoneStatus
from cloudcache.domain.errors import Reason
from cloudcache.domain.events import ChangeStatus, Source, Uninstalled
from cloudcache.domain.shopify import Forged
from cloudcache.domain.shops import DAY_MS, ShopStatus
from cloudcache.ports import Intent
from cloudcache.shopify_emulator.world import REDACT_S
from tests.support.house import KITE, KITE_TOKEN, KITE_ZONE, House, everything

MINUTE = 60_000
FORMS = {
    "nanoseconds": "%Y-%m-%dT%H:%M:%S.000000000Z",
    "microseconds": "%Y-%m-%dT%H:%M:%S.000000Z",
    "milliseconds": "%Y-%m-%dT%H:%M:%S.000Z",
    "seconds": "%Y-%m-%dT%H:%M:%SZ",
    "an offset": "%Y-%m-%dT%H:%M:%S+00:00",
}


class Sent:
    """A delivery as Shopify made it, which may arrive later, and more than once."""

    def __init__(self, house: House, topic: str, **headers: str | None) -> None:
        given, self.body = house.world.webhook(topic, KITE)
        given |= {name: value for name, value in headers.items() if value is not None}
        self.headers = [one for one in given.items() if headers.get(one[0], "") is not None]
        self.house = house

    async def arrives(self) -> bool:
        """Deliver it and act upon it."""
        is_new = await self.house.webhooks.receive(self.headers, self.body)
        await self.house.webhooks.work()
        return is_new


def dated(house: House, topic: str, text: str | None) -> Sent:
    """A delivery whose time is written so; None leaves the header out."""
    return Sent(house, topic, **{"X-Shopify-Triggered-At": text})


async def is_connected(house: House) -> bool:
    """Whether the shop is installed and its zone connected with its own token."""
    customer = await house.store.customer_of_shop(KITE)
    installed = (await house.store.installation(KITE)).status is ShopStatus.INSTALLED
    return installed and customer.status is ZoneStatus.ACTIVE and customer.credential is not None


async def is_erased(house: House) -> bool:
    return "paper-kite" not in await everything(house.store)


async def actions(house: House) -> list[str]:
    """What the customer's audit log tells, newest first."""
    customer = await house.store.customer_of_shop(KITE)
    return [link.action for link in await house.store.trail(customer.id, 50)]


@pytest.mark.parametrize("topic", ["app/uninstalled", "shop/redact"])
@pytest.mark.parametrize("late", [2 * MINUTE, 4 * 60 * MINUTE, 2 * DAY_MS], ids=["2 min", "4 h", "2 d"])
async def test_delivery_from_before_a_new_installation_changes_nothing(house: House, topic: str, late: int):
    await house.connected()
    house.rig.clock.ms += MINUTE
    sent = Sent(house, topic)
    house.rig.clock.ms += late
    await house.connected()
    let_go: list[str] = []
    house.rig.bus.listen(Uninstalled, lambda news: let_go.append(news.shop))
    house.rig.clock.ms += 1_000

    assert await sent.arrives()

    assert await is_connected(house)
    assert (await actions(house))[0] == AuditAction.WEBHOOK_IGNORED
    assert let_go == []


async def test_visit_after_an_unheard_uninstallation_proves_the_new_one(house: House):
    """The uninstallation is not delivered before the shop is back, so that it was never known as uninstalled."""
    await house.connected()
    house.rig.clock.ms += MINUTE
    sent = Sent(house, "app/uninstalled")
    house.rig.clock.ms += MINUTE
    await house.merchant()
    house.rig.clock.ms += 3 * 60 * MINUTE

    await sent.arrives()

    assert await is_connected(house)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
async def test_triggered_at_is_understood_in_every_form(house: House, form: str):
    await house.connected()
    now = house.rig.clock.ms / 1000

    await dated(house, "app/uninstalled", datetime.fromtimestamp(now - 120, UTC).strftime(form)).arrives()
    kept = await is_connected(house)
    await dated(house, "app/uninstalled", datetime.fromtimestamp(now, UTC).strftime(form)).arrives()

    assert kept
    assert not await is_connected(house)


@pytest.mark.parametrize("garbled", [None, "", "yesterday", "1795000000", "9999-12-31T23:59:59Z", "\xff"])
async def test_uninstallation_without_a_readable_time_counts_from_its_arrival(
    house: House, garbled: str | None
):
    await house.connected()
    house.rig.clock.ms += 1_000

    await dated(house, "app/uninstalled", garbled).arrives()

    assert (await house.store.installation(KITE)).status is ShopStatus.UNINSTALLED


async def test_repeated_time_is_no_time(house: House):
    await house.connected()
    sent = dated(house, "app/uninstalled", "2020-01-01T00:00:00Z")
    sent.headers.append(("shopify-triggered-at", "2020-01-01T00:00:00Z"))

    await sent.arrives()

    assert not await is_connected(house)


@pytest.mark.parametrize("garbled", [None, "yesterday", "9999-12-31T23:59:59Z"])
async def test_erasure_order_without_a_readable_time_spares_a_shop_in_use(house: House, garbled: str | None):
    await house.connected()
    house.rig.clock.ms += DAY_MS

    await dated(house, "shop/redact", garbled).arrives()

    assert await is_connected(house)


async def test_delivery_before_the_first_installation_changes_nothing(house: House):
    early = Sent(house, "app/uninstalled")
    at = dict(early.headers)["X-Shopify-Triggered-At"]
    await early.arrives()
    house.rig.clock.ms += 1_000
    await house.connected()

    await dated(house, "app/uninstalled", at).arrives()

    assert await is_connected(house)


async def test_same_uninstallation_twice_is_one(house: House):
    await house.connected()
    house.rig.clock.ms += 1_000
    sent = Sent(house, "app/uninstalled")
    at = dict(sent.headers)["X-Shopify-Triggered-At"]
    await sent.arrives()
    first = await house.store.installation(KITE)
    house.rig.clock.ms += MINUTE

    again = [await sent.arrives(), await dated(house, "app/uninstalled", at).arrives()]

    assert again == [False, True], "known by its id, and under another id kept and ignored"
    assert await house.store.installation(KITE) == first
    assert (await actions(house)).count(AuditAction.UNINSTALLED) == 1


async def test_genuine_uninstallation_after_a_late_one_and_a_return_after_it(house: House):
    await house.connected()
    house.rig.clock.ms += 2 * MINUTE
    late = Sent(house, "app/uninstalled")
    house.rig.clock.ms += MINUTE
    await house.merchant()
    await late.arrives()
    house.rig.clock.ms += MINUTE

    await Sent(house, "app/uninstalled").arrives()
    gone = await house.store.installation(KITE)
    house.rig.clock.ms += MINUTE
    await house.connected()

    assert gone.status is ShopStatus.UNINSTALLED and gone.access is None
    assert await is_connected(house)


@pytest.mark.parametrize("is_heard", [True, False], ids=["heard", "unheard"])
async def test_erasure_order_two_days_later_spares_a_shop_that_came_back(house: House, is_heard: bool):
    """Shopify dates the order 48 hours after the uninstallation, which may be long after the shop's last visit."""
    await house.connected()
    house.rig.clock.ms += MINUTE
    uninstalled_at = house.rig.clock.ms
    if is_heard:
        await Sent(house, "app/uninstalled").arrives()
    house.rig.clock.ms += MINUTE
    actor = await house.connected()
    await house.scripts.make(actor, "new job", "read")
    house.rig.clock.ms = uninstalled_at + 2 * DAY_MS

    await Sent(house, "shop/redact").arrives()

    assert await is_connected(house)
    assert [one.name for one in await house.scripts.all(actor)] == ["new job"]


async def test_erasure_order_two_days_after_an_unheard_uninstallation_is_followed(house: House):
    await house.connected()
    house.rig.clock.ms += MINUTE + 2 * DAY_MS

    await Sent(house, "shop/redact").arrives()

    assert await is_erased(house)


async def test_erasure_order_of_the_emulated_admin_is_followed_while_the_shop_is_open(house: House):
    """Its button plays what Shopify sends two days later."""
    await house.connected()
    later = house.world.clock() + REDACT_S
    headers, body = house.world.webhook("shop/redact", KITE, triggered_at=later)
    await house.webhooks.receive(list(headers.items()), body)
    house.rig.clock.ms += 5_000
    await house.merchant()

    await house.webhooks.work()

    assert await is_erased(house)


@pytest.mark.parametrize("topic", ["app/uninstalled", "shop/redact"])
async def test_delivery_after_the_erasure_leaves_no_name(house: House, topic: str):
    await house.connected()
    house.rig.clock.ms += MINUTE + 2 * DAY_MS
    await Sent(house, "shop/redact").arrives()
    house.rig.clock.ms += MINUTE

    assert await Sent(house, topic).arrives()

    assert await is_erased(house)


async def test_erasure_order_of_an_earlier_life_spares_the_later_one(house: House):
    await house.connected()
    house.rig.clock.ms += MINUTE
    order = Sent(house, "shop/redact")
    house.rig.clock.ms += MINUTE
    await house.connected()
    house.rig.clock.ms += MINUTE
    await Sent(house, "app/uninstalled").arrives()

    await order.arrives()

    assert not await is_erased(house), "its own order comes two days after its own uninstallation"


async def test_erasure_after_thirty_days_spares_a_shop_that_just_came_back(house: House, monkeypatch):
    """It comes back between the look for shops that are due and the erasure."""
    await house.connected()
    house.rig.clock.ms += MINUTE
    await Sent(house, "app/uninstalled").arrives()
    house.rig.clock.ms += 31 * DAY_MS
    due = await house.store.across_tenants_to_erase(house.rig.clock.ms, 10)
    await house.connected()

    async def found(now: int, limit: int) -> list[str]:
        return due

    monkeypatch.setattr(house.store, "across_tenants_to_erase", found)
    await house.webhooks.work()

    assert due == [KITE]
    assert await is_connected(house)


async def test_events_that_wait_together_are_followed_in_their_own_order(house: House):
    await house.connected()
    house.rig.clock.ms += MINUTE
    uninstalled = Sent(house, "app/uninstalled")
    house.rig.clock.ms += 2 * DAY_MS
    erased = Sent(house, "shop/redact")
    for sent in (erased, uninstalled):
        await house.webhooks.receive(sent.headers, sent.body)

    assert await house.webhooks.work() == 2

    assert await is_erased(house)


async def test_token_from_before_the_uninstallation_installs_nothing(house: House):
    """An open tab's last ID token is good for a minute, and may arrive after the webhook."""
    await house.connected()
    token = house.world.id_token(KITE)
    house.rig.clock.ms += 5_000
    await Sent(house, "app/uninstalled").arrives()

    with pytest.raises(Forged) as refusal:
        await house.merchants.present(token)

    assert refusal.value.reason == "uninstalled"
    assert (await house.store.installation(KITE)).status is ShopStatus.UNINSTALLED


async def test_return_within_the_second_of_the_uninstallation_installs(house: House):
    await house.connected()
    house.rig.clock.ms += 5_900
    await Sent(house, "app/uninstalled").arrives()

    await house.connected()

    assert await is_connected(house)


@pytest.mark.parametrize("ahead_ms", [-10 * MINUTE, -10_000, 10_000, 10 * MINUTE])
async def test_uninstallation_counts_by_shopifys_clock_alone(house: House, ahead_ms: int):
    """Tokens and webhooks carry Shopify's time; ours, wrong by this much after the visit, decides nothing."""
    await house.connected()
    house.rig.clock.ms += 2 * MINUTE
    late = Sent(house, "app/uninstalled")
    house.rig.clock.ms += MINUTE
    await house.merchant()
    house.rig.clock.ms += MINUTE
    genuine = Sent(house, "app/uninstalled")
    house.rig.clock.ms += ahead_ms

    await late.arrives()
    kept = await is_connected(house)
    await genuine.arrives()

    assert kept
    assert not await is_connected(house)


async def test_connection_proves_that_the_shop_came_back(house: House):
    actor = await house.merchant()
    checked = await house.connecting.check(actor, KITE_TOKEN)
    house.rig.clock.ms += MINUTE
    late = Sent(house, "app/uninstalled")
    house.rig.clock.ms += 60 * MINUTE
    await house.connecting.connect(actor, checked.sealed, KITE_ZONE)

    await late.arrives()

    assert await is_connected(house)


async def test_connection_while_our_clock_is_ahead_hides_no_uninstallation(house: House):
    """A connection is dated by our clock, which may be ahead of Shopify's by as much as ID tokens tolerate."""
    actor = await house.merchant()
    checked = await house.connecting.check(actor, KITE_TOKEN)
    house.rig.clock.ms += 10_000
    genuine = Sent(house, "app/uninstalled")
    house.rig.clock.ms += MINUTE
    await house.connecting.connect(actor, checked.sealed, KITE_ZONE)

    await genuine.arrives()

    assert not await is_connected(house)


async def test_receipt_keeps_when_the_event_was_triggered(house: House):
    await house.connected()
    await dated(house, "app/uninstalled", "2026-11-23T11:59:59.123456789Z").arrives()
    await dated(house, "app/uninstalled", "garbled").arrives()

    async with house.store.database.reading("*") as connection:
        kept = (await connection.execute(select(receipts.c.triggered_at, receipts.c.done_at))).all()

    assert {row.triggered_at for row in kept} == {1_795_435_199_123, None}
    assert all(row.done_at is not None for row in kept)


async def test_uninstallation_ends_what_was_still_open(house: House):
    """Also on Postgres, where a shop's name alone shows none of its customer's changes."""
    actor = await house.connected()
    assert actor.customer is not None
    toggle = find("rocket_loader")
    intent = Intent(toggle.id, State.ON, toggle.wanted(State.ON), actor, Source.PAGE, "open-one")
    now = house.rig.clock.ms
    await house.store.open_intent(actor.customer, intent, now=now, owner="w", lease_until=now + 10_000)
    house.rig.clock.ms += 1_000

    await Sent(house, "app/uninstalled").arrives()

    (change,) = await house.store.history(actor.customer, 1)
    assert (change.status, change.error) == (ChangeStatus.FAILED, Reason.NOT_CONNECTED)
