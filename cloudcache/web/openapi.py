"""The REST API's description (OpenAPI 3.1) and the page that shows it; both say what `api.py` does."""

from __future__ import annotations

import json
from html import escape
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from cloudcache.domain.catalog import TOGGLES, Topology, ZonePlan
from cloudcache.domain.customers import ZoneStatus
from cloudcache.domain.toggle import Lock, Standing

_CHANGE = {
    "type": "object",
    "required": ["id", "toggle_id", "enabled", "status", "source", "actor", "requested_at"],
    "properties": {
        "id": {"type": "integer"},
        "toggle_id": {"type": "string"},
        "enabled": {"type": "boolean"},
        "status": {"enum": ["pending", "applied", "failed", "superseded", "observed"]},
        "source": {"enum": ["page", "api", "cloudflare", "import", "side_effect", "expiry"]},
        "actor": {"type": "string"},
        "requested_at": {
            "type": "integer",
            "description": "Unix milliseconds. For a change made outside this app: when it was made, if "
            "Cloudflare reports that, or when it was noticed.",
        },
        "settled_at": {
            "type": ["integer", "null"],
            "description": "Unix milliseconds. For a change made outside this app: when it was noticed.",
        },
        "error": {"type": ["string", "null"]},
    },
}
_OPTIMIZATION = {
    "type": "object",
    "required": ["id", "title", "enabled", "seen_at", "age_ms", "standing", "locked", "effect", "change"],
    "properties": {
        "id": {"type": "string"},
        "title": {"type": "string"},
        "category": {"type": "string"},
        "enabled": {
            "type": ["boolean", "null"],
            "description": "null until the setting is read, and while the zone doesn’t have it",
        },
        "value": {"description": "Cloudflare’s own value, which can be more specific than on or off"},
        "seen_at": {"type": ["integer", "null"], "description": "Unix milliseconds"},
        "age_ms": {"type": ["integer", "null"]},
        "standing": {"enum": [one.value for one in Standing]},
        "locked": {"enum": [*(one.value for one in Lock), None]},
        "effect": {"type": "string"},
        "change": {"oneOf": [{"$ref": "#/components/schemas/Change"}, {"type": "null"}]},
    },
}
_ZONE = {
    "type": "object",
    "required": ["name", "plan", "topology", "status", "full_read_at", "not_read_in_full_at"],
    "properties": {
        "name": {"type": "string"},
        "plan": {"enum": [one.title for one in ZonePlan]},
        "topology": {"enum": [one.value for one in Topology]},
        "status": {"enum": [one.value for one in ZoneStatus]},
        "full_read_at": {
            "type": ["integer", "null"],
            "description": "Unix milliseconds: when all settings were last read together",
        },
        "not_read_in_full_at": {
            "type": ["integer", "null"],
            "description": "Unix milliseconds: when a read of all settings last left some unread",
        },
    },
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable. Programs can branch on it."},
        "detail": {"type": "string"},
    },
}
_TOGGLE_ID = {
    "name": "toggle_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "With _ or -, for example rocket_loader or rocket-loader.",
    "example": TOGGLES[0].id,
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": 80, "pattern": "^[!-~]+$"},
    "description": "The same key and body get the same response for a day. The same key with another body gets 409.",
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "schema": {"type": "string"},
    "description": "The ETag of an earlier answer. The answer is 304 without a body if nothing but ages changed.",
}
_ETAG = {"description": "Changes whenever anything but an age does.", "schema": {"type": "string"}}
_RATE_LIMIT = {
    "RateLimit-Policy": {
        "description": 'The limit (q) and its window in seconds (w), such as "read";q=600;w=60.',
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": 'How many requests are left (r), and the seconds until one more is (t): "read";r=598;t=42.',
        "schema": {"type": "string"},
    },
}
_LIMIT = {
    "name": "limit",
    "in": "query",
    "schema": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
}
_WISH = {
    "type": "object",
    "required": ["enabled"],
    "additionalProperties": False,
    "properties": {
        "enabled": {"type": "boolean"},
        "confirmed": {
            "type": "boolean",
            "description": "Required for a change that’s risky for this store.",
        },
    },
}


