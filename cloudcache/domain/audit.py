"""The audit log: who did what to whom, each line chained to the one before by its hash.

A chain is one customer's, or `NOBODYS` for what concerns none. What could name a person (ids, addresses, reasons)
is apart, and the chain covers only a salted digest of it: erasing it leaves a chain that still verifies.

    hash = sha256(previous, chain, seq, at, actor kind, action, outcome, toggle, change, digest of the personal part)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import sha256

from cloudcache.domain.access import Actor, ActorKind
from cloudcache.domain.events import Change
from cloudcache.domain.ids import ChangeId, ToggleId

NOBODYS = 0
FIRST = ""
LONGEST_TEXT = 300


class AuditAction(StrEnum):
    """What was done, or tried."""

    FLIP_ASKED = "flip asked"
    FLIP_ENDED = "flip ended"
    CHANGED_ELSEWHERE = "changed elsewhere"
    SIDE_EFFECT = "changed as a side effect"
    ENDED_BY_ITSELF = "ended automatically"
    DENIED = "denied"
    INSTALLED = "installed"
    UNINSTALLED = "uninstalled"
    WEBHOOK_IGNORED = "webhook ignored"
    ERASED = "erased"
    CUSTOMER_DATA = "customer data"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    TOKEN_MADE = "token made"  # noqa: S105  a word for people, not a secret
    TOKEN_REVOKED = "token revoked"  # noqa: S105
    VIEW_STARTED = "view started"
    VIEW_ENDED = "view ended"
    ROLE_CHANGED = "role changed"
    ROLLOUT_CHANGED = "rollout changed"
    IMPORTED = "imported"
    TAKEN_IN = "customers imported"


@dataclass(frozen=True, slots=True)
class Deed:
    """A line to be written. `detail` may name people; the rest never does."""

    actor: Actor
    action: AuditAction
    outcome: str = ""
    toggle: ToggleId | None = None
    change: ChangeId | None = None
    detail: Mapping[str, str] = field(default_factory=dict)

    def impersonal(self) -> Deed:
        """The same without anything that could name a person."""
        return replace(self, actor=Actor(self.actor.kind, ""), detail={})

    def personal(self, salt: str) -> str:
        """The part that an erasure empties, as JSON; the salt keeps its digest from being guessed."""
        origin = self.actor.origin
        where = (
            {"address": origin.address, "agent": origin.agent, "session": origin.session} if origin else {}
        )
        told = {"actor": self.actor.id, "name": self.actor.name, **where, **self.detail}
        kept = {name: _plain(text) for name, text in told.items() if text}
        return json.dumps({"salt": salt, **kept}, sort_keys=True)


@dataclass(frozen=True, slots=True)
class Link:
    """A line as it is kept. `personal` is None after an erasure."""

    chain: int
    seq: int
    at: int
    actor_kind: ActorKind
    action: str
    outcome: str
    toggle: str
    change: int | None
    personal: str | None
    personal_digest: str
    previous: str
    hash: str

    @property
    def told(self) -> dict[str, str]:
        """The personal part without its salt; empty after an erasure."""
        loaded = json.loads(self.personal) if self.personal else {}
        return {name: text for name, text in loaded.items() if name != "salt"}


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """What a shop's history shows as one: a line of the audit log and, where it tells of a change, that change as it
    stands now. The line of a change's outcome is no entry of its own."""

    link: Link
    change: Change | None = None


def forge(deed: Deed, *, chain: int, seq: int, at: int, previous: str, salt: str) -> Link:
    """The link that carries a deed, fitted to the one before it."""
    personal = deed.personal(salt)
    toggle, change = deed.toggle or "", deed.change
    digest = sha256(personal.encode()).hexdigest()
    kind = deed.actor.kind
    made = _hash(previous, chain, seq, at, kind, deed.action, deed.outcome, toggle, change, digest)
    return Link(
        chain, seq, at, kind, deed.action, deed.outcome, toggle, change, personal, digest, previous, made
    )


@dataclass(slots=True)
class Verifier:
    """Goes along one chain from its beginning and collects what is wrong with it."""

    chain: int
    erased_until: int = -1
    seq: int = 0
    hash: str = FIRST
    problems: list[str] = field(default_factory=list)

    def take(self, links: Iterable[Link]) -> None:
        """The next links, in order."""
        for link in links:
            self._judge(link)
            self.seq, self.hash = link.seq, link.hash

    def end(self, head: tuple[int, str] | None) -> None:
        """Nothing more: the head must be the last link."""
        if head != (self.seq, self.hash):
            said = f"{head[0]} entries" if head else "no entry"
            self._wrong(self.seq, f"its head tells of {said}, {self.seq} are there")

    def _judge(self, link: Link) -> None:
        if link.seq != self.seq + 1:
            self._wrong(link.seq, f"entries {self.seq + 1} to {link.seq - 1} are missing")
        elif link.previous != self.hash:
            self._wrong(link.seq, "it doesn't follow from the entry before")
        if link.personal is None and link.at > self.erased_until:
            self._wrong(link.seq, "its personal part is gone without an order to erase it")
        if link.personal is not None and sha256(link.personal.encode()).hexdigest() != link.personal_digest:
            self._wrong(link.seq, "its personal part was altered")
        if link.hash != _hash(
            link.previous,
            link.chain,
            link.seq,
            link.at,
            link.actor_kind,
            link.action,
            link.outcome,
            link.toggle,
            link.change,
            link.personal_digest,
        ):
            self._wrong(link.seq, "it was altered")

    def _wrong(self, seq: int, what: str) -> None:
        self.problems.append(f"chain {self.chain}, entry {seq}: {what}")


def _hash(*parts: object) -> str:
    return sha256(json.dumps([str(one) for one in parts]).encode()).hexdigest()


def _plain(text: str) -> str:
    """Short, and without what a database or a terminal would stumble over."""
    return "".join(one if one.isprintable() else "?" for one in text)[:LONGEST_TEXT]
