"""Reads one value of the environment: a word from a list, a switch, a whole number, an address, a pair.

A value that can't be read is a `ConfigError`, whose message is one line that names the variable and says what it must
be; a value that looks like a secret is not repeated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from cloudcache.domain.token_text import UnreadableToken, read_token
from cloudcache.logs import redacted

LONGEST_SHOWN = 60
_NUMBER = re.compile(r"[0-9]{1,9}")


class ConfigError(Exception):
    """A setting is missing or wrong; the message is one line that says which and how to correct it."""


def pair(given: Mapping[str, str], prefix: str) -> str | None:
    """The secret that belongs to a client's id; one without the other is a mistake."""
    client, secret = given.get(f"{prefix}ID"), given.get(f"{prefix}SECRET")
    if (client is None) != (secret is None):
        raise ConfigError(f"{prefix}ID and {prefix}SECRET must be set together")
    return secret


def together(given: Mapping[str, str], one: str, other: str) -> str | None:
    """An address that needs another variable beside it; one without the other is a mistake."""
    if (one in given) != (other in given):
        raise ConfigError(f"{one} and {other} must be set together")
    value = given.get(one)
    if value is not None and scheme(one, value) not in ("https", "http"):
        raise ConfigError(f"{one} must begin with https://")
    return value


def token(given: Mapping[str, str], name: str) -> str | None:
    """A Cloudflare API token, cleaned of what was copied with it; None if it isn't set."""
    if name not in given:
        return None
    try:
        return read_token(given[name]).reveal()
    except UnreadableToken as error:
        raise ConfigError(f"{name}: {error}") from None


def shown(value: str) -> str:
    """A wrong value as the message repeats it: short, and without what looks like a secret."""
    return ascii(redacted(value)[:LONGEST_SHOWN])


def scheme(name: str, url: str) -> str:
    """The scheme of an address; a text that is no address at all is an error that names the variable."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  is read to be checked
    except ValueError:
        raise ConfigError(f"{name} isn't an address") from None
    return parts.scheme


def one_of(given: Mapping[str, str], name: str, allowed: tuple[str, ...], default: str) -> str:
    """One of the allowed words."""
    value = given.get(name, default)
    if value not in allowed:
        raise ConfigError(f"{name} is {shown(value)}; it must be one of {', '.join(allowed)}")
    return value


def switch(given: Mapping[str, str], name: str, default: bool) -> bool:
    """`on` or `off`."""
    return one_of(given, name, ("on", "off"), "on" if default else "off") == "on"


def whole(given: Mapping[str, str], name: str, default: int, what: str) -> int:
    """A whole number from 1 to 999,999,999 of `what`."""
    text = given.get(name, str(default))
    if not _NUMBER.fullmatch(text) or int(text) < 1:
        raise ConfigError(f"{name} is {shown(text)}; it must be a whole number of {what} above 0")
    return int(text)


def address(given: Mapping[str, str], name: str) -> tuple[str, int] | None:
    """A port of this machine's own, or host:port for one that others reach."""
    if name not in given:
        return None
    host, _, port = given[name].rpartition(":")
    if not _NUMBER.fullmatch(port) or not 0 < int(port) < 65_536:
        raise ConfigError(f"{name} is {shown(given[name])}; it must be a port, or host:port")
    return host.strip("[]") or "127.0.0.1", int(port)
