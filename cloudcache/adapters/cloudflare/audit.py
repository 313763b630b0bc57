"""An account's audit log as pages of entries, in both versions; what a line means, `domain/feed.py` says.

    v2   /accounts/{id}/logs/audit   since, before, cursor   the request of each call; no values
    v1   /accounts/{id}/audit_logs   since, before, page     the setting by name, with its new value

Lines of failed actions and of reads are left out. One that cannot be read is counted: it may have been a change.
Neither is a cursor trusted: one that is no text, too long for an address, or the same again leads nowhere, and then
the page says how far it reached, so that the rest is asked for by time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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

LONGEST_CURSOR = 4_096
"""What surely fits into an address; the database keeps a cursor of any length."""

LONGEST_PERSON = 255
SETTING_CHANGED = "change_setting"
READS = frozenset({"GET", "HEAD", "OPTIONS"})
FAILED = frozenset(
    {"failure", "failed", "fail", "error", "denied", "rejected", "refused", "unsuccessful", "false"}
)
"""The ways in which a log may say that an action was not done."""

_THROUGH = {
    "dash": "Cloudflare dashboard",
    "ui": "Cloudflare dashboard",
    "api_token": "an API token",
    "api_key": "an API key",  # pragma: allowlist secret
    "api": "the Cloudflare API",
    "oauth": "a connected app",
    "origin_ca_key": "an origin CA key",
}
"""What an actor without a name came through."""


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


def feed_page(
    version: FeedVersion, window: Window, result: JSON, info: JSON, served_at: int | None = None
) -> FeedPage | None:
    """What a page says; None when it is no list. Lines that are known to mean nothing have no settings."""
    if not isinstance(result, list):
        return None
    read = _newer if version is FeedVersion.V2 else _older
    lines = [read(line) if isinstance(line, dict) else None for line in result]
    understood = [line for line in lines if line is not None]
    cursor, has_more = _next(version, window, len(lines), info)
    return FeedPage(
        tuple(line for line in understood if line.named),
        cursor,
        garbled=len(lines) - len(understood),
        has_more=has_more,
        reached=_reached(understood),
        served_at=served_at,
    )


def _next(version: FeedVersion, window: Window, lines: int, info: JSON) -> tuple[str, bool]:
    """The cursor to the next page, or "" and whether there is one all the same."""
    is_full = lines >= PER_PAGE
    if version is FeedVersion.V1:
        return (str(_page_number(window) + 1) if is_full else ""), False
    cursor = info.get("cursor") if isinstance(info, dict) else None
    if isinstance(cursor, str) and 0 < len(cursor) <= LONGEST_CURSOR and cursor != window.cursor:
        return cursor, False
    return "", is_full or (lines > 0 and cursor not in (None, ""))


def _page_number(window: Window) -> int:
    """The page of the older log, which counts from 1; a cursor of the newer log is none."""
    is_number = window.cursor.isascii() and window.cursor.isdecimal() and len(window.cursor) < 10
    return max(1, int(window.cursor)) if is_number else 1


def _reached(lines: Sequence[Entry]) -> int | None:
    """The time of the last line; None when the lines are not in the order that was asked for."""
    times = [line.at for line in lines]
    return times[-1] if times and times == sorted(times) else None


def _newer(line: Mapping[str, JSON]) -> Entry | None:
    """A line of version 2: the request tells the setting. Without a readable request its zone is read whole."""
    action, raw, actor = _part(line, "action"), _part(line, "raw"), _part(line, "actor")
    id_, at = _text(line, "id"), _milliseconds(_text(action, "time"))
    if not id_ or at is None:
        return None
    if _has_failed(action, raw) or _text(raw, "method").upper() in READS:
        return _nothing(id_, at)
    zone, named = named_by_path(_text(raw, "uri"))
    if zone is None:
        zone = _zone(_text(_part(line, "zone"), "id"))
        named = WHOLE
    if zone is None:
        return _nothing(id_, at)
    return Entry(id_, at, zone, named, actor_name(actor)[:LONGEST_PERSON], _text(raw, "cf_ray_id"))


def _older(line: Mapping[str, JSON]) -> Entry | None:
    """A line of version 1: only changed settings of zones concern us, and they come with their new value."""
    action, resource, metadata = _part(line, "action"), _part(line, "resource"), _part(line, "metadata")
    id_, at = _text(line, "id"), _milliseconds(_text(line, "when"))
    if not id_ or at is None:
        return None
    if _text(resource, "type") != "zone" or _has_failed(action, {}):
        return _nothing(id_, at)
    zone = _zone(_text(resource, "id"))
    is_setting = _text(action, "type") == SETTING_CHANGED
    named = named_by_setting(_text(metadata, "name")) if is_setting else WHOLE
    reported = _reported(line, metadata) if len(named) == 1 else None
    if reported is not None:
        (toggle,) = named
        reported = reported if BY_ID[toggle].read(reported).known else None
    person = actor_name(_part(line, "actor"), _text(line, "interface"))[:LONGEST_PERSON]
    return Entry(id_, at, zone, named, person, reported=reported)


def _has_failed(action: Mapping[str, JSON], raw: Mapping[str, JSON]) -> bool:
    """Whether the action did not happen. An outcome that is not known counts as done: reading is cheap."""
    result, status = action.get("result"), str(raw.get("status_code"))
    words = result.strip().lower() if isinstance(result, str) else ""
    return (
        result is False or words in FAILED or (len(status) == 3 and status[0] == "4" and status.isdecimal())
    )


def actor_name(actor: Mapping[str, JSON], interface: str = "") -> str:
    """Who an audit-log actor is, as a person may be told: never a guess, and never another one's name."""
    kind, token = _word(actor, "type").lower(), _word(actor, "token_name")
    if kind in ("system", "cloudflare"):
        return "Cloudflare"
    if kind in ("cloudflare_admin", "admin"):
        return "Cloudflare staff"
    if kind == "delegated_service":
        return _word(actor, "name") or token or "a service connected to Cloudflare"
    if kind == "account":
        return f"API token {token}" if token else "an account token"
    through = (_word(actor, "context") or interface).lower()
    return _word(actor, "email") or (f"API token {token}" if token else _THROUGH.get(through, ""))


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


def _word(line: Mapping[str, JSON], name: str) -> str:
    """A name as it may be shown: on one line, without control characters."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in _text(line, name)).split())


def _text(line: Mapping[str, JSON], name: str) -> str:
    text = line.get(name)
    return text if isinstance(text, str) else ""
