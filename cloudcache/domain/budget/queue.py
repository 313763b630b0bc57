"""Who waits for one credential, and whose turn it is: by class, and within a class the customers in turn."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sized
from dataclasses import dataclass

from cloudcache.domain.budget.limits import CallClass, Lane
from cloudcache.domain.ids import CustomerId

WATCHED_PER_FEED = 9  # watched reads that may go in a row while the feed waits


@dataclass(eq=False, slots=True)
class Ticket:
    """A place in the queue, and when it was served."""

    lane: Lane
    granted_at: int | None = None


Line = OrderedDict[CustomerId, OrderedDict[Ticket, None]]
"""The customers of one class in the order of their turns, each with tickets in the order they came."""


class Rota:
    """Whose turn it is: the most urgent class's, but among watched reads every tenth turn is the feed's."""

    __slots__ = ("watched_in_a_row",)

    def __init__(self) -> None:
        self.watched_in_a_row = 0

    def turn(self, waiting: Mapping[CallClass, Sized]) -> CallClass:
        """The class that goes now. Somebody must wait."""
        urgent = next(one for one in CallClass if waiting[one])
        feed_is_due = waiting[CallClass.FEED] and self.watched_in_a_row >= WATCHED_PER_FEED
        return CallClass.FEED if urgent is CallClass.WATCHED and feed_is_due else urgent

    def went(self, call_class: CallClass, feed_waits: bool) -> None:
        """Remember how long the feed has been passed over."""
        if call_class is CallClass.FEED or not feed_waits:
            self.watched_in_a_row = 0
        elif call_class is CallClass.WATCHED:
            self.watched_in_a_row += 1

    def ahead(self, call_class: CallClass, same: int, waiting: Mapping[CallClass, int]) -> int:
        """How many turns go before one of this class, of which `same` are of the class itself."""
        urgent = sum(waiting[one] for one in CallClass if one < call_class)
        if call_class is CallClass.WATCHED:
            urgent += min(waiting[CallClass.FEED], (self.watched_in_a_row + same) // WATCHED_PER_FEED)
        elif call_class is CallClass.FEED:
            until_turn = WATCHED_PER_FEED * (same + 1) - self.watched_in_a_row
            urgent -= max(0, waiting[CallClass.WATCHED] - until_turn)
        return same + urgent


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

    def take(self) -> Ticket:
        """The next customer's oldest ticket; that customer then goes to the end of the row."""
        call_class = self._rota.turn(self._lines)
        customer, tickets = next(iter(self._lines[call_class].items()))
        ticket = next(iter(tickets))
        self._lines[call_class].move_to_end(customer)
        self.remove(ticket)
        self._rota.went(call_class, bool(self._lines[CallClass.FEED]))
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

    def ahead(self, lane: Lane) -> int:
        """How many go before a ticket that came now, if nobody else comes."""
        return self._rota.ahead(lane.call_class, self._turns_ahead(lane), self._sizes)

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