def document() -> dict[str, Any]:
    """The whole description: JSON as OpenAPI shapes it."""
    one = "/api/v1/optimizations/{toggle_id}"
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "cloudcache",
            "version": "1",
            "description": "The Cloudflare settings of one Shopify store. Times are Unix milliseconds.",
        },
        "security": [{"bearer": []}],
        "paths": {
            "/api/v1/optimizations": {
                "get": _read("List all settings", "Settings", ("read",)),
            },
            one: {
                "parameters": [_TOGGLE_ID],
                "get": _read("Get a setting", "Optimization", ("read", 404)),
                "post": {
                    **_operation(
                        "Turn a setting on or off", 202, "Change", ("read", 400, 403, 404, 409, 415, 422)
                    ),
                    "parameters": [_KEY],
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Wish"}}},
                    },
                },
            },
            f"{one}/history": {
                "parameters": [_TOGGLE_ID],
                "get": {
                    **_operation(
                        "List a setting’s changes, newest first", 200, "History", ("read", 404, 422)
                    ),
                    "parameters": [_LIMIT],
                },
            },
        },
        "components": {
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API token (created under Cloudflare connection), or a Shopify session token.",
                }
            },
            "schemas": {
                "Change": _CHANGE,
                "Optimization": _OPTIMIZATION,
                "Problem": _PROBLEM,
                "Wish": _WISH,
                "Zone": _ZONE,
                "Settings": {
                    "type": "object",
                    "required": ["shop", "zone", "optimizations"],
                    "properties": {
                        "shop": {"type": "string"},
                        "zone": {"$ref": "#/components/schemas/Zone"},
                        "optimizations": {
                            "type": "array",
                            "items": {"$ref": "#/components/schemas/Optimization"},
                        },
                    },
                },
                "History": {
                    "type": "object",
                    "required": ["toggle_id", "changes"],
                    "properties": {
                        "toggle_id": {"type": "string"},
                        "changes": {"type": "array", "items": {"$ref": "#/components/schemas/Change"}},
                    },
                },
            },
        },
    }


def _read(title: str, schema: str, problems: tuple[object, ...]) -> dict[str, Any]:
    """A read whose answer has an entity tag."""
    operation = _operation(title, 200, schema, problems)
    operation["parameters"] = [_IF_NONE_MATCH]
    headers = {"ETag": _ETAG, **_RATE_LIMIT}
    operation["responses"]["200"]["headers"] = headers
    operation["responses"]["304"] = {"description": "Not modified", "headers": headers}
    operation["responses"] = dict(sorted(operation["responses"].items()))
    return operation


def _operation(title: str, status: int, schema: str, problems: tuple[object, ...]) -> dict[str, Any]:
    listed = [401, 403, 409, 413, 429, 503, *(one for one in problems if isinstance(one, int))]
    shown = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    body = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {
        "summary": title,
        "responses": {
            str(status): {"description": "Success", "content": body, "headers": _RATE_LIMIT},
            **{str(code): {"description": "Problem", "content": shown} for code in sorted(set(listed))},
        },
    }


POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport"
content="width=device-width, initial-scale=1"><title>REST API · cloudcache</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/tokens.css">
<link rel="stylesheet" href="/cloudcache.css"></head><body><main class="page narrow">
<div class="head"><div><h1>REST API</h1><p class="sub">Read and change one store’s settings from your own programs.
<a class="link" href="/api/docs/openapi.json">OpenAPI document</a></p></div></div>{sections}</main></body></html>"""


def page() -> str:
    """The description for people."""
    described = document()
    paths = described["paths"]
    sections = [_example()]
    for path, verbs in paths.items() if isinstance(paths, dict) else ():
        for verb, operation in verbs.items():
            if verb != "parameters":
                sections.append(_section(verb, path, operation))
    return PAGE.format(sections="".join(sections))


def _example() -> str:
    command = "curl -H 'Authorization: Bearer cct_...' https://your-app/api/v1/optimizations/rocket-loader"
    return (
        '<section class="card"><div class="card-head"><h2>How to call the API</h2></div><div class="card-body lines">'
        "<p>Create an API token under Cloudflare connection, and send it as a bearer token.</p>"
        f'<pre class="secret">{escape(command)}</pre></div></section>'
    )


def _section(verb: str, path: str, operation: dict[str, object]) -> str:
    responses = operation["responses"]
    codes = responses if isinstance(responses, dict) else {}
    rows = "".join(
        f"<tr><td>{escape(code)}</td><td>{HTTPStatus(int(code)).phrase}</td></tr>" for code in codes
    )
    body = ""
    if "requestBody" in operation:
        body = f'<pre class="secret">{escape(json.dumps({"enabled": True}))}</pre>'
    title = escape(str(operation["summary"]))
    return (
        f'<section class="card" aria-label="{title}"><div class="card-head"><h2>{title}</h2></div>'
        f'<div class="card-body lines"><p class="call"><span class="badge info">{verb.upper()}</span> '
        f"<code>{escape(path)}</code></p>{body}</div>"
        f'<table><thead><tr><th scope="col">Status</th><th scope="col">Meaning</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></section>"
    )


async def docs(request: Request) -> Response:
    """The page."""
    return HTMLResponse(page(), headers={"Content-Security-Policy": POLICY})


async def openapi(request: Request) -> Response:
    """The document."""
    return JSONResponse(document())


ROUTES = [Route("/api/docs", docs), Route("/api/docs/openapi.json", openapi)]
