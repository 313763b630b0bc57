"""The state behind the pretend Cloudflare, and the hands that tests lay on it.

`World` knows the accounts, zones and tokens, what every zone really has, who did what, how many calls are
left and which faults are set. It answers no HTTP itself: `api.py` does that with a world in hand. Time comes
from a clock that is given to it. With a path it remembers over a restart.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import RLock

from cloudcache.emulator import refusals
from cloudcache.emulator.audit import Actor, Alteration, AuditTrail, Origin, entry_of
from cloudcache.emulator.budget import AddressGate, Bucket
from cloudcache.emulator.catalogue import SETTINGS, Plan, write_call
from cloudcache.emulator.directory import Directory
from cloudcache.emulator.dns import DnsRecord, Records, usual_records
from cloudcache.emulator.faults import Fault, FaultBook
from cloudcache.emulator.generated import Account, Generated, TokenKind, Zone
from cloudcache.emulator.journal import RequestRecord
from cloudcache.emulator.kv import KvBook
from cloudcache.emulator.oauth import Grant, OAuthBook, OAuthClient
from cloudcache.emulator.options import DEFAULTS, Options
from cloudcache.emulator.reading import current
from cloudcache.emulator.registry import Registry
from cloudcache.emulator.store import Held, Store
from cloudcache.emulator.tokens import (
    EVERY_PERMISSION,
    Token,
    status_called,
    token_id_of,
    user_id_of,
)
from cloudcache.emulator.wire import JSON, Call
from cloudcache.emulator.writing import accepted

__all__ = ["DEFAULTS", "Fault", "Options", "RequestRecord", "World"]

SSL_LADDER = ("off", "flexible", "full", "strict")
_NOTHING: Mapping[str, Held] = {}


class World:
    """A pretend Cloudflare's state. Safe to use from a test while a server thread answers from it."""

    def __init__(
        self,
        options: Options = DEFAULTS,
        *,
        clock: Callable[[], float] = time.time,
        path: Path | None = None,
    ) -> None:
        self.options = options
        self.clock = clock
        self.lock = RLock()
        self.directory = Directory(Generated(options.seed, options.zones, options.accounts))
        self.registry = Registry(self.directory.generated)
        self.trail = AuditTrail(options.seed)
        self.faults = FaultBook(options.seed)
        self.gate = AddressGate()
        self.kv = KvBook()
        self.oauth = OAuthBook(self._keep_grant)
        self._held: dict[str, dict[str, Held]] = {}
        self._dns: dict[str, Records] = {}
        self._buckets: dict[str, Bucket] = {}
        self._requests: deque[RequestRecord] = deque(maxlen=options.log_length)
        self._store = None if path is None else Store(path)
        if self._store is not None:
            try:
                self._remember(self._store)
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Closes the file, if there is one."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def adopt(self, options: Options) -> None:
        """Exchanges the manners while running (limits, bulk read, delays); what is generated stays."""
        with self.lock:
            kept = self.options
            self.options = replace(options, zones=kept.zones, accounts=kept.accounts, seed=kept.seed)
            if self.options.limits != kept.limits:
                self._buckets.clear()

    # --- what exists ------------------------------------------------------------------------------

    def add_account(self, account_id: str, name: str) -> None:
        """Adds an account; one that is there already stays as it is."""
        with self.lock:
            if self.directory.account(account_id) is None:
                account = Account(account_id, name)
                self.directory.add_account(account)
                if self._store is not None:
                    self._store.save_account(account)

    def add_zone(
        self,
        zone_id: str,
        name: str,
        account_id: str,
        plan: str = "free",
        settings: Mapping[str, JSON] | None = None,
    ) -> None:
        """Adds a zone with the values that it starts with; one that is there already stays as it is."""
        unknown = sorted(set(settings or ()) - SETTINGS.keys())
        if unknown:
            raise ValueError(f"unknown settings: {', '.join(unknown)}")
        with self.lock:
            if self.directory.zone(zone_id) is not None:
                return
            now = self.clock()
            zone = Zone(zone_id, name, account_id, Plan.called(plan), now)
            self.directory.add_zone(zone)
            # Development mode has no meaning without a beginning; everything else was "always so".
            held = {
                setting: Held(value, now if setting == "development_mode" else None)
                for setting, value in (settings or {}).items()
            }
            self._held[zone_id] = held
            if self._store is not None:
                self._store.save_zone(zone, held)

    def add_token(
        self,
        token: str,
        *,
        kind: TokenKind,
        accounts: Iterable[str] | None = None,
        zones: Iterable[str] | None = None,
        permissions: Iterable[str] = EVERY_PERMISSION,
        status: str = "active",
        user_id: str = "",
        remaining: int | None = None,
        email: str = "",
        name: str = "",
        expires_at: float | None = None,
        grant_id: str = "",
    ) -> None:
        """Adds a token; one that is there already stays as it is, but `remaining` is set again.

        `accounts` None reaches every account, `zones` None every zone in them. Tokens with the same `user_id`
        share that user's budget; without one, a user token belongs to a user of its own.
        """
        token_id = token_id_of(token)
        owner = (user_id or token_id) if kind == "user" else ""
        fresh = Token(
            id=token_id,
            kind=kind,
            accounts=None if accounts is None else frozenset(accounts),
            zones=None if zones is None else frozenset(zones),
            permissions=frozenset(permissions),
            status=status_called(status),
            user_id=owner,
            email=email or (f"user-{owner[:8]}@example.com" if owner else ""),
            name=name or f"token {token_id[:6]}",
            expires_at=expires_at,
            grant_id=grant_id,
        )
        with self.lock:
            if token_id not in self.registry:
                self._keep_token(fresh)
            if remaining is not None:
                self.set_budget(token, remaining=remaining)

    def revoke_token(self, token: str) -> None:
        """From now on nobody knows this token any more."""
        self.set_token_status(token, "revoked")

    def revoke_tokens_of(self, grant_id: str) -> None:
        """Revokes every token that was issued for an OAuth grant."""
        with self.lock:
            for token in self.registry.of_grant(grant_id):
                self._keep_token(replace(token, status="revoked"))

    def set_token_status(self, token: str, status: str) -> None:
        """Makes a token active, disabled, expired or revoked."""
        with self.lock:
            known = self.registry.find(token)
            if known is None:
                raise ValueError("no such token")
            self._keep_token(replace(known, status=status_called(status)))

    def token(self, token: str) -> Token | None:
        """What is known about a token; None when nobody knows it (any more)."""
        known = self.registry.find(token)
        return known if known is not None and known.is_known(self.clock()) else None

    def add_oauth_client(self, client_id: str, client_secret: str, redirect_uris: Iterable[str]) -> None:
        """Registers an OAuth client; registered again, it has the new secret and addresses."""
        with self.lock:
            self.oauth.add_client(OAuthClient(client_id, client_secret, frozenset(redirect_uris)))

    def with_zones(self) -> list[Zone]:
        """The zones worth offering to a person: all added or touched ones, and the first twenty generated
        ones.
        """
        with self.lock:
            touched = [self.directory.zone(zone_id) for zone_id in self._held]
            found = {zone.id: zone for zone in self.directory.added_zones()}
            found |= {zone.id: zone for zone in touched if zone is not None}
            first = range(min(20, self.options.zones))
            found |= {zone.id: zone for zone in map(self.directory.generated.zone, first)}
            return sorted(found.values(), key=lambda zone: zone.name)

    # --- what zones have --------------------------------------------------------------------------

    def value(self, zone_id: str, setting: str) -> JSON:
        """What Cloudflare really has. The setting by its id, or by its own endpoint's name."""
        with self.lock:
            zone = self._zone(zone_id)
            if setting not in SETTINGS:
                raise KeyError(setting)
            return current(zone, self.held(zone_id), setting, self.clock())

    def held(self, zone_id: str) -> Mapping[str, Held]:
        """The values of a zone that were given or changed."""
        return self._held.get(zone_id, _NOTHING)

    def dns(self, zone_id: str) -> Records:
        """The DNS records of a zone."""
        with self.lock:
            return self._dns.get(zone_id) or usual_records(self._zone(zone_id))

    def set_dns(self, zone_id: str, records: Sequence[DnsRecord]) -> None:
        """Gives a zone these DNS records in place of all that it had."""
        with self.lock:
            given = Records(tuple(records), self.clock())
            self._dns[self._zone(zone_id).id] = given
            if self._store is not None:
                self._store.save_dns(zone_id, given)

    def change(self, zone: Zone, values: Mapping[str, JSON], origin: Origin | None) -> None:
        """Changes settings of one zone at once; without an origin the audit logs never hear of it."""
        with self.lock:
            now = self.clock()
            held = self.held(zone.id)
            is_done = origin is None or origin.result == "success"
            fresh = {name: Held(value, now) for name, value in values.items()} if is_done else {}
            deed = None
            if origin is not None:
                changed = [
                    Alteration(name, current(zone, held, name, now), new) for name, new in values.items()
                ]
                account = self.directory.account(zone.account_id)
                deed = entry_of(
                    origin,
                    tuple(changed),
                    (zone.account_id, account.name if account else ""),
                    (zone.id, zone.name),
                    sequence=self.trail.last_sequence + 1,
                    at=now,
                )
            if self._store is not None:
                self._store.save_change(zone.id, fresh, deed)
            self._held.setdefault(zone.id, {}).update(fresh)
            if deed is not None:
                self.trail.keep(deed)

    def dashboard_change(
        self,
        zone_id: str,
        setting: str,
        value: JSON,
        *,
        actor_email: str = "",
        user_id: str | None = None,
        actor: Actor | None = None,
        result: JSON = "success",
    ) -> None:
        """Change a setting in Cloudflare's own dashboard; with a `user_id` it costs that user a call.

        With `actor` it is done by that actor of the audit log instead. With another `result` than `success` the
        audit log has the action, and nothing is changed.

        Raises `Refusal` when the plan or the value does not allow it, or when the user is blocked.
        """
        with self.lock:
            zone = self._zone(zone_id)
            known = SETTINGS.get(setting)
            seen_only = known is not None and value in known.seen_only
            stored = value if seen_only else accepted(zone, setting, value)
            if user_id is not None:
                wait = self.bucket(f"user/{user_id}").take(self.clock())
                if wait is not None:
                    raise refusals.slow_down(wait)
            method, uri = write_call(setting, zone_id)
            person = Actor("user", "dash", user_id or user_id_of(actor_email), actor_email, "198.51.100.7")
            ids = secrets.token_hex(16), secrets.token_hex(8)
            origin = Origin(actor or person, method, uri, *ids, "Mozilla/5.0", result=result)
            self.change(zone, {setting: stored}, origin)

    def automatic_ssl_scan(self, zone_id: str, *, recorded: bool = False) -> JSON:
        """What Automatic SSL/TLS does now and then: one step up, when the zone left it the choice.

        Whether the audit logs tell of it is not known, so by default they do not.
        """
        with self.lock:
            zone = self._zone(zone_id)
            mode = self.value(zone_id, "ssl")
            if self.value(zone_id, "ssl_automatic_mode") != "auto" or mode == SSL_LADDER[-1]:
                return mode
            better = SSL_LADDER[SSL_LADDER.index(str(mode)) + 1]
            method, uri = write_call("ssl", zone_id)
            system = Origin(Actor("system"), method, uri, secrets.token_hex(16), secrets.token_hex(8))
            self.change(zone, {"ssl": better}, system if recorded else None)
            return better

    # --- limits, faults, log ----------------------------------------------------------------------

    def bucket(self, budget: str) -> Bucket:
        """The budget of one user or account token."""
        known = self._buckets.get(budget)
        if known is None:
            options = self.options
            full = options.token_budget
            known = Bucket(full, options.window_seconds, options.block_seconds, full, self.clock())
            self._buckets[budget] = known
        return known

    def set_budget(self, token: str, *, remaining: int | None = None, capacity: int | None = None) -> None:
        """Makes the budget behind a token smaller or larger, and ends a block."""
        with self.lock:
            known = self.token(token)
            if known is None:
                raise ValueError("no such token")
            self.bucket(known.budget).set(self.clock(), remaining, capacity)

    def inject(self, fault: Fault) -> None:
        """Sets one more fault."""
        with self.lock:
            self.faults.add(fault)

    def clear_faults(self) -> None:
        """Takes all faults away."""
        with self.lock:
            self.faults.clear()

    def strike(self, call: Call) -> Fault | None:
        """The fault that this call runs into, if any; it counts as having struck."""
        with self.lock:
            token = self.token(call.token) if call.token else None
            return self.faults.pick(call, token.ownership(call.token or "") if token else None)

    def requests(self) -> tuple[RequestRecord, ...]:
        """The request log, oldest first."""
        with self.lock:
            return tuple(self._requests)

    def clear_requests(self) -> None:
        """Empties the request log."""
        with self.lock:
            self._requests.clear()

    def note(self, record: RequestRecord) -> None:
        """Adds a line to the request log."""
        with self.lock:
            self._requests.append(record)

    # --- inside -----------------------------------------------------------------------------------

    def _zone(self, zone_id: str) -> Zone:
        zone = self.directory.zone(zone_id)
        if zone is None:
            raise KeyError(zone_id)
        return zone

    def _keep_token(self, token: Token) -> None:
        self.registry.keep(token)
        if self._store is not None:
            self._store.save_token(token)

    def _keep_grant(self, grant: Grant) -> None:
        if self._store is not None:
            self._store.save_grant(grant)

    def _remember(self, store: Store) -> None:
        for account in store.accounts():
            self.directory.add_account(account)
        for zone in store.zones():
            self.directory.add_zone(zone)
        for zone_id, name, held in store.held():
            self._held.setdefault(zone_id, {})[name] = held
        self._dns.update(store.dns())
        for token in store.tokens():
            self.registry.keep(token)
        for grant in store.grants():
            self.oauth.remember(grant)
        for deed in store.deeds():
            self.trail.keep(deed)
