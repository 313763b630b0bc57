"""Every setting the pretend Cloudflare knows: its values, what a new zone shows, which plan may change it.

A setting has one flat name. Those below `/settings/` go by their Cloudflare id; those with an endpoint of
their own are called `tiered_caching`, `smart_tiered_cache`, `leaked_credential_checks`, `page_shield[.field]`
and `bot_management.field`. Defaults are those of real, never-changed zones where a capture exists, which is
not always what Cloudflare's public schema says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from cloudcache.emulator.rules import (
    ENABLED,
    FLAG,
    SWITCH,
    Members,
    OneOf,
    Rule,
    Text,
    Texts,
    Whole,
    WholeAsText,
)
from cloudcache.emulator.wire import JSON


class Plan(IntEnum):
    """The plans, each allowing what the one before it allows."""

    FREE = 0
    PRO = 1
    BUSINESS = 2
    ENTERPRISE = 3

    @classmethod
    def called(cls, name: str) -> Plan:
        """The plan by its lower-case name; `ValueError` for any other word."""
        try:
            return cls[name.upper()]
        except KeyError:
            raise ValueError(f"unknown plan: {name}") from None


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `edit_from` is the lowest plan that may change it, None when none may; `seen_only` are
    values that reads show and the API does not take.
    """

    name: str
    rule: Rule
    default: JSON
    edit_from: Plan | None = Plan.FREE
    in_batch: bool = False
    by_plan: Mapping[Plan, JSON] = field(default_factory=dict)
    member: str = "value"
    seen_only: tuple[JSON, ...] = ()
    refusal_code: int = 1015

    def initial(self, plan: Plan) -> JSON:
        """What a zone of that plan shows before anybody touched the setting."""
        return self.by_plan.get(plan, self.default)

    def editable(self, plan: Plan) -> bool:
        """Whether a zone of that plan may change it."""
        return self.edit_from is not None and plan >= self.edit_from


def _switch(name: str, default: str = "off", edit: Plan | None = Plan.FREE, *, batch: bool = True) -> Setting:
    return Setting(name, SWITCH, default, edit, batch)


def _choice(
    name: str, default: JSON, *values: JSON, edit: Plan | None = Plan.FREE, batch: bool = True
) -> Setting:
    return Setting(name, OneOf(values), default, edit, batch)


_HSTS_OFF: dict[str, JSON] = {
    "enabled": False,
    "max_age": 0,
    "include_subdomains": False,
    "preload": False,
    "nosniff": False,
}
_HSTS_ON: dict[str, JSON] = {**_HSTS_OFF, "enabled": True, "max_age": 15552000, "nosniff": True}
_HSTS_RULES: dict[str, Rule] = dict.fromkeys(_HSTS_OFF, FLAG) | {"max_age": Whole(0, 2**31)}
_HSTS = Members(
    {"strict_transport_security": Members(_HSTS_RULES, _HSTS_OFF)},
    {},
    ({"strict_transport_security": _HSTS_ON}, {"strict_transport_security": _HSTS_OFF}),
)
_WORDPRESS_OFF: dict[str, JSON] = {
    "enabled": False,
    "cf": False,
    "wordpress": False,
    "wp_plugin": False,
    "hostnames": [],
    "cache_by_device_type": False,
}
_WORDPRESS_RULES: dict[str, Rule] = dict.fromkeys(_WORDPRESS_OFF, FLAG) | {"hostnames": Texts()}
_NEL_OFF: JSON = {"enabled": False}
_CHALLENGE_SECONDS = (300, 900, 1800, 2700, 3600, 7200, 10800, 14400, 28800, 57600, 86400)
_CHALLENGE_LONG_SECONDS = (604800, 2592000, 31536000)
_EDGE_SECONDS = (30, 60, 300, 1200, 1800, 3600, 7200, 10800, 14400, 18000, 28800, 43200, 57600, 72000)
_EDGE_LONG_SECONDS = tuple(day * 86400 for day in range(1, 8))
_UPLOAD_MEGABYTES = (*range(100, 501, 25), *range(1000, 5001, 500))
_PRO, _BUSINESS, _ENTERPRISE = Plan.PRO, Plan.BUSINESS, Plan.ENTERPRISE

