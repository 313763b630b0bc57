"""What the examples of the budget share: a wide bucket of 300 calls, and lanes of one credential."""

from __future__ import annotations

from collections import Counter

from cloudcache.domain.budget import CallClass, Lane, Ledger, Limits, Ticket
from cloudcache.domain.ids import CredentialId, CustomerId

NOW = 1_795_000_000_000
TOKEN = CredentialId("token")
HOUR_MS = 3_600_000
WRITE, WATCHED, FEED, SWEEP = CallClass
WIDE = Limits(burst=300, address_calls_per_second=100_000)


def lane(call_class: CallClass = WRITE, customer: int = 1, credential: str = TOKEN) -> Lane:
    """A lane of the budget."""
    return Lane(CredentialId(credential), call_class, CustomerId(customer))


def ask(ledger: Ledger, many: int, who: Lane, now: int = NOW) -> list[Ticket]:
    """Ask for so many calls."""
    return [ledger.ask(who, now) for _ in range(many)]


def granted(ledger: Ledger, now: int) -> Counter[Lane]:
    """How many calls of each lane may go now."""
    return Counter(ticket.lane for ticket in ledger.grant(now))
