"""The pretend Cloudflare keeps to Cloudflare's published shapes: every path, every verb, success and refusal.

The published description is taken at its word, with four corrections where it is known to be wrong, or was
made wrong by flattening (each is a function below with its reason).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from cloudcache.emulator.api import answer
from cloudcache.emulator.catalogue import BATCH, PLAIN, Plan
from cloudcache.emulator.generated import PLATFORM
from cloudcache.emulator.options import Options
from cloudcache.emulator.wire import JSON, Call
from cloudcache.emulator.world import World

Schema = dict[str, JSON]

DOCUMENT = json.loads((Path(__file__).parents[1] / "data" / "openapi-subset.json").read_text())
NAME = "urn:cloudflare"
ACCOUNT = "a" * 32
ZONES = {"free": "1" * 32, "pro": "2" * 32, "business": "3" * 32, "enterprise": "4" * 32}
ADMIN, BARE = "cfut_may-do-anything", "cfut_may-do-nothing"
UNPUBLISHED = {
    "ech",
    "pq_keyex",
    "long_lived_grpc",
    "visitor_ip",
    "log_to_cloudflare",
    "filter_logs_to_cloudflare",
}
OWN_SCHEMAS = {"fonts", "speed_brain", "rum", "ssl_automatic_mode"}
GENERIC = "/zones/{zone_id}/settings/{setting_id}"
OPERATIONS = [
    (path, verb)
    for path, operations in DOCUMENT["paths"].items()
    for verb in ("get", "patch", "put", "post")
    if verb in operations and path != GENERIC
]
PUBLISHED_IDS = sorted(set(PLAIN) - UNPUBLISHED - OWN_SCHEMAS)

BODIES: dict[str, JSON] = {
    "/zones/{zone_id}/settings": {
        "items": [{"id": "rocket_loader", "value": "on"}, {"id": "ssl", "value": "strict"}]
    },
    "/zones/{zone_id}/settings/nel": {"value": {"enabled": False}},
    "/zones/{zone_id}/settings/origin_max_http_version": {"value": "1"},
    "/zones/{zone_id}/settings/ssl_automatic_mode": {"value": "custom"},
    "/zones/{zone_id}/leaked-credential-checks": {"enabled": True},
    "/zones/{zone_id}/page_shield": {"enabled": True},
    "/zones/{zone_id}/bot_management": {"ai_bots_protection": "block"},
}
WRONG_BODIES: dict[str, JSON] = {
    "/zones/{zone_id}/leaked-credential-checks": {"enabled": "perhaps"},
    "/zones/{zone_id}/page_shield": {"enabled": "perhaps"},
    "/zones/{zone_id}/bot_management": {"ai_bots_protection": "perhaps"},
}
QUERIES = {"/accounts/{account_id}/logs/audit": "since=2020-01-01&before=2040-01-01"}
FREE_VALUES: dict[str, JSON] = {
    "browser_cache_ttl": 60,
    "origin_h2_max_streams": 100,
    "proxy_read_timeout": 200,
    "transformations_allowed_origins": "https://example.com",
    "webmcp_packs": "shop",
    "ciphers": ["AES128-SHA"],
    "aegis": {"enabled": True, "pool_id": "p"},
    "automatic_platform_optimization": {
        "enabled": True,
        "cf": True,
        "wordpress": True,
        "wp_plugin": True,
        "hostnames": ["example.com"],
        "cache_by_device_type": False,
    },
}


# --- the published schemas, corrected -------------------------------------------------------------


def corrected(schema: JSON) -> JSON:
    """A schema with all corrections, all the way down."""
    if isinstance(schema, list):
        return [corrected(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    fixed = {name: corrected(value) for name, value in merged(schema).items()}
    reference = fixed.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        fixed["$ref"] = f"{NAME}{reference}"
    return codes_below_1000(null_means_nullable(fixed))


def merged(schema: Schema) -> Schema:
    """Flattening left words beside a `$ref`, which OpenAPI 3.0 ignores; they were meant to add to what it
    names.
    """
    beside = set(schema) - {"$ref", "description", "title", "example", "x-source", "readOnly"}
    reference = schema.get("$ref")
    if not isinstance(reference, str) or not beside:
        return schema
    named = DOCUMENT["components"]["schemas"][reference.rsplit("/", 1)[1]]
    return merged({**named, **{name: value for name, value in schema.items() if name != "$ref"}})


def null_means_nullable(schema: Schema) -> Schema:
    """Some failures say `enum: [null]` of an object and forget that it is nullable."""
    values = schema.get("enum")
    return schema | {"nullable": True} if isinstance(values, list) and None in values else schema


def codes_below_1000(schema: Schema) -> Schema:
    """Codes are said to be 1000 or more, and yet the commonest refusal of all is 971."""
    return {name: value for name, value in schema.items() if not (name == "minimum" and value == 1000)}


def without_result(schema: Schema) -> Schema:
    """A failure's `result` is null everywhere (and tested to be), whatever its description says of it."""
    reference = schema.get("$ref")
    if isinstance(reference, str):
        schema = DOCUMENT["components"]["schemas"][reference.rsplit("/", 1)[1]]
    properties = schema["properties"]
    assert isinstance(properties, dict)
    return {**schema, "properties": {name: item for name, item in properties.items() if name != "result"}}