_SPEED = (
    _switch("rocket_loader"),
    _switch("early_hints"),
    Setting("speed_brain", SWITCH, "off", by_plan={Plan.FREE: "on"}),
    _switch("fonts", batch=False),
    _choice("h2_prioritization", "off", "on", "off", "custom", edit=_PRO, batch=False),
    _switch("http2", "on", _PRO),
    _switch("http3"),
    _switch("0rtt"),
    _switch("prefetch_preload", "off", _ENTERPRISE),
    _switch("brotli"),
    Setting("automatic_platform_optimization", Members(_WORDPRESS_RULES, {}), _WORDPRESS_OFF, _PRO),
    _choice("origin_max_http_version", "2", "2", "1", batch=False),
    Setting("origin_h2_max_streams", Whole(1, 1000), 200, _ENTERPRISE),
)
_IMAGES = (
    _choice("polish", "off", "off", "lossless", "lossy", edit=_PRO),
    _switch("webp", "off", _PRO),
    _choice("image_resizing", "off", "on", "off", "open", batch=False),
    _switch("mirage", "off", _PRO),
    _choice("transformations", "off", "on", "off", "open", batch=False),
    Setting("transformations_allowed_origins", Text(), ""),
)
_CACHING = (
    _switch("always_online", "on"),
    _switch("development_mode"),
    _choice("cache_level", "aggressive", "aggressive", "basic", "simplified"),
    _switch("sort_query_string_for_cache", "off", _ENTERPRISE),
    Setting("browser_cache_ttl", Whole(0, 31536000), 14400, in_batch=True),
    _choice("edge_cache_ttl", 7200, *_EDGE_SECONDS, *_EDGE_LONG_SECONDS),
    Setting("tiered_caching", SWITCH, "off"),
    Setting("smart_tiered_cache", SWITCH, "off"),
)
_SECURITY = (
    _switch("browser_check", "on"),
    _choice("security_level", "medium", "off", "essentially_off", "low", "medium", "high", "under_attack"),
    _choice("challenge_ttl", 1800, *_CHALLENGE_SECONDS, *_CHALLENGE_LONG_SECONDS),
    Setting("replace_insecure_js", SWITCH, "off", in_batch=True, by_plan={Plan.FREE: "on"}),
    _switch("waf", "off", _PRO),
    _switch("advanced_ddos", "off", None),
    _switch("privacy_pass", "on"),
    Setting("leaked_credential_checks", FLAG, False, by_plan={Plan.FREE: True}),
    Setting("page_shield", FLAG, False),
    Setting("page_shield.use_cloudflare_reporting_endpoint", FLAG, True),
    Setting("page_shield.use_connection_url_path", FLAG, False),
)
_TLS = (
    _switch("always_use_https"),
    _switch("automatic_https_rewrites", "on"),
    _switch("opportunistic_encryption", "on"),
    _choice("tls_1_3", "on", "on", "off", "zrt"),
    _choice("min_tls_version", "1.0", "1.0", "1.1", "1.2", "1.3"),
    _choice("ssl", "full", "off", "flexible", "full", "strict"),
    _choice("ssl_automatic_mode", "auto", "auto", "custom", batch=False),
    Setting("ssl_recommender", FLAG, False, member="enabled"),
    Setting("security_header", _HSTS, {"strict_transport_security": _HSTS_OFF}, in_batch=True),
    _switch("tls_client_auth"),
    Setting("ciphers", Texts(), [], _ENTERPRISE, in_batch=True),
    _switch("tls_1_2_only"),
    _switch("sha1_support", batch=False),
)
_NETWORK = (
    _switch("ipv6", "on", _PRO),
    _switch("websockets", "on"),
    _switch("ip_geolocation", "on"),
    _switch("opportunistic_onion", "on"),
    _choice("pseudo_ipv4", "off", "off", "add_header", "overwrite_header"),
    _switch("true_client_ip_header", "off", _ENTERPRISE),
    _switch("response_buffering", "off", _ENTERPRISE),
    _switch("origin_error_page_pass_thru", "off", _ENTERPRISE),
    Setting("proxy_read_timeout", WholeAsText(1, 6000), "100", _ENTERPRISE, in_batch=True),
    _choice("max_upload", 100, *_UPLOAD_MEGABYTES, edit=_ENTERPRISE),
    Setting("nel", ENABLED, {"enabled": True}, by_plan={_BUSINESS: _NEL_OFF, _ENTERPRISE: _NEL_OFF}),
    Setting("orange_to_orange", SWITCH, "on", _ENTERPRISE, in_batch=True, refusal_code=1024),
    _choice("cname_flattening", "flatten_at_root", "flatten_at_root", "flatten_all", edit=_PRO),
    Setting(
        "aegis",
        Members({"enabled": FLAG, "pool_id": Text()}, {"pool_id": ""}),
        {"enabled": False},
        _ENTERPRISE,
    ),
    _switch("china_network_enabled", "off", _ENTERPRISE, batch=False),
)
_BOTS = (
    _switch("email_obfuscation", "on"),
    _switch("hotlink_protection"),
    _switch("server_side_exclude", "on"),
    Setting("bot_management.fight_mode", FLAG, False),
    _choice(
        "bot_management.ai_bots_protection", "disabled", "block", "disabled", "only_on_ad_pages", batch=False
    ),
    _choice(
        "bot_management.ai_training",
        "disabled",
        "disabled",
        "disallow",
        "block",
        "only_on_ad_pages",
        batch=False,
    ),
    _choice("bot_management.ai_search", "disabled", "disabled", "block", "only_on_ad_pages", batch=False),
    _choice("bot_management.ai_user", "disabled", "disabled", "block", "only_on_ad_pages", batch=False),
    Setting("bot_management.bot_preference_sync_enabled", FLAG, False),
    _choice("bot_management.crawler_protection", "disabled", "enabled", "disabled", batch=False),
    _choice("bot_management.cf_robots_variant", "off", "off", "policy_only", batch=False),
    _choice("bot_management.content_bots_protection", "disabled", "block", "disabled", batch=False),
    Setting("bot_management.enable_js", FLAG, False),
    Setting("bot_management.is_robots_txt_managed", FLAG, False),
    Setting("bot_management.using_latest_model", FLAG, True, None),
    _choice(
        "bot_management.sbfm_definitely_automated",
        "allow",
        "allow",
        "block",
        "managed_challenge",
        edit=_PRO,
        batch=False,
    ),
    _choice("bot_management.sbfm_verified_bots", "allow", "allow", "block", edit=_PRO, batch=False),
    Setting("bot_management.sbfm_static_resource_protection", FLAG, False, _PRO),
    Setting("bot_management.optimize_wordpress", FLAG, False, _PRO),
    _choice(
        "bot_management.sbfm_likely_automated",
        "allow",
        "allow",
        "block",
        "managed_challenge",
        edit=_BUSINESS,
        batch=False,
    ),
    Setting("bot_management.auto_update_model", FLAG, True, _ENTERPRISE),
    Setting("bot_management.bm_cookie_enabled", FLAG, True, _ENTERPRISE),
    Setting("bot_management.suppress_session_score", FLAG, False, _ENTERPRISE),
)
_CONTENT = (
    _switch("content_converter", "off", _PRO, batch=False),
    _switch("redirects_for_ai_training", "off", _PRO, batch=False),
    Setting("rum", SWITCH, "off", seen_only=("manual",), by_plan={Plan.FREE: "on"}),
    _switch("pre_render", batch=False),
    _switch("search_for_agents", batch=False),
    _switch("webmcp_enabled", batch=False),
    Setting("webmcp_packs", Text(), ""),
)
_UNPUBLISHED = (
    _switch("ech", "on"),
    _switch("long_lived_grpc"),
    _switch("pq_keyex", "on"),
    Setting("visitor_ip", SWITCH, "on", None, in_batch=True, refusal_code=1025),
    Setting("log_to_cloudflare", SWITCH, "on", None, in_batch=True, refusal_code=1057),
    Setting("filter_logs_to_cloudflare", SWITCH, "off", None, in_batch=True, refusal_code=1057),
)
"""Settings that real bulk answers hold and no published schema knows: readers have to skip them."""

