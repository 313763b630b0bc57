"""Taking in many customers at once, on both databases: whole, once, and going on where it was stopped."""

from __future__ import annotations

import csv
import io

import pytest
from sqlalchemy import func, select

from cloudcache.adapters.db.access_models import audit_log
from cloudcache.adapters.db.models import accounts, changes, credentials, toggles, zones
from cloudcache.adapters.db.store import SqlStore
from cloudcache.adapters.vault import EnvelopeVault
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.audit import AuditAction, Deed
from cloudcache.domain.catalog import TOGGLES
from cloudcache.domain.catalog.model import Topology, ZonePlan
from cloudcache.domain.customers import ZoneStatus
from cloudcache.domain.errors import NotAllowed
from cloudcache.domain.freshness import Urgency
from cloudcache.domain.ids import ZoneId
from cloudcache.local import Crowd
from cloudcache.ports import ZoneFacts
from cloudcache.services import onboarding
from cloudcache.services.auditing import Auditing
from cloudcache.services.credentials import Credentials
from cloudcache.services.onboarding import ImportPlan, Onboarding
from tests.support.databases import temporary_store
from tests.support.fake_clock import FakeClock
from tests.support.house import KITE, KITE_TOKEN, KITE_ZONE, House, everything
from tests.support.tenants import Tenant

SECRET = "cfut_secret_of_a_customer_0123456789"
HEAD = "shop,zone_id,zone_name,plan,account_id,topology,token\n"


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onboarding, "CHECKED_AT_ONCE", 4)
    monkeypatch.setattr(onboarding, "STORED_AT_ONCE", 3)
    monkeypatch.setattr(onboarding, "TOLD_AT_ONCE", 2)


def service(store: SqlStore, *, is_local: bool = True) -> Onboarding:
    credentials_ = Credentials(store, EnvelopeVault(["k" * 40]), None)
    return Onboarding(store, credentials_, FakeClock(), is_local=is_local)


def lines(count: int) -> str:
    return HEAD + "".join(
        f"shop-{number},{number:032x},shop-{number}.example,pro,{number:032x},o2o,\n"
        for number in range(count)
    )


async def judged(store: SqlStore, text: str) -> ImportPlan:
    return await service(store).check(SYSTEM, io.BytesIO(text.encode()))


async def taken(store: SqlStore, text: str) -> tuple[ImportPlan, int]:
    plan = await judged(store, text)
    return plan, await service(store).carry_out(SYSTEM, plan, "list.csv")


async def count(store: SqlStore, table) -> int:
    async with store.database.reading("*") as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def test_every_row_becomes_a_customer_that_is_due_for_its_first_look(store: SqlStore):
    plan, stored = await taken(store, lines(8))

    assert (plan.rows, stored, plan.known, plan.refused) == (8, 8, 0, 0)
    customer = await store.customer_of_shop("shop-5.myshopify.com")
    assert (customer.zone_name, customer.plan, customer.topology) == (
        "shop-5.example",
        ZonePlan.PRO,
        Topology.O2O,
    )
    due = await store.lease(Urgency.SWEEP, platform=True, now=1, owner="w", until=9, limit=20)
    assert len(due) == 8 and not any(zone.is_unknown for zone in due)
    assert await count(store, accounts) == 8


async def test_nothing_is_stored_while_it_is_judged(store: SqlStore):
    await judged(store, lines(8))

    assert await count(store, zones) == 0


async def test_a_second_run_finds_everything_there(store: SqlStore):
    await taken(store, lines(8))
    before = await everything(store)

    plan, stored = await taken(store, lines(8))

    assert (plan.known, stored, plan.refused) == (8, 0, 0)
    assert await everything(store) == before


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("batches", [1, 2])
async def test_killed_and_started_again_it_goes_on_and_doubles_nothing(store: SqlStore, batches: int):
    heard: list[int] = []

    def tell(done: int) -> None:
        heard.append(done)
        if len(heard) == batches:
            raise Killed

    plan = await judged(store, lines(8))
    with pytest.raises(Killed):
        await service(store).carry_out(SYSTEM, plan, "list.csv", tell)
    assert await count(store, zones) == 3 * batches

    again, stored = await taken(store, lines(8))

    assert (again.known, stored) == (3 * batches, 8 - 3 * batches)
    assert await count(store, zones) == 8


