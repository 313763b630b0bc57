"""Zones, accounts and tokens that exist by arithmetic alone.

A hundred thousand zones would be a large table, and all of it the same. So nothing is stored: the id of zone
i is computed from i and a seed, and the other way round, and name, plan and account follow from i as well.

        8 hex digits: i, masked with a hash of the tail      24 hex digits (the tail): a hash of i

So whoever holds an id can tell its index, and an id that was made up fails the check. Tokens work alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256
from typing import Literal, TypeAlias
from zlib import crc32

from cloudcache.emulator.catalogue import Plan

TokenKind: TypeAlias = Literal["user", "account"]

FIRST_ZONE_CREATED = 1_704_067_200.0
"""2024-01-01; every further generated zone is a minute younger."""

MOST_ZONES = 1_000_000
"""Names carry six digits, so that sorting by name is sorting by index."""

_COLOURS = (
    "amber",
    "azure",
    "coral",
    "crimson",
    "ivory",
    "jade",
    "lilac",
    "olive",
    "pearl",
    "rose",
    "teal",
    "umber",
)
_GOODS = (
    "atelier",
    "bakery",
    "books",
    "candles",
    "coffee",
    "cycles",
    "garden",
    "prints",
    "shoes",
    "tea",
    "toys",
)
_PREFIXES: dict[str, TokenKind] = {"cfut": "user", "cfat": "account"}
PLATFORM = 0xFFFFFFFF
"""Stands in a token where an account's index would be: the token of the platform's own user."""


@dataclass(frozen=True, slots=True)
class Zone:
    """One site."""

    id: str
    name: str
    account_id: str
    plan: Plan
    created_at: float


@dataclass(frozen=True, slots=True)
class Account:
    """One customer account, which holds zones."""

    id: str
    name: str


class Indices:
    """The indices of all generated zones that belong to some of the accounts, in order, without listing them.

    Zone i belongs to account i modulo the number of accounts.
    """

    def __init__(self, zones: int, accounts: int, chosen: Sequence[int]) -> None:
        self._accounts = accounts
        self._chosen = chosen
        rounds, rest = divmod(zones, accounts)
        self._length = rounds * len(chosen) + sum(1 for index in chosen if index < rest)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, position: int) -> int:
        round_number, place = divmod(position, len(self._chosen))
        return round_number * self._accounts + self._chosen[place]


@dataclass(frozen=True, slots=True)
class Generated:
    """The whole generated set, described by three numbers."""

    seed: int
    zones: int
    accounts: int

    def __post_init__(self) -> None:
        if not 0 <= self.zones <= MOST_ZONES:
            raise ValueError(f"the number of generated zones is between 0 and {MOST_ZONES}")
        if self.accounts < 0 or (self.zones and not self.accounts):
            raise ValueError("generated zones need at least one account")

    def zone_id(self, index: int) -> str:
        """The id of zone `index`."""
        return self._identify("zone", index)

    def zone_index(self, zone_id: str) -> int | None:
        """Which generated zone this is, or None when it is none."""
        return self._recognise("zone", zone_id, self.zones)

    def zone_name(self, index: int) -> str:
        """Its domain; sorting by name is sorting by index."""
        chance = self._hash("name", index)
        colour, goods = _COLOURS[chance[0] % len(_COLOURS)], _GOODS[chance[1] % len(_GOODS)]
        return f"shop-{index:06d}-{colour}-{goods}.example"

    def zone_named(self, name: str) -> int | None:
        """The index of the zone with that domain, if it is a generated one."""
        digits = name[5:11]
        if not (name.startswith("shop-") and len(digits) == 6 and digits.isascii() and digits.isdigit()):
            return None
        index = int(digits)
        return index if index < self.zones and self.zone_name(index) == name else None

    def zone(self, index: int) -> Zone:
        """Everything about zone `index`. Seven in ten are Free, two Pro, the rest Business and Enterprise."""
        chance = self._hash("plan", index)[0]
        plan = Plan.FREE if chance < 179 else Plan.PRO if chance < 230 else Plan.BUSINESS
        if chance >= 248:
            plan = Plan.ENTERPRISE
        account_id = self.account_id(index % self.accounts)
        created_at = FIRST_ZONE_CREATED + 60 * index
        return Zone(self.zone_id(index), self.zone_name(index), account_id, plan, created_at)

    def account_id(self, index: int) -> str:
        """The id of account `index`."""
        return self._identify("account", index)

    def account_index(self, account_id: str) -> int | None:
        """Which generated account this is, or None when it is none."""
        return self._recognise("account", account_id, self.accounts)

    def account(self, index: int) -> Account:
        """Account `index` by id and name."""
        return Account(self.account_id(index), f"Emulated account {index:06d}")

    def zones_of(self, accounts: Sequence[int]) -> Indices:
        """The indices of all zones in those accounts (given in rising order)."""
        return Indices(self.zones, max(self.accounts, 1), accounts)

    def token(self, kind: TokenKind, account: int) -> str:
        """The token of that kind of account `index`, or with `PLATFORM` the one that reaches them all."""
        prefix = "cfut" if kind == "user" else "cfat"
        secret = f"{account:08x}{self._hash(prefix, account, 16).hex()}"
        return f"{prefix}_{secret}{crc32(secret.encode()):08x}"

    def token_meaning(self, token: str) -> tuple[TokenKind, int] | None:
        """Kind and account of a generated token; None for any other text."""
        prefix, _, secret = token.partition("_")
        kind = _PREFIXES.get(prefix)
        if kind is None or len(secret) != 48:
            return None
        try:
            account = int(secret[:8], 16)
        except ValueError:
            return None
        exists = account < self.accounts or (account == PLATFORM and kind == "user" and self.accounts > 0)
        return (kind, account) if exists and self.token(kind, account) == token else None

    def _hash(self, what: str, index: int, size: int = 12) -> bytes:
        return blake2b(f"{self.seed}/{what}/{index}".encode(), digest_size=size).digest()

    def _identify(self, what: str, index: int) -> str:
        tail = self._hash(what, index)
        return f"{index ^ _mask(tail):08x}{tail.hex()}"

    def _recognise(self, what: str, identifier: str, count: int) -> int | None:
        if len(identifier) != 32:
            return None
        try:
            index = int(identifier[:8], 16) ^ _mask(bytes.fromhex(identifier[8:]))
        except ValueError:
            return None
        return index if index < count and self._identify(what, index) == identifier else None


def _mask(tail: bytes) -> int:
    return int.from_bytes(sha256(tail).digest()[:4], "big")
