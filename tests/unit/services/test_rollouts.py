"""The rule as one process remembers it, with a book that is slow, or away."""

from __future__ import annotations

import asyncio

import pytest

from cloudcache.domain.access import Actor, ActorKind
from cloudcache.domain.errors import NotRolledOut, StoreUnavailable
from cloudcache.domain.rollout import Rollout
from cloudcache.services.rollouts import REMEMBERED_MS, Rollouts
from tests.support.fake_clock import FakeClock

SHOP = "shop.myshopify.com"


class Book:
    """Answers when it is let; counts what it is asked."""

    def __init__(self, rule: Rollout) -> None:
        self.rule = rule
        self.gate = asyncio.Event()
        self.is_away = False
        self.asked: list[str] = []

    async def rollout_revision(self, environment: str) -> int:
        self.asked.append("revision")
        await self.gate.wait()
        if self.is_away:
            raise StoreUnavailable("away")
        return self.rule.revision

    async def across_tenants_rollout(self, environment: str) -> Rollout:
        self.asked.append("rule")
        return self.rule


def made(rule: Rollout) -> tuple[Rollouts, Book, FakeClock]:
    book, clock = Book(rule), FakeClock()
    return Rollouts(book, clock, "local"), book, clock


async def test_many_who_ask_at_once_ask_the_database_once():
    rollouts, book, _ = made(Rollout("local", 0, revision=1))
    asking = [asyncio.create_task(rollouts.serves(SHOP)) for _ in range(50)]
    await asyncio.sleep(0)

    book.gate.set()

    assert await asyncio.gather(*asking) == [False] * 50
    assert book.asked == ["revision", "rule"]


async def test_a_rule_that_did_not_change_is_not_read_again():
    rollouts, book, clock = made(Rollout("local", 0, revision=1))
    book.gate.set()
    await rollouts.rule()
    clock.ms += REMEMBERED_MS
    await rollouts.rule()
    book.rule = Rollout("local", 100, revision=2)
    clock.ms += REMEMBERED_MS

    assert await rollouts.serves(SHOP)
    assert book.asked == ["revision", "rule", "revision", "revision", "rule"]


async def test_a_database_that_is_away_is_told_to_all_who_wait_together_and_lets_nobody_in():
    rollouts, book, _ = made(Rollout("local", revision=1))
    book.is_away = True
    merchant = Actor(ActorKind.MERCHANT, "owner", shop=SHOP)
    asking = [asyncio.create_task(rollouts.admit(merchant)) for _ in range(3)]
    await asyncio.sleep(0)

    book.gate.set()
    heard = await asyncio.gather(*asking, return_exceptions=True)

    assert [type(one) for one in heard] == [StoreUnavailable] * 3
    assert book.asked == ["revision"]
    book.is_away = False
    assert await rollouts.serves(SHOP), "and it is asked again"


async def test_one_who_gives_up_does_not_take_the_answer_from_the_others():
    rollouts, book, _ = made(Rollout("local", revision=1))
    hasty, patient = (asyncio.create_task(rollouts.serves(SHOP)) for _ in range(2))
    await asyncio.sleep(0)

    hasty.cancel()
    await asyncio.sleep(0)
    book.gate.set()

    assert await patient
    assert hasty.cancelled()


async def test_a_clock_that_was_set_back_is_no_reason_to_believe_an_old_rule():
    rollouts, book, clock = made(Rollout("local", revision=1))
    book.gate.set()
    await rollouts.rule()
    book.rule = Rollout("local", 0, revision=2)
    clock.ms -= 3_600_000

    with pytest.raises(NotRolledOut):
        await rollouts.admit(Actor(ActorKind.MERCHANT, "owner", shop=SHOP))
    assert rollouts.refused == {"person": 1}
