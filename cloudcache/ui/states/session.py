"""Who is at the other end: asked anew by every handler, never from an argument.

    merchant   bound to the socket by an ID token that the page sends over it, again every 40 seconds; each write
               brings a fresh one of its own
    local      a cookie, in the local environment only, and not in the admin's frame
    staff      a cookie or Cloudflare Access, on pages of their own

Reflex keeps a tab's state under a token that the browser invents and may copy. `BindSession` runs before every
event, the first load included, and empties a state that was filled for somebody else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from time import perf_counter

import reflex as rx
from reflex.event import Event
from reflex.state import BaseState, StateUpdate

from cloudcache import logs
from cloudcache.domain.access import Actor, Origin, Principal
from cloudcache.domain.errors import CloudcacheError
from cloudcache.domain.shopify import Forged
from cloudcache.services import current
from cloudcache.ui.states import bindings, open_pages

log = logging.getLogger("cloudcache.ui")

_loads: dict[str, Callable[..., object]] = {}


def on_signin(path: str, load: Callable[..., object]) -> None:
    """Have a page loaded when its socket is bound."""
    _loads[path] = load


class Session(rx.State):
    """What this tab's state is bound to; only `gate` is sent to the browser."""

    # "" not asked yet, "ok", "refused", "unavailable": asked again soon, "reload": another shop came into this tab
    gate: str = ""

    _bound_to: str | None = None

    @rx.event
    async def present(self, token: str):
        """The page in the admin's frame brings an ID token; the socket is bound to whom it names."""
        socket = self.router.session.session_id
        before = bindings.bound(socket)
        try:
            principal = await current().merchants.present(
                token,
                query_shop=self.router.url.query_parameters.get("shop"),
                bound_shop=before.actor.shop if before else None,
                origin=origin_of(self),
            )
        except Forged as forged:
            await self._refuse(socket, forged.reason)
            return None
        except CloudcacheError as error:
            log.error("a merchant could not be signed in: %s", error)
            self.gate = "unavailable"
            return None
        is_new = before is None or before.expires_at <= current().clock.now_ms()
        bindings.bind(socket, principal)
        self._bound_to = _subject(principal, await staff_principal_of(self))
        open_pages.prolong(self.router.session.client_token, principal.expires_at)
        if self.gate != "ok":
            self.gate = "ok"
        load = _loads.get(self.router.url.path.rstrip("/") or "/")
        return load if is_new else None

    async def _refuse(self, socket: str, reason: str) -> None:
        if reason == "shop_changed":
            bindings.release(socket)
            self.gate = "reload"
            return
        if reason == "missing_token" and principal_of(self) is not None:
            return  # a local session, outside any frame
        self.gate = "refused"
        if reason not in ("missing_token", "not_configured", "expired"):
            try:
                await current().merchants.deny(reason, "sign in", origin_of(self))
            except CloudcacheError as error:
                log.error("a refused sign-in is not in the audit log: %s", error)


class BindSession(rx.Middleware):
    """Keeps a state and a principal together."""

    async def preprocess(self, app: rx.App, state: BaseState, event: Event) -> StateUpdate | None:
        root = state._get_root_state()
        merchant, staff = principal_of(root), await staff_principal_of(root)
        _announce(event, merchant or staff)
        subject = _subject(merchant, staff)
        session = await root.get_state(Session)
        if session._bound_to != subject:
            if session._bound_to is not None:
                root.reset()
                session = await root.get_state(Session)
            session._bound_to = subject
        return None


def _announce(event: Event, principal: Principal | None) -> None:
    """Every event is a task of its own: its log lines say whose it is, and its end how long it took."""
    handler = ".".join(event.name.split(".")[-2:]).rpartition("____")[2]
    actor = principal.actor if principal else None
    logs.begin(
        request=logs.request_id(),
        handler=handler,
        actor=actor.kind.value if actor else None,
        customer=actor.customer if actor else None,
    )
    began, telemetry = perf_counter(), current().telemetry
    task = asyncio.current_task()
    if task is not None:
        task.add_done_callback(
            lambda _: telemetry.observe("page_event_seconds", perf_counter() - began, handler)
        )


def principal_of(state: BaseState) -> Principal | None:
    """The merchant whom this socket speaks for, unless that has ended."""
    services, router = current(), state.router  # which is put together anew each time it is asked for
    principal = bindings.bound(router.session.session_id)
    if principal is None and "embedded" not in router.url.query_parameters:
        principal = services.identity.principal(router.headers.cookie or "")
    return _unless_ended(principal)


def actor_of(state: BaseState) -> Actor | None:
    """The merchant who acts in this tab, or nobody."""
    principal = principal_of(state)
    return principal.actor if principal else None


def may_write(state: BaseState, token: object) -> bool:
    """Whether this write is the merchant's own: one bound by an ID token brings a fresh one of the same shop."""
    bound = bindings.bound(state.router.session.session_id)
    return bound is None or current().merchants.holds(token, bound.actor.shop)


async def is_held_back(actor: Actor) -> bool:
    """Whether the rollout lets this merchant's shop wait; a database that is away is said by the page itself."""
    try:
        return not await current().rollouts.serves(actor.shop)
    except CloudcacheError as error:
        log.error("whether a shop is served cannot be read: %s", error)
        return False


async def staff_principal_of(state: BaseState) -> Principal | None:
    """The member of the staff whose cookie or assertion came with the handshake, unless that has ended."""
    services = current()
    return _unless_ended(await services.staff.principal(dict(state.router.headers.raw_headers)))


async def subject_of(headers: Mapping[str, str]) -> str | None:
    """Return whom these headers of a handshake (names in lower case) sign in, as merchant, as staff, or as both."""
    services = current()
    merchant = services.identity.principal(headers.get("cookie", ""))
    return _subject(_unless_ended(merchant), _unless_ended(await services.staff.principal(headers)))


def _unless_ended(principal: Principal | None) -> Principal | None:
    """The principal, unless its time is over or its sign-in was ended from another tab."""
    services = current()
    if principal is None or principal.expires_at <= services.clock.now_ms():
        return None
    return None if services.sign_outs.has_ended(principal) else principal


async def sign_in_of(state: BaseState, *, is_staff: bool) -> str:
    """The sign-in that this tab came with, "" where none can be ended from another tab."""
    principal = await staff_principal_of(state) if is_staff else principal_of(state)
    return principal.sign_in if principal else ""


async def staff_of(state: BaseState) -> Actor | None:
    """The member of the staff with the role of this minute, or nobody."""
    return await current().support.actor(await staff_principal_of(state))


def origin_of(state: BaseState) -> Origin:
    """Where this tab is, for the audit log."""
    agent = dict(state.router.headers.raw_headers).get("user-agent", "")
    return Origin(state.router.session.client_ip, agent, state.router.session.session_id)


def _subject(merchant: Principal | None, staff: Principal | None) -> str | None:
    parts = [one.subject for one in (merchant, staff) if one is not None]
    return " and ".join(parts) or None
