"""Who waits for one credential, and whose turn it is: by class, and within a class the customers in turn."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sized
from dataclasses import dataclass

from cloudcache.domain.budget.limits import CallClass, Lane
from cloudcache.domain.ids import CustomerId

WATCHED_PER_FEED = 9
"""Watched reads that may go in a row while the audit-log follower waits."""
READS_PER_SWEEP = 19
"""Watched and follower's reads that may go in a row while a sweep waits."""
READS = (CallClass.WATCHED, CallClass.FEED)


@dataclass(eq=False, slots=True)
class Ticket:
    """A place in the queue, and when it was served."""

    lane: Lane
    granted_at: int | None = None


Line = OrderedDict[CustomerId, OrderedDict[Ticket, None]]
"""The customers of one class in the order of their turns, each with tickets in the order they came."""


class Rota:
    """The class that goes next: the most urgent one, but after nine watched reads in a row the follower goes,
    and after nineteen reads a sweep."""

    __slots__ = ("reads_in_a_row", "watched_in_a_row")

    def __init__(self) -> None:
        self.watched_in_a_row = 0
        self.reads_in_a_row = 0

    def next_class(self, waiting: Mapping[CallClass, Sized], *, sweeps: bool = True) -> CallClass:
        """The class that goes now, without a turn of sweeps if they may not go. At least one class must wait."""
        urgent = next(one for one in CallClass if waiting[one])
        if urgent not in READS:
            return urgent
        if sweeps and waiting[CallClass.SWEEP] and self.reads_in_a_row >= READS_PER_SWEEP:
            return CallClass.SWEEP
        feed_is_due = waiting[CallClass.FEED] and self.watched_in_a_row >= WATCHED_PER_FEED
        return CallClass.FEED if feed_is_due else urgent

    def went(self, call_class: CallClass, waiting: Mapping[CallClass, Sized]) -> None:
        """Count how long the follower and sweeps have been passed over."""
        if call_class is CallClass.FEED or not waiting[CallClass.FEED]:
            self.watched_in_a_row = 0
        elif call_class is CallClass.WATCHED:
            self.watched_in_a_row += 1
        if call_class is CallClass.SWEEP or not waiting[CallClass.SWEEP]:
            self.reads_in_a_row = 0
        elif call_class in READS:
            self.reads_in_a_row += 1

    def ahead(
        self, call_class: CallClass, same: int, waiting: Mapping[CallClass, int], *, sweeps: bool = True
    ) -> int:
        """How many turns go before one of this class, of which `same` are of the class itself."""
        writes = waiting[CallClass.WRITE]
        if call_class is CallClass.WRITE:
            return same
        if call_class is CallClass.SWEEP:
            reads = sum(waiting[one] for one in READS)
            until_turn = max(0, READS_PER_SWEEP * (same + 1) - self.reads_in_a_row)
            return same + writes + (min(reads, until_turn) if sweeps else reads)
        reads = self._reads_before(call_class, same, waiting)
        return writes + reads + (self.sweeps_before(reads, waiting) if sweeps else 0)

    def sweeps_before(self, reads: int, waiting: Mapping[CallClass, int]) -> int:
        """How many sweeps have their turn before a read that comes after so many others."""
        return min(waiting[CallClass.SWEEP], (self.reads_in_a_row + reads) // READS_PER_SWEEP)

    def reads_until_sweep(self, number: int) -> int:
        """How many reads go before this sweep in turn, the first being 1."""
        return max(0, READS_PER_SWEEP * number - self.reads_in_a_row)

    def _reads_before(self, call_class: CallClass, same: int, waiting: Mapping[CallClass, int]) -> int:
        if call_class is CallClass.WATCHED:
            return same + min(waiting[CallClass.FEED], (self.watched_in_a_row + same) // WATCHED_PER_FEED)
        until_turn = WATCHED_PER_FEED * (same + 1) - self.watched_in_a_row
        return same + min(waiting[CallClass.WATCHED], until_turn)


class Queue:
    """Who waits for one credential."""

    __slots__ = ("_lines", "_rota", "_sizes")

    def __init__(self) -> None:
        self._lines: dict[CallClass, Line] = {one: Line() for one in CallClass}
        self._sizes = dict.fromkeys(CallClass, 0)
        self._rota = Rota()

    def urgent(self) -> CallClass | None:
        """The most urgent class that waits, which stands for this queue among others; None when it is empty."""
        return next((one for one in CallClass if self._lines[one]), None)

    def next_class(self, *, sweeps: bool = True) -> CallClass | None:
        """The class that goes next; None when the queue is empty."""
        return self._rota.next_class(self._lines, sweeps=sweeps) if any(self._lines.values()) else None

    def add(self, ticket: Ticket) -> None:
        """At the end of the customer's own tickets; a customer who did not wait comes last."""
        line = self._lines[ticket.lane.call_class]
        line.setdefault(ticket.lane.customer, OrderedDict())[ticket] = None
        self._sizes[ticket.lane.call_class] += 1

    def put_back(self, ticket: Ticket) -> None:
        """Before all others of its class: it had its turn, and it came to nothing."""
        self.add(ticket)
        line = self._lines[ticket.lane.call_class]
        line[ticket.lane.customer].move_to_end(ticket, last=False)
        line.move_to_end(ticket.lane.customer, last=False)

    def take(self, call_class: CallClass) -> Ticket:
        """The oldest ticket of the class's next customer; that customer then goes to the end of the row."""
        customer, tickets = next(iter(self._lines[call_class].items()))
        ticket = next(iter(tickets))
        self._lines[call_class].move_to_end(customer)
        self.remove(ticket)
        self._rota.went(call_class, self._lines)
        return ticket

    def remove(self, ticket: Ticket) -> bool:
        """Take it out of the row; False when it is not in it."""
        line = self._lines[ticket.lane.call_class]
        tickets = line.get(ticket.lane.customer)
        if tickets is None or ticket not in tickets:
            return False
        del tickets[ticket]
        if not tickets:
            del line[ticket.lane.customer]
        self._sizes[ticket.lane.call_class] -= 1
        return True

    def ahead(self, lane: Lane, *, sweeps: bool) -> int:
        """How many go before a ticket that came now, if no other comes."""
        return self._rota.ahead(lane.call_class, self._turns_ahead(lane), self._sizes, sweeps=sweeps)

    def last_sweep_before(self, lane: Lane) -> int | None:
        """How many go before the last sweep that has its turn before a read that came now; None without one."""
        if lane.call_class not in READS:
            return None
        writes = self._sizes[CallClass.WRITE]
        ahead = self._rota.ahead(lane.call_class, self._turns_ahead(lane), self._sizes, sweeps=False)
        sweeps = self._rota.sweeps_before(ahead - writes, self._sizes)
        return writes + self._rota.reads_until_sweep(sweeps) + sweeps - 1 if sweeps else None

    def _turns_ahead(self, lane: Lane) -> int:
        """Within the class. Customers before ours in the row have one turn more than those behind."""
        line = self._lines[lane.call_class]
        own = len(line.get(lane.customer, ()))
        turns, ahead = own + 1, 0
        for customer, tickets in line.items():
            if customer == lane.customer:
                turns = own
            ahead += min(len(tickets), turns)
        return ahead
