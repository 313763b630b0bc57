"""`/_emulator/...`: the routes with which scripts and people play with the pretend Cloudflare.

        GET  log         what arrived (?since=SECONDS, ?clear=1)
        GET  faults      what is set            POST faults     sets one, or {"clear": true, "faults": [...]}
        POST budget      {"token", "remaining", "capacity"}
        POST kv          {"account", "namespace", "key", "value"}
        GET  dashboard   a page for people      POST dashboard  {"zone_id", "setting", "value", "actor_email"},
                                                                also "actor" (fields of the audit log) and "result"

A web page from elsewhere cannot drive them: a browser names the page's origin, and one that is not this host
is refused. Bad input is answered with 400 and a sentence.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, fields
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from cloudcache.emulator.audit import ACTOR_TYPES, Actor
from cloudcache.emulator.dashboard import Visit, changed_address, dashboard_page
from cloudcache.emulator.faults import fault_from
from cloudcache.emulator.forms import BadInput, body_of, form_of, is_foreign
from cloudcache.emulator.wire import JSON, Refusal, compact
from cloudcache.emulator.world import World

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]
DEFAULT_EMAIL = "merchant@example.com"
PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def control_routes(world: World) -> list[Route]:
    """The routes, to be mounted at `/_emulator`."""
    control = Control(world)
    return [
        Route("/log", _guarded(control.log), methods=["GET"]),
        Route("/faults", _guarded(control.list_faults), methods=["GET"]),
        Route("/faults", _guarded(control.set_faults), methods=["POST"]),
        Route("/budget", _guarded(control.set_budget), methods=["POST"]),
        Route("/kv", _guarded(control.put_kv), methods=["POST"]),
        Route("/dashboard", _guarded(control.show_dashboard), methods=["GET"]),
        Route("/dashboard", _guarded(control.use_dashboard), methods=["POST"]),
    ]


class Control:
    """The endpoints, one method each."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def log(self, request: Request) -> Response:
        """The request log."""
        since = _seconds(request.query_params.get("since", "0"))
        records: list[JSON] = [asdict(record) for record in self._world.requests() if record.at >= since]
        if request.query_params.get("clear") == "1":
            self._world.clear_requests()
        return _reply({"requests": records})

    async def list_faults(self, _: Request) -> Response:
        """The faults that are set."""
        return self._faults()

    async def set_faults(self, request: Request) -> Response:
        """Sets or clears faults; all of them are understood before any is set."""
        body = await _json(request)
        is_plain = "kind" in body
        listed = [body] if is_plain else body.get("faults", [])
        if not isinstance(listed, list) or not (is_plain or body.keys() <= {"clear", "faults"}):
            raise BadInput('expected a fault, or {"clear": true, "faults": [...]}')
        faults = [fault_from(item) for item in listed]
        if body.get("clear") is True:
            self._world.clear_faults()
        for fault in faults:
            self._world.inject(fault)
        return self._faults()

    async def set_budget(self, request: Request) -> Response:
        """Makes a token's budget smaller or larger."""
        body = await _json(request)
        remaining, capacity = _count(body, "remaining", 0), _count(body, "capacity", 1)
        token = _text(body, "token")
        self._world.set_budget(token, remaining=remaining, capacity=capacity)
        return _reply({"remaining": remaining, "capacity": capacity})

    async def put_kv(self, request: Request) -> Response:
        """Puts a value into a KV namespace, which is made if need be."""
        body = await _json(request)
        account, namespace = _text(body, "account"), _text(body, "namespace")
        self._world.kv.put(account, namespace, {_text(body, "key"): _text(body, "value")})
        return _reply({"account": account, "namespace": namespace})

    async def show_dashboard(self, request: Request) -> Response:
        """The page."""
        return self._page(Visit.of(request.query_params, DEFAULT_EMAIL))

    async def use_dashboard(self, request: Request) -> Response:
        """Somebody changes a setting: a script by JSON, a person by a form of the page."""
        if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return await self._submit(request)
        body = await _json(request)
        if "value" not in body:
            raise BadInput("value is missing")
        zone_id, setting = _text(body, "zone_id"), _text(body, "setting")
        user_id = _text(body, "user_id") if "user_id" in body else None
        email = _text(body, "actor_email") if "actor_email" in body else DEFAULT_EMAIL
        done_by, result = _actor(body.get("actor")), body.get("result", "success")
        self._change(zone_id, setting, body["value"], email, user_id, done_by, result)
        return _reply({"zone_id": zone_id, "setting": setting, "value": self._world.value(zone_id, setting)})

    async def _submit(self, request: Request) -> Response:
        fields = await form_of(request)
        visit = Visit.of(fields, DEFAULT_EMAIL)
        setting = fields.get("setting", "")
        try:
            value: JSON = json.loads(fields.get("value", ""))
            self._change(visit.zone_id, setting, value, visit.email, None)
        except (BadInput, Refusal, ValueError) as trouble:
            return self._page(visit, f"Not saved: {trouble}")
        return RedirectResponse(changed_address(visit, setting), status_code=303)

    def _change(
        self,
        zone_id: str,
        setting: str,
        value: JSON,
        email: str,
        user_id: str | None,
        actor: Actor | None = None,
        result: JSON = "success",
    ) -> None:
        if self._world.directory.zone(zone_id) is None:
            raise BadInput("no such zone")
        self._world.dashboard_change(
            zone_id, setting, value, actor_email=email, user_id=user_id, actor=actor, result=result
        )

    def _page(self, visit: Visit, trouble: str = "") -> Response:
        status = 400 if trouble else 200
        return HTMLResponse(dashboard_page(self._world, visit, trouble), status, headers=PAGE_HEADERS)

    def _faults(self) -> Response:
        with self._world.lock:
            return _reply({"faults": self._world.faults.shown()})


def _guarded(endpoint: Endpoint) -> Endpoint:
    """Turns away foreign pages, and turns bad input into 400."""

    async def guarded(request: Request) -> Response:
        if is_foreign(request):
            return _reply({"error": "this may only be used from its own pages"}, 403)
        try:
            return await endpoint(request)
        except (BadInput, Refusal, ValueError) as trouble:
            return _reply({"error": str(trouble)}, 400)

    return guarded


def _reply(value: JSON, status: int = 200) -> Response:
    return Response(compact(value), status, media_type="application/json")


async def _json(request: Request) -> Mapping[str, JSON]:
    try:
        body: JSON = json.loads(await body_of(request))
    except (ValueError, RecursionError):
        raise BadInput("the body is not JSON") from None
    if not isinstance(body, dict):
        raise BadInput("the body must be a JSON object")
    return body


def _text(body: Mapping[str, JSON], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise BadInput(f"{name} must be a text")
    return value


def _actor(given: JSON) -> Actor | None:
    """The audit-log actor that a script describes by the fields of `Actor`."""
    if given is None:
        return None
    names = {one.name for one in fields(Actor)}
    if not isinstance(given, dict) or not given.keys() <= names or given.get("type") not in ACTOR_TYPES:
        raise BadInput(f"actor must have a type ({', '.join(ACTOR_TYPES)}), and no other fields than {names}")
    return Actor(**{name: str(value) for name, value in given.items()})


def _count(body: Mapping[str, JSON], name: str, low: int) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise BadInput(f"{name} must be a whole number, {low} or more")
    return value


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadInput("since must be a Unix time in seconds") from None
