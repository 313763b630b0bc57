"""The settings of a store as the REST API shows them, encoded once for each change of theirs."""

from __future__ import annotations

import json
from hashlib import blake2b

from cloudcache.domain.catalog import BY_ID, TOGGLES, Toggle
from cloudcache.domain.customers import Customer, Page
from cloudcache.domain.events import Change
from cloudcache.domain.ids import ToggleId
from cloudcache.domain.toggle import Cell, effect, lock, standing, standing_until


class SettingsDocument:
    """A page's JSON without the ages, which are filled in at each request.

    It stays right from `made_at` until `valid_until` (Unix milliseconds, None for always), when a value becomes out
    of date or ends by itself, although nothing is written then.
    """

    def __init__(self, page: Page, now: int) -> None:
        self.page = page
        self.made_at = now
        cells = [page.cells.get(toggle.id, Cell(toggle.id)) for toggle in TOGGLES]
        ends = [end for cell in cells if (end := standing_until(cell, now)) is not None]
        self.valid_until = min(ends, default=None)
        self._seen_at = {cell.toggle: cell.seen_at for cell in cells}
        self._settings = {
            cell.toggle: _encoded(_setting(BY_ID[cell.toggle], cell, page.customer, now)) for cell in cells
        }
        self._head = _encoded({"shop": page.customer.shop, "zone": _zone(page.customer)})
        self.etag = _etag(self._head, *self._settings.values())

    def is_valid(self, page: Page, now: int) -> bool:
        """Whether it is what would be made of this page now."""
        return (
            page is self.page and self.made_at <= now and (self.valid_until is None or now < self.valid_until)
        )

    def everything(self, now: int) -> str:
        """All settings, with their ages."""
        listed = ",".join([self.setting(toggle.id, now) for toggle in TOGGLES])
        return f'{self._head[:-1]},"optimizations":[{listed}]}}'

    def setting(self, toggle: ToggleId, now: int) -> str:
        """One setting, with its age."""
        seen_at = self._seen_at[toggle]
        age = max(0, now - seen_at) if seen_at is not None else "null"
        return f'{self._settings[toggle][:-1]},"age_ms":{age}}}'

    def etag_of(self, toggle: ToggleId) -> str:
        """The entity tag of one setting."""
        return _etag(self._settings[toggle])


def change_shown(change: Change) -> dict[str, object]:
    """A change of the journal."""
    return {
        "id": change.id,
        "toggle_id": change.toggle,
        "enabled": change.to_state.value == "on",
        "status": change.status.value,
        "source": change.source.value,
        "actor": change.actor.id,
        "requested_at": change.requested_at,
        "settled_at": change.settled_at,
        "error": change.error or None,
    }


def is_match(header: str | None, etag: str) -> bool:
    """Whether an `If-None-Match` header names this entity tag; compared weakly, as RFC 9110 (13.1.2) says."""
    if header is None:
        return False
    given = [one.strip().removeprefix("W/") for one in header.split(",")]
    return "*" in given or etag.removeprefix("W/") in given


def _setting(toggle: Toggle, cell: Cell, customer: Customer, now: int) -> dict[str, object]:
    locked = lock(toggle, cell, customer.plan, customer.missing)
    known = cell.seen_at is not None and cell.absent_at is None
    return {
        "id": toggle.id,
        "title": toggle.title_on(customer.plan),
        "category": toggle.category,
        "enabled": (cell.reading(toggle).state.value == "on") if known else None,
        "value": cell.value if known else None,
        "seen_at": cell.seen_at,
        "standing": standing(cell, now).value,
        "locked": locked.value if locked else None,
        "effect": effect(toggle, cell, customer.topology).value,
        "change": change_shown(cell.change) if cell.change and cell.change.is_open else None,
    }


def _zone(customer: Customer) -> dict[str, object]:
    return {
        "name": customer.zone_name,
        "plan": customer.plan.title,
        "topology": customer.topology.value,
        "status": customer.status.value,
        "full_read_at": customer.full_read_at,
        "not_read_in_full_at": customer.unread_at,
    }


def _encoded(value: dict[str, object]) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _etag(*texts: str) -> str:
    digest = blake2b(digest_size=12)
    for text in texts:
        digest.update(text.encode())
    return f'W/"{digest.hexdigest()}"'
