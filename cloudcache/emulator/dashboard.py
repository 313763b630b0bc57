"""The pretend dashboard: a plain page on which a person changes a setting behind the app's back.

No script, no framework: forms that post to `dashboard` (a relative address, so any mount prefix will do) and
come back with a redirect. Everything that is shown is escaped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode

from cloudcache.emulator.catalogue import GROUPS, SETTINGS, Setting
from cloudcache.emulator.dashboard_style import ICON, STYLE
from cloudcache.emulator.generated import Zone
from cloudcache.emulator.wire import JSON
from cloudcache.emulator.world import World

_SHORT = {
    "ssl",
    "tls",
    "http2",
    "http3",
    "ipv6",
    "nel",
    "waf",
    "rum",
    "webp",
    "ech",
    "ip",
    "ai",
    "js",
    "ttl",
    "ddos",
}


@dataclass(frozen=True, slots=True)
class Visit:
    """What the address of the page says: which zone, as whom, which settings, and what was just saved."""

    zone_id: str
    email: str
    find: str = ""
    named: str = ""
    changed: str = ""

    @classmethod
    def of(cls, fields: Mapping[str, str], email: str) -> Visit:
        """The visit that a query or a form describes."""
        return cls(
            zone_id=fields.get("zone", ""),
            email=fields.get("as", "").strip() or email,
            find=fields.get("find", "").strip(),
            named=fields.get("named", "").strip().lower(),
            changed=fields.get("changed", ""),
        )


def changed_address(visit: Visit, setting: str) -> str:
    """Where the page goes after a change; relative to itself."""
    query = {"zone": visit.zone_id, "as": visit.email, "find": visit.find, "changed": setting}
    return f"dashboard?{urlencode(query)}#{setting}"


def dashboard_page(world: World, visit: Visit, trouble: str = "") -> str:
    """The whole page."""
    zones = world.with_zones()
    zone = _chosen(world, visit, zones)
    body = [_notice(world, visit, zone, trouble), _picker(visit, zones, zone)]
    if zone is None:
        body.append("<p class='empty'>Zone not found. Choose one above.</p>")
    else:
        body.append(_heading(world, zone))
        body.extend(_groups(world, visit, zone))
    return (
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        "<title>Emulated Cloudflare dashboard</title>"
        f"<link rel='icon' href=\"{ICON}\">"
        f"<style>{STYLE}</style></head><body><header><h1>Cloudflare dashboard <small>emulated</small></h1>"
        "<p>Nothing here is real. Changes you make on this page go directly to the emulated Cloudflare, "
        "as if a merchant had made them in Cloudflare’s own dashboard.</p></header>"
        f"<main>{''.join(body)}</main></body></html>"
    )


def _chosen(world: World, visit: Visit, zones: list[Zone]) -> Zone | None:
    if visit.named:
        return world.directory.zone_named(visit.named) or world.directory.zone(visit.named)
    if visit.zone_id:
        return world.directory.zone(visit.zone_id)
    return zones[0] if zones else None


def _notice(world: World, visit: Visit, zone: Zone | None, trouble: str) -> str:
    if trouble:
        return f"<p class='notice bad' role='alert'>{escape(trouble)}</p>"
    if zone is None or visit.changed not in SETTINGS:
        return ""
    value = _as_words(world.value(zone.id, visit.changed))
    title = _title(visit.changed)
    return f"<p class='notice' role='status'>Saved. {escape(title)} is now <b>{escape(value)}</b>.</p>"


def _picker(visit: Visit, zones: list[Zone], chosen: Zone | None) -> str:
    offered = zones if chosen is None or chosen in zones else [chosen, *zones]
    options = "".join(_option(zone.id, zone.name, zone == chosen) for zone in offered)
    return (
        "<form class='picker' method='get' action='dashboard'>"
        f"<div><label for='zone'>Zone</label><select id='zone' name='zone'>{options}</select></div>"
        "<div><label for='named'>Or any zone, by domain or ID</label>"
        "<input id='named' name='named' autocomplete='off' spellcheck='false'></div>"
        "<div><label for='as'>Signed in as</label>"
        f"<input id='as' name='as' type='email' value='{escape(visit.email)}'></div>"
        "<div><label for='find'>Search settings</label>"
        f"<input id='find' name='find' value='{escape(visit.find)}'></div>"
        "<button>Show</button></form>"
    )


def _heading(world: World, zone: Zone) -> str:
    account = world.directory.account(zone.account_id)
    name = account.name if account else zone.account_id
    return (
        f"<h2>{escape(zone.name)}</h2>"
        f"<p class='about'>{zone.plan.name.capitalize()} plan, in {escape(name)}. "
        f"Zone ID <code>{escape(zone.id)}</code></p>"
    )


def _groups(world: World, visit: Visit, zone: Zone) -> Iterator[str]:
    wanted = "".join(one for one in visit.find.lower() if one.isprintable())
    for title, settings in GROUPS.items():
        shown = [
            setting
            for setting in settings
            if wanted in setting.name or wanted in _title(setting.name).lower()
        ]
        if shown:
            rows = "".join(_row(world, visit, zone, setting) for setting in shown)
            yield f"<section><h3>{escape(title)}</h3>{rows}</section>"


def _row(world: World, visit: Visit, zone: Zone, setting: Setting) -> str:
    value = world.value(zone.id, setting.name)
    title, name = escape(_title(setting.name)), escape(setting.name)
    done = " <span class='done'>saved</span>" if visit.changed == setting.name else ""
    label = f"<label for='value-{name}'>{title}{done}<code>{name}</code></label>"
    if not setting.editable(zone.plan):
        shown = escape(_as_words(value))
        why = (
            "can’t be changed"
            if setting.edit_from is None
            else f"requires {setting.edit_from.name.capitalize()}"
        )
        locked = f"<input id='value-{name}' value='{shown}' disabled><span class='why'>{why}</span>"
        return f"<div class='row' id='{name}'>{label}{locked}</div>"
    hidden = {"zone": zone.id, "as": visit.email, "find": visit.find, "setting": setting.name}
    fields = "".join(
        f"<input type='hidden' name='{key}' value='{escape(text)}'>" for key, text in hidden.items()
    )
    return (
        f"<form class='row' id='{name}' method='post' action='dashboard'>{fields}{label}"
        f"{_control(setting, value)}<button aria-label='Save {title}'>Save</button></form>"
    )


def _control(setting: Setting, value: JSON) -> str:
    name = escape(setting.name)
    choices = [*setting.rule.choices, *setting.seen_only]
    if not choices:
        text = escape(json.dumps(value))
        return f"<input id='value-{name}' name='value' value='{text}' autocomplete='off' spellcheck='false'>"
    offered = choices if value in choices else [value, *choices]
    options = "".join(_option(json.dumps(choice), _as_words(choice), choice == value) for choice in offered)
    return f"<select id='value-{name}' name='value'>{options}</select>"


def _option(value: str, words: str, chosen: bool) -> str:
    mark = " selected" if chosen else ""
    return f"<option value='{escape(value)}'{mark}>{escape(words)}</option>"


def _title(name: str) -> str:
    words = name.replace(".", " ").split("_")
    words = [word.upper() if word in _SHORT else word for word in " ".join(words).split()]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def _as_words(value: JSON) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, dict):
        return "; ".join(f"{name.replace('_', ' ')}: {_as_words(item)}" for name, item in value.items())
    if isinstance(value, list):
        return ", ".join(_as_words(item) for item in value) or "none"
    return str(value)
