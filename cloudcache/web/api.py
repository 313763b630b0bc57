"""The REST API of one shop: the same services as the page, for programs.

    GET  /api/v1/optimizations                        all settings
    GET  /api/v1/optimizations/{toggle_id}            one
    POST /api/v1/optimizations/{toggle_id}            {"enabled": bool, "confirmed": bool?}
    GET  /api/v1/optimizations/{toggle_id}/history    its changes, newest first

A Bearer token is an ID token of Shopify's App Bridge, or an API token that the store created. The tenant is the
token's; nothing in a path or body names one. What is not believed is answered 401 and told no more.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

from cloudcache import logs
from cloudcache.domain.access import Actor, Origin
from cloudcache.domain.catalog import Toggle, find
from cloudcache.domain.errors import CloudcacheError, Reason, Refused
from cloudcache.domain.events import Source
from cloudcache.domain.ids import CustomerId
from cloudcache.domain.rate_limit import RateLimitStatus
from cloudcache.domain.shopify import Forged
from cloudcache.services import current
from cloudcache.services.scripts import PREFIX
from cloudcache.web.problem import MEDIA, of_error, problem, problem_of_status, too_many_requests
from cloudcache.web.settings_document import SettingsDocument, change_shown, is_match

log = logging.getLogger("cloudcache.api")

RETRY_HEADER = {"X-Shopify-Retry-Invalid-Session-Request": "1"}
DEFAULT_LIMIT, MOST = 50, 200


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and for which customer."""

    actor: Actor
    customer: CustomerId


Handler = Callable[[Request, Caller], Awaitable[Response]]


def guarded(handle: Handler, kind: str) -> Callable[[Request], Awaitable[Response]]:
    """Count, authenticate, and answer what goes wrong as a problem.

    A token that was looked up before is counted before it is looked up again: a refusal costs no statement."""

    async def guard(request: Request) -> Response:
        limit: RateLimitStatus | None = None
        try:
            given = _given(request)
            customer = current().scripts.last_customer(given.token)
            if customer is not None:
                limit = await current().limits.hit(kind, str(customer))
                if limit.is_exceeded:
                    return too_many_requests(limit, limit.headers(kind))
            caller = await _caller(given, is_read=kind == "read")
            if isinstance(caller, Response):
                return caller
            logs.know(actor=caller.actor.kind.value, customer=caller.customer)
            if limit is None or caller.customer != customer:
                limit = await current().limits.hit(kind, str(caller.customer))
                if limit.is_exceeded:
                    return too_many_requests(limit, limit.headers(kind))
            answer = await handle(request, caller)
        except CloudcacheError as error:
            answer = of_error(error)
        if limit is not None:
            answer.headers.update(limit.headers(kind))
        return answer

    return guard


async def list_all(request: Request, caller: Caller) -> Response:
    """All settings of the shop, with their age and what they do for it."""
    document, now = await _document(caller)
    return _answer(request, document.etag, lambda: document.everything(now))


async def show(request: Request, caller: Caller) -> Response:
    """One setting."""
    toggle = find(request.path_params["toggle_id"])
    document, now = await _document(caller)
    return _answer(request, document.etag_of(toggle.id), lambda: document.setting(toggle.id, now))


async def _document(caller: Caller) -> tuple[SettingsDocument, int]:
    """The shop's settings, and the time at which they are shown."""
    recent = await current().toggles.recent_page(caller.actor, caller.customer)
    now, document = current().clock.now_ms(), recent.derived
    if not isinstance(document, SettingsDocument) or not document.is_valid(recent.page, now):
        document = recent.derived = SettingsDocument(recent.page, now)
    return document, now


def _answer(request: Request, etag: str, body: Callable[[], str]) -> Response:
    """The body, or 304 when the caller has it; only ages may differ, and those follow from `seen_at`."""
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if is_match(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    return Response(body().encode(), media_type="application/json", headers=headers)


async def history(request: Request, caller: Caller) -> Response:
    """The changes of one setting, newest first."""
    toggle = find(request.path_params["toggle_id"])
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST):
        return problem(422, "wrong-value", "Invalid limit", f"limit must be an integer from 1 to {MOST}.")
    found = await current().toggles.history(caller.actor, caller.customer, toggle.id, int(text))
    return JSONResponse({"toggle_id": toggle.id, "changes": [change_shown(one) for one in found]})


async def flip(request: Request, caller: Caller) -> Response:
    """Turn a setting on or off; answers at once with the change, whose outcome follows."""
    toggle = find(request.path_params["toggle_id"])
    raw = await request.body()
    wish = _wish(request, raw)
    if isinstance(wish, Response):
        return wish
    enabled, confirmed = wish
    key = request.headers.get("idempotency-key")
    if key is None:
        return await _flipped(caller, toggle, enabled, confirmed, None)
    return await _once(caller, key, f"{toggle.id}\n".encode() + raw, toggle, enabled, confirmed)


async def _once(
    caller: Caller, key: str, told: bytes, toggle: Toggle, enabled: bool, confirmed: bool
) -> Response:
    """The same key and body get the same answer; it is kept for a day."""
    scripts = current().scripts
    try:
        held = await scripts.claim(caller.actor, key, told)
    except ValueError as error:
        return problem(422, "wrong-value", "Invalid Idempotency-Key", str(error))
    except Refused as refusal:
        return problem(409, "idempotency-conflict", "Idempotency key already used", refusal.detail)
    if held is not None and held.status is not None:
        media = "application/json" if held.status < 400 else MEDIA
        return Response(held.body, held.status, media_type=media, headers={"Idempotency-Replayed": "true"})
    if held is not None:
        detail = "The first request with this Idempotency-Key is still being processed."
        return problem(409, "in-progress", "Request in progress", detail)
    try:
        answer = await _flipped(caller, toggle, enabled, confirmed, key)
    except Refused as refusal:
        answer = of_error(refusal)
        if refusal.reason is Reason.CIRCUIT_OPEN:  # the same request may be made again later
            await scripts.release(caller.actor, key)
            return answer
    except BaseException:
        await scripts.release(caller.actor, key)
        raise
    await scripts.keep(caller.actor, key, answer.status_code, bytes(answer.body).decode())
    return answer


