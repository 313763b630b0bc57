"""What the pretend Cloudflare remembers over a restart: an SQLite file, written before the answer goes.

It holds what was added or changed (accounts and zones that were added, changed settings, DNS records, tokens,
OAuth grants, the audit trail). Budgets and the request log are not kept. A process that is killed loses
nothing that it has answered.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from cloudcache.emulator.audit import Deed
from cloudcache.emulator.catalogue import Plan
from cloudcache.emulator.dns import DnsRecord, Records
from cloudcache.emulator.generated import Account, Zone
from cloudcache.emulator.oauth import Grant
from cloudcache.emulator.tokens import Token
from cloudcache.emulator.wire import JSON

_TABLES = """
CREATE TABLE IF NOT EXISTS accounts (id TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS zones (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, account_id TEXT NOT NULL, plan TEXT NOT NULL,
    created_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS held (
    zone_id TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, changed_at REAL,
    PRIMARY KEY (zone_id, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dns (zone_id TEXT PRIMARY KEY, records TEXT NOT NULL, since REAL NOT NULL);
CREATE TABLE IF NOT EXISTS tokens (id TEXT PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS grants (id TEXT PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deeds (sequence INTEGER PRIMARY KEY, record TEXT NOT NULL);
"""


class Held(NamedTuple):
    """A value that a zone holds, and when it was last changed (None: it was there from the start)."""

    value: JSON
    changed_at: float | None


class Store:
    """The file. Every method that writes is one transaction."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Calls may come from a server thread and a test's own; World holds a lock around them.
        self._connection = sqlite3.connect(path, check_same_thread=False)
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.executescript(_TABLES)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def accounts(self) -> Iterator[Account]:
        """The added accounts."""
        for account_id, name in self._connection.execute("SELECT id, name FROM accounts ORDER BY rowid"):
            yield Account(account_id, name)

    def zones(self) -> Iterator[Zone]:
        """The added zones."""
        query = "SELECT id, name, account_id, plan, created_at FROM zones ORDER BY rowid"
        for zone_id, name, account_id, plan, created_at in self._connection.execute(query):
            yield Zone(zone_id, name, account_id, Plan.called(plan), created_at)

    def held(self) -> Iterator[tuple[str, str, Held]]:
        """Every value that differs from a fresh zone's, as zone id, setting, value."""
        for zone_id, name, value, changed_at in self._connection.execute("SELECT * FROM held"):
            yield zone_id, name, Held(json.loads(value), changed_at)

    def dns(self) -> Iterator[tuple[str, Records]]:
        """The DNS records that were given, by zone id."""
        for zone_id, rows, since in self._connection.execute("SELECT zone_id, records, since FROM dns"):
            yield zone_id, Records(tuple(DnsRecord(*row) for row in json.loads(rows)), since)

    def tokens(self) -> Iterator[Token]:
        """The tokens that were added or changed."""
        for (record,) in self._connection.execute("SELECT record FROM tokens"):
            yield Token.from_record(json.loads(record))

    def grants(self) -> Iterator[Grant]:
        """What people allowed OAuth clients."""
        for (record,) in self._connection.execute("SELECT record FROM grants"):
            yield Grant.from_record(json.loads(record))

    def deeds(self) -> Iterator[Deed]:
        """The audit trail."""
        for (record,) in self._connection.execute("SELECT record FROM deeds ORDER BY sequence"):
            yield Deed.from_record(json.loads(record))

    def save_account(self, account: Account) -> None:
        """Keeps an added account."""
        with self._connection:
            self._connection.execute(
                "INSERT OR REPLACE INTO accounts VALUES (?, ?)", (account.id, account.name)
            )

    def save_zone(self, zone: Zone, values: Mapping[str, Held]) -> None:
        """Keeps an added zone with the values it starts with."""
        row = (zone.id, zone.name, zone.account_id, zone.plan.name.lower(), zone.created_at)
        with self._connection:
            self._connection.execute("INSERT OR REPLACE INTO zones VALUES (?, ?, ?, ?, ?)", row)
            self._write_held(zone.id, values.items())

    def save_dns(self, zone_id: str, given: Records) -> None:
        """Keeps the DNS records that a zone was given."""
        row = (zone_id, json.dumps([record.row() for record in given.records]), given.since)
        with self._connection:
            self._connection.execute("INSERT OR REPLACE INTO dns VALUES (?, ?, ?)", row)

    def save_token(self, token: Token) -> None:
        """Keeps a token as it is now."""
        row = (token.id, json.dumps(token.record()))
        with self._connection:
            self._connection.execute("INSERT OR REPLACE INTO tokens VALUES (?, ?)", row)

    def save_grant(self, grant: Grant) -> None:
        """Keeps an OAuth grant as it is now."""
        row = (grant.id, json.dumps(grant.record()))
        with self._connection:
            self._connection.execute("INSERT OR REPLACE INTO grants VALUES (?, ?)", row)

    def save_change(self, zone_id: str, values: Mapping[str, Held], deed: Deed | None) -> None:
        """Keeps changed values together with the deed that changed them."""
        with self._connection:
            self._write_held(zone_id, values.items())
            if deed is not None:
                row = (deed.sequence, json.dumps(deed.record()))
                self._connection.execute("INSERT INTO deeds VALUES (?, ?)", row)

    def _write_held(self, zone_id: str, values: Iterable[tuple[str, Held]]) -> None:
        rows = [(zone_id, name, json.dumps(held.value), held.changed_at) for name, held in values]
        self._connection.executemany("INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?)", rows)
