"""What OAuth gave is renewed by one process at a time, on both databases, and nothing of it is lost."""

from __future__ import annotations

import asyncio

import pytest

from cloudcache.adapters.vault import EnvelopeVault
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.errors import TryLater
from cloudcache.domain.secret import Token
from cloudcache.ports import CloudflareOAuth, OAuthTokens
from cloudcache.services.credentials import Credentials
from tests.support.house import KITE, KITE_ZONE, House, agree


class SlowOAuth:
    """Cloudflare's OAuth that answers when it is told to, and counts."""

    def __init__(self, real: CloudflareOAuth) -> None:
        self._real = real
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()
        self.renewals = 0

    def address(self, state: str, challenge: str) -> str:
        return self._real.address(state, challenge)

    async def redeem(self, code: str, verifier: str) -> OAuthTokens:
        return await self._real.redeem(code, verifier)

    async def renew(self, refresh: Token) -> OAuthTokens:
        self.renewals += 1
        self.asked.set()
        await self.go_on.wait()
        return await self._real.renew(refresh)


async def test_two_processes_renew_an_agreement_once_and_a_change_of_keys_loses_nothing(house: House):
    actor = await house.merchant()
    state, nonce, code = await agree(house, actor)
    await house.connecting.finish(state, nonce, code)
    checked = await house.connecting.agreed(actor)
    await house.connecting.connect(actor, checked.sealed, KITE_ZONE)
    customer = await house.store.customer_of_shop(KITE)
    house.rig.clock.ms += 58 * 60_000
    slow = SlowOAuth(house.connecting._require_oauth())
    keys = EnvelopeVault(["n" * 40, "k" * 40])
    one, two = (Credentials(house.store, keys, None, house.rig.clock, slow, lambda it=it: it) for it in "ab")

    renewing = asyncio.create_task(one.access(customer))
    await slow.asked.wait()
    with pytest.raises(TryLater):
        await two.access(customer)
    assert (await two.rotate(SYSTEM)).renewed, "the keys change while Cloudflare answers"
    slow.go_on.set()
    renewed = (await renewing).token

    assert (await two.access(customer)).token == renewed and slow.renewals == 1
    house.rig.clock.ms += 58 * 60_000
    assert (await two.access(customer)).token != renewed, "the refresh token that came with it was kept"


async def test_a_process_that_died_while_renewing_does_not_lock_others_out(house: House):
    await house.connected()
    store, now = house.store, house.rig.clock.now_ms()
    credential = (await store.customer_of_shop(KITE)).credential
    assert credential is not None
    assert await store.lock_credential(credential, owner="dead", now=now, until=now + 30_000)
    assert not await store.lock_credential(credential, owner="b", now=now + 29_999, until=now + 60_000)
    assert await store.lock_credential(credential, owner="b", now=now + 30_000, until=now + 60_000)
    assert not await store.keep_renewed(credential, b"late", owner="dead")
    await store.unlock_credential(credential, owner="dead")
    assert await store.keep_renewed(credential, b"new", owner="b")
    assert await store.sealed_token(credential) == b"new"
