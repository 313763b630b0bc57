"""A call to the model of Cloudflare: who asked, what for, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import TypeAlias

from cloudcache.domain.catalog import Read
from cloudcache.domain.ids import CredentialId


class Verdict(Enum):
    """What Cloudflare answers."""

    DONE = auto()
    FAILED = auto()
    THROTTLED = auto()
    WITHDRAWN = auto()
    REFUSED = auto()


class Call:
    """From the asking to the answer. `about` is a zone or an account; times are Cloudflare's."""

    __slots__ = ("about", "asked_at", "credential", "left_at", "name", "read", "then", "verdict")

    def __init__(
        self,
        credential: CredentialId,
        name: str,
        then: Answered,
        about: int,
        read: Read | None,
        asked_at: int,
    ) -> None:
        self.credential, self.name, self.then = credential, name, then
        self.about, self.read, self.asked_at = about, read, asked_at
        self.left_at = 0
        self.verdict = Verdict.DONE


Answered: TypeAlias = Callable[[Call, int], None]
"""Told of the answer, with the time on our clock."""