@cache
def registry() -> Registry[JSON]:
    schemas = {name: corrected(schema) for name, schema in DOCUMENT["components"]["schemas"].items()}
    whole = Resource.from_contents({"components": {"schemas": schemas}}, default_specification=DRAFT4)
    found: Registry[JSON] = Registry().with_resource(NAME, whole)
    return found


@cache
def validator(path: str, verb: str, outcome: str) -> OAS30Validator:
    schema = DOCUMENT["paths"][path][verb]["responses"][outcome]["content"]["application/json"]["schema"]
    checker = OAS30Validator.FORMAT_CHECKER
    return OAS30Validator(
        corrected(schema if outcome == "200" else without_result(schema)),
        registry=registry(),
        format_checker=checker,
    )


def problems(path: str, verb: str, status: int, body: JSON) -> list[str]:
    """What the published description objects to in an answer."""
    found = validator(path, verb, "200" if status == 200 else "4XX").iter_errors(body)
    return [f"{error.json_path}: {error.message[:300]}" for error in found]


# --- calls ----------------------------------------------------------------------------------------


@pytest.fixture
def world() -> World:
    world = World(Options(accounts=0, address_per_second=0), clock=lambda: 1_800_000_000.0)
    world.add_account(ACCOUNT, "First account")
    for plan, zone_id in ZONES.items():
        world.add_zone(zone_id, f"{plan}.example", ACCOUNT, plan)
    for token, kind in ((ADMIN, "user"), ("cfat_admin", "account")):
        world.add_token(token, kind="user" if kind == "user" else "account", accounts=[ACCOUNT])
    world.add_token(BARE, kind="user", accounts=[ACCOUNT], permissions=())
    return world


def call(
    world: World,
    path: str,
    verb: str,
    body: JSON = None,
    *,
    plan: str = "enterprise",
    token: str = ADMIN,
    query: str = "",
) -> tuple[int, JSON]:
    real = path.format(account_id=ACCOUNT, zone_id=ZONES[plan])
    raw = b"" if body is None else json.dumps(body).encode()
    given = answer(
        world, Call(verb.upper(), real, query or QUERIES.get(path, ""), f"Bearer {token}", body=raw)
    )
    return given.status, json.loads(given.body)


def known_only(body: JSON) -> JSON:
    """A bulk answer without the settings that real ones hold and no schema knows."""
    if not isinstance(body, dict) or not isinstance(body["result"], list):
        return body
    found = {str(item["id"]) for item in body["result"] if isinstance(item, dict) and "id" in item}
    if not found & UNPUBLISHED:
        return body
    assert found & UNPUBLISHED == UNPUBLISHED
    kept = [item for item in body["result"] if isinstance(item, dict) and item["id"] not in UNPUBLISHED]
    return {**body, "result": kept}


def as_published(name: str, body: JSON) -> JSON:
    """The read timeout is published as a number and travels as text: compared as a number."""
    if not isinstance(body, dict) or not isinstance(body["result"], dict) or name != "proxy_read_timeout":
        return body
    assert isinstance(body["result"]["value"], str)
    return {**body, "result": {**body["result"], "value": int(body["result"]["value"])}}


def timeouts_as_published(body: JSON) -> JSON:
    """The same for the bulk answer."""
    if not isinstance(body, dict) or not isinstance(body["result"], list):
        return body
    items = [
        as_published(str(item.get("id")), {"result": item})
        for item in body["result"]
        if isinstance(item, dict)
    ]
    return {**body, "result": [item["result"] for item in items if isinstance(item, dict)]}


def writable(name: str) -> Iterator[JSON]:
    """Every value that a client may write."""
    choices = PLAIN[name].rule.choices
    yield from choices or (FREE_VALUES[name],)


def token_for(path: str) -> str:
    return "cfat_admin" if path == "/accounts/{account_id}/tokens/verify" else ADMIN


# --- the walk -------------------------------------------------------------------------------------


