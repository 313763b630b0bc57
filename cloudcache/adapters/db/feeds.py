"""The change feeds: which account's log to read next, how far it was read, and the lines that matter.

Lines are kept for a day. Their ids make a line known when it is read again, which the overlap of two looks makes
the rule; so a look can be repeated from anywhere without asking Cloudflare for a setting twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import (
    ColumnElement,
    Row,
    and_,
    case,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.audit_lines import note_lines
from cloudcache.adapters.db.engine import ACROSS_TENANTS
from cloudcache.adapters.db.locks import lock_accounts
from cloudcache.adapters.db.models import accounts, entries, zones
from cloudcache.adapters.db.queue import CONNECTED
from cloudcache.adapters.db.rows import fitted
from cloudcache.adapters.db.transactions import OnDatabase, Values
from cloudcache.domain.feed import Entry, FeedStatus, FeedVersion, Position, Window
from cloudcache.domain.ids import CredentialId, CustomerId
from cloudcache.ports import LeasedFeed

LONGEST_ID = 80
RESTED_FOR_MS = 3_600_000
AT_ONCE = 400
"""Lines in one statement; SQLite takes 32,766 parameters, a line needs nine."""


_GIVEN_BACK: Values = {"feed_lease_owner": None, "feed_lease_until": None}


class ChangeFeeds(OnDatabase):
    """The part of the store that follows the accounts' logs."""

    async def lease_feeds(
        self, *, now: int, owner: str, until: int, limit: int, without: Collection[str] = ()
    ) -> list[LeasedFeed]:
        free = or_(accounts.c.feed_lease_until.is_(None), accounts.c.feed_lease_until <= now)
        ready = (
            select(accounts.c.account_id)
            .where(accounts.c.feed_due_at <= now, free, accounts.c.account_id.not_in(list(without)))
            .order_by(accounts.c.feed_due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        async with self.database.writing(ACROSS_TENANTS) as connection:
            ids = (await connection.execute(ready)).scalars().all()
            if not ids:
                return []
            taken = await connection.execute(
                update(accounts)
                .where(accounts.c.account_id.in_(ids))
                .values(
                    feed_lease_owner=owner,
                    feed_lease_until=until,
                    lease_number=accounts.c.lease_number + 1,
                )
                .returning(accounts)
            )
            rows = {str(row.account_id): row for row in taken}
            customers = await _customers_of(connection, rows)
            orphans = [one for one in ids if one not in customers]
            if orphans:
                await _rest(connection, orphans, now)
        return [_leased(rows[one], customers[one], now) for one in ids if one in customers]

    async def prolong_feeds(self, feeds: Collection[LeasedFeed], *, owner: str, until: int) -> frozenset[str]:
        held = {feed.account: feed.lease for feed in feeds}
        mine = and_(accounts.c.account_id.in_(list(held)), accounts.c.feed_lease_owner == owner)
        async with self.database.writing(ACROSS_TENANTS) as connection:
            await lock_accounts(connection, accounts.c.account_id.in_(list(held)))
            rows = await connection.execute(
                select(accounts.c.account_id, accounts.c.lease_number).where(mine)
            )
            still = [str(account) for account, lease in rows if held[str(account)] == lease]
            await connection.execute(
                update(accounts).where(accounts.c.account_id.in_(still)).values(feed_lease_until=until)
            )
            return frozenset(still)

    async def note(
        self, feed: LeasedFeed, found: Sequence[Entry], *, now: int, clock_offset_ms: int = 0
    ) -> list[Entry]:
        mine = [one for one in found if one.zone is not None and one.named and 0 < len(one.id) <= LONGEST_ID]
        new: list[Entry] = []
        for start in range(0, len(mine), AT_ONCE):
            new += await self._note(feed, mine[start : start + AT_ONCE], now, clock_offset_ms)
        return new

    async def keep_position(
        self, feed: LeasedFeed, position: Position, *, owner: str, due: int, until: int | None
    ) -> bool:
        when = due if feed.is_watched else case((_opened_since(feed), feed.leased_at), else_=due)
        values: Values = {**_stored(position), "feed_failures": 0, "feed_error": "", "feed_due_at": when}
        values |= _GIVEN_BACK if until is None else {"feed_lease_until": until}
        return await self._accepted(feed, owner, values)

    async def feed_failed(
        self, feed: LeasedFeed, position: Position, *, owner: str, due: int, why: str
    ) -> bool:
        values: Values = {
            **_stored(position),
            "feed_failures": accounts.c.feed_failures + 1,
            "feed_error": fitted(accounts.c.feed_error, why),
            "feed_due_at": due,
            **_GIVEN_BACK,
        }
        return await self._accepted(feed, owner, values)

    async def feed_credential(self, feed: LeasedFeed) -> bool:
        tokens = select(func.min(zones.c.credential_id)).where(zones.c.account_id == feed.account, CONNECTED)
        later = tokens.where(zones.c.credential_id > (feed.credential or ""))
        async with self.database.writing(ACROSS_TENANTS) as connection:
            following = (await connection.execute(later)).scalar()
            first = following or (await connection.execute(tokens)).scalar()
            await connection.execute(
                update(accounts).where(accounts.c.account_id == feed.account).values(credential_id=first)
            )
            return following is not None

    async def forget_entries(self, before: int, limit: int) -> int:
        old = (
            select(entries.c.id)
            .where(entries.c.first_seen_at < before, entries.c.is_open.is_(False))
            .order_by(entries.c.first_seen_at)
            .limit(limit)
        )
        async with self.database.writing(ACROSS_TENANTS) as connection:
            ids = (await connection.execute(old)).scalars().all()
            if ids:
                await connection.execute(delete(entries).where(entries.c.id.in_(ids)))
            return len(ids)

    async def _note(
        self, feed: LeasedFeed, found: Sequence[Entry], now: int, clock_offset_ms: int
    ) -> list[Entry]:
        async with self.database.writing(ACROSS_TENANTS) as connection:
            return await note_lines(connection, feed.account, found, now, clock_offset_ms)

    async def _accepted(self, feed: LeasedFeed, owner: str, values: Values) -> bool:
        async with self.database.writing(ACROSS_TENANTS) as connection:
            changed = await connection.execute(
                update(accounts)
                .where(
                    accounts.c.account_id == feed.account,
                    accounts.c.feed_lease_owner == owner,
                    accounts.c.lease_number == feed.lease,
                )
                .values(values)
            )
            return changed.rowcount == 1


async def _customers_of(
    connection: AsyncConnection, rows: Mapping[str, Row[*tuple[object, ...]]]
) -> dict[str, tuple[CustomerId, CredentialId | None]]:
    """A connected customer of each account, with the token that the account's feed is read with."""
    query = (
        select(zones.c.account_id, zones.c.credential_id, func.min(zones.c.customer_id))
        .join(accounts, accounts.c.account_id == zones.c.account_id)
        .where(zones.c.account_id.in_(list(rows)), CONNECTED)
        .where(
            or_(
                zones.c.credential_id == accounts.c.credential_id,
                and_(zones.c.credential_id.is_(None), accounts.c.credential_id.is_(None)),
            )
        )
        .group_by(zones.c.account_id, zones.c.credential_id)
    )
    return {
        str(account): (CustomerId(int(customer)), None if credential is None else CredentialId(credential))
        for account, credential, customer in await connection.execute(query)
    }


async def _rest(connection: AsyncConnection, orphans: Collection[str], now: int) -> None:
    """Accounts none of whose zones is connected with the chosen token: another one, or none for an hour."""
    another = (
        select(func.max(zones.c.credential_id))
        .where(zones.c.account_id == accounts.c.account_id, CONNECTED)
        .scalar_subquery()
    )
    await connection.execute(
        update(accounts)
        .where(accounts.c.account_id.in_(orphans))
        .values(
            credential_id=another,
            feed_due_at=case((another.is_not(None), now), else_=now + RESTED_FOR_MS),
            **_GIVEN_BACK,
        )
    )


def _leased(
    row: Row[*tuple[object, ...]], whose: tuple[CustomerId, CredentialId | None], now: int
) -> LeasedFeed:
    window = None
    if row.feed_since is not None and row.feed_before is not None:
        window = Window(row.feed_since, row.feed_before, row.feed_cursor or "")
    position = Position(
        FeedStatus(row.feed_status),
        FeedVersion(row.feed_version),
        row.feed_verified_until,
        window,
        row.feed_lateness_ms,
        row.feed_deep_at,
        row.clock_offset_ms,
    )
    watched = row.watched_until is not None and row.watched_until > now
    return LeasedFeed(
        row.account_id, position, *whose, row.feed_failures, row.active_at, watched, now, row.lease_number
    )


def _opened_since(feed: LeasedFeed) -> ColumnElement[bool]:
    """Somebody opened a page while the feed was being read; a due time was not there yet to be brought forward."""
    return func.coalesce(accounts.c.watched_until, 0) > feed.leased_at


def _stored(position: Position) -> Values:
    window = position.window
    return {
        "feed_status": position.status.value,
        "feed_version": position.version.value,
        "feed_verified_until": position.verified_until,
        "feed_lateness_ms": position.lateness_ms,
        "feed_deep_at": position.deep_at,
        "clock_offset_ms": position.clock_offset_ms,
        "feed_cursor": fitted(accounts.c.feed_cursor, window.cursor) if window else None,
        "feed_since": window.since if window else None,
        "feed_before": window.before if window else None,
    }
