"""Workers KV: the value of a key, as it is kept."""

from __future__ import annotations

import re

from cloudcache.emulator import refusals
from cloudcache.emulator.exchange import Exchange
from cloudcache.emulator.wire import Outcome

VALUE = "storage/kv/namespaces/*/values/*"
_VALUE = re.compile(r"storage/kv/namespaces/([^/]+)/values/(.+)", re.DOTALL)


def is_value(rest: str) -> bool:
    """Whether the path below an account names a value; a key may hold anything, a slash too."""
    return _VALUE.fullmatch(rest) is not None


def read_value(exchange: Exchange, account_id: str) -> Outcome:
    """The value, in no envelope."""
    found = _VALUE.fullmatch(exchange.call.path.split("/", 3)[3])
    if found is None:
        raise refusals.no_route(exchange.call.path)
    held = exchange.world.kv.namespace(account_id, found[1])
    if held is None:
        raise refusals.no_namespace()
    if found[2] not in held:
        raise refusals.no_key()
    return Outcome(None, raw=held[found[2]])