GROUPS: Mapping[str, tuple[Setting, ...]] = {
    "Speed": _SPEED,
    "Images": _IMAGES,
    "Caching": _CACHING,
    "Security": _SECURITY,
    "TLS and certificates": _TLS,
    "Network": _NETWORK,
    "Bots and scraping": _BOTS,
    "Content": _CONTENT,
    "Seen, but not in any published schema": _UNPUBLISHED,
}

SETTINGS: Mapping[str, Setting] = {setting.name: setting for group in GROUPS.values() for setting in group}

OWN_PATHS: Mapping[str, tuple[str, str]] = {
    "tiered_caching": ("PATCH", "argo/tiered_caching"),
    "smart_tiered_cache": ("PATCH", "cache/tiered_cache_smart_topology_enable"),
    "leaked_credential_checks": ("POST", "leaked-credential-checks"),
    "page_shield": ("PUT", "page_shield"),
    "bot_management": ("PUT", "bot_management"),
}
"""The endpoints outside `/settings/`: the verb that writes, and the path below the zone."""

OWN_NAMES: frozenset[str] = frozenset(name for name in SETTINGS if name.partition(".")[0] in OWN_PATHS)

PLAIN: Mapping[str, Setting] = {name: setting for name, setting in SETTINGS.items() if name not in OWN_NAMES}
"""Those below `/settings/`."""

BATCH: tuple[str, ...] = tuple(sorted(name for name, setting in SETTINGS.items() if setting.in_batch))

BOT_FIELDS: Mapping[str, Setting] = {
    name.partition(".")[2]: setting
    for name, setting in SETTINGS.items()
    if name.startswith("bot_management.")
}
_SBFM = (
    "sbfm_definitely_automated",
    "sbfm_verified_bots",
    "sbfm_static_resource_protection",
    "optimize_wordpress",
)
BOT_PRODUCTS: Mapping[Plan, tuple[str, ...]] = {
    Plan.FREE: ("fight_mode",),
    Plan.PRO: _SBFM,
    Plan.BUSINESS: (*_SBFM, "sbfm_likely_automated"),
    Plan.ENTERPRISE: ("auto_update_model", "bm_cookie_enabled", "suppress_session_score"),
}
"""The bot fields that only zones of that plan have: Bot Fight Mode, Super Bot Fight Mode, Bot Management."""

PAGE_SHIELD_FIELDS: Mapping[str, Setting] = {
    name.partition(".")[2] or "enabled": setting
    for name, setting in SETTINGS.items()
    if name.partition(".")[0] == "page_shield"
}


def write_call(name: str, zone_id: str) -> tuple[str, str]:
    """The verb and path with which a client would write this setting; dashboard changes carry them, too."""
    own = OWN_PATHS.get(name.partition(".")[0])
    if own is not None:
        return own[0], f"/zones/{zone_id}/{own[1]}"
    return "PATCH", f"/zones/{zone_id}/settings/{name}"
