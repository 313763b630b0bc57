"""Isolation by generation: every public method of every service, tried by everybody who must not.

The methods are enumerated, not listed: one that is added without a rule here fails the first test. A rule says how
the method is called for a customer; it must refuse nobody, the other tenant, staff without a role or a view, and
whoever is signed in for something else. What has no actor is called by jobs and routes of our own only, and is named.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import get_type_hints

import pytest

from cloudcache import services
from cloudcache.domain.access import Actor, ActorKind, Role
from cloudcache.domain.catalog import State
from cloudcache.domain.errors import CloudcacheError, NotAllowed, NotFound
from cloudcache.domain.ids import CustomerId, ZoneId
from cloudcache.domain.predecessor import Record
from cloudcache.domain.secret import Token
from cloudcache.ports import Registered
from cloudcache.services import Services
from cloudcache.services.customers import Customers
from cloudcache.services.importing import Order, Result, Verdict
from cloudcache.services.onboarding import ImportPlan, Onboarding
from cloudcache.services.report import Reports
from tests.support.databases import temporary_store
from tests.support.house import KITE, KITE_ZONE, VIEWER, House, build_house

RECORD = Record(1, ZoneId(KITE_ZONE), State.ON)
Call = Callable[[House, Actor, CustomerId], Awaitable[object]]


def _customers(house: House) -> Customers:
    return Customers(
        house.store,
        house.rig.gateway,
        house.credentials,
        house.process.suspensions,
        house.rig.clock,
        people=house.store,
        signin_notes=None,
    )


def _reports(house: House) -> Reports:
    return Reports(house.store, house.store, house.process.pacing, house.rig.clock, people=house.store)


def _onboarding(house: House) -> Onboarding:
    return Onboarding(house.store, house.credentials, house.rig.clock, is_local=True)


async def _exported(house: House, actor: Actor) -> list[Registered]:
    return [one async for one in _onboarding(house).export(actor)]


async def _begin(house: House, actor: Actor) -> str:
    return house.connecting.begin(actor)


OF_A_CUSTOMER: dict[str, Call] = {
    "toggles.page": lambda h, a, c: h.process.toggles.page(a, c),
    "toggles.recent_page": lambda h, a, c: h.process.toggles.recent_page(a, c),
    "toggles.heads": lambda h, a, c: h.process.toggles.heads(a, [c]),
    "toggles.history": lambda h, a, c: h.process.toggles.history(a, c, "polish", 5),
    "toggles.flip": lambda h, a, c: h.process.toggles.flip(a, c, "polish", True, request_id="x"),
    "toggles.retry": lambda h, a, c: h.process.toggles.retry(a, c, "polish", request_id="x"),
    "toggles.revert": lambda h, a, c: h.process.toggles.revert(a, c, "polish", request_id="x"),
    "toggles.cancel": lambda h, a, c: h.process.toggles.cancel(a, c, "polish"),
    "toggles.mark_seen": lambda h, a, c: h.process.toggles.mark_seen(a, c, "polish"),
    "toggles.take_back": lambda h, a, c: h.process.toggles.take_back(a, c, "polish", True),
    "toggles.check": lambda h, a, c: h.process.toggles.check(a, c, "polish"),
    "attention.opened": lambda h, a, c: h.process.attention.opened(a, c),
    "storefront.opened": lambda h, a, c: h.storefront.opened(a, c),
    "storefront.check": lambda h, a, c: h.storefront.check(a, c),
    "auditing.history": lambda h, a, c: h.auditing.history(a, c),
}
"""By the merchant of that customer, and in part by staff who gave a reason for it."""

OF_THE_OWN_SHOP: dict[str, Call] = {
    "connecting.connected": lambda h, a, c: h.connecting.connected(a),
    "connecting.check": lambda h, a, c: h.connecting.check(a, "cfat_x"),
    "connecting.look": lambda h, a, c: h.connecting.look(a, b"", "0" * 32),
    "connecting.connect": lambda h, a, c: h.connecting.connect(a, b"", "0" * 32),
    "connecting.look_again": lambda h, a, c: h.connecting.look_again(a),
    "connecting.disconnect": lambda h, a, c: h.connecting.disconnect(a),
    "connecting.begin": lambda h, a, c: _begin(h, a),
    "connecting.agreed": lambda h, a, c: h.connecting.agreed(a),
    "scripts.make": lambda h, a, c: h.scripts.make(a, "x", "read"),
    "scripts.all": lambda h, a, c: h.scripts.all(a),
    "scripts.revoke": lambda h, a, c: h.scripts.revoke(a, "x"),
    "scripts.claim": lambda h, a, c: h.scripts.claim(a, "k", b""),
    "scripts.keep": lambda h, a, c: h.scripts.keep(a, "k", 200, ""),
    "scripts.release": lambda h, a, c: h.scripts.release(a, "k"),
}
"""No customer is named at all: the shop is the actor's own."""