async def test_killed_inside_a_transaction_nothing_of_it_stays(store: SqlStore, monkeypatch):
    async def killed(*_: object) -> None:
        raise Killed

    plan = await judged(store, lines(2) + f"own,{'e' * 32},,,,,{SECRET}\n")
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr("cloudcache.adapters.db.onboarding.append", killed)
        await service(store).carry_out(SYSTEM, plan, "list.csv")

    assert [await count(store, table) for table in (zones, credentials, accounts, audit_log)] == [0, 0, 0, 0]
    assert await service(store).carry_out(SYSTEM, plan, "list.csv") == 3


async def test_what_stands_in_somebodys_way_is_refused_and_the_rest_is_stored(store: SqlStore):
    await taken(store, lines(3))
    text = HEAD + "".join(
        [
            f"shop-0,{'f' * 32},,,,,\n",  # a known shop with another zone
            f"thief,{1:032x},,,,,\n",  # another shop's zone
            f"shop-2,{2:032x},,,,,\n",  # there already
            f"fine,{'e' * 32},,,,,\n",
            "broken,,,,,,\n",
        ]
    )

    plan, stored = await taken(store, text)

    assert (stored, plan.known, plan.refused) == (1, 1, 3)
    assert [(one.line, one.field) for one in plan.problems] == [(2, "shop"), (3, "zone_id"), (6, "zone_id")]
    assert (await store.customer_of_shop("shop-0.myshopify.com")).zone_id == f"{0:032x}"


async def test_whoever_was_registered_meanwhile_keeps_it(store: SqlStore):
    plan = await judged(store, HEAD + f"late,{'e' * 32},,,,,{SECRET}\n" + lines(2).removeprefix(HEAD))
    facts = ZoneFacts("early.example", ZonePlan.FREE, "acc", "")
    early = await store.add_customer(
        "early.myshopify.com", ZoneId("e" * 32), facts, Topology.O2O, None, now=1
    )

    stored = await service(store).carry_out(SYSTEM, plan, "list.csv")

    assert (stored, plan.refused) == (2, 1)
    assert plan.problems[-1].line == 2 and "in the meantime" in plan.problems[-1].reason
    assert (await store.customer_of_shop("early.myshopify.com")).id == early.id
    assert await count(store, credentials) == 0, "a token of nobody"


async def test_a_token_is_sealed_and_is_nowhere_else(store: SqlStore):
    await taken(store, HEAD + f"own,{'e' * 32},,,,,{SECRET}\n")

    customer = await store.customer_of_shop("own.myshopify.com")
    access = await Credentials(store, EnvelopeVault(["k" * 40]), None).access(customer)
    assert access.token.reveal() == SECRET
    assert SECRET not in await everything(store)


async def test_the_audit_log_has_one_line_a_transaction_and_it_verifies(store: SqlStore):
    await taken(store, lines(8))

    verdict = await Auditing(store).verify(SYSTEM)
    (first, *_) = await store.across_tenants_links(0, 10, 0)
    assert (verdict.chains, verdict.links, verdict.problems) == (1, 3, ())
    assert (first.action, first.outcome) == ("customers imported", "3 of 3")
    assert first.told["file"] == "list.csv" and first.told["lines"] == "2 to 4"


async def test_of_a_row_that_says_little_cloudflare_is_asked_at_its_first_look(store: SqlStore):
    await taken(store, HEAD + f"scant,{'e' * 32},,,,,\n")
    (zone,) = await store.lease(Urgency.SWEEP, platform=True, now=1, owner="w", until=9, limit=20)
    assert zone.is_unknown

    facts = ZoneFacts("scant.example", ZonePlan.BUSINESS, "acc", "Account")
    await store.keep_facts(zone.customer.id, facts, None, now=2)

    customer = await store.customer_of_shop("scant.myshopify.com")
    assert (customer.zone_name, customer.plan) == ("scant.example", ZonePlan.BUSINESS)
    assert customer.revision > zone.customer.revision
    again = await store.lease_one(customer.id, now=10, owner="w", until=19)
    assert again is not None and not again.is_unknown
    assert await count(store, accounts) == 1