def test_the_catalogue_is_the_published_one() -> None:
    branches = DOCUMENT["components"]["schemas"]["zones_setting"]["oneOf"]
    names = (branch["$ref"].rsplit("/", 1)[1] for branch in branches)
    parts = (DOCUMENT["components"]["schemas"][name]["allOf"][-1] for name in names)

    assert {part["properties"]["id"]["enum"][0] for part in parts} == set(PUBLISHED_IDS)
    assert len(PUBLISHED_IDS) == 66


@pytest.mark.parametrize("plan", ["free", "enterprise"])
@pytest.mark.parametrize(("path", "verb"), OPERATIONS)
def test_every_success_has_the_published_shape(world: World, path: str, verb: str, plan: str) -> None:
    body = None if verb == "get" else BODIES.get(path, {"value": "on"})

    for _ in range(2):  # before the first change, and after it
        status, reply = call(world, path, verb, body, plan=plan, token=token_for(path))
        assert status == 200, reply
        assert problems(path, verb, status, timeouts_as_published(known_only(reply))) == []
        world.dashboard_change(ZONES[plan], "rocket_loader", "on", actor_email="mia@example.com")
        world.dashboard_change(ZONES[plan], "page_shield", True, actor_email="mia@example.com")
        world.automatic_ssl_scan(ZONES[plan], recorded=True)


@pytest.mark.parametrize("plan", ["free", "enterprise"])
@pytest.mark.parametrize("name", PUBLISHED_IDS)
def test_every_setting_reads_in_its_published_shape(world: World, name: str, plan: str) -> None:
    status, reply = call(world, GENERIC.replace("{setting_id}", name), "get", plan=plan)

    assert status == 200
    assert problems(GENERIC, "get", status, as_published(name, reply)) == []


@pytest.mark.parametrize("name", PUBLISHED_IDS)
def test_every_setting_answers_a_write_in_its_published_shape(world: World, name: str) -> None:
    setting = PLAIN[name]
    for value in writable(name):
        status, reply = call(world, GENERIC.replace("{setting_id}", name), "patch", {setting.member: value})

        assert status == (200 if setting.editable(Plan.ENTERPRISE) else 403)
        assert problems(GENERIC, "patch", status, as_published(name, reply)) == []


@pytest.mark.parametrize(("path", "verb"), [*OPERATIONS, (GENERIC.replace("{setting_id}", "ssl"), "get")])
def test_every_refusal_has_the_published_shape(world: World, path: str, verb: str) -> None:
    described = GENERIC if path not in DOCUMENT["paths"] else path
    refusals = [call(world, path, verb, token="unknown"), call(world, path, verb, token='"odd')]
    if "verify" not in path:
        refusals.append(call(world, path, verb, token=BARE))
    if verb != "get":
        refusals.append(call(world, path, verb, WRONG_BODIES.get(path, {"value": "perhaps"})))
    if path.endswith("logs/audit"):
        refusals.append(call(world, path, verb, query="since=never"))
    world.set_budget(token_for(path), remaining=0)
    refusals.append(call(world, path, verb, token=token_for(path)))

    assert refusals[-1][0] == 429
    for status, reply in refusals:
        assert 400 <= status < 500
        assert problems(described, verb, status, reply) == []
        assert isinstance(reply, dict) and reply["result"] is None


@pytest.mark.parametrize("name", PUBLISHED_IDS)
def test_every_settings_refusals_have_the_published_shape(world: World, name: str) -> None:
    path = GENERIC.replace("{setting_id}", name)
    unwritable: JSON = {"value": {"no": "such value"}}

    for plan in ("free", "enterprise"):
        status, reply = call(world, path, "patch", unwritable, plan=plan)
        assert status in (400, 403)
        assert problems(GENERIC, "patch", status, reply) == []


def test_generated_zones_have_the_published_shape() -> None:
    world = World(Options(zones=60, accounts=3))
    token = world.directory.generated.token("user", PLATFORM)

    status, reply = call(world, "/zones", "get", token=token, query="per_page=50&direction=desc")

    assert problems("/zones", "get", status, reply) == []


def test_the_check_itself_notices_what_is_wrong(world: World) -> None:
    path = GENERIC.replace("{setting_id}", "ssl")
    _, reply = call(world, path, "get")
    assert isinstance(reply, dict) and isinstance(reply["result"], dict)

    for wrong in ({"value": "perhaps"}, {"modified_on": "yesterday"}, {"editable": "yes"}, {"id": "sll"}):
        assert problems(GENERIC, "get", 200, {**reply, "result": {**reply["result"], **wrong}}) != []
    assert problems(GENERIC, "get", 200, {**reply, "success": "yes"}) != []
    assert (
        problems(GENERIC, "get", 404, {"success": False, "errors": [{}], "messages": [], "result": None})
        != []
    )
    assert len(BATCH) > 40
