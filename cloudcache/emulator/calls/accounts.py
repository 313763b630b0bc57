"""Zones as a list and one by one, and whether a token is any good."""

from __future__ import annotations

from cloudcache.emulator import refusals
from cloudcache.emulator.exchange import Exchange
from cloudcache.emulator.generated import Zone
from cloudcache.emulator.parameters import one_of, single, whole
from cloudcache.emulator.reading import zone_result
from cloudcache.emulator.wire import JSON, Outcome, page_numbers

MOST_ACCOUNTS = 500
_ORDERS = ("name", "status", "account.id", "account.name", "plan.id")
_STATUSES = ("initializing", "pending", "active", "moved")


def list_zones(exchange: Exchange) -> Outcome:
    """One page of the zones that the token reaches, by name. (Other orders are taken and sorted by name,
    too.)
    """
    query = exchange.call.parameters()
    page, per_page = whole(query, "page", 1, 1, 1_000_000), whole(query, "per_page", 20, 5, 50)
    falling = one_of(query, "direction", "asc", ("asc", "desc")) == "desc"
    one_of(query, "order", "name", _ORDERS)
    status = one_of(query, "status", "active", _STATUSES)
    wanted = single(query, "account.id")
    _insist_on_few_accounts(exchange, wanted)
    if status != "active":
        return _page(exchange, [], 0, page, per_page)
    name = single(query, "name")
    if name is not None or exchange.token.zones is not None:
        few = _few_zones(exchange, name, wanted, falling=falling)
        return _page(exchange, few[(page - 1) * per_page : page * per_page], len(few), page, per_page)
    listing = exchange.world.directory.listing(_accounts(exchange, wanted))
    zones = listing.page((page - 1) * per_page, page * per_page, falling=falling)
    return _page(exchange, zones, len(listing), page, per_page)


def read_zone(exchange: Exchange, zone: Zone, _: str) -> Outcome:
    """One zone."""
    return Outcome(_shown(exchange, zone))


def verify_user_token(exchange: Exchange) -> Outcome:
    """Whether a user's token works; an account's token is unknown here."""
    if exchange.token.kind != "user":
        raise refusals.invalid_token(verifying=True)
    return Outcome({"id": exchange.token.id, "status": exchange.token.status})


def verify_account_token(exchange: Exchange, account_id: str) -> Outcome:
    """Whether an account's own token works; a user's token, or another account's, is unknown here."""
    if exchange.token.kind != "account" or not exchange.token.reaches_account(account_id):
        raise refusals.invalid_token(verifying=True)
    return Outcome({"id": exchange.token.id, "status": exchange.token.status})


def _insist_on_few_accounts(exchange: Exchange, wanted: str | None) -> None:
    reached = exchange.token.accounts
    count = exchange.world.directory.account_count if reached is None else len(reached)
    if wanted is None and exchange.token.zones is None and count > MOST_ACCOUNTS:
        raise refusals.too_many_accounts()


def _accounts(exchange: Exchange, wanted: str | None) -> frozenset[str] | None:
    reached = exchange.token.accounts
    if wanted is None:
        return reached
    return frozenset({wanted}) if exchange.token.reaches_account(wanted) else frozenset()


def _few_zones(exchange: Exchange, name: str | None, wanted: str | None, *, falling: bool) -> list[Zone]:
    """The zones of a token that is limited to some, or the one with a name: few enough to look at each."""
    directory, token = exchange.world.directory, exchange.token
    if name is not None:
        candidates = [directory.zone_named(name)]
    else:
        candidates = [directory.zone(zone_id) for zone_id in token.zones or ()]
    zones = [
        zone
        for zone in candidates
        if zone is not None and token.reaches_zone(zone) and wanted in (None, zone.account_id)
    ]
    return sorted(zones, key=lambda zone: zone.name, reverse=falling)


def _page(exchange: Exchange, zones: list[Zone], total: int, page: int, per_page: int) -> Outcome:
    results: list[JSON] = [_shown(exchange, zone) for zone in zones]
    return Outcome(results, page_numbers(page, per_page, len(zones), total))


def _shown(exchange: Exchange, zone: Zone) -> dict[str, JSON]:
    account = exchange.world.directory.account(zone.account_id)
    name = "" if account is None else account.name
    return zone_result(zone, exchange.held(zone.id), name, exchange.now)
