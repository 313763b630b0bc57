"""Which permission groups a token can be made of; every token may ask."""

from __future__ import annotations

from cloudcache.emulator.exchange import Exchange
from cloudcache.emulator.permissions import PERMISSIONS, group_id_of
from cloudcache.emulator.wire import JSON, Outcome


def list_user_groups(_: Exchange) -> Outcome:
    """The groups for tokens of a user."""
    return Outcome(_groups())


def list_account_groups(_: Exchange, __: str) -> Outcome:
    """The groups for tokens of an account, which are the same here."""
    return Outcome(_groups())


def _groups() -> list[JSON]:
    return [
        {"id": group_id_of(name), "name": name, "scopes": [resource]}
        for name, resource in PERMISSIONS.items()
    ]
