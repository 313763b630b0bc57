"""Repeats whole transactions that Postgres undid in favor of other ones: deadlocks and serialization failures.

Each method of the store is one transaction, so the method is what is repeated. Nothing of an undone transaction is
left, and the next attempt reads everything anew.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import math
import random
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from cloudcache.adapters.db.failures import TransactionConflict
from cloudcache.domain.errors import StoreUnavailable

ATTEMPTS = 6
FIRST_PAUSE_S = 0.02

P = ParamSpec("P")
T = TypeVar("T")


def repeat_transactions(part: type) -> None:
    """Repeat each transaction method of a part of the store when it loses a conflict."""
    for name, method in list(vars(part).items()):
        if inspect.iscoroutinefunction(method) and "connection" not in inspect.signature(method).parameters:
            setattr(part, name, repeated(method))


def repeated(method: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """The same method, which tries a lost transaction `ATTEMPTS` times with growing, jittered pauses."""

    @functools.wraps(method)
    async def attempts(*args: P.args, **kwargs: P.kwargs) -> T:
        for attempt in range(1, ATTEMPTS):
            try:
                return await method(*args, **kwargs)
            except TransactionConflict:
                await asyncio.sleep(pause_s(attempt, random.random()))  # noqa: S311  jitter, no secret
        return await _last(method(*args, **kwargs))

    return attempts


def pause_s(attempt: int, chance: float) -> float:
    """Seconds before the next attempt: doubled each time, with full jitter but never zero."""
    return math.ldexp(FIRST_PAUSE_S, attempt - 1) * (0.1 + 0.9 * chance)


async def _last(attempt: Awaitable[T]) -> T:
    """Make the last attempt; its conflict becomes an ordinary failure, which no caller repeats."""
    try:
        return await attempt
    except TransactionConflict as conflict:
        raise StoreUnavailable(str(conflict)) from None