OF_STAFF: dict[str, Call] = {
    "support.find": lambda h, a, c: h.support.find(a, "paper"),
    "support.start_view": lambda h, a, c: h.support.start_view(a, KITE, "a good reason"),
    "support.open_view": lambda h, a, c: h.support.open_view(a, KITE),
    "support.viewing": lambda h, a, c: h.support.viewing(a, c, "x"),
    "support.end_view": lambda h, a, c: h.support.end_view(a, c, "x"),
}
OF_ADMINISTRATORS: dict[str, Call] = {
    "support.set_role": lambda h, a, c: h.support.set_role(a, "me", Role.ADMIN),
    "credentials.rotate": lambda h, a, c: h.credentials.rotate(a),
    "merchants.rotate": lambda h, a, c: h.merchants.rotate(a),
    "auditing.verify": lambda h, a, c: h.auditing.verify(a),
    "customers.add": lambda h, a, c: _customers(h).add(a, "new-shop", "1" * 32),
    "customers.reconnect": lambda h, a, c: _customers(h).reconnect(a, KITE, Token("cfat_x")),
    "customers.verify": lambda h, a, c: _customers(h).verify(a),
    "customers.examine": lambda h, a, c: _customers(h).examine(a, KITE),
    "customers.list": lambda h, a, c: _customers(h).list(a),
    "customers.show": lambda h, a, c: _customers(h).show(a, KITE),
    "onboarding.check": lambda h, a, c: _onboarding(h).check(a, []),
    "onboarding.carry_out": lambda h, a, c: _onboarding(h).carry_out(a, ImportPlan(), ""),
    "onboarding.export": lambda h, a, c: _exported(h, a),
    "onboarding.seed": lambda h, a, c: _onboarding(h).seed(a, [], {}),
    "reports.freshness": lambda h, a, c: _reports(h).freshness(a),
    "reports.fleet": lambda h, a, c: _reports(h).fleet(a),
    "reports.zone": lambda h, a, c: _reports(h).zone(a, KITE),
    "importing.bring": lambda h, a, c: h.importing.bring(a, RECORD, "a file", Order.WRITE),
    "importing.settled": lambda h, a, c: h.importing.settled(a, Result(1, KITE_ZONE, Verdict.SAME)),
    "rollouts.report": lambda h, a, c: h.rig.rollouts.report(a),
    "rollouts.set_percent": lambda h, a, c: h.rig.rollouts.set_percent(a, 0),
    "rollouts.name": lambda h, a, c: h.rig.rollouts.name(a, KITE, False),
}
RULES = OF_A_CUSTOMER | OF_THE_OWN_SHOP | OF_STAFF | OF_ADMINISTRATORS

FOR_OURSELVES = {
    # the gate itself, and what pages and routes ask it about a shop that they have verified
    *("rollouts.admit", "rollouts.rule", "rollouts.serves"),
    # identities: what is asked before there is an actor
    *("merchants.present", "merchants.holds", "merchants.deny", "support.actor", "support.deny"),
    *(
        "scripts.actor_of",
        "scripts.last_customer",
        "connecting.agreement",
        "connecting.shop_of",
        "connecting.finish",
    ),
    *("customers.of_shop", "customers.signin_choices", "webhooks.receive"),
    # jobs, commands and services among themselves
    *("merchants.access_token", "merchants.read_domains", "webhooks.work", "scripts.forget"),
    *("sign_outs.end", "sign_outs.has_ended"),  # of a principal that the web has verified
    *("credentials.access", "credentials.feed_access", "credentials.platform", "credentials.token_id_of"),
    *("credentials.held", "credentials.token_of"),
    *("credentials.known_id", "credentials.id_of"),
    *("credentials.seal", "credentials.seal_oauth", "health.ready", "health.redis", "health.report"),
    *("readiness.state", "readiness.drain"),
}


