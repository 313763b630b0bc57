"""Which tabs of this process show which customer; the feed hands them what changes."""

from __future__ import annotations

from collections import defaultdict

from cloudcache.domain.customers import Customer
from cloudcache.domain.ids import CustomerId
from cloudcache.services import current

_watching: dict[CustomerId, set[str]] = defaultdict(set)
_customer_of: dict[str, CustomerId] = {}
_shown: dict[str, int] = {}
_epochs: dict[str, str] = {}
_until: dict[str, int] = {}
_sign_ins: dict[str, str] = {}
"""The sign-in that each tab was opened with, if it came with a cookie."""
_waiting: dict[str, str] = {}
"""Tabs of shops that have no zone and that the rollout lets wait, by token."""
_handed_over: dict[str, int] = {}
"""When each tab was last brought up to date, in Unix milliseconds."""
_right_until: dict[str, int] = {}
_heads: dict[CustomerId, tuple[Customer, tuple[int, int] | None, int | None]] = {}


def watch(token: str, customer: CustomerId, until: int, sign_in: str = "") -> None:
    """This tab shows this customer from now on, nothing of it yet, and at longest `until` (Unix milliseconds) or
    until its sign-in ends."""
    unwatch(token)
    _sign_ins[token] = sign_in
    _watching[customer].add(token)
    _customer_of[token] = customer
    _until[token] = until
    _handed_over[token] = current().clock.now_ms()
    current().telemetry.set("pages_open", len(_customer_of))


def handed_over(token: str, now: int) -> int:
    """When this tab was last brought up to date before `now`, which counts from here on."""
    before = _handed_over.get(token, now)
    if token in _customer_of:
        _handed_over[token] = now
    return before


def wait(token: str, shop: str, until: int) -> None:
    """This tab waits for the rollout to come to its shop, at longest `until`."""
    unwatch(token)
    _waiting[token] = shop
    _until[token] = until


def waiting() -> list[tuple[str, str]]:
    """The tabs that wait, each with its shop."""
    return list(_waiting.items())


def prolong(token: str, until: int) -> None:
    """Who looks was verified again."""
    if token in _customer_of or token in _waiting:
        _until[token] = until


def sign_out(sign_in: str) -> None:
    """Have the tabs of this sign-in emptied by the live updates, now."""
    for token in [one for one, its in _sign_ins.items() if its == sign_in]:
        _until[token] = 0
        customer = _customer_of.get(token)
        if customer is not None:
            current().bus.hint(customer)


def has_ended(token: str, now: int) -> bool:
    """Whether nobody verified looks at this tab any more."""
    return _until.get(token, 0) <= now


def unwatch(token: str) -> None:
    """This tab is gone, or shows somebody else; the customer's last one lets go of its priority."""
    customer = _customer_of.pop(token, None)
    _shown.pop(token, None)
    _epochs.pop(token, None)
    _until.pop(token, None)
    _waiting.pop(token, None)
    _sign_ins.pop(token, None)
    _right_until.pop(token, None)
    _handed_over.pop(token, None)
    if customer is None:
        return
    _watching[customer].discard(token)
    if not _watching[customer]:
        del _watching[customer]
        _heads.pop(customer, None)
    current().telemetry.set("pages_open", len(_customer_of))
    current().attention.closed(customer)


def watched() -> set[CustomerId]:
    """The customers that somebody looks at."""
    return set(_watching)


def tabs(customer: CustomerId) -> list[str]:
    """The tabs that show this customer."""
    return list(_watching.get(customer, ()))


def customer_of(token: str) -> CustomerId | None:
    """The customer that this tab shows, or None."""
    return _customer_of.get(token)


def shop_of(token: str) -> str | None:
    """The shop for which this tab waits for the rollout, or None."""
    return _waiting.get(token)


def shown(token: str) -> int:
    """The revision up to which this tab shows everything; 0 for nothing."""
    return _shown.get(token, 0)


def has_other_history(token: str, head: Customer) -> bool:
    """Whether this tab shows what the database does not know: a failover or restore lost commits."""
    revision = _shown.get(token, 0)
    return revision > head.revision or (revision > 0 and _epochs.get(token, "") != head.epoch)


def epoch(token: str) -> str:
    """The epoch of the database that this tab shows."""
    return _epochs.get(token, "")


def note_shown(token: str, revision: int, right_until: int | None, epoch: str = "") -> None:
    """This tab shows everything up to this revision, and nothing of it ages by itself until then (Unix milliseconds;
    None: no row was changed)."""
    if token in _customer_of:
        _shown[token] = revision
        _epochs[token] = epoch
        if right_until is not None:
            _right_until[token] = right_until


def note_head(customer: Customer, progress: tuple[int, int] | None) -> None:
    """All tabs of this customer show this at the head of the page."""
    if customer.id in _watching:
        _heads[customer.id] = customer, progress, current().attention.limited_until(customer)


def forget_head(customer: CustomerId) -> None:
    """Have the head of these pages shown anew with the next read."""
    _heads.pop(customer, None)


def shows_head(customer: Customer, progress: tuple[int, int] | None) -> bool:
    """Whether they do already."""
    shown = customer, progress, current().attention.limited_until(customer)
    return _heads.get(customer.id) == shown


def aged(now: int) -> set[CustomerId]:
    """The customers of whom some tab shows what is no longer so, only because time has passed."""
    return {_customer_of[token] for token, until in _right_until.items() if until <= now}


def ages_at(tokens: list[str]) -> int:
    """When something that one of these tabs shows ages by itself."""
    return min((_right_until.get(token, 0) for token in tokens), default=0)


def oldest_shown(tokens: list[str]) -> int:
    """The revision up to which all of these tabs show everything."""
    return min((_shown.get(token, 0) for token in tokens), default=0)
