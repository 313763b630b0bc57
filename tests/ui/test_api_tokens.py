"""The card of API tokens on the connect page: why one could not be made or revoked."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from cloudcache import services
from cloudcache.domain.access import Actor, ActorKind
from cloudcache.domain.ids import CustomerId
from cloudcache.domain.rate_limit import RateLimitStatus
from cloudcache.ui import wording
from cloudcache.ui.states import scripts
from cloudcache.ui.states.scripts import Scripts

MERCHANT = Actor(ActorKind.MERCHANT, "owner", CustomerId(1), "shop.myshopify.com")


class Limits:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def hit(self, kind: str, key: str) -> RateLimitStatus:
        return RateLimitStatus(12, 60, remaining=0, wait_s=self._seconds, reset_s=self._seconds)


def card(monkeypatch: pytest.MonkeyPatch, *, may_write: bool, wait_s: float) -> Scripts:
    monkeypatch.setattr(services, "_in_use", [SimpleNamespace(limits=Limits(wait_s))])
    monkeypatch.setattr(scripts, "actor_of", lambda _: MERCHANT)
    monkeypatch.setattr(scripts, "may_write", lambda *_: may_write)
    return Scripts(_reflex_internal_init=True)


async def test_limit_on_tokens_is_not_called_an_ended_sign_in(monkeypatch: pytest.MonkeyPatch):
    tab = card(monkeypatch, may_write=True, wait_s=30)

    await Scripts.make.fn(tab, {"name": "nightly", "scope": "read"})

    assert tab.problem == wording.problems.TOO_MANY_CHECKS


async def test_ended_sign_in_is_named_when_a_token_is_made(monkeypatch: pytest.MonkeyPatch):
    tab = card(monkeypatch, may_write=False, wait_s=0)

    await Scripts.make.fn(tab, {"name": "nightly", "scope": "read"})

    assert tab.problem == wording.problems.SIGNED_OUT_SLOT


async def test_ended_sign_in_is_named_when_a_token_is_revoked(monkeypatch: pytest.MonkeyPatch):
    tab = card(monkeypatch, may_write=False, wait_s=0)

    await Scripts.revoke.fn(tab, "0123")

    assert tab.problem == wording.problems.SIGNED_OUT_SLOT
