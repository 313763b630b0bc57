"""An account's audit log as pages of entries, in both versions; what a line means, `domain/feed.py` says.

    v2   /accounts/{id}/logs/audit   since, before, cursor   the request of each call; no values
    v1   /accounts/{id}/audit_logs   since, before, page     the setting by name, with its new value

Lines of failed calls and of reads are left out. One that cannot be read is counted: it may have been a change.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from cloudcache.domain.catalog import BY_ID
from cloudcache.domain.feed import (
    WHOLE,
    Entry,
    FeedPage,
    FeedVersion,
    Window,
    named_by_path,
    named_by_setting,
)
from cloudcache.domain.ids import JSON, ZoneId

PER_PAGE = 1_000
"""The most Cloudflare gives. A line has about 1 KB, so a page stays well below the longest answer we take."""

LONGEST_CURSOR = 512
LONGEST_PERSON = 255
SETTING_CHANGED = "change_setting"


def feed_path(account: str, version: FeedVersion, window: Window) -> str:
    """The path and query of one page."""
    asked = {
        "since": _instant(window.since),
        "before": _instant(window.before),
        "direction": "asc",
    }
    owner = quote(account, safe="")
    if version is FeedVersion.V2:
        asked |= {"limit": str(PER_PAGE)} | ({"cursor": window.cursor} if window.cursor else {})
        return f"/accounts/{owner}/logs/audit?{urlencode(asked)}"
    asked |= {"per_page": str(PER_PAGE), "page": window.cursor or "1"}
    return f"/accounts/{owner}/audit_logs?{urlencode(asked)}"


def feed_page(version: FeedVersion, window: Window, result: JSON, info: JSON) -> FeedPage | None:
    """What a page says; None when it is no list. Lines that are known to mean nothing have no settings."""
    if not isinstance(result, list):
        return None
    read = _newer if version is FeedVersion.V2 else _older
    entries: list[Entry] = []
    garbled = 0
    for line in result:
        entry = read(line) if isinstance(line, dict) else None
        if entry is None:
            garbled += 1
        elif entry.named:
            entries.append(entry)
    return FeedPage(tuple(entries), _next(version, window, len(result), info), garbled)


def _next(version: FeedVersion, window: Window, lines: int, info: JSON) -> str:
    if version is FeedVersion.V1:
        return str(int(window.cursor or "1") + 1) if lines >= PER_PAGE else ""
    cursor = info.get("cursor") if isinstance(info, dict) else None
    return cursor if isinstance(cursor, str) and len(cursor) <= LONGEST_CURSOR else ""


def _newer(line: Mapping[str, JSON]) -> Entry | None:
    """A line of version 2: the request tells the setting. Without a readable request its zone is read whole."""
    action, raw, actor = _part(line, "action"), _part(line, "raw"), _part(line, "actor")
    id_, at = _text(line, "id"), _milliseconds(_text(action, "time"))
    if not id_ or at is None:
        return None
    if _text(action, "result") == "failure" or _text(raw, "method").upper() == "GET":
        return _nothing(id_, at)
    zone, named = named_by_path(_text(raw, "uri"))
    if zone is None:
        zone = _zone(_text(_part(line, "zone"), "id"))
        named = WHOLE
    if zone is None:
        return _nothing(id_, at)
    person = _text(actor, "email") or _text(actor, "token_name")
    return Entry(id_, at, zone, named, person[:LONGEST_PERSON], _text(raw, "cf_ray_id"))


def _older(line: Mapping[str, JSON]) -> Entry | None:
    """A line of version 1: only changed settings of zones concern us, and they come with their new value."""
    action, resource, metadata = _part(line, "action"), _part(line, "resource"), _part(line, "metadata")
    id_, at = _text(line, "id"), _milliseconds(_text(line, "when"))
    if not id_ or at is None:
        return None
    if _text(resource, "type") != "zone" or action.get("result") is False:
        return _nothing(id_, at)
    zone = _zone(_text(resource, "id"))
    is_setting = _text(action, "type") == SETTING_CHANGED
    named = named_by_setting(_text(metadata, "name")) if is_setting else WHOLE
    reported = _reported(line, metadata) if len(named) == 1 else None
    if reported is not None:
        (toggle,) = named
        reported = reported if BY_ID[toggle].read(reported).known else None
    person = _text(_part(line, "actor"), "email")
    return Entry(id_, at, zone, named, person[:LONGEST_PERSON], reported=reported)


def _nothing(id_: str, at: int) -> Entry:
    return Entry(id_, at, None, frozenset())


def _reported(line: Mapping[str, JSON], metadata: Mapping[str, JSON]) -> JSON:
    """The new value, which the log gives as text: plain words are values, the rest is JSON."""
    text = _text(line, "newValue") or _text(metadata, "value")
    if text[:1] in ("{", "["):
        try:
            parsed: JSON = json.loads(text)
        except (ValueError, RecursionError):
            return None
        return parsed
    return text or None


def _instant(at_ms: int) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _milliseconds(text: str) -> int | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        at_ms = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    except (OverflowError, OSError):
        return None
    return at_ms if at_ms > 0 else None


def _zone(text: str) -> ZoneId | None:
    is_id = len(text) == 32 and set(text.lower()) <= set("0123456789abcdef")
    return ZoneId(text.lower()) if is_id else None


def _part(line: Mapping[str, JSON], name: str) -> Mapping[str, JSON]:
    part = line.get(name)
    return part if isinstance(part, dict) else {}


def _text(line: Mapping[str, JSON], name: str) -> str:
    text = line.get(name)
    return text if isinstance(text, str) else ""
