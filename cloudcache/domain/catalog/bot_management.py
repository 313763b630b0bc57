"""Settings of `/bot_management` whose fields depend on the zone: which are there tells what can be read and sent.

    Bot Fight Mode           `fight_mode` on Free; `sbfm_*` from Pro on; neither with the Bot Management add-on
    AI training crawlers     `ai_training`; on zones that don't have it yet the older `ai_bots_protection`, read only

The value of such a toggle is an object with every field that was reported. What is sent is made anew from the wanted
position, so that a field which only explains the state is never sent back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeGuard

from cloudcache.domain.catalog.model import Reading, State, Toggle
from cloudcache.domain.ids import JSON

FIGHT_MODE = "fight_mode"
DEFINITELY, LIKELY, VERIFIED = "sbfm_definitely_automated", "sbfm_likely_automated", "sbfm_verified_bots"
LEFTOVERS = "stale_zone_configuration"
"""What an earlier plan left behind: it still acts, and Cloudflare shows it in an object of its own."""
RESETS: Mapping[str, JSON] = {FIGHT_MODE: False, LIKELY: "allow"}
"""The leftovers that still act on bots, each with what ends it."""

ALLOW, BLOCK, CHALLENGE = "allow", "block", "managed_challenge"
VERIFIED_BLOCKED = "verified_bots_blocked"
ONLY_LIKELY = "only_likely"
LEFT_OVER = "left_over"

TRAINING, OLD, SYNC = "ai_training", "ai_bots_protection", "bot_preference_sync_enabled"
DISABLED, DISALLOW = "disabled", "disallow"
OLD_SETTING = "old_setting"
NOT_PUBLISHED = "not_published"


class BotFightMode(Toggle):
    """Bot Fight Mode, or Super Bot Fight Mode where the zone reports its fields."""

    @property
    def depends_on_zone(self) -> bool:
        """Only a field that Cloudflare reported is sent."""
        return True

    def extract(self, result: Mapping[str, JSON]) -> JSON:
        """The fields that say what happens to bots; None with the Bot Management add-on, which has none of them."""
        picked = {name: result[name] for name in (FIGHT_MODE, DEFINITELY, LIKELY, VERIFIED) if name in result}
        if DEFINITELY not in picked:
            return {FIGHT_MODE: picked[FIGHT_MODE]} if FIGHT_MODE in picked else None
        picked.pop(FIGHT_MODE, None)
        stale = result.get(LEFTOVERS)
        left = stale if isinstance(stale, dict) else {}
        acting = {name: left[name] for name, reset in RESETS.items() if left.get(name, reset) != reset}
        return {**picked, LEFTOVERS: acting} if acting else picked

    def is_usable(self, value: JSON) -> bool:
        """Whether the field that decides is there and holds something."""
        if not isinstance(value, dict):
            return super().is_usable(value)
        if DEFINITELY not in value:
            return super().is_usable(value)
        return isinstance(value[DEFINITELY], str) and bool(value[DEFINITELY])

    def value_name(self, value: JSON) -> str:
        """The word for what happens to bots, such as "managed_challenge"."""
        if not _is_super(value):
            return super().value_name(value)
        definitely = str(value[DEFINITELY])
        if value.get(VERIFIED) == BLOCK:
            return VERIFIED_BLOCKED
        if definitely != ALLOW:
            return definitely
        if value.get(LIKELY, ALLOW) != ALLOW:
            return ONLY_LIKELY
        return LEFT_OVER if value.get(LEFTOVERS) else ALLOW

    def read(self, value: JSON) -> Reading:
        """On while any kind of bot is challenged or blocked."""
        if not _is_super(value):
            return super().read(value)
        word = self.value_name(value)
        if word == ALLOW:
            return Reading(State.OFF)
        if word == CHALLENGE:
            return Reading(State.ON)
        known = word in (BLOCK, VERIFIED_BLOCKED, ONLY_LIKELY, LEFT_OVER)
        return Reading(State.ON, word[:40], known=known)

    def accepts(self, value: JSON) -> bool:
        """Whether a value may be remembered: what is sent later is made from it."""
        if not _is_super(value):
            return super().accepts(value)
        return self.read(value).known

    def wanted(self, state: State, last_on: JSON = None, last_off: JSON = None, held: JSON = None) -> JSON:
        """The fields to send: for Super Bot Fight Mode only those that the zone reported."""
        remembered = last_on if state is State.ON else last_off
        if held is None and _is_ours(remembered, state):
            return remembered
        zone = held if held is not None else remembered
        if not _is_super(zone):
            return super().wanted(state, *(None if _is_super(one) else one for one in (last_on, last_off)))
        if state is State.ON:
            blocks = _is_super(remembered) and remembered.get(DEFINITELY) == BLOCK
            return {DEFINITELY: BLOCK if blocks else CHALLENGE, VERIFIED: ALLOW}
        off: dict[str, JSON] = {DEFINITELY: ALLOW}
        if LIKELY in zone:
            off[LIKELY] = ALLOW
        if zone.get(VERIFIED) == BLOCK:
            off[VERIFIED] = ALLOW
        left = zone.get(LEFTOVERS)
        return {**off, **{name: RESETS[name] for name in left}} if isinstance(left, dict) else off


class AiTraining(Toggle):
    """Whether crawlers may use the store's pages to train AI models."""

    @property
    def depends_on_zone(self) -> bool:
        """Only a field that Cloudflare reported is sent."""
        return True

    def extract(self, result: Mapping[str, JSON]) -> JSON:
        """The preference, whether it is published, and the older setting; None where none of them is reported."""
        picked: dict[str, JSON] = {name: result[name] for name in (TRAINING, SYNC, OLD) if name in result}
        return picked if TRAINING in picked or OLD in picked else None

    def is_usable(self, value: JSON) -> bool:
        """Whether the preference, or else the older setting, holds something."""
        decides = value.get(TRAINING, value.get(OLD)) if isinstance(value, dict) else value
        return isinstance(decides, str) and bool(decides.strip())

    def value_name(self, value: JSON) -> str:
        """The word for what crawlers are told, such as "disallow"; "old_setting" where the older one blocks them."""
        if not isinstance(value, dict):
            return super().value_name(value)
        training = str(value.get(TRAINING, DISABLED)).lower()
        if training != DISABLED:
            return NOT_PUBLISHED if training == DISALLOW and value.get(SYNC) is False else training
        return OLD_SETTING if str(value.get(OLD, DISABLED)).lower() != DISABLED else DISABLED

    def read(self, value: JSON) -> Reading:
        """On while training crawlers are asked to stay away or blocked, by whichever setting."""
        word = self.value_name(value)
        if word in (DISABLED, "off"):
            return Reading(State.OFF)
        if word == DISALLOW:
            return Reading(State.ON)
        known = word in (BLOCK, "only_on_ad_pages", OLD_SETTING, NOT_PUBLISHED)
        return Reading(State.ON, word[:40], known=known)

    def is_writable(self, value: JSON) -> bool:
        """Only the new field is ever written, and only where the older setting doesn't block."""
        if not isinstance(value, dict):
            return True
        return TRAINING in value and self.value_name(value) != OLD_SETTING

    def accepts(self, value: JSON) -> bool:
        """Whether a value may be remembered: `block` is shown, and never restored."""
        if not isinstance(value, dict) or TRAINING not in value:
            return False
        return self.value_name(value) in (DISABLED, DISALLOW, NOT_PUBLISHED)

    def wanted(self, state: State, last_on: JSON = None, last_off: JSON = None, held: JSON = None) -> JSON:
        """Always the plain value: it states the preference and publishes it, and enforces nothing."""
        return self.on if state is State.ON else self.off


def _is_ours(value: JSON, state: State) -> bool:
    """Whether a value of Super Bot Fight Mode is one that `wanted` made, to be sent as it is."""
    if not _is_super(value):
        return False
    if state is State.ON:
        return (
            value.keys() == {DEFINITELY, VERIFIED}
            and value[DEFINITELY] in (CHALLENGE, BLOCK)
            and value[VERIFIED] == ALLOW
        )
    resets = {DEFINITELY: ALLOW, LIKELY: ALLOW, VERIFIED: ALLOW, FIGHT_MODE: False}
    return all(name in resets and part == resets[name] for name, part in value.items())


def _is_super(value: JSON) -> TypeGuard[dict[str, JSON]]:
    return isinstance(value, dict) and DEFINITELY in value
