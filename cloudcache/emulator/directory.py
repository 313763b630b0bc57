"""Which accounts and zones exist: the generated ones, found by arithmetic, and those that were added by name.

Lists are cut out of a sequence that is never built: generated zones are in name order by construction, and
each added zone knows its place among them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from cloudcache.emulator.generated import Account, Generated, Zone


class Directory:
    """Accounts and zones by id and by name."""

    def __init__(self, generated: Generated) -> None:
        self.generated = generated
        self._accounts: dict[str, Account] = {}
        self._zones: dict[str, Zone] = {}
        self._by_name: dict[str, str] = {}

    def add_account(self, account: Account) -> None:
        """Adds an account, or replaces the one with the same id."""
        self._accounts[account.id] = account

    def add_zone(self, zone: Zone) -> None:
        """Adds a zone, or replaces the one with the same id; its account must exist."""
        if self.account(zone.account_id) is None:
            raise ValueError(f"no such account: {zone.account_id}")
        self._zones[zone.id] = zone
        self._by_name[zone.name] = zone.id

    def account(self, account_id: str) -> Account | None:
        """The account with that id."""
        added = self._accounts.get(account_id)
        if added is not None:
            return added
        index = self.generated.account_index(account_id)
        return None if index is None else self.generated.account(index)

    def zone(self, zone_id: str) -> Zone | None:
        """The zone with that id."""
        added = self._zones.get(zone_id)
        if added is not None:
            return added
        index = self.generated.zone_index(zone_id)
        return None if index is None else self.generated.zone(index)

    def zone_named(self, name: str) -> Zone | None:
        """The zone with that domain."""
        added = self._by_name.get(name)
        if added is not None:
            return self._zones[added]
        index = self.generated.zone_named(name)
        return None if index is None else self.generated.zone(index)

    @property
    def account_count(self) -> int:
        """How many accounts there are."""
        return self.generated.accounts + len(self._accounts)

    @property
    def zone_count(self) -> int:
        """How many zones there are."""
        return self.generated.zones + len(self._zones)

    def accounts(self, most: int) -> list[Account]:
        """The first accounts: added ones, then generated ones."""
        added = list(self._accounts.values())[:most]
        generated = range(min(self.generated.accounts, most - len(added)))
        return added + [self.generated.account(index) for index in generated]

    def zones(self, most: int) -> list[Zone]:
        """The first zones: added ones, then generated ones."""
        added = list(self._zones.values())[:most]
        generated = range(min(self.generated.zones, most - len(added)))
        return added + [self.generated.zone(index) for index in generated]

    def added_zones(self) -> list[Zone]:
        """The zones that were added by name."""
        return list(self._zones.values())

    def listing(self, accounts: Iterable[str] | None) -> Listing:
        """All zones of these accounts (None: of all) in the order of their names."""
        if accounts is None:
            return Listing(self.generated, range(self.generated.accounts), self._zones.values())
        wanted = set(accounts)
        found = (self.generated.account_index(account_id) for account_id in wanted)
        chosen = sorted(index for index in found if index is not None)
        added = [zone for zone in self._zones.values() if zone.account_id in wanted]
        return Listing(self.generated, chosen, added)


class Listing:
    """A sorted list of zones of which only the pages that are asked for get made."""

    def __init__(self, generated: Generated, chosen: Sequence[int], added: Iterable[Zone]) -> None:
        self._generated = generated
        self._indices = generated.zones_of(chosen)
        self._added = sorted(added, key=lambda zone: zone.name)
        name_of = generated.zone_name
        self._places = [
            bisect_left(self._indices, zone.name, key=name_of) + rank for rank, zone in enumerate(self._added)
        ]

    def __len__(self) -> int:
        return len(self._indices) + len(self._added)

    def page(self, start: int, stop: int, *, falling: bool = False) -> list[Zone]:
        """The zones from `start` up to, not including, `stop`; from the end when `falling`."""
        positions = range(start, min(stop, len(self)))
        last = len(self) - 1
        return [self._at(last - position if falling else position) for position in positions]

    def _at(self, position: int) -> Zone:
        rank = bisect_left(self._places, position)
        if rank < len(self._places) and self._places[rank] == position:
            return self._added[rank]
        return self._generated.zone(self._indices[position - rank])
