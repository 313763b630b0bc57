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
from cloudcache.domain.catalog import TOGGLES, Toggle, find
from cloudcache.domain.customers import Customer, Page
from cloudcache.domain.errors import CloudcacheError, Reason, Refused
from cloudcache.domain.events import Change, Source
from cloudcache.domain.ids import CustomerId
from cloudcache.domain.shopify import Forged
from cloudcache.domain.toggle import Cell, lock, standing
from cloudcache.services import current
from cloudcache.services.scripts import PREFIX
from cloudcache.web.problem import MEDIA, of_error, problem, problem_of_status, too_many_requests

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
    """Authenticate, count, and answer what goes wrong as a problem."""

    async def guard(request: Request) -> Response:
        try:
            caller = await _caller(request)
            if isinstance(caller, Response):
                return caller
            logs.know(actor=caller.actor.kind.value, customer=caller.customer)
            wait = await current().limits.wait_s(kind, str(caller.customer))
            if wait > 0:
                return too_many_requests(wait)
            return await handle(request, caller)
        except CloudcacheError as error:
            return of_error(error)

    return guard


async def list_all(request: Request, caller: Caller) -> Response:
    """All settings of the shop, with their age and what they do for it."""
    page = await current().toggles.page(caller.actor, caller.customer)
    shown = [_shown(toggle, page) for toggle in TOGGLES]
    return JSONResponse({"shop": page.customer.shop, "zone": _zone(page.customer), "optimizations": shown})


async def show(request: Request, caller: Caller) -> Response:
    """One setting."""
    toggle = find(request.path_params["toggle_id"])
    page = await current().toggles.page(caller.actor, caller.customer)
    return JSONResponse(_shown(toggle, page))


async def history(request: Request, caller: Caller) -> Response:
    """The changes of one setting, newest first."""
    toggle = find(request.path_params["toggle_id"])
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST):
        return problem(422, "wrong-value", "Invalid limit", f"limit must be an integer from 1 to {MOST}.")
    found = await current().toggles.history(caller.actor, caller.customer, toggle.id, int(text))
    return JSONResponse({"toggle_id": toggle.id, "changes": [_change(one) for one in found]})


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
    return JSONResponse(_change(change), 202)


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


async def _caller(request: Request) -> Caller | Response:
    """Whom the Bearer token names. An address that is refused too often waits."""
    origin = _origin(request)
    given = request.headers.getlist("authorization")
    scheme, token = _credentials(given[0]) if len(given) == 1 else ("", "")
    if request.query_params.get("id_token", token) != token:
        return await _nobody("two_tokens", origin)
    actor: Actor | None = None
    reason = "missing_token"
    if scheme.lower() == "bearer" and token.startswith(PREFIX):
        actor, reason = await current().scripts.actor_of(token, origin), "unknown_token"
    elif scheme.lower() == "bearer" and token:
        try:
            actor = (await current().merchants.present(token, origin=origin)).actor
        except Forged as forged:
            reason = forged.reason
    if actor is None:
        return await _nobody(reason, origin)
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
    wait = await current().limits.wait_s("guess", origin.address)
    if wait > 0:
        return too_many_requests(wait)
    if reason not in ("missing_token", "expired"):
        await current().merchants.deny(reason, "REST API", origin)
    challenge = "Bearer" if reason == "missing_token" else 'Bearer error="invalid_token"'
    headers = {"WWW-Authenticate": challenge, **RETRY_HEADER}
    detail = "Send an API token, or a Shopify session token, in the Authorization header."
    return problem(401, "unauthorized", "Missing or invalid bearer token", detail, headers)


def _origin(request: Request) -> Origin:
    address = request.client.host if request.client else ""
    return Origin(address, request.headers.get("user-agent", ""), "")


# -- what is shown -----------------------------------------------------------------------------


def _shown(toggle: Toggle, page: Page) -> dict[str, object]:
    now = current().clock.now_ms()
    cell = page.cells.get(toggle.id, Cell(toggle.id))
    locked = lock(toggle, cell, page.customer.plan, page.customer.missing)
    known = cell.seen_at is not None and cell.absent_at is None
    return {
        "id": toggle.id,
        "title": toggle.title,
        "category": toggle.category,
        "enabled": (cell.reading(toggle).state.value == "on") if known else None,
        "value": cell.value if known else None,
        "seen_at": cell.seen_at,
        "age_ms": max(0, now - cell.seen_at) if cell.seen_at is not None else None,
        "standing": standing(cell, now).value,
        "locked": locked.value if locked else None,
        "effect": toggle.verdict(page.customer.topology).effect.value,
        "change": _change(cell.change) if cell.change and cell.change.is_open else None,
    }


def _zone(customer: Customer) -> dict[str, object]:
    return {
        "name": customer.zone_name,
        "plan": customer.plan.title,
        "topology": customer.topology.value,
        "status": customer.status.value,
        "full_read_at": customer.full_read_at,
        "not_read_in_full_at": customer.unread_at,
    }


def _change(change: Change) -> dict[str, object]:
    return {
        "id": change.id,
        "toggle_id": change.toggle,
        "enabled": change.to_state.value == "on",
        "status": change.status.value,
        "source": change.source.value,
        "actor": change.actor.id,
        "requested_at": change.requested_at,
        "settled_at": change.settled_at,
        "error": change.error or None,
    }


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