def methods() -> dict[str, Callable[..., object]]:
    """Every public method of every service, as `field.method`."""
    found: dict[str, Callable[..., object]] = {}
    hints = get_type_hints(Services)
    for one in fields(Services):
        kind = hints[one.name]
        if getattr(kind, "__module__", "").startswith("cloudcache.services."):
            for name, method in inspect.getmembers(kind, inspect.isfunction):
                if not name.startswith("_"):
                    found[f"{one.name}.{name}"] = method
    return found


ENGINE_ROOM = ("writer.", "reconciler.", "engine.", "pacing.", "attention.", "reports.")
"""Services without a door to the outside; what of them takes an actor has a rule all the same."""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = await build_house(await temporary_store(tmp_path / "house.db"))
    yield made
    await made.close()


def written() -> set[str]:
    """Every public function of `cloudcache/services` that is told who acts: `Class.method`, or its name."""
    found = set()
    for module in pkgutil.iter_modules(services.__path__, "cloudcache.services."):
        for node in ast.parse(inspect.getsource(importlib.import_module(module.name))).body:
            inside = node.body if isinstance(node, ast.ClassDef) else [node]
            for one in inside:
                if not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) or one.name.startswith("_"):
                    continue
                if any(argument.arg == "actor" for argument in one.args.args + one.args.kwonlyargs):
                    found.add(f"{node.name}.{one.name}" if isinstance(node, ast.ClassDef) else one.name)
    return found


def test_no_service_stands_beside_the_list():
    """One that is in no field of `Services` would have no rule and not be missed."""
    assert written() == {methods()[name].__qualname__ for name in RULES}


def test_every_public_method_has_a_rule():
    with_actor = {name for name, one in methods().items() if "actor" in inspect.signature(one).parameters}
    without = {name for name in methods() if name not in with_actor and not name.startswith(ENGINE_ROOM)}

    assert with_actor == set(RULES)
    assert without == FOR_OURSELVES


def strangers(customer: CustomerId, other: Actor) -> dict[str, Actor]:
    """Everybody who must not touch this customer."""
    return {
        "nobody": Actor(ActorKind.OUTSIDE, ""),
        "a merchant of nothing": Actor(ActorKind.MERCHANT, "user 1"),
        "the other tenant": other,
        "the other tenant's script": replace(other, id="script x"),
        "staff without a role": Actor(ActorKind.STAFF, "s", customer),
        "staff without a view": VIEWER,
        "an admin without a view": replace(VIEWER, role=Role.ADMIN),
        "staff who look at another": replace(VIEWER, customer=other.customer),
    }


async def refused(call: Awaitable[object]) -> bool:
    try:
        await call
    except (NotAllowed, NotFound):
        return True
    except (CloudcacheError, ValueError):
        return False
    return False


@pytest.mark.parametrize("name", OF_A_CUSTOMER)
async def test_nobody_else_touches_a_customer(house: House, name: str):
    mine, other = await house.connected(), await house.merchant("shop.myshopify.com")
    assert mine.customer is not None
    before = await house.store.history(mine.customer, 100)

    for who, actor in strangers(mine.customer, other).items():
        with pytest.raises(NotAllowed):
            await OF_A_CUSTOMER[name](house, actor, mine.customer)
            pytest.fail(f"{who} may {name}")
    assert await house.store.history(mine.customer, 100) == before


@pytest.mark.parametrize("name", OF_THE_OWN_SHOP)
async def test_only_merchants_act_on_their_own_shop(house: House, name: str):
    mine, other = await house.connected(), await house.merchant("shop.myshopify.com")
    assert mine.customer is not None
    outsiders = {
        who: actor
        for who, actor in strangers(mine.customer, other).items()
        if actor.kind is not ActorKind.MERCHANT or actor.customer is None
    }
    outsiders["a reading script"] = replace(mine, id="script x", reads_only=True)

    for who, actor in outsiders.items():
        assert await refused(OF_THE_OWN_SHOP[name](house, actor, mine.customer)), f"{who} may {name}"


@pytest.mark.parametrize("name", [*OF_STAFF, *OF_ADMINISTRATORS])
async def test_merchants_and_staff_without_the_role_are_refused(house: House, name: str):
    mine, other = await house.connected(), await house.merchant("shop.myshopify.com")
    assert mine.customer is not None
    people = strangers(mine.customer, other) | {"the merchant": mine}
    del people["an admin without a view"]
    if name in OF_STAFF:
        people = {who: one for who, one in people.items() if one.role is None}

    for who, actor in people.items():
        assert await refused(RULES[name](house, actor, mine.customer)), f"{who} may {name}"
