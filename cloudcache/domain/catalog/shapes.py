"""Whether a wire value has the shape of its setting, so that it can be read as on or off at all."""

from __future__ import annotations

from cloudcache.domain.ids import JSON


def decides(sample: JSON, value: JSON) -> bool:
    """Whether a wire value shaped like `sample` says on or off.

    A null, an empty text, a list, and an object without the member that decides say nothing about the setting:
    reading them as "off" would report a change that never happened.
    """
    while isinstance(sample, dict) and isinstance(value, dict):
        name = "enabled" if "enabled" in sample else next(iter(sample))
        if name not in value:
            return False
        sample, value = sample[name], value[name]
    while isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    if isinstance(value, str):
        return bool(value.strip())
    return isinstance(value, bool | int | float)
