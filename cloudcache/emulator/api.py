"""The API itself: a call goes in, an answer comes out.

        address limit -> header -> token -> budget -> path and verb -> zone or account -> permission

The order matters to clients: a blocked token learns that before anything else. Every answer, whatever its
status, tells how much of the budget is left.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from email.utils import formatdate

from cloudcache.emulator import refusals
from cloudcache.emulator.exchange import Exchange
from cloudcache.emulator.faults import Fault
from cloudcache.emulator.routes import perform
from cloudcache.emulator.tokens import Token
from cloudcache.emulator.wire import JSON, Answer, Call, Outcome, Refusal, answered, refused
from cloudcache.emulator.world import World

STRANGE: JSON = "experimental_7"
"""A value that no schema knows, for the fault of that name."""

_JSON, _BYTES = b"application/json", b"application/octet-stream"
_STEADY_HEADERS = (
    (b"cache-control", b"no-store, no-cache, must-revalidate, post-check=0, pre-check=0"),
    (b"pragma", b"no-cache"),
    (b"expires", b"Sun, 25 Jan 1981 05:00:00 GMT"),
    (b"server", b"cloudflare"),
)


def answer(world: World, call: Call, fault: Fault | None = None) -> Answer:
    """Cloudflare's answer to a call. Of the faults, only those that change what it does matter here."""
    with world.lock:
        now = world.clock()
        ray_id, audit_id = secrets.token_hex(8), secrets.token_hex(16)
        token = world.token(call.token) if call.token else None
        retry_after, kind = None, _JSON
        try:
            admitted = _admit(world, call, token, now, fault)
            outcome = _carry_out(Exchange(world, call, admitted, now, ray_id, audit_id, fault))
            status, body = 200, answered(outcome)
            kind = _JSON if outcome.raw is None else _BYTES
        except Refusal as refusal:
            status, body, retry_after = refusal.status, refused(refusal), refusal.retry_after
        dated = (b"date", formatdate(now, usegmt=True).encode())
        steady = ((b"content-type", kind), dated, *_STEADY_HEADERS)
        headers = (*steady, *_meter(world, token, now), *_marks(ray_id, audit_id, retry_after))
        return Answer(status, headers, body, None if token is None else token.id)


def _admit(world: World, call: Call, token: Token | None, now: float, fault: Fault | None) -> Token:
    """The token of a call that may go on, its budget charged."""
    if not world.gate.admit(call.address, now, world.options.address_per_second):
        raise refusals.slow_down(1)
    if call.token is None:
        raise refusals.malformed_header()
    verifying = call.path.endswith("/tokens/verify")
    if token is None:
        raise refusals.invalid_token(verifying=verifying)
    bucket = world.bucket(token.budget)
    if fault is not None and fault.kind == "block":
        bucket.block(now)
    wait = bucket.take(now)
    if wait is not None:
        raise refusals.slow_down(wait)
    if token.status != "active" and not verifying:
        raise refusals.invalid_token(verifying=False)
    return token


def _carry_out(exchange: Exchange) -> Outcome:
    fault = exchange.fault
    if fault is None:
        return perform(exchange)
    if fault.kind == "status":
        raise refusals.own_trouble(fault.status or 503, fault.code, fault.message)
    outcome = perform(exchange)
    if fault.kind == "duplicate":
        return perform(replace(exchange, audit_id=secrets.token_hex(16), ray_id=secrets.token_hex(8)))
    if fault.kind == "unknown_value":
        return replace(outcome, result=_estranged(outcome.result))
    return outcome


def _estranged(result: JSON) -> JSON:
    """The same result with values that no schema knows."""
    if isinstance(result, list):
        return [_estranged(item) for item in result]
    fields = result if isinstance(result, dict) else {}
    if "value" in fields:
        return fields | {"value": STRANGE}
    marks = ("id", "editable", "modified_on", "updated_at")
    return {name: value if name in marks else STRANGE for name, value in fields.items()}


def _meter(world: World, token: Token | None, now: float) -> tuple[tuple[bytes, bytes], ...]:
    options = world.options
    if token is None:
        capacity, left, until_full = options.token_budget, options.token_budget, 0
    else:
        bucket = world.bucket(token.budget)
        capacity = bucket.capacity
        left, until_full = bucket.meter(now)
    policy = f'"default";q={capacity};w={options.window_seconds:.0f}'
    return (b"ratelimit", f'"default";r={left};t={until_full}'.encode()), (
        b"ratelimit-policy",
        policy.encode(),
    )


def _marks(ray_id: str, audit_id: str, retry_after: int | None) -> tuple[tuple[bytes, bytes], ...]:
    marks = (b"cf-ray", f"{ray_id}-FRA".encode()), (b"cf-auditlog-id", audit_id.encode())
    return marks if retry_after is None else (*marks, (b"retry-after", str(retry_after).encode()))
