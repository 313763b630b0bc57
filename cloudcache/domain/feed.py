"""Reading an account's audit log as a feed of changes: which entries matter, and how far it was read.

    verified_until      everything before it was read
          |<- overlap ->|
          since         before = now        one window, read in pages from the oldest entry on
          [ page ][ page ][ page ]          a cursor leads from page to page; both ends stay until the last

The delay of the log is not documented, so entries may turn up behind `verified_until`. Each window therefore
begins an overlap earlier: five minutes, or three times the greatest lateness seen lately, and once an hour two
hours. Entries already known are recognised by their id. `verified_until` moves only when a window was read to
its end, so whatever dies on the way, nothing is skipped: the window is read again. All these times are Cloudflare's:
`domain/clock_offset.py` tells how far our clock is from them.

A page that has more behind it and no cursor that can be used is followed by a smaller window, from its last entry on.

An entry names the settings that its request can have changed. One that is not understood means "read the whole
zone again". What is surely none of ours (DNS records, purges, certificates) means nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeAlias
from urllib.parse import unquote

from cloudcache.domain.catalog import BY_ID, TOGGLES, Read, Toggle, read_for, reads
from cloudcache.domain.errors import TryLater
from cloudcache.domain.ids import JSON, ToggleId, ZoneId
from cloudcache.domain.side_effects import AFFECTS

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
OVERLAP_MS = 5 * MINUTE_MS
OVERLAP_AT_MOST_MS = HOUR_MS
DEEP_OVERLAP_MS = 2 * HOUR_MS
DEEP_EVERY_MS = HOUR_MS
GAP_MS = HOUR_MS
"""A feed not read for this long had an outage: its zones are swept as well, for a log may lose what it missed."""
FIRST_LOOK_MS = 5 * MINUTE_MS
"""How far back the first look goes; what is older is known from reading the zones."""
AHEAD_MS = 5 * MINUTE_MS
"""A time further in the future than two clocks disagree is a mistake, and nobody's position."""

BUSY_FOR_MS = MINUTE_MS
"""Somebody who changed one setting in the dashboard may be about to change another."""
LIVELY_FOR_MS = HOUR_MS

UNPAGEABLE_RETRY_S = 60

WHOLE = frozenset(BY_ID)
NOTHING: frozenset[ToggleId] = frozenset()

Named: TypeAlias = frozenset[ToggleId]
"""The settings that an entry may have changed; `WHOLE` for all of the zone."""


class Unpageable(TryLater):
    """A log has more pages, and neither a cursor nor the time of its lines leads to them; nothing was skipped."""


class FeedStatus(StrEnum):
    """Whether an account's changes can be followed."""

    NEW = "new"  # never tried
    ON = "on"
    DENIED = "denied"  # the token lacks the permission, so there is only polling
    ABSENT = "absent"  # neither version of the log is there


class FeedVersion(StrEnum):
    """Which of the two audit logs is read."""

    V2 = "v2"
    V1 = "v1"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an audit log, understood. `at` is when it was done; `zone` is None for what concerns no zone.

    `reported` is the new value as the older log tells it: shown as hearsay until a read confirms it."""

    id: str
    at: int
    zone: ZoneId | None
    named: Named
    person: str = ""
    ray_id: str = ""
    reported: JSON = None


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who made a change, as the audit log names them, and when, by Cloudflare's clock."""

    person: str
    at: int


