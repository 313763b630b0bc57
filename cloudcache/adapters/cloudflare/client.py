"""Cloudflare over HTTP: one pooled client, one call a method, never a retry.

A read that fails in any unclear way is `TryLater`: asking again harms nothing. A write that fails after it was
sent is `Unclear`: the caller reads before it does anything else. The token is put into the Authorization header
here and nowhere else; errors are raised without the httpx error behind them, whose request carries that header.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import httpx

from cloudcache.adapters.cloudflare.envelope import Envelope, parse, ratelimit, refusal
from cloudcache.domain.catalog import Read, Toggle, ZonePlan
from cloudcache.domain.errors import (
    BatchWithdrawn,
    CloudcacheError,
    Reason,
    Refused,
    Throttled,
    TryLater,
    Unclear,
)
from cloudcache.domain.events import Observation
from cloudcache.domain.ids import JSON, CredentialId, ZoneId
from cloudcache.domain.secret import Token
from cloudcache.ports import Clock, TokenFacts, ZoneAccess, ZoneFacts

log = logging.getLogger("cloudcache.cloudflare")

CONNECT_S, READ_S, WRITE_S, POOL_S = 5.0, 20.0, 10.0, 30.0
CONNECTIONS = 50
MAX_BODY = 2 * 1024 * 1024
NEVER_CHANGED = "0001-01-01T00:00:00Z"
TRY_AGAIN_S = 5.0


class Quota(Protocol):
    """The part of the budget that learns from replies."""

    def report(self, credential: CredentialId, remaining: int, resets_in_s: int) -> None: ...
    def succeeded(self, credential: CredentialId) -> None: ...
    def block(self, credential: CredentialId, retry_after_s: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read to its end."""

    status: int
    headers: httpx.Headers
    content: bytes