async def _flipped(
    caller: Caller, toggle: Toggle, enabled: bool, confirmed: bool, key: str | None
) -> JSONResponse:
    change = await current().toggles.flip(
        caller.actor,
        caller.customer,
        toggle.id,
        enabled,
        request_id=current().request_id(key),
        source=Source.API,
        confirmed=confirmed,
    )
    return JSONResponse(change_shown(change), 202)


def _wish(request: Request, raw: bytes) -> tuple[bool, bool] | Response:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return problem(
            415, "unsupported-media-type", "Unsupported media type", "Send the request body as JSON."
        )
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return problem(400, "malformed", "Malformed request body", "The request body isn’t valid JSON.")
    if not isinstance(body, dict) or not set(body) <= {"enabled", "confirmed"}:
        detail = 'The request body must be an object like {"enabled": true}.'
        return problem(422, "wrong-value", "Invalid request body", detail)
    enabled, confirmed = body.get("enabled"), body.get("confirmed", False)
    if not isinstance(enabled, bool) or not isinstance(confirmed, bool):
        return problem(
            422, "wrong-value", "Invalid request body", "enabled and confirmed must be true or false."
        )
    return enabled, confirmed


# -- who calls ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Given:
    """What a request says of who sends it. `is_ambiguous` when it holds two different tokens."""

    scheme: str
    token: str
    is_ambiguous: bool
    origin: Origin


def _given(request: Request) -> Given:
    """Read from the one `Authorization` header; several count as none."""
    headers = request.headers.getlist("authorization")
    scheme, token = _credentials(headers[0]) if len(headers) == 1 else ("", "")
    is_ambiguous = request.query_params.get("id_token", token) != token
    address = request.client.host if request.client else ""
    origin = Origin(address, request.headers.get("user-agent", ""), "")
    return Given(scheme.lower(), token, is_ambiguous, origin)


async def _caller(given: Given, *, is_read: bool) -> Caller | Response:
    """Whom the Bearer token names. An address that is refused too often waits; for a read, a look at an API token
    of a second ago counts."""
    if given.is_ambiguous:
        return await _nobody("two_tokens", given.origin)
    actor: Actor | None = None
    reason = "missing_token"
    if given.scheme == "bearer" and given.token.startswith(PREFIX):
        scripts, reason = current().scripts, "unknown_token"
        if scripts.last_customer(given.token) is None:
            lookups = await current().limits.hit("lookup", given.origin.address)
            if lookups.is_exceeded:
                return too_many_requests(lookups, {})
        actor = await scripts.actor_of(given.token, given.origin, is_recent_enough=is_read)
    elif given.scheme == "bearer" and given.token:
        try:
            actor = (await current().merchants.present(given.token, origin=given.origin)).actor
        except Forged as forged:
            reason = forged.reason
    if actor is None:
        return await _nobody(reason, given.origin)
    await current().rollouts.admit(actor)
    if actor.customer is None:
        detail = "Connect the store to Cloudflare in the app first."
        return problem(409, "not-connected", "Not connected to Cloudflare", detail)
    return Caller(actor, actor.customer)


def _credentials(header: str) -> tuple[str, str]:
    """The scheme and the token of an `Authorization` header; one or more blanks part them (RFC 6750)."""
    scheme, _, token = header.strip(" ").partition(" ")
    return scheme, token.lstrip(" ")


async def _nobody(reason: str, origin: Origin) -> Response:
    guesses = await current().limits.hit("guess", origin.address)
    if guesses.is_exceeded:
        return too_many_requests(guesses, {})
    if reason not in ("missing_token", "expired"):
        await current().merchants.deny(reason, "REST API", origin)
    challenge = "Bearer" if reason == "missing_token" else 'Bearer error="invalid_token"'
    headers = {"WWW-Authenticate": challenge, **RETRY_HEADER}
    detail = "Send an API token, or a Shopify session token, in the Authorization header."
    return problem(401, "unauthorized", "Missing or invalid bearer token", detail, headers)


# -- no such path ------------------------------------------------------------------------------


async def elsewhere(request: Request) -> Response:
    """No such path, or not with this method; the pages' own 404 is for people."""
    allowed = _allowed(request)
    if allowed:
        return problem_of_status(405, request.method, {"Allow": allowed})
    return problem_of_status(404, request.method)


def _allowed(request: Request) -> str:
    found = [
        method
        for route in ROUTES[:-1]
        for method in sorted(route.methods or ())
        if route.matches({**request.scope, "method": method})[0] is Match.FULL
    ]
    return ", ".join(dict.fromkeys(found))


EVERY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
ROUTES = [
    Route("/api/v1/optimizations", guarded(list_all, "read"), methods=["GET"]),
    Route("/api/v1/optimizations/{toggle_id}", guarded(show, "read"), methods=["GET"]),
    Route("/api/v1/optimizations/{toggle_id}", guarded(flip, "write"), methods=["POST"]),
    Route("/api/v1/optimizations/{toggle_id}/history", guarded(history, "read"), methods=["GET"]),
    Route("/api/v1/{rest:path}", elsewhere, methods=EVERY_METHOD),
]
