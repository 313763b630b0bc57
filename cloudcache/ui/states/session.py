"""Who is at the other end: asked anew by every handler, from the cookie of the socket, never from an argument.

Reflex keeps a tab's state under a token that the browser invents and may copy. `BindSession` runs before every
event, the first load included, and empties a state whose cookie no longer names the principal it was filled for.
"""

from __future__ import annotations

import reflex as rx
from reflex.event import Event
from reflex.state import BaseState, StateUpdate

from cloudcache.domain.access import Actor, Principal
from cloudcache.services import current


class Session(rx.State):
    """What this tab's state is bound to; nothing of it is sent to the browser."""

    _bound_to: str | None = None


class BindSession(rx.Middleware):
    """Keeps a state and a principal together."""

    async def preprocess(self, app: rx.App, state: BaseState, event: Event) -> StateUpdate | None:
        root = state._get_root_state()
        principal = principal_of(root)
        subject = principal.subject if principal else None
        session = await root.get_state(Session)
        if session._bound_to != subject:
            if session._bound_to is not None:
                root.reset()
                session = await root.get_state(Session)
            session._bound_to = subject
        return None


def principal_of(state: BaseState) -> Principal | None:
    """The verified principal of the cookie that came with the socket, unless it has expired."""
    services = current()
    principal = services.identity.principal(state.router.headers.cookie or "")
    if principal is None or principal.expires_at <= services.clock.now_ms():
        return None
    return principal


def actor_of(state: BaseState) -> Actor | None:
    """Who acts in this tab, or nobody."""
    principal = principal_of(state)
    return principal.actor if principal else None
