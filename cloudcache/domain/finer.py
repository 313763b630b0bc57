"""Changes between two finer values of the same position, such as Polish from lossy to lossless."""

from __future__ import annotations

from cloudcache.domain.catalog import BY_ID
from cloudcache.domain.events import Change


def finer_values(change: Change) -> tuple[str, str] | None:
    """Return the value before and the value after, a word each, of a change that leaves the switch where it is."""
    toggle = BY_ID[change.toggle]
    if change.from_state is not change.to_state or change.from_value is None:
        return None
    before, after = toggle.value_name(change.from_value), toggle.value_name(change.to_value)
    return None if before == after else (before, after)
