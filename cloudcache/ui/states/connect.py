"""Connecting a shop: a token is checked, a zone chosen, what was found shown, and only then anything kept.

The token itself never stands in here: it comes with the form, and waits sealed in a variable that is not sent.

What asks Cloudflare runs in the background, without the lock on the tab's state: it may wait minutes for the budget,
and a handler that holds the lock for so long stops the tab, its reload included.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Collection
from dataclasses import replace
from secrets import token_hex
from typing import TypeVar

import reflex as rx

from cloudcache.domain.access import Actor
from cloudcache.domain.catalog import TOGGLES, Topology
from cloudcache.domain.customers import Customer, ZoneStatus
from cloudcache.domain.errors import (
    CloudcacheError,
    NotFound,
    NotRolledOut,
    Refused,
    StoreUnavailable,
    Throttled,
)
from cloudcache.domain.topology import effect_counts
from cloudcache.services import current
from cloudcache.services.connecting import PERMISSIONS, Checked, Looked, proved_permissions
from cloudcache.services.merchants import with_customer
from cloudcache.ui import wording
from cloudcache.ui.states import bindings, reloads
from cloudcache.ui.states.scripts import Scripts
from cloudcache.ui.states.session import actor_of, may_write, on_signin, principal_of, sign_in_of

log = logging.getLogger("cloudcache.ui")
T = TypeVar("T")


class Connect(rx.State):
    """One tab of `/connect`."""

    phase: str = ""  # "" loading, "o" signed out, "t" token, "z" zone, "c" connected, "d" no database
    offers_oauth: bool = False
    oauth_link: str = ""
    problem: str = ""
    busy: str = ""
    last_four: str = ""
    zones: list[dict[str, str]] = []
    is_cut: bool = False
    chosen: str = ""
    checks: list[dict[str, str]] = []
    topology: str = ""
    store_problem: str = ""  # how the last look at the store's own pages ended
    hostname: str = ""
    counts: list[int] = []
    shop: str = ""
    domain: str = ""
    plan: str = ""
    status: str = ""
    asks: bool = False
    waits: bool = False  # the rollout doesn't include the store yet; it may only disconnect
    has_page: bool = False  # the shop has a zone, so its settings page does not lead back to here
    connected_zone: str = ""

    _sealed: bytes = b""
    _attempt: str = ""

    @rx.event
    async def load(self):
        """Show the shop's connection, or ask for a token."""
        actor = actor_of(self)
        if actor is None:
            return self._wait_or_leave()
        self._clear()
        self.shop, self.offers_oauth = actor.shop, current().connecting.offers_oauth
        sign_in = await sign_in_of(self, is_staff=False)
        customer = await _outcome(current().connecting.connected(actor))
        is_served = await _outcome(current().rollouts.serves(actor.shop))
        if isinstance(customer, CloudcacheError) or isinstance(is_served, CloudcacheError):
            log.error("a connection cannot be shown: %s, %s", customer, is_served)
            self.phase, self.has_page = "d", True
            reloads.try_again(self, Connect.again, sign_in)
            return None
        reloads.opened(self, Connect.again, sign_in)
        self.has_page = customer is not None
        if customer is not None and customer.status is not ZoneStatus.DISCONNECTED:
            self.connected_zone, self.waits = customer.zone_name, not is_served
            self._show_connected(customer, await _granted(actor, customer))
        elif not is_served:
            return rx.redirect("/")  # which says that the shop waits, and when it no longer does
        else:
            self.phase = "t"
        return None

    @rx.event
    async def again(self):
        """Load an open page anew, unless a form is being filled in; `reloads` asks for it."""
        if not reloads.loads(self):
            return None
        is_form = self.phase in ("t", "z")
        if is_form and actor_of(self) is not None:
            return None
        return [Connect.load, Scripts.load]

    @rx.event(background=True)
    async def check(self, form: dict, token: str = ""):
        """Try the pasted token."""
        async with self:
            actor = await self._writer(token)
            if actor is None or not isinstance(form, dict):
                return
            attempt = self._begin("token")
            self._forget_zones()
        checked = await _outcome(current().connecting.check(actor, form.get("token")))
        if not isinstance(checked, CloudcacheError):
            yield rx.set_value("cf-token", "")  # one that failed stays, to be corrected
        await self._show_checked(actor, attempt, checked)

    @rx.event(background=True)
    async def agreed(self, token: str = ""):
        """Go on with what was agreed to at Cloudflare."""
        async with self:
            actor = await self._writer(token)
            if actor is None:
                return
            attempt = self._begin("token")
        checked = await _outcome(current().connecting.agreed(actor))
        await self._show_checked(actor, attempt, checked)

    @rx.event
    async def begin(self, token: str = ""):
        """Make the link with which this browser agrees at Cloudflare."""
        actor = await self._writer(token)
        if actor is None or not current().connecting.offers_oauth:
            return
        self.oauth_link = f"/connect/cloudflare?ticket={current().connecting.begin(actor)}"

    @rx.event(background=True)
    async def choose(self, zone: str):
        """Look at another of the token's zones."""
        async with self:
            actor = actor_of(self)
            if actor is None or not isinstance(zone, str) or zone not in [one["id"] for one in self.zones]:
                return
            attempt = self._begin("")
            self.chosen, self.checks = zone, []
        await self._look(actor, attempt)

    @rx.event(background=True)
    async def connect(self, token: str = ""):
        """Keep the token and connect the chosen zone."""
        async with self:
            actor = await self._writer(token)
            if actor is None or not self._sealed or not self.chosen:
                return
            attempt, sealed, zone = self._begin("connect"), self._sealed, self.chosen
        customer = await _outcome(current().connecting.connect(actor, sealed, zone))
        async with self:
            if isinstance(customer, Customer):
                self._rebind(customer)
            if self._ends(attempt, customer):
                self._clear()
                yield rx.redirect("/")
            elif isinstance(customer, Customer):
                yield Connect.load  # the page was opened anew meanwhile, and does not know of it yet

    @rx.event(background=True)
    async def look_again(self, token: str = ""):
        """Find out anew what the connected token may do and which way shoppers take."""
        async with self:
            actor = await self._writer(token)
            if actor is None:
                return
            attempt = self._begin("again")
        customer = await _outcome(current().connecting.look_again(actor))
        kept = await _kept(actor) if isinstance(customer, Refused) else None
        async with self:
            if self._ends(attempt, customer):
                self._show_connected(customer, await _granted(actor, customer))
            elif attempt == self._attempt and kept is not None:
                self._show_refused(kept)

    @rx.event
    def replace(self):
        """Give another token for the connected shop."""
        if actor_of(self) is not None:
            self.phase = "t"

    @rx.event
    def ask(self, on: bool):
        """Ask before disconnecting."""
        if actor_of(self) is not None:
            self.asks = on is True

    @rx.event
    async def disconnect(self, token: str = ""):
        """Delete the credential and stop."""
        actor = await self._writer(token)
        if actor is None:
            return
        try:
            await current().connecting.disconnect(actor)
        except CloudcacheError as error:
            self._say(error)
            return
        self._clear()
        self.phase, self.has_page = "t", True

    # -- inside --------------------------------------------------------------------------------
    def _wait_or_leave(self):
        self.reset()
        if current().local_sessions and "embedded" not in self.router.url.query_parameters:
            return rx.redirect("/signin")
        return None

    async def _writer(self, token: str) -> Actor | None:
        """Who acts, if this request is the own of the page and not one too many."""
        actor = actor_of(self)
        if actor is None:
            self.reset()
            self.phase = "o"
            return None
        if not may_write(self, token):
            self.problem = wording.problems.SIGNED_OUT_SLOT
            return None
        if (await current().limits.hit("check", actor.shop)).is_exceeded:
            self.problem = wording.problems.TOO_MANY_CHECKS
            return None
        return actor

    def _begin(self, what: str) -> str:
        """Note that something is asked of Cloudflare, and return its name. A result is shown only while its name is
        the newest: the page may have been opened anew, or another zone chosen, while Cloudflare was waited for."""
        self.busy, self.problem, self._attempt = what, "", token_hex(8)
        return self._attempt

    def _ends(self, attempt: str, outcome: object) -> bool:
        """Whether this outcome is still asked for, and no error; an error is said on the page and stays there."""
        if attempt != self._attempt:
            return False
        self.busy = ""
        if isinstance(outcome, CloudcacheError):
            self._say(outcome)
            return False
        return True

    async def _show_checked(self, actor: Actor, attempt: str, checked: Checked | CloudcacheError) -> None:
        async with self:
            if attempt == self._attempt and isinstance(checked, NotFound):
                self.problem, self.busy = wording.connect.NOT_AGREED, ""
                return
            if not self._ends(attempt, checked):
                return
            self._show_zones(checked)
        await self._look(actor, attempt)

    async def _look(self, actor: Actor, attempt: str) -> None:
        """Look at the chosen zone; called without the state's lock, for Cloudflare is waited for."""
        async with self:
            sealed, zone = self._sealed, self.chosen
        if not zone:
            return
        found = await _outcome(current().connecting.look(actor, sealed, zone))
        async with self:
            if self._ends(attempt, found):
                self._show_found(found)

    def _show_zones(self, checked: Checked) -> None:
        self._sealed, self.last_four, self.is_cut = checked.sealed, checked.last_four, checked.is_cut
        self.zones = [
            {"id": one.id, "name": one.name, "plan": one.plan, "own": "1" if one.is_proposed else ""}
            for one in checked.zones
        ]
        first = checked.zones[0] if checked.zones else None
        self.chosen, self.domain = (first.id, first.name) if first else ("", "")
        self.problem = "" if checked.zones else wording.connect.NO_ZONES
        self.phase = "z"

    def _forget_zones(self) -> None:
        """Offer nothing of an earlier token while, or after, another one is tried."""
        self.phase, self._sealed, self.last_four, self.is_cut = "t", b"", "", False
        self.zones, self.checks, self.chosen, self.domain = [], [], "", ""

    def _show_found(self, found: Looked) -> None:
        self.topology, self.hostname = found.way.topology.value, found.way.hostname
        self.store_problem = ""
        self.domain = found.facts.name
        self.checks = [
            *(_check(f"{name}: Edit", _count(name), name not in found.missing) for name in PERMISSIONS),
            _check("DNS: Read", wording.connect.DNS_MEANS, found.reads_dns),
            _check("Account Settings: Read", wording.connect.FEED_MEANS, found.reads_feed),
        ]
        counts = effect_counts(found.way.topology, found.facts.plan)
        self.counts = [counts.usable, counts.without_effect, counts.asking]

    def _show_refused(self, customer: Customer) -> None:
        """Show what a refusal came to; one that suspended the zone is said once, as on the other pages."""
        self._show_connected(customer)
        if customer.is_suspended:
            self.problem = ""

    def _show_connected(self, customer: Customer, granted: Collection[str] = ()) -> None:
        self.phase, self.status = "c", customer.status.value
        self.domain, self.plan = customer.zone_name, customer.plan.title
        self.topology = customer.topology.value
        self.store_problem = customer.storefront.outcome.value if customer.storefront else ""
        self.hostname = customer.hostname or customer.zone_name
        # A list names no permissions, and those of a suspended zone may have changed.
        is_unseen = customer.topology_at is None or customer.is_suspended

        def may(name: str) -> bool | None:
            return (True if name in granted else None) if is_unseen else name not in customer.missing

        reads_dns = None if is_unseen else customer.topology is not Topology.UNKNOWN
        reads_feed = None if customer.is_suspended else customer.is_followed
        self.checks = [
            *(_check(f"{name}: Edit", _count(name), may(name)) for name in PERMISSIONS),
            _check("DNS: Read", wording.connect.DNS_MEANS, reads_dns),
            _check("Account Settings: Read", wording.connect.FEED_MEANS, reads_feed),
        ]

    def _rebind(self, customer: Customer) -> None:
        """The shop has a customer now: what this socket may do is bound to it."""
        socket = self.router.session.session_id
        principal = principal_of(self)
        if principal is not None and bindings.bound(socket) is not None:
            bindings.bind(socket, with_customer(principal, customer.id))

    def _say(self, error: CloudcacheError) -> None:
        self.busy = ""
        if isinstance(error, NotRolledOut):
            self.problem = wording.rollout.WAITING_SLOT
        elif isinstance(error, Refused):
            self.problem = wording.connect.connecting(error)
        elif isinstance(error, StoreUnavailable):
            self.problem = wording.problems.NO_DATABASE
        elif isinstance(error, Throttled):
            self.problem = wording.problems.limited(error.after_s)
        else:
            self.problem = wording.problems.CLOUDFLARE_AWAY
        log.info("connecting: %s", error)

    def _clear(self) -> None:
        shop, offers = self.shop, self.offers_oauth
        self.reset()
        self.shop, self.offers_oauth = shop, offers