@dataclass(frozen=True, slots=True)
class FeedPage:
    """One page of a log. `cursor` leads to the next, "" at the end; `garbled` counts lines that cannot be read.

    `has_more` tells that there is more, although no usable cursor leads to it. `reached` is the time of the last
    line, whatever it concerns, if the lines are in order; `served_at` is Cloudflare's time when it wrote the page."""

    entries: tuple[Entry, ...]
    cursor: str = ""
    garbled: int = 0
    has_more: bool = False
    reached: int | None = field(default=None, compare=False)
    served_at: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Window:
    """What is being asked for: entries from `since` up to `before`, from `cursor` on."""

    since: int
    before: int
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """How far an account's log was read; kept in the database, so that any process can go on."""

    status: FeedStatus = FeedStatus.NEW
    version: FeedVersion = FeedVersion.V2
    verified_until: int | None = None
    window: Window | None = None
    """The one that is being read, or was when somebody died."""
    lateness_ms: int = 0
    """How late entries turn up: the greatest seen lately."""
    deep_at: int = 0
    """When it was last looked further back than usual."""
    clock_offset_ms: int = 0
    """Our time minus Cloudflare's, as the process measured it that read the log last."""

    @property
    def overlap_ms(self) -> int:
        """How far behind the position a window begins."""
        return min(OVERLAP_AT_MOST_MS, max(OVERLAP_MS, 3 * self.lateness_ms))

    def next_window(self, now: int) -> Window:
        """What to ask for: the rest of an unfinished window, else everything since the position.

        A position in the future comes from a clock that was wrong: then it goes back to now.
        """
        if self.window is not None and self.window.before <= now + AHEAD_MS:
            return self.window
        if self.verified_until is None:
            return Window(now - FIRST_LOOK_MS, now)
        overlap = DEEP_OVERLAP_MS if self._is_deep(now) else self.overlap_ms
        return Window(min(self.verified_until, now) - overlap, now)

    def read(self, window: Window, page: FeedPage, new: Iterable[Entry], now: int) -> Position:
        """The position after one page of this window, of which `new` had never been seen.

        What is after the time at which Cloudflare wrote the page was not read yet, whatever our clock says."""
        position = replace(self, status=FeedStatus.ON, lateness_ms=self._lateness(new, now))
        following = next_page(window, page)
        if following is not None:
            return replace(position, window=following)
        deep_at = now if self._is_deep(now) or self.verified_until is None else self.deep_at
        end = window.before if page.served_at is None else min(window.before, page.served_at)
        verified = max(self.verified_until or 0, end)
        if verified > now + AHEAD_MS:
            verified = end
        return replace(position, window=None, verified_until=verified, deep_at=deep_at)

    def restarted(self) -> Position:
        """The cursor is no longer taken: the same window from its beginning, as nothing of it was verified."""
        return replace(self, window=None)

    def had_gap(self, now: int) -> bool:
        """Whether it was not read for so long that its zones should be swept as well."""
        return self.verified_until is not None and now - self.verified_until >= GAP_MS

    def _is_deep(self, now: int) -> bool:
        return not 0 <= now - self.deep_at < DEEP_EVERY_MS

    def _lateness(self, new: Iterable[Entry], now: int) -> int:
        """The greatest of what is remembered, fading by a tenth a look, and of what turned up only now. What came
        after an outage of ours was not late: only time in which we looked counts."""
        looked = self.verified_until if self.verified_until is not None else now
        late = [looked - one.at for one in new if one.at < looked]
        fading = self.lateness_ms - self.lateness_ms // 10
        return min(DEEP_OVERLAP_MS, max([fading, *late]))


def next_page(window: Window, page: FeedPage) -> Window | None:
    """Where the window goes on after this page; None at its end. `Unpageable` when no way leads on."""
    if page.cursor and page.cursor != window.cursor:
        return replace(window, cursor=page.cursor)
    return from_time(window, page.reached) if page.has_more else None


def from_time(window: Window, reached: int | None) -> Window:
    """The rest of a window from this time on, without a cursor; what was read at that very time comes once more."""
    if reached is None or reached <= window.since:
        raise Unpageable(UNPAGEABLE_RETRY_S, "the pages of the audit log cannot be followed to its end")
    return Window(reached, window.before)


def cadence_of(active_at: int | None, watched: bool, now: int) -> str:
    """`busy`, `lively` or `quiet`: how closely an account is followed."""
    since = DEEP_OVERLAP_MS if active_at is None else max(0, now - active_at)
    if watched or since < BUSY_FOR_MS:
        return "busy"
    return "lively" if since < LIVELY_FOR_MS else "quiet"


