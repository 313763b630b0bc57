"""Whether a zone takes a value: asked by every way of writing, before anything is changed."""

from __future__ import annotations

from cloudcache.emulator import refusals
from cloudcache.emulator.catalogue import SETTINGS, Plan, Setting
from cloudcache.emulator.generated import Zone
from cloudcache.emulator.wire import JSON


def accepted(zone: Zone, name: str, value: JSON) -> JSON:
    """The value as it will be kept; a `Refusal` when the setting, the plan or the value does not allow it."""
    setting = SETTINGS.get(name)
    if setting is None:
        raise refusals.unknown_setting(name)
    if not setting.editable(zone.plan) and not _is_clean_up(setting, value):
        raise refusals.not_editable(name, setting.refusal_code)
    if _is_held_back(zone, name, value):
        raise refusals.bad_value(name)
    try:
        return setting.rule.accept(value)
    except ValueError:
        raise refusals.bad_value(name) from None


def _is_clean_up(setting: Setting, value: JSON) -> bool:
    """Bot fields of a higher plan may be reset: Cloudflare's advice after a plan was lowered."""
    is_bot_field = setting.name.startswith("bot_management.") and setting.edit_from is not None
    return is_bot_field and value == setting.default


def _is_held_back(zone: Zone, name: str, value: JSON) -> bool:
    """Values that depend on the plan: turning security off, and the bot mode that paid plans replace."""
    if name == "security_level":
        return value == "off" and zone.plan < Plan.ENTERPRISE
    return name == "bot_management.fight_mode" and value is True and zone.plan > Plan.FREE
