"""Says plainly what is configured, what can be reached and what is permitted; never raises."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from cloudcache.domain.breaker import CircuitBreaker
from cloudcache.domain.catalog import find, reads
from cloudcache.domain.customers import Customer
from cloudcache.domain.errors import CloudcacheError, NotFound, Refused, StoreUnavailable, TryLater, explain
from cloudcache.domain.events import ReadResult
from cloudcache.ports import Gateway, Store
from cloudcache.services.credentials import Credentials


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: what was looked at, whether it is well, and what it means or how to mend it."""

    subject: str
    ok: bool
    text: str


class Health:
    """The checks behind `/readyz` and `doctor`."""

    def __init__(
        self,
        store: Store,
        gateway: Gateway,
        credentials: Credentials,
        check_database: Callable[[], Awaitable[None]],
        check_redis: Callable[[], Awaitable[None]] | None = None,
        *,
        has_platform_token: bool,
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._credentials = credentials
        self._check_database = check_database
        self._check_redis = check_redis
        self._has_platform_token = has_platform_token

    async def ready(self) -> Finding:
        """Whether the database can be reached and is at the migration this program expects."""
        try:
            await self._check_database()
        except StoreUnavailable as error:
            return Finding("database", False, str(error))
        return Finding("database", True, "reachable, at the expected migration")

    async def redis(self) -> Finding:
        """Whether Redis can be used. Pages are read without it, so a process is ready without it."""
        if self._check_redis is None:
            return Finding("redis", True, "not used: one process serves all")
        try:
            await self._check_redis()
        except TryLater:
            return Finding(
                "redis",
                False,
                "unavailable: changes go slowly, nothing is swept, and other processes aren't heard",
            )
        return Finding("redis", True, "reachable and writable")

    async def report(self, zones: int = 3) -> Sequence[Finding]:
        """The database, the platform token, and one probing call per permission for the first few zones."""
        findings = [await self.ready(), await self.redis()]
        if self._has_platform_token:
            findings.append(await self._platform_token())
        if findings[0].ok:
            findings.extend(await self._breakers())
            customers = await self._store.across_tenants_customers(limit=zones)
            findings.append(Finding("customers", bool(customers), _how_many(customers)))
            for customer in customers:
                findings.extend(await self._zone(customer))
        return findings

    async def _breakers(self) -> Sequence[Finding]:
        """Settings that Cloudflare keeps failing to change, with the tokens of one kind or for one zone."""
        found = await self._store.open_breakers()
        if not found:
            return [Finding("circuit breakers", True, "closed: every setting is changed as requested")]
        return [Finding(f"setting {one.setting_id}", False, _what_fails(one)) for one in found]

    async def _platform_token(self) -> Finding:
        try:
            facts = await self._gateway.verify(self._credentials.platform())
        except CloudcacheError as error:
            return Finding("platform token", False, f"not accepted: {explain(error)}")
        return Finding("platform token", facts.status == "active", f"Cloudflare says it's {facts.status}")

    async def _zone(self, customer: Customer) -> Sequence[Finding]:
        try:
            access = await self._credentials.access(customer)
            facts = await self._gateway.zone(access)
        except (CloudcacheError, NotFound) as error:
            return [Finding(customer.shop, False, f"zone {customer.zone_id} not reachable: {explain(error)}")]
        findings = [Finding(customer.shop, True, f"zone {facts.name}, {facts.plan.title} plan")]
        if customer.is_suspended:
            findings.append(Finding(customer.shop, False, _suspended(customer)))
        probes = {read.toggles[0].permission: read for read in reversed(reads(batch=False))}
        for permission, read in sorted(probes.items()):
            try:
                result = await self._gateway.read(access, read)
                findings.append(Finding(customer.shop, True, f"{permission}: can read"))
                findings.extend(Finding(customer.shop, True, text) for text in _bot_fields(result))
            except Refused as error:
                findings.append(Finding(customer.shop, False, f"{permission}: can't read ({explain(error)})"))
            except CloudcacheError as error:
                findings.append(
                    Finding(customer.shop, False, f"{permission}: no response ({explain(error)})")
                )
        return findings


def _bot_fields(result: ReadResult) -> list[str]:
    """Which of the bot fields that only some zones have this one showed: nothing is written to find out."""
    values = {one.toggle: one.value for one in result}
    told = []
    training, fight = values.get(find("block_ai_bots").id), values.get(find("bot_fight_mode").id)
    if isinstance(training, dict):
        has_new, old = "ai_training" in training, training.get("ai_bots_protection", "not shown")
        told.append(
            f"AI training crawlers: ai_training is {training.get('ai_training', 'not shown')}, the old "
            f"ai_bots_protection is {old}; " + ("can be changed here" if has_new else "read only here")
        )
    if isinstance(fight, dict):
        told.append(f"bots: this zone has {', '.join(sorted(fight))}")
    return told


def _what_fails(breaker: CircuitBreaker) -> str:
    where = "in several zones" if breaker.zones > 1 else "in one zone"
    return (
        f"can't be changed with tokens of kind {breaker.token_kind.value} {where}: Cloudflare failed "
        f"{breaker.failures} changes in a row. One change is tried every ten minutes. You don't need to do anything"
    )


def _suspended(customer: Customer) -> str:
    return f"{customer.condition}. To resume it, run: python -m cloudcache sync {customer.handle}"


def _how_many(customers: Sequence[Customer]) -> str:
    if not customers:
        return "none yet. To add one, run: python -m cloudcache customers add SHOP --zone ZONE_ID"
    return f"checking the first {len(customers)}"