# -- what an entry means -----------------------------------------------------------------------

_OTHER_PATHS: dict[str, tuple[str, ...]] = {
    "/smart_shield": ("smart_tiered_cache", "tiered_caching"),
    "/settings/image_resizing_c2pa": (),
}
_NOT_OURS = frozenset(
    {
        "access",
        "acm",
        "addressing",
        "analytics",
        "custom_certificates",
        "custom_csrs",
        "custom_hostnames",
        "custom_pages",
        "dns_analytics",
        "dns_records",
        "dns_settings",
        "dnssec",
        "email",
        "filters",
        "firewall",
        "healthchecks",
        "keyless_certificates",
        "load_balancers",
        "logpull",
        "logpush",
        "logs",
        "managed_headers",
        "origin_tls_client_auth",
        "pagerules",
        "purge_cache",
        "rate_limits",
        "rulesets",
        "secondary_dns",
        "snippets",
        "spectrum",
        "url_normalization",
        "waiting_rooms",
        "web3",
        "workers",
        "zaraz",
    }
)
"""First parts of paths that change none of the 50 settings."""

_ZONE_PATH = re.compile(r"(?:/client/v4)?/zones/([0-9a-f]{32})(/[^?#]*)?(?:[?#].*)?", re.IGNORECASE)
LONGEST_PATH = 2_048


def _by_path() -> dict[str, Named]:
    """The settings that a request to a path below the zone can change, with those that follow from them."""
    found: dict[str, set[ToggleId]] = {}
    for toggle in TOGGLES:
        found.setdefault(toggle.path, set()).update((toggle.id, *AFFECTS.get(toggle.id, ())))
    found |= {path: set(map(ToggleId, names)) for path, names in _OTHER_PATHS.items()}
    return {path: frozenset(names) for path, names in found.items()}


_NAMED_BY_PATH = _by_path()


def named_by_path(uri: str) -> tuple[ZoneId | None, Named]:
    """The zone of a request, and the settings it can have changed: all of them when the path is not known."""
    match = _ZONE_PATH.fullmatch(unquote(uri[:LONGEST_PATH]))
    if match is None:
        return None, NOTHING
    zone, path = ZoneId(match.group(1).lower()), (match.group(2) or "").rstrip("/")
    if path in _NAMED_BY_PATH:
        return zone, _NAMED_BY_PATH[path]
    first = path.removeprefix("/").split("/")[0]
    if first in _NOT_OURS or _is_foreign_setting(path):
        return zone, NOTHING
    return zone, WHOLE


def named_by_setting(name: str) -> Named:
    """The settings behind the name that the older log gives: all of them when it is not known."""
    return _NAMED_BY_PATH.get(f"/settings/{name}") or _NAMED_BY_PATH.get(f"/{name}") or WHOLE


def _is_foreign_setting(path: str) -> bool:
    """A plain zone setting that is not among the 50, such as `ciphers`: one setting, and none of ours."""
    parts = path.removeprefix("/").split("/")
    return (
        len(parts) == 2 and parts[0] == "settings" and re.fullmatch(r"[a-z0-9_]{1,64}", parts[1]) is not None
    )


# -- what to read ------------------------------------------------------------------------------


def cheapest_reads(named: Named, batch: bool) -> tuple[Read, ...]:
    """The fewest calls that read all of these once: the batch call when it replaces two or more."""
    whole = reads(batch)
    if named >= WHOLE:
        return whole
    single = _single_reads(BY_ID[one] for one in sorted(named))
    if not batch:
        return single
    replaced = [read for read in single if read.toggles[0].in_batch]
    if len(replaced) < 2:
        return single
    return (whole[0], *(read for read in single if read not in replaced))


def _single_reads(toggles: Iterable[Toggle]) -> tuple[Read, ...]:
    found: dict[str, Read] = {}
    for toggle in toggles:
        read = read_for(toggle)
        found.setdefault(read.path, read)
    return tuple(found.values())
