"""Cloudflare over HTTP: one method, one call, never a second try.

`line.py` carries a call, `envelope.py` says what the answer means, `results.py` reads it, and `meter.py`
tells the budget. Every call that fails leaves one line in the log.

In one case a second, different call follows: Cloudflare says "no route" (7003) or "invalid zone identifier" (1001)
of a zone that is gone and of a path that is gone alike. Taking a withdrawn path for a lost zone would disconnect
every merchant at once, so the zone itself is asked.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar
from urllib.parse import quote

import httpx

from cloudcache.adapters.cloudflare.audit import feed_page, feed_path
from cloudcache.adapters.cloudflare.call import (
    DNS_PERMISSION,
    FEED_PERMISSION,
    KV_PERMISSION,
    ZONE_PERMISSION,
    Call,
    of_zone,
)
from cloudcache.adapters.cloudflare.dates import date_ms
from cloudcache.adapters.cloudflare.envelope import Envelope, Failure, judge
from cloudcache.adapters.cloudflare.line import Line, Lost, Reply, Timeouts, redacted
from cloudcache.adapters.cloudflare.meter import Meter, Quota
from cloudcache.adapters.cloudflare.pace import CALLS_PER_SECOND, Pace
from cloudcache.adapters.cloudflare.results import (
    accounts,
    dns_records,
    observe_all,
    observe_written,
    read_at,
    token_facts,
    zone_facts,
    zone_list,
)
from cloudcache.adapters.reservation import mark_sent, reserved_credential
from cloudcache.domain.catalog import Read, Toggle
from cloudcache.domain.clock_offset import ClockOffset, Dated
from cloudcache.domain.errors import (
    BatchWithdrawn,
    CloudcacheError,
    NotFound,
    Reason,
    Refused,
    Throttled,
    TryLater,
    Unauthorized,
    Unclear,
    explain,
)
from cloudcache.domain.events import Observation, ReadResult
from cloudcache.domain.feed import FeedPage, FeedVersion, Window
from cloudcache.domain.ids import JSON, ZoneId
from cloudcache.domain.secret import Token
from cloudcache.ports import (
    SILENT,
    Clock,
    DnsRecord,
    FeedAccess,
    KvAccess,
    Telemetry,
    TokenFacts,
    ZoneAccess,
    ZoneFacts,
)

__all__ = ["CloudflareClient", "Quota", "Timeouts"]

log = logging.getLogger("cloudcache.cloudflare")

NO_KEY = 10009
NO_NAMESPACE = 10013
ZONES_A_PAGE = 50
PROBE = "cloudcache-asks-whether-it-may"
LONGEST_EXCERPT = 200
_RAY = re.compile(r"([0-9A-Za-z]{1,32})(?:-[A-Z]{3,4})?")

T = TypeVar("T")


class CloudflareClient:
    """The `Gateway` of `ports.py` over httpx. It connects on first use, so it may be made before a fork."""

    def __init__(
        self,
        base_url: str,
        clock: Clock,
        *,
        on_quota: Quota,
        transport: httpx.AsyncBaseTransport | None = None,
        http2: bool = False,
        timeouts: Timeouts | None = None,
        calls_per_second: int = CALLS_PER_SECOND,
        pace: Pace | None = None,
        telemetry: Telemetry = SILENT,
    ) -> None:
        self._telemetry = telemetry
        self._clock = clock
        self._meter = Meter(on_quota)
        self._offset = ClockOffset()
        self._line = Line(base_url, transport, http2, timeouts or Timeouts(), calls_per_second, pace)

    async def read(self, access: ZoneAccess, read: Read) -> ReadResult:
        """What one call tells of the toggles it names; `BatchWithdrawn` when the batch call is no more."""
        at = self._clock.now_ms()
        call = of_zone("GET", access, read.path, read.toggles[0].permission, is_batch=read.batch)
        return await self._ask_of_zone(
            access,
            call,
            lambda answer, ray: read_at(observe_all(read, answer.result, at, ray), answer.read_at),
        )

    async def write(self, access: ZoneAccess, toggle: Toggle, value: JSON) -> Observation:
        """Set an absolute value; what Cloudflare answers is the truth, even if it is not what was sent."""
        at = self._clock.now_ms()
        try:
            body = json.dumps(toggle.body(value), allow_nan=False).encode()
        except ValueError:
            raise Refused(Reason.WRONG_VALUE, "a value that can't be sent") from None
        call = of_zone(toggle.method, access, toggle.path, toggle.permission, body)
        return await self._ask_of_zone(
            access,
            call,
            lambda answer, ray: read_at(observe_written(toggle, answer.result, at, ray), answer.read_at),
        )

    async def zone(self, access: ZoneAccess) -> ZoneFacts:
        """The zone's name, plan and account; any "not found" here is about the zone itself."""
        call = of_zone("GET", access, "", ZONE_PERMISSION)
        try:
            return await self._ask(call, lambda answer, _: zone_facts(answer.result))
        except Refused as refusal:
            if refusal.reason is not Reason.UNKNOWN_SETTING:
                raise
            raise Refused(Reason.ZONE_GONE, api=refusal.api) from None

    async def zones(self, token: Token, limit: int) -> list[tuple[ZoneId, ZoneFacts]]:
        """The zones a token reaches, by name; each page is one call and tells no budget."""
        found: list[tuple[ZoneId, ZoneFacts]] = []
        for page in range(1, -(-limit // ZONES_A_PAGE) + 1):
            path = f"/zones?per_page={ZONES_A_PAGE}&page={page}"
            call = Call("GET", path, token, None, ZONE_PERMISSION)
            more = await self._ask(call, lambda answer, _: zone_list(answer.result))
            found += more
            if len(more) < ZONES_A_PAGE:
                break
        return found[:limit]

    async def dns(self, access: ZoneAccess, hostname: str) -> list[DnsRecord]:
        """The records of one name."""
        path = f"/dns_records?name={quote(hostname, safe='')}&per_page=100"
        call = of_zone("GET", access, path, DNS_PERMISSION)
        return await self._ask(call, lambda answer, _: dns_records(answer.result))

    async def may_edit(self, access: ZoneAccess, toggle: Toggle) -> bool:
        """Permissions are judged before values, so a value that cannot be right tells the one from the other.

        What was taken all the same would be a change nobody asked for: the probe is no value of any setting."""
        body = json.dumps(dict.fromkeys(toggle.fields, PROBE)).encode()
        call = of_zone(toggle.method, access, toggle.path, toggle.permission, body)
        try:
            await self._ask(call, lambda answer, _: True)
        except Unauthorized as refusal:
            if refusal.reason is Reason.PERMISSION:
                return False
            raise
        except Refused as refusal:
            if refusal.reason is Reason.ZONE_GONE:
                raise
        return True

    async def changes(self, access: FeedAccess, version: FeedVersion, window: Window) -> FeedPage:
        """One page of an account's audit log; an account or a path that is not there is `NotFound`."""
        path = feed_path(access.account, version, window)
        call = Call("GET", path, access.token, access.credential, FEED_PERMISSION)
        try:
            return await self._ask(
                call, lambda answer, _: feed_page(version, window, answer.result, answer.info, answer.date)
            )
        except Refused as refusal:
            if refusal.reason in (Reason.ZONE_GONE, Reason.UNKNOWN_SETTING):
                raise NotFound(f"no audit log {version.value} at this account") from None
            raise

    async def kv_value(self, access: KvAccess, key: str) -> str | None:
        """A value of Workers KV, which comes as it is kept and in no envelope."""
        began = self._clock.now_ms()
        account, namespace, name = (quote(one, safe="") for one in (access.account, access.namespace, key))
        path = f"/accounts/{account}/storage/kv/namespaces/{namespace}/values/{name}"
        call = Call("GET", path, access.token, access.credential, KV_PERMISSION)
        mark_sent()
        answer = await self._line.call(call.method, call.path, call.token)
        if not isinstance(answer, Lost) and answer.status == 200 and answer.content is not None:
            self._meter.tell(call.credential, answer.headers, None, own=True)
            return answer.content.decode("utf-8", "replace")
        outcome = self._outcome(call, answer)
        if isinstance(outcome, Envelope):
            raise call.asked(self._clock.now_ms()).doubt("Cloudflare's answer is no value")
        if NO_KEY in outcome.codes:
            return None
        _log(call, answer, outcome, self._clock.now_ms() - began)
        lost = isinstance(outcome.error, Refused) and outcome.error.reason is Reason.ZONE_GONE
        if NO_NAMESPACE in outcome.codes or lost:
            raise NotFound("Cloudflare knows no such account or namespace") from None
        raise outcome.error

    async def verify(self, token: Token) -> TokenFacts:
        """Whether Cloudflare knows a token, of a user or of an account, and whether it is active.

        An account's own token is known at its account only. Which that is, the list of zones tells (that of
        accounts is closed to such tokens). An answer proves the token alive: at worst its id stays unknown.
        """
        try:
            return await self._verify(token, "/user/tokens/verify")
        except Refused:
            owners = await self._ask(
                Call("GET", "/zones?per_page=5", token, None, ZONE_PERMISSION),
                lambda answer, _: accounts(answer.result),
            )
        try:
            return await self._verify(token, f"/accounts/{quote(owners[0], safe='')}/tokens/verify")
        except (Refused, IndexError):
            return TokenFacts(status="active", id="")

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        await self._line.close()

    # -- one call ------------------------------------------------------------------------------
    async def _verify(self, token: Token, path: str) -> TokenFacts:
        return await self._ask(Call("GET", path, token, None), lambda answer, _: token_facts(answer.result))

    async def _ask_of_zone(
        self, access: ZoneAccess, call: Call, use: Callable[[Envelope, str], T | None]
    ) -> T:
        """Ask; when there is no route, find out whether it is the zone that is gone, or only the path."""
        try:
            return await self._ask(call, use)
        except Refused as refusal:
            if not isinstance(refusal, BatchWithdrawn) and refusal.reason is not Reason.ZONE_GONE:
                raise
            api = refusal.api
        if not await self._has_zone(access):
            raise Refused(Reason.ZONE_GONE, api=api)
        raise BatchWithdrawn(api=api) if call.is_batch else Refused(Reason.UNKNOWN_SETTING, api=api)

    async def _has_zone(self, access: ZoneAccess) -> bool:
        """Whether Cloudflare knows the zone; without the permission to ask it is taken to be there."""
        try:
            await self.zone(access)
        except Refused as refusal:
            if refusal.reason is Reason.TOKEN_REFUSED:
                raise
            return refusal.reason is not Reason.ZONE_GONE
        return True

    async def _ask(self, call: Call, use: Callable[[Envelope, str], T | None]) -> T:
        """One call, and what `use` makes of its result and ray id; a failure is logged and raised."""
        began = self._clock.now_ms()
        mark_sent()
        with self._telemetry.span(f"Cloudflare {call.does}"):
            answer = await self._line.call(call.method, call.path, call.token, call.body)
        took_ms = self._clock.now_ms() - began
        outcome = self._outcome(call, answer)
        if isinstance(outcome, Envelope):
            used = use(self._dated(outcome, answer, began), _ray(answer, call.token))
            if used is not None:
                self._tell(call, answer, "answered", took_ms)
                return used
            why = call.asked(self._clock.now_ms()).doubt(
                "Cloudflare's answer doesn't hold what was asked for"
            )
            outcome = Failure(why, from_api=True, surprising=True)
        self._tell(call, answer, outcome_of(outcome.error), took_ms)
        _log(call, answer, outcome, took_ms)
        raise outcome.error

    def _dated(self, envelope: Envelope, answer: Reply | Lost, began: int) -> Envelope:
        """The envelope with Cloudflare's time, from which our clock's distance is learned as well."""
        date = None if isinstance(answer, Lost) else date_ms(answer.headers.get("date"))
        if date is None:
            return replace(envelope, read_at=began - max(self._offset.ms, 0))
        dated = Dated(began, self._clock.now_ms(), date)
        self._offset = self._offset.with_answer(dated)
        return replace(envelope, date=date, read_at=self._offset.read_at(dated))

    def _tell(self, call: Call, answer: Reply | Lost, outcome: str, took_ms: int) -> None:
        status = "none" if isinstance(answer, Lost) else f"{answer.status // 100}xx"
        self._telemetry.count("cloudflare_calls", call.does, outcome, status)
        self._telemetry.observe("cloudflare_call_seconds", took_ms / 1000, call.does)

    def _outcome(self, call: Call, answer: Reply | Lost) -> Envelope | Failure:
        outcome = judge(answer, call.asked(self._clock.now_ms()))
        if isinstance(answer, Lost):
            return outcome
        failure = outcome if isinstance(outcome, Failure) else None
        if failure and call.is_batch and _tells_withdrawal(answer.status, failure):
            api = failure.error.api if isinstance(failure.error, Refused) else None
            outcome = failure = replace(failure, error=BatchWithdrawn(api=api))
        error, own = (failure.error, failure.from_api) if failure else (None, True)
        self._meter.tell(call.credential or reserved_credential(), answer.headers, error, own=own)
        return outcome


def outcome_of(error: CloudcacheError) -> str:
    """The kind of a failure, as the caller meets it."""
    kinds: tuple[tuple[type[CloudcacheError], str], ...] = (
        (Throttled, "throttled"),
        (Unauthorized, "unauthorized"),
        (Refused, "refused"),
        (TryLater, "later"),
        (Unclear, "unclear"),
    )
    return next((name for kind, name in kinds if isinstance(error, kind)), "other")


def _tells_withdrawal(status: int, failure: Failure) -> bool:
    """Whatever stands in the body: the wording of that day is not known."""
    return status in (404, 410) and not isinstance(failure.error, Throttled | Unauthorized)


def _ray(answer: Reply | Lost, token: Token) -> str:
    """The id of the call: `cf-ray` without the data centre behind it.

    Not `cf-auditlog-id`: the ray is on every answer, support asks for it, and audit entries hold it in a
    documented field (`raw.cf_ray_id`, without the data centre), by which our own writes can be told from
    those of others. That the other one is the id of an audit entry is nowhere said.
    """
    header = "" if isinstance(answer, Lost) else answer.headers.get("cf-ray", "")
    ray = _RAY.fullmatch(redacted(header, token))
    return ray.group(1) if ray else ""


def _log(call: Call, answer: Reply | Lost, failure: Failure, took_ms: int) -> None:
    """One line for a failed call; a warning, with a piece of the answer, for what nobody expected."""
    status, excerpt = ("-", "") if isinstance(answer, Lost) else (str(answer.status), _excerpt(answer, call))
    is_notable = failure.surprising or isinstance(failure.error, Throttled)
    log.log(
        logging.WARNING if is_notable else logging.INFO,
        "%s %s: status %s, code %s, ray %s, %d ms: %s%s",
        call.method,
        call.path,
        status,
        ",".join(map(str, sorted(failure.codes))) or "-",
        _ray(answer, call.token) or "-",
        took_ms,
        explain(failure.error),
        f"; it begins {excerpt}" if failure.surprising and excerpt else "",
        extra={"event": "call_failed", "ray": _ray(answer, call.token), "status": status},
    )


def _excerpt(reply: Reply, call: Call) -> str:
    """The beginning of an answer, on one line. More is read than shown, lest half a token be left over."""
    start = (reply.content or b"")[: 10 * LONGEST_EXCERPT].decode("utf-8", "replace")
    return ascii(redacted(start, call.token))[:LONGEST_EXCERPT] if start else ""