async def test_the_engine_completes_a_row_and_finds_out_whether_the_token_may_see_the_zone(house: House):
    text = f"shop,zone_id,token\npaper-kite,{KITE_ZONE},{KITE_TOKEN}\nwrong,{'f' * 32},{KITE_TOKEN}\n"
    asked = len(house.rig.world.requests())
    onboarding_ = Onboarding(house.store, house.rig.credentials, house.rig.clock, is_local=True)
    await onboarding_.carry_out(
        SYSTEM, await onboarding_.check(SYSTEM, io.BytesIO(text.encode())), "list.csv"
    )
    assert len(house.rig.world.requests()) == asked, "an import asks Cloudflare nothing"

    for shop in (KITE, "wrong.myshopify.com"):
        await house.process.engine.look_now((await house.store.customer_of_shop(shop)).id)

    found = await house.store.customer_of_shop(KITE)
    assert (found.zone_name, found.plan) == ("paperkite.example", ZonePlan.PRO)
    assert len((await house.store.page(found.id)).cells) > 40
    wrong = await house.store.customer_of_shop("wrong.myshopify.com")
    assert wrong.status is not ZoneStatus.ACTIVE


async def exported(store: SqlStore) -> str:
    stream = io.StringIO()
    rows = csv.writer(stream, lineterminator="\n")
    rows.writerow(HEAD.strip().split(",")[:-1])
    async for one in service(store).export(SYSTEM):
        rows.writerow(
            (one.shop, one.zone, one.zone_name, one.plan.name.lower(), one.account, one.topology.value)
        )
    return stream.getvalue()


async def test_an_export_taken_in_elsewhere_is_the_same_register(store: SqlStore, tmp_path):
    await taken(store, lines(5) + f"scant,{'e' * 32},,,,dns_only,{SECRET}\n")
    text = await exported(store)
    elsewhere = await temporary_store(tmp_path / "elsewhere.db")

    _, stored = await taken(elsewhere, text)

    assert stored == 6 and SECRET not in text
    assert await exported(elsewhere) == text
    await elsewhere.close()


async def test_a_zone_that_was_taken_off_is_not_exported(mine: Tenant, other: Tenant):
    await mine.store.disconnect_zone(
        mine.id, "mine.myshopify.com", Deed(SYSTEM, AuditAction.DISCONNECTED), now=5
    )

    assert "mine.myshopify.com" not in await exported(mine.store)
    assert "other.myshopify.com" in await exported(mine.store)


async def test_seeded_crowd_has_the_values_of_its_plans_and_its_own_tokens(store: SqlStore):
    crowd = Crowd(7)

    seen = await crowd.seen(FakeClock())
    first = await service(store).seed(SYSTEM, crowd.rows(), seen)
    again = await service(store).seed(SYSTEM, crowd.rows(), seen)

    assert (first, again) == (7, 0)
    assert await count(store, toggles) == 7 * len(TOGGLES)
    assert await count(store, changes) == 0
    for row in crowd.rows():
        cells = (await store.page((await store.customer_of_shop(row.shop)).id)).cells
        assert row.plan is not None and cells.keys() == {toggle.id for toggle in TOGGLES}
        assert {one.toggle for one in cells.values() if one.absent_at} == seen[row.plan].absent
        assert all(one.seen_at and (one.state or one.absent_at) for one in cells.values())
    customer = await store.customer_of_shop("demo-000003.myshopify.com")
    assert customer.credential is not None and customer.full_read_at is not None
    assert customer.zone_id == list(crowd.rows())[3].zone


async def test_a_crowd_is_refused_outside_the_local_environment(store: SqlStore):
    with pytest.raises(NotAllowed):
        await service(store, is_local=False).seed(SYSTEM, Crowd(1).rows(), {})
