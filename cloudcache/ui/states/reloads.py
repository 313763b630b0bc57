"""Open pages that are loaded anew when the server asks their browser for it.

    history    when something of its customer changed
    any page   while what it needs cannot be read, until it can; when its sign-in ends in another tab; and when the
               rollout changes

The browser is sent the page's own `load` event and returns it, so a reload is an event like any other: authorized
anew, in order with the clicks. A tab is asked once until it loads, so nothing queues up behind a tab that hangs. The
grid is not among them: it is handed what changed (`feed`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

import reflex as rx
from reflex.event import Event

from cloudcache.domain.ids import CustomerId
from cloudcache.services import current


@dataclass(frozen=True, slots=True)
class _Tab:
    path: str
    load: Event
    sign_in: str
    customer: CustomerId | None


_tabs: dict[str, _Tab] = {}
_following: dict[CustomerId, set[str]] = defaultdict(set)
_asked: set[str] = set()
_trying: set[str] = set()
_due: set[str] = set()


def opened(
    state: rx.State, load: rx.EventHandler, sign_in: str = "", customer: CustomerId | None = None
) -> bool:
    """This tab shows the page it has just loaded: of this customer, if it is to follow what changes there. Returns
    whether it did not follow the customer before; then attention is due to it."""
    token = state.router.session.client_token
    known = _tabs.get(token)
    is_new = customer is not None and (known is None or known.customer != customer)
    if is_new or customer is None:
        forget(token)
    _tabs[token] = _Tab(_path_of(state), Event.from_event_type(load)[0], sign_in, customer)
    if customer is not None:
        _following[customer].add(token)
    return is_new


def try_again(state: rx.State, load: rx.EventHandler, sign_in: str = "") -> None:
    """This tab cannot show what it should yet: have its page loaded again every few seconds until it can."""
    token = state.router.session.client_token
    known = _tabs.get(token)
    if known is None or known.path != _path_of(state):
        opened(state, load, sign_in)
    _trying.add(token)


def loads(state: rx.State) -> bool:
    """Note that the page loads. False when the server asked for it and the tab shows another page by now."""
    token = state.router.session.client_token
    was_asked, known = token in _asked, _tabs.get(token)
    _asked.discard(token)
    _trying.discard(token)
    is_elsewhere = known is not None and known.path != _path_of(state)
    if is_elsewhere:
        forget(token)
    return not (was_asked and is_elsewhere)


def ask(token: str) -> Event | None:
    """The event to send to this tab's browser; None when it was asked already, or is not known."""
    _due.discard(token)
    if token in _asked or token not in _tabs:
        return None
    _asked.add(token)
    return _tabs[token].load


def following(customers: Collection[CustomerId] | None = None) -> list[str]:
    """The tabs that follow these customers, or any."""
    chosen = list(_following) if customers is None else customers
    return [token for customer in chosen for token in _following.get(customer, ())]


def trying() -> list[str]:
    """The tabs that cannot show what they should."""
    return list(_trying)


def everyone() -> list[str]:
    """All tabs that are known here."""
    return list(_tabs)


def due() -> list[str]:
    """The tabs whose sign-in has ended."""
    return list(_due)


def sign_out(sign_in: str) -> None:
    """This sign-in has ended: its tabs are asked to load within a second, and find nobody signed in."""
    _due.update(token for token, tab in _tabs.items() if sign_in and tab.sign_in == sign_in)


def forget(token: str) -> None:
    """This tab is gone, or shows another page; nobody follows its customer there any more."""
    known = _tabs.pop(token, None)
    for tokens in (_asked, _trying, _due):
        tokens.discard(token)
    if known is not None and known.customer is not None:
        _following[known.customer].discard(token)
        if not _following[known.customer]:
            del _following[known.customer]
        current().attention.closed(known.customer)


def _path_of(state: rx.State) -> str:
    return state.router.url.path.rstrip("/") or "/"
