"""A client whose Cloudflare is a function, and words for what came of a call."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field

import httpx

from cloudcache.adapters.cloudflare.client import CloudflareClient, Quota, Timeouts
from cloudcache.domain.catalog import find, read_for, reads
from cloudcache.domain.errors import CloudcacheError, Refused, TryLater
from cloudcache.domain.events import Observation
from cloudcache.domain.ids import JSON, CredentialId, ZoneId
from cloudcache.domain.secret import Token
from cloudcache.ports import ZoneAccess
from tests.support.fake_clock import FakeClock

SECRET = "cfat_do0not1print2me3ZZ99"
ZONE = ZoneId("0" * 31 + "a")
ACCESS = ZoneAccess(ZONE, CredentialId("c1"), Token(SECRET))
BATCH = reads(batch=True)[0]
ROCKET, POLISH, BOTS = find("rocket_loader"), find("polish"), find("bot_fight_mode")
START_MS = 1_800_000_000_000

Answer = Callable[[httpx.Request], httpx.Response]
SlowAnswer = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


def steady_clock() -> FakeClock:
    """Each look at it takes three milliseconds, and the client never waits by it."""
    return FakeClock(START_MS, sleeping="fails", tick_ms=3)


@dataclass
class Ledger:
    """What the budget was told, in order."""

    told: list[tuple[object, ...]] = field(default_factory=list)

    def report(self, credential: CredentialId, remaining: int, resets_in_s: int, policy: str = "") -> None:
        self.told.append(("left", credential, remaining, resets_in_s))

    def succeeded(self, credential: CredentialId) -> None:
        self.told.append(("succeeded", credential))

    def block(self, credential: CredentialId, retry_after_s: float) -> None:
        self.told.append(("blocked", credential, retry_after_s))


def client_of(
    answer: Answer | SlowAnswer,
    ledger: Quota | None = None,
    *,
    clock: FakeClock | None = None,
    timeouts: Timeouts | None = None,
) -> CloudflareClient:
    """A client that is answered by a function."""
    return CloudflareClient(
        "https://api.test/client/v4",
        clock or steady_clock(),
        on_quota=ledger or Ledger(),
        transport=httpx.MockTransport(answer),
        timeouts=timeouts,
        calls_per_second=0,
    )


def always(response: httpx.Response | Exception) -> Answer:
    """The same answer, or the same trouble, whatever is asked."""

    def answer(request: httpx.Request) -> httpx.Response:
        if isinstance(response, Exception):
            raise response
        return httpx.Response(response.status_code, headers=response.headers, content=response.content)

    return answer


def success(result: JSON, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """A success envelope around a result."""
    body = {"success": True, "errors": [], "messages": [], "result": result}
    return httpx.Response(200, headers=headers, json=body)


def failure(
    status: int, *codes: int, message: str = "no", headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """A failure envelope with these codes."""
    errors = [{"code": code, "message": message} for code in codes]
    body = {"success": False, "errors": errors, "messages": [], "result": None}
    whole = {"Content-Type": "application/json", **(headers or {})}
    return httpx.Response(status, headers=whole, content=json.dumps(body).encode())


def setting(name: str, value: JSON, **more: JSON) -> dict[str, JSON]:
    """One plain setting as Cloudflare shows it."""
    return {"id": name, "value": value, "editable": True, "modified_on": None, **more}


def body_of(request: httpx.Request) -> JSON:
    """What a request carries."""
    sent: JSON = json.loads(request.content)
    return sent


async def outcome_of_write(client: CloudflareClient) -> str:
    """Turn Rocket Loader on, and what came of it in one word."""
    try:
        return _seen([await client.write(ACCESS, ROCKET, "on")])
    except CloudcacheError as error:
        return named(error)


async def outcome_of_read(client: CloudflareClient, *, batch: bool = False) -> str:
    """Read Rocket Loader, or all that the batch call tells."""
    try:
        return _seen(await client.read(ACCESS, BATCH if batch else read_for(ROCKET)))
    except CloudcacheError as error:
        return named(error)


def named(error: CloudcacheError) -> str:
    """The class of an error, with its reason or its wait."""
    if isinstance(error, Refused):
        return f"{type(error).__name__} {error.reason.value}"
    return (
        f"{type(error).__name__} {error.after_s:g}" if isinstance(error, TryLater) else type(error).__name__
    )


def _seen(seen: list[Observation]) -> str:
    return ",".join(f"{one.toggle}={one.value}" for one in seen)
