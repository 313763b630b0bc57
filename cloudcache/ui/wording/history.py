"""The history page: one sentence per change or event, and what else is known of it."""

from __future__ import annotations

from cloudcache.domain.access import ActorKind
from cloudcache.domain.audit import AuditAction, HistoryEntry
from cloudcache.domain.events import ChangeStatus, Source
from cloudcache.domain.ids import ToggleId
from cloudcache.ui.wording import values
from cloudcache.ui.wording.reasons import reason

HISTORY_TEXT = "See what changed, who changed it, and when support viewed your settings."
HISTORY_UNAVAILABLE = "We can’t load your history right now. We’ll keep trying."
NO_HISTORY = "No changes yet."
MORE = "Show older"
STORE_OWNER = "Store owner"
SOMEONE_AT_STORE = "Someone at your store"
REPLACED = "Replaced by a newer change"
OUTSIDE = "Outside this app"
TIMER = "the timer you set"
SUPPORT_VIEWED = "viewed your settings"

_EVENTS: dict[str, str] = {
    AuditAction.INSTALLED: "App installed",
    AuditAction.UNINSTALLED: "App uninstalled",
    AuditAction.WEBHOOK_IGNORED: "Outdated message from Shopify ignored",
    AuditAction.CONNECTED: "Connected to Cloudflare",
    AuditAction.DISCONNECTED: "Disconnected from Cloudflare",
    AuditAction.TOKEN_MADE: "API token created",
    AuditAction.TOKEN_REVOKED: "API token revoked",
    AuditAction.VIEW_STARTED: SUPPORT_VIEWED,
    AuditAction.VIEW_ENDED: "ended the session",
    AuditAction.DENIED: "Request denied",
    AuditAction.CUSTOMER_DATA: "Shopify requested customer data. We don’t store any",
    AuditAction.ERASED: "Older data deleted",
    AuditAction.ROLLOUT_CHANGED: "Rollout of this page changed for your store",
    AuditAction.IMPORTED: "Rocket Loader’s value in the earlier app compared with Cloudflare",
}


def entry(found: HistoryEntry, title: str) -> tuple[str, str]:
    """One entry of the history as a sentence, and what else is known of it; `title` is the toggle's, if any."""
    if found.link.action == AuditAction.FLIP_ASKED:
        return _requested(found, title)
    if found.link.action in _OBSERVED:
        return _observed(found, title)
    return _event(found)


def _requested(found: HistoryEntry, title: str) -> tuple[str, str]:
    """A change that was requested here; its outcome is in the same sentence."""
    change, who = found.change, person(found)
    verb, done = _verbs(found, title)
    asked = f"Requested by {who}"
    if change is None:
        return f"{verb[0].upper()}{verb[1:]}", asked
    if change.source is Source.TIMER:
        who = TIMER
    if change.status is ChangeStatus.APPLIED:
        return f"{title} {done} by {who}", ""
    if change.status is ChangeStatus.PENDING:
        return f"Waiting to {verb}", asked
    why = reason(change.error, change.detail) if change.error else REPLACED
    is_failed = change.status is ChangeStatus.FAILED
    return f"Couldn’t {verb}" if is_failed else f"{verb[0].upper()}{verb[1:]}", f"{why}. {asked}"


def _verbs(found: HistoryEntry, title: str) -> tuple[str, str]:
    """What was to be done, and what has been done once it was; the position says nothing of a finer value."""
    told, change, toggle = found.link.told, found.change, ToggleId(found.link.toggle)
    if value := told.get("value"):
        back = f"back to {values.name(toggle, value)}"
        return f"change {title} {back}", f"changed {back}"
    to = told.get("to") or (change.to_state.value if change else "on")
    return f"turn {to} {title}", f"turned {to}"


def _observed(found: HistoryEntry, title: str) -> tuple[str, str]:
    """A change that was seen at Cloudflare."""
    told, toggle = found.link.told, ToggleId(found.link.toggle)
    what = f"{title} turned {told.get('to') or 'on'}"
    if "from" in told and "value" in told:
        before, after = values.name(toggle, told["from"]), values.name(toggle, told["value"])
        what = f"{title} changed from {before} to {after}"
    if found.link.action == AuditAction.ENDED_BY_ITSELF:
        return f"{what} automatically", ""
    if found.link.action == AuditAction.SIDE_EFFECT:
        return what, "Cloudflare changed it along with another setting"
    name = _outside_person(found)
    return f"{what} by {_isolated(name)}" if name else what, OUTSIDE


def is_noticed(found: HistoryEntry) -> bool:
    """Whether the time of this entry is when a change was noticed, since nobody knows when it was made."""
    return found.link.action == AuditAction.CHANGED_ELSEWHERE and made_at(found) is None


def made_at(found: HistoryEntry) -> int | None:
    """When a change was made at Cloudflare, in Unix milliseconds; None where nobody knows."""
    at = found.link.told.get("made_at", "")
    return int(at) if at.isdecimal() else None


def _outside_person(found: HistoryEntry) -> str:
    """Whoever changed it at Cloudflare. The audit log may name them later than the change was noticed."""
    return (found.change.actor.id if found.change else "") or found.link.told.get("actor", "")


def _event(found: HistoryEntry) -> tuple[str, str]:
    link, told = found.link, found.link.told
    what = _EVENTS.get(link.action, link.action)
    if link.action in (AuditAction.VIEW_STARTED, AuditAction.VIEW_ENDED):
        return f"{person(found)} {what}", told.get("reason", "")
    if link.action == AuditAction.IMPORTED:
        return what, f"{told.get('told', '?')} there, {told.get('found', '?')} in Cloudflare"
    if link.actor_kind is ActorKind.MERCHANT:
        what = f"{what} by {person(found)}"
    return what, told.get("reason") or told.get("zone") or told.get("name", "")


def person(found: HistoryEntry) -> str:
    """Who did it, as a person would say."""
    told, kind = found.link.told, found.link.actor_kind
    id_, name = told.get("actor", ""), told.get("name", "")
    if kind is ActorKind.STAFF:
        return f"{_isolated(name or id_)} from support" if name or id_ else "Support"
    if kind is ActorKind.SYSTEM:
        return "cloudcache"
    word, _, rest = id_.partition(" ")
    if word == "user" and rest:
        return f"Shopify user {rest}"
    if word == "script" and rest:
        return f"API token “{_isolated(rest)}”"
    return STORE_OWNER if word == "owner" else SOMEONE_AT_STORE


def _isolated(name: str) -> str:
    """A name that may be written from right to left; it does not turn the rest of the sentence around."""
    shown = "".join(one for one in name if one.isprintable())
    return shown if shown.isascii() else f"\u2068{shown}\u2069"


_OBSERVED = frozenset({AuditAction.CHANGED_ELSEWHERE, AuditAction.SIDE_EFFECT, AuditAction.ENDED_BY_ITSELF})
