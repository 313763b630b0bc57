"""Which path and verb leads where, and what a token must be allowed for it.

An unknown path is 404 for everybody, a known one with the wrong verb 405. Then the zone or account must exist
(404), be within the token's reach (403) and the permission must be there (403 with another code).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from cloudcache.emulator import refusals
from cloudcache.emulator.calls import accounts, audit, dns, groups, kv, own, settings
from cloudcache.emulator.exchange import Exchange
from cloudcache.emulator.generated import Zone
from cloudcache.emulator.wire import Outcome

ZoneHandler: TypeAlias = Callable[[Exchange, Zone, str], Outcome]
AccountHandler: TypeAlias = Callable[[Exchange, str], Outcome]
PlainHandler: TypeAlias = Callable[[Exchange], Outcome]
Handler = TypeVar("Handler")


@dataclass(frozen=True, slots=True)
class Operation(Generic[Handler]):
    """One verb on one path: the permissions of which any will do (none: all tokens may), and what it does."""

    permissions: frozenset[str]
    handle: Handler


Paths: TypeAlias = Mapping[str, Mapping[str, Operation[Handler]]]

_SETTINGS_WRITE = frozenset({"Zone Settings Write"})
_SETTINGS_READ = _SETTINGS_WRITE | {"Zone Settings Read"}
_CACHE_WRITE = _SETTINGS_WRITE | {"Zone Write"}
_CACHE_READ = _SETTINGS_READ | {"Zone Read", "Zone Write"}
_TLS_WRITE = _SETTINGS_WRITE | {"SSL and Certificates Write"}
_TLS_READ = _SETTINGS_READ | {"SSL and Certificates Read", "SSL and Certificates Write"}
_WAF_WRITE = frozenset({"Zone WAF Write", "Account WAF Write"})
_WAF_READ = _WAF_WRITE | {"Zone WAF Read", "Account WAF Read"}
_SHIELD_WRITE = _SETTINGS_WRITE | {"Page Shield", "Domain Page Shield"}
_SHIELD_READ = _SHIELD_WRITE | {"Zone Settings Read", "Page Shield Read", "Domain Page Shield Read"}
_BOTS_WRITE = frozenset({"Bot Management Write"})
_BOTS_READ = _BOTS_WRITE | {"Bot Management Read"}
_DNS_READ = frozenset({"DNS Read", "DNS Write"})
_ZONE_READ = frozenset({"Zone Read", "Zone Write"})
_ACCOUNT_READ = frozenset({"Account Settings Read", "Account Settings Write"})
_KV_READ = frozenset({"Workers KV Storage Read", "Workers KV Storage Write"})
_NO_PERMISSION: frozenset[str] = frozenset()

ZONE_PATHS: Paths[ZoneHandler] = {
    "": {"GET": Operation(_ZONE_READ | _SETTINGS_READ, accounts.read_zone)},
    "settings": {
        "GET": Operation(_SETTINGS_READ, settings.read_batch),
        "PATCH": Operation(_SETTINGS_WRITE, settings.write_batch),
    },
    "settings/*": {
        "GET": Operation(_SETTINGS_READ, settings.read_one),
        "PATCH": Operation(_SETTINGS_WRITE, settings.write_one),
    },
    "settings/origin_max_http_version": {
        "GET": Operation(_CACHE_READ, settings.read_one),
        "PATCH": Operation(_CACHE_WRITE, settings.write_one),
    },
    "settings/ssl_automatic_mode": {
        "GET": Operation(_TLS_READ, settings.read_one),
        "PATCH": Operation(_TLS_WRITE, settings.write_one),
    },
    "argo/tiered_caching": {
        "GET": Operation(_SETTINGS_READ, own.read_value),
        "PATCH": Operation(_SETTINGS_WRITE, own.write_value),
    },
    "cache/tiered_cache_smart_topology_enable": {
        "GET": Operation(_CACHE_READ, own.read_value),
        "PATCH": Operation(_CACHE_WRITE, own.write_value),
    },
    "leaked-credential-checks": {
        "GET": Operation(_WAF_READ, own.read_leaked_credentials),
        "POST": Operation(_WAF_WRITE, own.write_leaked_credentials),
    },
    "page_shield": {
        "GET": Operation(_SHIELD_READ, own.read_page_shield),
        "PUT": Operation(_SHIELD_WRITE, own.write_page_shield),
    },
    "bot_management": {
        "GET": Operation(_BOTS_READ, own.read_bots),
        "PUT": Operation(_BOTS_WRITE, own.write_bots),
    },
    "dns_records": {"GET": Operation(_DNS_READ, dns.list_records)},
}
ACCOUNT_PATHS: Paths[AccountHandler] = {
    "logs/audit": {"GET": Operation(_ACCOUNT_READ, audit.read_newer)},
    "audit_logs": {"GET": Operation(_ACCOUNT_READ, audit.read_older)},
    "tokens/verify": {"GET": Operation(_NO_PERMISSION, accounts.verify_account_token)},
    "tokens/permission_groups": {"GET": Operation(_NO_PERMISSION, groups.list_account_groups)},
    kv.VALUE: {"GET": Operation(_KV_READ, kv.read_value)},
}
PLAIN_PATHS: Paths[PlainHandler] = {
    "zones": {"GET": Operation(_ZONE_READ, accounts.list_zones)},
    "user/tokens/verify": {"GET": Operation(_NO_PERMISSION, accounts.verify_user_token)},
    "user/tokens/permission_groups": {"GET": Operation(_NO_PERMISSION, groups.list_user_groups)},
}


def perform(exchange: Exchange) -> Outcome:
    """Finds the operation that the call names and carries it out."""
    parts = exchange.call.path.split("/", 3)
    if len(parts) > 2 and parts[1] == "zones":
        return _in_zone(exchange, parts[2], parts[3] if len(parts) > 3 else "")
    if len(parts) > 3 and parts[1] == "accounts":
        return _in_account(exchange, parts[2], parts[3])
    operation = _operation(exchange, PLAIN_PATHS.get(exchange.call.path.removeprefix("/")))
    _insist_on(exchange, operation.permissions)
    return operation.handle(exchange)


def _in_zone(exchange: Exchange, zone_id: str, rest: str) -> Outcome:
    paths = ZONE_PATHS.get(rest)
    name = rest.removeprefix("settings/")
    if paths is None and name != rest and "/" not in name:
        paths = ZONE_PATHS["settings/*"]
    operation = _operation(exchange, paths)
    zone = exchange.world.directory.zone(zone_id)
    if zone is None:
        raise refusals.no_route(exchange.call.path)
    if not exchange.token.reaches_zone(zone):
        raise refusals.out_of_reach()
    _insist_on(exchange, operation.permissions)
    return operation.handle(exchange, zone, name)


def _in_account(exchange: Exchange, account_id: str, rest: str) -> Outcome:
    operation = _operation(exchange, ACCOUNT_PATHS.get(kv.VALUE if kv.is_value(rest) else rest))
    if exchange.world.directory.account(account_id) is None:
        raise refusals.no_route(exchange.call.path)
    if not operation.permissions:
        return operation.handle(exchange, account_id)
    if not exchange.token.reaches_account(account_id):
        raise refusals.out_of_reach()
    # Account permissions cannot be given for single zones, so such a token has none, whatever else it may do.
    if exchange.token.zones is not None:
        raise refusals.missing_permission()
    _insist_on(exchange, operation.permissions)
    return operation.handle(exchange, account_id)


def _operation(exchange: Exchange, verbs: Mapping[str, Operation[Handler]] | None) -> Operation[Handler]:
    if verbs is None:
        raise refusals.no_route(exchange.call.path)
    operation = verbs.get(exchange.call.method)
    if operation is None:
        raise refusals.wrong_method()
    return operation


def _insist_on(exchange: Exchange, permissions: frozenset[str]) -> None:
    if not exchange.token.may(permissions):
        raise refusals.missing_permission()
