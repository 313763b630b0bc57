"""Scripted trouble: what can go wrong between a client and Cloudflare, made to go wrong on demand.

        slow           the answer comes after `delay` seconds, the change `applied` before or after them
        status         a 5xx (or any other `status`) with the usual envelope, nothing done
        html           a gateway's HTML page with `status` (502 unless given), nothing done
        cut            the work is done, the body breaks off half way
        lost           the work is done, the answer never arrives
        refuse         no connection, nothing done
        duplicate      the work is done twice, one answer
        block          the five-minute block starts now
        absurd         reads show a fresh zone's values in place of the real ones
        unknown_value  reads show a value that no schema knows

A fault hits the calls it matches, `times` times (None: for ever), each with `probability`. The first one that
matches wins. `delay` holds the answer back for every kind, at most until the faults are cleared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, TypeAlias, get_args

from cloudcache.emulator.chance import share
from cloudcache.emulator.tokens import OWNERSHIPS, TokenOwnership, as_token_id, token_id_of
from cloudcache.emulator.wire import JSON, Call

FaultKind: TypeAlias = Literal[
    "slow", "status", "html", "cut", "lost", "refuse", "duplicate", "block", "absurd", "unknown_value"
]
KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
LONGEST_DELAY = 3600
READ_KINDS: frozenset[FaultKind] = frozenset({"absurd", "unknown_value"})
"""Kinds that change what the read of a setting shows, and so leave every other call alone."""


class BadFault(ValueError):
    """A fault that makes no sense; the text says why."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of trouble, and the calls that run into it. `path` is a part of the path, or with `$` its
    end; `token` a token or its id; `token_kind` hits the tokens of one kind: `user`, `account`, `oauth` or
    `legacy`.
    """

    kind: FaultKind
    method: str | None = None
    path: str | None = None
    zone_id: str | None = None
    token: str | None = None
    token_kind: TokenOwnership | None = None
    times: int | None = 1
    probability: float = 1.0
    delay: float = 0.0
    applied: Literal["before", "after"] = "after"
    status: int | None = None
    code: int = 1005
    message: str = "Internal error encountered while processing change"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BadFault(f"kind must be one of {', '.join(KINDS)}")
        if self.token_kind is not None and self.token_kind not in OWNERSHIPS:
            raise BadFault(f"token_kind must be one of {', '.join(OWNERSHIPS)}")
        if self.applied not in ("before", "after"):
            raise BadFault("applied must be before or after")
        if not 0 <= self.probability <= 1:
            raise BadFault("probability must be between 0 and 1")
        if not 0 <= self.delay <= LONGEST_DELAY:
            raise BadFault(f"delay must be between 0 and {LONGEST_DELAY} seconds")
        if self.times is not None and self.times < 1:
            raise BadFault("times must be 1 or more, or null for ever")
        if self.status is not None and not 400 <= self.status <= 599:
            raise BadFault("status must be between 400 and 599")

    def matches(self, call: Call, token_kind: TokenOwnership | None = None) -> bool:
        """Whether the call is one that this fault is meant for; `token_kind` is the kind of its token."""
        if self.kind in READ_KINDS and not (call.method == "GET" and call.is_below_zone):
            return False
        if self.method is not None and call.method != self.method.upper():
            return False
        if self.path is not None and not _is_in(self.path, call.path):
            return False
        if self.zone_id is not None and self.zone_id != call.zone_id:
            return False
        if self.token_kind is not None and self.token_kind != token_kind:
            return False
        if self.token is None:
            return True
        return call.token is not None and as_token_id(self.token) == token_id_of(call.token)

    def shown(self) -> dict[str, JSON]:
        """The fault as JSON, the token by its id only."""
        plain: dict[str, JSON] = {field.name: getattr(self, field.name) for field in fields(self)}
        return plain | {"token": None if self.token is None else as_token_id(self.token)}


def _is_in(part: str, path: str) -> bool:
    """Whether a call's path holds the part, or ends with it where it is written with `$`."""
    return path.endswith(part[:-1]) if part.endswith("$") else part in path


_TYPES: Mapping[str, tuple[type, ...]] = {
    "kind": (str,),
    "method": (str, type(None)),
    "path": (str, type(None)),
    "zone_id": (str, type(None)),
    "token": (str, type(None)),
    "token_kind": (str, type(None)),
    "times": (int, type(None)),
    "probability": (int, float),
    "delay": (int, float),
    "applied": (str,),
    "status": (int, type(None)),
    "code": (int,),
    "message": (str,),
}


def fault_from(record: JSON) -> Fault:
    """The fault that a JSON object describes; `BadFault` says what is wrong with it."""
    if not isinstance(record, dict) or "kind" not in record:
        raise BadFault("a fault is an object with at least a kind")
    for name, value in record.items():
        if name not in _TYPES:
            raise BadFault(f"unknown field {name}; known are {', '.join(_TYPES)}")
        if isinstance(value, bool) or not isinstance(value, _TYPES[name]):
            raise BadFault(f"{name} has the wrong type")
    return Fault(**record)


class FaultBook:
    """The faults that are set, with how often each may still strike."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._drawn = 0
        self._pages: list[tuple[Fault, int | None]] = []
        self._cleared = asyncio.Event()

    def add(self, fault: Fault) -> None:
        """Sets one more fault, behind those that are set already."""
        self._pages.append((fault, fault.times))

    def clear(self) -> None:
        """Takes all faults away, and lets the calls go on that they hold back."""
        self._pages.clear()
        self._cleared.set()
        self._cleared = asyncio.Event()

    async def cleared(self) -> None:
        """Returns when the faults that are set now are taken away."""
        await self._cleared.wait()

    def pick(self, call: Call, token_kind: TokenOwnership | None = None) -> Fault | None:
        """The fault that this call runs into, counted as having struck."""
        for position, (fault, left) in enumerate(self._pages):
            if fault.matches(call, token_kind) and self._draw() < fault.probability:
                self._count(position, fault, left)
                return fault
        return None

    def shown(self) -> list[JSON]:
        """What is set, as JSON."""
        return [fault.shown() | {"left": left} for fault, left in self._pages]

    def _draw(self) -> float:
        self._drawn += 1
        return share(self._seed, f"fault/{self._drawn}")

    def _count(self, position: int, fault: Fault, left: int | None) -> None:
        if left == 1:
            del self._pages[position]
        elif left is not None:
            self._pages[position] = (fault, left - 1)
