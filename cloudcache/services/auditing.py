"""The audit log as people see it: a shop its own lines, an operator whether any chain was tampered with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cloudcache.domain.access import Action, Actor, require, require_administrator
from cloudcache.domain.audit import HistoryEntry, Verifier
from cloudcache.domain.ids import CustomerId
from cloudcache.ports import AuditTrail

A_PAGE = 1_000
MOST_PROBLEMS = 100
LONGEST_HISTORY = 200


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many chains and lines were verified, what is wrong, and one digest of all heads to compare with later."""

    chains: int
    links: int
    problems: tuple[str, ...]
    digest: str


class Auditing:
    """Reads and verifies the audit log."""

    def __init__(self, audit: AuditTrail) -> None:
        self._audit = audit

    async def history(
        self, actor: Actor, customer: CustomerId, limit: int = 50, before: int | None = None
    ) -> Sequence[HistoryEntry]:
        """The lines of one customer, newest first, each change once and in its present state."""
        require(actor, Action.VIEW, customer)
        return await self._audit.history_entries(customer, max(1, min(limit, LONGEST_HISTORY)), before)

    async def verify(self, actor: Actor, tell: Callable[[int], None] = lambda chains: None) -> Verdict:
        """Go along every chain from its beginning; `tell` hears how many are done."""
        require_administrator(actor)
        chains, links, problems, heads = 0, 0, list[str](), list[str]()
        after = -1
        while page := await self._audit.across_tenants_chains(A_PAGE, after):
            for chain, seq, head, erased_until in page:
                verifier = Verifier(chain, erased_until)
                links += await self._along(verifier)
                verifier.end((seq, head))
                problems += verifier.problems
                heads.append(f"{chain}:{seq}:{head}")
                chains += 1
                tell(chains)
            after = page[-1][0]
        return Verdict(chains, links, tuple(problems[:MOST_PROBLEMS]), _digest(heads))

    async def _along(self, verifier: Verifier) -> int:
        count = 0
        while links := await self._audit.across_tenants_links(verifier.chain, A_PAGE, verifier.seq):
            verifier.take(links)
            count += len(links)
        return count


def _digest(heads: Sequence[str]) -> str:
    from hashlib import sha256

    return sha256("\n".join(heads).encode()).hexdigest()
