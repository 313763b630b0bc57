"""Which values a setting takes.

A rule turns a written value into the stored one or refuses it with `Unfit`; its `choices` are what a person
can pick from on the dashboard page (none means: type it in).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from cloudcache.emulator.wire import JSON


class Unfit(ValueError):
    """The value is none of this setting's."""


class Rule(Protocol):
    """The values that one setting takes."""

    def accept(self, value: JSON) -> JSON:
        """The value as Cloudflare keeps it; `Unfit` when it is none of this setting's."""

    @property
    def choices(self) -> tuple[JSON, ...]:
        """The values worth offering in a list."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """A closed set of texts or numbers."""

    choices: tuple[JSON, ...]

    def accept(self, value: JSON) -> JSON:
        # True == 1 in Python, so a boolean is turned away before any comparison.
        if isinstance(value, bool) or value not in self.choices:
            raise Unfit(value)
        return value


@dataclass(frozen=True, slots=True)
class Flag:
    """A JSON boolean."""

    choices: tuple[JSON, ...] = (True, False)

    def accept(self, value: JSON) -> JSON:
        if not isinstance(value, bool):
            raise Unfit(value)
        return value


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds."""

    low: int
    high: int
    choices: tuple[JSON, ...] = ()

    def accept(self, value: JSON) -> JSON:
        if isinstance(value, bool) or not isinstance(value, int) or not self.low <= value <= self.high:
            raise Unfit(value)
        return value


@dataclass(frozen=True, slots=True)
class WholeAsText:
    """A number that Cloudflare hands out as text: written as either, kept as text."""

    low: int
    high: int
    choices: tuple[JSON, ...] = ()

    def accept(self, value: JSON) -> JSON:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise Unfit(value)
        # A text that is no number raises ValueError by itself.
        if not self.low <= int(value) <= self.high:
            raise Unfit(value)
        return str(int(value))


@dataclass(frozen=True, slots=True)
class Text:
    """Any text up to a length."""

    longest: int = 2048
    choices: tuple[JSON, ...] = ()

    def accept(self, value: JSON) -> JSON:
        if not isinstance(value, str) or len(value) > self.longest:
            raise Unfit(value)
        value.encode()  # half a surrogate pair is no text: ValueError
        return value


@dataclass(frozen=True, slots=True)
class Texts:
    """A list of different texts."""

    choices: tuple[JSON, ...] = ()

    def accept(self, value: JSON) -> JSON:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise Unfit(value)
        if len(set(value)) != len(value):
            raise Unfit(value)
        "".join(value).encode()
        return value


@dataclass(frozen=True, slots=True)
class Members:
    """An object with known members; those in `filled` may be left out and take that value."""

    rules: Mapping[str, Rule]
    filled: Mapping[str, JSON]
    choices: tuple[JSON, ...] = ()

    def accept(self, value: JSON) -> JSON:
        if not isinstance(value, dict) or not value.keys() <= self.rules.keys():
            raise Unfit(value)
        if not self.rules.keys() <= value.keys() | self.filled.keys():
            raise Unfit(value)
        whole = {**self.filled, **value}
        return {name: rule.accept(whole[name]) for name, rule in self.rules.items()}


SWITCH = OneOf(("on", "off"))
FLAG = Flag()
ENABLED = Members({"enabled": FLAG}, {}, ({"enabled": True}, {"enabled": False}))