class CloudflareClient:
    """The `Gateway` over httpx. The client inside is made on first use, in the loop that uses it."""

    def __init__(
        self,
        base_url: str,
        clock: Clock,
        *,
        on_quota: Quota,
        transport: httpx.AsyncBaseTransport | None = None,
        http2: bool = False,
    ) -> None:
        self._base_url = base_url
        self._clock = clock
        self._quota = on_quota
        self._transport = transport
        self._http2 = http2
        self._client: httpx.AsyncClient | None = None

    async def read(self, access: ZoneAccess, read: Read) -> list[Observation]:
        at = self._clock.now_ms()
        permission = read.toggles[0].permission
        try:
            result, ray = await self._call("GET", _zone_path(access, read.path), access, permission)
        except Unclear as error:
            raise TryLater(TRY_AGAIN_S, str(error)) from None
        except Refused as error:
            if read.batch and error.reason is Reason.UNKNOWN_SETTING:
                raise BatchWithdrawn from None
            raise
        if read.batch:
            return self._batch(read, result, at, ray)
        if not isinstance(result, dict):
            raise TryLater(TRY_AGAIN_S, "an answer of another shape")
        seen = [_observe(toggle, result, at, ray) for toggle in read.toggles]
        return [one for one in seen if one is not None]

    async def write(self, access: ZoneAccess, toggle: Toggle, value: JSON) -> Observation:
        at = self._clock.now_ms()
        path = _zone_path(access, toggle.path)
        result, ray = await self._call(toggle.method, path, access, toggle.permission, toggle.body(value))
        seen = _observe(toggle, result, at, ray) if isinstance(result, dict) else None
        if seen is None:
            raise Unclear("Cloudflare's answer does not hold the value")
        return seen

    async def zone(self, access: ZoneAccess) -> ZoneFacts:
        try:
            result, _ = await self._call("GET", _zone_path(access, ""), access, "Zone")
        except Unclear as error:
            raise TryLater(TRY_AGAIN_S, str(error)) from None
        zone = result if isinstance(result, dict) else {}
        plan, account = _part(zone, "plan"), _part(zone, "account")
        return ZoneFacts(
            name=str(zone.get("name", "")),
            plan=ZonePlan.named(str(plan.get("legacy_id", ""))),
            account_id=str(account.get("id", "")),
            account_name=str(account.get("name", "")),
        )

    async def verify(self, token: Token) -> TokenFacts:
        """Of a user token. An account token (`cfat_`) is not known at this address; ask for a zone instead."""
        access = ZoneAccess(ZoneId(""), CredentialId(f"verify:{token.last_four}"), token)
        try:
            result, _ = await self._call("GET", "/user/tokens/verify", access, "")
        except Unclear as error:
            raise TryLater(TRY_AGAIN_S, str(error)) from None
        facts = result if isinstance(result, dict) else {}
        return TokenFacts(status=str(facts.get("status", "unknown")), id=str(facts.get("id", "")))

    async def close(self) -> None:
        """Close the pool; the next call opens a new one."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    # -- one call ------------------------------------------------------------------------------
    async def _call(
        self, method: str, path: str, access: ZoneAccess, permission: str, body: JSON = None
    ) -> tuple[JSON, str]:
        """The `result` and the id of the call; raises what the answer means."""
        began = self._clock.now_ms()
        status, ray = 0, ""
        try:
            reply = await self._send(method, path, access.token, body)
            status, ray = reply.status, _call_id(reply.headers)
            envelope = self._understand(reply, access.credential, permission)
        except CloudcacheError as error:
            took = self._clock.now_ms() - began
            level = logging.WARNING if isinstance(error, Unclear | Throttled) else logging.INFO
            log.log(
                level, "%s %s: %s %s (call %s, %d ms)", method, path, status or "no answer", error, ray, took
            )
            raise
        return envelope.result, ray

    async def _send(self, method: str, path: str, token: Token, body: JSON) -> Reply:
        headers = {"Authorization": f"Bearer {token.reveal()}"}
        url = self._base_url + path
        try:
            async with self._pool().stream(method, url, headers=headers, json=body) as response:
                content = await _read_at_most(response, MAX_BODY)
                return Reply(response.status_code, response.headers, content)
        except (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
            httpx.UnsupportedProtocol,
        ) as error:
            raise TryLater(TRY_AGAIN_S, f"Cloudflare cannot be reached ({type(error).__name__})") from None
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            raise Unclear(f"the answer was lost ({type(error).__name__})") from None

    def _understand(self, reply: Reply, credential: CredentialId, permission: str) -> Envelope:
        """Tell the budget what the headers say, and raise unless it is a success."""
        left = ratelimit(reply.headers.get("ratelimit"))
        if left is not None:
            self._quota.report(credential, *left)
        envelope = parse(reply.content)
        if envelope is None and reply.status != 429:
            raise Unclear(f"Cloudflare answered {reply.status} with something that is no JSON of its own")
        envelope = envelope or Envelope(False, None, (), "")
        if envelope.success and reply.status < 300:
            self._quota.succeeded(credential)
            return envelope
        error = refusal(reply.status, envelope, reply.headers.get("retry-after"), permission)
        if isinstance(error, Throttled):
            self._quota.block(credential, int(error.after_s))
        else:
            self._quota.succeeded(credential)
        raise error

    def _pool(self) -> httpx.AsyncClient:
        if self._client is None:
            # Redirects are not followed: the Authorization header must never travel on.
            self._client = httpx.AsyncClient(
                http2=self._http2,
                transport=self._transport,
                timeout=httpx.Timeout(connect=CONNECT_S, read=READ_S, write=WRITE_S, pool=POOL_S),
                limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
                headers={"User-Agent": "cloudcache"},
                follow_redirects=False,
            )
        return self._client

    def _batch(self, read: Read, result: JSON, at: int, ray: str) -> list[Observation]:
        if not isinstance(result, list):
            raise TryLater(TRY_AGAIN_S, "an answer of another shape")
        by_setting = {str(one.get("id")): one for one in result if isinstance(one, dict)}
        found = [(toggle, by_setting.get(toggle.setting or "")) for toggle in read.toggles]
        seen = [_observe(toggle, one, at, ray) for toggle, one in found if one is not None]
        return [one for one in seen if one is not None]


def _zone_path(access: ZoneAccess, path: str) -> str:
    return f"/zones/{access.zone}{path}"


def _observe(toggle: Toggle, result: Mapping[str, JSON], at: int, ray: str) -> Observation | None:
    """What a `result` says of a toggle; None when its value is not in it."""
    value = toggle.extract(result)
    if value is None:
        return None
    editable, modified, left = result.get("editable"), result.get("modified_on"), result.get("time_remaining")
    ticking = isinstance(left, int) and not isinstance(left, bool) and left > 0
    return Observation(
        toggle.id,
        value,
        at,
        editable=editable if isinstance(editable, bool) else None,
        modified_on=modified if isinstance(modified, str) and modified != NEVER_CHANGED else None,
        ends_at=at + int(left) * 1000 if ticking and isinstance(left, int) else None,
        ray_id=ray,
    )


def _call_id(headers: httpx.Headers) -> str:
    """The id under which the audit log keeps this call, so that our own writes can be told from others'."""
    return str(headers.get("cf-auditlog-id") or headers.get("cf-ray") or "")[:64]


def _part(result: Mapping[str, JSON], name: str) -> Mapping[str, JSON]:
    part = result.get(name)
    return part if isinstance(part, dict) else {}


async def _read_at_most(response: httpx.Response, limit: int) -> bytes:
    """The body; one that is larger than anything Cloudflare sends is not read to its end."""
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > limit:
            raise httpx.StreamError("the body is too large")
    return bytes(content)