async def _outcome(work: Awaitable[T]) -> T | CloudcacheError:
    """What the work returns, or the expected error that it raises."""
    try:
        return await work
    except CloudcacheError as error:
        return error


async def _kept(actor: Actor) -> Customer | None:
    """The customer as it is kept now, if it can be read."""
    customer = await _outcome(current().connecting.connected(actor))
    return customer if isinstance(customer, Customer) else None


async def _granted(actor: Actor, customer: Customer) -> Collection[str]:
    """The permissions that changes made here have proved; nothing of a zone whose token may have changed."""
    if customer.is_suspended or customer.topology_at is not None:
        return ()
    page = await _outcome(current().toggles.page(replace(actor, customer=customer.id), customer.id))
    return () if isinstance(page, CloudcacheError) else proved_permissions(page.cells)


def _check(name: str, means: str, works: bool | None) -> dict[str, str]:
    """One permission; None is one that was not tried yet."""
    return {"name": name, "means": means, "works": "unknown" if works is None else "yes" if works else "no"}


def _count(permission: str) -> str:
    of = [one.title for one in TOGGLES if one.permission == permission]
    return ", ".join(of) if len(of) <= 4 else wording.connect.several_settings(len(of))


on_signin("/connect", Connect.load)

__all__ = ["Connect", "Topology"]
